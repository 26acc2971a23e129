"""The local server over HTTP, with the sample and its real model: every address, with values."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

import vecindex
from planted import put_map
from servers import Client, running
from vecindex.serve.table.served import Served
from vecindex.store.database import Database

QUESTION = "how do cells make energy"
QUESTIONS = (
    QUESTION,
    "how far away are the stars",
    "  why do leaves change their color? ",
    "<script>alert(1)</script>",
)


@pytest.fixture(scope="module")
def mapped(sample_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with two maps; three articles are outside the second one."""
    folder = tmp_path_factory.mktemp("served") / "db"
    shutil.copytree(sample_db, folder)
    ids, vectors = Database(folder).articles("articles").vectors()
    xy = vectors[:, :2].astype(np.float64)
    put_map(folder, "flat", ids, xy, {"method": "cut", "seed": 1})
    part = vectors[:, 2:4].astype(np.float64)
    part[:3] = np.nan
    put_map(folder, "part", ids, part, {"method": "cut"})
    return folder


@pytest.fixture(scope="module")
def client(mapped: Path) -> Iterator[Client]:
    with running(Served(str(mapped), "articles")) as found:
        yield found


@pytest.fixture(scope="module")
def rows(mapped: Path) -> dict[str, dict[str, Any]]:
    """All rows of the table by id, vectors as arrays."""
    table = Database(mapped).articles("articles")
    names = [n for n in table.schema.names if n != "content_hash"]
    found = {row["id"]: row for batch in table.scan(names) for row in batch.to_pylist()}
    for row in found.values():
        row["vector"] = np.array(row["vector"])
    return found


def nearest_by_hand(rows: dict[str, dict[str, Any]], vector: np.ndarray, among: list[str], k: int) -> list[str]:
    far = {i: float(np.float32(max(0.0, 1.0 - float(rows[i]["vector"] @ vector)))) for i in among}
    return sorted(among, key=lambda i: (far[i], i))[:k]


def nearest_on_map(
    rows: dict[str, dict[str, Any]], place: tuple[float, float], among: list[str], k: int
) -> list[str]:
    far = {i: np.hypot(rows[i]["flat_x"] - place[0], rows[i]["flat_y"] - place[1]) for i in among}
    return sorted(among, key=lambda i: (far[i], i))[:k]


# -- the table and its maps -------------------------------------------------------------------------------


def test_version_and_status(client: Client, mapped: Path) -> None:
    version, status = client("/api/version").json, client("/api/status").json
    number = Database(mapped).articles("articles").lance.version
    assert (version["version"], version["rows"], version["maps"]) == (number, 264, ["flat", "part"])
    assert status["edition"] == version["edition"]
    assert (status["table"], status["rows"], status["dimension"]) == ("articles", 264, 384)
    assert status["model_name"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert status["columns"] == {"topic": "string"}


def test_maps_are_listed(client: Client) -> None:
    found = client("/api/maps").json
    assert found["default"] == "flat"
    told = [(m["name"], m["method"], m["articles"], m["outside"]) for m in found["maps"]]
    assert told == [("flat", "cut", 264, 0), ("part", "cut", 261, 3)]


def section(client: Client, name: str, section: str, edition: str) -> bytes:
    got = client(f"/api/maps/{name}/sections/{quote(section, safe='')}?edition={edition}")
    assert got.status == 200
    return got.body


@pytest.mark.parametrize("name", ["flat", "part"])
def test_sections_are_the_places_of_the_articles(client: Client, rows: dict[str, dict[str, Any]], name: str) -> None:
    header = client(f"/api/maps/{name}/header").json
    ids = json.loads(section(client, name, "ids", header["edition"]))
    assert sorted(ids) == sorted(i for i, row in rows.items() if row[f"{name}_x"] is not None)
    assert len(ids) == header["shown"]
    titles = json.loads(section(client, name, "titles", header["edition"]))
    assert titles == [rows[i]["title"] or "" for i in ids]
    points = np.frombuffer(section(client, name, "points", header["edition"]), "<u2").reshape(-1, 2).astype(float)
    extent = header["extent"]
    xy = points * extent["width"] / 65_535 + [extent["x"], extent["y"]]
    true = np.array([[rows[i][f"{name}_x"], rows[i][f"{name}_y"]] for i in ids])
    assert np.abs(xy - true).max() <= extent["width"] / 131_070 * 1.01


def test_sections_come_compressed_to_who_takes_it(client: Client) -> None:
    plain = client("/api/maps/flat/sections/ids")
    packed = client("/api/maps/flat/sections/ids", headers={"Accept-Encoding": "gzip, br"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body


# -- questions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", QUESTIONS)
def test_a_question_is_answered_as_overlap_does(client: Client, mapped: Path, text: str) -> None:
    found = client("/api/questions", {"text": text, "map": "flat"}).json
    (row,) = vecindex.open(mapped).overlap(question=text, map="flat").rows
    on_map = row.maps["flat"]["search"]
    assert found["text"] == text.strip()
    assert [n["id"] for n in found["nearest"]] == [n.id for n in row.neighbors]
    assert [n["dist"] for n in found["nearest"]] == pytest.approx([n.dist for n in row.neighbors], abs=1e-6)
    assert [n["id"] for n in found["on_map"]] == [n.id for n in on_map.neighbors]
    assert (found["x"], found["y"]) == pytest.approx((on_map.x, on_map.y), abs=1e-9)
    assert found["overlap"] == on_map.overlap
    kept = {n.id for n in row.neighbors} & {n.id for n in on_map.neighbors}
    assert {n["id"] for n in found["nearest"] if n["kept"]} == kept
    assert {n["id"] for n in found["on_map"] if n["kept"]} == kept


def test_the_mark_names_rows_of_the_sections(client: Client) -> None:
    header = client("/api/maps/part/header").json
    ids = json.loads(section(client, "part", "ids", header["edition"]))
    for text in QUESTIONS:
        found = client("/api/questions", {"text": text, "map": "part", "k": 100}).json
        named = [None if n["row"] is None else ids[n["row"]] for n in found["nearest"]]
        assert named == [n["id"] if n["id"] in ids else None for n in found["nearest"]]
        assert [n["row"] for n in found["mark"]["nearest"]] == [n["row"] for n in found["nearest"]]
        assert [ids[row] for row in found["mark"]["on_map"]] == [n["id"] for n in found["on_map"]]
        extent = header["extent"]
        step = extent["width"] / 65_535
        assert found["mark"]["x"] * step + extent["x"] == pytest.approx(found["x"], abs=0.01 * step)
        assert found["mark"]["y"] * step + extent["y"] == pytest.approx(found["y"], abs=0.01 * step)


def test_the_other_maps_lie_beside_with_the_rows_of_the_first(
    client: Client, rows: dict[str, dict[str, Any]]
) -> None:
    header = client("/api/maps/flat/header").json
    (other,) = header["alongside"]
    assert (other["map"], other["articles"], other["shown"]) == ("part", 261, 261)
    ids = json.loads(section(client, "flat", "ids", header["edition"]))
    packed = section(client, "flat", "positions:part", header["edition"])
    there = np.unpackbits(np.frombuffer(packed[4 * 264 :], np.uint8), bitorder="little")[:264] == 1
    assert [key for key, on in zip(ids, there, strict=True) if not on] == [
        key for key in ids if rows[key]["part_x"] is None
    ]
    extent = other["extent"]
    step = extent["width"] / 65_535
    xy = np.frombuffer(packed[: 4 * 264], "<u2").reshape(-1, 2)[there] * step + [extent["x"], extent["y"]]
    true = [[rows[key]["part_x"], rows[key]["part_y"]] for key, on in zip(ids, there, strict=True) if on]
    assert np.abs(xy - np.array(true)).max() <= 0.51 * step
    codes = section(client, "flat", "color:kept:part", header["edition"])
    assert sorted(set(codes)) == sorted({*(round(25.4 * n) for n in range(11)), 255} & set(codes))
    assert codes.count(255) == 3
    # A question lies there as it does on that map alone.
    asked = {"text": QUESTION, "map": "flat"}
    assert client("/api/questions", asked).json["mark"]["alongside"] == {}
    alongside = client("/api/questions", {**asked, "alongside": True}).json["mark"]["alongside"]["part"]
    alone = client("/api/questions", {"text": QUESTION, "map": "part"}).json
    assert alongside["overlap"] == alone["overlap"]
    assert alongside["x"] * step + extent["x"] == pytest.approx(alone["x"], abs=0.01 * step)
    assert alongside["y"] * step + extent["y"] == pytest.approx(alone["y"], abs=0.01 * step)
    assert [ids[row] for row in alongside["on_map"]] == [one["id"] for one in alone["on_map"]]
    assert [one["kept"] for one in alongside["nearest"]] == [one["kept"] for one in alone["nearest"]]


def test_a_question_among_some_articles(client: Client, rows: dict[str, dict[str, Any]]) -> None:
    where = "topic <> 'cell biology' AND n_tokens > 120"
    among = [i for i, row in rows.items() if row["topic"] != "cell biology" and row["n_tokens"] > 120]
    found = client("/api/questions", {"text": QUESTION, "map": "flat", "where": where}).json
    vector = client.live._vectors.values()[-1]
    assert found["articles"] == len(among)
    assert [n["id"] for n in found["nearest"]] == nearest_by_hand(rows, vector, among, 5)
    # Of two that are equally near on the map, the one that is nearer by embedding comes first.
    on_map = nearest_on_map(rows, (found["x"], found["y"]), among, 5)
    assert {n["id"] for n in found["on_map"]} == set(on_map)
    far = [float(np.hypot(rows[i]["flat_x"] - found["x"], rows[i]["flat_y"] - found["y"])) for i in on_map]
    assert [n["dist"] for n in found["on_map"]] == pytest.approx(far, rel=1e-6)


def test_a_question_without_a_map_named_takes_the_default(client: Client) -> None:
    assert client("/api/questions", {"text": QUESTION}).json["map"] == "flat"


def test_a_lens_is_that_of_the_verb(client: Client, mapped: Path) -> None:
    header = client("/api/maps/part/header").json
    ids = json.loads(section(client, "part", "ids", header["edition"]))
    for text in QUESTIONS[:3]:
        found = client("/api/lens", {"text": text, "map": "part", "k": 60}).json
        right = vecindex.open(mapped).lens(text, k=60)
        assert (found["text"], found["map"], found["k"], found["where"]) == (text.strip(), "part", 60, None)
        assert [a["id"] for a in found["articles"]] == [a.id for a in right.articles]
        assert [a["dist"] for a in found["articles"]] == pytest.approx([a.dist for a in right.articles], abs=1e-6)
        assert [a["near"] for a in found["articles"]] == [list(a.near) for a in right.articles]
        far = np.hypot([a["x"] for a in found["articles"]], [a["y"] for a in found["articles"]])
        assert (np.diff(far) > 0).all()
        assert (found["overlap"], found["tied"]) == (1.0, 0)
        assert found["mutual_recall"] == pytest.approx(right.mutual_recall, abs=0.1)
        named = [None if a["row"] is None else ids[a["row"]] for a in found["articles"]]
        assert named == [a["id"] if a["id"] in ids else None for a in found["articles"]]


def test_the_lens_of_an_article_leaves_it_out(client: Client, rows: dict[str, dict[str, Any]]) -> None:
    for i in ("cell-001", "cell-007"):
        found = client(f"/api/articles/{i}/lens?map=flat&k=40").json
        others = [other for other in rows if other != i]
        assert [a["id"] for a in found["articles"]] == nearest_by_hand(rows, rows[i]["vector"], others, 40)
        assert (found["text"], found["map"], found["k"], found["where"]) == (rows[i]["title"], "flat", 40, None)
        assert found["overlap"] == 1.0
        assert all(0 < np.hypot(a["x"], a["y"]) <= 1 + 1e-6 for a in found["articles"])


def test_a_lens_among_some_articles_after_one_of_all(client: Client, rows: dict[str, dict[str, Any]]) -> None:
    among = [i for i, row in rows.items() if row["topic"] != "cell biology"]
    for where, candidates in ((None, list(rows)), ("topic <> 'cell biology'", among), (None, list(rows))):
        found = client("/api/lens", {"text": QUESTION, "where": where}).json
        vector = client.live._vectors.values()[-1]
        assert [a["id"] for a in found["articles"]] == nearest_by_hand(rows, vector, candidates, 50)
    few = client("/api/lens", {"text": QUESTION, "where": "id IN ('cell-001', 'cell-002')"}).json
    assert sorted(a["id"] for a in few["articles"]) == ["cell-001", "cell-002"]


def test_a_filter_is_a_bit_for_each_row(client: Client, rows: dict[str, dict[str, Any]]) -> None:
    ids = json.loads(client("/api/maps/part/sections/ids").body)
    found = client("/api/filter", {"map": "part", "where": "n_tokens > 150"}).json
    bits = np.unpackbits(np.frombuffer(base64.b64decode(found["mask"]), np.uint8), bitorder="little")[: len(ids)]
    assert [bool(b) for b in bits] == [rows[i]["n_tokens"] > 150 for i in ids]
    assert found["shown"] == int(bits.sum())
    assert found["matching"] == sum(row["n_tokens"] > 150 for row in rows.values())


@pytest.mark.parametrize("options", [{}, {"where": "topic = 'cell biology'"}])
def test_search_finds_what_the_command_finds(client: Client, mapped: Path, options: dict[str, str]) -> None:
    found = client("/api/search", {"text": QUESTION, "k": 4, **options}).json
    hits = vecindex.open(mapped).search(QUESTION, k=4, **options).hits  # type: ignore[arg-type]
    assert [(h["id"], h["title"], h["text"], h["fields"]) for h in found["hits"]] == [
        (h.id, h.title, h.text, h.fields) for h in hits
    ]
    more = client("/api/search", {"id": found["hits"][0]["id"], "k": 3, **options}).json
    like = vecindex.open(mapped).search(id=found["hits"][0]["id"], k=3, **options).hits  # type: ignore[arg-type]
    assert [h["id"] for h in more["hits"]] == [h.id for h in like]


def test_a_hybrid_search_needs_an_index_and_makes_none(client: Client, mapped: Path) -> None:
    before = Database(mapped).articles("articles").lance.version
    got = client("/api/search", {"text": QUESTION, "hybrid": True})
    assert got.status == 409
    named = f"--db {mapped} --table articles"
    assert got.json["next"] == f"Make it once: vecindex search 'any words' --hybrid {named}"
    assert Database(mapped).articles("articles").lance.version == before


# -- articles ---------------------------------------------------------------------------------------------


def test_an_article_is_given_whole(client: Client, rows: dict[str, dict[str, Any]]) -> None:
    for i in list(rows)[::60]:
        found = client(f"/api/articles/{quote(i, safe='')}").json
        row = rows[i]
        assert (found["id"], found["title"], found["text"]) == (i, row["title"], row["text"])
        assert (found["fields"], found["truncated"]) == ({"topic": row["topic"]}, row["truncated"])


def test_neighbors_of_an_article(client: Client, rows: dict[str, dict[str, Any]]) -> None:
    for i in list(rows)[::90]:
        others = [j for j in rows if j != i]
        found = client(f"/api/articles/{i}/neighbors?map=flat&k=4").json
        near = nearest_by_hand(rows, rows[i]["vector"], others, 4)
        on_map = nearest_on_map(rows, (rows[i]["flat_x"], rows[i]["flat_y"]), others, 4)
        assert [n["id"] for n in found["nearest"]] == near
        assert [n["id"] for n in found["on_map"]] == on_map
        assert found["overlap"] == len(set(near) & set(on_map)) / 4


def test_an_article_off_the_map_has_neighbors_by_embedding_only(
    client: Client, rows: dict[str, dict[str, Any]]
) -> None:
    off = next(i for i, row in rows.items() if row["part_x"] is None)
    found = client(f"/api/articles/{off}/neighbors?map=part").json
    assert len(found["nearest"]) == 5
    assert (found["on_map"], found["overlap"]) == ([], None)


# -- wrong requests ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/nothing", None, 404, "Nothing is at /nothing."),
        ("/etc/passwd", None, 404, "Nothing is at /etc/passwd."),
        ("/api/../../etc/passwd", None, 404, "Nothing is at"),
        ("/api/maps/none/header", None, 404, "has no map 'none' (maps there: flat, part)"),
        ("/api/maps/flat/sections/none", None, 404, "has no section 'none' (sections there: points"),
        ("/api/maps/flat/header?edition=1", None, 409, "The table has changed"),
        ("/api/maps/flat/header?version=1", None, 422, "version: Extra inputs are not permitted"),
        ("/api/version?x=1", None, 422, "takes no 'x'"),
        ("/api/articles/none", None, 404, "has no article 'none'"),
        ("/api/articles/none/neighbors", None, 404, "has no article 'none'"),
        ("/api/articles/cell-001/neighbors?k=0", None, 422, "k: Input should be greater than or equal to 1"),
        ("/api/articles/cell-001/neighbors?map=x", None, 404, "has no map 'x'"),
        ("/api/articles/none/lens", None, 404, "has no article 'none'"),
        ("/api/articles/cell-001/lens?k=29", None, 422, "k: Input should be greater than or equal to 30"),
        ("/api/questions", {"text": "  "}, 400, "The question is empty."),
        ("/api/questions", {"text": QUESTION, "map": "x"}, 404, "has no map 'x'"),
        ("/api/questions", {"text": QUESTION, "k": 101}, 422, "k: Input should be less than or equal to 100"),
        (
            "/api/questions",
            {"text": QUESTION, "where": "false"},
            400,
            "has 0 articles that meet the condition, fewer",
        ),
        (
            "/api/questions",
            {"text": QUESTION, "where": "no_such = 1"},
            400,
            'The condition of "where" does not work',
        ),
        ("/api/questions", {"text": QUESTION, "where": "true); DROP TABLE articles; --"}, 400, "does not work"),
        ("/api/questions", {"text": 3}, 422, "text: Input should be a valid string"),
        ("/api/questions", {"text": "x" * 8_001}, 422, "text: String should have at most 8000 characters"),
        ("/api/questions", b'{"text": "\\ud800"}', 422, "unable to parse raw data as a unicode string"),
        ("/api/questions", b"{", 400, "The body is not JSON"),
        ("/api/questions", b"[" * 50_000, 400, "The body is not JSON"),
        ("/api/questions", b"\xff", 400, "The body is not JSON"),
        ("/api/questions", [1], 422, "The body is not a JSON object."),
        ("/api/questions", b" " * 70_000, 413, "More than 64 KiB were sent."),
        ("/api/lens", {"text": " "}, 400, "The question is empty."),
        ("/api/lens", {"text": QUESTION, "k": 29}, 422, "k: Input should be greater than or equal to 30"),
        ("/api/lens", {"text": QUESTION, "map": "x"}, 404, "has no map 'x'"),
        ("/api/lens", {"text": QUESTION, "where": "false"}, 400, "has 0 articles that meet the condition, fewer"),
        ("/api/search", {}, 400, "A search needs either a text or an id."),
        ("/api/search", {"text": "a b", "id": "cell-001"}, 400, "A search needs either a text or an id."),
        ("/api/search", {"id": "none"}, 404, "has no article 'none'"),
        ("/api/search", {"text": QUESTION, "where": "1 +"}, 400, 'The condition of "where" does not work'),
        ("/api/filter", {"map": "flat", "where": "topic = cells"}, 400, "does not work"),
        ("/api/filter", {"map": "flat", "where": "vector; DELETE"}, 400, "does not work"),
        ("/api/version", {}, 405, "/api/version is not for POST."),
        ("/api/questions", None, 405, "/api/questions is not for GET."),
    ],
)
def test_wrong_requests_are_told_what_is_wrong(client: Client, path: str, body: Any, status: int, error: str) -> None:
    got = client(path, body)
    assert (got.status, error in got.json["error"]) == (status, True), got.body
    assert set(got.json) == {"error", "next"}


def test_a_wrong_condition_names_the_columns(client: Client) -> None:
    told = client("/api/filter", {"map": "flat", "where": "no_such = 1"}).json["next"]
    assert "topic (string)" in told
    assert "--where" not in told


@pytest.mark.parametrize("body", [b'{"k": 1' + 5_000 * b"0" + b"}", 9_000 * b"[", b"{", b"\xff"])
def test_a_body_that_is_no_json_is_told(client: Client, body: bytes) -> None:
    got = client("/api/questions", body)
    assert got.status == 400
    assert got.json["error"].startswith("The body is not JSON: ")


def test_a_body_without_a_length_is_limited_too(client: Client) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
    chunks = (b" " * 8_192 for _ in range(20))
    connection.request("POST", "/api/questions", chunks, {"Content-Type": "application/json"}, encode_chunked=True)
    assert connection.getresponse().status == 413
    connection.close()


# -- who may ask ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/api/version", "/overlap", "/api/docs"])
@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:PORT", "127.0.0.1", "127.0.0.1:1", "localhost.evil:PORT"]
)
def test_another_host_is_refused(client: Client, path: str, host: str) -> None:
    got = client(path, headers={"Host": host.replace("PORT", str(client.port))})
    assert got.status == 403
    assert "articles" not in got.body.decode()


@pytest.mark.parametrize("host", ["localhost:PORT", "LOCALHOST:PORT", "[::1]:PORT", "127.0.0.1:PORT"])
def test_its_own_names_are_taken(client: Client, host: str) -> None:
    assert client("/api/version", headers={"Host": host.replace("PORT", str(client.port))}).status == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "https://127.0.0.1:PORT"}, 403),
        ({"Origin": "http://127.0.0.1:PORT"}, 200),
        ({"Origin": "http://localhost:PORT"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
def test_requests_of_other_pages_are_refused(client: Client, headers: dict[str, str], status: int) -> None:
    sent = {key: value.replace("PORT", str(client.port)) for key, value in headers.items()}
    got = client("/api/filter", {"map": "flat", "where": "true"}, headers=sent)
    assert got.status == status
    assert "access-control-allow-origin" not in got.headers


def test_a_link_from_another_page_may_open_the_page_and_a_frame_may_not(client: Client) -> None:
    visit = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client("/", headers={**visit, "Sec-Fetch-Dest": "document"}).status == 200
    framed = client("/", headers={**visit, "Sec-Fetch-Dest": "iframe"})
    assert framed.status == 403
    got = client("/")
    assert got.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in got.headers["content-security-policy"]
    assert "connect-src 'self'" in got.body.decode()
    assert "default-src 'none'" in got.body.decode()


# -- several at once --------------------------------------------------------------------------------------


def test_requests_at_once_get_what_each_asked_for(client: Client) -> None:
    asked = [f"what is number {i} about?" for i in range(24)]

    def ask(text: str) -> Any:
        found = client("/api/questions", {"text": text, "map": "flat"}).json
        return {key: value for key, value in found.items() if key != "seconds"}

    with ThreadPoolExecutor(12) as pool:
        at_once = list(pool.map(ask, asked))
        others = list(pool.map(lambda i: client(f"/api/articles/cell-{i:03d}").json["id"], range(1, 25)))
    assert [found["text"] for found in at_once] == asked
    assert at_once == [ask(text) for text in asked]
    assert others == [f"cell-{i:03d}" for i in range(1, 25)]


# -- pages ------------------------------------------------------------------------------------------------


def test_pages_fetch_nothing_from_elsewhere(client: Client) -> None:
    for path in ("/", "/api/docs", "/overlap"):
        got = client(path)
        assert got.status == 200
        assert got.headers["content-type"] == "text/html; charset=utf-8"
        html = got.body.decode()
        assert "http://" not in html.replace("http://127.0.0.1:PORT", "").replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in html


def test_the_documents_name_every_address(client: Client) -> None:
    told, page = client("/api/openapi.json").json, client("/api/docs").body.decode()
    assert told["openapi"] == "3.1.0"
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            assert f"{method.upper()} {path}" in page
            assert operation["summary"]
            assert {"403", "500", "503"} <= set(operation["responses"])
    names = set(told["components"]["schemas"])
    assert set(_refs(told)) <= {f"#/components/schemas/{name}" for name in names}


def _refs(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for one in value.values():
            yield from _refs(one)
    elif isinstance(value, list):
        for one in value:
            yield from _refs(one)

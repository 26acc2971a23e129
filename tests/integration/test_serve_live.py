"""The server beside what changes: other versions, a table that vanishes or is made anew, a model that is absent."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from planted import KnownModel, make_table, put_map
from servers import Client, running
from tables import append, chunked_table, filled
from vecindex.core.neighbors import NO_ROW
from vecindex.errors import ModelError
from vecindex.neighbors import exact
from vecindex.serve.answers import Refused
from vecindex.serve.table.live import Live
from vecindex.serve.table.once import Once
from vecindex.serve.table.served import Served
from vecindex.store.database import Database
from vecindex.verbs.lens.layout import laid_out
from vecindex.verbs.overlap.live import LoadedTable
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.picture import picture as map_picture
from vecindex.verbs.search.warm import Warm

TEXT = "what is this?"
ODD_IDS = ["a/b", "c#d", "e f", "ü?&=", "%2F", "'quoted'", "a/b/neighbors", "x\x01y", "...", "<script>"]


def planted(folder: Path, n: int = 60, ids: list[str] | None = None, seed: int = 0) -> np.ndarray:
    """Make a table of random vectors with a map of their first two values; return the vectors."""
    vectors = np.random.default_rng(seed).normal(size=(n, 8))
    make_table(folder, vectors, ids)
    put_map(folder, "flat", ids or [f"a{i:05d}" for i in range(n)], vectors[:, :2])
    return vectors


def known(live: Live, vectors: dict[str, np.ndarray]) -> Live:
    """Give a server a model that knows these texts."""
    live.model.known_model = model = KnownModel(vectors)  # type: ignore[attr-defined]
    live.model.embed = model.embed  # type: ignore[method-assign]
    live.model.query_prompt = model.query_prompt  # type: ignore[method-assign]
    return live


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "db"


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    vectors = planted(folder)
    served = Served(str(folder), "articles")
    with running(served, known(Live(served), {TEXT: vectors[7]})) as found:
        yield found


def add(folder: Path, vector: np.ndarray, name: str) -> None:
    """Append an article, as an ingest does, outside every map."""
    import lance
    import pyarrow as pa

    data = lance.dataset(str(folder / "articles.lance"))
    row = data.to_table(limit=1).to_pylist()[0]
    row |= {"id": name, "title": f"Title of {name}", "vector": list(vector / np.linalg.norm(vector))}
    row |= {key: None for key in row if key.endswith(("_x", "_y"))}
    Database(folder).articles("articles").append(pa.Table.from_pylist([row], schema=data.schema))


def test_new_data_is_seen_and_what_is_shown_goes_on(client: Client, folder: Path) -> None:
    before = client("/api/maps/flat/header").json
    first = client("/api/questions", {"text": TEXT, "edition": before["edition"]}).json
    assert first["nearest"][0]["id"] == "a00007"
    # A new article just where the question is, as the nearest one was.
    add(folder, client.live.model.known_model.known[TEXT], "a00000b")
    version = client("/api/version").json
    assert version["edition"] != before["edition"]
    assert version["rows"] == 61
    old = client("/api/questions", {"text": TEXT, "edition": before["edition"]}).json
    assert old["nearest"] == first["nearest"], "rows stay those of the picture that the page shows"
    new = client("/api/questions", {"text": TEXT}).json
    assert {n["id"] for n in new["nearest"][:2]} == {"a00000b", "a00007"}
    assert {n["id"]: n["row"] is None for n in new["nearest"]}["a00000b"], "it is not on the map"
    header = client("/api/maps/flat/header").json
    assert (header["edition"], header["outside"]) == (version["edition"], 1)


def test_a_state_that_is_gone_is_told(client: Client, folder: Path) -> None:
    old = client("/api/maps/flat/header").json["edition"]
    for i in range(3):
        add(folder, np.arange(8.0) + i, f"new{i}")
        client("/api/questions", {"text": TEXT})
    for got in (
        client("/api/questions", {"text": TEXT, "edition": old}),
        client(f"/api/maps/flat/header?edition={old}"),
        client("/api/filter", {"map": "flat", "where": "true", "edition": old}),
    ):
        assert got.status == 409
        assert got.json["error"] == "The table has changed since the map was read."


def test_a_vanished_table_is_told_and_comes_back(client: Client, folder: Path) -> None:
    assert client("/api/questions", {"text": TEXT}).status == 200
    away = folder.with_name("away")
    folder.rename(away)
    for path, body in (
        ("/api/version", None),
        ("/api/status", None),
        ("/api/maps", None),
        ("/api/maps/flat/header", None),
        ("/api/questions", {"text": TEXT}),
        ("/api/search", {"id": "a00001"}),
        ("/api/articles/a00001", None),
    ):
        got = client(path, body)
        assert got.status == 503, path
        assert got.json["error"] == f"No table 'articles' in {folder} (tables there: none)."
    assert client("/").status == 200, "the page itself can tell"
    away.rename(folder)
    assert client("/api/version").json["rows"] == 60
    assert client("/api/questions", {"text": TEXT}).json["nearest"][0]["id"] == "a00007"


def test_a_table_made_anew_is_not_taken_for_the_old_one(client: Client, folder: Path) -> None:
    before = client("/api/version").json
    assert client("/api/articles/a00001").json["title"] == "Title of a00001"
    shutil.rmtree(folder)
    vectors = planted(folder, n=40, seed=5)
    after = client("/api/version").json
    assert after["version"] == before["version"], "the numbers begin again"
    assert after["edition"] != before["edition"]
    assert after["rows"] == 40
    client.live.model.known_model.known["another?"] = vectors[11]
    found = client("/api/questions", {"text": "another?"}).json
    assert found["nearest"][0]["id"] == "a00011"
    assert found["articles"] == 40


@pytest.mark.parametrize("versions", ["as many", "fewer"])
def test_a_map_of_a_table_made_anew_is_not_drawn_under_the_old_name(folder: Path, versions: str) -> None:
    vectors = planted(folder)
    put_map(folder, "other", [f"a{i:05d}" for i in range(60)], vectors[:, 2:4])
    live = Live(Served(str(folder), "articles"))
    at = live.snapshot()
    shutil.rmtree(folder)
    ids = [f"new{i}" for i in range(60)]
    vectors = planted(folder, ids=ids, seed=5)
    if versions == "as many":
        put_map(folder, "other", ids, vectors[:, 2:4])
        assert Database(folder).articles("articles").lance.version == at.version
    with pytest.raises(Refused, match="The table has changed since the map was read") as refused:
        live.shown(live.snapshot(at.name), "other")
    assert refused.value.status == 409


def test_a_dropped_map_is_told(client: Client, folder: Path) -> None:
    from vecindex.store.maps import drop_map

    assert client("/api/maps/flat/header").status == 200
    drop_map(Database(folder).articles("articles"), "flat")
    got = client("/api/maps/flat/header")
    assert (got.status, "has no map 'flat' (maps there: none)" in got.json["error"]) == (404, True)
    assert client("/api/maps").json == {
        "edition": got_edition(client),
        "default": None,
        "default_reason": None,
        "maps": [],
    }
    found = client("/api/questions", {"text": TEXT}).json
    assert (found["map"], found["overlap"], found["mark"], found["on_map"]) == (None, None, None, [])
    assert found["nearest"][0]["id"] == "a00007"


def got_edition(client: Client) -> str:
    return str(client("/api/version").json["edition"])


def test_damaged_files_are_told(client: Client, folder: Path) -> None:
    for file in (folder / "articles.lance" / "data").iterdir():
        file.write_bytes(b"")
    got = client("/api/maps/flat/header")
    assert got.status == 503
    assert got.json["next"] == f"Look closer: vecindex doctor --db {folder} --table articles"


def test_a_picture_is_made_once_for_all_who_ask(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(folder)
    made: list[str] = []
    draw = Live._picture_of

    def slowly(self: Live, at: Any, name: str) -> Any:
        made.append(name)
        time.sleep(0.3)
        return draw(self, at, name)

    monkeypatch.setattr(Live, "_picture_of", slowly)
    with running(Served(str(folder), "articles")) as client, ThreadPoolExecutor(8) as pool:
        headers = list(pool.map(lambda _: client("/api/maps/flat/header").json, range(8)))
        assert made == ["flat"]
        assert all(header == headers[0] for header in headers)


def test_a_question_is_embedded_once(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: client("/api/questions", {"text": TEXT}).json["nearest"], range(8)))
    assert client.live.model.known_model.asked == [TEXT]
    assert all(one == found[0] for one in found)


@pytest.mark.parametrize("megabytes", [0, 1])
def test_vectors_are_held_or_read_with_the_same_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch, megabytes: int
) -> None:
    monkeypatch.setenv("VECINDEX_VECTOR_MB", str(megabytes))
    vectors = planted(folder, n=50)
    loaded = LoadedTable(Database(folder).articles("articles"), Warm())
    query = (vectors[3] / np.linalg.norm(vectors[3])).astype(np.float32)
    found = [loaded.around_question(query, 5, "flat") for _ in range(2)]
    assert (loaded._held is None) == (megabytes == 0)
    assert found[0] == found[1]
    unit = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    near = np.argsort(1 - unit @ query, kind="stable")[:5]
    assert [n.id for n in found[0].nearest] == [f"a{i:05d}" for i in near]
    alone, layout = loaded.lens_of_question(query, 30)
    assert [n.id for n in alone.nearest[:5]] == [n.id for n in found[0].nearest]
    right = laid_out(unit[[int(n.id[1:]) for n in alone.nearest]], np.array([n.dist for n in alone.nearest]))
    assert layout.near.tolist() == right.near.tolist()
    assert layout.positions == pytest.approx(right.positions, abs=1e-6)
    loaded.release()
    assert loaded._held is None
    assert loaded.around_question(query, 5, "flat") == found[0]


@pytest.mark.parametrize(("megabytes", "looks"), [(0, 3), (1, 1)])
def test_vectors_in_memory_are_looked_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, megabytes: int, looks: int
) -> None:
    monkeypatch.setenv("VECINDEX_VECTOR_MB", str(megabytes))
    vectors = planted(folder, n=50)
    seen, refuse = [], exact.refuse_unusable
    monkeypatch.setattr(exact, "refuse_unusable", lambda block: (seen.append(len(block)), refuse(block))[1])
    loaded = LoadedTable(Database(folder).articles("articles"), Warm())
    for vector in vectors[:3]:
        loaded.around_question((vector / np.linalg.norm(vector)).astype(np.float32), 5, None)
    assert sum(seen) == 50 * looks


def test_a_question_of_a_few_articles_does_not_say_that_all_are_finite(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = planted(folder, n=50)
    loaded = LoadedTable(Database(folder).articles("articles"), Warm())
    query = (vectors[0] / np.linalg.norm(vectors[0])).astype(np.float32)
    loaded.around_question(query, 5, None, loaded.rows_where("id < 'a00010'"))
    assert not loaded._are_finite
    loaded.around_question(query, 5, None)
    assert loaded._are_finite


def test_rows_of_ids_are_found_in_the_order_asked(folder: Path) -> None:
    planted(folder, n=50)
    loaded = LoadedTable(Database(folder).articles("articles"))
    asked = ["a00049", "none", "a00000", "a00049", "a00007"]
    assert loaded.rows_of(asked).tolist() == [49, NO_ROW, 0, 49, 7]
    assert loaded.rows_of([]).tolist() == []
    assert loaded.rows_of(["none"]).tolist() == [NO_ROW]


def test_the_answer_to_a_question_serves_its_lens_and_no_other_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vectors = planted(folder, n=50)
    loaded = LoadedTable(Database(folder).articles("articles"))
    one, other = ((v / np.linalg.norm(v)).astype(np.float32) for v in vectors[:2])
    few = loaded.rows_where("id < 'a00010'")
    searched, search = [], LoadedTable._nearest

    def counted(self: LoadedTable, *asked: Any) -> Any:
        searched.append(asked)
        return search(self, *asked)

    monkeypatch.setattr(LoadedTable, "_nearest", counted)
    first = [
        loaded.around_question(one, 5, None).nearest[0].id,
        loaded.lens_of_question(one, 40)[0].nearest[0].id,
        loaded.lens_of_question(other, 40)[0].nearest[0].id,
        loaded.lens_of_question(one, 40, few)[0].nearest[0].id,
    ]
    assert first == ["a00000", "a00000", "a00001", "a00000"]
    assert len(loaded.lens_of_question(one, 40, few)[0].nearest) == 10
    assert len(searched) == 3


def test_a_model_that_is_not_there_is_told(folder: Path) -> None:
    planted(folder)
    with running(Served(str(folder), "articles")) as client:
        got = client("/api/questions", {"text": TEXT})
        assert got.status == 503
        state = client("/api/version").json["model"]
        assert state["state"] == "failed"
        assert state["reason"] == got.json["error"]
        # What needs no model goes on.
        assert client("/api/maps/flat/header").status == 200


def test_an_unforeseen_error_is_told_without_a_traceback(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> Any:
        raise KeyError("surprise")

    monkeypatch.setattr(client.live, "shown", fails)
    got = client("/api/maps/flat/header")
    assert got.status == 500
    assert got.json["error"] == "Unexpected KeyError: 'surprise'"
    assert "Traceback" not in got.body.decode()


def test_waiting_requests_do_not_stop_the_others(folder: Path) -> None:
    planted(folder)
    served = Served(str(folder), "articles")
    live = Live(served)
    go = threading.Event()

    def wait(*_: Any) -> Any:
        go.wait(200)
        raise ModelError("never mind")

    live.model.embed = wait  # type: ignore[method-assign]
    live.model.query_prompt = lambda *_: ""  # type: ignore[method-assign]
    with running(served, live) as client, ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(client, "/api/questions", {"text": f"number {i}?"}) for i in range(20)]
        try:
            assert client("/api/version").status == 200
        finally:
            go.set()
        assert {one.result().status for one in asked} == {503}


# -- ids and texts that are hard to write ------------------------------------------------------------------


def test_articles_of_any_id_are_found(folder: Path) -> None:
    vectors = planted(folder, len(ODD_IDS), ODD_IDS)
    with running(Served(str(folder), "articles")) as client:
        for i, name in enumerate(ODD_IDS):
            path = f"/api/articles/{quote(name, safe='').replace('.', '%2E')}"
            found = client(path)
            assert (found.status, found.json["id"]) == (200, name)
            around = client(f"{path}/neighbors?map=flat&k=3").json
            unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            nearest = [ODD_IDS[j] for j in np.argsort(-(unit @ unit[i])) if j != i][:3]
            assert [n["id"] for n in around["nearest"]] == nearest


def test_ids_of_a_map_lead_to_the_articles(folder: Path) -> None:
    planted(folder, len(ODD_IDS), ODD_IDS)
    with running(Served(str(folder), "articles")) as client:
        ids = client("/api/maps/flat/sections/ids").json
        assert sorted(ids) == sorted(ODD_IDS)
        for name in ids:
            assert client(f"/api/articles/{quote(name, safe='')}").json["id"] == name


def test_beginnings_of_texts_are_not_shortened_for_a_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted(folder)
    monkeypatch.setattr(map_picture, "PAGE_BYTES", 1)
    with running(Served(str(folder), "articles")) as client:
        ids = client("/api/maps/flat/sections/ids").json
        assert client("/api/maps/flat/sections/snippets").json == [f"Text of {i}" for i in ids]


# -- chunks -----------------------------------------------------------------------------------------------


def test_chunks_are_counted_as_articles(folder: Path) -> None:
    table, vectors, articles = chunked_table(folder, [3, 1, 2, 4, 1, 2])
    ids = [row["id"] for batch in table.scan(["id"]) for row in batch.to_pylist()]
    put_map(folder, "flat", ids, vectors[:, :2].astype(float))
    served = Served(str(folder), "articles")
    with running(served, known(Live(served), {TEXT: vectors[0].astype(float)})) as client:
        found = client("/api/questions", {"text": TEXT, "k": 4}).json
        model = KnownModel({TEXT: vectors[0].astype(float)})
        result = overlap(Database(folder), "articles", [TEXT], {"k": 4}, model)  # type: ignore[arg-type]
        (row,) = result.rows
        assert [n["article_id"] for n in found["nearest"]] == [n.id for n in row.neighbors]
        assert [n["id"] for n in found["nearest"]] == [n.chunk for n in row.neighbors]
        assert found["overlap"] == row.maps["flat"]["search"].overlap
        assert found["articles"] == 6
        whole = client("/api/articles/c003").json
        assert (whole["id"], whole["article_id"]) == ("c003#0", "c003")
        assert whole["chunks"] == [f"c003#{i}" for i in range(4)]
        around = client(f"/api/articles/{quote('c003#2', safe='')}/neighbors?map=flat&k=5").json
        assert sorted(n["article_id"] for n in around["nearest"]) == ["c000", "c001", "c002", "c004", "c005"]
    assert articles.count("c003") == 4


# -- the report -------------------------------------------------------------------------------------------


def test_the_report_is_made_beside_and_kept(folder: Path, tmp_path: Path) -> None:
    vectors = planted(folder)
    file = tmp_path / "asked.jsonl"
    texts = {f"question {i}?": vectors[i] for i in range(6)}
    file.write_text("".join(json.dumps({"id": f"q{i}", "text": t}) + "\n" for i, t in enumerate(texts)))
    served = Served(str(folder), "articles", questions=str(file))
    with running(served, known(Live(served), texts)) as client:
        header = client("/api/maps/flat/header").json
        assert [q["text"] for q in header["questions"]] == list(texts)
        assert "is being made" in client("/overlap").body.decode()
        found = wait_for_report(client)
        assert (found["state"], found["questions"], found["href"]) == ("ready", "asked.jsonl", "/overlap")
        page = client("/overlap").body.decode()
        assert "Overlap report" in page
        assert "question 5?" in page
        assert page == client("/overlap").body.decode(), "it is kept"
        add(folder, np.arange(8.0), "new")
        assert client("/api/overlap").json["state"] == "working", "another state of the table: another report"
        assert wait_for_report(client)["edition"] != found["edition"]


def wait_for_report(client: Client) -> Any:
    for _ in range(2_000):
        found = client("/api/overlap").json
        if found["state"] != "working":
            return found
        time.sleep(0.1)
    raise AssertionError("no report")


def test_a_report_that_fails_says_why(folder: Path, tmp_path: Path) -> None:
    planted(folder)
    file = tmp_path / "asked.txt"
    file.write_text("what is it?\n")
    with running(Served(str(folder), "articles", questions=str(file))) as client:
        client("/api/overlap")
        found = wait_for_report(client)
        assert found["state"] == "failed"
        assert "planted" in found["error"]


def test_the_page_of_a_report_that_failed_says_why_and_begins_no_other(folder: Path, tmp_path: Path) -> None:
    planted(folder)
    file = tmp_path / "asked.txt"
    file.write_text("what is it?\n")
    with running(Served(str(folder), "articles", questions=str(file))) as client:
        assert "<script" in client("/overlap").body.decode().split("is being made")[1], "it waits"
        job = client.server.job
        for _ in range(2_000):
            if not job.busy:
                break
            time.sleep(0.1)
        html = client("/overlap").body.decode()
        assert "could not be made" in html
        assert "planted" in html
        assert "/api/overlap" not in html, "nothing on it asks for the report again"
        assert not job.busy


def test_without_questions_there_is_no_report(client: Client) -> None:
    found = client("/api/overlap").json
    assert found["state"] == "no questions"
    assert "vecindex serve --questions FILE --db " in found["next"]
    assert "vecindex serve --questions FILE" in client("/overlap").body.decode()


# -- what is kept -----------------------------------------------------------------------------------------


def test_once_keeps_the_last_ones_and_no_error() -> None:
    made: list[str] = []

    def make(key: str) -> str:
        made.append(key)
        return key.upper()

    once = Once[str, str](2)
    assert [once.get(key, lambda key=key: make(key)) for key in "abab"] == ["A", "B", "A", "B"]  # type: ignore[misc]
    assert made == ["a", "b"]
    once.get("c", lambda: make("c"))
    assert once.known("b")
    assert not once.known("a")
    with pytest.raises(ZeroDivisionError, match="division"):
        once.get("d", lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    assert not once.known("d")
    assert once.get("d", lambda: "then") == "then"


def test_an_empty_table_is_served(folder: Path) -> None:
    from tables import make_table as empty_table

    empty_table(folder)
    with running(Served(str(folder), "articles")) as client:
        assert client("/api/version").json["rows"] == 0
        assert client("/api/maps").json["maps"] == []
        assert client("/").status == 200


def test_fields_of_all_kinds_are_json(folder: Path) -> None:
    table, _ = filled(folder, 3)
    append(
        table,
        np.eye(8, dtype=np.float32)[:1],
        ids=["nan"],
        share=[float("nan")],
        year=[None],
        topic=["\u2028</script>"],
    )
    with running(Served(str(folder), "articles")) as client:
        found = client("/api/articles/nan").json
        assert found["fields"] == {"year": None, "topic": "\u2028</script>", "share": None}


def test_times_bytes_and_long_integers_are_given_as_an_export_has_them(folder: Path) -> None:
    import datetime as dt

    import lance
    import pyarrow as pa

    planted(folder, 3)
    longest = 2**53 - 1
    more = pa.table(
        {
            "id": ["a00001"],
            "long": pa.array([2**63 - 1], pa.int64()),
            "exact": pa.array([-longest], pa.int64()),
            "longs": pa.array([[1, -longest - 1]], pa.list_(pa.int64())),
            "raw": pa.array([b"\x00\xff"], pa.binary()),
            "at": pa.array([dt.datetime(2020, 1, 2, 3, tzinfo=dt.UTC)], pa.timestamp("us", tz="UTC")),
        }
    )
    lance.dataset(str(folder / "articles.lance")).merge(more, left_on="id")
    with running(Served(str(folder), "articles")) as client:
        fields = client("/api/articles/a00001").json["fields"]
        assert {key: fields[key] for key in more.column_names[1:]} == {
            "long": "9223372036854775807",
            "exact": -9007199254740991,
            "longs": [1, "-9007199254740992"],
            "raw": "00ff",
            "at": "2020-01-02T03:00:00Z",
        }

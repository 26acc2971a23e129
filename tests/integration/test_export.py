"""Exports, read back by readers of their own with equal values."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vecindex
from tables import Notices, append, chunked_table, filled, fingerprint, make_table, unit_vectors
from vecindex.core.identity import written_id
from vecindex.errors import ConfigError, SourceError, TableNotFoundError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import put_map

HOSTILE = [
    'quotes " and \' and ""',
    "lines\none\r\ntwo\rthree",
    "commas, semicolons; tabs\t",
    "nul \x00 and bell \x07",
    "=1+1",
    "@SUM(A1)",
    "",
    " spaces ",
    "zw\u00f6lf \u2028 \U0001f9ec \u202e",
    "</script><b>",
    "null",
    "NaN",
]


def with_map(table: ArticleTable, name: str = "map", shift: float = 0.0, outside: tuple[int, ...] = ()) -> None:
    """Store a map with article i of the table at (i + shift, -i / 3)."""
    ids = pa.concat_arrays([b.column(0) for b in table.scan(["id"])])
    n = len(ids)
    xy = np.stack([np.arange(n) + shift, -np.arange(n) / 3], axis=1)
    xy[list(outside)] = np.nan
    put_map(table, name, ids, xy, {"method": "local", "made": name})


def hostile(folder: Path) -> list[str]:
    """Make a table whose ids, titles, texts and topics are hard to write; return the ids."""
    n = len(HOSTILE)
    ids = [f"{i}{text}" for i, text in enumerate(HOSTILE)]
    table = make_table(folder)
    append(
        table,
        unit_vectors(n),
        ids=ids,
        title=[None if i % 3 == 0 else text for i, text in enumerate(HOSTILE)],
        text=[text or "-" for text in HOSTILE],
        topic=[None if i == 5 else text for i, text in enumerate(HOSTILE)],
        year=[None if i == 2 else 2**60 + i for i in range(n)],
        share=[[None, float("nan"), float("inf"), 0.1, -0.0, 1e300][i % 6] for i in range(n)],
        truncated=[None, True, False] * (n // 3),
    )
    with_map(table, outside=(4,))
    return ids


def stored(folder: Path, columns: list[str]) -> list[dict[str, Any]]:
    """Return the rows by a connection of its own."""
    import lancedb

    table = lancedb.connect(folder).open_table("articles")
    found: list[dict[str, Any]] = table.search().select(columns).limit(table.count_rows()).to_arrow().to_pylist()
    return found


COLUMNS = ["id", "title", "text", "year", "topic", "share", "n_tokens", "truncated", "map_x", "map_y"]


def same(left: Any, right: Any) -> bool:
    """Return whether two values are equal, NaN included."""
    return left == right or (left != left and right != right)


def nan_is_null(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value


def test_parquet(tmp_path: Path) -> None:
    hostile(tmp_path / "db")
    report = vecindex.open(tmp_path / "db").export(tmp_path / "o.parquet", vectors=True)
    found = pq.read_table(tmp_path / "o.parquet")
    assert found.column_names == [*COLUMNS, "vector"]
    assert report.columns == tuple(found.column_names)
    expected = stored(tmp_path / "db", found.column_names)
    rows = found.to_pylist()
    assert len(rows) == len(HOSTILE) == report.rows == report.of
    assert all(same(rows[i][name], expected[i][name]) for i in range(len(rows)) for name in rows[0])
    assert rows[4]["map_x"] is None
    assert found.schema.field("map_x").type == pa.float32()
    about = json.loads(found.schema.metadata[b"vecindex"])
    assert about["maps"]["map"]["made"] == "map"
    assert about["model"]["dimension"] == 8
    assert report.bytes == (tmp_path / "o.parquet").stat().st_size


@pytest.mark.parametrize("name", ["o.jsonl", "o.jsonl.gz"])
def test_jsonl(tmp_path: Path, name: str) -> None:
    hostile(tmp_path / "db")
    vecindex.open(tmp_path / "db").export(tmp_path / name, vectors=True)
    raw = (tmp_path / name).read_bytes()
    text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode()
    assert text.endswith("}\n")
    rows = [json.loads(line, parse_constant=pytest.fail) for line in text.removesuffix("\n").split("\n")]
    expected = stored(tmp_path / "db", [*COLUMNS, "vector"])
    for row, there in zip(rows, expected, strict=True):
        assert list(row) == [*COLUMNS, "vector"]
        for column in COLUMNS[:-2]:
            assert row[column] == nan_is_null(there[column])
        assert [np.float32(v) for v in row["vector"]] == [np.float32(v) for v in there["vector"]]
        assert row["map_y"] is None or np.float32(row["map_y"]) == np.float32(there["map_y"])
    assert rows[1]["map_y"] == -0.33333334, "the shortest decimal of the float32"


def test_csv(tmp_path: Path) -> None:
    hostile(tmp_path / "db")
    vecindex.open(tmp_path / "db").export(tmp_path / "o.csv")
    text = (tmp_path / "o.csv").read_bytes().decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    expected = stored(tmp_path / "db", COLUMNS)
    assert list(rows[0]) == COLUMNS
    for row, there in zip(rows, expected, strict=True):
        for column in ("id", "title", "text", "topic"):
            assert row[column] == (there[column] or "")
        assert row["year"] == ("" if there["year"] is None else str(there["year"]))
        assert row["share"] == "" if there["share"] is None else same(float(row["share"]), there["share"])
        assert row["truncated"] == {None: "", True: "true", False: "false"}[there["truncated"]]
    # A text that is empty differs from none.
    assert '\n"6",,"-",1152921504606846982,"",' in text


def test_lists_dates_and_dictionaries(tmp_path: Path) -> None:
    when = dt.datetime(2020, 1, 2, 3, 4, 5, 600000, tzinfo=dt.UTC)
    extra = [
        pa.field("tags", pa.list_(pa.string())),
        pa.field("day", pa.date32()),
        pa.field("seen", pa.timestamp("us", tz="UTC")),
        pa.field("kind", pa.dictionary(pa.int32(), pa.string())),
    ]
    table = Database(tmp_path / "db").create_articles("articles", fingerprint(), extra)
    values = {
        "id": ["a", "b"],
        "content_hash": ["0" * 32] * 2,
        "title": ["A", None],
        "text": ["one", "two"],
        "tags": [['x "y", z', ""], None],
        "day": [dt.date(1999, 12, 31), None],
        "seen": [when, None],
        "kind": ["red", "red"],
        "n_tokens": [1, 2],
        "truncated": [False, True],
        "unknown_frac": [0.0, None],
        "vector": [[float(x) for x in v] for v in unit_vectors(2)],
        "vector_hash": [None, None],
        "txn": [1, 1],
        "ingested_at": [when, when],
    }
    schema = table.schema
    table.append(pa.Table.from_arrays([pa.array(values[f.name], f.type) for f in schema], schema=schema))
    index = vecindex.open(tmp_path / "db")
    index.export(tmp_path / "o.parquet", columns="tags,day,seen,kind")
    assert pq.read_table(tmp_path / "o.parquet").to_pylist() == [
        {"tags": ['x "y", z', ""], "day": dt.date(1999, 12, 31), "seen": when, "kind": "red"},
        {"tags": None, "day": None, "seen": None, "kind": "red"},
    ]
    index.export(tmp_path / "o.jsonl", columns=["tags", "day,seen", "kind"])
    assert [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()] == [
        {"tags": ['x "y", z', ""], "day": "1999-12-31", "seen": "2020-01-02T03:04:05.600000Z", "kind": "red"},
        {"tags": None, "day": None, "seen": None, "kind": "red"},
    ]
    index.export(tmp_path / "o.csv", columns=["tags", "day", "seen", "kind"])
    with (tmp_path / "o.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1:] == [
        ['["x \\"y\\", z", ""]', "1999-12-31", "2020-01-02T03:04:05.600000Z", "red"],
        ["", "", "", "red"],
    ]


def test_vectors_with_their_ids_beside(tmp_path: Path) -> None:
    ids = hostile(tmp_path / "db")
    report = vecindex.open(tmp_path / "db").export(tmp_path / "v.npy", where="year IS NOT NULL")
    vectors = np.load(tmp_path / "v.npy")
    assert (vectors.dtype, vectors.shape) == (np.float32, (len(ids) - 1, 8))
    assert report.ids_out == str(tmp_path / "v.ids.json")
    found = json.loads((tmp_path / "v.ids.json").read_text(encoding="utf-8"))
    assert found == ids[:2] + ids[3:]
    np.testing.assert_array_equal(vectors, np.delete(unit_vectors(len(ids)), 2, axis=0))
    # What is exported can be ingested.
    memory = np.load(tmp_path / "v.npy", mmap_mode="r")
    assert memory.shape == vectors.shape


def test_json_for_the_viewer(tmp_path: Path) -> None:
    table, _ = filled(tmp_path / "db", 3)
    with_map(table, "text", shift=10)
    with_map(table, "map", outside=(1,))
    index = vecindex.open(tmp_path / "db")
    index.export(tmp_path / "o.json")
    found = json.loads((tmp_path / "o.json").read_text())
    assert found == [
        {
            "id": f"a0000{i}",
            "title": f"Title of a0000{i}",
            "x": None if i == 1 else float(i),
            "y": None if i == 1 else float(str(np.float32(-i / 3))),
            "year": 1900 + i,
            "topic": "odd" if i % 2 else "it's even",
            "share": i / 7,
            "text_x": 10.0 + i,
            "text_y": float(str(np.float32(-i / 3))),
        }
        for i in range(3)
    ]
    report = index.export(tmp_path / "p.json", tool="viewer", maps=["text"], columns="topic,text")
    assert (report.placed, report.maps) == ("text", ("text",))
    assert json.loads((tmp_path / "p.json").read_text())[2] == {
        "id": "a00002",
        "title": "Title of a00002",
        "x": 12.0,
        "y": -0.6666667,
        "topic": "it's even",
        "text": "Text of a00002, about nothing.",
    }
    assert list(json.loads((tmp_path / "o.json").read_text())[0])[:4] == ["id", "title", "x", "y"]
    index.export(tmp_path / "q.json", maps=(), columns="year")
    assert json.loads((tmp_path / "q.json").read_text())[0] == {
        "id": "a00000",
        "title": "Title of a00000",
        "year": 1900,
    }


def test_a_field_whose_name_is_taken(tmp_path: Path) -> None:
    extra = [pa.field(name, pa.int64()) for name in ("x", "src_x", "neighbors")]
    table = Database(tmp_path / "db").create_articles("articles", fingerprint(), extra)
    schema = table.schema
    row = {"id": "a", "content_hash": "0" * 32, "text": "t", "x": 1, "src_x": 2, "neighbors": 3, "txn": 1}
    row |= {"vector": [1.0] + [0.0] * 7, "ingested_at": dt.datetime.now(dt.UTC)}
    table.append(pa.Table.from_pylist([row], schema=schema))
    with_map(table)
    index = vecindex.open(tmp_path / "db")
    index.export(tmp_path / "o.json")
    assert json.loads((tmp_path / "o.json").read_text()) == [
        {"id": "a", "title": None, "x": 0.0, "y": 0.0, "src_x": 1, "src_src_x": 2, "neighbors": 3}
    ]
    index.export(tmp_path / "o.parquet", tool="embedding-atlas")
    (found,) = pq.read_table(tmp_path / "o.parquet").to_pylist()
    assert (found["x"], found["src_x"], found["src_src_x"], found["src_neighbors"]) == (0.0, 1, 2, 3)
    assert found["neighbors"] == {"ids": [0], "distances": [0.0]}


@pytest.mark.parametrize("name", ["o.parquet", "o.jsonl", "o.csv", "o.json", "o.npy"])
@pytest.mark.parametrize("kind", ["empty", "none"])
def test_no_rows(tmp_path: Path, name: str, kind: str) -> None:
    if kind == "empty":
        make_table(tmp_path / "db")
    else:
        table, _ = filled(tmp_path / "db", 3)
        with_map(table)
    notices = Notices()
    report = vecindex.open(tmp_path / "db").export(
        tmp_path / name,
        where=None if kind == "empty" else "year > 3000",
        maps=() if kind == "empty" and not name.endswith("npy") else None,
        observer=notices,
    )
    assert (report.rows, report.of) == (0, 0 if kind == "empty" else 3)
    told = "no row is in it" if kind == "empty" else "no row meets the condition"
    assert any(told in line for line in notices.lines)
    path = tmp_path / name
    if name == "o.parquet":
        assert pq.read_table(path).num_rows == 0
        assert pq.read_table(path).column_names[:3] == ["id", "title", "text"]
    elif name == "o.jsonl":
        assert path.read_bytes() == b""
    elif name == "o.csv":
        assert path.read_text().startswith('"id","title","text","year","topic","share","n_tokens","truncated"')
        assert path.read_text().count("\n") == 1
    elif name == "o.json":
        assert json.loads(path.read_text()) == []
    else:
        assert np.load(path).shape == (0, 8)
        assert json.loads((tmp_path / "o.ids.json").read_text()) == []


def test_chunks_with_their_articles(tmp_path: Path) -> None:
    table, vectors, articles = chunked_table(tmp_path / "db", [2, 1, 3])
    with_map(table)
    index = vecindex.open(tmp_path / "db")
    index.export(tmp_path / "o.jsonl", columns="id,article_id,chunk", maps=())
    rows = [json.loads(line) for line in (tmp_path / "o.jsonl").read_text().splitlines()]
    assert [row["article_id"] for row in rows] == articles
    assert [row["id"] for row in rows] == ["c000#0", "c000#1", "c001#0", "c002#0", "c002#1", "c002#2"]
    index.export(tmp_path / "o.json", where="chunk = 0")
    assert [row["article_id"] for row in json.loads((tmp_path / "o.json").read_text())] == ["c000", "c001", "c002"]
    index.export(tmp_path / "o.parquet", tool="embedding-atlas", k=2)
    found = pq.read_table(tmp_path / "o.parquet")
    assert found.column_names[:7] == ["x", "y", "text", "id", "title", "article_id", "chunk"]
    for i, row in enumerate(found.column("neighbors").to_pylist()):
        sims = vectors @ vectors[i]
        sims[i] = 9
        assert row["ids"] == np.argsort(-sims)[:3].tolist()


def test_a_tag_is_exported_as_it_was(tmp_path: Path) -> None:
    table, _ = filled(tmp_path / "db", 3)
    index = vecindex.open(tmp_path / "db")
    index.tag("before")
    append(table, unit_vectors(2, seed=9), ids=["n1", "n2"], txn=2)
    index.export(tmp_path / "o.jsonl", at="before", columns="id")
    assert (tmp_path / "o.jsonl").read_text() == '{"id":"a00000"}\n{"id":"a00001"}\n{"id":"a00002"}\n'
    assert index.export(tmp_path / "p.jsonl").rows == 5
    with pytest.raises(ConfigError, match="has no tag 'after'"):
        index.export(tmp_path / "q.jsonl", at="after")


def test_standard_output(tmp_path: Path) -> None:
    filled(tmp_path / "db", 2)
    out = io.BytesIO()
    report = vecindex.open(tmp_path / "db").export("-", format="jsonl", columns="id,year", stdout=out)
    assert out.getvalue() == b'{"id":"a00000","year":1900}\n{"id":"a00001","year":1901}\n'
    assert report.bytes is None
    assert list(tmp_path.iterdir()) == [tmp_path / "db"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"out": "o.xlsx"},
            "The extension of o.xlsx is that of no format. Extensions: .parquet, .jsonl, ",
        ),
        ({"out": "o"}, "is that of no format"),
        ({"out": "o.parquet", "format": "feather"}, "format= is parquet, jsonl, csv, json or npy, found 'feather'"),
        ({"out": "-"}, "needs one of the formats jsonl, csv, json"),
        ({"out": "-", "format": "npy"}, "needs one of the formats jsonl, csv, json"),
        ({"out": "o.parquet.gz"}, "is that of no format"),
        ({"out": "o.gz", "format": "parquet"}, "only jsonl and csv are packed"),
        ({"out": "o.csv", "vectors": True}, "CSV cannot hold vectors"),
        ({"out": "o.csv", "columns": ["id", "vector"]}, "CSV cannot hold vectors"),
        ({"out": "o.parquet", "columns": "id,yeer"}, "has no column 'yeer'"),
        ({"out": "o.parquet", "columns": ","}, "columns= names no column"),
        (
            {"out": "o.parquet", "where": "yeer > 3"},
            "condition of where= does not work on .*: No field named yeer. Did you mean 'year'\\? Found: yeer > 3",
        ),
        ({"out": "o.parquet", "maps": ["other"]}, "has no map yet"),
        ({"out": "o.json"}, "has no map to export"),
        ({"out": "o.parquet", "tool": "embedding-atlas"}, "has no map to export"),
        ({"out": "o.csv", "tool": "embedding-atlas"}, "An export for embedding-atlas is a .parquet file, found csv"),
        ({"out": "o.csv", "tool": "viewer"}, "An export for viewer is a .json file, found csv"),
        ({"out": "o.csv", "tool": "excel"}, "tool= is embedding-atlas or viewer, found 'excel'"),
        ({"out": "o.parquet", "tool": "embedding-atlas", "maps": ["a", "b"]}, "shows one map"),
        ({"out": "o.parquet", "tool": "embedding-atlas", "k": 0}, "k= must be at least 1, found 0"),
        ({"out": "o.parquet", "k": 5}, "k= is the neighbors of an export tool='embedding-atlas'"),
        ({"out": "o.npy", "columns": "id"}, "holds the vectors alone"),
    ],
)
def test_what_cannot_be_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], told: str
) -> None:
    filled(tmp_path / "db", 3)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=told):
        vecindex.open(tmp_path / "db").export(**options)
    assert [path.name for path in tmp_path.iterdir()] == ["db"]


def test_unknown_columns_name_those_there(tmp_path: Path) -> None:
    filled(tmp_path / "db", 3)
    with pytest.raises(ConfigError, match="no column") as caught:
        vecindex.open(tmp_path / "db").export(tmp_path / "o.csv", columns="nope")
    assert caught.value.hint is not None
    assert "share, text, title, topic" in str(caught.value.hint)
    with pytest.raises(TableNotFoundError, match="No table 'absent'"):
        vecindex.open(tmp_path / "db", "absent").export(tmp_path / "o.csv")


def test_a_file_that_is_there_is_replaced_and_keeps_its_permissions(tmp_path: Path) -> None:
    filled(tmp_path / "db", 3)
    out = tmp_path / "o.csv"
    out.write_text("old")
    out.chmod(0o600)
    vecindex.open(tmp_path / "db").export(out, columns="id", maps=())
    assert out.read_text() == '"id"\n"a00000"\n"a00001"\n"a00002"\n'
    assert out.stat().st_mode & 0o777 == 0o600
    for place in (tmp_path / "absent" / "o.csv", tmp_path):
        with pytest.raises(ConfigError, match="Cannot write"):
            vecindex.open(tmp_path / "db").export(place, format="csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["db", "o.csv"]


def test_rows_by_a_file_of_ids(tmp_path: Path) -> None:
    ids = hostile(tmp_path)
    index = vecindex.open(tmp_path)
    wanted = [ids[7], ids[1], "no such", ids[3]]
    file = tmp_path / "ids.txt"
    # As they are, as objects, and as a terminal prints what cannot be seen.
    lines = [json.dumps({"id": wanted[0]}), json.dumps({"id": wanted[1]}), wanted[2], "", written_id(wanted[3])]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    seen = Notices()
    report = index.export(tmp_path / "out.jsonl", ids=file, columns=["id"], maps=(), observer=seen)
    got = [json.loads(line)["id"] for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert got == [ids[1], ids[3], ids[7]], "in the order of the table"
    assert (report.rows, report.of, report.not_found, report.ids) == (3, len(ids), ("no such",), str(file))
    assert any("no row of 1 of the ids" in text and "no such" in text for text in seen.lines)
    both = index.export(tmp_path / "out.jsonl", ids=file, where="id LIKE '3%'", columns=["id"], maps=())
    assert both.rows == 1
    for written, said in (
        (
            "nothing\n",
            f"none of the ids in {file} is in {tmp_path}/articles, so no row is written (nothing); its ids: ",
        ),
        ("", f"{file} holds no ids, so no row is written; give one id a line, or leave ids= out"),
        (json.dumps({"id": ids[1]}), f"{tmp_path}/articles: no row of the ids in {file} meets the condition as well"),
    ):
        file.write_text(written, encoding="utf-8")
        seen = Notices()
        where = "false" if written.startswith("{") else None
        assert index.export(tmp_path / "out.jsonl", ids=file, where=where, maps=(), observer=seen).rows == 0
        assert len(seen.lines) == 1
        assert seen.lines[0].startswith(said)
    file.write_text('{"title": "no id"}\n', encoding="utf-8")
    with pytest.raises(SourceError, match=r"ids\.txt:1: no id in this line"):
        index.export(tmp_path / "out.jsonl", ids=file, maps=())


def test_an_id_that_is_not_there_makes_exit_code_1(tmp_path: Path) -> None:
    filled(tmp_path / "db", 3)
    ids, out = tmp_path / "ids.txt", tmp_path / "out.csv"
    for written, code, rows in (
        ("a00002\na00000\n", 0, '"id"\n"a00000"\n"a00002"\n'),
        ("a00002\nzzz\n", 1, '"id"\n"a00002"\n'),
        ("zzz\n", 1, '"id"\n'),
    ):
        ids.write_text(written)
        command = [str(Path(sys.executable).with_name("vecindex")), "export", str(out), "--db", str(tmp_path / "db")]
        command += ["--ids", str(ids), "--columns", "id", "--no-maps", "--yes"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, out.read_text()) == (code, rows), done.stderr
        assert ("zzz" in done.stderr) == ("zzz" in written)


def test_an_id_of_an_article_stands_for_its_chunks(tmp_path: Path) -> None:
    table, _, _ = chunked_table(tmp_path, [2, 1, 3])
    rows = [row for batch in table.scan(["id", "article_id"]) for row in batch.to_pylist()]
    article = rows[-1]["article_id"]
    file = tmp_path / "ids.txt"
    file.write_text(f"{article}\n{rows[0]['id']}\n", encoding="utf-8")
    vecindex.open(tmp_path).export(tmp_path / "out.jsonl", ids=file, columns=["id"], maps=())
    got = {json.loads(line)["id"] for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()}
    assert got == {row["id"] for row in rows if row["article_id"] == article} | {rows[0]["id"]}

"""Data in memory: every kind gives the rows that the same data gives from a file, one at a time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from vecindex.errors import ConfigError, SourceError
from vecindex.sources.base import Record
from vecindex.sources.open import open_sources
from vecindex.types import Rejected

ROWS: list[dict[str, Any]] = [
    {"id": "a", "title": "One", "n": 1.5, "on": dt.date(2020, 1, 2), "tags": ["x", "y"], "vec": [1.0, 2.0]},
    {"id": "b", "title": None, "n": None, "on": None, "tags": [], "vec": [3.0, 4.0]},
]
TABLE = pa.Table.from_pylist(ROWS)

KINDS: dict[str, Callable[[], Any]] = {
    "table": lambda: TABLE,
    "batch": lambda: TABLE.to_batches()[0],
    "reader": lambda: TABLE.to_reader(),
    "batches": lambda: iter(TABLE.to_batches(max_chunksize=1)),
    "list": lambda: ROWS,
    "generator": lambda: (dict(row) for row in ROWS),
    "pandas": lambda: pd.DataFrame(ROWS),
    "pandas with an index": lambda: pd.DataFrame(ROWS).set_index("id"),
    "pandas records": lambda: pd.DataFrame(ROWS).to_dict("records"),
    "polars": lambda: pl.DataFrame(ROWS),
    "duckdb": lambda: duckdb.connect().from_arrow(TABLE),
}


def plain(item: Record | Rejected) -> dict[str, Any]:
    """Return a record's fields, vectors as lists."""
    assert isinstance(item, Record)
    return {name: v.tolist() if isinstance(v, np.ndarray) else v for name, v in item.fields.items()}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_rows_of_a_file(tmp_path: Path, kind: str) -> None:
    pq.write_table(TABLE, tmp_path / "rows.parquet")
    (file,) = open_sources([str(tmp_path / "rows.parquet")], vector_field="vec")
    (source,) = open_sources([KINDS[kind]()], vector_field="vec")
    found = list(source.read())
    assert [plain(item) for item in found] == [plain(item) for item in file.read()] == ROWS
    assert [item.location for item in found] == ["<memory> row 0", "<memory> row 1"]


@pytest.mark.parametrize(
    ("kind", "n"),
    [("table", 2), ("batch", 2), ("list", 2), ("pandas", 2), ("polars", 2), ("reader", None), ("generator", None)],
)
def test_rows_are_counted_where_the_data_knows(kind: str, n: int | None) -> None:
    (source,) = open_sources([KINDS[kind]()])
    assert source.count_hint() == n


def test_vectors_of_every_list_type() -> None:
    for kind in (pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float32(), 2)):
        (source,) = open_sources([pa.table({"vec": pa.array([[1, 2], None], kind)})], vector_field="vec")
        first, second = source.read()
        assert isinstance(first, Record)
        assert isinstance(first.fields["vec"], np.ndarray)
        assert (plain(first), plain(second)) == ({"vec": [1.0, 2.0]}, {"vec": None})
    (source,) = open_sources([pa.table({"vec": ["a"]})], vector_field="vec")
    with pytest.raises(SourceError, match="<memory>: column 'vec': found type string, expected lists of numbers"):
        list(source.read())


def test_words_of_a_category_are_text() -> None:
    words = ["u", "v", None, "u"]
    frames = [
        pd.DataFrame({"c": pd.Categorical(words)}),
        pl.DataFrame({"c": pl.Series(words, dtype=pl.Categorical)}),
        pl.DataFrame({"c": pl.Series(words, dtype=pl.Enum(["v", "u"]))}),
        pa.table({"c": pa.array(words).dictionary_encode()}),
    ]
    for frame in frames:
        (source,) = open_sources([frame])
        assert [plain(item)["c"] for item in source.read()] == words


def test_nan_in_a_dict_is_a_missing_value() -> None:
    row = {"a": float("nan"), "b": np.float32("nan"), "c": pd.NaT, "d": pd.NA, "e": 0.0, "f": [float("nan")]}
    (source,) = open_sources([[row]])
    (item,) = source.read()
    assert isinstance(item, Record)
    assert {name: item.fields[name] for name in "abcde"} == {"a": None, "b": None, "c": None, "d": None, "e": 0.0}
    assert np.isnan(item.fields["f"]).all()


def test_nan_in_arrow_data_stays_as_in_a_file() -> None:
    (source,) = open_sources([pa.table({"n": [float("nan")]})])
    (item,) = source.read()
    assert isinstance(item, Record)
    assert np.isnan(item.fields["n"])


def test_rows_are_taken_one_at_a_time() -> None:
    taken = []

    def rows() -> Iterator[dict[str, int]]:
        for i in range(1000):
            taken.append(i)
            yield {"id": i}

    (source,) = open_sources([rows()])
    read = source.read()
    assert taken == []
    assert plain(next(iter(read))) == {"id": 0}
    assert taken == [0]


def test_batches_are_taken_one_at_a_time() -> None:
    taken = []

    def batches() -> Iterator[pa.RecordBatch]:
        for i in range(1000):
            taken.append(i)
            yield pa.record_batch({"id": [i]})

    schema = pa.schema([("id", pa.int64())])
    (source,) = open_sources([pa.RecordBatchReader.from_batches(schema, batches())])
    assert plain(next(iter(source.read()))) == {"id": 0}
    assert len(taken) <= 2


def test_a_dict_may_be_used_again_by_whoever_yields_it() -> None:
    def rows() -> Iterator[dict[str, int]]:
        row: dict[str, int] = {}
        for i in range(3):
            row["id"] = i
            yield row

    (source,) = open_sources([rows()])
    assert [plain(item) for item in list(source.read())] == [{"id": 0}, {"id": 1}, {"id": 2}]


def test_items_of_another_kind_are_rejected() -> None:
    (source,) = open_sources([[{"id": 1}, 5, {2: "x"}, pa.record_batch({"id": [3, 4]}), {"id": 5}]])
    assert list(source.read()) == [
        Record("<memory> row 0", {"id": 1}),
        Rejected("<memory> row 1", "found a int, expected a dict or Arrow data", None, "5"),
        Rejected("<memory> row 2", "name of a field: found 2, expected text", None, "{2: 'x'}"),
        Record("<memory> row 3", {"id": 3}),
        Record("<memory> row 4", {"id": 4}),
        Record("<memory> row 5", {"id": 5}),
    ]
    (source,) = open_sources([["a.jsonl", "b.jsonl"]])
    with pytest.raises(SourceError, match=r"row 0: found a str, expected a dict or Arrow data\nName files by arg"):
        list(source.read())


@pytest.mark.parametrize("data", [5, {"id": "a", "text": "b"}, b"a.jsonl", None])
def test_what_is_no_data_at_all(data: Any) -> None:
    with pytest.raises(ConfigError, match=rf"found a {type(data).__name__} as a source, expected a path or data"):
        open_sources([data])


def test_a_fault_of_the_data_names_the_row() -> None:
    def rows() -> Iterator[dict[str, int]]:
        yield {"id": 0}
        raise ZeroDivisionError("by a user's own code")

    (source,) = open_sources([rows()], name="mine")
    read = source.read()
    assert next(read) == Record("<mine> row 0", {"id": 0})
    with pytest.raises(SourceError, match="<mine> row 1: cannot be read: ZeroDivisionError: by a user's own code"):
        next(read)
    (source,) = open_sources([duckdb.sql("select 'a' as id, error('no such thing') as text")])
    with pytest.raises(SourceError, match=r"<memory> row 0: cannot be read: .*no such thing"):
        list(source.read())
    (source,) = open_sources([pa.chunked_array([[1, 2]])])
    with pytest.raises(SourceError, match=r"<memory> row 0: cannot be read: .*non-struct type int64"):
        list(source.read())


def test_names_and_order_beside_files(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n')
    mixed = [[{"id": 0}], tmp_path / "a.jsonl", TABLE]
    assert [source.name for source in open_sources(mixed)] == [
        "<memory:1>",
        f"{tmp_path}/a.jsonl",
        "<memory:2>",
    ]
    assert [source.name for source in open_sources([TABLE], name="news")] == ["<news>"]
    assert [source.name for source in open_sources([TABLE, TABLE], name="news")] == ["<news:1>", "<news:2>"]
    with pytest.raises(ConfigError, match="the name 'news' is for data in memory, but there is none"):
        open_sources([str(tmp_path / "a.jsonl")], name="news")


def test_vectors_of_a_file_for_rows_in_memory(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32))
    (source,) = open_sources([[{"id": "a"}, {"id": "b"}]], vectors=str(tmp_path / "v.npy"))
    assert [plain(item) for item in source.read()] == [
        {"id": "a", "vector": [1.0, 2.0]},
        {"id": "b", "vector": [3.0, 4.0]},
    ]

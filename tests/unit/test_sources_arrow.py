"""Parquet, Arrow IPC and Feather, and vectors beside them."""

from __future__ import annotations

import datetime as dt
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from vecindex.errors import ConfigError, SourceError
from vecindex.sources.arrow.files import ArrowSource, ParquetSource
from vecindex.sources.base import Record
from vecindex.sources.files import InputFile
from vecindex.sources.formats import ReadOptions
from vecindex.sources.open import open_sources
from vecindex.sources.vectors import NpyVectors, open_vectors
from vecindex.types import Rejected


def table(n: int = 3) -> pa.Table:
    return pa.table({"id": list(range(n)), "text": [f"é{i}" if i % 2 else None for i in range(n)]})


def fields(path: Path | str, **options: Any) -> list[dict[str, Any]]:
    (source,) = open_sources([str(path)], **options)
    items = list(source.read())
    assert all(isinstance(item, Record) for item in items)
    return [dict(item.fields) for item in items if isinstance(item, Record)]


def test_parquet_rows_count_on_over_batches_and_row_groups(tmp_path: Path) -> None:
    path = tmp_path / "part.parquet"
    pq.write_table(table(10_000), path, row_group_size=3000)
    (source,) = open_sources([str(path)])
    items = list(source.read())
    assert source.count_hint() == len(items) == 10_000
    assert items[7] == Record(f"{path} row 7", {"id": 7, "text": "é7"})
    assert items[9999] == Record(f"{path} row 9999", {"id": 9999, "text": "é9999"})
    assert items[4096] == Record(f"{path} row 4096", {"id": 4096, "text": None})


@pytest.mark.parametrize("name", ["a.arrow", "a.feather", "a.ipc", "stream.arrow", "a.arrow.gz", "a.parquet.gz"])
def test_every_container(tmp_path: Path, name: str) -> None:
    path, plain = tmp_path / name, tmp_path / "plain"
    if name == "a.feather":
        feather.write_feather(table(), plain, compression="zstd")
    elif "parquet" in name:
        pq.write_table(table(), plain)
    else:
        new = pa.ipc.new_stream if name == "stream.arrow" else pa.ipc.new_file
        with new(str(plain), table().schema) as writer:
            writer.write_table(table(), max_chunksize=2)
    raw = plain.read_bytes()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    assert fields(path) == [{"id": 0, "text": None}, {"id": 1, "text": "é1"}, {"id": 2, "text": None}]


@pytest.mark.parametrize("compression", ["uncompressed", "lz4", "zstd"])
@pytest.mark.parametrize(("n", "chunk"), [(0, 7), (5, 7), (100, 7), (7, 7)])
def test_rows_of_an_ipc_file_are_known_beforehand(tmp_path: Path, n: int, chunk: int, compression: str) -> None:
    path = tmp_path / "a.feather"
    feather.write_feather(table(n), path, compression=compression, chunksize=chunk)
    (source,) = open_sources([str(path)])
    assert source.count_hint() == n == len(list(source.read()))


def test_rows_of_an_ipc_file_are_counted_by_its_narrowest_field(tmp_path: Path) -> None:
    text = pa.array(["x" * 1000] * 20_000)
    data = pa.table({"text": text, "wide": pa.array(range(20_000)), "flag": pa.array([True] * 20_000)})
    feather.write_feather(data, tmp_path / "a.feather", compression="lz4", chunksize=10_000)
    (source,) = open_sources([str(tmp_path / "a.feather")])
    before = pa.default_memory_pool().bytes_allocated()
    peak = pa.default_memory_pool().max_memory()
    assert source.count_hint() == 20_000
    # The batches' texts take 10 MB each.
    assert pa.default_memory_pool().max_memory() <= max(peak, before + 2_000_000)


def test_rows_that_only_reading_tells(tmp_path: Path) -> None:
    with pa.ipc.new_stream(str(tmp_path / "stream.arrow"), table().schema) as writer:
        writer.write_table(table())
    with pa.ipc.new_file(str(tmp_path / "cut.arrow"), table().schema) as writer:
        writer.write_table(table())
    raw = (tmp_path / "cut.arrow").read_bytes()
    (tmp_path / "cut.arrow").write_bytes(raw[:-20])
    (tmp_path / "a.arrow.gz").write_bytes(gzip.compress(raw))
    (tmp_path / "empty.arrow").write_bytes(b"")
    pq.write_table(table(), tmp_path / "a.parquet")
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    for name in ("stream.arrow", "cut.arrow", "a.arrow.gz", "empty.arrow", "a.parquet.gz"):
        (source,) = open_sources([str(tmp_path / name)])
        assert source.count_hint() is None, name
    (tmp_path / "a.parquet").unlink()
    (tmp_path / "stream.arrow").unlink()
    for kind in (ParquetSource, ArrowSource):
        assert kind(InputFile("gone", str(tmp_path / "gone"))).count_hint() is None


def test_folders_named_by_key_and_value_are_fields(tmp_path: Path) -> None:
    for folder in ("lang=en/topic=sea%20birds", "lang=__HIVE_DEFAULT_PARTITION__", "year=2024"):
        (tmp_path / "h" / folder).mkdir(parents=True)
        pq.write_table(pa.table({"id": [1]}), tmp_path / "h" / folder / "p.parquet")
    pq.write_table(pa.table({"year": [7], "id": [1]}), tmp_path / "h/year=2024/p.parquet")
    (tmp_path / "h/year=2024/q.jsonl").write_text('{"id": 2}\n')
    expected = [
        {"id": 1, "lang": None},
        {"id": 1, "lang": "en", "topic": "sea birds"},
        {"year": 7, "id": 1},
        {"id": 2, "year": "2024"},
    ]
    for argument in ("h", "h/**/*.*", "h/*"):
        sources = open_sources([f"{tmp_path}/{argument}"])
        items = [item for source in sources for item in source.read() if isinstance(item, Record)]
        assert [dict(item.fields) for item in items] == expected, argument
    # As pyarrow does: only what lies below the folder that is named.
    assert fields(tmp_path / "h/lang=en") == [{"id": 1, "topic": "sea birds"}]
    assert fields(tmp_path / "h/lang=en/topic=sea%20birds/p.parquet") == [{"id": 1}]


def test_partitioned_file_keeps_its_count_and_rejected_rows(tmp_path: Path) -> None:
    (tmp_path / "lang=en").mkdir()
    (tmp_path / "lang=en/a.jsonl").write_text('{"id": 1}\nbroken\n')
    (source,) = open_sources([str(tmp_path)])
    good, bad = source.read()
    assert good == Record(f"{tmp_path}/lang=en/a.jsonl:1", {"id": 1, "lang": "en"})
    assert isinstance(bad, Rejected)
    assert (source.name, source.count_hint()) == (f"{tmp_path}/lang=en/a.jsonl", 2)
    (tmp_path / "lang=en/a.jsonl").unlink()
    pq.write_table(table(3), tmp_path / "lang=en/a.parquet")
    np.save(tmp_path / "v.npy", np.ones((4, 2), np.float32))
    (source,) = open_sources([str(tmp_path / "lang=*/*.parquet")], vectors=str(tmp_path / "v.npy"))
    with pytest.raises(SourceError, match=r"found 4 vectors in .* but 3 rows in"):
        next(source.read())


def test_arrow_from_standard_input() -> None:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table().schema) as writer:
        writer.write_table(table())
    (source,) = open_sources(["-"], format="arrow", stdin=io.BytesIO(out.getvalue()))
    assert [item.location for item in source.read()] == ["stdin row 0", "stdin row 1", "stdin row 2"]
    out = io.BytesIO()
    pq.write_table(table(), out)
    (source,) = open_sources(["-"], format="parquet", stdin=io.BytesIO(out.getvalue()))
    # Standard input is there once, and the rows need it.
    assert source.count_hint() is None
    assert len(list(source.read())) == 3


def test_types_come_as_python_values(tmp_path: Path) -> None:
    day = dt.datetime(2026, 1, 2, 3, 4, 5, 678901)  # noqa: DTZ001 (Parquet has times without a zone)
    data = pa.table(
        {
            "ns": pa.array([1767323045678901234, None], pa.timestamp("ns")),
            "day": [day, None],
            "dict": pa.array(["a", None]).dictionary_encode(),
            "nested": [{"k": [1]}, None],
            "big": pa.array(["x", None], pa.large_string()),
        }
    )
    pq.write_table(data, tmp_path / "a.parquet")
    first, second = fields(tmp_path / "a.parquet")
    assert first == {
        "ns": day,
        "day": day,
        "dict": "a",
        "nested": {"k": [1]},
        "big": "x",
    }
    assert set(second.values()) == {None}


def test_value_without_a_python_form_rejects_its_row(tmp_path: Path) -> None:
    bad_text = pa.StringArray.from_buffers(
        2, pa.py_buffer(np.array([0, 1, 2], np.int32).tobytes()), pa.py_buffer(b"a\xff")
    )
    data = pa.table({"id": [1, 2], "text": bad_text})
    path = tmp_path / "a.arrow"
    with pa.ipc.new_file(str(path), data.schema) as writer:
        writer.write_table(data)
    (source,) = open_sources([str(path)])
    good, bad = source.read()
    assert good == Record(f"{path} row 0", {"id": 1, "text": "a"})
    assert isinstance(bad, Rejected)
    assert bad.location == f"{path} row 1"
    assert bad.reason.startswith("column 'text': UnicodeDecodeError")
    assert bad.excerpt == "{'id': 2}"


@pytest.mark.parametrize(
    "kind",
    [pa.list_(pa.float32(), 2), pa.list_(pa.float64()), pa.large_list(pa.int8()), pa.list_(pa.float16(), 2)],
)
def test_vector_columns_come_as_numpy_rows(tmp_path: Path, kind: pa.DataType) -> None:
    values = [[np.float16(i), np.float16(-i)] for i in range(5)] if kind.value_type == pa.float16() else None
    values = values or [[i, -i] for i in range(5)]
    data = pa.table({"id": list(range(5)), "v": pa.array([*values[:2], None, *values[3:]], kind)})
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), data.schema) as writer:
        writer.write_table(data)
    rows = fields(tmp_path / "a.arrow", vector_field="v")
    assert all(isinstance(row["v"], np.ndarray) for i, row in enumerate(rows) if i != 2)
    assert [None if row["v"] is None else row["v"].tolist() for row in rows] == [
        [0, 0], [1, -1], None, [3, -3], [4, -4],
    ]  # fmt: skip


def test_vector_column_of_another_type(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "v": ["[1]"]}), tmp_path / "a.parquet")
    (source,) = open_sources([str(tmp_path / "a.parquet")], vector_field="v")
    with pytest.raises(SourceError, match=r"column 'v': found type string, expected lists of numbers"):
        list(source.read())


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_not_of_the_format(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b'{"id": 1}\n' * 50)
    (source,) = open_sources([str(tmp_path / name)])
    with pytest.raises(SourceError, match=rf"{name} row 0: cannot be read as"):
        list(source.read())


def test_cut_parquet(tmp_path: Path) -> None:
    pq.write_table(table(), tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-10])
    (source,) = open_sources([str(tmp_path / "a.parquet")])
    assert source.count_hint() is None
    with pytest.raises(SourceError, match=r"a\.parquet row 0: cannot be read as Parquet"):
        list(source.read())


def test_cut_stream_gives_its_good_batches(tmp_path: Path) -> None:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table(4).schema) as writer:
        writer.write_table(table(4), max_chunksize=2)
    (tmp_path / "a.arrow").write_bytes(out.getvalue()[:-60])
    (source,) = open_sources([str(tmp_path / "a.arrow")])
    stream = source.read()
    assert [next(stream).location, next(stream).location] == [
        f"{tmp_path}/a.arrow row 0",
        f"{tmp_path}/a.arrow row 1",
    ]
    with pytest.raises(SourceError, match=r"a\.arrow row 2: cannot be read as Arrow IPC"):
        list(stream)


def test_feather_1_and_doubled_columns(tmp_path: Path) -> None:
    (tmp_path / "a.feather").write_bytes(b"FEA1" + bytes(100))
    (source,) = open_sources([str(tmp_path / "a.feather")])
    with pytest.raises(SourceError, match="found Feather version 1, expected version 2"):
        list(source.read())
    data = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    pq.write_table(data, tmp_path / "b.parquet")
    (source,) = open_sources([str(tmp_path / "b.parquet")])
    with pytest.raises(SourceError, match="found column names used twice: a"):
        list(source.read())


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8"])
def test_npy_beside_rows_counts_rejected_ones(tmp_path: Path, dtype: str) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1}\nbroken\n{"id": 3}\n')
    np.save(tmp_path / "v.npy", np.array([[1, 2], [3, 4], [5, 6]], dtype))
    (source,) = open_sources([str(tmp_path / "a.jsonl")], vectors=str(tmp_path / "v.npy"))
    first, bad, third = source.read()
    assert isinstance(first, Record)
    assert isinstance(bad, Rejected)
    assert isinstance(third, Record)
    assert (first.fields["vector"].tolist(), third.fields["vector"].tolist()) == ([1, 2], [5, 6])
    assert third.fields["vector"].dtype == dtype


@pytest.mark.parametrize(
    ("n", "match"),
    [
        (2, r"found 2 vectors in .*v\.npy, but at least 3 rows \(the next is .*a\.jsonl:3\)"),
        (4, "4 vectors .* but 3 rows"),
    ],
)
def test_counts_disagree(tmp_path: Path, n: int, match: str) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1}\n{"id": 2}\n{"id": 3}\n')
    np.save(tmp_path / "v.npy", np.ones((n, 2), np.float32))
    (source,) = open_sources([str(tmp_path / "a.jsonl")], vectors=str(tmp_path / "v.npy"))
    with pytest.raises(SourceError, match=match):
        list(source.read())


def test_counts_that_disagree_are_found_before_the_first_parquet_row(tmp_path: Path) -> None:
    pq.write_table(table(3), tmp_path / "a.parquet")
    np.save(tmp_path / "v.npy", np.ones((4, 2), np.float32))
    (source,) = open_sources([str(tmp_path / "a.parquet")], vectors=str(tmp_path / "v.npy"))
    assert isinstance(source, NpyVectors)
    with pytest.raises(SourceError, match=r"found 4 vectors in .* but 3 rows in"):
        next(source.read())


def test_field_that_is_there_already(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1, "vector": [1]}\n')
    np.save(tmp_path / "v.npy", np.ones((1, 2), np.float32))
    (source,) = open_sources([str(tmp_path / "a.jsonl")], vectors=str(tmp_path / "v.npy"))
    with pytest.raises(SourceError, match="has a field 'vector' already"):
        list(source.read())
    with pytest.raises(ConfigError, match="is for one source, but the arguments name 2"):
        open_sources([str(tmp_path / "a.jsonl")] * 2, vectors=str(tmp_path / "v.npy"))


def test_npy_files_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "v.npy"
    with pytest.raises(SourceError, match=r"v\.npy: no such file"):
        open_vectors(path)
    for wrong in (np.ones(3), np.ones((2, 2), np.int64), np.ones((2, 2), bool)):
        np.save(path, wrong)
        with pytest.raises(SourceError, match=r"found shape .*expected \(rows, dimensions\) of float16"):
            open_vectors(path)
    np.save(path, np.array([[object()]]), allow_pickle=True)
    with pytest.raises(SourceError, match=r"cannot be read as a \.npy array"):
        open_vectors(path)
    with path.open("wb") as out:
        np.savez(out, a=np.ones((2, 2)))
    with pytest.raises(SourceError, match=r"found an \.npz archive, expected a \.npy array"):
        open_vectors(path)


def test_a_position_that_leads_nowhere_rejects_its_rows(tmp_path: Path) -> None:
    """Made into values unseen, such a column ended the process: pyarrow reads positions without looking at them."""
    texts = pa.StringArray.from_buffers(
        3, pa.py_buffer(np.array([0, 1, 1 << 30, 3], np.int32).tobytes()), pa.py_buffer(b"abc")
    )
    vectors = pa.ListArray.from_buffers(
        pa.list_(pa.float32()),
        3,
        [None, pa.py_buffer(np.array([0, 1, 1 << 30, 3], np.int32).tobytes())],
        children=[pa.array([1, 2, 3], pa.float32())],
    )
    words = pa.array([["aa"], ["bb"], ["cc"]])
    path = tmp_path / "a.arrow"
    schema = pa.schema(
        {"id": pa.int64(), "text": pa.string(), "vector": pa.list_(pa.float32()), "words": pa.list_(pa.string())}
    )
    with pa.ipc.new_file(str(path), schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays([pa.array([1, 2, 3]), texts, vectors, words], schema=schema))
    # The size of the texts of a list is looked up where its positions lead.
    sound, lost = (np.array(at, np.int32).tobytes() for at in ([0, 1, 2, 3], [0, 1, 1 << 29, 1 << 29]))
    written = path.read_bytes()
    assert written.count(sound) == 1
    path.write_bytes(written.replace(sound, lost))
    (source,) = open_sources([str(path)], vector_field="vector")
    first, second, third = source.read()
    assert isinstance(first, Record)
    assert list(first.fields["vector"]) == [1.0]
    assert {**first.fields, "vector": None} == {"id": 1, "text": "a", "vector": None, "words": ["aa"]}
    assert isinstance(second, Rejected)
    assert second.reason.startswith("column 'text': damaged: ")
    assert isinstance(third, Rejected)
    assert third.reason.startswith("column 'text': damaged: ")
    assert "column 'vector': damaged: " in third.reason
    assert "column 'words': damaged: " in third.reason


def test_a_column_s_name_that_is_no_unicode_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "a.arrow"
    data = pa.table({"id": [1], "title": ["x"]})
    with pa.ipc.new_stream(str(path), data.schema) as writer:
        writer.write_table(data)
    path.write_bytes(path.read_bytes().replace(b"title", b"\x80itle"))
    (source,) = open_sources([str(path)])
    with pytest.raises(SourceError, match="row 0: cannot be read as Arrow IPC: 'utf-8' codec can't decode"):
        list(source.read())


def test_a_column_of_lists_that_is_skipped_is_not_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "text": ["x"], "v": [[0.5, 1.0]]}), tmp_path / "a.parquet")
    options = ReadOptions(skipped=frozenset({"v", "text"}))
    (source,) = open_sources([str(tmp_path / "a.parquet")], reading=options)
    assert list(source.read()) == [Record(f"{tmp_path}/a.parquet row 0", {"id": "a", "text": "x", "v": None})]
    assert isinstance(source, ParquetSource)
    assert list(source.spread(1, 1)) == list(source.read())

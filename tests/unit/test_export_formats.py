"""The formats by their names, and Arrow values as JSON and CSV hold them, against slow and plain ways."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vecindex.errors import ConfigError
from vecindex.exports.tables import (
    GROUP_ROWS,
    csv_column,
    json_values,
    lists_of_numbers,
    write_csv,
    write_json,
    write_jsonl,
    write_parquet,
)
from vecindex.verbs.export.options import ENDINGS, format_of

SIGNS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
F32 = st.floats(width=32, allow_subnormal=True)


def test_each_extension_stands_for_its_format() -> None:
    for ending, kind in ENDINGS.items():
        assert format_of(f"a/b.c{ending.upper()}") == (kind, ending.endswith(".gz"))
    assert format_of("a.data", "npy") == ("npy", False)
    assert format_of("a.gz", "csv") == ("csv", True)
    with pytest.raises(ConfigError, match="is that of no format"):
        format_of("a.txt")


@given(st.lists(st.one_of(st.none(), F32), max_size=30))
def test_float32_as_json(values: list[float | None]) -> None:
    column = pa.array(values, pa.float32())
    for told, value in zip(json_values(column), values, strict=True):
        if value is None or not math.isfinite(value):
            assert told is None
            continue
        assert np.float32(told) == np.float32(value)
        # The shortest decimal: NumPy's own idea of it.
        assert told == float(str(np.float32(value)))


@given(st.lists(st.one_of(st.none(), st.floats()), max_size=30))
def test_float64_as_json(values: list[float | None]) -> None:
    told = json_values(pa.array(values, pa.float64()))
    assert told == [None if v is None or not math.isfinite(v) else v for v in values]


@given(st.integers(1, 5), st.lists(F32, max_size=40))
def test_vectors_as_json(width: int, values: list[float]) -> None:
    n = len(values) // width
    rows = np.array(values[: n * width], dtype=np.float32).reshape(n, width)
    column = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), width)
    for part, first in ((column, 0), (column.slice(n // 2), n // 2)):
        texts = lists_of_numbers(part)
        assert len(texts) == n - first
        for text, row in zip(texts, rows[first:], strict=True):
            found = [np.nan if v is None else np.float32(v) for v in json.loads(text)]
            np.testing.assert_array_equal(found, np.where(np.isfinite(row), row, np.nan))


def batches(columns: dict[str, pa.Array], size: int) -> list[pa.RecordBatch]:
    whole = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    return [whole.slice(at, size) for at in range(0, len(whole), size)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.one_of(st.none(), SIGNS), st.integers(-(2**63), 2**63 - 1)), max_size=12), st.integers(1, 5)
)
def test_rows_round_trip_in_every_format(rows: list[tuple[str | None, int]], size: int) -> None:
    columns = {'na"me,': pa.array([r[0] for r in rows], pa.string()), "n": pa.array([r[1] for r in rows], pa.int64())}
    schema = pa.schema([pa.field(name, column.type) for name, column in columns.items()])
    parts = batches(columns, size)
    expected = [{'na"me,': text, "n": number} for text, number in rows]

    def written(write: Any) -> bytes:
        stream = io.BytesIO()
        assert write(stream, schema, parts) == len(rows)
        return stream.getvalue()

    assert json.loads(written(write_json)) == expected
    lines = written(write_jsonl).decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) for line in lines] == expected
    assert pq.read_table(io.BytesIO(written(write_parquet))).to_pylist() == expected
    read = pyarrow.csv.read_csv(
        io.BytesIO(written(write_csv)),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict(zip(schema.names, schema.types, strict=True)),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )
    assert read.to_pylist() == expected, "an empty text is told from none"


def test_columns_of_other_kinds() -> None:
    when = dt.datetime(2020, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    cases = [
        (pa.array([when, None], pa.timestamp("us", tz="UTC")), ["2020-01-02T03:04:05Z", None]),
        (pa.array([dt.date(2020, 1, 2), None]), ["2020-01-02", None]),
        (pa.array([["a", None], None]), [["a", None], None]),
        (pa.array([[1.5, math.nan], []]), [[1.5, None], []]),
        (pa.array([{"a": 1, "b": when}, None]), [{"a": 1, "b": "2020-01-02T03:04:05Z"}, None]),
        (pa.array(["x", "y", "x"]).dictionary_encode(), ["x", "y", "x"]),
        (pa.array([True, None, False]), [True, None, False]),
        (pa.array([b"\x00\xff"]), ["00ff"]),
    ]
    for column, told in cases:
        assert json_values(column) == told
    assert csv_column(cases[3][0]).to_pylist() == ["[1.5, null]", "[]"]
    assert csv_column(cases[0][0]).to_pylist() == ["2020-01-02T03:04:05Z", None]
    assert csv_column(cases[5][0]).to_pylist() == ["x", "y", "x"]


def test_row_groups_are_neither_one_nor_many() -> None:
    n, size = 2 * GROUP_ROWS + 10, 1_000
    stream = io.BytesIO()
    columns = {"n": pa.array(range(n), pa.int64())}
    write_parquet(stream, pa.schema([("n", pa.int64())]), batches(columns, size))
    found = pq.ParquetFile(io.BytesIO(stream.getvalue()))
    rows = [found.metadata.row_group(i).num_rows for i in range(found.num_row_groups)]
    assert rows == [32_000, 32_000, n - 64_000]
    assert found.read().column("n").to_pylist() == list(range(n))

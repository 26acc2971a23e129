"""Rows as Parquet, as CSV and as JSON, batch by batch."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    import pyarrow as pa

VECTOR = "vector"
# Held as Python values, as lines and as bytes at once.
_ROWS = 256
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
GROUP_ROWS = 32_768
GROUP_BYTES = 16 << 20
"""A row group is written when it has so many rows, or so many bytes in memory."""


def write_parquet(stream: BinaryIO, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write Parquet, packed with zstd; return the rows. A row group is held in memory."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = 0
    # Not as a context manager: closing writes the footer, which after a fault would fail again and hide it.
    writer = pq.ParquetWriter(stream, schema, compression="zstd")
    try:
        for group in _groups(batches):
            rows += sum(map(len, group))
            writer.write_table(pa.Table.from_batches(group), row_group_size=GROUP_ROWS)
        writer.close()
    except BaseException:
        writer.is_open = False
        raise
    return rows


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    for batch in batches:
        group.append(batch)
        # Only full batches, so that no group is cut in two by its rows.
        if sum(map(len, group)) + len(batch) > GROUP_ROWS or sum(b.nbytes for b in group) >= GROUP_BYTES:
            yield group
            group = []
    if group:
        yield group


def write_csv(stream: BinaryIO, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write CSV in UTF-8 with a header; return the rows.

    Texts stand in quotes, so that an empty one ("") differs from null (nothing). Nothing is done to a text that a
    spreadsheet would take for a formula.
    """
    import pyarrow as pa
    import pyarrow.csv

    names = schema.names
    empty = [pa.array([], field.type) for field in schema]
    shown = pa.schema([pa.field(name, csv_column(column).type) for name, column in zip(names, empty, strict=True)])
    rows = 0
    with pyarrow.csv.CSVWriter(stream, shown) as writer:
        for batch in batches:
            columns = [csv_column(column) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=shown))
            rows += len(batch)
    return rows


def write_jsonl(stream: BinaryIO, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write an object a line, in UTF-8; return the rows."""
    rows = 0
    for batch in _small(batches):
        lines = list(objects(batch))
        stream.write("".join(f"{line}\n" for line in lines).encode())
        rows += len(lines)
    return rows


def write_json(stream: BinaryIO, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write one array of objects, in UTF-8, each on a line of its own; return the rows."""
    rows = 0
    stream.write(b"[")
    for batch in _small(batches):
        lines = list(objects(batch))
        if lines:
            stream.write(((",\n" if rows else "\n") + ",\n".join(lines)).encode())
        rows += len(lines)
    stream.write(b"\n]\n" if rows else b"]\n")
    return rows


def _small(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for at in range(0, len(batch), _ROWS):
            yield batch.slice(at, _ROWS)


def objects(batch: pa.RecordBatch) -> Iterator[str]:
    """Yield each row as the text of a JSON object; names in the order of the columns, the vector last."""
    names = [name for name in batch.schema.names if name != VECTOR]
    columns = [json_values(batch.column(name)) for name in names]
    vectors = lists_of_numbers(batch.column(VECTOR)) if VECTOR in batch.schema.names else None
    for i in range(len(batch)):
        text = _ENCODE({name: column[i] for name, column in zip(names, columns, strict=True)})
        if vectors is not None:
            text = text[:-1] + ("," if names else "") + f'"{VECTOR}":{vectors[i]}}}'
        yield text


def decoded(column: pa.Array) -> pa.Array:
    """Return a dictionary column as the values it stands for; others as they are."""
    import pyarrow as pa

    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def finite(column: pa.Array) -> pa.Array:
    """Return a column of floats as float64 with null for NaN and infinity, which JSON does not have.

    A float32 becomes the float64 of its shortest decimal, 0.1 and not 0.10000000149; read as float32 it is the same.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kept = pc.if_else(pc.is_finite(column), column, None)
    if pa.types.is_float64(column.type):
        return kept
    return kept.cast(pa.string()).cast(pa.float64())


def json_values(column: pa.Array) -> list[Any]:
    """Return a column as plain values for JSON: times in ISO 8601, null for what is not a number."""
    import pyarrow as pa

    column = decoded(column)
    kind = column.type
    if pa.types.is_floating(kind):
        return list(finite(column).to_pylist())
    values: list[Any] = column.to_pylist()
    if pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return values
    return [json_value(value) for value in values]


def json_value(value: Any) -> Any:
    """Return a value as JSON can hold it.

    >>> json_value({"a": [float("nan"), dt.date(2020, 1, 2)]})
    {'a': [None, '2020-01-02']}
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, dt.datetime):
        text = value.isoformat()
        return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def csv_column(column: pa.Array) -> pa.Array:
    """Return a column as the CSV writer takes it: numbers, booleans, dates and texts; lists and the like as JSON."""
    import pyarrow as pa

    column = decoded(column)
    kind = column.type
    simple = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_date32)
    if any(test(kind) for test in simple):
        return column
    texts = [None if value is None else _cell(json_value(value)) for value in column.to_pylist()]
    return pa.array(texts, pa.string())


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def lists_of_numbers(column: pa.Array) -> list[str]:
    """Return a column of vectors, all of one length, as JSON texts; numbers as in `finite`.

    Many times as quick as one Python number for each value.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = column.flatten()
    texts = pc.if_else(pc.is_finite(flat), flat, None).cast(pa.string()).fill_null("null")
    width = column.type.list_size
    rows = pa.FixedSizeListArray.from_arrays(texts, width).cast(pa.list_(pa.string()))
    return [f"[{text}]" for text in pc.binary_join(rows, ",").to_pylist()]

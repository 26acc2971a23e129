"""Rows as Parquet, as CSV and as JSON, batch by batch."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from vecindex.exports.values import csv_column, json_values, lists_of_numbers

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

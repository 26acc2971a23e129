"""Rows as Parquet and as CSV, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from vecindex.exports.values import csv_column

if TYPE_CHECKING:
    import pyarrow as pa

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

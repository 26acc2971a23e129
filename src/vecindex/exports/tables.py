"""Rows as Parquet and as CSV, batch by batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, BinaryIO

from vecindex.exports.values import csv_column

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP_ROWS = 16_384


def write_parquet(stream: BinaryIO, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write Parquet, packed with zstd, a row group for each batch; return the rows."""
    import pyarrow.parquet as pq

    rows = 0
    # Not as a context manager: closing writes the footer, which after a fault would fail anew and hide it.
    writer = pq.ParquetWriter(stream, schema, compression="zstd")
    try:
        for batch in batches:
            writer.write_batch(batch, row_group_size=ROW_GROUP_ROWS)
            rows += len(batch)
        writer.close()
    except BaseException:
        writer.is_open = False
        raise
    return rows


def write_csv(stream: BinaryIO, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write CSV in UTF-8 with a header; return the rows.

    Texts stand in quotes, so that an empty one ("") differs from null (nothing). Nothing is done to a text that a
    spreadsheet would take for a formula.
    """
    import pyarrow as pa
    import pyarrow.csv

    names = schema.names
    empty = [pa.array([], field.type) for field in schema]
    told = pa.schema([pa.field(name, csv_column(column).type) for name, column in zip(names, empty, strict=True)])
    rows = 0
    with pyarrow.csv.CSVWriter(stream, told) as writer:
        for batch in batches:
            columns = [csv_column(column) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=told))
            rows += len(batch)
    return rows

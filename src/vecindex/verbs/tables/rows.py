"""The rows of a table as the source of another one's ingest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vecindex.schema import field_of, is_label

if TYPE_CHECKING:
    import pyarrow as pa

    from vecindex.store.articles import ArticleTable

OWN = ("id", "title", "text")
"""The fields of a row that every article has."""


@dataclass(frozen=True, slots=True)
class TableRows:
    """Rows of a known number that are read once, as an Arrow stream."""

    num_rows: int
    reader: Any

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a PyCapsule of an ArrowArrayStream."""
        return self.reader.__arrow_c_stream__(requested_schema)


def fields_in(table: ArticleTable) -> list[pa.Field]:
    """Return the columns of a table that hold fields of its source: all but its labels."""
    return [column for column in table.extra_columns if not is_label(column)]


def names_of(table: ArticleTable) -> dict[str, str]:
    """Return by column under which name each other field of a table is a field of a row.

    That is its own, and its column's where that is the id's, the text's or the title's, or another's column, also
    one of labels.
    """
    names = {column.name: field_of(column) or column.name for column in fields_in(table)}
    there = {column.name for column in table.extra_columns}
    return {
        column: column if name in OWN or (name != column and name in there) else name
        for column, name in names.items()
    }


def renamed(
    batches: Iterator[pa.RecordBatch], columns: Sequence[pa.Field], names: Sequence[str], rows: int
) -> TableRows:
    """Return batches of these columns under other names."""
    import pyarrow as pa

    schema = pa.schema([pa.field(name, field.type) for name, field in zip(names, columns, strict=True)])
    at = [field.name for field in columns]

    def given() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield pa.RecordBatch.from_arrays([batch.column(name) for name in at], schema=schema)

    return TableRows(rows, pa.RecordBatchReader.from_batches(schema, given()))


def numbered(batches: Iterator[pa.RecordBatch], columns: Sequence[pa.Field], name: str, rows: int) -> TableRows:
    """Return batches of these columns, behind a column `name` with the number of each row, from 0, as text."""
    import pyarrow as pa

    schema = pa.schema([pa.field(name, pa.string()), *(pa.field(field.name, field.type) for field in columns)])

    def given() -> Iterator[pa.RecordBatch]:
        start = 0
        for batch in batches:
            numbers = pa.array([f"row-{start + i}" for i in range(len(batch))])
            yield pa.RecordBatch.from_arrays(
                [numbers, *(batch.column(field.name) for field in columns)], schema=schema
            )
            start += len(batch)

    return TableRows(rows, pa.RecordBatchReader.from_batches(schema, given()))

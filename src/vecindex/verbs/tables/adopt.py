"""A table that vecindex did not make, with vectors, becomes one of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from vecindex.errors import ConfigError, SourceError
from vecindex.messages import Placeholder, option, text
from vecindex.options import checked
from vecindex.sources.fieldmap import find_id
from vecindex.store.database import Database
from vecindex.types import Observer, Silent
from vecindex.verbs.ingest.ingest import ingest
from vecindex.verbs.ingest.options import IngestOptions
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.ingest.run import Stop
from vecindex.verbs.tables.options import AdoptOptions
from vecindex.verbs.tables.rows import TableRows, numbered, renamed

if TYPE_CHECKING:
    import pyarrow as pa

_ID = "id"
_ROWS = 1_024


def adopt(
    database: Database,
    name: str,
    source: str,
    options: AdoptOptions,
    observer: Observer | None = None,
    stop: Stop | None = None,
) -> IngestReport:
    """Make the table `name` of a table that vecindex did not make; see `Index.adopt`."""
    options = checked(AdoptOptions, options)
    observer = observer or Silent()
    if name == source:
        raise ConfigError(
            f"The table {source!r} stays as it is, and another one is made of it.",
            text("Name the table to make: ", option("table", Placeholder("NEW"))),
        )
    data = database.plain(source)
    vector = _vector_column(data.schema, options["vector_field"], source)
    rows = _rows(data, vector, options["id_field"], observer)
    given = {key: value for key, value in options.items() if value is not None}
    given |= {"vector_field": vector, "id_field": options["id_field"] or find_id(data.schema.names) or _ID}
    return ingest(database, name, [rows], cast("IngestOptions", given), observer, stop, name=f"table {source}")


def _rows(data: object, vector: str, id_field: str | None, observer: Observer) -> TableRows:
    """Return the rows of a Lance dataset, with their numbers as ids where no column is recognized as one."""
    schema: pa.Schema = data.schema  # type: ignore[attr-defined]
    columns = [field for field in schema if field.name == vector or not _is_vector(field)]
    left = [field.name for field in schema if field not in columns]
    if left:
        observer.notice(f"other columns with vectors are left out: {', '.join(left)}")
    names = [field.name for field in columns]
    batches = data.scanner(columns=names, batch_size=_ROWS, scan_in_order=True).to_batches()  # type: ignore[attr-defined]
    count = int(data.count_rows())  # type: ignore[attr-defined]
    if id_field is not None or find_id(names) is not None:
        return renamed(batches, columns, names, count)
    observer.notice("no column is recognized as the id, so the rows' numbers are their ids: row-0, row-1, ...")
    return numbered(batches, columns, _ID, count)


def _vector_column(schema: pa.Schema, named: str | None, source: str) -> str:
    """Return the column with the vectors: the one that is named, else the only one."""
    found = [field.name for field in schema if _is_vector(field)]
    if named is not None and named in schema.names:
        return named
    there = ", ".join(found) or "none"
    if named is not None:
        raise ConfigError(f"The table {source!r} has no column {named!r} (columns with vectors: {there}).")
    if len(found) == 1:
        return str(found[0])
    if not found:
        raise SourceError(
            f"The table {source!r} has no column with vectors of one length.",
            text("Without vectors its rows are a source like any other; or name it: ", option("vector_field")),
        )
    raise ConfigError(
        f"The table {source!r} has several columns with vectors: {there}.",
        text("Name one: ", option("vector_field", found[0])),
    )


def _is_vector(field: pa.Field) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_fixed_size_list(field.type) and pa.types.is_floating(field.type.value_type))

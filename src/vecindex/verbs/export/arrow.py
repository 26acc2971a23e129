"""Vectors and positions of a table as Arrow data, which other libraries take over without a copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.search import check_condition
from vecindex.verbs.map_state import chosen_map

if TYPE_CHECKING:
    import pyarrow as pa


def read_vectors(database: Database, name: str, where: str | None, at: str | None) -> pa.RecordBatchReader:
    """Return ids and vectors as a stream of one version of the table; see `Index.vectors`."""
    table = _opened(database, name, where, at)
    return _reader(table, {"vector": "vector"}, where)


def read_positions(database: Database, name: str, on: str | None, where: str | None, at: str | None) -> pa.Table:
    """Return ids and positions on a map, of one version of the table; see `Index.positions`."""
    import pyarrow.compute as pc

    table = _opened(database, name, where, at)
    chosen, _ = chosen_map(table, on)
    on_map = f"{chosen}_x IS NOT NULL AND {chosen}_y IS NOT NULL"
    condition = on_map if where is None else f"({where}) AND {on_map}"
    found = _reader(table, {f"{chosen}_x": "x", f"{chosen}_y": "y"}, condition).read_all()
    return found.filter(pc.and_(pc.is_finite(found["x"]), pc.is_finite(found["y"])))


def _opened(database: Database, name: str, where: str | None, at: str | None) -> ArticleTable:
    table = database.articles(name, at)
    if at is None:
        # All that follows reads one version, whatever is committed meanwhile.
        table.lance.checkout(table.version)
    if where is not None:
        check_condition(table, where)
    return table


def _reader(table: ArticleTable, columns: Mapping[str, str], where: str | None) -> pa.RecordBatchReader:
    """Return columns, renamed, behind the ids; of chunks with the ids of their articles too."""
    import pyarrow as pa

    ids = ["id"] if table.fingerprint.chunking is None else ["id", "article_id"]
    taken = {**{name: name for name in ids}, **columns}
    schema = pa.schema([(new, table.schema.field(name).type) for name, new in taken.items()])

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in table.stream(list(taken), where):
            yield pa.RecordBatch.from_arrays([batch.column(name) for name in taken], schema=schema)

    return pa.RecordBatchReader.from_batches(schema, batches())

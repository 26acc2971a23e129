"""Vectors and positions of a table as Arrow data, which other libraries take over without a copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.verbs.export.columns import Columns, open_version
from vecindex.verbs.map_state import chosen_map

if TYPE_CHECKING:
    import pyarrow as pa


def read_vectors(database: Database, name: str, where: str | None, at: str | None) -> pa.RecordBatchReader:
    """Return ids and vectors as a stream of one version of the table; see `Index.vectors`."""
    return _reader(open_version(database, name, where, at), ["vector"], ["vector"], where)


def read_positions(database: Database, name: str, on: str | None, where: str | None, at: str | None) -> pa.Table:
    """Return ids and positions on a map, of one version of the table; see `Index.positions`."""
    import pyarrow.compute as pc

    table = open_version(database, name, where, at)
    chosen, _ = chosen_map(table, on)
    on_map = f"{chosen}_x IS NOT NULL AND {chosen}_y IS NOT NULL"
    condition = on_map if where is None else f"({where}) AND {on_map}"
    found = _reader(table, ["x", "y"], [f"{chosen}_x", f"{chosen}_y"], condition).read_all()
    return found.filter(pc.and_(pc.is_finite(found["x"]), pc.is_finite(found["y"])))


def _reader(
    table: ArticleTable, names: Sequence[str], sources: Sequence[str], where: str | None
) -> pa.RecordBatchReader:
    """Return columns, renamed, behind the ids; of chunks with the ids of their articles too."""
    import pyarrow as pa

    ids = ["id"] if table.fingerprint.chunking is None else ["id", "article_id"]
    columns = Columns((*ids, *names), (*ids, *sources), (), None)
    batches = (columns.taken(batch) for batch in table.stream(columns.sources, where))
    return pa.RecordBatchReader.from_batches(columns.schema(table.schema), batches)

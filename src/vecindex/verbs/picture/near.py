"""The nearest articles of each article by embedding, as the page of a map holds them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vecindex.core.neighbors import NO_ROW
from vecindex.core.picture import I32, OFF_MAP
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Observer
from vecindex.verbs.graph import complete, prepare
from vecindex.verbs.map_rows import in_id_order, index_of

MOST_SEARCHED = 20_000
"""Without a stored neighbor graph, the lists of at most so many articles are searched for."""
_ID_ROWS = 16_384


def near_articles(
    database: Database, table: ArticleTable, ids: Sequence[str], k: int, seed: int, observer: Observer
) -> I32 | None:
    """Return the k nearest other articles of each article of a picture, (m, k), nearest first; None if unknown.

    They are those of the neighbor graph that is kept with the table's maps. Articles whose lists changed since have
    none; where that is many, and the table is small, all are searched for.

    Parameters
    ----------
    ids : of the articles in the picture's order.

    Values are indices in the picture's order, NO_ROW at the end of a shorter list, OFF_MAP for one that is not on the
    map.
    """
    import pyarrow as pa

    if not k:
        return None
    batches = list(table.stream(["id", "content_hash"], rows=_ID_ROWS))
    if not batches:
        return None
    columns = [pa.concat_arrays([batch.column(i) for batch in batches]) for i in range(2)]
    rows = in_id_order(table, *columns)
    if len(rows) < 2:
        return None
    prepared = prepare(database, rows, k, observer)
    graph = prepared.kept
    if not prepared.whole and len(rows) <= MOST_SEARCHED:
        graph, _ = complete(prepared, prepared.rows.matrix(observer), k, seed, observer)
    if graph is None:
        return None
    graph = graph.first(k)
    at = index_of(prepared.rows.ids.slice(0, len(graph)), pa.array(ids, pa.string()))
    near = np.full((len(ids), graph.k), NO_ROW, dtype=np.int32)
    shown = at >= 0
    found = np.where(graph.rows == NO_ROW, NO_ROW, np.where(at >= 0, at, OFF_MAP)[graph.rows])
    near[at[shown]] = found[shown]
    return near

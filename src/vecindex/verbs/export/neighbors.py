"""The nearest articles of each row of an export, by embedding, as rows of the same file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vecindex.core.graph import I32
from vecindex.core.neighbors import NO_ROW
from vecindex.core.texts.joined import joined
from vecindex.core.vectors import F32
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Observer
from vecindex.verbs.graph import complete, prepare
from vecindex.verbs.map_rows import MapRows, in_id_order, index_of

if TYPE_CHECKING:
    import pyarrow as pa

_SEED = 0
_ID_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class NeighborsFrom:
    """What the neighbors of an export are: so many of each row, how they were found, and how many of them are right.

    `how` is "stored" (the graph that the last map kept), "extended" (that one, and some rows searched for) or "made";
    `recall` is 1.0 where the search was exact, see `core.graph.Graph`.
    """

    k: int
    how: str
    recall: float


@dataclass(frozen=True, slots=True)
class FileNeighbors:
    """The lists of neighbors, in the order of the file.

    Attributes
    ----------
    rows : (n, k) int32, rows of the file, nearest first; NO_ROW at the end of a shorter list.
    dist : (n, k) float32, cosine distance, 0 to 2, lower is closer.
    """

    rows: I32
    dist: F32
    about: NeighborsFrom

    def column(self, at: int, count: int) -> pa.StructArray:
        """Return {"ids", "distances"} of `count` rows from row `at` on; each list begins with its own row, at 0.

        embedding-atlas makes them so itself. The ids are int32, which a browser reads as plain numbers.
        """
        import pyarrow as pa

        own = np.arange(at, at + count, dtype=np.int32)[:, None]
        rows = np.concatenate([own, self.rows[at : at + count]], axis=1)
        dist = np.concatenate([np.zeros((count, 1), dtype=np.float32), self.dist[at : at + count]], axis=1)
        there = rows != NO_ROW
        offsets = pa.array(np.concatenate([[0], there.sum(axis=1).cumsum()]).astype(np.int32))
        ids = pa.ListArray.from_arrays(offsets, pa.array(rows[there]))
        distances = pa.ListArray.from_arrays(offsets, pa.array(dist[there]))
        return pa.StructArray.from_arrays([ids, distances], names=["ids", "distances"])


def file_neighbors(
    database: Database, table: ArticleTable, where: str | None, k: int, observer: Observer
) -> FileNeighbors:
    """Return the k nearest rows of each row that an export holds, among those that it holds.

    They are those of the neighbor graph that is kept with the table's maps, where it holds for all rows. Where some
    rows changed, came or are left out, their lists are searched for; where that is many, all lists are, exactly for
    up to 20,000 rows. Only then are the vectors read, into memory.
    """
    rows, scanned = _rows(table, where)
    n = len(rows)
    if n < 2:
        return FileNeighbors(np.empty((n, 0), np.int32), np.empty((n, 0), np.float32), NeighborsFrom(0, "made", 1.0))
    prepared = prepare(database, rows, k, observer)
    if prepared.whole and prepared.kept is not None:
        graph, how = prepared.kept.first(k), "stored"
    else:
        graph, origin = complete(prepared, prepared.rows.matrix(observer, where), k, _SEED, observer)
        graph, how = graph.first(k), origin.how
    position = index_of(prepared.rows.ids, scanned)
    near = np.full(graph.rows.shape, NO_ROW, dtype=np.int32)
    dist = np.zeros(graph.rows.shape, dtype=np.float32)
    near[position] = np.where(graph.rows == NO_ROW, NO_ROW, position[graph.rows]).astype(np.int32)
    dist[position] = np.clip(1.0 - graph.sims, 0.0, 2.0)
    return FileNeighbors(near, dist, NeighborsFrom(graph.k, how, graph.recall))


def _rows(table: ArticleTable, where: str | None) -> tuple[MapRows, pa.Array]:
    """Return the rows of the file in the order of their ids, and their ids in the order of the file."""
    batches = list(table.stream(["id", "content_hash"], where, rows=_ID_ROWS))
    ids, hashes = (joined([batch.column(i) for batch in batches]) for i in range(2))
    return in_id_order(table, ids, hashes), ids

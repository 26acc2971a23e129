"""The neighbor graph of a table's articles: the stored one where it still holds, else extended or made again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import NO_ROW, Rows
from vecindex.core.vectors import F32
from vecindex.errors import LockedError
from vecindex.neighbors.graph import extend_graph, knn_graph
from vecindex.store.database import Database
from vecindex.store.graph import GraphTable, StoredGraph
from vecindex.types import Observer
from vecindex.verbs.map_rows import MapRows, same_rows

MAX_EXTENDED = 0.34
"""Where more of the rows than this share are new or lost neighbors, the graph is made again."""
_CHECKED = 1_000
# float32 products of unit vectors, summed in another order.
_TOLERANCE = 1e-3

Make = Callable[[F32, int, int, Observer], Graph]
"""Makes a graph of vectors (n, d): with k neighbors, a seed, and who hears how far it is."""


@dataclass(frozen=True, slots=True)
class GraphOrigin:
    """Where a graph came from.

    Attributes
    ----------
    k, recall : see `core.graph.Graph`.
    how : "made", "extended" or "stored".
    searched : rows whose lists were searched for; 0 when the stored graph held as it was.
    """

    k: int
    recall: float
    how: str
    searched: int


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows in the order of the graph, with the stored graph as far as it holds for them: the first of the rows."""

    rows: MapRows
    kept: Graph | None
    whole: bool
    """Whether nothing changed since it was stored."""
    stored: int = 0
    """Rows of the graph that is stored, of whatever it may be."""

    @property
    def searched(self) -> int:
        """Rows whose lists must be searched for: all, or those that are new or lost a neighbor."""
        kept = self.kept
        return len(self.rows) if kept is None else len(self.rows) - len(kept) + int(kept.incomplete().sum())


def prepare(database: Database, rows: MapRows, k: int, observer: Observer) -> Prepared:
    """Return the rows in the order of the stored graph, new ones at the end; as they are, where none can be used.

    A stored row counts if the table has its id with the same content, and the same model made the vectors. Lists that
    lost a neighbor are searched again.
    """
    stored = GraphTable(database, rows.table.name, observer.notice).load()
    there = 0 if stored is None else len(stored.graph)
    if stored is None or stored.graph.k < min(k, len(rows) - 1) or stored.made_by != made_by(rows):
        return Prepared(rows, None, False, there)
    now = same_rows(stored.ids, stored.contents, rows.ids, rows.contents)
    held = now >= 0
    kept = stored.graph.keep(held)
    searched = len(rows) - len(kept) + int(kept.incomplete().sum())
    if len(kept) < 2 or searched > MAX_EXTENDED * len(rows):
        return Prepared(rows, None, False, there)
    old = now[held]
    new = np.setdiff1d(np.arange(len(rows)), old)
    return Prepared(rows.ordered(np.concatenate([old, new])), kept, not searched and bool(held.all()), there)


def complete(
    prepared: Prepared, vectors: F32, k: int, seed: int, observer: Observer, make: Make | None = None
) -> tuple[Graph, GraphOrigin]:
    """Return the graph of all rows, and how it came about; `vectors` (n, d) are in the order of `prepared.rows`.

    `make` makes a whole one; None makes it in this process.
    """
    kept = prepared.kept
    if kept is not None and not _agrees(kept, vectors, seed):
        observer.notice("the stored neighbor graph is not that of these vectors; it is made again")
        kept = None
    if kept is None:
        how, searched = "made", len(vectors)
        graph = (make or _here)(vectors, min(k, len(vectors) - 1), seed, observer)
    elif searched := len(vectors) - len(kept) + int(kept.incomplete().sum()):
        graph, how = extend_graph(kept, vectors, seed=seed, observer=observer), "extended"
    else:
        graph, how = kept, "stored"
    return graph, GraphOrigin(graph.k, graph.recall, how, searched)


def _here(vectors: F32, k: int, seed: int, observer: Observer) -> Graph:
    return knn_graph(vectors, k, seed=seed, observer=observer)


def complete_and_keep(
    database: Database,
    prepared: Prepared,
    vectors: F32,
    k: int,
    seed: int,
    observer: Observer,
    make: Make | None = None,
) -> tuple[Graph, GraphOrigin, bool]:
    """Return what `complete` does, after storing a graph that is not stored yet; and whether it is stored now."""
    graph, origin = complete(prepared, vectors, k, seed, observer, make)
    stored = prepared.whole and origin.how == "stored"
    return graph, origin, stored or keep_graph(database, prepared.rows, graph, observer)


def keep_graph(database: Database, rows: MapRows, graph: Graph, observer: Observer) -> bool:
    """Store a graph for the next map, unless another process is writing; return whether it was stored."""
    stored = StoredGraph(rows.ids, rows.contents, graph, made_by(rows), rows.version)
    try:
        with database.writer():
            GraphTable(database, rows.table.name, observer.notice).save(stored)
    except LockedError:
        return False
    return True


def made_by(rows: MapRows) -> str:
    """Return what made the vectors, as text that is equal iff they may be compared."""
    return json.dumps(rows.table.fingerprint.to_dict(), sort_keys=True)


def _agrees(graph: Graph, vectors: F32, seed: int) -> bool:
    """Return whether the stored cosines of some rows are those of the vectors, which the hashes do not prove."""
    some: Rows = np.random.default_rng(seed).permutation(len(graph))[:_CHECKED]
    near, sims = graph.rows[some], graph.sims[some]
    row, at = np.nonzero(near != NO_ROW)
    true = np.einsum("ij,ij->i", vectors[some[row]], vectors[near[row, at]])
    return bool((np.abs(true - sims[row, at]) < _TOLERANCE).all())

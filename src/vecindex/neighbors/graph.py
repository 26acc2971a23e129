"""The articles' neighbor graph by FAISS: each list exact, a block of articles at a time."""

from __future__ import annotations

import time

import numpy as np

from vecindex.core.graph import I32, Graph
from vecindex.core.neighbors import NO_ROW
from vecindex.core.vectors import F32
from vecindex.neighbors.blas import blas_for, load_faiss
from vecindex.types import Observer, Stage

STAGE = "graph"
_BLOCK = 2_048


def knn_graph(vectors: F32, k: int, *, seed: int, observer: Observer) -> Graph:
    """Return the k nearest other articles of each article.

    Parameters
    ----------
    vectors : (n, d) float32, unit vectors. Lists are shorter where n - 1 < k.
    """
    begun = time.perf_counter()
    rows, sims = _nearest(np.arange(len(vectors)), vectors, k, observer)
    return Graph(rows, sims, 1.0, time.perf_counter() - begun)


def extend_graph(graph: Graph, vectors: F32, *, seed: int, observer: Observer) -> Graph:
    """Return the graph of more articles: the old ones first, whose lists take in new ones that are nearer.

    A list that is `incomplete` is searched anew.

    Parameters
    ----------
    vectors : (n, d) float32 of all articles, unit vectors, the first `len(graph)` being the old ones.
    """
    begun = time.perf_counter()
    n, k = len(vectors), graph.k
    rows = np.full((n, k), NO_ROW, dtype=np.int32)
    sims = np.full((n, k), -np.inf, dtype=np.float32)
    old = len(graph)
    rows[:old], sims[:old] = graph.rows, graph.sims
    stale = (rows != NO_ROW).sum(axis=1) < min(k, old - 1)
    stale[old:] = True
    again = np.flatnonzero(stale)
    rows[again], sims[again] = _nearest(again, vectors, k, observer)
    if old < n:
        _take_in(rows, sims, np.flatnonzero(~stale), vectors, old, k)
    return Graph(rows, sims, graph.recall, graph.seconds + time.perf_counter() - begun)


def _take_in(rows: I32, sims: F32, old: np.ndarray, vectors: F32, first_new: int, k: int) -> None:
    faiss = load_faiss()
    fresh = vectors[first_new:]
    for at in range(0, len(old), _BLOCK):
        part = old[at : at + _BLOCK]
        with blas_for(faiss, len(part)):
            near, local = faiss.knn(vectors[part], fresh, min(k, len(fresh)), metric=faiss.METRIC_INNER_PRODUCT)
        rows[part], sims[part] = _best(
            np.concatenate([rows[part], (local + first_new).astype(np.int32)], axis=1),
            np.concatenate([sims[part], near], axis=1),
            k,
        )


def _nearest(asked: np.ndarray, vectors: F32, k: int, observer: Observer) -> tuple[I32, F32]:
    faiss = load_faiss()
    rows = np.full((len(asked), k), NO_ROW, dtype=np.int32)
    sims = np.full((len(asked), k), -np.inf, dtype=np.float32)
    depth = min(k + 1, len(vectors))
    for at in range(0, len(asked), _BLOCK):
        observer.stage(Stage(STAGE, at, len(asked)))
        part = asked[at : at + _BLOCK]
        with blas_for(faiss, len(part)):
            near, local = faiss.knn(vectors[part], vectors, depth, metric=faiss.METRIC_INNER_PRODUCT)
        found = np.where(local == part[:, None], NO_ROW, local).astype(np.int32)
        near = np.where(found == NO_ROW, -np.inf, near).astype(np.float32)
        best = _best(found, near, k)
        width = best[0].shape[1]
        rows[at : at + _BLOCK, :width], sims[at : at + _BLOCK, :width] = best
    return rows, sims


def _best(rows: I32, sims: F32, k: int) -> tuple[I32, F32]:
    order = np.lexsort((rows, -sims), axis=1)[:, :k]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(sims, order, axis=1)

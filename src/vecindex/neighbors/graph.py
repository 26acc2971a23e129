"""The articles' neighbor graph: exact for few articles; by clusters and neighbors of neighbors for many, measured.

Of many articles each looks only into the clusters nearest to it (an inverted file, Jegou et al. 2011, with the
products of a cluster's members and all who look into it as one matrix product, which serves both sides), and then at
its neighbors' neighbors (Dong et al. 2011), until a sample, compared with the exact lists, has the recall asked for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np

from vecindex.core.graph import I32, Graph
from vecindex.core.neighbors import NO_ROW, Rows
from vecindex.core.vectors import F32
from vecindex.neighbors.blas import Products, blas_for, in_threads, load_faiss, parts
from vecindex.neighbors.exact import ExactSearch
from vecindex.types import Observer, Stage

STAGE = "graph"
EXACT_UP_TO = 20_000
RECALL = 0.99
_BLOCK = 2_048
# Searched at a time, so that what is computed of them needs little memory.
_ROWS = 16_384
_PROBES = 24
_TRAINED_ON = 48
_KMEANS_ITERATIONS = 5
_ASKERS = 16_384
_MEMBERS = 512
_STEP = 512
_SAMPLE = 1_000
_ROUNDS = 8
_WORTH_A_ROUND = 0.003
# float32 products of unit vectors, summed in another order.
_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Clusters:
    """The clusters of n articles: their centers (c, d), and those nearest to each article, nearest first (n, probes).

    An article is a member of its nearest cluster, and looks into (asks) all of them.
    """

    centers: F32
    nearest: Rows

    def pairs(self, order: Sequence[int] | Rows) -> Iterator[tuple[I32, I32]]:
        """Yield (askers, members) of each cluster, in this order of clusters; ascending numbers of articles."""
        clusters = len(self.centers)
        own, by_own = self.nearest[:, 0], np.argsort(self.nearest[:, 0], kind="stable")
        member_ends = np.searchsorted(own[by_own], np.arange(clusters + 1))
        flat = self.nearest.ravel()
        by_asked = np.argsort(flat, kind="stable")
        asked_ends = np.searchsorted(flat[by_asked], np.arange(clusters + 1))
        for cluster in order:
            members = by_own[member_ends[cluster] : member_ends[cluster + 1]]
            askers = by_asked[asked_ends[cluster] : asked_ends[cluster + 1]] // self.nearest.shape[1]
            yield askers.astype(np.int32), members.astype(np.int32)


class Search(Protocol):
    """What computes the products of a graph: this process, or workers."""

    def nearest(self, asked: Rows, vectors: F32, k: int) -> tuple[I32, F32]:
        """Return the k nearest others of some articles (m,), and their cosines: the same however it is divided."""
        ...

    def clusters_of(self, vectors: F32, centers: F32, probes: int) -> Rows:
        """Return the centers nearest to each vector, nearest first; (n, probes)."""
        ...

    def look(self, vectors: F32, clusters: Clusters, rows: I32, sims: F32) -> None:
        """Let the askers and the members of each cluster take each other into the lists under way."""
        ...


class Here:
    """The search of this process."""

    def __init__(self, observer: Observer) -> None:
        """Take who hears how far it is."""
        self._observer = observer

    def nearest(self, asked: Rows, vectors: F32, k: int) -> tuple[I32, F32]:
        """See `Search`."""
        return nearest_others(asked, vectors, k, self._observer)

    def clusters_of(self, vectors: F32, centers: F32, probes: int) -> Rows:
        """See `Search`."""
        return nearest_centers(vectors, centers, probes)

    def look(self, vectors: F32, clusters: Clusters, rows: I32, sims: F32) -> None:
        """See `Search`."""
        count = len(clusters.centers)
        for number, (askers, members) in enumerate(clusters.pairs(range(count))):
            if number % 50 == 0:
                self._observer.stage(Stage(STAGE, number, count))
            take_each_other(vectors, askers, members, rows, sims)
        self._observer.stage(Stage(STAGE, count, count))


def knn_graph(vectors: F32, k: int, *, seed: int, observer: Observer, search: Search | None = None) -> Graph:
    """Return the k nearest other articles of each article.

    Up to `EXACT_UP_TO` articles the lists are exact, and the same with any number of threads; beyond, at least
    `RECALL` of them is right as measured on a sample of 1,000, or as much as eight rounds gave: see `Graph.recall`,
    and the same machine, threads and seed give the same graph. Memory is that of the lists, and about 130 MB.

    Parameters
    ----------
    vectors : (n, d) float32, unit vectors. Lists are shorter where n - 1 < k.
    search : what computes; None for this process.
    """
    begun = time.perf_counter()
    n = len(vectors)
    search = search or Here(observer)
    if n <= EXACT_UP_TO:
        rows, sims = search.nearest(np.arange(n), vectors, k)
        return Graph(rows, sims, 1.0, time.perf_counter() - begun)
    rows, sims, recall = _approximate(np.ascontiguousarray(vectors, dtype=np.float32), k, seed, search)
    return Graph(rows, sims, recall, time.perf_counter() - begun)


def _approximate(vectors: F32, k: int, seed: int, search: Search) -> tuple[I32, F32, float]:
    n = len(vectors)
    sample = np.sort(np.random.default_rng(seed).permutation(n)[:_SAMPLE])
    _, true = search.nearest(sample, vectors, k)
    rows = np.full((n, k), NO_ROW, dtype=np.int32)
    sims = np.full((n, k), -np.inf, dtype=np.float32)
    recall, gain = 0.0, 0.0
    for number in range(_ROUNDS):
        if gain < _WORTH_A_ROUND:
            search.look(vectors, _clustered(vectors, seed + number, search), rows, sims)
        else:
            _look_at_neighbors_of_neighbors(vectors, rows, sims)
        now = _recall(sims[sample], true)
        gain, recall = now - recall, now
        if recall >= RECALL:
            break
    return *_best(rows, sims, k), recall


def _clustered(vectors: F32, seed: int, search: Search) -> Clusters:
    """Return the clusters of articles, from as many of them as are needed."""
    n, d = vectors.shape
    clusters = int(2 * np.sqrt(n))
    means = load_faiss().Kmeans(
        d, clusters, niter=_KMEANS_ITERATIONS, spherical=True, seed=seed, min_points_per_centroid=1
    )
    some = np.sort(np.random.default_rng(seed).permutation(n)[: clusters * _TRAINED_ON])
    with blas_for(n):
        means.train(vectors[some])
    centers = np.asarray(means.centroids, dtype=np.float32)
    return Clusters(centers, search.clusters_of(vectors, centers, min(_PROBES, clusters)))


def nearest_centers(vectors: F32, centers: F32, probes: int) -> Rows:
    """Return for each vector the centers nearest to it, nearest first, (n, probes)."""
    faiss = load_faiss()
    with blas_for(len(vectors)):
        _, nearest = faiss.knn(vectors, centers, probes, metric=faiss.METRIC_INNER_PRODUCT)
    return np.asarray(nearest, dtype=np.int64)


def _look_at_neighbors_of_neighbors(vectors: F32, rows: I32, sims: F32) -> None:
    from vecindex.neighbors.graph_kernels import take_neighbors_of_neighbors, take_reverse

    take_neighbors_of_neighbors(vectors, rows.copy(), rows, sims, 64)
    take_reverse(rows.copy(), sims.copy(), rows, sims)


def _recall(found: F32, true: F32) -> float:
    """Return the share of the cosines found, (s, k), that are at least the k-th true one: a duplicate is as good."""
    return float((found >= true.min(axis=1, keepdims=True) - _ROUNDING).mean())


def extend_graph(graph: Graph, vectors: F32, *, seed: int, observer: Observer) -> Graph:
    """Return the graph of more articles: the old ones first, whose lists take in new ones that are nearer.

    A list that is `incomplete` is searched again.

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
    rows[stale], sims[stale] = NO_ROW, -np.inf
    _take_again(np.ascontiguousarray(vectors, dtype=np.float32), np.flatnonzero(stale), rows, sims, observer)
    rows, sims = _best(rows, sims, k)
    return Graph(rows, sims, graph.recall, graph.seconds + time.perf_counter() - begun)


def _take_again(vectors: F32, some: Rows, rows: I32, sims: F32, observer: Observer) -> None:
    """Let some articles take the nearest of all, and all take those."""
    everyone = np.arange(len(vectors), dtype=np.int32)
    # Kept, since the system takes its time to supply so much.
    room = np.empty((min(len(vectors), _ASKERS), _MEMBERS), dtype=np.float32)
    for at in range(0, len(some), _MEMBERS):
        observer.stage(Stage(STAGE, at, len(some)))
        take_each_other(vectors, everyone, some[at : at + _MEMBERS].astype(np.int32), rows, sims, room)
    observer.stage(Stage(STAGE, len(some), len(some)))


def take_each_other(vectors: F32, askers: I32, members: I32, rows: I32, sims: F32, room: F32 | None = None) -> None:
    """Let askers take members that are near, and members askers; one product serves both sides.

    First each thread has some of the askers, then some of the members, so that no list is written by two.
    """
    from vecindex.neighbors.graph_kernels import take_backward, take_forward

    if not len(askers) or not len(members):
        return
    products = Products(vectors[members])
    if room is None or room.shape[1] != len(members):
        room = np.empty((min(len(askers), _ASKERS), len(members)), dtype=np.float32)
    threads = load_faiss().omp_get_max_threads()

    def forward(part: I32, share: slice) -> None:
        # A megabyte at a time is still in the cache when it is scanned.
        for at in range(share.start, share.stop, _STEP):
            some = part[at : min(at + _STEP, share.stop)]
            sims_of = products.into(room[at : at + len(some)], np.ascontiguousarray(vectors[some]))
            take_forward(sims_of, some, members, rows, sims)

    def backward(part: I32, share: slice) -> None:
        take_backward(room, part, members, share.start, share.stop, rows, sims)

    for at in range(0, len(askers), _ASKERS):
        part = askers[at : at + _ASKERS]
        for work, count in ((forward, len(part)), (backward, len(members))):
            in_threads([partial(work, part, share) for share in parts(threads, count)])


def nearest_others(asked: Rows, vectors: F32, k: int, observer: Observer) -> tuple[I32, F32]:
    """Return the k nearest others of some articles, and their cosines; both are the same with any threads."""
    rows = np.empty((len(asked), k), dtype=np.int32)
    sims = np.empty((len(asked), k), dtype=np.float32)
    for at in range(0, len(asked), _BLOCK):
        observer.stage(Stage(STAGE, at, len(asked)))
        part = asked[at : at + _BLOCK]
        search = ExactSearch(vectors[part], k, without=part)
        for first in range(0, len(vectors), _ROWS):
            block = vectors[first : first + _ROWS]
            search.add(np.arange(first, first + len(block)), block)
        found = search.result()
        rows[at : at + _BLOCK], sims[at : at + _BLOCK] = found.rows, 1.0 - found.dist
    return rows, sims


def _best(rows: I32, sims: F32, k: int) -> tuple[I32, F32]:
    order = np.lexsort((rows, -sims), axis=1)[:, :k]
    return np.take_along_axis(rows, order, axis=1), np.take_along_axis(sims, order, axis=1)

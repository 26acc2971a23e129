"""The neighbor graph of many articles by workers: each compares the articles of some clusters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any

import numpy as np

from vecindex.cluster.engine import Workers
from vecindex.cluster.pool import UNITS_A_WORKER, Job, Pool, in_order
from vecindex.core.graph import I32, Graph
from vecindex.core.neighbors import NO_ROW, Neighbors, Rows
from vecindex.core.vectors import F32
from vecindex.messages import counted, text
from vecindex.neighbors.exact import ExactSearch, merged
from vecindex.neighbors.graph import STAGE, Clusters, knn_graph, nearest_centers, take_each_other
from vecindex.types import Observer, Stage
from vecindex.verbs.cluster.blocks import connected_to

UNIT_BYTES = 96_000_000
"""Vectors that a piece of work holds at most; more would not make it quicker."""
_LEAST_BYTES = 8_000_000
_STORE_SHARE = 0.5
"""Of the memory in which a cluster holds what is on its way."""
_BLOCKS_A_WORKER = 4
_MEMBERS_SHARE = 0.25
_HALVINGS, _STEPS = 2, 8


class GraphWorker:
    """A process on a cluster that compares articles. It holds one piece of work, and what all pieces share."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._asked: tuple[Rows, F32, int] | None = None
        self._centers: tuple[F32, int] | None = None

    def begin(self, _setup: None) -> str:
        """Return the id of this machine."""
        import ray

        return str(ray.get_runtime_context().get_node_id())

    def ask(self, numbers: Rows, vectors: F32, k: int) -> None:
        """Take articles (m,) with their vectors (m, d), whose k nearest others are wanted."""
        self._asked = numbers, vectors, k

    def nearest(self, first: int, block: F32) -> Neighbors:
        """Return those among a block of articles, which are numbered from `first` on."""
        assert self._asked is not None, "it was asked"
        numbers, vectors, k = self._asked
        search = ExactSearch(vectors, k, without=numbers)
        search.add(np.arange(first, first + len(block)), block)
        return search.result()

    def centers(self, centers: F32, probes: int) -> None:
        """Take the centers of clusters."""
        self._centers = centers, probes

    def clusters(self, block: F32) -> Rows:
        """Return those nearest to each vector of a block."""
        assert self._centers is not None, "they were given"
        return nearest_centers(block, *self._centers)

    def look(self, vectors: F32, pairs: Sequence[tuple[I32, I32]], bars: F32) -> tuple[I32, I32, F32]:
        """Let askers and members take each other; return what is nearer than the bars (n,): who, whom, and cosines.

        Articles are numbered as the vectors (n, d) given. Memory is that of the vectors, 12 bytes for each of what
        is returned, and about 130 MB.
        """
        rows = np.full((len(vectors), self._k), NO_ROW, dtype=np.int32)
        sims = np.repeat(bars[:, None], self._k, axis=1)
        for askers, members in pairs:
            take_each_other(vectors, np.array(askers), np.array(members), rows, sims)
        who, column = np.nonzero(rows != NO_ROW)
        return who.astype(np.int32), rows[who, column], sims[who, column]

    @property
    def _k(self) -> int:
        assert self._asked is not None, "it was asked"
        return self._asked[2]


class _ByWorkers:
    """The search of workers; see `neighbors.graph.Search`."""

    def __init__(self, pool: Pool, unit_bytes: int, observer: Observer) -> None:
        self._pool, self._bytes, self._observer = pool, unit_bytes, observer

    def nearest(self, asked: Rows, vectors: F32, k: int) -> tuple[I32, F32]:
        self._pool.prepare("ask", asked, np.ascontiguousarray(vectors[asked]), k)
        found: Neighbors = reduce(
            lambda one, other: merged(one, other, k),
            self._of_blocks(vectors, lambda start, block: ("nearest", (start, block))),
        )
        return found.rows.astype(np.int32), (1.0 - found.dist).astype(np.float32)

    def clusters_of(self, vectors: F32, centers: F32, probes: int) -> Rows:
        self._pool.prepare("centers", centers, probes)
        return np.concatenate(list(self._of_blocks(vectors, lambda _, block: ("clusters", (block,)))))

    def look(self, vectors: F32, clusters: Clusters, rows: I32, sims: F32) -> None:
        from vecindex.neighbors.graph_kernels import take_found

        on_their_way: deque[tuple[Rows, int]] = deque()
        done, count = 0, len(clusters.centers)

        def jobs() -> Iterator[Job]:
            for some, pairs, last in units(clusters, self._rows_of(vectors)):
                on_their_way.append((some, last))
                name = text(f"a neighbor graph of {counted(len(some), 'article')}")
                yield self._pool.submit(name, "look", vectors[some], pairs, np.ascontiguousarray(sims[some, -1]))

        self._observer.stage(Stage(STAGE, 0, count))
        for who, whom, cosines in in_order(jobs(), self._pool):
            some, last = on_their_way.popleft()
            take_found(some[who].astype(np.int32), some[whom].astype(np.int32), np.array(cosines), rows, sims)
            done = last
            self._observer.stage(Stage(STAGE, done, count))

    def _rows_of(self, vectors: F32) -> int:
        """Return how many vectors a piece of work holds."""
        return max(1, int(self._bytes // (vectors.shape[1] * vectors.itemsize)))

    def _of_blocks(self, vectors: F32, call: Callable[[int, F32], tuple[str, tuple[Any, ...]]]) -> Iterator[Any]:
        """Yield what workers make of each block of the vectors, in their order."""
        size = min(self._rows_of(vectors), -(-len(vectors) // (_BLOCKS_A_WORKER * self._pool.size)))

        def jobs() -> Iterator[Job]:
            for start in range(0, len(vectors), size):
                block = vectors[start : start + size]
                method, arguments = call(start, block)
                yield self._pool.submit(text(f"the articles {start:,} to {start + len(block):,}"), method, *arguments)

        return in_order(jobs(), self._pool)


def graph_by_workers(workers: Workers, vectors: F32, k: int, seed: int, observer: Observer) -> Graph:
    """Return what `knn_graph` does, computed by workers: the same lists up to `EXACT_UP_TO` articles.

    Beyond, the lists are as good, and their recall is measured in the same way. This process trains the clusters,
    puts the lists together, and looks at neighbors of neighbors. A worker holds one piece of work, `UNIT_BYTES` of
    vectors at most, and the next one lies ready.

    Raises MissingExtraError and ConfigError where there is no cluster.
    """
    with connected_to(workers) as cluster:
        pool = Pool(cluster, GraphWorker, None, cluster.room(workers.cores), lambda: False, observer.notice)
        try:
            store = float(cluster.ray.cluster_resources().get("object_store_memory", 0.0))
            share = int(_STORE_SHARE * store / (UNITS_A_WORKER * pool.size))
            search = _ByWorkers(pool, min(UNIT_BYTES, max(_LEAST_BYTES, share)), observer)
            return knn_graph(vectors, k, seed=seed, observer=observer, search=search)
        finally:
            pool.close()


def units(clusters: Clusters, most: int) -> Iterator[tuple[Rows, list[tuple[I32, I32]], int]]:
    """Yield pieces of work: at most `most` articles, the pairs of askers and members among them, and clusters done.

    Articles are ascending; the pairs are numbered as they are. All pieces together have each asker of each cluster
    with each of its members once. Clusters near each other are in one piece, since they share most of their askers.
    """
    held = np.zeros(len(clusters.nearest), dtype=np.bool_)
    number = np.empty(len(held), dtype=np.int32)
    pairs: list[tuple[I32, I32]] = []

    def piece() -> tuple[Rows, list[tuple[I32, I32]]]:
        some = np.flatnonzero(held)
        number[some] = np.arange(len(some), dtype=np.int32)
        held[:] = False
        return some, [(number[askers], number[members]) for askers, members in pairs]

    count = 0
    for done, whole in enumerate(clusters.pairs(nearby(clusters.centers))):
        for askers, members in divided(*whole, most):
            both = np.union1d(askers, members)
            fresh = int((~held[both]).sum())
            if pairs and count + fresh > most:
                yield *piece(), done
                pairs, count, fresh = [], 0, len(both)
            held[both] = True
            pairs.append((askers, members))
            count += fresh
    if pairs:
        yield *piece(), len(clusters.centers)


def divided(askers: I32, members: I32, most: int) -> Iterator[tuple[I32, I32]]:
    """Yield parts of a cluster that have each asker with each member once, and at most `most` articles each.

    >>> [(a.tolist(), m.tolist()) for a, m in divided(np.array([4, 5, 6, 7]), np.array([7, 8]), 3)]
    [([4, 5], [7]), ([6, 7], [7]), ([4, 5], [8]), ([6, 7], [8])]
    """
    width = max(1, int(most * _MEMBERS_SHARE))
    for at in range(0, len(members), width):
        some = members[at : at + width]
        step = max(1, most - len(some))
        for first in range(0, len(askers), step):
            yield askers[first : first + step], some


def nearby(centers: F32) -> Rows:
    """Return an order of centers (c, d) in which those near each other stand together: halves of halves.

    Each part is halved across the direction in which it is widest, about.

    >>> order = nearby(np.array([[0.0], [9.0], [1.0], [8.0]], dtype=np.float32)).tolist()
    >>> sorted([sorted(order[:2]), sorted(order[2:])])
    [[0, 2], [1, 3]]
    """

    def halved(part: Rows) -> Iterator[Rows]:
        if len(part) <= _HALVINGS:
            yield part
            return
        here = centers[part] - centers[part].mean(axis=0)
        # A few steps of the power method, from the center that is farthest out.
        direction = here[int(np.argmax(np.einsum("ij,ij->i", here, here)))].astype(np.float64)
        for _ in range(_STEPS):
            direction = here.T @ (here @ direction)
            direction /= max(float(np.linalg.norm(direction)), 1e-30)
        order = part[np.argsort(here @ direction, kind="stable")]
        yield from halved(order[: len(order) // 2])
        yield from halved(order[len(order) // 2 :])

    return np.concatenate(list(halved(np.arange(len(centers)))))

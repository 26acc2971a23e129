"""Single articles moved to where more of the nearest are kept, judged by the measure itself.

A descent moves all articles at once and blurs what is nearest. Here one article at a time tries some positions,
and takes the best if the lists of nearest on the map, its own, those of the articles around and those of questions,
hold more of what they should.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64, NO_ROW, Rows

HITS_AT = {1: 0.61, 5: 1.25, 10: 0.625}
"""What a true neighbor counts that is among the k nearest on the map and in embedding space, for each k."""
LEAST_ARTICLES = 50
"""Of fewer, the lists are a large part of the map, and the descent does as well."""

_TRIES = 16
_BATCHES = 16
# Entries of a list, beyond those that count: so many may leave it before it is read again.
_WIDTH = 16
_PER_CELL = 2.0
# The cells cover what lies between these quantiles, or a few articles far out would leave all others in one cell.
_MOST = (0.001, 0.999)
_STAY = 0.3
# Squared, the distance of the tenth neighbor times this is where moving costs no more.
_REACH = 5.0


def worth_of(hits_at: dict[int, float]) -> F64:
    """Return what a neighbor is worth by the worse of its two ranks from 0, on the map and in embedding space.

    >>> worth_of({1: 0.5, 3: 1.0}).tolist()
    [1.5, 1.0, 1.0]
    """
    worth = np.zeros(max(hits_at))
    for k, hit in hits_at.items():
        worth[:k] += hit
    return worth


@dataclass(frozen=True, slots=True)
class Questions:
    """Questions of which some articles belong around them.

    Attributes
    ----------
    near : (q, 5) rows of these articles, NO_ROW for none; `positions` (q, 2) where each begins.
    worth_of_hits : (6,) what it counts that 0, 1, ... 5 of them are a question's five nearest on the map.
    soft : what it counts that one stands next after those, while one of them is missing.
    weight : what this is worth in true neighbors of articles, see `HITS_AT`.
    """

    near: Rows
    positions: F64
    worth_of_hits: tuple[float, ...]
    soft: float
    weight: float


class Mover:
    """A map whose articles move one at a time; used in a `with` block, for it has threads.

    The same positions, graph and seed give the same result with any number of threads: positions are tried at once
    while nothing moves, and moves are made one after the other.
    """

    def __init__(self, positions: F64, graph: Graph, seed: int, questions: Questions | None = None) -> None:
        """Take the articles' positions (n, 2), their neighbors, and the seed of all that is drawn."""
        import numba

        from vecindex.maps.moves import asked_kernels, lists_kernels, moves_kernels

        n = len(positions)
        self.xy = np.array(positions, dtype=np.float64, order="C")
        self._moves, self._lists_of, self._asks = moves_kernels, lists_kernels, asked_kernels
        self._cells, self._lists = _cells(self.xy), _lists(n)
        depth = min(max(HITS_AT), graph.k)
        true = np.ascontiguousarray(graph.rows[:, :depth], dtype=np.int32)
        worth = worth_of(HITS_AT)[:depth].copy()
        by = worth - np.append(worth[1:], 0.0)
        falls = np.flatnonzero(by)
        self._sought = lists_kernels.Sought(true, worth, (falls + 1).astype(np.int32), by[falls])
        self._homes: Any = None
        self.asked = _asked(questions, n)
        self._dice = np.random.default_rng(seed)
        self._threads = int(numba.get_num_threads())
        self._pool: Executor = ThreadPoolExecutor(self._threads, "vecindex-moves")

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads."""
        self._pool.shutdown()

    def read(self) -> None:
        """Read all lists from the map, those of questions at their best positions."""
        self._lists_of.fill(self.xy, self._cells)
        self._at_once(len(self.xy), self._lists_of.read_lists, self.xy, self._cells, self._lists, self._sought)
        if self._homes is None:
            reach = self._lists.dist[:, self._sought.true.shape[1] - 1] * _REACH + 1e-30
            self._homes = self._moves.Homes(self.xy.copy(), reach.astype(np.float64), _STAY)
        if len(self.asked.xy):
            seed = self._dice.integers(2**62)
            self._at_once(len(self.asked.xy), self._asks.put_questions, seed, self.xy, self._cells, self.asked)
            self._lists_of.fill(self.asked.xy, self.asked.cells)

    def sweep(self, some: Rows, heat: float) -> int:
        """Give each of some articles the chance to move, after `read`; return how many did.

        At a `heat` above 0 a loss is taken now and then, larger ones more seldom.
        """
        moved = 0
        for batch in np.array_split(self._dice.permutation(some).astype(np.int32), _BATCHES):
            batch = np.sort(batch)  # what lies together is in the cache together
            gains, points = np.empty(len(batch)), np.empty((len(batch), 2))
            seed_of_tries, seed_of_moves = self._dice.integers(2**62, size=2)
            what = (self.xy, self._cells, self._lists, self._sought, self._homes, self.asked, gains, points)
            self._at_once(len(batch), self._moves.propose, batch, seed_of_tries, _TRIES, *what)
            moved += self._moves.move(batch, seed_of_moves, heat, *what)
        return moved

    def around(self, some: Rows, k: int) -> Rows:
        """Return the k nearest on the map (s, k) of some articles, as of the last `read`; fewer of few articles."""
        return np.asarray(self._lists.rows[some, : min(k, int(self._lists.held.min()))])

    def around_questions(self, k: int) -> Rows:
        """Return the k nearest articles (q, k) of each question; fewer where there are no more articles."""
        lists = self.asked.lists
        return np.asarray(lists.rows[:, : min(k, int(lists.held.min(initial=k)))])

    def _at_once(self, count: int, work: Callable[..., None], *arguments: object) -> None:
        """Let each thread do a part of `count` things: work(start, stop, *arguments)."""
        ends = [count * i // self._threads for i in range(self._threads + 1)]
        for done in [self._pool.submit(work, a, b, *arguments) for a, b in pairwise(ends)]:
            done.result()


def _lists(n: int) -> Any:
    """Return n empty lists."""
    from vecindex.maps.moves.lists_kernels import Lists

    shape = (n, _WIDTH)
    empty = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.uint8), np.zeros(n, dtype=np.int32)
    return Lists(np.zeros(shape, dtype=np.int32), *empty)


def _asked(questions: Questions | None, n: int) -> Any:
    """Return the questions as the compiled loops take them; None for no question."""
    from vecindex.maps.moves.asked_kernels import Asked

    if questions is None:
        questions = Questions(np.zeros((0, 1), dtype=np.int64), np.zeros((0, 2)), (0.0,), 0.0, 0.0)
    question, slot = np.nonzero(questions.near != NO_ROW)
    article = questions.near[question, slot]
    order = np.argsort(article, kind="stable")
    starts = np.searchsorted(article[order], np.arange(n + 1)).astype(np.int32)
    xy = np.array(questions.positions, dtype=np.float64, order="C")
    return Asked(
        xy,
        _cells(xy),
        _lists(len(xy)),
        np.ascontiguousarray(questions.near, dtype=np.int32),
        starts,
        question[order].astype(np.int32),
        np.array(questions.worth_of_hits),
        float(questions.soft),
        float(questions.weight),
    )


def _cells(xy: F64) -> Any:
    """Return empty cells of about `_PER_CELL` points each; those far out count to the cells at the edge."""
    from vecindex.maps.moves.lists_kernels import Cells

    n = len(xy)
    low, high = np.quantile(xy, _MOST, axis=0) if n else np.zeros((2, 2))
    width = float((high - low).max()) * (1 + 1e-9) or 1.0
    # On a line, cells in a square would be as many as articles squared.
    share = max(float((high - low).min()) / width, 1 / 16)
    side = max(1, int(np.sqrt(n / _PER_CELL / share)))
    empty = np.zeros(n, dtype=np.int32)
    return Cells(low, side / width, side, np.zeros(side * side, dtype=np.int32), empty, empty.copy())

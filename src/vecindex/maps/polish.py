"""The last phase of a map: single articles move to where more of the nearest are kept, by the measure itself.

A descent moves all articles at once and blurs what is nearest. Here one article at a time tries some positions,
and takes the best if the lists of nearest on the map, its own and those of the articles around, hold more of what
they should. So a map is tuned on what it is measured by, recall at 1, 3, 5 and 10; docs/maps.md has other k too.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64

HITS_AT = {1: 0.5, 3: 0.5, 5: 1.0, 10: 0.5}
"""What a true neighbor counts that is among the k nearest on the map and in embedding space, for each k."""
LEAST_ARTICLES = 50
"""Of fewer, the lists are a large part of the map, and the descent does as well."""

_TRIES = 16
_BATCHES = 16
_HEAT = 0.6
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


def polish(
    positions: F64,
    graph: Graph,
    *,
    sweeps: int,
    seed: int,
    kept: npt.NDArray[np.bool_] | None = None,
    report: Callable[[int], None] = lambda _: None,
) -> F64:
    """Return where the articles at these positions (n, 2) are after each had `sweeps` times the chance to move.

    The same positions, graph and seed give the same result with any number of threads: positions are tried at once
    while nothing moves, and moves are made one after the other. The heat, at which losses are taken now and then,
    falls to 0. Articles that are `kept` (n,) stay where they are, and none moves next to them. `report` is called
    with the number of the sweep before each.
    """
    import numba

    from vecindex.maps import polish_kernels as kernels

    n = len(positions)
    kept = np.zeros(n, dtype=np.bool_) if kept is None else kept
    xy = np.array(positions, dtype=np.float64, order="C")
    cells = _cells(xy)
    lists, aim = _lists(n), _aim(xy, graph, kept)
    dice = np.random.default_rng(seed)
    threads = int(numba.get_num_threads())
    with ThreadPoolExecutor(threads, "vecindex-polish") as pool:
        for sweep in range(sweeps):
            report(sweep)
            kernels.fill(xy, cells)
            _at_once(pool, threads, n, kernels.read_lists, xy, cells, lists, aim)
            if not sweep:
                aim.reach[:] = lists.dist[:, aim.true.shape[1] - 1] * _REACH + 1e-30
            heat = _HEAT * (sweeps - 1 - sweep) / max(1, sweeps - 1)
            for some in np.array_split(dice.permutation(n).astype(np.int32), _BATCHES):
                some = np.sort(some[~kept[some]])  # what lies together is in the cache together
                gains, points = np.empty(len(some)), np.empty((len(some), 2))
                seed_of_tries, seed_of_moves = dice.integers(2**62, size=2)
                tried = (some, seed_of_tries, _TRIES, xy, cells, lists, aim, gains, points)
                _at_once(pool, threads, len(some), kernels.propose, *tried)
                kernels.move(some, seed_of_moves, heat, xy, cells, lists, aim, gains, points)
    return xy


def _at_once(pool: Executor, threads: int, count: int, work: Callable[..., None], *arguments: object) -> None:
    """Let each thread do a part of `count` things: work(start, stop, *arguments)."""
    ends = [count * i // threads for i in range(threads + 1)]
    for done in [pool.submit(work, a, b, *arguments) for a, b in pairwise(ends)]:
        done.result()


def _lists(n: int) -> Any:
    """Return empty lists of n articles."""
    from vecindex.maps.polish_kernels import Lists

    shape = (n, _WIDTH)
    empty = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.uint8), np.zeros(n, dtype=np.int32)
    return Lists(np.zeros(shape, dtype=np.int32), *empty)


def _aim(xy: F64, graph: Graph, kept: npt.NDArray[np.bool_], stay: float = _STAY) -> Any:
    """Return what is sought, from where the articles are now; how far each may go without a price is not set yet."""
    from vecindex.maps.polish_kernels import Aim

    depth = min(max(HITS_AT), graph.k)
    true = np.ascontiguousarray(graph.rows[:, :depth], dtype=np.int32)
    return Aim(true, worth_of(HITS_AT)[:depth].copy(), xy.copy(), np.ones(len(xy)), stay, kept)


def _cells(xy: F64) -> Any:
    """Return empty cells of about `_PER_CELL` articles each; those far out count to the cells at the edge."""
    from vecindex.maps.polish_kernels import Cells

    n = len(xy)
    low, high = np.quantile(xy, _MOST, axis=0)
    width = float((high - low).max()) * (1 + 1e-9) or 1.0
    # On a line, cells in a square would be as many as articles squared.
    share = max(float((high - low).min()) / width, 1 / 16)
    side = max(1, int(np.sqrt(n / _PER_CELL / share)))
    empty = np.zeros(n, dtype=np.int32)
    return Cells(low, side / width, side, np.zeros(side * side, dtype=np.int32), empty, empty.copy())

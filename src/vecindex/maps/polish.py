"""The last phase of a map: single articles move to where more of the nearest are kept, by the measure itself.

A descent moves all articles at once and blurs what is nearest. Here one article at a time tries some positions,
and takes the best if the lists of nearest on the map, its own and those of the articles around, hold more of what
they should. So a map is tuned on what it is measured by, recall at 1, 3, 5 and 10; docs/maps.md has other k too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64
from vecindex.neighbors.blas import in_threads, load_faiss, parts

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
_STAY = 0.5
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
    falls to 0. Articles that are `kept` (n,) stay where they are, and none comes next to them. `report` is called
    with the number of the sweep before each.
    """
    from vecindex.maps import polish_kernels as kernels

    n = len(positions)
    kept = np.zeros(n, dtype=np.bool_) if kept is None else kept
    depth = min(max(HITS_AT), graph.k)
    xy = np.array(positions, dtype=np.float64, order="C")
    cells = _cells(xy)
    lists = kernels.Lists(
        np.zeros((n, _WIDTH), dtype=np.int32),
        np.zeros((n, _WIDTH), dtype=np.float32),
        np.zeros((n, _WIDTH), dtype=np.uint8),
        np.zeros(n, dtype=np.int32),
    )
    true = np.ascontiguousarray(graph.rows[:, :depth], dtype=np.int32)
    aim = kernels.Aim(true, worth_of(HITS_AT)[:depth].copy(), xy.copy(), np.ones(n), _STAY, kept)
    dice = np.random.default_rng(seed)
    threads = load_faiss().omp_get_max_threads()
    for sweep in range(sweeps):
        report(sweep)
        kernels.fill(xy, cells)
        in_threads([partial(kernels.read_lists, p.start, p.stop, xy, cells, lists, aim) for p in parts(threads, n)])
        if not sweep:
            aim.reach[:] = lists.dist[:, depth - 1] * _REACH + 1e-30
        heat = _HEAT * (1 - sweep / max(1, sweeps - 1))
        for some in np.array_split(dice.permutation(n).astype(np.int32), _BATCHES):
            some = np.sort(some[~kept[some]])  # what lies together is in the cache together
            gains, points = np.empty(len(some)), np.empty((len(some), 2))
            seed_of_tries, seed_of_moves = dice.integers(2**62, size=2)
            tried = (some, seed_of_tries, _TRIES, xy, cells, lists, aim, gains, points)
            in_threads([partial(kernels.propose, p.start, p.stop, *tried) for p in parts(threads, len(some))])
            kernels.move(some, seed_of_moves, heat, xy, cells, lists, aim, gains, points)
    return xy


def _cells(xy: F64) -> object:
    """Return empty cells of `_PER_CELL` articles each on average, in a square around all positions."""
    from vecindex.maps.polish_kernels import Cells

    n = len(xy)
    low, extent = xy.min(axis=0), np.ptp(xy, axis=0)
    width = float(extent.max()) * (1 + 1e-9) or 1.0
    share = max(float(extent.min()), width / n) / width
    side = max(1, int(np.sqrt(n / _PER_CELL / share)))
    empty = np.zeros(n, dtype=np.int32)
    return Cells(low, side / width, side, np.zeros(side * side, dtype=np.int32), empty, empty.copy())

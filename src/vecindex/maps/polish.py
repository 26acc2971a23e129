"""The last phase of a map: single articles move to where more of the nearest are kept, by the measure itself.

So a map is tuned on what it is measured by, recall at 1, 5 and 10; docs/maps.md has other k too.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64, Rows
from vecindex.maps.moves.mover import Mover

_HEAT = 0.6


def polish(
    positions: F64,
    graph: Graph,
    *,
    sweeps: int,
    seed: int,
    report: Callable[[int], None] = lambda _: None,
    some: Rows | None = None,
) -> F64:
    """Return where the articles at these positions (n, 2) are after each had `sweeps` times the chance to move.

    The same positions, graph and seed give the same result with any number of threads. The heat, at which losses are
    taken now and then, falls to 0. `report` is called with the number of the sweep before each. `some` are those that
    may move; None for all.
    """
    movable = np.arange(len(positions)) if some is None else some
    with Mover(positions, graph, seed) as mover:
        for sweep in range(sweeps):
            report(sweep)
            mover.read()
            mover.sweep(movable, _HEAT * (sweeps - 1 - sweep) / max(1, sweeps - 1))
    return mover.xy

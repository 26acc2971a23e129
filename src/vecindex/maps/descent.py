"""Gradient descent of t-SNE on a neighbor graph."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.graph import Graph
from vecindex.core.neighbors import NO_ROW
from vecindex.core.vectors import F32
from vecindex.maps.repulsion import Repulsion

_LEAST_RATE = 200.0
_LONGEST_STEP = 5.0
_CENTER_EVERY = 50

# numba's simplest thread pool ends the process when two threads enter it at once.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of the descent.

    Attributes
    ----------
    weights : (k,) how strongly an article is attracted by its nearest, second nearest, ... neighbor; only their
        ratios count.
    exaggeration : of the attraction. Above 1 clusters form and hold together; below 1 repulsion opens them up, so
        that nearest neighbors separate from near ones.
    """

    weights: tuple[float, ...]
    iterations: int
    exaggeration: float
    momentum: float


@dataclass(frozen=True, slots=True)
class Attraction:
    """Symmetric weights between articles that sum to 1, as rows of a sparse matrix."""

    starts: npt.NDArray[np.int64]
    ends_at: npt.NDArray[np.int32]
    weights: F32


def both_ways(graph: Graph, weights: tuple[float, ...]) -> Any:
    """Return a symmetric sparse matrix (n, n): article i and its r-th neighbor attract each other by weights[r - 1].

    Two articles that are neighbors of each other get the sum of both weights.
    """
    from scipy.sparse import csr_matrix

    k = min(len(weights), graph.k)
    near = graph.rows[:, :k]
    there = near != NO_ROW
    starts = np.concatenate([[0], there.sum(axis=1).cumsum()])
    values = np.broadcast_to(np.asarray(weights[:k], dtype=np.float32), near.shape)[there]
    one_way = csr_matrix((values, near[there], starts), shape=(len(near), len(near)))
    both = (one_way + one_way.T).tocsr()
    both.sort_indices()
    return both


def normalized(matrix: Any) -> Attraction:
    """Return the attraction with the weights of a symmetric sparse matrix, divided by their sum."""
    total = float(matrix.data.sum(dtype=np.float64))
    return Attraction(
        matrix.indptr.astype(np.int64),
        matrix.indices.astype(np.int32),
        (matrix.data / total if total else matrix.data).astype(np.float32),
    )


def descend(
    positions: F32, attraction: Attraction, phase: Phase, report: Callable[[int], None] = lambda _: None
) -> F32:
    """Return where the articles at these positions (n, 2) are after the iterations of a phase, from rest.

    `report` is called before each iteration with its number.
    """
    import numba

    from vecindex.maps.kernels import attract, move

    positions = np.array(positions, dtype=np.float32, order="C")
    threads, n = int(numba.get_num_threads()), len(positions)
    repulsion = Repulsion(threads)
    # Belkina et al. (2019): the rate grows with n; early exaggeration divides it, later phases keep that.
    rate = np.float32(max(_LEAST_RATE, n / 12.0))
    velocity, gains = np.zeros_like(positions), np.ones_like(positions)
    force = np.empty_like(positions)
    with _one_at_a_time:
        for iteration in range(phase.iterations):
            report(iteration)
            z = repulsion(positions, force)
            attract(
                positions,
                attraction.starts,
                attraction.ends_at,
                attraction.weights,
                np.float32(phase.exaggeration),
                np.float32(1.0 / z),
                force,
                threads,
            )
            longest = np.float32(_LONGEST_STEP)
            move(positions, force, velocity, gains, rate, np.float32(phase.momentum), longest, threads)
            if iteration % _CENTER_EVERY == 0:
                positions -= positions.mean(axis=0)
    return positions

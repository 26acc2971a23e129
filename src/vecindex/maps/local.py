"""Method "local", the default: t-SNE for the whole, a refinement for the nearest neighbors, and a polish of each."""

from __future__ import annotations

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32
from vecindex.maps.descent import Phase, both_ways, descend, normalized
from vecindex.maps.methods import MapMethod, Setting, Settings
from vecindex.maps.moves.mover import LEAST_ARTICLES
from vecindex.maps.pca import pca_map
from vecindex.maps.polish import polish
from vecindex.types import Observer, Stage

STAGE, POLISH = "layout", "polish"
_REPORT_EVERY = 10
# Spread of a start, relative to its width. Two articles at one position would attract and repel with no direction.
_START_SD = 1e-4


def local_map(
    vectors: F32, graph: Graph, *, settings: Settings, init: F32 | None, seed: int, observer: Observer
) -> F64:
    """Return the layout (n, 2): t-SNE of the graph with equal weights, a refinement that favors near ones, a polish.

    See `methods.Layout`. With `init` the layout goes on at the scale of that map, without the first phases, which
    find the whole; else it begins from the two principal components. The seed breaks ties of the start and chooses
    what the polish tries. The same number of threads is needed for the same map.
    """
    phases = phases_of(settings, len(graph))
    if init is None:
        positions = start(vectors, seed, observer)
    else:
        positions, phases = _apart(init, seed, 1e-5), phases[-1:]
    order = np.arange(len(positions))
    sweeps = int(settings["polish_sweeps"]) if len(positions) >= LEAST_ARTICLES else 0
    total, done = sum(phase.iterations for phase in phases), 0
    for phase in phases:
        # Articles that lie close together should lie close together in memory as well.
        again = along_a_curve(positions)
        order, positions = order[again], positions[again]

        def report(iteration: int, before: int = done) -> None:
            if iteration % _REPORT_EVERY == 0:
                observer.stage(Stage(STAGE, before + iteration, total))

        attraction = normalized(both_ways(reordered(graph, order), phase.weights))
        positions = descend(positions, attraction, phase, report)
        done += phase.iterations
    observer.stage(Stage(STAGE, total, total))
    found = np.empty(positions.shape)
    if sweeps and np.isfinite(positions).all():  # else the layout diverged, which the caller says
        again = along_a_curve(positions)
        order, positions = order[again], positions[again]
        found[order] = _polished(positions, reordered(graph, order), sweeps, seed, observer)
    else:
        found[order] = positions
    return found


def _polished(positions: F32, graph: Graph, sweeps: int, seed: int, observer: Observer) -> F64:
    found = polish(
        positions.astype(np.float64),
        graph,
        sweeps=sweeps,
        seed=seed,
        report=lambda sweep: observer.stage(Stage(POLISH, sweep, sweeps)),
    )
    observer.stage(Stage(POLISH, sweeps, sweeps))
    return found


def phases_of(settings: Settings, n: int) -> list[Phase]:
    """Return the phases of a layout of n articles: early, main, refinement.

    If the number of neighbors approaches n, all articles collapse into one point: so among few articles fewer
    neighbors attract, and less strongly.
    """
    most = max(1, (n - 1) // 3)
    whole = (1.0,) * min(int(settings["neighbors"]), most)
    near = refinement_weights(int(settings["finish_neighbors"]))[:most]
    early = max(1.0, min(float(settings["early_exaggeration"]), n / 20))
    return [
        Phase(whole, int(settings["early_iterations"]), early, 0.5),
        Phase(whole, int(settings["iterations"]), float(settings["exaggeration"]), 0.8),
        Phase(
            near,
            int(settings["finish_iterations"]),
            float(settings["finish_exaggeration"]) or refinement_exaggeration(n),
            0.8,
        ),
    ]


def refinement_exaggeration(n: int) -> float:
    """Return the exaggeration that opens up the neighborhoods of n articles most: the more articles, the less.

    A rule of thumb through what was best of 1,000 (1), 20,000 (0.5) and 250,000 articles (0.2).

    >>> [round(refinement_exaggeration(n), 2) for n in (1_000, 20_000, 250_000)]
    [1.0, 0.5, 0.2]
    """
    return float(min(1.0, 0.5 * (n / 20_000) ** -0.36))


def refinement_weights(k: int) -> tuple[float, ...]:
    """Return the weights of the k nearest in the refinement: the first third in full, the second .3, the last .1.

    >>> refinement_weights(6)
    (1.0, 1.0, 0.3, 0.3, 0.1, 0.1)
    """
    steps = (1.0, 0.3, 0.1)
    return tuple(steps[r * 3 // k] for r in range(k))


def start(vectors: F32, seed: int, observer: Observer) -> F32:
    """Return the start (n, 2): the principal components, small, no two articles at one position."""
    positions = pca_map(vectors, observer=observer)
    spread = float(positions.std(axis=0).max()) or 1.0
    return _apart((positions / spread * _START_SD).astype(np.float32), seed, 1e-2)


def reordered(graph: Graph, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Graph:
    """Return the graph whose article i is the old article order[i]."""
    now = np.empty(len(order) + 1, dtype=np.int32)
    now[order] = np.arange(len(order), dtype=np.int32)
    now[-1] = -1  # NO_ROW stays NO_ROW
    return Graph(now[graph.rows[order]], graph.sims[order], graph.recall, graph.seconds)


def _apart(positions: F32, seed: int, by: float) -> F32:
    spread = float(positions.std(axis=0).max()) or 1.0
    noise = np.random.default_rng(seed).normal(scale=spread * by, size=positions.shape)
    return (positions + noise).astype(np.float32)


def along_a_curve(positions: F32) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the articles in the order of a Z curve (Morton 1966) through their positions, 2^16 steps a side."""
    low = positions.min(axis=0)
    width = float(np.ptp(positions, axis=0).max()) or 1.0
    cell = ((positions - low) / width * 65_535).astype(np.uint64)
    code = _spaced(cell[:, 0]) | (_spaced(cell[:, 1]) << np.uint64(1))
    return np.argsort(code, kind="stable")


def _spaced(values: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return 16-bit numbers with a zero before each bit.

    >>> int(_spaced(np.array([0b111], dtype=np.uint64))[0]) == 0b10101
    True
    """
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        values = (values | (values << np.uint64(shift))) & np.uint64(mask)
    return values


METHOD = MapMethod(
    "t-SNE for the whole, a refinement for the nearest neighbors, and a polish of single articles",
    local_map,
    {
        "neighbors": Setting(15, "neighbors of each article that attract it", 1),
        "early_iterations": Setting(250, "iterations while the clusters form"),
        "early_exaggeration": Setting(12.0, "of the attraction in these"),
        "iterations": Setting(500, "iterations after them"),
        "exaggeration": Setting(1.0, "of the attraction in these"),
        "finish_neighbors": Setting(15, "neighbors that attract in the refinement, the nearest third most", 1),
        "finish_iterations": Setting(300, "iterations of the refinement"),
        "finish_exaggeration": Setting(
            0.0, "of the attraction in the refinement; below 1 repels more; 0 chooses by the number of articles"
        ),
        "polish_sweeps": Setting(5, "times that each article may move to a better position; 0 leaves that out"),
    },
    neighbors=lambda settings: max(int(settings["neighbors"]), int(settings["finish_neighbors"])),
)

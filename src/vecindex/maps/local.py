"""The default method: t-SNE for the whole, then a finish that tells nearest neighbors from near ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32
from vecindex.maps.descent import Descent, Phase, pulls_of
from vecindex.maps.pca import pca_map
from vecindex.types import Observer, Stage

STAGE = "layout"
_TELL_EVERY = 10
# Two articles on one spot attract and repel with no direction and stay so; spread of a start, relative to its width.
_BEGIN_SD = 1e-4


def local_map(
    graph: Graph, vectors: F32, *, init: F32 | None, seed: int, settings: Mapping[str, Any], observer: Observer
) -> F64:
    """Return the layout (n, 2): t-SNE of the graph with equal weights, then a finish that favors the nearest.

    Parameters
    ----------
    init : (n, 2) a former map to go on from, at its own scale: the first phases, which find the whole, are left out.
        Without it the layout begins from the two principal components.
    seed : breaks ties of the start. The same machine, threads, versions and seed give the same map.
    settings : see `core.map_settings`.
    """
    phases = phases_of(settings, len(graph))
    if init is None:
        places = begin(vectors, seed, observer)
    else:
        places, phases = _apart(init, seed, 1e-5), phases[-1:]
    order = along_a_curve(places)
    descent = Descent(places[order])
    total, done = sum(phase.iterations for phase in phases), 0
    for number, phase in enumerate(phases):
        pulls = pulls_of(reordered(graph, order), phase.weights)

        def tell(iteration: int, before: int = done) -> None:
            if iteration % _TELL_EVERY == 0:
                observer.stage(Stage(STAGE, before + iteration, total))

        descent.run(pulls, phase, tell)
        done += phase.iterations
        if number + 1 < len(phases):
            # Articles that lie close together should lie close together in memory as well.
            again = along_a_curve(descent.places)
            order = order[again]
            descent = Descent(descent.places[again])
    observer.stage(Stage(STAGE, total, total))
    places = np.empty_like(descent.places)
    places[order] = descent.places
    return places.astype(np.float64)


def phases_of(settings: Mapping[str, Any], n: int) -> list[Phase]:
    """Return the phases of a layout of n articles: early, main, finish.

    Where everybody is everybody's neighbor nothing tells them apart, and all fall onto one spot: so of few articles
    fewer neighbors pull, and less strongly.
    """
    most = max(1, (n - 1) // 3)
    whole = (1.0,) * min(int(settings["neighbors"]), most)
    near = finish_weights(int(settings["finish_neighbors"]))[:most]
    early = max(1.0, min(float(settings["early_exaggeration"]), n / 20))
    return [
        Phase(whole, int(settings["early_iterations"]), early, 0.5),
        Phase(whole, int(settings["iterations"]), float(settings["exaggeration"]), 0.8),
        Phase(
            near,
            int(settings["finish_iterations"]),
            float(settings["finish_exaggeration"]) or finish_exaggeration(n),
            0.8,
        ),
    ]


def finish_exaggeration(n: int) -> float:
    """Return the pull that opens up the neighborhoods of n articles most: the more articles, the less.

    A rule of thumb through what was best of 1,000 (1), 20,000 (0.5) and 250,000 articles (0.2).

    >>> [round(finish_exaggeration(n), 2) for n in (1_000, 20_000, 250_000)]
    [1.0, 0.5, 0.2]
    """
    return float(min(1.0, 0.5 * (n / 20_000) ** -0.36))


def finish_weights(k: int) -> tuple[float, ...]:
    """Return the weights of the k nearest in the finish: the first third in full, the second .3, the last .1.

    >>> finish_weights(6)
    (1.0, 1.0, 0.3, 0.3, 0.1, 0.1)
    """
    steps = (1.0, 0.3, 0.1)
    return tuple(steps[r * 3 // k] for r in range(k))


def begin(vectors: F32, seed: int, observer: Observer) -> F32:
    """Return the start (n, 2): the principal components, small, no two articles on one spot."""
    places = pca_map(vectors, observer=observer)
    spread = float(places.std(axis=0).max()) or 1.0
    return _apart((places / spread * _BEGIN_SD).astype(np.float32), seed, 1e-2)


def reordered(graph: Graph, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Graph:
    """Return the graph whose article i is the old article order[i]."""
    now = np.empty(len(order) + 1, dtype=np.int32)
    now[order] = np.arange(len(order), dtype=np.int32)
    now[-1] = -1  # NO_ROW stays NO_ROW
    return Graph(now[graph.rows[order]], graph.sims[order], graph.recall, graph.seconds)


def _apart(places: F32, seed: int, by: float) -> F32:
    spread = float(places.std(axis=0).max()) or 1.0
    noise = np.random.default_rng(seed).normal(scale=spread * by, size=places.shape)
    return (places + noise).astype(np.float32)


def along_a_curve(places: F32) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the articles in the order of a Z curve (Morton 1966) through their places, 2^16 steps a side."""
    low = places.min(axis=0)
    width = float(np.ptp(places, axis=0).max()) or 1.0
    cell = ((places - low) / width * 65_535).astype(np.uint64)
    code = _spaced(cell[:, 0]) | (_spaced(cell[:, 1]) << np.uint64(1))
    return np.argsort(code, kind="stable")


def _spaced(values: np.ndarray[tuple[int], np.dtype[np.uint64]]) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """Return 16-bit numbers with a nought before each bit.

    >>> int(_spaced(np.array([0b111], dtype=np.uint64))[0]) == 0b10101
    True
    """
    for shift, mask in ((8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)):
        values = (values | (values << np.uint64(shift))) & np.uint64(mask)
    return values

"""Method "tsne": t-SNE, by openTSNE, on the articles' own neighbor graph."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32
from vecindex.maps.methods import MapMethod, Setting, Settings
from vecindex.maps.pca import pca_map
from vecindex.types import Observer, Stage

STAGE = "layout"
_REPORT_EVERY = 10
# Spread of a start, relative to its width. Two articles at one position would attract and repel with no direction.
_START_SD = 1e-4


def tsne_map(
    vectors: F32, graph: Graph, *, settings: Settings, init: F32 | None, seed: int, observer: Observer
) -> F64:
    """Return the layout (n, 2) that openTSNE makes of the graph; see `methods.Layout`.

    Parameters
    ----------
    graph : 3 * perplexity neighbors are used, and of a graph with fewer the perplexity is what they allow. Affinities
        are of cosine distances, as openTSNE makes them for `metric="cosine"`.
    init : scaled down to the usual start; None begins from the two principal components.
    seed : breaks ties of the start. The same number of threads is needed for the same map.
    """
    import openTSNE
    from openTSNE import affinity, nearest_neighbors

    n = len(graph)
    wanted = min(neighbors(settings), graph.k, n - 1)
    near = graph.first(max(1, wanted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        affinities = affinity.PerplexityBasedNN(
            perplexity=min(settings["perplexity"], near.k / 3) if near.k >= 3 else 1,
            knn_index=nearest_neighbors.PrecomputedNeighbors(
                near.rows.astype(np.int64), np.maximum(0.0, 1.0 - near.sims.astype(np.float64))
            ),
            n_jobs=-1,
        )
        embedding = openTSNE.TSNEEmbedding(
            start(vectors, init, seed, observer),
            affinities,
            negative_gradient_method="bh" if n < 10_000 else "fft",
            n_jobs=-1,
            random_state=seed,
            dof=settings["dof"],
        )
        return _optimized(embedding, settings, observer)


def neighbors(settings: Settings) -> int:
    """Return how many neighbors of each article carry the affinities: three times the perplexity, as in openTSNE."""
    return int(3 * settings["perplexity"])


def start(vectors: F32, init: F32 | None, seed: int, observer: Observer) -> F64:
    """Return the start (n, 2): the old positions or the principal components, small, no two articles at one."""
    positions = pca_map(vectors, observer=observer) if init is None else np.asarray(init, dtype=np.float64)
    positions = positions - positions.mean(axis=0)
    spread = float(positions.std(axis=0).max()) or 1.0
    positions = positions / spread * _START_SD
    return np.asarray(positions + np.random.default_rng(seed).normal(scale=_START_SD / 100, size=positions.shape))


def _optimized(embedding: Any, settings: Settings, observer: Observer) -> F64:
    """Return the positions after both phases, early and main, each with the momentum that openTSNE has for it."""
    phases = [
        (int(settings["early_iterations"]), float(settings["early_exaggeration"])),
        (int(settings["iterations"]), float(settings["exaggeration"])),
    ]
    total, done = sum(iterations for iterations, _ in phases), 0
    for iterations, exaggeration in phases:

        def report(iteration: int, _error: float, _positions: Any, before: int = done) -> bool:
            observer.stage(Stage(STAGE, before + iteration, total))
            return False

        if iterations:
            embedding.optimize(
                iterations,
                exaggeration=exaggeration,
                momentum=0.8,
                learning_rate="auto",
                inplace=True,
                propagate_exception=True,
                callbacks=report,
                callbacks_every_iters=_REPORT_EVERY,
            )
        done += iterations
    observer.stage(Stage(STAGE, total, total))
    return np.asarray(embedding, dtype=np.float64)


METHOD = MapMethod(
    "t-SNE, by openTSNE at its defaults",
    tsne_map,
    {
        "perplexity": Setting(30.0, "about how many neighbors attract; three times as many are used", 1),
        "early_iterations": Setting(250, "early_exaggeration_iter"),
        "early_exaggeration": Setting(12.0, "of the attraction in these"),
        "iterations": Setting(500, "n_iter, after the early ones"),
        "exaggeration": Setting(1.0, "of the attraction in these"),
        "dof": Setting(1.0, "degrees of freedom of the kernel", 1e-3),
    },
    neighbors=neighbors,
    requires="openTSNE",
    install="pip install openTSNE",
)

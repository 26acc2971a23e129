"""t-SNE, by openTSNE, on the articles' own neighbor graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32
from vecindex.errors import MissingExtraError
from vecindex.maps.pca import pca_map
from vecindex.types import Observer, Stage

STAGE = "layout"
_TELL_EVERY = 10
# Two articles on one spot attract and repel with no direction and stay so; spread of a start, relative to its width.
_BEGIN_SD = 1e-4


def tsne_map(
    graph: Graph, vectors: F32, *, init: F32 | None, seed: int, settings: Mapping[str, Any], observer: Observer
) -> F64:
    """Return the layout (n, 2) that openTSNE makes of the graph.

    Parameters
    ----------
    graph : 3 * perplexity neighbors at least, else the perplexity is what they allow; affinities are of cosine
        distances, as openTSNE makes them for `metric="cosine"`.
    init : (n, 2) where to begin, scaled down to the usual start; else the two principal components.
    seed : breaks ties of the start. The same machine, threads, versions and seed give the same map.
    settings : see `core.map_settings`.

    Raises MissingExtraError when openTSNE is not installed.
    """
    tsne = load_opentsne()
    n = len(graph)
    wanted = min(int(3 * settings["perplexity"]), graph.k, n - 1)
    near = graph.first(max(1, wanted))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        affinities = tsne.affinity.PerplexityBasedNN(
            perplexity=min(settings["perplexity"], near.k / 3) if near.k >= 3 else 1,
            knn_index=tsne.nearest_neighbors.PrecomputedNeighbors(
                near.rows.astype(np.int64), np.maximum(0.0, 1.0 - near.sims.astype(np.float64))
            ),
            n_jobs=-1,
        )
        return optimized(
            tsne, affinities, begin(vectors, init, seed, observer), phases(settings), settings["dof"], observer, seed
        )


def phases(settings: Mapping[str, Any]) -> list[tuple[int, float, float]]:
    """Return the (iterations, exaggeration, momentum) of both phases, as openTSNE has them."""
    return [
        (int(settings["early_iterations"]), float(settings["early_exaggeration"]), 0.8),
        (int(settings["iterations"]), float(settings["exaggeration"]), 0.8),
    ]


def begin(vectors: F32, init: F32 | None, seed: int, observer: Observer) -> F64:
    """Return the start (n, 2): the old places or the principal components, small, no two on one spot."""
    places = pca_map(vectors, observer=observer) if init is None else np.asarray(init, dtype=np.float64)
    places = places - places.mean(axis=0)
    spread = float(places.std(axis=0).max()) or 1.0
    places = places / spread * _BEGIN_SD
    return np.asarray(places + np.random.default_rng(seed).normal(scale=_BEGIN_SD / 100, size=places.shape))


def optimized(
    tsne: Any,
    affinities: Any,
    start: F64,
    steps: list[tuple[int, float, float]],
    dof: float,
    observer: Observer,
    seed: int,
) -> F64:
    """Return what the phases make of a start."""
    total = sum(iterations for iterations, _, _ in steps)
    embedding = tsne.TSNEEmbedding(
        start,
        affinities,
        negative_gradient_method="bh" if len(start) < 10_000 else "fft",
        n_jobs=-1,
        random_state=seed,
        dof=dof,
    )
    done = 0
    for iterations, exaggeration, momentum in steps:
        if iterations:
            embedding.optimize(
                iterations,
                exaggeration=exaggeration,
                momentum=momentum,
                learning_rate="auto",
                inplace=True,
                propagate_exception=True,
                callbacks=_teller(observer, done, total),
                callbacks_every_iters=_TELL_EVERY,
            )
        done += iterations
    observer.stage(Stage(STAGE, total, total))
    return np.asarray(embedding, dtype=np.float64)


def _teller(observer: Observer, before: int, total: int) -> Callable[[int, float, Any], bool]:
    def tell(iteration: int, _error: float, _places: Any) -> bool:
        observer.stage(Stage(STAGE, before + iteration, total))
        return False

    return tell


def load_opentsne() -> Any:
    """Import openTSNE, or raise MissingExtraError."""
    try:
        import openTSNE
        from openTSNE import affinity, nearest_neighbors  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "Method tsne needs the package openTSNE, which is not installed.",
            "pip install openTSNE, or leave --method out: the default method needs nothing more.",
        ) from error
    return openTSNE

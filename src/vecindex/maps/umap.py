"""Method "umap": UMAP, by umap-learn, on the articles' own neighbor graph."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64, NO_ROW
from vecindex.core.vectors import F32
from vecindex.maps.methods import MapMethod, Setting, Settings
from vecindex.maps.pca import pca_map
from vecindex.types import Observer, Stage

STAGE = "layout"
# Its spectral start fails on a graph of less.
_SPECTRAL_ARTICLES = 6


def umap_map(
    vectors: F32, graph: Graph, *, settings: Settings, init: F32 | None, seed: int, observer: Observer
) -> F64:
    """Return the layout (n, 2) that umap-learn makes of the graph; see `methods.Layout`.

    Parameters
    ----------
    graph : umap-learn counts the article itself as its first neighbor, so `neighbors` - 1 are used.
    init : None begins as `settings["init"]` says. umap-learn scales it to a box of 10 by 10.
    seed : fixes the layout, which then runs in one thread.
    """
    import umap

    observer.stage(Stage(STAGE, 0, None))
    wanted = min(int(settings["neighbors"]), len(graph))
    near, dist = _with_itself(graph.first(wanted - 1))
    begin: Any = init if init is not None else settings["init"]
    if isinstance(begin, str) and (begin == "pca" or len(graph) < _SPECTRAL_ARTICLES):
        begin = pca_map(vectors, observer=observer).astype(np.float32)
    with warnings.catch_warnings():
        # On threads, small data, and a graph that cannot transform new points: all known and intended.
        warnings.simplefilter("ignore")
        model = umap.UMAP(
            n_components=2,
            n_neighbors=wanted,
            min_dist=settings["min_dist"],
            spread=max(settings["spread"], settings["min_dist"]),
            n_epochs=settings["epochs"] or None,
            negative_sample_rate=settings["negative_sample_rate"],
            repulsion_strength=settings["repulsion_strength"],
            metric="cosine",
            init=begin,
            random_state=seed,
            precomputed_knn=(near, dist),
        )
        positions = model.fit_transform(vectors)
    observer.stage(Stage(STAGE, 1, 1))
    return np.asarray(positions, dtype=np.float64)


def _with_itself(graph: Graph) -> tuple[np.ndarray, np.ndarray]:
    """Return the (rows, cosine distances) with each article first in its own list, as umap-learn makes them."""
    itself = np.arange(len(graph), dtype=np.int32)[:, None]
    # A list may be short after its neighbors were deleted; umap-learn knows -1 as none.
    dist = np.where(graph.rows == NO_ROW, np.inf, np.maximum(0.0, 1.0 - graph.sims))
    return (
        np.concatenate([itself, graph.rows], axis=1),
        np.concatenate([np.zeros_like(itself, dtype=np.float32), dist.astype(np.float32)], axis=1),
    )


METHOD = MapMethod(
    "UMAP, by umap-learn at its defaults",
    umap_map,
    {
        "neighbors": Setting(15, "n_neighbors, the article itself included", 2),
        "min_dist": Setting(0.1, "least distance between two articles"),
        "spread": Setting(1.0, "scale of the layout", 1e-6),
        "epochs": Setting(0, "n_epochs; 0 leaves it to umap-learn"),
        "negative_sample_rate": Setting(5, "articles repelled for each neighbor that attracts"),
        "repulsion_strength": Setting(1.0, "weight of the repulsion"),
        "init": Setting("spectral", "where the articles begin", words=("spectral", "pca", "random")),
    },
    neighbors=lambda settings: int(settings["neighbors"]) - 1,
)

"""The default method: t-SNE for the whole, then a finish for the nearest neighbors."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from vecindex.core.graph import Graph
from vecindex.core.neighbors import F64, NO_ROW
from vecindex.core.vectors import F32
from vecindex.maps.tsne import begin, load_opentsne, optimized
from vecindex.types import Observer


def local_map(
    graph: Graph, vectors: F32, *, init: F32 | None, seed: int, settings: Mapping[str, Any], observer: Observer
) -> F64:
    """Return the layout (n, 2): t-SNE of the graph with equal weights, then a finish with fewer neighbors.

    Parameters
    ----------
    init : (n, 2) where to begin; else the two principal components.
    settings : see `core.map_settings`.
    """
    tsne = load_opentsne()
    # Of few articles nearly all attract each other, and a strong pull puts them onto one spot.
    pull = max(1.0, min(float(settings["early_exaggeration"]), len(graph) / 20))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = tsne.affinity.PrecomputedAffinities(_equal_weights(graph, int(settings["neighbors"])))
        steps = [
            (int(settings["early_iterations"]), pull, 0.5),
            (int(settings["iterations"]), float(settings["exaggeration"]), 0.8),
        ]
        places = optimized(tsne, whole, begin(vectors, init, seed, observer), steps, 1.0, observer, seed)
        near = tsne.affinity.PrecomputedAffinities(_equal_weights(graph, int(settings["finish_neighbors"])))
        finish = [(int(settings["finish_iterations"]), float(settings["finish_exaggeration"]), 0.8)]
        return optimized(tsne, near, places, finish, 1.0, observer, seed)


def _equal_weights(graph: Graph, k: int) -> Any:
    from scipy.sparse import csr_matrix

    # Where everybody is everybody's neighbor nothing tells them apart, and all fall onto one spot.
    near = graph.first(max(1, min(k, (len(graph) - 1) // 3))).rows
    there = near != NO_ROW
    ends = np.concatenate([[0], there.sum(axis=1).cumsum()])
    weights = csr_matrix((np.ones(int(ends[-1])), near[there], ends), shape=(len(near), len(near)))
    return weights + weights.T

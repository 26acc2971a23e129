"""Each article at the mean of its neighbors, as far as the map does not collapse: a map method for vecindex."""

import numpy as np

from vecindex.core.neighbors import NO_ROW
from vecindex.maps.methods import MapMethod, Setting
from vecindex.types import Stage


def layout(vectors, graph, *, settings, init, seed, observer):
    rows = graph.first(settings["neighbors"]).rows
    there = (rows != NO_ROW)[:, :, None]  # a list may be shorter than the others
    if init is None:
        positions = vectors @ np.random.default_rng(seed).normal(size=(vectors.shape[1], 2))
    else:
        positions = init.astype(np.float64)
    for step in range(settings["steps"]):
        observer.stage(Stage("smoothing", step, settings["steps"]))
        near = np.where(there, positions[rows], 0).sum(axis=1) / there.sum(axis=1).clip(1)
        positions = (positions + near) / 2
        # Both coordinates keep their width, and say different things.
        positions = np.linalg.qr(positions - positions.mean(axis=0))[0] * np.sqrt(len(rows))
    return positions


METHOD = MapMethod(
    "each article at the mean of its neighbors",
    layout,
    {
        "neighbors": Setting(10, "neighbors of each article that attract it", low=1),
        "steps": Setting(100, "times that each article moves", low=1),
    },
    neighbors=lambda settings: settings["neighbors"],
)

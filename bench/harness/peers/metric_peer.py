"""Metrics of a map: `python metric_peer.py WAY VECTORS.npy XY.npy K`; the values are the last line.

Four labels for the neighborhood hits: the signs of the first two values of a vector.
"""

import json
import sys

import numpy as np

way, vectors, xy, k = sys.argv[1:]
high, low, k = np.load(vectors), np.load(xy), int(k)
labels = 2 * (high[:, 0] > 0).astype(int) + (high[:, 1] > 0)


def by_sklearn():
    """Return what scikit-learn has: continuity is the trustworthiness of the vectors as a picture of the map."""
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import NearestNeighbors

    near = NearestNeighbors(n_neighbors=k).fit(low).kneighbors(return_distance=False)
    true = NearestNeighbors(n_neighbors=k).fit(high).kneighbors(return_distance=False)
    kept = [len(set(a) & set(b)) / k for a, b in zip(near, true, strict=True)]
    return {
        "trustworthiness": trustworthiness(high, low, n_neighbors=k),
        "continuity": trustworthiness(low, high, n_neighbors=k),
        "recall": np.mean(kept),
        "hits": (labels[near] == labels[:, None]).mean(),
    }


def by_zadu():
    """Return what ZADU has; LCMC is the share of neighbors kept without what chance keeps."""
    from zadu import zadu

    wanted = [{"id": name, "params": {"k": k}} for name in ("tnc", "lcmc", "nh")]
    tnc, lcmc, hits = zadu.ZADU(wanted, high.astype(np.float64)).measure(low, labels)
    return {
        "trustworthiness": tnc["trustworthiness"],
        "continuity": tnc["continuity"],
        "recall": lcmc["lcmc"] + k / (len(high) - 1),
        "hits": hits["neighborhood_hit"],
    }


def by_vecindex():
    """Return ours, with the ranks of all rows counted and not of a sample."""
    from vecindex.neighbors.plane import Plane
    from vecindex.types import Silent
    from vecindex.verbs.overlap.space import topic_precision
    from vecindex.verbs.scores import fidelity
    from vecindex.verbs.scores.scores import score_map

    fidelity.RANKED = len(high)
    scores = score_map(high, low, sample=len(high), seed=0, observer=Silent())
    near = Plane(low).nearest(low, k, without=np.arange(len(low))).rows
    names = [str(label) for label in labels]
    return {
        "trustworthiness": scores.fidelity.trustworthiness.mean,
        "continuity": scores.fidelity.continuity.mean,
        "recall": scores.recall[k].mean,
        "hits": topic_precision(near, names, names, k).mean(),
    }


found = {"scikit-learn": by_sklearn, "ZADU": by_zadu, "vecindex": by_vecindex}[way]()
print(json.dumps({name: float(value) for name, value in found.items()}))

"""The loops of the neighbor graph, compiled by numba. Imported inside functions only: the import takes a second.

`rows` (n, k) int32 and `sims` (n, k) float32 are lists under way, nearest first; an empty entry has row -1 and a
cosine below any other. In every parallel loop an article's list is written by one thread alone, in a fixed order.
"""

from __future__ import annotations

import numba as nb
import numpy as np


@nb.njit(inline="always")
def _insert(rows, sims, i, j, sim):
    """Put j into the list of i, if it is not there and near enough."""
    k = rows.shape[1]
    if sim <= sims[i, k - 1]:
        return
    for at in range(k):
        if rows[i, at] == j:
            return
    at = k - 1
    while at > 0 and sims[i, at - 1] < sim:
        sims[i, at] = sims[i, at - 1]
        rows[i, at] = rows[i, at - 1]
        at -= 1
    sims[i, at] = sim
    rows[i, at] = j


@nb.njit(nogil=True, cache=True)
def take_forward(products, askers, members, rows, sims):
    """Let each asker (a,) take the members (m,) of a cluster by their cosines (a, m)."""
    last = rows.shape[1] - 1
    for a in range(len(askers)):
        i = askers[a]
        # Kept in a register: a look into the list for each member would take longer.
        bar = sims[i, last]
        for m in range(len(members)):
            if products[a, m] > bar and members[m] != i:
                _insert(rows, sims, i, members[m], products[a, m])
                bar = sims[i, last]


@nb.njit(nogil=True, cache=True)
def take_backward(products, askers, members, first, end, rows, sims):
    """Let the members from `first` to `end` take the askers, by the same cosines."""
    last = rows.shape[1] - 1
    bars = sims[members[first:end], last]
    for a in range(len(askers)):
        i = askers[a]
        for m in range(first, end):
            if products[a, m] > bars[m - first] and members[m] != i:
                _insert(rows, sims, members[m], i, products[a, m])
                bars[m - first] = sims[members[m], last]


@nb.njit(parallel=True, fastmath=True, cache=True)
def take_neighbors_of_neighbors(vectors, before, rows, sims, parts):
    """Let each article take its neighbors' neighbors; `before` is a copy of `rows` that is only read."""
    n, d = vectors.shape
    k = rows.shape[1]
    for part in nb.prange(parts):
        seen = np.full(n, -1, np.int32)
        for i in range(n * part // parts, n * (part + 1) // parts):
            seen[i] = i
            for a in range(k):
                if before[i, a] >= 0:
                    seen[before[i, a]] = i
            for a in range(k):
                j = before[i, a]
                if j < 0:
                    continue
                for b in range(k):
                    c = before[j, b]
                    if c < 0 or seen[c] == i:
                        continue
                    seen[c] = i
                    sim = np.float32(0)
                    for e in range(d):
                        sim += vectors[i, e] * vectors[c, e]
                    if sim > sims[i, k - 1]:
                        _insert(rows, sims, i, c, sim)


@nb.njit(cache=True)
def take_reverse(before, before_sims, rows, sims):
    """Let each article take those that have it as a neighbor."""
    n, k = rows.shape
    for i in range(n):
        for a in range(k):
            j = before[i, a]
            if j >= 0 and before_sims[i, a] > sims[j, k - 1]:
                _insert(rows, sims, j, i, before_sims[i, a])


@nb.njit(cache=True)
def take_found(articles, others, cosines, rows, sims):
    """Let articles (e,) take others (e,) that were found for them elsewhere, by their cosines (e,)."""
    last = rows.shape[1] - 1
    for e in range(len(articles)):
        if cosines[e] > sims[articles[e], last]:
            _insert(rows, sims, articles[e], others[e], cosines[e])

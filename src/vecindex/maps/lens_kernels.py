"""The loops of the lens, compiled by numba. Imported inside functions only: the import takes a second."""

from __future__ import annotations

import numba as nb
import numpy as np

NONE = 255
_NEAR = 3
_OWN_SHARE = 0.3
_OWN_WIDTH = 0.15
_FRIEND_WIDTH = 0.7


@nb.njit
def _value(row, itself, ranks, worth, kept, kept_dist):
    """Return what an article's list is worth whose squared distances to all are `row`; fill `kept` with the list."""
    depth = len(worth)
    found = 0
    for j in range(len(row)):
        if j != itself and (found < depth or row[j] < kept_dist[depth - 1]):
            at = min(found, depth - 1)
            while at > 0 and kept_dist[at - 1] > row[j]:
                kept_dist[at] = kept_dist[at - 1]
                kept[at] = kept[at - 1]
                at -= 1
            kept_dist[at] = row[j]
            kept[at] = j
            found = min(found + 1, depth)
    total = 0.0
    for at in range(found):
        rank = ranks[itself, kept[at]]
        if rank < depth:
            total += worth[max(at, rank)]
    return total, kept_dist[found - 1]


@nb.njit(nogil=True, cache=True)
def turn(angles, radius, ranks, friends, worth, sweeps, tries, normals, uniforms):
    """Turn each article around the question where that keeps more of its neighbors and of theirs; in place.

    Parameters
    ----------
    angles, radius : (m,) float64.
    ranks : (m, m) uint8, ranks[i, j] from 0 of j among the nearest of i in embedding space; `NONE` beyond.
    friends : (m, f) articles that are near to each other both ways; -1 for none.
    worth : (depth,) what a neighbor is worth by the worse of its two ranks.
    normals, uniforms : (sweeps, m, tries) and (sweeps, m, tries, 2), what chance is made of.
    """
    m, depth = len(angles), len(worth)
    xy = np.empty((m, 2))
    for i in range(m):
        xy[i, 0] = radius[i] * np.cos(angles[i])
        xy[i, 1] = radius[i] * np.sin(angles[i])
    dist = np.empty((m, m))
    for i in range(m):
        for j in range(m):
            dist[i, j] = (xy[i, 0] - xy[j, 0]) ** 2 + (xy[i, 1] - xy[j, 1]) ** 2
    kept = np.empty(depth, dtype=np.int64)
    kept_dist = np.empty(depth)
    values = np.empty(m)
    reach = np.empty(m)
    for i in range(m):
        values[i], reach[i] = _value(dist[i], i, ranks, worth, kept, kept_dist)
    row = np.empty(m)
    for sweep in range(sweeps):
        for p in range(m):
            for number in range(tries):
                angle = angles[p] + _OWN_WIDTH * normals[sweep, p, number]
                if uniforms[sweep, p, number, 0] >= _OWN_SHARE:
                    friend = friends[p, int(uniforms[sweep, p, number, 1] * friends.shape[1])]
                    if friend >= 0:
                        wide = _FRIEND_WIDTH * np.sqrt(_third(dist[friend], friend)) / radius[p]
                        angle = angles[friend] + wide * normals[sweep, p, number]
                x = radius[p] * np.cos(angle)
                y = radius[p] * np.sin(angle)
                for j in range(m):
                    row[j] = (xy[j, 0] - x) ** 2 + (xy[j, 1] - y) ** 2
                row[p] = 0.0
                gain = _value(row, p, ranks, worth, kept, kept_dist)[0] - values[p]
                for i in range(m):
                    if i != p and (dist[i, p] <= reach[i] or row[i] <= reach[i]):
                        old = dist[i, p]
                        dist[i, p] = row[i]
                        gain += _value(dist[i], i, ranks, worth, kept, kept_dist)[0] - values[i]
                        dist[i, p] = old
                if gain <= -1.0 * (1 - sweep / sweeps) * uniforms[sweep, p, number, 0]:
                    continue
                angles[p] = angle
                xy[p, 0] = x
                xy[p, 1] = y
                for i in range(m):
                    near = dist[i, p] <= reach[i] or row[i] <= reach[i]
                    dist[i, p] = row[i]
                    dist[p, i] = row[i]
                    if i != p and near:
                        values[i], reach[i] = _value(dist[i], i, ranks, worth, kept, kept_dist)
                values[p], reach[p] = _value(dist[p], p, ranks, worth, kept, kept_dist)


@nb.njit
def _third(row, itself):
    """Return the third smallest of the squared distances to others."""
    first = second = third = np.inf
    for j in range(len(row)):
        if j == itself:
            continue
        d = row[j]
        if d < first:
            first, second, third = d, first, second
        elif d < second:
            second, third = d, second
        elif d < third:
            third = d
    return third if third < np.inf else first

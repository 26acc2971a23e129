"""The loops of the lens, compiled by numba. Imported inside functions only: the import takes a second."""

from __future__ import annotations

import numba as nb
import numpy as np

NONE = 255
_OWN_SHARE = 0.3
_OWN_WIDTH = 0.15
_FRIEND_WIDTH = 0.7
_HEAT = 1.0


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


@nb.njit
def _gain(p, row, dist, values, reach, ranks, worth, kept, kept_dist):
    """Return what all lists gain where p is at the squared distances `row` from all."""
    gain = _value(row, p, ranks, worth, kept, kept_dist)[0] - values[p]
    for i in range(len(row)):
        if i != p and (dist[i, p] <= reach[i] or row[i] <= reach[i]):
            old = dist[i, p]
            dist[i, p] = row[i]
            gain += _value(dist[i], i, ranks, worth, kept, kept_dist)[0] - values[i]
            dist[i, p] = old
    return gain


@nb.njit
def _move(p, row, dist, values, reach, ranks, worth, kept, kept_dist):
    """Put p at the squared distances `row` from all, and bring what depends on it up to date."""
    for i in range(len(row)):
        near = dist[i, p] <= reach[i] or row[i] <= reach[i]
        dist[i, p] = row[i]
        dist[p, i] = row[i]
        if i != p and near:
            values[i], reach[i] = _value(dist[i], i, ranks, worth, kept, kept_dist)
    values[p], reach[p] = _value(dist[p], p, ranks, worth, kept, kept_dist)


@nb.njit
def _try(p, angles, radius, dist, friends, normal, uniform):
    """Return an angle to try: near its own, or near that of a friend."""
    if uniform[0] >= _OWN_SHARE:
        friend = friends[p, int(uniform[1] * friends.shape[1])]
        if friend >= 0:
            return angles[friend] + normal * _FRIEND_WIDTH * np.sqrt(_third(dist[friend], friend)) / radius[p]
    return angles[p] + _OWN_WIDTH * normal


@nb.njit(nogil=True, cache=True)
def turn(angles, radius, ranks, friends, worth, sweeps, tries, normals, uniforms):
    """Turn each article around the question where that keeps more of its neighbors and of theirs; in place.

    A small loss is taken now and then, an ever smaller one from sweep to sweep.

    Parameters
    ----------
    angles, radius : (m,) float64.
    ranks : (m, m) uint8, ranks[i, j] from 0 of j among the nearest of i in embedding space; `NONE` for itself.
    friends : (m, f) articles that are near to each other both ways; -1 for none.
    worth : (depth,) what a neighbor is worth by the worse of its two ranks.
    normals, uniforms : (sweeps, m, tries) and (sweeps, m, tries, 3), what chance is made of.
    """
    m, depth = len(angles), len(worth)
    kept, kept_dist = np.empty(depth, dtype=np.int64), np.empty(depth)
    values, reach = np.empty(m), np.empty(m)
    x, y = radius * np.cos(angles), radius * np.sin(angles)
    dist = np.empty((m, m))
    for i in range(m):
        dist[i] = (x - x[i]) ** 2 + (y - y[i]) ** 2
        values[i], reach[i] = _value(dist[i], i, ranks, worth, kept, kept_dist)
    for sweep in range(sweeps):
        heat = _HEAT * (sweeps - 1 - sweep) / sweeps
        for p in range(m):
            for number in range(tries):
                uniform = uniforms[sweep, p, number]
                angle = _try(p, angles, radius, dist, friends, normals[sweep, p, number], uniform)
                there_x, there_y = radius[p] * np.cos(angle), radius[p] * np.sin(angle)
                row = (x - there_x) ** 2 + (y - there_y) ** 2
                row[p] = 0.0
                if _gain(p, row, dist, values, reach, ranks, worth, kept, kept_dist) > -heat * uniform[2]:
                    angles[p], x[p], y[p] = angle, there_x, there_y
                    _move(p, row, dist, values, reach, ranks, worth, kept, kept_dist)


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

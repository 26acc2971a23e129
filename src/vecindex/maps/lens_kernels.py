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
def _fill(row, itself, nearest):
    """Fill `nearest` (w,) with those of the w smallest squared distances in `row` (m,), the smallest first."""
    width = len(nearest)
    found = 0
    for j in range(len(row)):
        if j != itself and (found < width or row[j] < row[nearest[width - 1]]):
            at = min(found, width - 1)
            while at > 0 and row[nearest[at - 1]] > row[j]:
                nearest[at] = nearest[at - 1]
                at -= 1
            nearest[at] = j
            found = min(found + 1, width)


@nb.njit
def _counts(other, at, rank_row, worth):
    """Return what an article is worth as the at-th nearest."""
    rank = rank_row[other]
    return worth[max(at, rank)] if rank < len(worth) else 0.0


@nb.njit
def _value(nearest, rank_row, worth):
    """Return what a list of nearest is worth."""
    total = 0.0
    for at in range(len(worth)):
        total += _counts(nearest[at], at, rank_row, worth)
    return total


@nb.njit
def _value_with(p, far, row, nearest, rank_row, worth):
    """Return what a list is worth where p is at the squared distance `far`; `row` has where all were before."""
    total, at, waits = 0.0, 0, True
    for j in nearest:
        if j == p:
            continue
        if waits and far < row[j]:
            total += _counts(p, at, rank_row, worth)
            at += 1
            waits = False
        if at == len(worth):
            return total
        total += _counts(j, at, rank_row, worth)
        at += 1
        if at == len(worth):
            return total
    return total + _counts(p, at, rank_row, worth) if waits else total


@nb.njit
def _list(i, dist, values, reach, nearest, ranks, worth):
    """Bring an article's list of nearest, its value, and how far those that count reach up to date."""
    _fill(dist[i], i, nearest[i])
    values[i] = _value(nearest[i], ranks[i], worth)
    reach[i] = dist[i, nearest[i, len(worth) - 1]]


@nb.njit
def _gain(p, row, dist, values, reach, nearest, ranks, worth, mine):
    """Return what all lists gain where p is at the squared distances `row` from all; `mine` becomes its list."""
    _fill(row, p, mine)
    gain = _value(mine, ranks[p], worth) - values[p]
    for i in range(len(row)):
        if (dist[p, i] <= reach[i] or row[i] <= reach[i]) and i != p:
            gain += _value_with(p, row[i], dist[i], nearest[i], ranks[i], worth) - values[i]
    return gain


@nb.njit
def _move(p, row, dist, values, reach, nearest, ranks, worth):
    """Put p at the squared distances `row` from all, and bring what depends on it up to date."""
    for i in range(len(row)):
        # All of a list is kept, also what is one beyond those that count.
        last = dist[i, nearest[i, -1]]
        near = dist[i, p] <= last or row[i] <= last
        dist[i, p] = row[i]
        dist[p, i] = row[i]
        if i != p and near:
            _list(i, dist, values, reach, nearest, ranks, worth)
    _list(p, dist, values, reach, nearest, ranks, worth)


@nb.njit
def _try(p, angles, radius, dist, nearest, friends, normal, uniform):
    """Return an angle to try: near its own, or near that of a friend."""
    if uniform[0] >= _OWN_SHARE:
        friend = friends[p, int(uniform[1] * friends.shape[1])]
        if friend >= 0:
            third = nearest[friend, min(2, nearest.shape[1] - 1)]
            return angles[friend] + normal * _FRIEND_WIDTH * np.sqrt(dist[friend, third]) / radius[p]
    return angles[p] + _OWN_WIDTH * normal


@nb.njit(nogil=True, cache=True)
def turn(angles, radius, ranks, friends, worth, sweeps, tries, normals, uniforms):
    """Turn each article around the question where that keeps more of its neighbors and of theirs; in place.

    A small loss is taken now and then, an ever smaller one from sweep to sweep.

    Parameters
    ----------
    angles, radius : (m,) float64; m is 2 at least.
    ranks : (m, m) uint8, ranks[i, j] from 0 of j among the nearest of i in embedding space; `NONE` for itself.
    friends : (m, f) articles that are near to each other both ways; -1 for none.
    worth : (depth,) what a neighbor is worth by the worse of its two ranks; depth is m - 1 at most.
    normals, uniforms : (sweeps, m, tries) and (sweeps, m, tries, 3), what chance is made of.
    """
    m, depth = len(angles), len(worth)
    # One more than is counted, so that a list without an article is known as well.
    nearest = np.empty((m, min(depth + 1, m - 1)), dtype=np.int64)
    mine = np.empty(nearest.shape[1], dtype=np.int64)
    values, reach, row = np.empty(m), np.empty(m), np.empty(m)
    x, y = radius * np.cos(angles), radius * np.sin(angles)
    dist = np.empty((m, m))
    for i in range(m):
        dist[i] = (x - x[i]) ** 2 + (y - y[i]) ** 2
        _list(i, dist, values, reach, nearest, ranks, worth)
    for sweep in range(sweeps):
        heat = _HEAT * (sweeps - 1 - sweep) / sweeps
        for p in range(m):
            for number in range(tries):
                uniform = uniforms[sweep, p, number]
                angle = _try(p, angles, radius, dist, nearest, friends, normals[sweep, p, number], uniform)
                there_x, there_y = radius[p] * np.cos(angle), radius[p] * np.sin(angle)
                for i in range(m):
                    row[i] = (x[i] - there_x) ** 2 + (y[i] - there_y) ** 2
                row[p] = 0.0
                if _gain(p, row, dist, values, reach, nearest, ranks, worth, mine) > -heat * uniform[2]:
                    angles[p], x[p], y[p] = angle, there_x, there_y
                    _move(p, row, dist, values, reach, nearest, ranks, worth)

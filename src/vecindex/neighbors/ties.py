"""Equally near articles: neither list of neighbors may lose one because an id stands first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows, counted
from vecindex.core.vectors import F32
from vecindex.neighbors.exact import cosine_distances
from vecindex.neighbors.plane import Plane

LookUp = Callable[[Rows], tuple[Rows, F32]]
"""Returns some rows, ascending, each once, and their unit vectors."""
_AT_ONCE = 512


def settled(
    near: Neighbors, found: Neighbors, at: F64, plane: Plane, vectors: F32, look_up: LookUp
) -> tuple[Neighbors, Neighbors]:
    """Return both lists of each point with equally near articles ordered by their distance in the other space.

    So an article counts among the k nearest if it is as near as the k-th, in embedding space as on the map: no map
    loses a neighbor to a duplicate that is as near. Articles at the point's own position on the map are the
    exception: they stand in the order of their rows, or a map that puts all on one position would keep everything.

    Parameters
    ----------
    near : (q, d) the nearest in embedding space, ordered by (dist, row). It is one longer than what counts, so that
        it shows whether more are as near as the last that counts; these are found where they are among the first d
        on the map.
    found : (q, m) the nearest on the map; more that are as near as the last are found where they are in `near`.
    at : (q, 2) where the points are on the map; `vectors` (q, dim) their unit vectors.
    look_up : gives vectors of rows; asked only where ties reach the end of a list.
    """
    rows, dist = near.rows.copy(), near.dist.copy()
    map_rows, map_dist = found.rows.copy(), found.dist.copy()
    tied = np.flatnonzero(_has_ties(near) | _has_ties(found) | _goes_on(near, found, _far(near, at, plane)))
    for start in range(0, len(tied), _AT_ONCE):
        some = tied[start : start + _AT_ONCE]
        mine, theirs = _settled(near.take(some), found.take(some), at[some], plane, vectors[some], look_up)
        rows[some], dist[some], map_rows[some], map_dist[some] = mine.rows, mine.dist, theirs.rows, theirs.dist
    return Neighbors(rows, dist), Neighbors(map_rows, map_dist)


def _has_ties(lists: Neighbors) -> npt.NDArray[np.bool_]:
    there = np.isfinite(lists.dist[:, 1:])
    return np.asarray((there & (lists.dist[:, 1:] == lists.dist[:, :-1])).any(axis=1))


def _far(near: Neighbors, at: F64, plane: Plane) -> F64:
    """Return how far each of `near` is on the map; infinite where it is not on it."""
    far = np.linalg.norm(plane.xy[near.rows] - at[:, None, :], axis=2)
    return np.where(near.rows == NO_ROW, np.inf, np.nan_to_num(far, nan=np.inf))


def _goes_on(near: Neighbors, found: Neighbors, far: F64) -> npt.NDArray[np.bool_]:
    """Return for which points one of `near` is as far on the map as the last of `found`, and is not that one."""
    ends = found.dist[:, -1:]
    return np.asarray(((far == ends) & np.isfinite(ends) & (near.rows != found.rows[:, -1:])).any(axis=1))


def _settled(
    near: Neighbors, found: Neighbors, at: F64, plane: Plane, vectors: F32, look_up: LookUp
) -> tuple[Neighbors, Neighbors]:
    same = counted(near.rows, plane.articles)[:, :, None] == counted(found.rows, plane.articles)[:, None, :]
    same &= (near.rows != NO_ROW)[:, :, None]
    shown, known = same.any(axis=2), same.any(axis=1)
    far = _far(near, at, plane)
    map_dist = np.where(shown, np.take_along_axis(found.dist, same.argmax(axis=2), axis=1), far)
    dist = np.where(known, np.take_along_axis(near.dist, same.argmax(axis=1), axis=1), np.inf)
    # What else is as near as the last of the list in embedding space, or on the map.
    more = _as_near(near, found, known, vectors, look_up)
    dist = np.where(more, near.dist[:, -1:], dist)
    back = ~shown & np.isfinite(far) & (far == found.dist[:, -1:])
    best = _ordered(near.rows, near.dist, map_dist, found.rows, dist, found.dist, more)
    # At the point's own position the embedding has no say.
    own, theirs = np.where(found.dist == 0, 0.0, dist), np.where(map_dist == 0, 0.0, near.dist)
    return best, _ordered(found.rows, found.dist, own, near.rows, map_dist, theirs, back)


def _as_near(
    near: Neighbors, found: Neighbors, known: npt.NDArray[np.bool_], vectors: F32, look_up: LookUp
) -> npt.NDArray[np.bool_]:
    """Return which of `found`, not among `near`, are as near in embedding space as the last of `near`; (q, m)."""
    as_near = np.zeros(found.rows.shape, dtype=np.bool_)
    ends = near.dist[:, -1:]
    tied = (np.isfinite(ends) & (ends == near.dist[:, -2:-1])).any(axis=1) if near.k > 1 else np.isfinite(ends)[:, 0]
    wanted = ~known & (found.rows != NO_ROW) & tied[:, None]
    wanted[:, near.k :] = False
    point, column = np.nonzero(wanted)
    if len(point):
        rows, stored = look_up(np.unique(found.rows[point, column]))
        index = np.searchsorted(rows, found.rows[point, column])
        as_near[point, column] = cosine_distances(vectors, point, stored, index) == ends[point, 0]
    return as_near


def _ordered(
    rows: Rows, dist: F64, other: F64, more_rows: Rows, more_dist: F64, more_other: F64, taken: npt.NDArray[np.bool_]
) -> Neighbors:
    """Return lists (q, k) and some more articles, ordered by (dist, distance in the other space, row); (q, k)."""
    every = np.concatenate([rows, np.where(taken, more_rows, NO_ROW)], axis=1)
    far = np.concatenate([dist, np.where(taken, more_dist, np.inf)], axis=1)
    then = np.concatenate([other, more_other], axis=1)
    order = np.lexsort((every, then, far), axis=1)[:, : rows.shape[1]]
    return Neighbors(np.take_along_axis(every, order, axis=1), np.take_along_axis(far, order, axis=1))

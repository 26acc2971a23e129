"""Single articles moved to where more of the nearest are kept: the loops, compiled by numba.

Imported inside functions only: the import takes a second.

The gain of a move is counted: what the article's own list is worth more, and what the lists of others gain that it
leaves or enters, those of questions too. Of these the ones among its `_LOOKED_AT` nearest are looked at. The others
are few, and theirs are read again before the next sweep. One that arrives stands after others at the same distance
until then.

numba keeps what it compiled until this file changes. After a change of `lists_kernels` or `asked_kernels` alone,
remove the `__pycache__` of this folder.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from vecindex.maps.moves.asked_kernels import asked_here, asked_there, enter_asked, leave_asked, try_at_question
from vecindex.maps.moves.lists_kernels import (
    NOWHERE,
    drop,
    enter,
    nearest,
    put,
    random,
    rank_of,
    read,
    take,
    value_here,
    value_there,
)

F64 = npt.NDArray[np.float64]

_LOOKED_AT = 24
# All positions are tried with so many of the nearest, and the best `_CLOSER` of them with all.
_GLANCED_AT = 10
_CLOSER = 3
_FIRST_FIVE = 5


class Homes(NamedTuple):
    """What holds articles back: each pays `stay` times its distance from its `home` (n, 2), at most `stay`.

    The distance is in units of the root of its own `reach` (n,).
    """

    home: F64
    reach: F64
    stay: float


@nb.njit
def _away(x, y, p, homes):
    d = ((x - homes.home[p, 0]) ** 2 + (y - homes.home[p, 1]) ** 2) / homes.reach[p]
    return homes.stay * min(1.0, np.sqrt(d))


@nb.njit
def _try(number, p, state, xy, lists, sought):
    """Return the next state and a position to try: next to one of the nearest, between two, or around its own."""
    state, u = random(state)
    state, v = random(state)
    state, w = random(state)
    state, z = random(state)
    turn = 2 * np.pi * z
    most = min(_FIRST_FIVE, sought.true.shape[1])
    j = sought.true[p, int(most * u * u)]
    k = sought.true[p, int(most * v)]
    if number % 4 == 3 or j == NOWHERE or k == NOWHERE:
        far = 2 * u * np.sqrt(lists.dist[p, min(4, lists.held[p] - 1)])
        return state, xy[p, 0] + far * np.cos(turn), xy[p, 1] + far * np.sin(turn)
    if number % 4 == 2:
        state, u = random(state)
        wide = 0.7 * np.sqrt(lists.dist[j, 0])
        x = xy[j, 0] + w * (xy[k, 0] - xy[j, 0]) + wide * (z - 0.5)
        return state, x, xy[j, 1] + w * (xy[k, 1] - xy[j, 1]) + wide * (u - 0.5)
    far = (0.15 + v) * np.sqrt(lists.dist[j, int(min(4, lists.held[j]) * w)])
    return state, xy[j, 0] + far * np.cos(turn), xy[j, 1] + far * np.sin(turn)


@nb.njit
def _worth_here(p, xy, lists, sought, homes, asked, rows, found):
    """Return what would be lost where p is taken out of the map, `rows` being its nearest."""
    total = value_here(p, lists, sought, rows, found) - _away(xy[p, 0], xy[p, 1], p, homes)
    return total + asked_here(p, xy[p, 0], xy[p, 1], asked)


@nb.njit
def _worth_there(p, x, y, lists, sought, homes, asked, rows, dist, found):
    """Return what is won where p, taken out before, comes to a position, `rows` being its nearest there."""
    total = value_there(p, lists, sought, rows, dist, found) - _away(x, y, p, homes)
    return total + asked_there(p, x, y, asked)


@nb.njit(nogil=True, cache=True)
def propose(start, stop, some, seed, tries, xy, cells, lists, sought, homes, asked, gains, points):
    """Put the best of `tries` positions for each of some[start:stop] into `points` (s, 2), its gain into `gains`.

    Nothing moves, so several threads may each have a part, and what is found does not depend on their number.
    """
    rows = np.empty(_LOOKED_AT, dtype=np.int32)
    dist = np.empty(_LOOKED_AT, dtype=np.float32)
    few_rows = np.empty(_GLANCED_AT, dtype=np.int32)
    few_dist = np.empty(_GLANCED_AT, dtype=np.float32)
    tried = np.empty((tries, 2))
    worth = np.empty(tries)
    for at in range(start, stop):
        p = some[at]
        state, _ = random(np.uint64(seed) + np.uint64(p) * np.uint64(0xD1342543DE82EF95))
        belongs = len(asked.xy) > 0 and asked.starts[p + 1] > asked.starts[p]
        for number in range(tries):
            if belongs and number % 2:
                state, x, y = try_at_question(number // 2, p, state, xy, lists, sought, asked)
            else:
                state, x, y = _try(number, p, state, xy, lists, sought)
            found = nearest(x, y, p, xy, cells, few_rows, few_dist)
            tried[number, 0], tried[number, 1] = x, y
            worth[number] = _worth_there(p, x, y, lists, sought, homes, asked, few_rows, few_dist, found)
        found = nearest(xy[p, 0], xy[p, 1], p, xy, cells, rows, dist)
        here = _worth_here(p, xy, lists, sought, homes, asked, rows, found)
        gains[at] = -np.inf
        for _ in range(min(tries, _CLOSER)):
            number = np.argmax(worth)
            worth[number] = -np.inf
            x, y = tried[number, 0], tried[number, 1]
            found = nearest(x, y, p, xy, cells, rows, dist)
            gain = _worth_there(p, x, y, lists, sought, homes, asked, rows, dist, found) - here
            if gain > gains[at]:
                gains[at] = gain
                points[at, 0] = x
                points[at, 1] = y


@nb.njit
def _leave(p, xy, cells, lists, sought, rows, found):
    """Take p out of its cell and out of the lists of its nearest."""
    depth = sought.true.shape[1]
    take(xy, p, cells)
    for i in rows[:found]:
        for slot in range(lists.held[i]):
            if lists.rows[i, slot] == p:
                drop(i, slot, lists)
                if lists.held[i] <= depth:
                    read(i, xy[i, 0], xy[i, 1], i, xy, cells, lists, sought.true)
                break


@nb.njit(nogil=True, cache=True)
def move(some, seed, heat, xy, cells, lists, sought, homes, asked, gains, points):
    """Move articles to what was proposed, one after the other, if that is still a gain; return how many moved.

    A loss is taken with the probability exp(gain / heat) (Metropolis et al. 1953); none at a heat of 0.
    """
    rows = np.empty(_LOOKED_AT, dtype=np.int32)
    dist = np.empty(_LOOKED_AT, dtype=np.float32)
    rows_there = np.empty(_LOOKED_AT, dtype=np.int32)
    dist_there = np.empty(_LOOKED_AT, dtype=np.float32)
    moved = 0
    state = np.uint64(seed)
    for at in range(len(some)):
        state, u = random(state)
        least = heat * np.log(max(u, 1e-12))
        if gains[at] <= least:
            continue
        p = some[at]
        x, y = points[at, 0], points[at, 1]
        found = nearest(xy[p, 0], xy[p, 1], p, xy, cells, rows, dist)
        there = nearest(x, y, p, xy, cells, rows_there, dist_there)
        gain = _worth_there(p, x, y, lists, sought, homes, asked, rows_there, dist_there, there)
        gain -= _worth_here(p, xy, lists, sought, homes, asked, rows, found)
        if gain <= least:
            continue
        moved += 1
        _leave(p, xy, cells, lists, sought, rows, found)
        leave_asked(p, xy, cells, asked)
        xy[p, 0] = x
        xy[p, 1] = y
        put(xy, p, cells)
        lists.held[p] = min(lists.rows.shape[1], there)
        for slot in range(lists.held[p]):
            lists.rows[p, slot] = rows_there[slot]
            lists.dist[p, slot] = dist_there[slot]
            lists.ranks[p, slot] = rank_of(sought.true, p, rows_there[slot])
        for slot in range(there):
            enter(rows_there[slot], p, dist_there[slot], lists, sought.true)
        enter_asked(p, x, y, asked)
    return moved

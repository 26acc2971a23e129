"""The loops of the polish, compiled by numba. Imported inside functions only: the import takes a second.

An article's list on the map is its nearest others by squared distance, ties by number. In it each has a rank in
embedding space, 0 for the nearest of all; `NONE` for one beyond `depth`. The value of an article is the sum over the
first `depth` of its list of worth[max(slot, rank)]: what the hits at each k count together (see `polish.worth_of`).

So the gain of a move is counted: what the article's own list is worth more, and what the lists of others gain that it
leaves or enters. Of these the ones among its `_LOOKED_AT` nearest are looked at. The others are few, and theirs are
read again before the next sweep. One that arrives stands after others at the same distance until then.
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

NONE = 255
_LOOKED_AT = 24
_NOWHERE = -1
_FIRST_FIVE = 5


class Cells(NamedTuple):
    """The articles by square cells of the plane, each cell a chain: `first` (m * m,), `after` and `before` (n,)."""

    low: F64
    per_cell: float
    side: int
    first: I32
    after: I32
    before: I32


class Lists(NamedTuple):
    """Each article's nearest on the map: `rows`, squared `dist` and `ranks` (n, width), `held` (n,) of them."""

    rows: I32
    dist: npt.NDArray[np.float32]
    ranks: npt.NDArray[np.uint8]
    held: I32


class Aim(NamedTuple):
    """What is sought: the `true` lists (n, depth) with -1 for none, what a slot is `worth`, and where to stay.

    An article pays `stay` times its distance from its `home` (n, 2), in units of its own `reach` (n,), at most 1.
    None comes to where one of the `kept` (n,) would be its nearest.
    """

    true: I32
    worth: F64
    home: F64
    reach: F64
    stay: float
    kept: npt.NDArray[np.bool_]


@nb.njit
def _random(state):
    """Return the next state and a number in [0, 1): splitmix64 (Steele et al. 2014)."""
    state = state + np.uint64(0x9E3779B97F4A7C15)
    z = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return state, np.float64(z >> np.uint64(11)) / 9007199254740992.0


@nb.njit
def _step(value, low, per_cell, side):
    return min(max(int((value - low) * per_cell), 0), side - 1)


@nb.njit
def _cell(xy, i, cells):
    across = _step(xy[i, 0], cells.low[0], cells.per_cell, cells.side)
    return across * cells.side + _step(xy[i, 1], cells.low[1], cells.per_cell, cells.side)


@nb.njit
def _put(xy, i, cells):
    cell = _cell(xy, i, cells)
    cells.after[i] = cells.first[cell]
    cells.before[i] = _NOWHERE
    if cells.first[cell] != _NOWHERE:
        cells.before[cells.first[cell]] = i
    cells.first[cell] = i


@nb.njit
def _take(xy, i, cells):
    if cells.before[i] != _NOWHERE:
        cells.after[cells.before[i]] = cells.after[i]
    else:
        cells.first[_cell(xy, i, cells)] = cells.after[i]
    if cells.after[i] != _NOWHERE:
        cells.before[cells.after[i]] = cells.before[i]


@nb.njit(nogil=True, cache=True)
def fill(xy, cells):
    """Put all articles into their cells."""
    cells.first[:] = _NOWHERE
    for i in range(len(xy)):
        _put(xy, i, cells)


@nb.njit
def _nearest(x, y, without, xy, cells, rows, dist):
    """Put the nearest to a point into `rows` and `dist`, as many as they hold; return how many were found."""
    wanted = len(rows)
    across = _step(x, cells.low[0], cells.per_cell, cells.side)
    up = _step(y, cells.low[1], cells.per_cell, cells.side)
    inside_x = (x - cells.low[0]) * cells.per_cell - across
    inside_y = (y - cells.low[1]) * cells.per_cell - up
    margin = max(0.0, min(min(inside_x, 1 - inside_x), min(inside_y, 1 - inside_y)))
    found = 0
    for ring in range(cells.side + 1):
        for a in range(max(across - ring, 0), min(across + ring, cells.side - 1) + 1):
            whole = a in (across - ring, across + ring)
            b = up - ring
            while b <= up + ring:
                if 0 <= b < cells.side:
                    j = cells.first[a * cells.side + b]
                    while j != _NOWHERE:
                        if j != without:
                            d = np.float32((xy[j, 0] - x) ** 2 + (xy[j, 1] - y) ** 2)
                            if (
                                found < wanted
                                or d < dist[found - 1]
                                or (d == dist[found - 1] and j < rows[found - 1])
                            ):
                                at = min(found, wanted - 1)
                                while at > 0 and (dist[at - 1] > d or (dist[at - 1] == d and rows[at - 1] > j)):
                                    dist[at] = dist[at - 1]
                                    rows[at] = rows[at - 1]
                                    at -= 1
                                dist[at] = d
                                rows[at] = j
                                found = min(found + 1, wanted)
                        j = cells.after[j]
                b += 1 if whole else max(1, 2 * ring)
        seen = (ring + margin) / cells.per_cell
        if found == wanted and dist[wanted - 1] < seen * seen:
            break
    return found


@nb.njit
def _rank(true, i, j):
    for rank in range(true.shape[1]):
        if true[i, rank] == j:
            return rank
    return NONE


@nb.njit
def _read(i, xy, cells, lists, aim):
    """Read the list of an article from the map again."""
    found = _nearest(xy[i, 0], xy[i, 1], i, xy, cells, lists.rows[i], lists.dist[i])
    lists.held[i] = found
    for slot in range(found):
        lists.ranks[i, slot] = _rank(aim.true, i, lists.rows[i, slot])


@nb.njit(nogil=True, cache=True)
def read_lists(start, stop, xy, cells, lists, aim):
    """Read the lists of some articles from the map again."""
    for i in range(start, stop):
        _read(i, xy, cells, lists, aim)


@nb.njit
def _worth(slot, rank, worth):
    return worth[max(slot, rank)] if rank != NONE else 0.0


@nb.njit
def _value_of(i, lists, aim):
    """Return what the list of an article is worth."""
    total = 0.0
    for slot in range(min(aim.true.shape[1], lists.held[i])):
        total += _worth(slot, lists.ranks[i, slot], aim.worth)
    return total


@nb.njit
def _after_leaving(i, slot, lists, aim):
    """Return what the list of an article gains where the one at a slot leaves it."""
    depth = aim.true.shape[1]
    gain = -_worth(slot, lists.ranks[i, slot], aim.worth)
    for next_slot in range(slot + 1, min(depth + 1, lists.held[i])):
        rank = lists.ranks[i, next_slot]
        gain += _worth(next_slot - 1, rank, aim.worth)
        if next_slot < depth:
            gain -= _worth(next_slot, rank, aim.worth)
    return gain


@nb.njit
def _value_here(p, xy, lists, aim, rows, found):
    """Return what is lost where p is taken out of the map, `rows` being its nearest."""
    depth = aim.true.shape[1]
    total = _value_of(p, lists, aim)
    for i in rows[:found]:
        for slot in range(min(depth, lists.held[i])):
            if lists.rows[i, slot] == p:
                total -= _after_leaving(i, slot, lists, aim)
                break
    return total


@nb.njit
def _after_coming(i, p, d, lists, aim):
    """Return what the list of an article, without p, gains where p comes to it at a squared distance."""
    depth = aim.true.shape[1]
    held = lists.held[i]
    gain = 0.0
    came = False
    at = 0
    for slot in range(depth):
        if at < held and lists.rows[i, at] == p:
            at += 1
        if not came and (at >= held or d < lists.dist[i, at]):
            came = True
            gain += _worth(slot, _rank(aim.true, i, p), aim.worth)
        if at >= held:
            break
        if came:
            rank = lists.ranks[i, at]
            gain -= _worth(slot, rank, aim.worth)
            if slot + 1 < depth:
                gain += _worth(slot + 1, rank, aim.worth)
        at += 1
    return gain


@nb.njit
def _value_there(p, lists, aim, rows, dist, found):
    """Return what is won where p, taken out before, comes to where `rows` are its nearest."""
    depth = aim.true.shape[1]
    total = 0.0
    for slot in range(min(depth, found)):
        total += _worth(slot, _rank(aim.true, p, rows[slot]), aim.worth)
    for slot in range(found):
        i = rows[slot]
        # One more than the depth: the list may hold p itself.
        if lists.held[i] <= depth or dist[slot] < lists.dist[i, depth]:
            total += _after_coming(i, p, dist[slot], lists, aim)
    return total


@nb.njit
def _away(x, y, p, aim):
    d = ((x - aim.home[p, 0]) ** 2 + (y - aim.home[p, 1]) ** 2) / aim.reach[p]
    return aim.stay * min(1.0, np.sqrt(d))


@nb.njit
def _try(number, p, state, xy, lists, aim):
    """Return the next state and a position to try: next to one of the nearest, between two, or around its own."""
    state, u = _random(state)
    state, v = _random(state)
    state, w = _random(state)
    state, z = _random(state)
    turn = 2 * np.pi * z
    most = min(_FIRST_FIVE, aim.true.shape[1])
    j = aim.true[p, int(most * u * u)]
    k = aim.true[p, int(most * v)]
    if number % 4 == 3 or j == _NOWHERE or k == _NOWHERE:
        far = 2 * u * np.sqrt(lists.dist[p, min(4, lists.held[p] - 1)])
        return state, xy[p, 0] + far * np.cos(turn), xy[p, 1] + far * np.sin(turn)
    if number % 4 == 2:
        state, u = _random(state)
        wide = 0.7 * np.sqrt(lists.dist[j, 0])
        x = xy[j, 0] + w * (xy[k, 0] - xy[j, 0]) + wide * (z - 0.5)
        return state, x, xy[j, 1] + w * (xy[k, 1] - xy[j, 1]) + wide * (u - 0.5)
    far = (0.15 + v) * np.sqrt(lists.dist[j, int(min(4, lists.held[j]) * w)])
    return state, xy[j, 0] + far * np.cos(turn), xy[j, 1] + far * np.sin(turn)


@nb.njit(nogil=True, cache=True)
def propose(start, stop, some, seed, tries, xy, cells, lists, aim, gains, points):
    """Put the best of `tries` positions for each of some[start:stop] into `points` (s, 2), its gain into `gains`.

    Nothing moves, so several threads may each have a part, and what is found does not depend on their number.
    """
    rows = np.empty(_LOOKED_AT, dtype=np.int32)
    dist = np.empty(_LOOKED_AT, dtype=np.float32)
    for at in range(start, stop):
        p = some[at]
        state, _ = _random(np.uint64(seed) + np.uint64(p) * np.uint64(0xD1342543DE82EF95))
        found = _nearest(xy[p, 0], xy[p, 1], p, xy, cells, rows, dist)
        here = _value_here(p, xy, lists, aim, rows, found) - _away(xy[p, 0], xy[p, 1], p, aim)
        gains[at] = -np.inf
        for number in range(tries):
            state, x, y = _try(number, p, state, xy, lists, aim)
            found = _nearest(x, y, p, xy, cells, rows, dist)
            if aim.kept[rows[0]]:
                continue
            gain = _value_there(p, lists, aim, rows, dist, found) - _away(x, y, p, aim) - here
            if gain > gains[at]:
                gains[at] = gain
                points[at, 0] = x
                points[at, 1] = y


@nb.njit
def _drop(i, slot, lists):
    for later in range(slot, lists.held[i] - 1):
        lists.rows[i, later] = lists.rows[i, later + 1]
        lists.dist[i, later] = lists.dist[i, later + 1]
        lists.ranks[i, later] = lists.ranks[i, later + 1]
    lists.held[i] -= 1


@nb.njit
def _leave(p, xy, cells, lists, aim, rows, found):
    """Take p out of its cell and out of the lists of its nearest."""
    depth = aim.true.shape[1]
    _take(xy, p, cells)
    for i in rows[:found]:
        for slot in range(lists.held[i]):
            if lists.rows[i, slot] == p:
                _drop(i, slot, lists)
                if lists.held[i] <= depth:
                    _read(i, xy, cells, lists, aim)
                break


@nb.njit
def _enter(i, p, d, lists, aim):
    """Put p into the list of an article, if it is near enough."""
    width = lists.rows.shape[1]
    for slot in range(lists.held[i]):
        if lists.rows[i, slot] == p:
            _drop(i, slot, lists)  # from afar it was not taken out
            break
    at = lists.held[i]
    if at == width:
        at -= 1
        if d >= lists.dist[i, at]:
            return
    elif at and d >= lists.dist[i, at - 1]:
        return  # what lies beyond the list's end is not known
    else:
        lists.held[i] += 1
    while at > 0 and lists.dist[i, at - 1] > d:
        lists.rows[i, at] = lists.rows[i, at - 1]
        lists.dist[i, at] = lists.dist[i, at - 1]
        lists.ranks[i, at] = lists.ranks[i, at - 1]
        at -= 1
    lists.rows[i, at] = p
    lists.dist[i, at] = d
    lists.ranks[i, at] = _rank(aim.true, i, p)


@nb.njit(nogil=True, cache=True)
def move(some, seed, heat, xy, cells, lists, aim, gains, points):
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
        state, u = _random(state)
        least = heat * np.log(max(u, 1e-12))
        if gains[at] <= least:
            continue
        p = some[at]
        x, y = points[at, 0], points[at, 1]
        found = _nearest(xy[p, 0], xy[p, 1], p, xy, cells, rows, dist)
        there = _nearest(x, y, p, xy, cells, rows_there, dist_there)
        gain = _value_there(p, lists, aim, rows_there, dist_there, there) - _away(x, y, p, aim)
        gain -= _value_here(p, xy, lists, aim, rows, found) - _away(xy[p, 0], xy[p, 1], p, aim)
        if gain <= least or aim.kept[rows_there[0]]:
            continue
        moved += 1
        _leave(p, xy, cells, lists, aim, rows, found)
        xy[p, 0] = x
        xy[p, 1] = y
        _put(xy, p, cells)
        lists.held[p] = min(lists.rows.shape[1], there)
        for slot in range(lists.held[p]):
            lists.rows[p, slot] = rows_there[slot]
            lists.dist[p, slot] = dist_there[slot]
            lists.ranks[p, slot] = _rank(aim.true, p, rows_there[slot])
        for slot in range(there):
            _enter(rows_there[slot], p, dist_there[slot], lists, aim)
    return moved

"""The articles of a map by cells of the plane, and each one's list of nearest, compiled by numba.

Imported inside functions only: the import takes a second.

An article's list on the map is its nearest others by squared distance, ties by number. In it each has a rank in
embedding space, 0 for the nearest of all; `NONE` for one beyond `depth`. The value of an article is the sum over the
first `depth` of its list of worth[max(slot, rank)]: what the hits at each k count together (see `moves.worth_of`).
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

NONE = 255
# Numbers of articles are int32 throughout: each other type would have a function compiled once more.
NOWHERE = np.int32(-1)


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


class Sought(NamedTuple):
    """What lists should hold: the `true` ones (n, depth) with -1 for none, and what a slot is `worth` (depth,).

    `falls` (s,) are the slots at which the worth is less than at the one before, depth among them, and `by` (s,) how
    much: where a list gets or loses a member, only what crosses one of these changes the value.
    """

    true: I32
    worth: F64
    falls: I32
    by: F64


@nb.njit
def random(state):
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
def put(xy, i, cells):
    """Put an article into the cell where it is."""
    cell = _cell(xy, i, cells)
    cells.after[i] = cells.first[cell]
    cells.before[i] = NOWHERE
    if cells.first[cell] != NOWHERE:
        cells.before[cells.first[cell]] = i
    cells.first[cell] = i


@nb.njit
def take(xy, i, cells):
    """Take an article out of its cell; it must be where it was put."""
    if cells.before[i] != NOWHERE:
        cells.after[cells.before[i]] = cells.after[i]
    else:
        cells.first[_cell(xy, i, cells)] = cells.after[i]
    if cells.after[i] != NOWHERE:
        cells.before[cells.after[i]] = cells.before[i]


@nb.njit(nogil=True, cache=True)
def fill(xy, cells):
    """Put all articles into their cells."""
    cells.first[:] = NOWHERE
    for i in range(len(xy)):
        put(xy, np.int32(i), cells)


@nb.njit
def nearest(x, y, without, xy, cells, rows, dist):
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
                    while j != NOWHERE:
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
def rank_of(true, i, j):
    """Return the rank of j among the true ones of i."""
    found = NONE
    for rank in range(true.shape[1]):  # without a way out halfway, the processor takes several at once
        found = rank if true[i, rank] == j else found
    return found


@nb.njit
def read(i, x, y, without, xy, cells, lists, true):
    """Read list i, of the nearest to a point but one article, from the map again."""
    found = nearest(x, y, without, xy, cells, lists.rows[i], lists.dist[i])
    lists.held[i] = found
    for slot in range(found):
        lists.ranks[i, slot] = rank_of(true, i, lists.rows[i, slot])


@nb.njit(nogil=True, cache=True)
def read_lists(start, stop, xy, cells, lists, sought):
    """Read the lists of some articles from the map again."""
    for number in range(start, stop):
        i = np.int32(number)
        read(i, xy[i, 0], xy[i, 1], i, xy, cells, lists, sought.true)


@nb.njit
def _worth(slot, rank, worth):
    return worth[max(slot, rank)] if rank != NONE else 0.0


@nb.njit
def value_of(i, lists, sought):
    """Return what the list of an article is worth."""
    total = 0.0
    for slot in range(min(sought.true.shape[1], lists.held[i])):
        total += _worth(slot, lists.ranks[i, slot], sought.worth)
    return total


@nb.njit
def _after_leaving(i, slot, lists, sought):
    """Return what the list of an article gains where the one at a slot leaves it."""
    rank = lists.ranks[i, slot]
    gain = 0.0
    for number in range(len(sought.falls)):
        edge = sought.falls[number]
        if edge > slot:
            if rank < edge:
                gain -= sought.by[number]
            if edge < lists.held[i] and lists.ranks[i, edge] < edge:
                gain += sought.by[number]
    return gain


@nb.njit
def value_here(p, lists, sought, rows, found):
    """Return what is lost where p is taken out of the map, `rows` being its nearest."""
    depth = sought.true.shape[1]
    total = value_of(p, lists, sought)
    for i in rows[:found]:
        for slot in range(min(depth, lists.held[i])):
            if lists.rows[i, slot] == p:
                total -= _after_leaving(i, slot, lists, sought)
                break
    return total


@nb.njit
def _after_coming(i, p, d, lists, sought):
    """Return what the list of an article, without p, gains where p comes to it at a squared distance."""
    depth = sought.true.shape[1]
    held = lists.held[i]
    slot = 0
    own = depth + 1  # where p is in the list, if it is
    for at in range(min(depth + 1, held)):
        if lists.rows[i, at] == p:
            own = at
        elif lists.dist[i, at] <= d:
            slot += 1
    if slot >= depth:
        return 0.0
    rank = rank_of(sought.true, i, p)
    gain = 0.0
    for number in range(len(sought.falls)):
        edge = sought.falls[number]
        if edge > slot:
            if rank < edge:
                gain += sought.by[number]
            last = edge - 1 if edge - 1 < own else edge
            if last < held and lists.ranks[i, last] < edge:
                gain -= sought.by[number]
    return gain


@nb.njit
def value_there(p, lists, sought, rows, dist, found):
    """Return what is won where p, taken out before, comes to where `rows` are its nearest."""
    depth = sought.true.shape[1]
    total = 0.0
    for slot in range(min(depth, found)):
        total += _worth(slot, rank_of(sought.true, p, rows[slot]), sought.worth)
    for slot in range(found):
        i = rows[slot]
        # One more than the depth: the list may hold p itself.
        if lists.held[i] <= depth or dist[slot] < lists.dist[i, depth]:
            total += _after_coming(i, p, dist[slot], lists, sought)
    return total


@nb.njit
def drop(i, slot, lists):
    """Remove an entry of a list."""
    for later in range(slot, lists.held[i] - 1):
        lists.rows[i, later] = lists.rows[i, later + 1]
        lists.dist[i, later] = lists.dist[i, later + 1]
        lists.ranks[i, later] = lists.ranks[i, later + 1]
    lists.held[i] -= 1


@nb.njit
def enter(i, p, d, lists, true):
    """Put p into the list of an article, if it is near enough."""
    width = lists.rows.shape[1]
    for slot in range(lists.held[i]):
        if lists.rows[i, slot] == p:
            drop(i, slot, lists)  # from afar it was not taken out
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
    lists.ranks[i, at] = rank_of(true, i, p)

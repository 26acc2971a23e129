"""Questions among the articles, of which some belong around them: the loops, compiled by numba.

Imported inside functions only: the import takes a second.

A question is no article's neighbor. Its list holds the articles nearest to it on the map. The list is worth
`weight` times (worth_of_hits[how many of its own are among the first five] + `soft` times what those after them
count: 5/5 for the sixth, 4/5 for the seventh, ... 1/5 for the tenth).
"""

from __future__ import annotations

from typing import NamedTuple

import numba as nb
import numpy as np
import numpy.typing as npt

from vecindex.maps.moves.lists_kernels import NONE, NOWHERE, Cells, Lists, drop, enter, nearest, random, rank_of, read

F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]

_FIVE = 5
_NO_DISTANCE = np.float32(0)
_DEPTH = 10
# Questions around an article whose lists it may be in; of more, those farther off are passed over.
_QUESTIONS = 16
_AROUND = 64


class Asked(NamedTuple):
    """Questions: where they are (q, 2), their cells, and their lists of articles.

    `near` (q, 5) are the articles that belong around each, -1 for none. The questions of article i are
    of[starts[i]:starts[i + 1]].
    """

    xy: F64
    cells: Cells
    lists: Lists
    near: I32
    starts: I32
    of: I32
    worth_of_hits: F64
    soft: float
    weight: float


@nb.njit
def _list_value(i, without, coming, d, asked):
    """Return what a list is worth without an article, and with one that comes at a squared distance (-1 for none)."""
    lists = asked.lists
    hits = 0
    soft = 0.0
    slot = 0
    at = 0
    waits = coming != NOWHERE
    while slot < _DEPTH:
        if at < lists.held[i] and lists.rows[i, at] == without:
            at += 1
        if waits and (at >= lists.held[i] or d < lists.dist[i, at]):
            belongs = rank_of(asked.near, i, coming) != NONE
            waits = False
        elif at < lists.held[i]:
            belongs = lists.ranks[i, at] != NONE
            at += 1
        else:
            break
        if belongs:
            if slot < _FIVE:
                hits += 1
            else:
                soft += (_DEPTH - slot) / (_DEPTH - _FIVE)
        slot += 1
    whole = hits + asked.soft * soft
    below = min(int(whole), _FIVE - 1)
    low, high = asked.worth_of_hits[below], asked.worth_of_hits[below + 1]
    return asked.weight * (low + min(whole - below, 1.0) * (high - low))


@nb.njit
def _questions_at(x, y, asked, rows, dist):
    if not len(asked.xy):
        return 0
    return nearest(x, y, NOWHERE, asked.xy, asked.cells, rows, dist)


@nb.njit
def asked_here(p, x, y, asked):
    """Return what the questions' lists lose where an article leaves the map."""
    rows = np.empty(_QUESTIONS, dtype=np.int32)
    dist = np.empty(_QUESTIONS, dtype=np.float32)
    total = 0.0
    for i in rows[: _questions_at(x, y, asked, rows, dist)]:
        for slot in range(min(_DEPTH, asked.lists.held[i])):
            if asked.lists.rows[i, slot] == p:
                total += _list_value(i, NOWHERE, NOWHERE, _NO_DISTANCE, asked)
                total -= _list_value(i, p, NOWHERE, _NO_DISTANCE, asked)
                break
    return total


@nb.njit
def asked_there(p, x, y, asked):
    """Return what the questions' lists win where an article, taken out before, comes to a position."""
    rows = np.empty(_QUESTIONS, dtype=np.int32)
    dist = np.empty(_QUESTIONS, dtype=np.float32)
    total = 0.0
    found = _questions_at(x, y, asked, rows, dist)
    for slot in range(found):
        i = rows[slot]
        if asked.lists.held[i] <= _DEPTH or dist[slot] < asked.lists.dist[i, _DEPTH]:
            total += _list_value(i, p, p, dist[slot], asked) - _list_value(i, p, NOWHERE, _NO_DISTANCE, asked)
    return total


@nb.njit
def leave_asked(p, xy, cells, asked):
    """Take p, which is in no cell any more, out of the lists of the questions around it."""
    rows = np.empty(_QUESTIONS, dtype=np.int32)
    dist = np.empty(_QUESTIONS, dtype=np.float32)
    for i in rows[: _questions_at(xy[p, 0], xy[p, 1], asked, rows, dist)]:
        for slot in range(asked.lists.held[i]):
            if asked.lists.rows[i, slot] == p:
                drop(i, slot, asked.lists)
                if asked.lists.held[i] <= _DEPTH:
                    read(i, asked.xy[i, 0], asked.xy[i, 1], NOWHERE, xy, cells, asked.lists, asked.near)
                break


@nb.njit
def enter_asked(p, x, y, asked):
    """Put p into the lists of the questions around a position, where it is near enough."""
    rows = np.empty(_QUESTIONS, dtype=np.int32)
    dist = np.empty(_QUESTIONS, dtype=np.float32)
    found = _questions_at(x, y, asked, rows, dist)
    for slot in range(found):
        enter(rows[slot], p, dist[slot], asked.lists, asked.near)


@nb.njit
def try_at_question(number, p, state, xy, lists, sought, asked):
    """Return the next state and a position to try for a question's article: on a ring around the question.

    At a random angle, on the side of one of its own nearest, or next to another one of that question.
    """
    state, u = random(state)
    state, v = random(state)
    state, w = random(state)
    state, z = random(state)
    count = asked.starts[p + 1] - asked.starts[p]
    i = asked.of[asked.starts[p] + int(count * u)]
    turn = 2 * np.pi * z
    x, y = asked.xy[i, 0], asked.xy[i, 1]
    fifth = np.sqrt(asked.lists.dist[i, min(_FIVE, asked.lists.held[i]) - 1])
    far = (0.2 + 0.9 * v) * fifth
    if number % 4 == 1:
        friend = sought.true[p, int(min(_FIVE, sought.true.shape[1]) * w)]
        if friend != NOWHERE:
            turn = np.arctan2(xy[friend, 1] - y, xy[friend, 0] - x) + (z - 0.5)
    elif number % 4 == 3:
        other = asked.near[i, int(asked.near.shape[1] * w)]
        if other != NOWHERE and other != p:
            x, y = xy[other, 0], xy[other, 1]
            far = 0.5 * v * fifth
    return state, x + far * np.cos(turn), y + far * np.sin(turn)


@nb.njit
def _read_question(i, x, y, xy, cells, asked):
    read(i, x, y, NOWHERE, xy, cells, asked.lists, asked.near)
    return _list_value(i, NOWHERE, NOWHERE, _NO_DISTANCE, asked)


@nb.njit(nogil=True, cache=True)
def put_questions(start, stop, seed, xy, cells, asked):
    """Put questions where their lists are worth most, and read these.

    Tried are where each is, the means of all subsets of its own articles, and positions around it and around these;
    of equal ones the first.
    """
    for which in range(start, stop):
        i = np.int32(which)
        state, _ = random(np.uint64(seed) + np.uint64(i) * np.uint64(0xD1342543DE82EF95))
        x, y = asked.xy[i, 0], asked.xy[i, 1]
        best = _read_question(i, x, y, xy, cells, asked)
        tenth = np.sqrt(asked.lists.dist[i, min(_DEPTH, asked.lists.held[i]) - 1])
        own = asked.near[i][asked.near[i] != NOWHERE]
        for subset in range(1, (1 << len(own)) + _AROUND):
            if subset < 1 << len(own):
                at_x, at_y, count = 0.0, 0.0, 0
                for number in range(len(own)):
                    if subset >> number & 1:
                        at_x += xy[own[number], 0]
                        at_y += xy[own[number], 1]
                        count += 1
                at_x, at_y = at_x / count, at_y / count
            else:
                state, u = random(state)
                state, v = random(state)
                state, w = random(state)
                at_x, at_y = asked.xy[i, 0], asked.xy[i, 1]
                if subset % 2 and len(own):
                    article = own[int(len(own) * w)]
                    at_x, at_y = xy[article, 0], xy[article, 1]
                at_x += tenth * np.sqrt(u) * np.cos(2 * np.pi * v)
                at_y += tenth * np.sqrt(u) * np.sin(2 * np.pi * v)
            found = _read_question(i, at_x, at_y, xy, cells, asked)
            if found > best:
                best, x, y = found, at_x, at_y
        asked.xy[i, 0], asked.xy[i, 1] = x, y
        _read_question(i, x, y, xy, cells, asked)

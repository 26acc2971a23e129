"""Where rows go that a map does not hold; nothing on it moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecindex.core.graph import I32, Graph
from vecindex.core.identity import vector_hashes
from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.overlap import found_in
from vecindex.core.placement import place_by_search
from vecindex.core.vectors import F32
from vecindex.neighbors.exact import ExactSearch, cosine_distances
from vecindex.neighbors.plane import Plane
from vecindex.store.maps import FormerPositions
from vecindex.types import Observer, Stage
from vecindex.verbs.map_rows import MapRows, index_of

Mask = npt.NDArray[np.bool_]

STAGE = "placing"
NEAREST = 5
COPY_DIST = 1e-3
"""Cosine distance from its nearest article up to which a row is a near-copy of it."""
COPY_SHARE = 0.1
"""It is one as well where that distance is at most this share of the distance from its fifth nearest."""
_BLOCK = 16_384
_LOOK = 8
# Of a circle: multiples of it stay apart.
_GOLDEN_ANGLE = np.pi * (3 - 5**0.5)


@dataclass(frozen=True, slots=True)
class Former:
    """Where rows were on the map before their vectors changed.

    Attributes
    ----------
    xy : (m, 2) former positions of new rows, NaN for one that has none.
    same : (m,) whether the row's vector is the very one that was there.
    """

    xy: F64
    same: Mask

    @classmethod
    def none(cls, m: int) -> Former:
        """Return what is known of rows that were never on the map."""
        return cls(np.full((m, 2), np.nan), np.zeros(m, dtype=np.bool_))

    @classmethod
    def read(cls, kept: FormerPositions, name: str, rows: MapRows, vectors: F32, new: Rows) -> Former:
        """Return what is kept of new rows; `vectors` (n, d) are those of all rows."""
        import pyarrow as pa

        found = cls.none(len(new))
        ids, hashes, xy = kept.of(name)
        at = index_of(rows.ids.take(pa.array(new)), ids)
        known = np.flatnonzero(at >= 0)
        found.xy[known] = xy[at[known]]
        now = vector_hashes(vectors[new[known]])
        found.same[known] = [one == hashes[i] for one, i in zip(now, at[known], strict=True)]
        return found


@dataclass(frozen=True, slots=True)
class NewPositions:
    """Where new rows go, (m, 2), and which of them.

    Attributes
    ----------
    kept : (m,) those that go where they were before.
    copies : (m,) those that go next to an article that they are near-copies of.
    """

    xy: F64
    kept: Mask
    copies: Mask


def place_new(
    vectors: F32, positions: F64, new: Rows, former: Former, graph: Graph | None, observer: Observer
) -> NewPositions:
    """Return where new rows go: each to its best position among its nearest articles on the map.

    Before that, rows that were on the map are seen where they were. A row keeps its former position where as many of
    its nearest articles are its nearest there as at its best position; with the vector that was there it keeps it
    anyway. These rows are then on the map for the others, which do not see each other. A near-copy of an article goes
    next to that article. No old row moves.

    Parameters
    ----------
    vectors : (n, d) unit vectors of all rows.
    positions : (n, 2) of all rows, NaN for the new ones.
    new : their rows (m,).
    graph : the neighbors of all rows, where they are known. Those of the others, and of rows whose list holds too few
        articles of the map, are searched for.
    """
    positions = positions.copy()
    known = np.isfinite(former.xy[:, 0])
    kept, copies = known & former.same, np.zeros(len(new), dtype=np.bool_)
    positions[new[known]] = former.xy[known]
    asked = np.flatnonzero(known & ~former.same)
    if len(asked):
        kept[asked] = _as_good(vectors, positions, new[asked], graph, observer)
    others = np.flatnonzero(~kept)
    positions[new[others]] = np.nan
    if len(others):
        near = _nearest_on_map(vectors, positions, new[others], graph, observer)
        plane = Plane(positions)
        found = place_by_search(near, positions, plane.nearest)
        copies[others] = copy = _near_copies(vectors, new[others], near)
        found[copy] = positions[near[copy, 0]]
        positions[new[others]] = apart(found, plane)
    return NewPositions(positions[new], kept, copies)


def _as_good(vectors: F32, positions: F64, rows: Rows, graph: Graph | None, observer: Observer) -> Mask:
    """Return which rows have as many of their nearest articles nearest where they are as at their best position."""
    near, plane = _nearest_on_map(vectors, positions, rows, graph, observer), Plane(positions)
    best = place_by_search(near, positions, plane.nearest, without=rows)
    here, there = (
        found_in(near, plane.nearest(points, NEAREST, without=rows).rows).sum(axis=1)
        for points in (positions[rows], best)
    )
    return np.asarray(here >= there)


def _near_copies(vectors: F32, new: Rows, near: Rows) -> Mask:
    """Return which rows are near-copies of their nearest article; `near` (m, NEAREST) are those on the map."""
    dist = np.full(near.shape, np.nan)
    row, at = np.nonzero(near != NO_ROW)
    dist[row, at] = cosine_distances(vectors, new[row], vectors, near[row, at])
    bound = np.maximum(COPY_DIST, COPY_SHARE * np.nan_to_num(dist[:, -1]))
    return np.asarray(dist[:, 0] <= bound)


def _nearest_on_map(vectors: F32, positions: F64, new: Rows, graph: Graph | None, observer: Observer) -> Rows:
    """Return the nearest other articles on the map of some rows, (m, NEAREST), nearest first."""
    on_map = np.isfinite(positions[:, 0])
    wanted = min(NEAREST, int(on_map.sum()) - 1)
    near = np.full((len(new), NEAREST), NO_ROW, dtype=np.int64)
    if graph is not None:
        near = _first_on_map(graph.rows[new], on_map)
    few = np.flatnonzero((near != NO_ROW).sum(axis=1) < wanted)
    if len(few):
        near[few] = _searched(vectors, on_map, new[few], observer)
    observer.stage(Stage(STAGE, len(vectors), len(vectors)))
    return near


def apart(found: F64, plane: Plane) -> F64:
    """Return new positions with those moved a little that are an article's, or an earlier new one.

    Else one would hide the other. The move is a quarter of the way to the nearest article that lies elsewhere, in
    a direction that turns from one to the next, so that it is fixed.
    """
    _, first = np.unique(found, axis=0, return_index=True)
    alone = np.zeros(len(found), dtype=np.bool_)
    alone[first] = True
    near = plane.nearest(found, _LOOK).dist
    hidden = np.flatnonzero(~alone | (near[:, 0] == 0))
    # Where everything near has that same position, there is nothing to go by.
    away = np.where(np.isfinite(near) & (near > 0), near, np.inf).min(axis=1)[hidden]
    away = np.where(np.isfinite(away), away, 0.0) / 4
    angle = np.arange(len(hidden)) * _GOLDEN_ANGLE
    found = found.copy()
    found[hidden] += away[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return found


def _first_on_map(near: I32, on_map: Mask) -> Rows:
    """Return the first NEAREST of each list that are on the map, NO_ROW at the end of a shorter one."""
    there = on_map[near] & (near != NO_ROW)
    order = np.argsort(~there, axis=1, kind="stable")[:, :NEAREST]
    found = np.where(np.take_along_axis(there, order, axis=1), np.take_along_axis(near, order, axis=1), NO_ROW)
    short = NEAREST - found.shape[1]
    return np.pad(found, ((0, 0), (0, max(0, short))), constant_values=NO_ROW).astype(np.int64)


def _searched(vectors: F32, on_map: Mask, asked: Rows, observer: Observer) -> Rows:
    search = ExactSearch(vectors[asked], NEAREST, without=asked)
    for at in range(0, len(vectors), _BLOCK):
        observer.stage(Stage(STAGE, at, len(vectors)))
        rows = at + np.flatnonzero(on_map[at : at + _BLOCK])
        search.add(rows, vectors[rows])
    return search.result().rows

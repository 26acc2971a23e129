"""A map past memory: a sample of the articles is laid out, and the others are placed among them, a part at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.nulls import mean_of_shares
from vecindex.core.placement import place_by_search
from vecindex.core.vectors import F32
from vecindex.maps.local import along_a_curve
from vecindex.maps.methods import Settings
from vecindex.maps.moves.mover import LEAST_ARTICLES
from vecindex.maps.polish import polish
from vecindex.neighbors.coarse import CoarseSearch
from vecindex.neighbors.graph import knn_graph
from vecindex.neighbors.plane import Plane
from vecindex.types import Observer, Silent, Stage
from vecindex.verbs.map_rows import MapRows
from vecindex.verbs.project.placing import COPY_DIST, COPY_SHARE, NEAREST, apart
from vecindex.verbs.project.result import SampledRows
from vecindex.verbs.project.sample.unfinished import COPIED, PLACED, POLISHED, Unfinished
from vecindex.verbs.scores.scores import MapScores, scored

PLACING, POLISHING, SCORES = "placing", "polish", "scores"
PASSES = 2
"""Times that all articles of a map are moved by single moves, tile by tile."""
_PLACED = 8_192
_AROUND = 0.08
_DRAWN = 1
# Of the articles read for a tile; the others are around it. In all they are no more than those laid out.
_TILE_SHARE = 1 / 1.5


@dataclass(frozen=True, slots=True)
class Placed:
    """All articles of a map (n, 2), which of them were laid out, and how many of the others are near-copies."""

    xy: F64
    laid_out: Rows
    copies: int


def draw(rows: MapRows, size: int, seed: int) -> MapRows:
    """Return the rows that are laid out: the same ones for the same ids and seed."""
    # Not by the seed alone, which draws those that are scored: they would all be among these.
    drawn = np.random.default_rng((seed, _DRAWN)).permutation(len(rows))[:size]
    return rows.some(np.sort(drawn).astype(np.int64))


def numbers_of(part: MapRows, rows: MapRows) -> Rows:
    """Return which of the rows each of a part of them is, (m,)."""
    numbers = np.empty(len(part), dtype=np.int64)
    here = part.order >= 0
    numbers[part.order[here]] = rows.order[here]
    return numbers


def with_others(
    rows: MapRows,
    laid_out: Rows,
    xy: F64,
    clusters: CoarseSearch,
    settings: Settings,
    seed: int,
    observer: Observer,
    unfinished: Unfinished,
) -> Placed:
    """Return the positions of all articles: the others are placed among those laid out, then all are polished.

    Each goes to its best position among its nearest laid-out articles, as a question does, and a near-copy next to
    its article. Of a method with a polish all articles are then moved singly, a tile of the map at a time, with the
    neighbors that they have among all articles of the tile and around it. Memory is that of the vectors laid out,
    then of one tile, and about 150 bytes for each row.

    Parameters
    ----------
    laid_out, xy : rows (m,) and their positions (m, 2).
    clusters : of the vectors laid out, which it does not hold yet.
    unfinished : what is done already, which is not done again, and where each piece of work is kept.
    """
    for some, block in rows.some(laid_out).blocks(observer, PLACING):
        clusters.add(some, block)
    found, copies = np.full((len(rows), 2), np.nan), unfinished.done.copies
    found[laid_out] = xy
    for done, positions in unfinished.done.placed:
        found[done] = positions
    plane = Plane(xy)
    for others, block in _gathered(rows, found, observer):
        near = clusters.nearest(block, NEAREST)
        found[others] = place_by_search(near.rows, xy, plane.nearest)
        bound = np.maximum(COPY_DIST, COPY_SHARE * np.nan_to_num(near.dist[:, -1], posinf=0.0))
        copy = (near.rows[:, 0] != NO_ROW) & (near.dist[:, 0] <= bound)
        found[others[copy]] = xy[near.rows[copy, 0]]
        copies += int(copy.sum())
        unfinished.keep(PLACED, 0, others[~copy], found[others[~copy]])
        unfinished.keep(COPIED, 0, others[copy], found[others[copy]])
    others = np.setdiff1d(np.arange(len(rows)), laid_out)
    found[others] = apart(found[others], plane)
    sweeps = int(settings.get("polish_sweeps", 0))
    if sweeps and len(rows) >= LEAST_ARTICLES:
        for number in range(PASSES):
            _polish(rows, found, len(laid_out), sweeps, seed, number, observer, unfinished)
    unfinished.store()
    return Placed(found.astype(np.float32).astype(np.float64), laid_out, copies)


def _gathered(rows: MapRows, xy: F64, observer: Observer) -> Iterator[tuple[Rows, F32]]:
    """Yield the rows that have no position yet, with their vectors, many enough at a time."""
    numbers: list[Rows] = []
    vectors: list[F32] = []
    for some, block in rows.blocks(observer, PLACING):
        new = np.isnan(xy[some, 0])
        numbers.append(some[new])
        vectors.append(block[new])
        if sum(map(len, numbers)) >= _PLACED:
            yield np.concatenate(numbers), np.concatenate(vectors)
            numbers, vectors = [], []
    if sum(map(len, numbers)):
        yield np.concatenate(numbers), np.concatenate(vectors)


def tiles(xy: F64, most: int) -> list[Rows]:
    """Return the articles of each part of a map (n, 2): halves of halves, across the wider side, up to `most`.

    >>> [part.tolist() for part in tiles(np.array([[0.0, 0], [9, 0], [1, 0], [8, 1]]), 2)]
    [[0, 2], [1, 3]]
    """

    def halved(part: Rows) -> Iterator[Rows]:
        if len(part) <= most:
            yield np.sort(part)
            return
        here = xy[part]
        wide = np.quantile(here, 0.99, axis=0) - np.quantile(here, 0.01, axis=0)
        order = part[np.argsort(here[:, int(np.argmax(wide))], kind="stable")]
        yield from halved(order[: len(order) // 2])
        yield from halved(order[len(order) // 2 :])

    return list(halved(np.arange(len(xy))))


def with_surroundings(xy: F64, part: Rows, most: int) -> Rows:
    """Return a tile's articles and those around it on a map (n, 2), ascending; at most `most` where the tile is less.

    Around is within 8 % of the width and height that all but the outermost hundredths of the tile take. So a few of
    its articles far from the others do not bring in all that lie between. The nearest come first.

    >>> with_surroundings(np.array([[0.0, 0], [1, 1], [1.05, 0.5], [1.02, 0.5], [5, 5]]), np.array([0, 1]), 3)
    array([0, 1, 3])
    """
    low, high = np.quantile(xy[part], (0.01, 0.99), axis=0)
    widths = np.where(high > low, high - low, 1.0)
    away = (np.maximum(np.maximum(low - xy, xy - high), 0.0) / widths).max(axis=1)
    away[part] = np.inf
    around = np.flatnonzero(away <= _AROUND)
    nearest = around[np.argsort(away[around], kind="stable")[: max(0, most - len(part))]]
    return np.sort(np.concatenate([part, nearest]))


def _polish(
    rows: MapRows,
    xy: F64,
    most: int,
    sweeps: int,
    seed: int,
    turn: int,
    observer: Observer,
    unfinished: Unfinished,
) -> None:
    """Move the articles of one tile after the other; those around a tile stay. At most `most` are read at once.

    `turn` is the number of the pass.
    """
    parts, seed = tiles(xy, max(LEAST_ARTICLES, int(most * _TILE_SHARE))), seed + turn
    for number, part in enumerate(parts):
        observer.stage(Stage(POLISHING, number, len(parts)))
        if (turn, number) in unfinished.done.tiles:
            moved, positions = unfinished.done.tiles[turn, number]
            xy[moved] = positions
            continue
        seen = with_surroundings(xy, part, most)
        if len(seen) < LEAST_ARTICLES:
            continue
        seen = seen[along_a_curve(xy[seen].astype(np.float32))]
        graph = knn_graph(rows.vectors_of(seen), min(NEAREST * 2, len(seen) - 1), seed=seed, observer=Silent())
        own = np.zeros(len(xy), dtype=np.bool_)
        own[part] = True
        mine = np.flatnonzero(own[seen])
        xy[seen[mine]] = polish(xy[seen], graph, sweeps=sweeps, seed=seed, some=mine)[mine]
        unfinished.keep(POLISHED + turn, number, seen[mine], xy[seen[mine]])
    observer.stage(Stage(POLISHING, len(parts), len(parts)))


def measure(
    rows: MapRows, placed: Placed, sample: int, seed: int, observer: Observer
) -> tuple[MapScores, SampledRows]:
    """Return the scores over all articles, and what those laid out and those placed keep."""
    n = len(rows)
    asked = np.sort(np.random.default_rng(seed).permutation(n)[:sample]).astype(np.int64)
    blocks = rows.blocks(observer, SCORES)
    _, kept, scores = scored(blocks, rows.vectors_of, Plane(placed.xy), asked, seed=seed)
    first = np.isin(asked, placed.laid_out)
    own, others = (
        {k: mean_of_shares(values[which], seed=seed) for k, values in kept.items() if which.any()}
        for which in (first, ~first)
    )
    return scores, SampledRows(
        laid_out=len(placed.laid_out),
        placed=n - len(placed.laid_out),
        copies=placed.copies,
        sample=int(first.sum()),
        recall=own,
        placed_sample=int((~first).sum()),
        placed_recall=others,
    )

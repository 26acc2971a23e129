"""The ceiling of a map: whose neighbors are near to each other, and how many of such the map keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vecindex.core.neighbors import NO_ROW, Rows, counted
from vecindex.core.overlap import found_in
from vecindex.core.placement import place_by_search
from vecindex.messages import percent
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.store.database import Database
from vecindex.types import Observer
from vecindex.verbs.graph import prepare
from vecindex.verbs.map_rows import index_of, read_rows
from vecindex.verbs.overlap.advice.why import these
from vecindex.verbs.overlap.causes.cliques import MAX_K, REACH, largest_cliques, share_kept
from vecindex.verbs.overlap.measure import Space
from vecindex.verbs.overlap.result import MapOverlap
from vecindex.verbs.reader import TableReader

ARTICLES = 200
"""Sampled articles whose own neighbors show how much a map keeps."""
LOWER = 0.005
"""A map's own ceiling is reported where it is lower than that of any map, as the figures are rounded."""


def with_cliques(database: Database, reader: TableReader, spaces: Sequence[Space], observer: Observer) -> list[Space]:
    """Return the spaces, which have one sample of articles, with the largest cliques; as they are for a large k."""
    k = spaces[0].k
    if k > MAX_K:
        return list(spaces)
    shown = _shown(spaces[0])
    own = spaces[0].sample_near.rows[shown, :k]
    near = [space.near.rows[:, :k] for space in spaces]
    rows = np.unique(np.concatenate([lists.ravel() for lists in (own, *near)]))
    rows = rows[rows != NO_ROW]
    lists = _lists(database, reader, rows, REACH * k, observer)
    of_articles = largest_cliques(own, rows, lists, reader.articles)
    return [
        replace(
            space,
            cliques=largest_cliques(one, rows, lists, reader.articles),
            shown=shown,
            shown_cliques=of_articles,
        )
        for space, one in zip(spaces, near, strict=True)
    ]


def _shown(space: Space) -> Rows:
    """Return the indices of the sampled articles that are placed, spread evenly over the sample."""
    n = len(space.sample)
    return np.unique(np.linspace(0, n - 1, min(n, ARTICLES)).round().astype(np.int64))


def _lists(database: Database, reader: TableReader, rows: Rows, k: int, observer: Observer) -> Rows:
    """Return the k nearest other articles of some rows, (u, k), NO_ROW at the end where there are fewer.

    From the neighbor graph that is stored with the table, where it holds for all articles as they are and has as many
    neighbors; else by an exact search, which reads the vectors once more.
    """
    if reader.articles is None:
        prepared = prepare(database, read_rows(reader.table), k, observer)
        if prepared.kept is not None and prepared.whole:
            row_of = index_of(prepared.rows.ids, reader.ids)
            at = np.empty(len(row_of), dtype=np.int64)
            at[row_of] = np.arange(len(row_of))
            found = prepared.kept.rows[at[rows], :k]
            return np.where(found == NO_ROW, NO_ROW, row_of[found])
    rows, vectors = reader.vectors(rows)
    search = ExactSearch(vectors, max(1, min(k, reader.n - 1)), without=rows, articles=reader.articles)
    for some, block in reader.blocks():
        search.add(some, block)
    return search.result().rows


def articles_share(space: Space, plane: Plane) -> float:
    """Return how much of what articles could keep of their own nearest the map keeps, `causes.cliques.share_kept`.

    Each is placed as a question would be, at the best position for its k nearest, with itself left out.
    """
    if space.shown is None or space.shown_cliques is None:
        return float("nan")
    rows, near = space.sample[space.shown], space.sample_near.rows[space.shown, : space.k]
    there = np.isfinite(plane.xy[rows]).all(axis=1)
    rows, near = rows[there], near[there]
    at = place_by_search(near, plane.xy, plane.nearest, space.articles, without=rows)
    found = plane.nearest(at, near.shape[1], rows).rows
    kept = found_in(counted(near, space.articles), counted(found, space.articles)).sum(axis=1)
    return share_kept(kept, space.shown_cliques[there])


def in_words(
    measured: Sequence[MapOverlap],
    clique_ceiling: float | None,
    questions: int,
    k: int,
    by: str,
    ranker: str | None = None,
) -> str | None:
    """Return what a map can be expected to keep, and the best one in particular; None where it is not known.

    `ranker` is the one whose hits stand for the nearest.
    """
    if clique_ceiling is None:
        return None
    who, near = "a question's", f"{k * clique_ceiling:.1f} are on average"
    if questions == 1:
        who, near = "the question's", f"{k * clique_ceiling:.0f} are"
    words = (
        f"Of {who} {these(k, by, ranker)}, {near} near to each other ({percent(clique_ceiling)}). "
        "Hardly more can be expected of a map, unless it is laid out for these questions."
    )
    best = measured[0]
    if not best.for_these and best.ceiling is not None and best.ceiling.mean < clique_ceiling - LOWER:
        named = f'the map "{best.name}"' if len(measured) > 1 else "this map"
        words += f" Of {named}, as well as it keeps such {by}s together, {percent(best.ceiling.mean)} can."
    return words

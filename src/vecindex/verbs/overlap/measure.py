"""The figures of `overlap`, from arrays in memory: neighbors found before, places, vectors of a few rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.geometry import (
    bounding_box,
    compactness,
    convex_hull,
    expected_inside,
    polygon_area,
)
from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows, counted
from vecindex.core.nulls import Interval, bootstrap_mean
from vecindex.core.overlap import (
    adjusted_for_chance,
    collapse_ceiling,
    distinct_lists,
    distinct_ratio,
    found_in,
    keeps_enough,
    overlap_at_k,
    rank_weighted_overlap,
    reciprocal_overlap,
    soft_overlap,
)
from vecindex.core.placement import place_at_median, place_by_search
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import F32
from vecindex.neighbors.plane import Plane
from vecindex.verbs.overlap.causes.verdicts import Facts
from vecindex.verbs.overlap.options import DEPTH
from vecindex.verbs.overlap.result import AnswersFound, Placement, SpaceFacts
from vecindex.verbs.overlap.space import (
    agreement,
    answer_recall,
    cohesion,
    is_hub,
    mixing,
    mixing_chance,
    occurrences,
    percentiles,
    reciprocal_rank,
    share_held_by,
    skewness,
    topic_precision,
)
from vecindex.verbs.overlap.style import style_of

CURVE = (1, 5, 10, 20, 50)
SOFT = (10, 50, 100)
DUPLICATE_DIST = 1e-3
FAR = 95.0
_GEOMETRY_SAMPLE = 1_000

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Space:
    """What was found in embedding space, before any map is looked at.

    Attributes
    ----------
    n, k, seed : articles in the table; neighbors asked for; of every random choice.
    vectors : (q, d) of the questions.
    near : (q, depth) their nearest articles.
    sample : (s,) rows of sampled articles; `sample_vectors` (s, d); `sample_near` (s, 50) their nearest others.
    answers : the right articles of each question that are in the table, as they are counted.
    articles : number of each row's article where rows are chunks and articles are counted. Lists of neighbors then
        hold each article once, by its nearest chunk's row.
    article_topics : topics under the rows in the questions' lists; None where articles have none.
    """

    asked: QuestionSet
    n: int
    k: int
    seed: int
    vectors: F32
    near: Neighbors
    sample: Rows
    sample_vectors: F32
    sample_near: Neighbors
    answers: Sequence[Rows]
    answers_absent: float | None
    truncated: float
    articles: Rows | None = None
    article_topics: Mapping[int, str | None] | None = None

    def counted(self, rows: Rows) -> Rows:
        """Return rows as what they are counted as; see `core.neighbors.counted`."""
        return counted(rows, self.articles)

    @property
    def depths(self) -> tuple[int, ...]:
        """The k of the curve."""
        return tuple(sorted({k for k in (*CURVE, self.k) if k <= self.near.k}))

    @property
    def withins(self) -> tuple[int, ...]:
        """The depths K of the soft and the reciprocal overlap."""
        return tuple(depth for depth in SOFT if self.k <= depth <= self.near.k)


class Lookup:
    """The vectors of some rows."""

    def __init__(self, rows: Rows, vectors: F32) -> None:
        """Take rows in ascending order and their vectors."""
        self._rows, self._vectors = rows, vectors

    def __call__(self, rows: Rows) -> F32:
        """Return the vectors of these rows, all of which are there."""
        return self._vectors[np.searchsorted(self._rows, rows)]


@dataclass(frozen=True, slots=True)
class Placed:
    """The questions on one map, placed by one rule, with their map neighbors (q, depth)."""

    rule: str
    xy: F64
    near: Neighbors


def place_all(plane: Plane, space: Space) -> list[Placed]:
    """Return the questions placed by candidate search, and by the neutral rule."""
    targets = space.near.rows[:, : space.k]
    rules: dict[str, F64] = {
        "search": place_by_search(targets, plane.xy, plane.nearest, space.articles),
        "median": place_at_median(targets, plane.xy),
    }
    return [Placed(rule, xy, plane.nearest(xy, space.near.k)) for rule, xy in rules.items()]


def space_facts(space: Space, vectors_of: Callable[[Rows], F32]) -> SpaceFacts:
    """Return what embedding space alone tells."""
    k, near = space.k, space.near
    own = space.sample_near.dist[:, 0]
    own = own[np.isfinite(own)]
    percentile = percentiles(near.dist[:, 0], own)
    counts, hubs = hubs_of(space)
    targets = space.counted(near.rows)
    return SpaceFacts(
        nearest_dist=float(np.median(near.dist[:, 0])),
        articles_nearest_dist=float(np.median(own)) if len(own) else float("nan"),
        nearest_percentile=float(np.median(percentile)),
        far_share=float((percentile > FAR).mean()),
        distinct_ratio=distinct_ratio(targets, k),
        collapse_ceiling=collapse_ceiling(targets, k),
        mixing=mixing(space.vectors, near.dist, k),
        mixing_chance=mixing_chance(len(space.vectors), space.n),
        compactness=compactness(
            space.vectors[:_GEOMETRY_SAMPLE].astype(np.float64),
            space.sample_vectors[:_GEOMETRY_SAMPLE].astype(np.float64),
        ),
        hubness_skew=skewness(counts),
        hub_share=share_held_by(targets[:, :k], hubs),
        cohesion=_median_cohesion(near.rows[:, :k], vectors_of),
        articles_cohesion=_median_cohesion(space.sample_near.rows[:COHESION_ARTICLES, :k], vectors_of),
        duplicated_targets=_duplicated(near.rows[:, :k], vectors_of),
        duplicated_articles=float((own < DUPLICATE_DIST).mean()) if len(own) else 0.0,
        truncated=space.truncated,
        answers=answers_found(space, near.rows),
        answers_absent=space.answers_absent,
        sample=len(space.sample),
        style=style_of(space.vectors, near.first(k), space.sample_vectors, own, vectors_of, space.seed),
        topic_precision=topics_found(space, near.rows),
    )


def hubs_of(space: Space) -> tuple[Rows, Mask]:
    """Return in how many lists of the sampled articles' k nearest each article is, and whether it is a hub; (n,)."""
    k = min(space.k, space.sample_near.k)
    counts = occurrences(space.counted(space.sample_near.rows[:, :k]), space.n)
    return counts, is_hub(counts, len(space.sample), k)


COHESION_ARTICLES = 200
"""Sampled articles whose neighbors are held against each other."""


def rows_looked_up(space: Space, placed: Sequence[Placed]) -> Rows:
    """Return the rows, ascending, whose vectors `space_facts` and `placement_figures` ask for."""
    lists = [space.near.rows[:, : space.k], space.sample_near.rows[:COHESION_ARTICLES, : space.k]]
    lists += [p.near.rows[:, : space.k] for p in placed]
    rows = np.unique(np.concatenate([rows.ravel() for rows in lists]))
    return np.asarray(rows[rows != NO_ROW])


def placement_figures(
    placed: Placed, space: Space, plane: Plane, vectors_of: Callable[[Rows], F32], padding: float
) -> Placement:
    """Return the figures of one placement."""
    k, targets, found = space.k, space.counted(space.near.rows), space.counted(placed.near.rows)
    overlap = overlap_at_k(targets, found, k)
    topics = space.asked.topics

    def mean(values: Any) -> Any:
        return bootstrap_mean(values, topics, seed=space.seed)

    box, whole = bounding_box(placed.xy, padding), bounding_box(plane.xy)
    hull = plane.hull_area
    some = np.random.default_rng(space.seed).permutation(plane.rows)[:_GEOMETRY_SAMPLE]
    return Placement(
        rule=placed.rule,
        overlap=mean(overlap),
        rank_weighted=mean(rank_weighted_overlap(targets, found, k)),
        enough=mean(keeps_enough(overlap)),
        none=float((overlap == 0).mean()),
        adjusted=adjusted_for_chance(float(overlap.mean()), k, space.n),
        by_k={depth: float(overlap_at_k(targets, found, depth).mean()) for depth in space.depths},
        soft={depth: float(soft_overlap(targets, found, k, depth).mean()) for depth in space.withins},
        reciprocal={depth: float(reciprocal_overlap(targets, found, k, depth).mean()) for depth in space.withins},
        merged=merged_overlap(space, placed.near.rows, vectors_of),
        distinct_lists=distinct_lists(found, k),
        compactness=compactness(placed.xy[:_GEOMETRY_SAMPLE], plane.xy[some]),
        box=box,
        articles_inside=box.count_inside(plane.xy) if box else 0,
        articles_expected=expected_inside(box, whole, len(plane)) if box and whole else 0.0,
        hull_share=polygon_area(convex_hull(placed.xy)) / hull if hull > 0 else float("nan"),
        answers=answers_found(space, placed.near.rows),
        topic_precision=topics_found(space, placed.near.rows),
    )


def facts_of(
    space: Space,
    facts: SpaceFacts,
    placement: Placement | None = None,
    recall: float | None = None,
    agrees: float | None = None,
    targets_outside: float | None = None,
) -> Facts:
    """Return what the search for causes goes by: facts of embedding space and, with a map, of a placement on it.

    `recall` is the articles' mean self-recall on the map, `agrees` the map's agreement with their neighbors.
    """
    return Facts(
        k=space.k,
        articles=space.n,
        questions=len(space.vectors),
        nearest_percentile=facts.nearest_percentile,
        distinct_ratio=facts.distinct_ratio,
        collapse_ceiling=facts.collapse_ceiling,
        mixing=facts.mixing,
        mixing_chance=facts.mixing_chance,
        compactness=facts.compactness,
        hub_share=facts.hub_share,
        cohesion=facts.cohesion,
        articles_cohesion=facts.articles_cohesion,
        duplicated_targets=facts.duplicated_targets,
        truncated=facts.truncated,
        answers_absent=facts.answers_absent,
        answers_recall=facts.answers.recall if facts.answers else None,
        pseudo_percentile=facts.pseudo_percentile,
        overlap=placement.overlap.mean if placement else None,
        overlap_low=placement.overlap.low if placement else None,
        merged=placement.merged if placement else None,
        soft_50=placement.soft.get(50) if placement else None,
        self_recall=None if recall is None or np.isnan(recall) else recall,
        agreement=None if agrees is None or np.isnan(agrees) else agrees,
        map_compactness=placement.compactness if placement else None,
        targets_outside=targets_outside,
    )


def own_lists(space: Space, plane: Plane) -> tuple[Rows, Rows]:
    """Return the neighbors of the sampled articles that are on the map, as they are counted.

    In embedding space (m, 50), on the map (m, 100); fewer in a small table.
    """
    there = np.flatnonzero(np.isfinite(plane.xy[space.sample]).all(axis=1))
    rows = space.sample[there]
    found = plane.nearest(plane.xy[rows], min(DEPTH, max(1, space.n - 1)), without=rows)
    return space.counted(space.sample_near.rows[there]), space.counted(found.rows)


def self_recall(space: Space, plane: Plane) -> F64:
    """Return for each sampled article that is on the map the share of its k nearest that it keeps there."""
    near, found = own_lists(space, plane)
    return overlap_at_k(near, found, min(space.k, near.shape[1]))


def self_curves(space: Space, near: Rows, found: Rows) -> tuple[dict[int, float], dict[int, float]]:
    """Return the mean self-recall at each k, and within each K, of `own_lists`; empty where they are."""
    if not len(near):
        return {}, {}
    k = min(space.k, near.shape[1])
    by_k = {at: float(overlap_at_k(near, found, at).mean()) for at in space.depths if at <= near.shape[1]}
    withins = [within for within in space.withins if k <= within <= found.shape[1]]
    return by_k, {within: float(soft_overlap(near, found, k, within).mean()) for within in withins}


def map_agreement(space: Space, plane: Plane) -> float:
    """Return the agreement of the map with the sampled articles' neighbors; see `verbs.overlap.space.agreement`."""
    near = space.sample_near.rows[:, : space.k]
    if not len(plane):
        return float("nan")
    rng = np.random.default_rng(space.seed)
    origin = plane.xy[space.sample][:, None, :]
    true = np.linalg.norm(plane.xy[near] - origin, axis=2)
    true[near == NO_ROW] = np.nan
    return agreement(true, np.linalg.norm(plane.xy[rng.choice(plane.rows, near.shape)] - origin, axis=2))


def topics_found(space: Space, lists: Rows) -> Interval | None:
    """Return the mean share of the first k with the question's topic; None where either side has no topics."""
    topics = space.asked.topics
    if space.article_topics is None or topics is None:
        return None
    values = topic_precision(lists, space.article_topics, topics, space.k)
    known = np.flatnonzero(np.isfinite(values))
    return bootstrap_mean(values[known], [topics[i] for i in known], seed=space.seed)


def answers_found(space: Space, lists: Rows) -> AnswersFound | None:
    """Return whether the right articles are in the lists; None when no answer is known and in the table."""
    lists = space.counted(lists)
    known = [i for i, right in enumerate(space.answers) if len(right)]
    if not known:
        return None
    return AnswersFound(
        questions=len(known),
        recall=float(np.nanmean(answer_recall(lists, space.answers, space.k))),
        mrr=float(np.nanmean(reciprocal_rank(lists, space.answers))),
    )


def merged_overlap(space: Space, on_map: Rows, vectors_of: Callable[[Rows], F32]) -> float:
    """Return the mean overlap when a target counts as found if the map's list holds it or a near-duplicate of it."""
    targets, found = space.near.rows[:, : space.k], on_map[:, : space.k]
    hit = found_in(space.counted(targets), space.counted(found))
    for i in range(len(targets)):
        there, missing = found[i][found[i] != NO_ROW], np.flatnonzero(~hit[i] & (targets[i] != NO_ROW))
        if len(there) and len(missing):
            sims = vectors_of(targets[i][missing]).astype(np.float64) @ vectors_of(there).T.astype(np.float64)
            hit[i, missing] = (sims > 1 - DUPLICATE_DIST).any(axis=1)
    return float(hit.mean())


def _duplicated(lists: Rows, vectors_of: Callable[[Rows], F32]) -> float:
    """Return the share of the articles in the lists that have a near-duplicate in the same list."""
    twice = total = 0
    for row in lists:
        vectors = vectors_of(row[row != NO_ROW]).astype(np.float64)
        sims = vectors @ vectors.T
        np.fill_diagonal(sims, 0.0)
        twice += int((sims > 1 - DUPLICATE_DIST).any(axis=1).sum())
        total += len(vectors)
    return twice / total if total else 0.0


def _median_cohesion(lists: Rows, vectors_of: Callable[[Rows], F32]) -> float:
    values = [cohesion(vectors_of(row[row != NO_ROW])) for row in lists]
    finite = [v for v in values if np.isfinite(v)]
    return float(np.median(finite)) if finite else float("nan")

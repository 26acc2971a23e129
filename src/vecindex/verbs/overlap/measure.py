"""The figures of `overlap`, from arrays in memory: neighbors found before, positions, vectors of a few rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from vecindex.core.nulls import Interval, bootstrap_mean, mean_of_shares
from vecindex.core.overlap import collapse_ceiling, distinct_lists, distinct_ratio, overlap_at_k, soft_overlap
from vecindex.core.placement import place_at_median, place_by_search
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import F32
from vecindex.neighbors.plane import Plane
from vecindex.neighbors.ties import LookUp, settled
from vecindex.verbs.overlap.causes.cliques import ceilings
from vecindex.verbs.overlap.metrics import DUPLICATE_DIST, Lists, further, measured
from vecindex.verbs.overlap.options import DEPTH
from vecindex.verbs.overlap.question import KindOverlap
from vecindex.verbs.overlap.result import AnswersFound, MapOverlap, Placement, SpaceFacts
from vecindex.verbs.overlap.space import (
    agreement,
    answer_recall,
    cohesions,
    duplicated,
    is_hub,
    known,
    median_of,
    mixing,
    mixing_chance,
    occurrences,
    percentiles,
    reciprocal_rank,
    share_held_by,
    skewness,
    style_of,
    topic_precision,
)
from vecindex.verbs.scores.evenness import map_evenness
from vecindex.verbs.scores.fidelity import Fidelity

CURVE = (1, 5, 10, 20, 50)
SOFT = (10, 50, 100)
FAR = 95.0
_GEOMETRY_SAMPLE = 1_000

Mask = npt.NDArray[np.bool_]
VectorsOf = Callable[[Rows], F32]
"""Gives the unit vectors (m, d) of rows (m,)."""


@dataclass(frozen=True, slots=True)
class Space:
    """What was found in embedding space, for all maps.

    Attributes
    ----------
    n, k, seed : articles in the table; neighbors asked for; of every random choice.
    vectors : (q, d) of the questions.
    near : (q, depth) their true neighbors: the nearest articles, or a ranker's hits, whose `dist` are ranks.
    sample : (s,) rows of sampled articles; `sample_vectors` (s, d); `sample_near` (s, 50) their nearest others.
    look_up : gives the vectors of rows.
    answers : the right articles of each question that are in the table, as they are counted.
    articles : number of each row's article where rows are chunks and articles are counted. Lists of neighbors then
        hold each article once, by its nearest chunk's row.
    cliques : (q,) how many of each question's k nearest are near to each other; see `causes.cliques`. None where that
        was not looked for. `shown` (a,) are the indices of sampled articles, `shown_cliques` (a,) the same of theirs.
    meant : (q, depth) the nearest articles where `near` are hits; else None.
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
    look_up: LookUp
    articles: Rows | None = None
    cliques: Rows | None = None
    shown: Rows | None = None
    shown_cliques: Rows | None = None
    meant: Neighbors | None = None
    article_topics: Mapping[int, str | None] | None = None

    @property
    def nearest(self) -> Neighbors:
        """The nearest articles, (q, depth), by the distance of the vectors."""
        return self.near if self.meant is None else self.meant

    def counted(self, rows: Rows) -> Rows:
        """Return rows as what they are counted as; see `core.neighbors.counted`."""
        return counted(rows, self.articles)

    @property
    def own_dist(self) -> F64:
        """The distances of sampled articles to their nearest other ones, of those that have one."""
        own = self.sample_near.dist[:, 0]
        return np.asarray(own[np.isfinite(own)])

    def on_topic(self, lists: Rows) -> F64:
        """Return the share of the first k in lists (q, k') with the question's topic, (q,); NaN without topics."""
        if self.article_topics is None or self.asked.topics is None:
            return np.full(len(lists), np.nan)
        return topic_precision(lists, self.article_topics, self.asked.topics, self.k)

    @property
    def depths(self) -> tuple[int, ...]:
        """The k of the curve."""
        return tuple(sorted({k for k in (*CURVE, self.k) if k <= self.near.k}))

    @property
    def withins(self) -> tuple[int, ...]:
        """The depths K of the soft and the reciprocal overlap."""
        return tuple(depth for depth in SOFT if self.k <= depth <= self.near.k)


def vectors_by_row(rows: Rows, vectors: F32) -> VectorsOf:
    """Return what gives the vectors of some of these rows (r,), which are in ascending order; (r, d)."""
    return lambda some: vectors[np.searchsorted(rows, some)]


@dataclass(frozen=True, slots=True)
class Placed:
    """The questions on one map, placed by one rule, with their neighbors (q, depth) there and in embedding space.

    Both lists, `near` on the map and `true`, are `settled` with regard to each other. `values` holds the figures of
    each question, (q,) under each metric's name; see `verbs.overlap.metrics`.
    """

    rule: str
    xy: F64
    near: Neighbors
    true: Neighbors
    values: Mapping[str, F64] = field(default_factory=dict)

    @classmethod
    def at(cls, rule: str, xy: F64, plane: Plane, space: Space) -> Placed:
        """Return the questions at their positions (q, 2)."""
        found = plane.nearest(xy, space.near.k)
        true, found = settled(space.near, found, xy, plane, space.vectors, space.look_up)
        return cls(rule, xy, found, true)

    def with_values(self, space: Space, vectors_of: VectorsOf) -> Placed:
        """Return the same with the values of all metrics; `vectors_of` knows the rows of `rows_looked_up`."""
        rows, found = self.true.rows, self.near.rows
        n, k = space.n, space.k
        lists = Lists(space.counted(rows), space.counted(found), k, n, k, rows, found, vectors_of)
        return replace(self, values=measured(lists, space.withins))


def place_all(plane: Plane, space: Space) -> list[Placed]:
    """Return the questions at their best positions, and at the median baseline."""
    near = space.near.rows[:, : space.k]
    rules: dict[str, F64] = {
        "search": place_by_search(near, plane.xy, plane.nearest, space.articles),
        "median": place_at_median(near, plane.xy),
    }
    return [Placed.at(rule, xy, plane, space) for rule, xy in rules.items()]


def space_facts(space: Space, vectors_of: VectorsOf) -> SpaceFacts:
    """Return the figures of embedding space alone."""
    k, near, nearest = space.k, space.near, space.nearest
    own = space.own_dist
    percentile = percentiles(nearest.dist[:, 0], own)
    counts, hubs = hubs_of(space)
    lists = space.counted(near.rows)
    return SpaceFacts(
        nearest_dist=float(np.median(nearest.dist[:, 0])),
        articles_nearest_dist=median_of(own),
        nearest_percentile=float(np.median(percentile)),
        far_share=float((percentile > FAR).mean()),
        distinct_ratio=distinct_ratio(lists, k),
        collapse_ceiling=collapse_ceiling(lists, k),
        mixing=mixing(space.vectors, nearest.dist, k),
        mixing_chance=mixing_chance(len(space.vectors), space.n),
        compactness=compactness(
            space.vectors[:_GEOMETRY_SAMPLE].astype(np.float64),
            space.sample_vectors[:_GEOMETRY_SAMPLE].astype(np.float64),
        ),
        hubness_skew=skewness(counts),
        hub_share=share_held_by(lists[:, :k], hubs),
        cohesion=median_of(cohesions(near.rows[:, :k], vectors_of)),
        articles_cohesion=median_of(cohesions(space.sample_near.rows[:COHESION_ARTICLES, :k], vectors_of)),
        duplicated_targets=duplicated(near.rows[:, :k], vectors_of),
        duplicated_articles=float((own < DUPLICATE_DIST).mean()) if len(own) else 0.0,
        truncated=space.truncated,
        answers=answers_found(space, near.rows),
        answers_absent=space.answers_absent,
        sample=len(space.sample),
        style=style_of(space.vectors, nearest.first(k), space.sample_vectors, own, vectors_of, space.seed),
        topic_precision=topics_found(space, near.rows),
        clique_ceiling=None if space.cliques is None else float(ceilings(space.cliques, k).mean()),
    )


def hubs_of(space: Space) -> tuple[Rows, Mask]:
    """Return in how many lists of the sampled articles' k nearest each article is, and whether it is a hub; (n,)."""
    k = min(space.k, space.sample_near.k)
    counts = occurrences(space.counted(space.sample_near.rows[:, :k]), space.n)
    return counts, is_hub(counts, len(space.sample), k)


COHESION_ARTICLES = 200
"""Sampled articles whose neighbors are compared with each other."""


def rows_looked_up(space: Space, lists: Sequence[Neighbors]) -> Rows:
    """Return the rows, ascending, whose vectors the figures ask for: the first k in the lists and in the sample's."""
    some = [space.sample_near.rows[:COHESION_ARTICLES, : space.k], *(near.rows[:, : space.k] for near in lists)]
    rows = np.unique(np.concatenate([rows.ravel() for rows in some]))
    return np.asarray(rows[rows != NO_ROW])


def placement_figures(placed: Placed, space: Space, plane: Plane, padding: float) -> Placement:
    """Return the figures of one placement, which has the values of the metrics."""
    lists, found = space.counted(placed.true.rows), space.counted(placed.near.rows)
    values = placed.values
    box, whole = bounding_box(placed.xy, padding), bounding_box(plane.xy)
    hull = plane.hull_area
    some = np.random.default_rng(space.seed).permutation(plane.rows)[:_GEOMETRY_SAMPLE]
    return Placement(
        rule=placed.rule,
        overlap=_mean(space, values["overlap"]),
        rank_weighted=_mean(space, values["rank_weighted"]),
        enough=_mean(space, values["enough"]),
        none=float(values["none"].mean()),
        adjusted=float(values["adjusted"].mean()),
        by_k={depth: float(overlap_at_k(lists, found, depth).mean()) for depth in space.depths},
        soft={depth: float(values[f"soft@{depth}"].mean()) for depth in space.withins},
        reciprocal={depth: float(values[f"reciprocal@{depth}"].mean()) for depth in space.withins},
        merged=float(values["merged"].mean()),
        distinct_lists=distinct_lists(found, space.k),
        compactness=compactness(placed.xy[:_GEOMETRY_SAMPLE], plane.xy[some]),
        box=box,
        articles_inside=box.count_inside(plane.xy) if box else 0,
        articles_expected=expected_inside(box, whole, len(plane)) if box and whole else 0.0,
        hull_share=polygon_area(convex_hull(placed.xy)) / hull if hull > 0 else float("nan"),
        answers=answers_found(space, placed.near.rows),
        topic_precision=topics_found(space, placed.near.rows),
        metrics={name: _mean(space, of, bootstrap_mean) for name, of in further(values).items()},
    )


def map_overlap(
    name: str,
    about: Any,
    plane: Plane,
    placed: Sequence[Placed],
    space: Space,
    padding: float,
    fidelity: Fidelity | None,
    cliques_kept: float,
) -> MapOverlap:
    """Return the figures of one map, without causes; `cliques_kept` may be NaN."""
    search, median = (placement_figures(p, space, plane, padding) for p in placed)
    rows = space.near.rows[:, : space.k]
    off, (near, found) = np.isnan(plane.xy[rows[rows != NO_ROW], 0]), own_lists(space, plane)
    recall = mean_of_shares(_own_recall(space, plane, near, found), seed=space.seed)
    by_k, soft = self_curves(space, near, found, plane.n_articles)
    return MapOverlap(
        name=name,
        about=about if isinstance(about, dict) else {"about": about},
        articles=plane.n_articles,
        outside=space.n - plane.n_articles,
        targets_outside=float(off.sum() / max(1, len(off))),
        self_recall=recall,
        self_by_k=by_k,
        self_soft=soft,
        fidelity=fidelity,
        agreement=map_agreement(space, plane),
        evenness=map_evenness(plane, space.seed) if len(plane) > 1 else None,
        search=search,
        median=median,
        causes=(),
        ceiling=map_ceiling(space, cliques_kept),
        cliques_kept=known(cliques_kept),
        by_kind=by_kind(space, placed[0], cliques_kept),
    )


def map_ceiling(space: Space, cliques_kept: float) -> Interval | None:
    """Return the most to expect of the overlap on a map, see `causes.cliques`; None where it is not known."""
    if space.cliques is None or np.isnan(cliques_kept):
        return None
    return _mean(space, ceilings(space.cliques, space.k, cliques_kept))


def by_kind(space: Space, placed: Placed, cliques_kept: float) -> tuple[KindOverlap, ...]:
    """Return the figures of each kind of question; those without one are in none."""
    kinds = space.asked.kinds or []
    names = sorted({kind for kind in kinds if kind is not None})
    cliques = None if np.isnan(cliques_kept) else space.cliques
    found = []
    for name in names if len(names) > 1 else []:
        these = np.array([kind == name for kind in kinds])
        found.append(
            KindOverlap(
                kind=name,
                questions=int(these.sum()),
                overlap=mean_of_shares(placed.values["overlap"][these], seed=space.seed),
                enough=float(placed.values["enough"][these].mean()),
                ceiling=None if cliques is None else float(ceilings(cliques[these], space.k, cliques_kept).mean()),
            )
        )
    return tuple(found)


def own_lists(space: Space, plane: Plane) -> tuple[Rows, Rows]:
    """Return the neighbors of the sampled articles that are on the map, as they are counted.

    In embedding space (m, 50), on the map (m, 100); fewer in a small table.
    """
    there = np.flatnonzero(np.isfinite(plane.xy[space.sample]).all(axis=1))
    rows = space.sample[there]
    at, vectors = plane.xy[rows], space.sample_vectors[there]
    found = plane.nearest(at, min(DEPTH, max(1, space.n - 1)), without=rows)
    true, found = settled(space.sample_near.take(there), found, at, plane, vectors, space.look_up)
    return space.counted(true.rows), space.counted(found.rows)


def self_recall(space: Space, plane: Plane) -> F64:
    """Return for each sampled article that is on the map the share of its k nearest that it keeps there."""
    return _own_recall(space, plane, *own_lists(space, plane))


def _own_recall(space: Space, plane: Plane, near: Rows, found: Rows) -> F64:
    """Return the recall of `own_lists`; of none where k is not below the number of others, which all maps keep."""
    if space.k >= plane.n_articles - 1:
        return np.empty(0)
    return overlap_at_k(near, found, space.k)


def self_curves(space: Space, near: Rows, found: Rows, n: int) -> tuple[dict[int, float], dict[int, float]]:
    """Return the mean self-recall at each k, and within each K, of `own_lists`; empty where they are.

    No k is among them that is not below the number of others on the map, of n articles.
    """
    if not len(near):
        return {}, {}
    k = min(space.k, near.shape[1])
    by_k = {at: float(overlap_at_k(near, found, at).mean()) for at in space.depths if at < n - 1}
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
    found = space.on_topic(lists)
    return _mean(space, found) if np.isfinite(found).any() else None


def _mean(space: Space, values: F64, how: Callable[..., Interval] = mean_of_shares) -> Interval:
    """Return the mean of a figure (q,) over the questions that have it."""
    known = np.flatnonzero(np.isfinite(values))
    topics = space.asked.topics
    return how(values[known], None if topics is None else [topics[i] for i in known], seed=space.seed)


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

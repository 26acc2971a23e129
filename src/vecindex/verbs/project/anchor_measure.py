"""Questions and articles measured on a base map and on the maps that were anchored from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.nulls import Interval, bootstrap_mean
from vecindex.core.overlap import found_in, keeps_enough
from vecindex.core.placement import place_by_search
from vecindex.core.vectors import F32
from vecindex.neighbors.plane import Plane
from vecindex.types import Observer
from vecindex.verbs.project.folds import Folds, cut_into_folds, shuffled_neighbors
from vecindex.verbs.project.result import ArticleCost, QuestionScores
from vecindex.verbs.scores.scores import recalls_on, true_neighbors

FOLDS = 5
SOFT = 50

Anchor = Callable[[Rows], F64]
"""From questions' nearest articles (q, k) to the positions (n, 2) of all articles on a map anchored to them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What each question keeps on a map: shares (q,) within the k nearest, and within the 50 nearest."""

    overlap: F64
    soft: F64

    def scores(self, topics: Sequence[str | None] | None, seed: int) -> QuestionScores:
        """Return the means with their intervals; topics as a whole are drawn where there are enough of them."""

        def mean(values: F64) -> Interval:
            return bootstrap_mean(values, topics, seed=seed)

        return QuestionScores(
            len(self.overlap), mean(self.overlap), mean(keeps_enough(self.overlap).astype(float)), mean(self.soft)
        )


def best_positions(near: Rows, xy: F64) -> F64:
    """Return the best positions (q, 2) of questions with these nearest articles (q, k) on a map (n, 2)."""
    plane = Plane(xy)
    return place_by_search(near, plane.xy, plane.nearest)


def kept(near: Rows, xy: F64) -> Kept:
    """Return what questions with these nearest articles (q, k) keep of them, at their best positions on a map."""
    plane = Plane(xy)
    at = place_by_search(near, plane.xy, plane.nearest)
    k = near.shape[1]
    found = plane.nearest(at, min(max(SOFT, k), len(plane))).rows
    there = np.maximum(1, (near != NO_ROW).sum(axis=1))
    return Kept(found_in(near, found[:, :k]).sum(axis=1) / there, found_in(near, found).sum(axis=1) / there)


def held_out(
    vectors: F32, topics: Sequence[str | None] | None, near: Rows, anchor: Anchor
) -> tuple[Folds, Kept | None]:
    """Return what each question keeps on a map anchored to the questions of all other folds; None without folds.

    Parameters
    ----------
    vectors : (q, d) of the questions.
    near : (q, k) their nearest articles.
    anchor : makes such a map; it is given those of the others only.
    """
    folds = cut_into_folds(vectors, topics, FOLDS)
    if folds.count < 2:
        return folds, None
    overlap, soft = np.empty(len(near)), np.empty(len(near))
    for fold in range(folds.count):
        out = folds.of == fold
        found = kept(near[out], anchor(near[~out]))
        overlap[out], soft[out] = found.overlap, found.soft
    return folds, Kept(overlap, soft)


def shuffled(near: Rows, seed: int, anchor: Anchor) -> Kept | None:
    """Return what questions keep of articles that do not belong together, anchored to these; None of one question."""
    if len(near) < 2:
        return None
    others = shuffled_neighbors(near, seed)
    return kept(others, anchor(others))


def article_cost(asked: Rows, true: Rows, base: Plane, now: Plane, seed: int) -> ArticleCost:
    """Return what some articles keep on both maps; `true` are their neighbors in embedding space."""
    before, after = recalls_on(base, asked, true), recalls_on(now, asked, true)
    return ArticleCost(
        sample=len(asked),
        before={k: bootstrap_mean(values, seed=seed) for k, values in before.items()},
        after={k: bootstrap_mean(values, seed=seed) for k, values in after.items()},
        change={k: bootstrap_mean(after[k] - before[k], seed=seed) for k in before},
    )


def moved_cost(
    vectors: F32, moved: Rows, sample: int, base: Plane, now: Plane, seed: int, observer: Observer
) -> ArticleCost | None:
    """Return the cost for a sample of the articles that moved; None where none did."""
    asked = np.sort(np.random.default_rng(seed).permutation(moved)[:sample])
    if not len(asked):
        return None
    return article_cost(asked, true_neighbors(vectors, asked, observer), base, now, seed)

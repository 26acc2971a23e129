"""Nested samples of a table, and how a figure moves with the number of articles: by how much per doubling."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from vecindex.config import SEED
from vecindex.core.neighbors import F64, Neighbors, nearest_of
from vecindex.core.nulls import LEVEL, Interval, bounds, clusters_of, resampled

SHARES = (0.1, 0.25, 0.5, 1.0)
"""Of the articles, each sample contained in the next; the last is all of them."""
DRAWS = 5
"""Chains of nested samples that figures are averaged over: one chain alone may lie well off their mean."""


class Direction(StrEnum):
    """Which way a figure goes as articles are added; UNCLEAR where its interval contains zero."""

    RISES = "rises"
    FALLS = "falls"
    UNCLEAR = "no clear change"


@dataclass(frozen=True, slots=True)
class NestedPoint:
    """The same questions against a sample of the articles.

    Attributes
    ----------
    share, articles : of the table, and how many that is; each sample is contained in the next.
    nearest_dist : median over the questions of the distance to the nearest article of the sample; lower is closer.
    overlap : under each map's name, overlap@k of the k nearest of the sample with the k nearest of the sample on the
        map, each question at its best position. The map is the stored one, made of all articles.
    answers_recall, mrr : over the questions that have an answer in the full table, so one that the sample misses
        counts as not found; None where no answers are known.
    topic_precision : share of the k nearest whose topic is the question's; None where topics cannot be compared.
    """

    share: float
    articles: int
    nearest_dist: Interval
    overlap: dict[str, Interval]
    answers_recall: Interval | None
    mrr: Interval | None
    topic_precision: Interval | None


@dataclass(frozen=True, slots=True)
class Trend:
    """How a figure of the nested samples moves with each doubling of the articles.

    Attributes
    ----------
    figure, map : "nearest_dist", "overlap" (with its map), "answers_recall", "mrr" or "topic_precision".
    per_doubling : least-squares slope against log2 of the articles, with its paired bootstrap interval.
    verdict : "rises" or "falls" where the interval leaves zero out, else "no clear change".
    """

    figure: str
    map: str | None
    per_doubling: Interval
    verdict: Direction


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Nested samples of the stored articles, at the same questions.

    Attributes
    ----------
    points : the smallest sample first, all articles last; samples of fewer than k articles are left out.
    trends : empty with fewer than two points.
    summary : what it says of adding articles, in a sentence. `note` : what it cannot say.
    """

    points: tuple[NestedPoint, ...]
    trends: tuple[Trend, ...]
    summary: str
    note: str


def nested_sizes(n: int) -> list[int]:
    """Return how many of n articles each share holds, to the nearest whole, at least one.

    >>> nested_sizes(264)
    [26, 66, 132, 264]
    """
    return [min(n, max(1, round(share * n))) for share in SHARES]


def strata(n: int, seed: int | Sequence[int] = SEED) -> npt.NDArray[np.int8]:
    """Return for each of n articles the first sample that holds it, as its number; shape (n,).

    Sample s holds exactly the articles whose number is at most s, so each is contained in the next. All orders of the
    articles are equally likely; the same n and seed give the same samples. A seed of several numbers is one of them.

    >>> np.bincount(strata(20)).cumsum()
    array([ 2,  5, 10, 20])
    """
    position = np.empty(n, dtype=np.int64)
    position[np.random.default_rng(seed).permutation(n)] = np.arange(n)
    return np.asarray(np.searchsorted(nested_sizes(n), position, side="right"), dtype=np.int8)


def cumulated(parts: Sequence[Neighbors], k: int) -> list[Neighbors]:
    """Return the k nearest over the first part, over the first two, and so on; the parts share no article.

    Exact when each part holds at least its own k nearest: what is among the k nearest of a union is among those of
    the part that it is in. Ties by (dist, row).
    """
    found = []
    for end in range(1, len(parts) + 1):
        rows = np.concatenate([part.rows for part in parts[:end]], axis=1)
        dist = np.concatenate([part.dist for part in parts[:end]], axis=1)
        found.append(nearest_of(rows, dist, k))
    return found


def slope_per_doubling(values: npt.ArrayLike, sizes: Sequence[int]) -> F64:
    """Return the least-squares slope of values (..., p) against log2 of the p sizes: the change per doubling; (...).

    A figure of 0.2, 0.3, 0.5 at 10, 20, 40 articles: the slope over log2 = 0, 1, 2 (plus a constant) is
    ((-1) 0.2 + 0 + (1) 0.5) / 2 = 0.15.

    >>> slope_per_doubling([0.2, 0.3, 0.5], [10, 20, 40]).round(12)
    np.float64(0.15)
    """
    x = np.log2(np.asarray(sizes, dtype=np.float64))
    x = x - x.mean()
    # Sums along an axis, and no matrix product, whose last digits could depend on the block.
    return np.asarray((np.asarray(values, dtype=np.float64) * x).sum(axis=-1) / (x * x).sum())[()]


def weighted_median(values: F64, weights: F64) -> F64:
    """Return the median of values (q,) for each row of whole-number weights (b, q); shape (b,).

    As `numpy.median` of the values, each repeated as often as its weight says.

    >>> weighted_median(np.array([1.0, 5.0, 9.0]), np.array([[1.0, 1.0, 2.0], [2.0, 0.0, 1.0]]))
    array([7., 1.])
    """
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[:, order], axis=1)
    half = below[:, -1:] / 2
    low, high = (below < half).sum(axis=1), (below <= half).sum(axis=1)
    ranked = values[order]
    return np.asarray((ranked[low] + ranked[np.minimum(high, len(values) - 1)]) / 2)


def bootstrap_curve(
    values: F64,
    sizes: Sequence[int],
    groups: Sequence[Hashable] | None = None,
    *,
    median: bool = False,
    seed: int = SEED,
) -> tuple[list[Interval], Interval]:
    """Return a figure at each size with its interval, and its change per doubling with its interval.

    Parameters
    ----------
    values : (r, q, p) one figure a draw of the samples, question and size; (q, p) is one draw. Questions with a NaN
        anywhere are left out, everywhere.
    sizes : (p,) articles; with fewer than two there is no change, and it is NaN.
    groups : topics, resampled whole; see `core.nulls.bootstrap_mean`.
    median : the figure is the median over the questions, else their mean. `Interval.mean` holds the mean of that over
        the draws of the samples.

    A single question has no spread, so the bounds are NaN.

    The bootstrap resamples the questions and, by itself, the draws of the samples. It is paired: the same questions
    are taken at all sizes and in all draws, so what makes one question harder than another does not widen the
    interval of the change. With r draws it sees (r - 1) / r of the variance between them.
    """
    values = values.reshape(-1, *values.shape[-2:])
    there = np.asarray(np.isfinite(values).all(axis=(0, 2)))
    values = values[:, there]
    kept = None if groups is None else [g for g, ok in zip(groups, there, strict=True) if ok]
    if not values.shape[1]:
        none = Interval(math.nan, math.nan, math.nan, LEVEL, "question")
        return [none] * len(sizes), none
    by, resamples = resampled(values.shape[1], kept, seed=seed)
    rng = np.random.default_rng([seed, len(values)])
    points = np.concatenate([_summary(values, weights, median, rng) for weights in resamples])  # (resamples, p)
    if values.shape[1] == 1:
        points[:] = math.nan
    center = _summary(values, np.ones((1, values.shape[1])), median)[0]
    units = clusters_of(values.shape[1], kept)
    intervals = [_interval(float(c), points[:, i], by, units) for i, c in enumerate(center)]
    if len(sizes) < 2:
        return intervals, Interval(math.nan, math.nan, math.nan, LEVEL, by)
    slope = float(slope_per_doubling(center, sizes))
    return intervals, _interval(slope, slope_per_doubling(points, sizes), by, units)


def direction(change: Interval) -> Direction:
    """Return which way a figure goes, from its change per doubling; UNCLEAR where the interval contains zero.

    >>> str(direction(Interval(0.02, 0.01, 0.03, 0.95, "question")))
    'rises'
    """
    if change.low > 0:
        return Direction.RISES
    return Direction.FALLS if change.high < 0 else Direction.UNCLEAR


def _summary(values: F64, weights: F64, median: bool, rng: np.random.Generator | None = None) -> F64:
    """Return the figure at each size for each weighing (b, q) of the questions; shape (b, p).

    `rng` weighs the draws of the samples again for each; without it all weigh the same.
    """
    r, b = len(values), len(weights)
    shares = np.full((b, r), 1 / r) if rng is None else rng.multinomial(r, np.full(r, 1 / r), size=b) / r
    figures = np.zeros((b, values.shape[2]))
    for draw, share in zip(values, shares.T, strict=True):
        for size, column in enumerate(draw.T):
            if median:
                found = weighted_median(column, weights)
            else:
                # One product a column: the last digits then depend on nothing but the column.
                found = (weights * column).sum(axis=1) / weights.sum(axis=1)
            figures[:, size] += share * found
    return figures


def _interval(value: float, drawn: F64, by: str, units: int) -> Interval:
    low, high = bounds(drawn, units)
    # Rounding may put a bound of equal values a last digit beyond them.
    if math.isclose(low, value, abs_tol=1e-12):
        low = value
    if math.isclose(high, value, abs_tol=1e-12):
        high = value
    return Interval(value, min(float(low), value), max(float(high), value), LEVEL, by)

"""Nested samples of a table, and how a figure moves with the number of articles: by how much per doubling."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from vecindex.config import SEED
from vecindex.core.neighbors import F64, Neighbors, nearest_of
from vecindex.core.nulls import LEVEL, RESAMPLES, Interval, resampled

SHARES = (0.1, 0.25, 0.5, 1.0)
"""Of the articles, each sample contained in the next; the last is all of them."""
DRAWS = 5
"""Chains of nested samples that figures are averaged over: one chain alone may lie well off their mean."""


class Direction(StrEnum):
    """Which way a figure goes as articles are added; told only where its interval leaves zero out."""

    RISES = "rises"
    FALLS = "falls"
    UNCLEAR = "no clear change"


def nested_sizes(n: int, shares: Sequence[float] = SHARES) -> list[int]:
    """Return how many of n articles each share holds, to the nearest whole, at least one.

    >>> nested_sizes(264)
    [26, 66, 132, 264]
    """
    return [min(n, max(1, round(share * n))) for share in shares]


def strata(n: int, seed: int | Sequence[int] = SEED, shares: Sequence[float] = SHARES) -> npt.NDArray[np.int8]:
    """Return for each of n articles the first sample that holds it, as its number; shape (n,).

    Sample s holds exactly the articles whose number is at most s, so each is contained in the next. All orders of the
    articles are equally likely; the same n and seed give the same samples. A seed of several numbers is one of them.

    >>> np.bincount(strata(20)).cumsum()
    array([ 2,  5, 10, 20])
    """
    place = np.empty(n, dtype=np.int64)
    place[np.random.default_rng(seed).permutation(n)] = np.arange(n)
    return np.asarray(np.searchsorted(nested_sizes(n, shares), place, side="right"), dtype=np.int8)


def cumulated(parts: Sequence[Neighbors], k: int) -> list[Neighbors]:
    """Return the k nearest over the first part, over the first two, and so on; the parts share no article.

    Exact when each part holds at least its own k nearest: what is among the k nearest of a union is among those of
    the part that it is in. Ties by (dist, row).
    """
    found: list[Neighbors] = []
    for part in parts:
        if not found:
            found.append(nearest_of(part.rows, part.dist, k))
            continue
        rows = np.concatenate([found[-1].rows, part.rows], axis=1)
        dist = np.concatenate([found[-1].dist, part.dist], axis=1)
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
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> tuple[list[Interval], Interval]:
    """Return a figure at each size with its interval, and its change per doubling with its interval.

    Parameters
    ----------
    values : (r, q, p) one figure a draw of the samples, question and size; (q, p) is one draw. Questions with a NaN
        anywhere are left out, everywhere.
    sizes : (p,) articles; with fewer than two there is no change to tell, and it is NaN.
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
        none = Interval(math.nan, math.nan, math.nan, level, "question")
        return [none] * len(sizes), none
    by, resamples_of = resampled(values.shape[1], kept, resamples=resamples, seed=seed)
    if values.shape[1] == 1:
        mean = values[:, 0].mean(axis=0)
        alone = [Interval(float(v), math.nan, math.nan, level, by) for v in mean]
        change = float(slope_per_doubling(mean, sizes)) if len(sizes) > 1 else math.nan
        return alone, Interval(change, math.nan, math.nan, level, by)
    rng = np.random.default_rng([seed, len(values)])
    points = np.concatenate([_summary(values, weights, median, rng) for weights in resamples_of])  # (resamples, p)
    center = _summary(values, np.ones((1, values.shape[1])), median)[0]
    intervals = [_interval(float(c), points[:, i], level, by) for i, c in enumerate(center)]
    if len(sizes) < 2:
        return intervals, Interval(math.nan, math.nan, math.nan, level, by)
    slope = float(slope_per_doubling(center, sizes))
    return intervals, _interval(slope, slope_per_doubling(points, sizes), level, by)


def direction(change: Interval) -> Direction:
    """Return which way a figure goes, from its change per doubling: told only when the interval leaves zero out.

    >>> str(direction(Interval(0.02, 0.01, 0.03, 0.95, "question")))
    'rises'
    """
    if change.low > 0:
        return Direction.RISES
    return Direction.FALLS if change.high < 0 else Direction.UNCLEAR


def _summary(values: F64, weights: F64, median: bool, rng: np.random.Generator | None = None) -> F64:
    """Return the figure at each size for each weighing (b, q) of the questions; shape (b, p).

    `rng` weighs the draws of the samples anew for each; without it all weigh the same.
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


def _interval(value: float, drawn: F64, level: float, by: str) -> Interval:
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    # Rounding may put a bound of equal values a last place beyond them.
    if math.isclose(low, value, abs_tol=1e-12):
        low = value
    if math.isclose(high, value, abs_tol=1e-12):
        high = value
    return Interval(value, min(float(low), value), max(float(high), value), level, by)

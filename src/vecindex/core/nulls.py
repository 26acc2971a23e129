"""How sure a mean over questions is. Every function takes its seed; the same seed gives the same figure."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64

RESAMPLES = 2_000
LEVEL = 0.95
SEED = 20_260_101
MIN_CLUSTERS = 5
"""With fewer topics, resampling whole topics tells nothing; questions are resampled instead, and it is said."""
_BLOCK = 250


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its bootstrap percentile interval.

    Attributes
    ----------
    mean, low, high : of the questions; the bounds enclose the mean at `level`. NaN over no questions.
    by : what was resampled, "question" or "topic".
    """

    mean: float
    low: float
    high: float
    level: float
    by: str


def bootstrap_mean(
    values: npt.ArrayLike,
    groups: Sequence[Hashable] | None = None,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """Return the mean of the values with a percentile bootstrap interval (Efron 1979).

    Parameters
    ----------
    values : (q,) one figure a question.
    groups : (q,) the topic of each question: then whole topics are drawn with replacement, and the mean of a draw is
        that of all questions in it (cluster bootstrap, Field & Welsh 2007), so that questions of a topic, which fail
        together, do not make the interval too narrow. None for a topic makes the question a topic of its own. With
        fewer than 5 topics questions are drawn.
    level, resamples, seed : of the interval.

    Memory is 250 draws at a time. All values alike give an interval of no width, which says that the sample holds no
    spread, not that there is none.

    >>> bootstrap_mean([0.5, 0.5, 0.5])
    Interval(mean=0.5, low=0.5, high=0.5, level=0.95, by='question')
    """
    data = np.asarray(values, dtype=np.float64)
    if not len(data):
        return Interval(float("nan"), float("nan"), float("nan"), level, "question")
    by = "question"
    sums: F64 = data
    counts: F64 = np.ones(len(data))
    if groups is not None:
        cluster = _clusters(groups)
        if len(cluster) != len(data):
            raise ValueError(f"{len(cluster)} groups for {len(data)} values")
        if cluster.max() + 1 >= MIN_CLUSTERS:
            sums = np.asarray(np.bincount(cluster, weights=data), dtype=np.float64)
            counts = np.asarray(np.bincount(cluster), dtype=np.float64)
            by = "topic"
    means = _draws(sums, counts, resamples, np.random.default_rng(seed))
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    mean = float(data.mean())
    # Rounding may put a bound of equal values a last place beyond their mean.
    return Interval(mean, min(float(low), mean), max(float(high), mean), level, by)


def _draws(sums: F64, counts: F64, resamples: int, rng: np.random.Generator) -> F64:
    means = np.empty(resamples)
    for at in range(0, resamples, _BLOCK):
        size = min(_BLOCK, resamples - at)
        drawn = rng.integers(0, len(sums), (size, len(sums)))
        means[at : at + size] = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    return means


def _clusters(groups: Sequence[Hashable]) -> npt.NDArray[np.int64]:
    """Return the number of each question's topic, in order of appearance; each None is a topic of its own."""
    numbers: dict[Hashable, int] = {}
    return np.array(
        [numbers.setdefault(("alone", i) if g is None else ("topic", g), len(numbers)) for i, g in enumerate(groups)],
        dtype=np.int64,
    )

"""Paired differences of two tables, or two states of one: an interval, a test, and what they say."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.nulls import mean_of_differences, sign_flip_p
from vecindex.verbs.evaluate.result import Difference

ALPHA = 0.05
# Both ends of a normal test at 5 %, and 80 % of the differences beyond: 1.96 + 0.84.
_POWER = 2.8


def difference(one: F64, other: F64, seed: int) -> Difference:
    """Return how much more the other has than the one, question by question; `seed` is that of the sign-flip test.

    >>> difference(np.array([0.5, 0.0]), np.array([1.0, 0.0]), 0).mean
    0.25
    """
    values = other - one
    interval = mean_of_differences(values)
    # Rounding makes differences of what is equal.
    clear = np.where(np.abs(values) < 1e-12, 0.0, values)
    n = len(values)
    detectable = _POWER * float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
    return Difference(
        mean=interval.mean,
        low=interval.low,
        high=interval.high,
        p=sign_flip_p(clear, seed=seed),
        p_adjusted=math.nan,
        more=int((clear > 0).sum()),
        less=int((clear < 0).sum()),
        equal=int((clear == 0).sum()),
        detectable=detectable,
    )


def holm(values: Sequence[float]) -> list[float]:
    """Return p of several tests, adjusted so that 5 % is the chance that any of them errs (Holm 1979).

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(values)), key=lambda i: values[i])
    found, most = [0.0] * len(values), 0.0
    for rank, i in enumerate(order):
        most = max(most, min(1.0, (len(values) - rank) * values[i]))
        found[i] = most
    return found


def is_shown(found: Difference) -> bool:
    """Return whether a difference is shown: its interval excludes 0, and its adjusted p is below 5 %."""
    return (found.low > 0 or found.high < 0) and found.p_adjusted < ALPHA


def verdict(name: str, other: str, measure: str, means: Mapping[str, float], found: Difference) -> str:
    """Return in words which of two tables is better at a measure, or that it is not shown."""
    if math.isnan(found.low):
        both = f"{measure} {means[other]:.3f} and {means[name]:.3f}"
        return f"{other} and {name} have {both}: one question shows no interval."
    figures = (
        f"{measure} {means[other]:.3f} against {means[name]:.3f}, {found.mean:+.3f} "
        f"({found.low:+.3f} to {found.high:+.3f}), p {shown_p(found.p_adjusted)}"
    )
    if is_shown(found):
        return f"{other} finds {'more' if found.mean > 0 else 'less'} than {name}: {figures}."
    if found.more + found.less == 0:
        return f"{other} and {name} do not differ at any question ({measure} {means[name]:.3f})."
    return (
        f"No difference between {other} and {name} is shown: {figures}. So many questions would show one of "
        f"{found.detectable:.3f} in 80 % of cases."
    )


def shown_p(p: float) -> str:
    """Return a p-value.

    >>> shown_p(0.00009999), shown_p(0.0431), shown_p(0.5)
    ('below 0.001', '0.043', '0.500')
    """
    return "below 0.001" if p < 0.001 else f"{p:.3f}"

"""How figures are written. What is not a number is a dash; nothing is guessed."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from vecindex.messages import percent

NONE = "–"


def number(value: Any) -> float | None:
    """Return a value as a finite number, or None.

    >>> number(1), number(float("nan")), number(None), number("x"), number(True)
    (1.0, None, None, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def share(value: Any) -> str:
    """Return a share of 1 in percent, small ones with more digits.

    >>> share(0.55), share(0.0123), share(0.00002), share(0), share(None)
    ('55 %', '1.2 %', '0.0020 %', '0 %', '–')
    """
    found = number(value)
    if found is None:
        return NONE
    if found == 0 or found >= 0.095:
        return percent(found)
    return percent(found, 1 if abs(found) >= 0.001 else 4)


def figure(value: Any) -> str:
    """Return a number with three digits, a whole one as it is.

    >>> figure(0.12345), figure(264.0), figure(1234567), figure(0.000012), figure(None)
    ('0.123', '264', '1,234,567', '1.2e-05', '–')
    """
    found = number(value)
    if found is None:
        return NONE
    return f"{found:,.0f}" if found == round(found) or abs(found) >= 1_000 else f"{found:.3g}"


def distance(value: Any) -> str:
    """Return a distance with four digits.

    >>> distance(0.45021), distance(0.00123456), distance(12.34567), distance(None)
    ('0.4502', '0.001235', '12.35', '–')
    """
    found = number(value)
    return NONE if found is None else f"{found:#.4g}"


def count(value: Any) -> str:
    """Return a number without its fraction.

    >>> count(250000), count(19.9), count(None)
    ('250,000', '20', '–')
    """
    found = number(value)
    return NONE if found is None else f"{found:,.0f}"


def mean_of(interval: Mapping[str, Any] | None) -> float | None:
    """Return the mean of an interval; None where there is none."""
    return number((interval or {}).get("mean"))


def ends(interval: Mapping[str, Any] | None, show: Any = share) -> str:
    """Return an interval's ends.

    >>> ends({"mean": 0.5, "low": 0.41, "high": 0.6}), ends(None)
    ('41 % to 60 %', '–')
    """
    low, high = (number((interval or {}).get(end)) for end in ("low", "high"))
    return NONE if low is None or high is None else f"{show(low)} to {show(high)}"


def kept(overlap: Any, k: int) -> str:
    """Return how many of k an overlap is.

    >>> kept(0.6, 5), kept(1 / 3, 3), kept(None, 5)
    ('3/5', '1/3', '–')
    """
    found = number(overlap)
    return NONE if found is None else f"{round(found * k)}/{k}"


def spoken(name: str) -> str:
    """Return the name of a figure as words.

    >>> spoken("self_recall")
    'self recall'
    """
    return name.replace("_", " ")


FILTERS: dict[str, Any] = {
    "count": count,
    "distance": distance,
    "figure": figure,
    "share": share,
    "mean": mean_of,
    "ends": ends,
    "spoken": spoken,
}
"""The names under which templates use them."""


def time_text(days: float) -> str:
    """Return the time of day, given in days since 1970-01-01.

    >>> time_text(10_000.5)
    '12:00'
    """
    return date_text(days, 1.0).rpartition(" ")[2]


def date_text(days: float, span: float) -> str:
    """Return a date, given in days since 1970-01-01, as precisely as a scale of so many days needs it.

    >>> [date_text(10_000.5, span) for span in (9_000, 400, 30, 1)]
    ['1997', 'May 1997', '19 May 1997', '19 May 1997 12:00']
    """
    # What no calendar of Python's holds is shown as the first or the last day that it does.
    at = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=min(max(days, -719_162.0), 2_932_896.0))
    month = f"{at:%b} {at.year}"
    if span > 4 * 365:
        return str(at.year)
    if span > 120:
        return month
    return f"{at.day} {month}" if span > 3 else f"{at.day} {month} {at:%H:%M}"

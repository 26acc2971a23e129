"""From values to coordinates in a drawing, and the round values of an axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vecindex.messages import percent


def nice_step(width: float, count: int) -> float:
    """Return the smallest of 1, 2, 5 times a power of ten that needs at most `count` steps to pass `width`.

    >>> nice_step(1.0, 5), nice_step(0.37, 4), nice_step(230, 6)
    (0.2, 0.1, 50.0)
    """
    least = width / count
    power = 10.0 ** math.floor(math.log10(least))
    # With a tolerance: 0.2 / 0.1 must count as 2.
    step = next(s for s in (1, 2, 5, 10) if s * power >= least * (1 - 1e-9))
    return float(f"{step * power:.12g}")


def nice_ticks(low: float, high: float, count: int = 5) -> tuple[float, ...]:
    """Return round values, evenly spaced, the first at or below `low` and the last at or above `high`.

    Ends that are equal, or differ by less than a millionth, are moved apart, by half their size or by a half.

    >>> nice_ticks(0, 1)
    (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    >>> nice_ticks(0.31, 0.58, 4)
    (0.3, 0.4, 0.5, 0.6)
    >>> nice_ticks(7, 7)
    (2.0, 4.0, 6.0, 8.0, 10.0, 12.0)
    """
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        around = abs(low) / 2 or 0.5
        low, high = low - around, low + around
    step = nice_step(high - low, count)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(float(f"{i * step:.12g}") for i in range(first, last + 1))


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis: the values at its ends, and the marked ones.

    Attributes
    ----------
    low, high : low < high; both above 0 with `log`.
    ticks, show : the marked values, and their format.
    """

    label: str
    low: float
    high: float
    ticks: Sequence[float]
    show: Callable[[float], str]
    log: bool = False

    def position(self, value: float, start: float, end: float) -> float:
        """Return the coordinate of a value between two coordinates; values beyond the ends are clipped.

        >>> axis = Axis("", 0, 10, (), str)
        >>> axis.position(2.5, 100, 200), axis.position(2.5, 200, 100), axis.position(11, 100, 200)
        (125.0, 175.0, 200.0)
        >>> Axis("", 1, 100, (), str, log=True).position(10, 0, 50)
        25.0
        """
        low, high = self.low, self.high
        value = min(max(value, low), high)
        if self.log:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return start + (value - low) / (high - low) * (end - start)


def share_axis(label: str) -> Axis:
    """Return the axis of a share, 0 to 1."""
    return Axis(label, 0.0, 1.0, (0.0, 0.2, 0.4, 0.6, 0.8, 1.0), percent)


def nice_axis(label: str, low: float, high: float, count: int = 5) -> Axis:
    """Return an axis from one round value to another, all written with the same digits.

    >>> axis = nice_axis("", 0.31, 0.42, 3)
    >>> [axis.show(tick) for tick in axis.ticks]
    ['0.30', '0.35', '0.40', '0.45']
    """
    ticks = nice_ticks(low, high, count)
    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0]) + 1e-9))
    return Axis(label, ticks[0], ticks[-1], ticks, lambda value: f"{value:,.{digits}f}")


def log_axis(label: str, values: Sequence[float], show: Callable[[float], str]) -> Axis:
    """Return a logarithmic axis that marks exactly these values (above 0); a single one is in the middle.

    >>> axis = log_axis("k", [1, 10, 100], str)
    >>> axis.low, axis.high, round(log_axis("k", [5], str).position(5, 0, 1), 9)
    (1, 100, 0.5)
    """
    low, high = min(values), max(values)
    if low == high:
        return Axis(label, low / 2, high * 2, tuple(values), show, log=True)
    return Axis(label, low, high, tuple(sorted(values)), show, log=True)

"""Values of articles as the codes of a coloring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, Rows
from vecindex.core.picture import LEVELS, NO_COLOR, Coloring
from vecindex.core.texts.short import distinct

MOST_NAMES = 20
MOST_COLORS = 24
"""Categories whose colors differ on a page and in a picture."""
OTHER = "other"
_CUT = 0.01
# From this ratio of the 99th to the 1st percentile on, numbers above 0 may get a logarithmic scale.
_SKEWED = 50.0
# Their median then lies in this part of the linear scale.
_MIDDLE = 0.15


def categories(key: str, label: str, names: Sequence[str], which: Rows, *, most: int = MOST_NAMES) -> Coloring:
    """Return a coloring by categories: the most frequent ones, largest first, and "other" for what is left.

    Parameters
    ----------
    names : of all categories.
    which : (m,) index in `names`, -1 for none.
    most : names that are kept; equally frequent ones by name.

    >>> found = categories("field:kind", "kind", ["a", "b", "c"], np.array([1, 2, 1, -1, 0]), most=1)
    >>> found.names, found.counts, found.codes.tolist()
    (('b', 'other'), (2, 2), [0, 1, 0, 255, 1])
    """
    count = np.bincount(which[which >= 0], minlength=len(names))
    order = sorted((i for i in range(len(names)) if count[i]), key=lambda i: (-count[i], names[i]))
    # One value alone is no "other": it is shown itself.
    most += len(order) == most + 1 <= MOST_COLORS
    code_of = np.full(len(names) + 1, NO_COLOR, dtype=np.int64)
    code_of[order] = np.minimum(np.arange(len(order)), most)
    code_of[-1] = NO_COLOR
    codes = code_of[which].astype(np.uint8)
    kept = [names[i] for i in order[:most]]
    note, other, rest = None, None, None
    if len(order) > most:
        other = len(kept)
        kept = distinct([*kept, OTHER if OTHER not in kept else f"{OTHER} values"])
        name = kept[-1]
        rest = len(order) - most
        note = f"{name!r} is {rest:,} less frequent value{'' if rest == 1 else 's'}"
    counts = np.bincount(codes[codes != NO_COLOR], minlength=len(kept))
    counted = tuple(int(n) for n in counts)
    return Coloring(key, label, "category", codes, tuple(kept), counted, note=note, other=other, rest=rest)


def numbers(
    key: str,
    label: str,
    values: F64,
    *,
    scale: Literal["linear", "log"] | None = "linear",
    unit: Literal["date"] | None = None,
    whole: bool = False,
    note: str | None = None,
) -> Coloring | None:
    """Return a coloring by a number; None where no value is finite, or all are the same.

    The colors go from the 1st to the 99th percentile, so that a few far values do not make all others alike; the note
    says so where that cuts any. Where these are equal, from the lowest to the highest.

    Parameters
    ----------
    values : (m,), NaN for none.
    scale : "log" gives equal ratios equal steps; 0 and less get the lowest step then. None takes it for numbers from
        0 up of which most are small for their largest ones, and the note says so.
    unit, whole : see `Coloring`.

    >>> found = numbers("field:year", "year", np.array([2000.0, 2010.0, np.nan, 2005.0]))
    >>> found.codes.tolist(), round(found.low, 1), round(found.high, 1)
    ([0, 254, 255, 127], 2000.1, 2009.9)
    """
    there = np.isfinite(values)
    known = values[there]
    if not len(known) or known.min() == known.max():
        return None
    if scale is None:
        scale = "log" if is_skewed(known) else "linear"
        if scale == "log":
            about = "on a logarithmic scale" + ("; 0 has the lowest color" if known.min() == 0 else "")
            note = about if note is None else f"{note}; {about}"
    ranged = known[known > 0] if scale == "log" else known
    low, high = (float(v) for v in np.quantile(ranged, [_CUT, 1 - _CUT]))
    if low == high:
        low, high = float(ranged.min()), float(ranged.max())
    beyond = int(((ranged < low) | (ranged > high)).sum())
    if beyond:
        ends = "colors end at the 1st and the 99th percentile"
        note = ends if note is None else f"{note}; {ends}"
    whole |= unit == "date" and _are_days(known)
    log = scale == "log"
    at = np.log(np.maximum(known, low) / low) / np.log(high / low) if log else (known - low) / (high - low)
    codes = np.full(len(values), NO_COLOR, dtype=np.uint8)
    codes[there] = np.rint(np.clip(at, 0, 1) * LEVELS)
    return Coloring(key, label, "number", codes, low=low, high=high, scale=scale, note=note, unit=unit, whole=whole)


def unclear_steps(made: Coloring, values: F64, stored: npt.DTypeLike = np.float64) -> tuple[int, ...]:
    """Return the steps f of which a comparison of the values does not find those from f on, by what rounding leaves.

    The page compares with the number half a step below f, as 64-bit floats give it: >= where f is even, > where it is
    odd, for halves were rounded to the even step.

    Parameters
    ----------
    made : a coloring by `numbers` of these values.
    values : (m,), NaN for none.
    stored : what the column holds, to which a number is converted before it is compared.

    >>> values = np.array([0.0, 0.3, 0.6, 3 * 0.1, 25.4])
    >>> made = Coloring("field:it", "it", "number", np.array([0, 3, 6, 4, 254], dtype=np.uint8), low=0.0, high=25.4)
    >>> unclear_steps(made, values)
    (4,)
    """
    there = made.codes != NO_COLOR
    known, steps = np.sort(values[there]), np.arange(1, LEVELS + 1)
    from_step = np.cumsum(np.bincount(made.codes[there], minlength=LEVELS + 1)[::-1])[::-1][1:]
    low, high = made.low, made.high
    if made.scale == "log":
        # A power may differ in its last bit from the page's.
        ends = [low * (high / low) ** ((steps - 0.5) / LEVELS) * (1 + by) for by in (-1e-15, 0.0, 1e-15)]
    else:
        ends = [low + ((high - low) * (steps - 0.5)) / LEVELS]
    unclear = np.zeros(LEVELS, dtype=bool)
    for end in ends:
        if made.whole:
            least = np.where(steps % 2, np.floor(end) + 1, np.ceil(end))
            before = np.searchsorted(known, least, side="left")
        else:
            number = end.astype(stored).astype(np.float64)
            sides = [np.searchsorted(known, number, side=side) for side in ("left", "right")]
            before = np.where(steps % 2, sides[1], sides[0])
        unclear |= len(known) - before != from_step
    return tuple(steps[unclear].tolist())


def _are_days(known: F64) -> bool:
    """Return whether dates are days: none has a time, and not all are the first of a month, as months are.

    >>> _are_days(np.array([1.0, 31.0])), _are_days(np.array([0.0, 31.0])), _are_days(np.array([1.0, 1.5]))
    (True, False, False)
    """
    if (known != np.floor(known)).any():
        return False
    days = known.astype("datetime64[D]")
    return bool((days != days.astype("datetime64[M]")).any())


def is_skewed(known: F64) -> bool:
    """Return whether numbers are best seen on a logarithmic scale.

    All are from 0 up, the 99th percentile of those above 0 is 50 times the 1st or more, and their median lies in the
    lowest 15 % of what is between.

    >>> is_skewed(np.array([0, 1, 1, 2, 3, 5, 8, 20, 400.0])), is_skewed(np.arange(1.0, 1000.0))
    (True, False)
    """
    above = known[known > 0]
    if known.min() < 0 or not len(above):
        return False
    low, middle, high = np.quantile(above, [_CUT, 0.5, 1 - _CUT])
    return bool(high >= _SKEWED * low and (middle - low) <= _MIDDLE * (high - low))


def flags(key: str, label: str, values: npt.NDArray[np.int64], names: tuple[str, str]) -> Coloring | None:
    """Return a coloring by yes (1) and no (0), -1 for unknown, named in this order; None where all are unknown."""
    if not (values >= 0).any():
        return None
    codes = np.where(values < 0, NO_COLOR, 1 - values).astype(np.uint8)
    counts = (int((values == 1).sum()), int((values == 0).sum()))
    return Coloring(key, label, "category", codes, names, counts, renamed=(0, 1))

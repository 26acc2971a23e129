"""Values of articles as the codes of a coloring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, Rows
from vecindex.core.picture import LEVELS, NO_COLOR, Coloring

MOST_NAMES = 20
OTHER = "other"
_CUT = 0.01


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
    code_of = np.full(len(names) + 1, NO_COLOR, dtype=np.int64)
    code_of[order] = np.minimum(np.arange(len(order)), most)
    code_of[-1] = NO_COLOR
    codes = code_of[which].astype(np.uint8)
    kept = [names[i] for i in order[:most]]
    note = None
    if len(order) > most:
        kept.append(OTHER)
        note = f"{len(order) - most:,} less frequent values are {OTHER!r}"
    counts = np.bincount(codes[codes != NO_COLOR], minlength=len(kept))
    return Coloring(key, label, "category", codes, tuple(kept), tuple(int(n) for n in counts), note=note)


def numbers(
    key: str, label: str, values: F64, *, scale: Literal["linear", "log"] = "linear", note: str | None = None
) -> Coloring | None:
    """Return a coloring by a number; None where no value is finite, or all are the same.

    The colors go from the 1st to the 99th percentile, so that a few far values do not make all others alike; the note
    says so where that cuts any. Where these are equal, from the lowest to the highest.

    Parameters
    ----------
    values : (m,), NaN for none.
    scale : "log" gives equal ratios equal steps; values must be above 0.

    >>> found = numbers("field:year", "year", np.array([2000.0, 2010.0, np.nan, 2005.0]))
    >>> found.codes.tolist(), round(found.low, 1), round(found.high, 1)
    ([0, 254, 255, 127], 2000.1, 2009.9)
    """
    there = np.isfinite(values)
    known = values[there]
    if not len(known) or known.min() == known.max():
        return None
    low, high = (float(v) for v in np.quantile(known, [_CUT, 1 - _CUT]))
    if low == high:
        low, high = float(known.min()), float(known.max())
    beyond = int(((known < low) | (known > high)).sum())
    if beyond:
        ends = "colors end at the 1st and the 99th percentile"
        note = ends if note is None else f"{note}; {ends}"
    at = np.log(known / low) / np.log(high / low) if scale == "log" else (known - low) / (high - low)
    codes = np.full(len(values), NO_COLOR, dtype=np.uint8)
    codes[there] = np.rint(np.clip(at, 0, 1) * LEVELS)
    return Coloring(key, label, "number", codes, low=low, high=high, scale=scale, note=note)


def flags(key: str, label: str, values: npt.NDArray[np.int64], names: tuple[str, str]) -> Coloring | None:
    """Return a coloring by yes (1) and no (0), -1 for unknown, named in this order; None where all are unknown."""
    if not (values >= 0).any():
        return None
    codes = np.where(values < 0, NO_COLOR, 1 - values).astype(np.uint8)
    counts = (int((values == 1).sum()), int((values == 0).sum()))
    return Coloring(key, label, "category", codes, names, counts)

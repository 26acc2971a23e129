"""Which type of index suits a table, with the reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from vecindex.core.indexes.recall import FEW_ROWS
from vecindex.errors import ConfigError
from vecindex.messages import counted, option, text

LEAST_ROWS = 256
"""Product quantization learns so many codes from the rows, and a recall is that of a real choice."""
MEMORY_SHARE = 0.25
"""What an index may take of the memory that is available, so that searches find it there."""
_DIMENSION_STEP = 8
"""LanceDB makes IVF_RQ of dimensions that this divides."""
_VALUES_PER_CODE = 4
# Bytes of a row in the files of an index, as measured; see docs/adr/0022-an-index-for-search.md.
_BYTES: dict[str, Callable[[int], float]] = {
    "IVF_SQ": lambda d: d + 4,
    "IVF_RQ": lambda d: 0.625 * d + 40,
    "IVF_PQ": lambda d: _codes(d) + 8,
    "IVF_HNSW_SQ": lambda d: d + 184,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """An index to be made.

    Attributes
    ----------
    reason : why this type, in words.
    partitions : lists that the rows are divided into, by the nearest of as many centers.
    sub_vectors : codes of a vector in IVF_PQ; None otherwise.
    """

    type: str
    reason: str
    partitions: int
    sub_vectors: int | None


def choose(rows: int, dimension: int, available_bytes: int, asked: str | None, where: str) -> Choice:
    """Return which index to make of so many vectors.

    The quickest to make is taken that fits into a quarter of the available memory: IVF_SQ keeps 8 bits a value,
    IVF_RQ 5, IVF_PQ 2. Raises ConfigError where an index would be of no use, and no type was asked for, or cannot be
    made.
    """
    _check_rows(rows, asked, where)
    if asked is not None:
        _check_type(asked, dimension)
        kind, reason = asked, "as asked"
    else:
        kind, reason = _by_memory(rows, dimension, available_bytes)
    return Choice(kind, reason, partitions_of(kind, rows), _codes(dimension) if kind == "IVF_PQ" else None)


def _check_rows(rows: int, asked: str | None, where: str) -> None:
    if rows < LEAST_ROWS:
        raise ConfigError(
            f"{where} has {counted(rows, 'row')}; an index needs {LEAST_ROWS} at least.",
            "An exact search of so few takes no time.",
        )
    if asked is None and rows < FEW_ROWS:
        raise ConfigError(
            f"{where} has {counted(rows, 'row')}, so an exact search is quick; an index pays from {FEW_ROWS:,} on.",
            text("To make one all the same, name its type: ", option("type", "IVF_SQ")),
        )


def _check_type(kind: str, dimension: int) -> None:
    if kind == "IVF_RQ" and dimension % _DIMENSION_STEP:
        raise ConfigError(
            f"IVF_RQ needs vectors whose length {_DIMENSION_STEP} divides, found {dimension} values.",
            text("Take another type: ", option("type", "IVF_SQ")),
        )


def _by_memory(rows: int, dimension: int, available_bytes: int) -> tuple[str, str]:
    allowed = MEMORY_SHARE * available_bytes
    too_large = ""
    for kind, bits in (("IVF_SQ", 8), ("IVF_RQ", 5), ("IVF_PQ", 2)):
        if kind == "IVF_RQ" and dimension % _DIMENSION_STEP:
            continue
        needed = rows * _BYTES[kind](dimension)
        figures = f"{bits} bits a value, about {_size(needed)}"
        if needed <= allowed:
            fits = f"a quarter of the available memory ({_size(allowed)})"
            why = f"{too_large} would not fit into {fits}" if too_large else f"quickest to make, fits into {fits}"
            return kind, f"{figures}; {why}"
        too_large = kind
    return kind, f"{figures}; the smallest, though more than a quarter of the available memory ({_size(allowed)})"


def partitions_of(kind: str, rows: int) -> int:
    """Return into how many lists so many rows are divided: the square root of their number.

    LanceDB makes no more of an IVF_PQ than leave each 256 rows.

    >>> partitions_of("IVF_SQ", 10_000), partitions_of("IVF_PQ", 10_000)
    (100, 39)
    """
    lists = max(1, round(math.sqrt(rows)))
    return max(1, min(lists, rows // LEAST_ROWS)) if kind == "IVF_PQ" else lists


def index_bytes(kind: str, rows: int, dimension: int) -> float:
    """Return about how large an index will be."""
    return rows * _BYTES[kind](dimension)


def _codes(dimension: int) -> int:
    """Return how many codes a vector gets: the largest divisor of its length that leaves 4 values a code or more.

    >>> _codes(384), _codes(30), _codes(7)
    (96, 6, 1)
    """
    most = max(1, dimension // _VALUES_PER_CODE)
    return next(codes for codes in range(most, 0, -1) if dimension % codes == 0)


def _size(n: float) -> str:
    return f"{n / 1e9:,.1f} GB" if n >= 1e9 else f"{n / 1e6:,.0f} MB"

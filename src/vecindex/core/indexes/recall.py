"""What an approximate search finds of what an exact one does, measured for several settings."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Self

from vecindex.core.neighbors import NO_ROW, Neighbors

K = 10
"""The neighbors of each query whose recall is measured."""
DEFAULT_RECALL = 0.95
"""What an approximate search is set up for, unless another recall is asked for."""
FEW_ROWS = 20_000
"""Below these an exact search takes some hundredths of a second, and an index is of no use."""
TIED = 1e-6
"""Distances closer than this are equal: float32 sums in another order differ by as much."""


# CPU seconds of making an IVF_SQ index, for each value of a vector, and of measuring it; see docs/performance.md.
_BUILD_S = 8e-8
_MEASURE_S = 35


def build_cpu_s(rows: int, dimension: int) -> float:
    """Return about how many CPU seconds making and measuring an index takes."""
    return _BUILD_S * rows * dimension + _MEASURE_S


@dataclass(frozen=True, slots=True)
class Probe:
    """How an index is searched.

    Attributes
    ----------
    nprobes : partitions that are searched; with a condition at least so many, and more for enough rows that meet it.
    refine : so many times the wanted rows are compared by their stored vectors.
    """

    nprobes: int
    refine: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What a setting gives.

    Attributes
    ----------
    recall : of held-out rows, mean share of the K nearest that are found, 0 to 1, higher is better.
    recall_questions : the same of stored questions; None without any.
    cpu_ms : CPU milliseconds of a query.
    """

    nprobes: int
    refine: int
    recall: float
    recall_questions: float | None
    cpu_ms: float

    @property
    def expected(self) -> float:
        """What to expect: the lower of the two."""
        return self.recall if self.recall_questions is None else min(self.recall, self.recall_questions)

    @property
    def probe(self) -> Probe:
        """The setting."""
        return Probe(self.nprobes, self.refine)


@dataclass(frozen=True, slots=True)
class Curve:
    """Recall and cost over settings, at least one.

    Attributes
    ----------
    k : neighbors of each query.
    rows : of the table when it was measured.
    queries, questions : how many rows, and how many stored questions, were searched for.
    """

    k: int
    rows: int
    queries: int
    questions: int
    points: tuple[Measured, ...]

    def cheapest(self, recall: float) -> Measured | None:
        """Return the setting of the least cost that reaches a recall; None where none does.

        Of equal costs the higher recall.
        """
        reaching = [point for point in self.points if point.expected >= recall]
        return min(reaching, key=lambda point: (point.cpu_ms, -point.expected), default=None)

    @property
    def best(self) -> Measured:
        """The setting of the highest recall, of equal ones the cheapest."""
        return max(self.points, key=lambda point: (point.expected, -point.cpu_ms))

    @property
    def frontier(self) -> tuple[Measured, ...]:
        """The settings that no other one beats in recall at the same or a lower cost, cheapest first."""
        kept: list[Measured] = []
        for point in sorted(self.points, key=lambda point: (point.cpu_ms, -point.expected)):
            if not kept or point.expected > kept[-1].expected:
                kept.append(point)
        return tuple(kept)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `serialize.plain` made a mapping of. Raises KeyError, TypeError or ValueError for another."""
        points = tuple(
            Measured(
                int(one["nprobes"]),
                int(one["refine"]),
                float(one["recall"]),
                None if one["recall_questions"] is None else float(one["recall_questions"]),
                float(one["cpu_ms"]),
            )
            for one in stored["points"]
        )
        if not points:
            raise ValueError("a curve without points")
        return cls(int(stored["k"]), int(stored["rows"]), int(stored["queries"]), int(stored["questions"]), points)


@dataclass(frozen=True, slots=True)
class AboutIndex:
    """What is kept with the provenance about an index, and so follows the version and the tags of the table.

    Attributes
    ----------
    type, partitions : how it was made; `rows` of how many rows.
    made_by : a digest of what made the vectors.
    made_at : in UTC, ISO 8601.
    cpu_s, exact_ms : CPU seconds of making and measuring it, and milliseconds of an exact search of one query.
    curve : what it finds, by its settings.
    last_txn : the last transaction of the table when it was measured; -1 where that is not known.
    """

    type: str
    partitions: int
    rows: int
    made_by: str
    made_at: str
    cpu_s: float
    exact_ms: float
    curve: Curve
    last_txn: int = -1

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return what `serialize.plain` made a mapping of. Raises KeyError, TypeError or ValueError for another."""
        return cls(
            str(stored["type"]),
            int(stored["partitions"]),
            int(stored["rows"]),
            str(stored["made_by"]),
            str(stored["made_at"]),
            float(stored["cpu_s"]),
            float(stored["exact_ms"]),
            Curve.from_dict(stored["curve"]),
            int(stored.get("last_txn", -1)),
        )


def is_about_index(value: dict[str, Any]) -> bool:
    """Return whether a value is of the form that is stored."""
    try:
        AboutIndex.from_dict(value)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return True


def right_answers(exact: Neighbors, k: int) -> list[set[int]]:
    """Return for each query the rows that count as its k nearest: those up to the distance of the k-th.

    `exact` has more than k of each, so that rows tied with the k-th are among them.

    >>> import numpy as np
    >>> exact = Neighbors(np.array([[4, 7, 9, 2]]), np.array([[0.1, 0.2, 0.2, 0.5]]))
    >>> right_answers(exact, 2)
    [{9, 4, 7}]
    """
    found: list[set[int]] = []
    for rows, dist in zip(exact.rows, exact.dist, strict=True):
        there = int((rows != NO_ROW).sum())
        if not there:
            found.append(set())
            continue
        bar = dist[min(k, there) - 1] + TIED
        found.append({int(row) for row, d in zip(rows[:there], dist[:there], strict=True) if d <= bar})
    return found


def recall(found: Sequence[Sequence[Hashable]], right: Sequence[Set[Any]], k: int) -> float:
    """Return the mean over the queries of the share of the k nearest that was found, 0 to 1, higher is better.

    Of a query with fewer than k right answers these are all. Queries without any are left out; 1 where all are.

    Two of the two nearest, then one of them:

    >>> recall([[4, 9], [1, 5]], [{4, 7, 9}, {1, 2}], 2)
    0.75
    """
    shares = [
        len(answers & set(rows[:k])) / min(k, len(answers))
        for rows, answers in zip(found, right, strict=True)
        if answers
    ]
    return sum(shares) / len(shares) if shares else 1.0

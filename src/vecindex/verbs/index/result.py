"""What `index` did and measured, as plain frozen values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from vecindex.core.indexes.recall import AboutIndex, Curve, Measured
from vecindex.notebook import shown_table
from vecindex.serialize import Result


@dataclass(frozen=True, slots=True)
class IndexReport(Result):
    """What was done to the index of the vectors.

    Attributes
    ----------
    action : "made", "measured" or "dropped".
    type, reason, partitions : of the index, and why this type; None where it was dropped.
    rows : of the table; `rows_indexed` those that the index holds.
    index_bytes : of its files.
    seconds, cpu_s : of making it; 0 where it was there.
    measured_s, measured_cpu_s : of measuring it.
    exact_ms : CPU milliseconds of an exact search of one query.
    curve : what it finds, by its settings.
    pays_after : searches after which making and measuring it has taken less than they save; None where they save
        nothing.
    """

    table: str
    action: str
    rows: int
    type: str | None = None
    reason: str | None = None
    partitions: int | None = None
    rows_indexed: int = 0
    index_bytes: int = 0
    seconds: float = 0.0
    cpu_s: float = 0.0
    measured_s: float = 0.0
    measured_cpu_s: float = 0.0
    exact_ms: float | None = None
    curve: Curve | None = None
    pays_after: int | None = None

    def _repr_html_(self) -> str:
        """Return the curve as a table, for notebooks."""
        if self.curve is None:
            return shown_table([], [["index", self.action]], title=self.table)
        head = ["nprobes", "refine", f"recall@{self.curve.k}", "of questions", "CPU ms"]
        rows: list[list[object]] = [
            [
                one.nprobes,
                one.refine,
                f"{one.recall:.3f}",
                "" if one.recall_questions is None else f"{one.recall_questions:.3f}",
                f"{one.cpu_ms:.1f}",
            ]
            for one in self.curve.frontier
        ]
        return shown_table(head, rows, title=f"{self.table}: {self.type}")


def pays_after(about: AboutIndex, chosen: Measured | None) -> int | None:
    """Return after how many searches an index has cost less CPU than exact ones; None where it never has.

    >>> curve = Curve(10, 1000, 500, 0, (Measured(8, 1, 0.96, None, 5.0),))
    >>> pays_after(AboutIndex("IVF_SQ", 32, 1000, "", "", 10.0, 105.0, curve), curve.points[0])
    100
    """
    if chosen is None or chosen.cpu_ms >= about.exact_ms:
        return None
    return math.ceil(1_000 * about.cpu_s / (about.exact_ms - chosen.cpu_ms))

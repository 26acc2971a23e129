"""What an ingest did."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from vecindex.messages import Message
from vecindex.notebook import shown_table
from vecindex.serialize import Result, Spell, plain
from vecindex.types import Estimate


@dataclass(slots=True)
class Seconds:
    """Busy time of each part of a run, in seconds. Parts overlap, so the sum may exceed the wall time."""

    loading: float = 0.0
    """Loading the model and checking its precision."""
    reading: float = 0.0
    tokenizing: float = 0.0
    model: float = 0.0
    commit: float = 0.0
    maintenance: float = 0.0
    wall: float = 0.0

    @contextmanager
    def measured(self, part: str) -> Iterator[None]:
        """Add the time of the block to a part."""
        mark = time.perf_counter()
        try:
            yield
        finally:
            setattr(self, part, getattr(self, part) + time.perf_counter() - mark)


@dataclass(frozen=True, slots=True)
class Taken:
    """Which fields of a source are taken for what; `sources` counts those that have the same."""

    source: str
    sources: int
    id: str | None
    """None where ids are made of the contents."""
    text: str | None
    title: str | None
    vector: str | None
    kept: list[str]
    """The other fields that are kept."""
    left_out: list[str]
    """Those that are not, as this run or an earlier one chose, or for they look like embeddings."""


@dataclass(frozen=True, slots=True)
class LeftOutSource:
    """A source that is not read, and why."""

    source: str
    reason: Message
    hint: Message | None


@dataclass(slots=True)
class IngestReport(Result):
    """What a run of `ingest` did, or after a dry run would do. Counts are input rows unless they say vectors.

    Of a complete run `read` is the sum of `added`, `changed`, `skipped`, `rejected`, `older`, `deleted` and
    `left_out`.
    """

    table: str
    read: int = 0
    added: int = 0
    changed: int = 0
    skipped: int = 0
    rejected: int = 0
    older: int = 0
    """Rows left out because the table has a newer version, or this run met one."""
    deleted: int = 0
    """Rows that said that their id is deleted, and hold."""
    left_out: int = 0
    """Rows that are sound and no articles, such as redirects."""
    pruned: int = 0
    missing: int = 0
    """Rows of the table that the sources no longer hold (kept, unless pruned); 0 after a drop of changes."""
    vectors: int = 0
    repeated: int = 0
    """Vectors that were taken from an equal text of the same run, and not made."""
    truncated: int = 0
    unknown: int = 0
    """Texts of whose tokens the model does not know a quarter or more."""
    tokens: int = 0
    transactions: int = 0
    interrupted: bool = False
    reject_reasons: dict[str, int] = field(default_factory=dict)
    left_out_reasons: dict[str, int] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    sources_left_out: list[LeftOutSource] = field(default_factory=list)
    seconds: Seconds = field(default_factory=Seconds)
    device: str = ""
    precision: str = ""
    precision_cosine: float | None = None
    """Lowest cosine between the vectors of this precision and those of full precision, on the first texts."""
    batch_tokens: int = 0
    rows_in_table: int = 0
    estimate: Estimate | None = None
    """The estimate before the run; None where nothing was to be embedded."""

    def count_reject(self, reason: str) -> None:
        """Count a rejected row under the kind of its reason: what stands before its first detail.

        A reason that begins with the part of the row that is wrong ("vector: missing") is "unusable vector".
        """
        kind = re.split(r"[:,]| at (?:byte|character) ", reason)[0]
        if reason.startswith(f"{kind}:") and " " not in kind:
            kind = f"unusable {kind}"
        self.rejected += 1
        self.reject_reasons[kind] = self.reject_reasons.get(kind, 0) + 1

    def count_left_out(self, reason: str) -> None:
        """Count a row that is no article under its reason."""
        self.left_out += 1
        self.left_out_reasons[reason] = self.left_out_reasons.get(reason, 0) + 1

    @property
    def unaccounted(self) -> int:
        """Rows that were read and are in no other count: 0, unless the run ended before its end."""
        counted = self.added + self.changed + self.skipped + self.rejected + self.older + self.deleted + self.left_out
        return self.read - counted

    @property
    def is_whole(self) -> bool:
        """Whether all that the sources hold was good: no row rejected, no source left out."""
        return not (self.rejected or self.sources_left_out)

    @property
    def texts_per_s(self) -> float | None:
        """Vectors made, over the time that the model was busy; None when none were made."""
        made = self.vectors - self.repeated
        return made / self.seconds.model if made and self.seconds.model else None

    def to_dict(self, spell: Spell = str) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {**plain(self, spell), "texts_per_s": self.texts_per_s}

    def _repr_html_(self) -> str:
        """Return a table, for notebooks."""
        counts = ["read", "added", "changed", "skipped", "rejected", "older", "deleted", "left_out"]
        counts += ["pruned", "missing", "truncated"]
        rows: list[list[object]] = [[name.replace("_", " "), f"{getattr(self, name):,}"] for name in counts]
        rows += [[f"rejected: {reason}", f"{count:,}"] for reason, count in self.reject_reasons.items()]
        rows.append(["rows in the table", f"{self.rows_in_table:,}"])
        if self.texts_per_s:
            rows.append(["texts/s", f"{self.texts_per_s:.1f} on {self.device} in {self.precision}"])
        return shown_table([], rows, title=self.table + (" (stopped before its end)" if self.interrupted else ""))

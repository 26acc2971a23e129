"""The values that pass between layers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any, ClassVar, Protocol, Self

from vecindex.messages import Message
from vecindex.serialize import Result


class ArrowStream(Protocol):
    """Data that hands out an Arrow stream: pyarrow tables, frames of pandas and polars, relations of DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return a PyCapsule of an ArrowArrayStream."""
        ...


class ArrowArray(Protocol):
    """Data that hands out one Arrow array of structs, such as a record batch."""

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        """Return the PyCapsules of an ArrowSchema and an ArrowArray."""
        ...


SourceData = str | PathLike[str] | ArrowStream | ArrowArray | Iterable[Mapping[str, Any] | ArrowArray]
"""What can be ingested: a path, a glob, a URL or "-"; Arrow data; or an iterable of dicts."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """An input row that was left out: its location, why, and enough of it to recognize it."""

    json_names: ClassVar[Mapping[str, str]] = {"location": "place"}

    location: str
    reason: str
    id: str | None = None
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Chunking:
    """How articles are divided: tokens per chunk, and tokens that neighbouring chunks share."""

    tokens: int
    overlap: int

    def __str__(self) -> str:
        length = f"{self.tokens} tokens" if self.tokens else "as many tokens as the model reads"
        return f"chunks of {length}, {self.overlap} shared"


FIRST_VALUES = "+First({})"
"""Ends the pooling of vectors of which only the first values are kept."""


@dataclass(frozen=True, slots=True)
class Fingerprint(Result):
    """Everything that determines a vector, given its text. Two vectors may be compared iff theirs are equal.

    The precision of the arithmetic is not part of it: every precision that vecindex uses has been checked to
    give the vectors of full precision to within a cosine of 0.999.
    """

    model: str
    weights: str
    """SHA-256 of the weights, or "unknown" for precomputed vectors that were taken unverified."""
    revision: str | None
    dimension: int
    pooling: str
    prompt: str
    max_tokens: int
    text_template: str | None
    chunking: Chunking | None
    normalized: bool = True

    @property
    def dimensions(self) -> int | None:
        """How many values of the model's vectors were kept; None for all."""
        return self.dimension if self.pooling.endswith(FIRST_VALUES.format(self.dimension)) else None

    def differences(self, other: Self) -> list[tuple[str, str, str]]:
        """Return (what, value here, value there) for each field that would make the vectors differ.

        Equal weights make the model's name and revision irrelevant: a hub name, a folder and a package may
        hold the same model.
        """
        found = []
        same_weights = self.weights == other.weights != "unknown"
        for item in dataclasses.fields(self):
            here, there = getattr(self, item.name), getattr(other, item.name)
            if item.name in ("model", "revision") and same_weights:
                continue
            if here != there:
                found.append((item.name, str(here), str(there)))
        return found

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Rebuild from `to_dict`'s values."""
        chunking = values.get("chunking")
        return cls(**{**values, "chunking": Chunking(**chunking) if chunking else None})


@dataclass(frozen=True, slots=True)
class Basis:
    """What the estimate of a dry run rests on.

    Attributes
    ----------
    sampled_rows : rows that were read for it; None where all were, and the counts are exact.
    probed_texts : texts that were embedded for the rate.
    beginnings : names of sources of which only the beginning was read.
    remembered : when an earlier run measured the rate on this machine, ISO 8601; None where this one did.
    """

    sampled_rows: int | None
    probed_texts: int
    beginnings: list[str]
    remembered: str | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run will cost, reported before it starts.

    Attributes
    ----------
    rows : rows to embed, or None when the source does not know; exact after a dry run that read all rows, by a
        sample after another, else a guess that takes all rows for new ones.
    texts_per_s : rate of a short probe; None when nothing is to be embedded.
    seconds : of the model for all rows; after a dry run those of the whole run, loading and reading included.
    disk_bytes, free_bytes : bytes that the new rows will take, and those free where the database lies.
    basis : what it rests on after a dry run, else None.
    unknown_frac : after a dry run, the share of the sample's tokens that the model does not know; else None.
    """

    rows: int | None
    exact: bool
    texts_per_s: float | None
    seconds: float | None
    disk_bytes: int | None
    free_bytes: int | None
    device: str
    precision: str
    precision_cosine: float | None
    basis: Basis | None = None
    unknown_frac: float | None = None


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a map will cost, reported before it is begun; and what it took, once that is known.

    Attributes
    ----------
    seconds, low_s, high_s : expected wall time, and the range in which most runs end.
    stages : the expected seconds of each stage.
    memory_bytes : of the whole process at its peak; `available_bytes` are those that it may take.
    probe_s : seconds that the forecast took.
    took_s, took_bytes : the same of the run; None before it has ended, and where the process held more before.
    """

    seconds: float
    low_s: float
    high_s: float
    stages: Mapping[str, float]
    memory_bytes: int
    available_bytes: int
    probe_s: float
    took_s: float | None = None
    took_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. `rows` counts input rows that are done, of `total` if that is known.

    `in_flight` are the texts of the transaction at work that the model has still to read.
    """

    rows: int
    total: int | None
    embedded: int
    texts_per_s: float
    batch_tokens: int
    device: str
    precision: str
    in_flight: int = 0


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a run that goes through stages stands: the stage's name, and how much of it is done, in its own unit."""

    name: str
    done: float
    total: float | None


class Observer(Protocol):
    """What a long run reports while it goes on. Its methods are called from several threads.

    A class may derive from it to do nothing in those that it leaves out.
    """

    def estimate(self, estimate: Estimate) -> None:
        """Take the estimate, once, before the first row is embedded."""
        return

    def forecast(self, forecast: Forecast) -> None:
        """Take the forecast of a map, once, before it is begun."""
        return

    def progress(self, progress: Progress) -> None:
        """Take the state of the run, after each batch."""
        return

    def stage(self, stage: Stage) -> None:
        """Take the state of a stage, now and then while it goes on; the first time when it begins (done = 0)."""
        return

    def notice(self, message: Message) -> None:
        """Take a line that the user should see."""
        return

    def warning(self, message: Message) -> None:
        """Take a line that the user must see; a notice where that makes no difference."""
        self.notice(message)


class Silent(Observer):
    """An observer that looks away."""

"""The values that pass between layers."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from math import inf
from typing import Any, Protocol, Self

from vecindex.messages import Message
from vecindex.notebook import given, shown_table
from vecindex.serialize import Result

_ANSWERS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Rejected:
    """An input row that was left out: its location, why, and enough of it to recognise it."""

    place: str
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
class Estimate:
    """What a run will cost, reported before it starts.

    Attributes
    ----------
    rows : rows to embed, or None when the source does not know; exact after a dry run, else a guess that takes
        all rows for new ones.
    texts_per_s : rate of a short probe on the first texts; None when nothing is to be embedded.
    seconds : rows / rate.
    disk_bytes, free_bytes : bytes that the new rows will take, and those free where the database lies.
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


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands. `rows` counts input rows that are done, of `total` if that is known."""

    rows: int
    total: int | None
    embedded: int
    texts_per_s: float
    batch_tokens: int
    device: str
    precision: str


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a run that goes through stages stands: the stage's name, and how much of it is done, in its own unit."""

    name: str
    done: float
    total: float | None


class Observer(Protocol):
    """What a long run reports while it goes on. Its methods are called from several threads."""

    def estimate(self, estimate: Estimate) -> None:
        """Take the estimate, once, before the first row is embedded."""
        ...

    def progress(self, progress: Progress) -> None:
        """Take the state of the run, after each batch."""
        ...

    def stage(self, stage: Stage) -> None:
        """Take the state of a stage, now and then while it goes on; the first time when it begins (done = 0)."""
        ...

    def notice(self, message: Message) -> None:
        """Take a line that the user should see."""
        ...


class Silent:
    """An observer that looks away."""

    def estimate(self, estimate: Estimate) -> None:
        """Ignore it."""

    def progress(self, progress: Progress) -> None:
        """Ignore it."""

    def stage(self, stage: Stage) -> None:
        """Ignore it."""

    def notice(self, message: Message) -> None:
        """Ignore it."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that a search found.

    Attributes
    ----------
    rank : 1 for the best.
    id, article_id : the row's id and its article's; the same unless the table holds chunks.
    text : the beginning of the text on one line, the whole text, or None, as the search was asked.
    dist : cosine distance 1 - cos to the query, 0 to 2, lower is closer; None for a row found only by its words.
    relevance : of a hybrid search, higher is better: the sum of 1 / (60 + rank) over its ranks by vector and by
        words; else None.
    fields : the user's own columns.
    """

    rank: int
    id: str
    article_id: str
    title: str | None
    text: str | None
    dist: float | None
    relevance: float | None
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The hits for one query, best first. `id` is the query's id in its file, or the article searched from."""

    query: str | None
    id: str | None
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found: an answer for each query, in their order, and the lines that held no query."""

    table: str
    k: int
    by: str
    hybrid: bool
    where: str | None
    at: str | None
    answers: tuple[Answer, ...]
    rejected: tuple[Rejected, ...] = ()

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The hits of all answers, one answer after the other; of a single query, simply its hits."""
        return tuple(hit for answer in self.answers for hit in answer.hits)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON, which has no number for NaN or infinity: null stands for them."""
        values = dataclasses.asdict(self)
        for answer in values["answers"]:
            for hit in answer["hits"]:
                fields = hit["fields"]
                hit["fields"] = {k: None if v in (inf, -inf) or v != v else v for k, v in fields.items()}
        return {**values, "metric": "cosine"}

    def _repr_html_(self) -> str:
        """Return a table for each query, for notebooks; of more than 20 queries the first."""
        own = list(dict.fromkeys(name for hit in self.hits for name in hit.fields))
        numbers = ["rank", "dist", *(["relevance"] if self.hybrid else [])]
        head = [*numbers, "id", "title", "text", *own]
        parts = []
        for answer in self.answers[:_ANSWERS_SHOWN]:
            rows: list[list[object]] = [
                [
                    hit.rank,
                    None if hit.dist is None else f"{hit.dist:.4f}",
                    *([f"{hit.relevance:.4f}"] if hit.relevance is not None else []),
                    hit.id,
                    hit.title,
                    hit.text,
                    *(hit.fields.get(name) for name in own),
                ]
                for hit in answer.hits
            ]
            title = answer.query or answer.id or "by vector"
            parts.append(
                shown_table(head, rows, title=title, figures=numbers) if rows else f"{given(title)}: no hits"
            )
        if len(self.answers) > _ANSWERS_SHOWN:
            parts.append(f"<div>the first {_ANSWERS_SHOWN} of {len(self.answers):,} queries</div>")
        return "".join(parts)

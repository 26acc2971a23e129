"""What a search found, as plain frozen values. Of `dist`, lower is closer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vecindex.core.indexes.recall import Probe
from vecindex.frames import Frames
from vecindex.notebook import given, shown_table
from vecindex.serialize import Result
from vecindex.types import Rejected

if TYPE_CHECKING:
    import pyarrow as pa

_ANSWERS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that a search found.

    Attributes
    ----------
    rank : 1 for the best.
    id, article_id : the row's id and its article's; the same unless the table holds chunks.
    text : the beginning of the text on one line, the whole text, or None, as the search was asked.
    dist : cosine distance 1 - cos to the query, 0 to 2, lower is closer; None for a row found only by its words.
    relevance : higher is better. Of a hybrid search the sum of 1 / (60 + rank) over its ranks by vector and by
        words; of a search by words the score of BM25; else None.
    score : of the cross-encoder that ordered the first hits again, higher is better; else None.
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
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The hits for one query, best first. `id` is the query's id in its file, or the article searched from."""

    query: str | None
    id: str | None
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Approximation:
    """How a search was approximate.

    Attributes
    ----------
    recall : the share of an exact search's hits to expect, 0 to 1, as measured for `k` hits of each of `queries` rows
        of the table and `questions` stored questions; the lower of the two.
    nprobes, refine : partitions of the index that were searched at least, and how many times the wanted rows were
        compared by their stored vectors.
    """

    recall: float
    k: int
    queries: int
    questions: int
    nprobes: int
    refine: int

    @property
    def probe(self) -> Probe:
        """The setting for the search."""
        return Probe(self.nprobes, self.refine)


@dataclass(frozen=True, slots=True)
class SearchResult(Result, Frames):
    """What a search found: an answer for each query, in their order, and the lines that held no query.

    `ranker` says how it ranked: meaning, words or hybrid, perhaps with +rerank and +diverse behind it.
    """

    table: str
    k: int
    by: str
    hybrid: bool
    where: str | None
    at: str | None
    answers: tuple[Answer, ...]
    rejected: tuple[Rejected, ...] = ()
    ranker: str = "meaning"
    approximate: Approximation | None = None
    """How it was approximate; None for an exact search."""
    metric: str = field(default="cosine", init=False)

    @property
    def hits(self) -> tuple[Hit, ...]:
        """The hits of all answers, one answer after the other; of a single query, simply its hits."""
        return tuple(hit for answer in self.answers for hit in answer.hits)

    def to_arrow(self) -> pa.Table:
        """Return the hits as a table: a row each, answer by answer, best first.

        Columns: query_index (of the answer, from 0), query and query_id (null where there is none), what a `Hit` has,
        and the user's columns. A user's column with the name of another is called src_NAME.
        """
        import pyarrow as pa

        found = [(i, answer, hit) for i, answer in enumerate(self.answers) for hit in answer.hits]
        columns = {
            "query_index": pa.array([i for i, _, _ in found], pa.int64()),
            "query": pa.array([answer.query for _, answer, _ in found], pa.string()),
            "query_id": pa.array([answer.id for _, answer, _ in found], pa.string()),
            "rank": pa.array([hit.rank for _, _, hit in found], pa.int64()),
        }
        for name in ("id", "article_id", "title", "text"):
            columns[name] = pa.array([getattr(hit, name) for _, _, hit in found], pa.string())
        for name in ("dist", "relevance", "score"):
            columns[name] = pa.array([getattr(hit, name) for _, _, hit in found], pa.float64())
        for name in dict.fromkeys(name for _, _, hit in found for name in hit.fields):
            free = name if name not in columns else f"src_{name}"
            columns[free] = pa.array([hit.fields.get(name) for _, _, hit in found])
        return pa.table(columns)

    def _repr_html_(self) -> str:
        """Return a table for each query, for notebooks; of more than 20 queries the first."""
        own = list(dict.fromkeys(name for hit in self.hits for name in hit.fields))
        more = [name for name in ("relevance", "score") if any(getattr(hit, name) is not None for hit in self.hits)]
        numbers = ["rank", "dist", *more]
        head = [*numbers, "id", "title", "text", *own]
        parts = []
        for answer in self.answers[:_ANSWERS_SHOWN]:
            rows: list[list[object]] = [
                [
                    hit.rank,
                    None if hit.dist is None else f"{hit.dist:.4f}",
                    *(None if (v := getattr(hit, name)) is None else f"{v:.4f}" for name in more),
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

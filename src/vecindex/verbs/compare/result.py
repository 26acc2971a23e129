"""What a comparison of tables found, as plain frozen values. Differences are another table's minus the first's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vecindex.core.nulls import Interval
from vecindex.frames import Frames
from vecindex.messages import Message
from vecindex.notebook import shown_table
from vecindex.serialize import Result, Spell
from vecindex.types import Rejected
from vecindex.verbs.evaluate.result import Difference, JudgmentCounts, RankedQuestion, interval_shown

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class MapFigure:
    """The overlap@k of these questions on a table's map, and why it is this map."""

    name: str
    reason: str
    k: int
    overlap: Interval


@dataclass(frozen=True, slots=True)
class ComparedTable:
    """A table, what made it, what it costs and what it reaches.

    Attributes
    ----------
    name : as it was given, with @ and the tag, and another database before it; URLs without their secrets.
    database : the folder or the URI that holds the table.
    chunking : how its articles are divided; None where they are not.
    only_here : articles that the first table does not hold; `lacks` are those of the first that it does not hold.
    truncated_frac : rows that the model did not read to their end, 0 to 1.
    live_bytes : on disk, of this version; None for a remote database.
    embed_s, rank_s : seconds to embed the questions, 0 where their vectors were kept, and to rank them all.
    texts_per_s : that the last ingest embedded; None where it is not known.
    measures : means with intervals; empty without judgments.
    map : the map's overlap; None without a map.
    """

    name: str
    table: str
    database: str
    at: str | None
    model: str
    dimension: int
    prompt: str
    max_tokens: int
    chunking: str | None
    rows: int
    articles: int
    only_here: int
    lacks: int
    truncated_frac: float
    live_bytes: int | None
    embed_s: float
    rank_s: float
    texts_per_s: float | None
    measures: dict[str, Interval]
    map: MapFigure | None


@dataclass(frozen=True, slots=True)
class Pair:
    """The first table and another one.

    Attributes
    ----------
    differences : of each measure; empty without judgments.
    overlap, rbo : shares of common hits among the first 10, and rank-biased overlap, means with intervals.
    same_first : share of the questions with the same first hit.
    """

    first: str
    other: str
    differences: dict[str, Difference]
    overlap: Interval
    rbo: Interval
    same_first: float
    verdict: str


@dataclass(frozen=True, slots=True)
class ComparedQuestion:
    """A question under each table.

    Attributes
    ----------
    relevant : articles that are judged relevant; None where nothing is judged by ids.
    differences : of the measure that decides, by the other table; empty without judgments.
    rbo : rank-biased overlap with the first table, by the other one.
    """

    id: str
    text: str
    relevant: int | None
    tables: dict[str, RankedQuestion]
    differences: dict[str, float]
    rbo: dict[str, float]


@dataclass(frozen=True, slots=True)
class CompareResult(Result, Frames):
    """How tables differ over the same questions.

    Attributes
    ----------
    measure : the one that decides; None without judgments.
    pairs : the first table with each other one.
    items : the questions, those that differ most first.
    verdict : in a few sentences.
    """

    questions_name: str
    questions: int
    judged_by: JudgmentCounts | None
    ranker: str
    depth: int
    min_grade: int
    seed: int
    measure: str | None
    persistence: float
    tables: tuple[ComparedTable, ...]
    pairs: tuple[Pair, ...]
    items: tuple[ComparedQuestion, ...]
    verdict: str
    notes: tuple[Message, ...] = ()
    rejected: tuple[Rejected, ...] = ()

    def flat_rows(self) -> list[dict[str, Any]]:
        """Return a row for each question and table, as plain values."""
        return [
            {
                "question_id": item.id,
                "question": item.text,
                "table": name,
                "relevant": item.relevant,
                **found.measures,
                "difference": item.differences.get(name),
                "rbo": item.rbo.get(name),
                "first_relevant": found.first_relevant,
                "hits": " ".join(hit.id for hit in found.hits),
            }
            for item in self.items
            for name, found in item.tables.items()
        ]

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table with a row for each question and table; `hits` holds the ids of the first 10."""
        import pyarrow as pa

        return pa.Table.from_pylist(self.flat_rows())

    def to_html(self, *, made: str | None = None, spell: Spell = str) -> str:
        """Return the result as one page that opens offline; `made` is the time that it shows."""
        from vecindex.config import VERSION
        from vecindex.reports.evaluate.compare_page import compare_page

        return compare_page(self.to_dict(spell), version=VERSION, made=made)

    def write_html(self, path: str | Path, *, made: str | None = None, spell: Spell = str) -> None:
        """Write the page of `to_html`, whole or not at all; raises ConfigError when the file cannot be written."""
        from vecindex.files import write_whole

        write_whole(path, self.to_html(made=made, spell=spell))

    def _repr_html_(self) -> str:
        """Return the verdict and the measures of each table, for notebooks."""
        names = list(self.tables[0].measures)
        rows: list[list[object]] = [
            [name, *(interval_shown(one.measures[name]) for one in self.tables)] for name in names
        ]
        head = ["measure", *(one.name for one in self.tables)]
        return shown_table(head, rows, title=self.verdict, figures=head[1:])

"""What an evaluation found, as plain frozen values. Measures are shares of 1; all but the holes: higher is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vecindex.core.nulls import Interval
from vecindex.frames import Frames
from vecindex.messages import Message, counted
from vecindex.notebook import shown_table
from vecindex.serialize import Result, Spell
from vecindex.types import Rejected

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class JudgedHit:
    """One of the first 10 hits of a question.

    Attributes
    ----------
    id, chunk : of the article, and of its best chunk in a table of chunks; else None.
    dist : cosine distance, lower is closer; None for a hit that was found by its words alone.
    relevance : of rankings by words or hybrid, higher is better; else None.
    score : of the cross-encoder, higher is better; else None.
    grade : as judged; None where nobody judged it.
    """

    rank: int
    id: str
    chunk: str | None
    title: str | None
    dist: float | None
    relevance: float | None
    score: float | None
    grade: int | None


@dataclass(frozen=True, slots=True)
class RankedQuestion:
    """A question under one ranker: its measures, the rank of its first relevant hit, and its first 10 hits."""

    measures: dict[str, float]
    first_relevant: int | None
    hits: tuple[JudgedHit, ...]


@dataclass(frozen=True, slots=True)
class EvaluatedQuestion:
    """A question with what each ranker found.

    Attributes
    ----------
    relevant : articles that are judged relevant; None where texts of answers are the judge.
    missing : relevant articles that the table does not hold.
    """

    id: str
    text: str
    relevant: int | None
    missing: int
    rankers: dict[str, RankedQuestion]


@dataclass(frozen=True, slots=True)
class RankerFigures:
    """What a ranker reaches: each measure's mean over the questions, with its interval, and its time.

    Attributes
    ----------
    seconds : of all rankings; embedding the questions is not in it.
    found_none : questions without a single hit.
    """

    name: str
    measures: dict[str, Interval]
    seconds: float
    found_none: int


@dataclass(frozen=True, slots=True)
class JudgmentCounts:
    """Where the judgments come from, and what of them could be used.

    Attributes
    ----------
    source : the file, or that of the questions.
    form : trec, beir, json, answers, or answer texts.
    judgments, relevant : pairs of the evaluated questions, and those that are relevant.
    unknown_articles : judged articles that the table does not hold; `unknown_relevant` are those of relevant pairs.
    unknown_questions : judged questions that are not among those asked.
    without : questions that nobody judged; they count in no figure.
    none_relevant : questions without any relevant article; they count as 0.
    repeated : pairs that are judged again with another grade.
    """

    source: str
    form: str
    judgments: int
    relevant: int
    unknown_articles: int
    unknown_relevant: int
    unknown_questions: int
    without: int
    none_relevant: int
    repeated: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A paired difference over the questions: above 0 the other table, or the present one, has more.

    Attributes
    ----------
    mean, low, high : with Student's interval of 95 %; see `core.nulls.mean_of_differences`.
    p : of the two-sided sign-flip test.
    p_adjusted : the same by Holm's rule over all tables, or rankers, that are compared; NaN (null in JSON) of all
        measures but the one that decides.
    more, less, equal : questions at which the other table has more, less, and the same.
    detectable : the difference that so many questions would show in 80 % of cases.
    """

    mean: float
    low: float
    high: float
    p: float
    p_adjusted: float
    more: int
    less: int
    equal: int
    detectable: float


@dataclass(frozen=True, slots=True)
class Against:
    """The same questions on the table as it was tagged.

    Attributes
    ----------
    differences : of the measure that decides, by the ranker: now minus then.
    fell : rankers that fell by more than the noise: the interval is below 0, and p, adjusted, is below 5 %.
    """

    tag: str
    measure: str
    means: dict[str, float]
    differences: dict[str, Difference]
    fell: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvaluateResult(Result, Frames):
    """How well a table finds the right articles, by each ranker.

    Attributes
    ----------
    questions : how many were evaluated.
    articles, by_chunks : what is searched; whether a hit is an article by its best chunk.
    rankers : in the order in which they were given.
    items : the questions.
    notes : what to know before the figures are used.
    against : the same on the table as it was tagged; None where that was not asked for.
    """

    table: str
    model: str
    at: str | None
    articles: int
    by_chunks: bool
    questions_name: str
    questions: int
    judged_by: JudgmentCounts
    depth: int
    min_grade: int
    seed: int
    embed_s: float
    rankers: tuple[RankerFigures, ...]
    items: tuple[EvaluatedQuestion, ...]
    notes: tuple[Message, ...] = ()
    rejected: tuple[Rejected, ...] = ()
    against: Against | None = None

    def ranker(self, name: str) -> RankerFigures:
        """Return the figures of a ranker by its name; raises KeyError for one that was not run."""
        return {one.name: one for one in self.rankers}[name]

    def flat_rows(self) -> list[dict[str, Any]]:
        """Return a row for each question and ranker, as plain values."""
        return [
            {
                "question_id": item.id,
                "question": item.text,
                "ranker": name,
                "relevant": item.relevant,
                "missing": item.missing,
                **found.measures,
                "first_relevant": found.first_relevant,
                "hits": " ".join(hit.id for hit in found.hits),
            }
            for item in self.items
            for name, found in item.rankers.items()
        ]

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table with a row for each question and ranker; `hits` holds the ids of the first 10."""
        import pyarrow as pa

        return pa.Table.from_pylist(self.flat_rows())

    def to_html(self, *, made: str | None = None, spell: Spell = str) -> str:
        """Return the result as one page that opens offline; `made` is the time that it shows."""
        from vecindex.config import VERSION
        from vecindex.reports.evaluate.page import evaluate_page

        return evaluate_page(self.to_dict(spell), version=VERSION, made=made)

    def write_html(self, path: str | Path, *, made: str | None = None, spell: Spell = str) -> None:
        """Write the page of `to_html`, whole or not at all; raises ConfigError when the file cannot be written."""
        from vecindex.files import write_whole

        write_whole(path, self.to_html(made=made, spell=spell))

    def _repr_html_(self) -> str:
        """Return the measures of each ranker as a table, for notebooks."""
        names = list(self.rankers[0].measures)
        rows: list[list[object]] = [
            [name, *(interval_shown(one.measures[name]) for one in self.rankers)] for name in names
        ]
        head = ["measure", *(one.name for one in self.rankers)]
        title = f"{counted(self.questions, 'question')} of {self.questions_name} on {self.table}"
        return shown_table(head, rows, title=title, figures=head[1:])


def interval_shown(found: Interval | Mapping[str, Any], digits: int = 3) -> str:
    """Return a mean with its interval.

    >>> interval_shown(Interval(0.38312, 0.34, 0.42, 0.95, "question"))
    '0.383 (0.340 to 0.420)'
    """
    mean, low, high = (found[k] if isinstance(found, Mapping) else getattr(found, k) for k in ("mean", "low", "high"))
    if mean is None or mean != mean:
        return "–"
    if low is None or low != low:
        return f"{mean:.{digits}f}"
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

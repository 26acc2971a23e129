"""What `project` did, as plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vecindex.core.nulls import Interval
from vecindex.messages import Message, percent
from vecindex.notebook import shown_table
from vecindex.serialize import Result
from vecindex.types import Forecast, Rejected
from vecindex.verbs.graph import GraphOrigin
from vecindex.verbs.project.align import Displacement, Moved
from vecindex.verbs.scores.scores import MapScores


@dataclass(frozen=True, slots=True)
class FocusCover:
    """What a focus map leaves out.

    Attributes
    ----------
    questions : the name of their set; `asked` is how many they are.
    size : articles on the map.
    cover : under each k, the share of the questions' k nearest articles that are on it.
    """

    questions: str
    asked: int
    size: int
    cover: dict[int, float]


@dataclass(frozen=True, slots=True)
class ImportedPositions:
    """Where the positions of a map made elsewhere came from, and what became of them.

    Attributes
    ----------
    source : the file, or the table whose columns they are; `id` and `columns` are the fields that were read.
    rows : that were read; `nameless` of them have no id.
    unknown : whose id the table does not have.
    repeated : whose id came before; the first one counts.
    not_finite : whose x or y is no finite number.
    without : rows of the table that have no position.
    examples : some ids of the unknown, the repeated and those that are not finite.
    """

    source: str
    id: str
    columns: tuple[str, str]
    rows: int
    nameless: int
    unknown: int
    repeated: int
    not_finite: int
    without: int
    examples: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class PlacedRows:
    """What an update placed.

    Attributes
    ----------
    articles : how many; no other one moved.
    kept : of these, those that are where they were before their vectors changed.
    copies : those next to an article that they are near-copies of.
    sample, recall : a sample of them and, under each k, their recall on the map as it is now.
    old_sample, old_recall : the same for articles that were on it.
    """

    articles: int
    kept: int
    copies: int
    sample: int
    recall: dict[int, Interval]
    old_sample: int
    old_recall: dict[int, Interval]


@dataclass(frozen=True, slots=True)
class SampledRows:
    """A map of which a sample was laid out, and the other articles were placed among them.

    Attributes
    ----------
    laid_out, placed : how many; `copies` of those placed lie next to an article that they are near-copies of.
    sample, recall : a sample of those laid out and, under each k, their recall on the map.
    placed_sample, placed_recall : the same for those placed.
    """

    laid_out: int
    placed: int
    copies: int
    sample: int
    recall: dict[int, Interval]
    placed_sample: int
    placed_recall: dict[int, Interval]


@dataclass(frozen=True, slots=True)
class QuestionScores:
    """What questions keep at their best positions; means over them, each with its interval.

    Attributes
    ----------
    questions : how many were measured.
    overlap : share of their nearest articles that are their nearest on the map.
    enough : share of the questions that keep at least 3 of 5.
    soft : share of their nearest articles that are among their 50 nearest on the map.
    """

    questions: int
    overlap: Interval
    enough: Interval
    soft: Interval


@dataclass(frozen=True, slots=True)
class ArticleCost:
    """What some articles keep of their own nearest before and after; no k is beyond their number.

    Attributes
    ----------
    sample : articles drawn; all are candidates.
    before, after : under each k, the mean recall on the base map and on the anchored one.
    change : of the mean, from article to article; a loss is negative.
    """

    sample: int
    before: dict[int, Interval]
    after: dict[int, Interval]
    change: dict[int, Interval]


@dataclass(frozen=True, slots=True)
class AnchorFile:
    """A file of questions, and how many of it were anchored; repeated texts count for the first file only."""

    name: str
    questions: int


@dataclass(frozen=True, slots=True)
class OtherStrength:
    """What the same questions keep on a map anchored with the other strength, and what it costs.

    Attributes
    ----------
    strength : its name.
    anchored : the questions on that map.
    articles : the articles' cost; `moved` the share of all that moved by more than 1 % of the map's width.
    """

    strength: str
    anchored: QuestionScores
    articles: ArticleCost
    moved: float


@dataclass(frozen=True, slots=True)
class AnchorResult:
    """An anchored map next to what it must be compared with.

    Attributes
    ----------
    base : name of the map that it was derived from.
    files : the questions; `questions` is how many they are in all.
    k : nearest articles of each question that are brought around it.
    strength : "gentle" or "strong"; `other` is what the other one reaches, None where it was not measured.
    sweeps : how often each article that matters to a question could move.
    unanchored : the questions on the base map.
    anchored : the same questions on the anchored map, which was laid out for them.
    held_out : each question on a map anchored to the questions of the other folds; None where it was not measured.
    shuffled : questions anchored to articles that do not belong together, measured on these; None likewise.
    held_out_change : held out minus unanchored, from question to question.
    folds, folds_by : how many, and what stays within one fold apart from near-duplicates, "topic" or "question".
    no_controls : why `held_out` or `shuffled` are missing; None where nothing is.
    articles : what it cost a sample of all articles.
    moved_articles : the same of a sample of the articles that moved by more than 1 % of the map's width; None where
        none did.
    displacement : of all articles; `targets_displacement` of the questions' nearest.
    """

    base: str
    files: tuple[AnchorFile, ...]
    questions: int
    k: int
    strength: str
    sweeps: int
    unanchored: QuestionScores
    anchored: QuestionScores
    held_out: QuestionScores | None
    shuffled: QuestionScores | None
    held_out_change: Interval | None
    folds: int
    folds_by: str
    no_controls: Message | None
    articles: ArticleCost
    moved_articles: ArticleCost | None
    displacement: Displacement
    targets_displacement: Displacement
    other: OtherStrength | None = None


@dataclass(frozen=True, slots=True)
class ProjectResult(Result):
    """What `project` did.

    Attributes
    ----------
    action : "made", "rebuilt", "updated", "unchanged" (no new rows) or "dropped".
    articles, outside : rows on the map, and of the table but not on it.
    gone, new : rows that were removed or changed, and that came, while the map was made; the map does not hold them.
    graph : None for a method that needs none.
    moved : how far the articles moved from the map that was rebuilt, after alignment with it; else None.
    due : why the map should be rebuilt; None while there is no need.
    seconds : wall time of each stage.
    anchor : what anchoring did, for a map that was anchored just now; else None.
    forecast : what the map was expected to cost, and what it took; None for a method whose costs are not known, and
        where nothing was laid out or anchored.
    sampled : what was laid out and what was placed, for a map made of a sample just now; else None.
    imported : what became of positions made elsewhere; None for a map that was made here.
    rejected, duplicates : lines of the questions' or positions' file that were left out, or were counted once.
    """

    table: str
    name: str
    action: str
    method: str | None
    settings: dict[str, Any]
    seed: int | None
    anchored: bool
    articles: int
    outside: int
    gone: int
    new: int
    graph: GraphOrigin | None = None
    scores: MapScores | None = None
    moved: Moved | None = None
    placed: PlacedRows | None = None
    focus: FocusCover | None = None
    imported: ImportedPositions | None = None
    due: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    rejected: tuple[Rejected, ...] = ()
    duplicates: tuple[Rejected, ...] = ()
    anchor: AnchorResult | None = None
    forecast: Forecast | None = None
    sampled: SampledRows | None = None

    def _repr_html_(self) -> str:
        """Return a table, for notebooks."""
        rows: list[list[object]] = [["articles", f"{self.articles:,}"], ["outside it", f"{self.outside:,}"]]
        rows += [["method", self.method]] if self.method else []
        if self.graph is not None:
            rows.append(["neighbor graph", f"{self.graph.how}: {self.graph.k} each, recall {self.graph.recall:.4f}"])
        recall = {} if self.scores is None else self.scores.recall
        rows += [
            [
                f"articles keep of their {k} nearest",
                f"{percent(one.mean, 1)} ({percent(one.low, 1)} to {percent(one.high, 1)})",
            ]
            for k, one in recall.items()
            if one is not None
        ]
        rows += [["a rebuild is due", self.due]] if self.due else []
        rows.append(["time", f"{sum(self.seconds.values()):.1f} s"])
        return shown_table([], rows, title=f"map {self.name!r} of {self.table}: {self.action}")

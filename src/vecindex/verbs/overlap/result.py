"""What `overlap` found, as plain frozen values. Shares are from 0 to 1; of `dist`, lower is closer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vecindex.core.geometry import Box
from vecindex.core.nulls import Interval
from vecindex.core.overlap import reaches
from vecindex.core.questions import worst_first
from vecindex.frames import Frames
from vecindex.messages import Message, Text, counted, percent
from vecindex.notebook import shown_table
from vecindex.serialize import Result, Spell
from vecindex.types import Rejected
from vecindex.verbs.overlap.causes.experiments import Experiment
from vecindex.verbs.overlap.causes.nested import WhatIf
from vecindex.verbs.overlap.causes.verdicts import Verdict
from vecindex.verbs.overlap.question import (
    KindOverlap,
    QuestionRow,
    RankedFacts,
    RankedOnMap,
    flat_rows,
    neighbor_rows,
)
from vecindex.verbs.scores.evenness import Evenness
from vecindex.verbs.the_map import MapKind, TheMap

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

    from vecindex.verbs.scores.fidelity import Fidelity


@dataclass(frozen=True, slots=True)
class AnswersFound:
    """Whether the right articles are found, over the questions whose answers are known and in the table.

    `recall` is the mean of |answers in the k nearest| / min(k, |answers|), `mrr` the mean of 1 / rank of the first.
    """

    questions: int
    recall: float
    mrr: float


@dataclass(frozen=True, slots=True)
class Style:
    """How differently questions and articles are distributed; see `verbs.overlap.space`.

    None of it says that an answer is missed.

    Attributes
    ----------
    gap, centroid_cosine : distance of the mean question from the mean sampled article (0 to 2), and their cosine.
    question_question, question_article, article_article : mean cosine of two questions; of a question and its nearest
        article; of a sampled article and its nearest other one.
    auc : how well a linear rule separates questions from sampled articles that it was not fitted to; 0.5 is not at
        all. Near 1 as soon as the questions are on a topic of their own.
    auc_near : the same against the questions' own k nearest articles, which are on their topic: what is left is
        wording. Both None for fewer than 10 questions.
    """

    gap: float
    centroid_cosine: float
    question_question: float
    question_article: float
    article_article: float
    auc: float | None
    auc_near: float | None


@dataclass(frozen=True, slots=True)
class SpaceFacts:
    """What was measured in embedding space alone.

    Attributes
    ----------
    nearest_dist, articles_nearest_dist : median distance to the nearest article, of the questions, and of a sample of
        articles (to another one).
    nearest_percentile : median over the questions of their distance's percentile among the articles' (0 to 100).
    far_share : share of the questions beyond the 95th percentile.
    distinct_ratio, collapse_ceiling : D and C, see `core.overlap`.
    mixing, mixing_chance : see `verbs.overlap.space`.
    compactness : median distance of two questions over that of two articles (Euclidean, of unit vectors).
    hubness_skew, hub_share : skew of N_k over the lists of the sampled articles; share of the questions' k nearest
        that are hubs of those lists.
    cohesion, articles_cohesion : median over the questions (and the sampled articles) of the mean cosine of the pairs
        among their k nearest.
    duplicated_targets : share of the k nearest that have a near-duplicate (cosine above 0.999) in the same list.
    duplicated_articles : share of the sampled articles that have one in the table.
    truncated : share of the articles that the model did not read to their end.
    answers : over the k nearest; None where no answers are known. `answers_absent` is the share of the given answers
        that are not in the table, None when none are given.
    sample : how many articles were sampled.
    style : how differently questions and articles are distributed.
    topic_precision : share of the k nearest whose topic is the question's; None where either has no topics.
    pseudo_percentile : as `nearest_percentile`, of stored articles worded as the questions are; None unless asked to
        explain, or where words cannot be exchanged. See `verbs.overlap.causes.pseudo`.
    clique_ceiling : mean share of the k nearest that are in the largest set of them in which all are near to each
        other: the most to expect of a map that is not laid out for the questions. See `causes.cliques`; None without
        a map, or for k above 20.
    """

    nearest_dist: float
    articles_nearest_dist: float
    nearest_percentile: float
    far_share: float
    distinct_ratio: float
    collapse_ceiling: float
    mixing: float
    mixing_chance: float
    compactness: float
    hubness_skew: float
    hub_share: float
    cohesion: float
    articles_cohesion: float
    duplicated_targets: float
    duplicated_articles: float
    truncated: float
    answers: AnswersFound | None
    answers_absent: float | None
    sample: int
    style: Style
    topic_precision: Interval | None
    pseudo_percentile: float | None = None
    clique_ceiling: float | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """The figures of all questions on one map, placed by one rule.

    Attributes
    ----------
    rule : "search" (the best position, by a search over candidates) or "median" (the baseline); see `core.placement`.
    overlap, rank_weighted, enough : means at k with their intervals; `enough` is the share of the questions that keep
        at least 3 of 5 (of k: 60 %).
    none : share of the questions that keep none.
    adjusted : the mean overlap adjusted for chance: 0 is chance, 1 perfect.
    by_k, soft, reciprocal : overlap at each k; share of the k within the map's nearest K; share of the map's k within
        the K nearest in embedding space, under each K.
    merged : overlap when a near-duplicate of a neighbor counts as that neighbor.
    distinct_lists : number of different lists over that of questions; 1 when no two questions coincide.
    compactness : as in `SpaceFacts`, on the map.
    box, articles_inside, articles_expected : the questions' bounding box, padded; the articles in it; the number to
        expect by area.
    hull_share : area of the questions' convex hull over that of the articles'.
    answers, topic_precision : as in `SpaceFacts`, over the map's k nearest.
    metrics : means, with their intervals, of the metrics without a field of their own; see `OverlapResult.metrics`.
    """

    rule: str
    overlap: Interval
    rank_weighted: Interval
    enough: Interval
    none: float
    adjusted: float
    by_k: dict[int, float]
    soft: dict[int, float]
    reciprocal: dict[int, float]
    merged: float
    distinct_lists: float
    compactness: float
    box: Box | None
    articles_inside: int
    articles_expected: float
    hull_share: float
    answers: AnswersFound | None
    topic_precision: Interval | None
    metrics: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MapOverlap:
    """One stored map.

    Attributes
    ----------
    about : what is kept with the map: method, parameters, seed.
    articles, outside : articles on it, and of the table but not on it.
    targets_outside : share of the questions' k nearest articles that are not on it.
    self_recall : share of their own k nearest articles that articles keep on the map, over the sample, all articles
        being candidates: the comparator for the questions' overlap.
    self_by_k, self_soft : self-recall at each k, and within the map's nearest K, as `Placement.by_k` and `soft`.
    fidelity : None for a map of fewer than two articles.
    agreement : how often a true neighbor of a sampled article is nearer on the map than a random one; 0.5 is chance.
    causes : most likely first.
    ceiling : the most to expect of the questions' overlap on this map, unless it is laid out for them: from their
        largest sets (`SpaceFacts.clique_ceiling`) and `cliques_kept`. None where either is not known.
    by_kind : the figures of each kind of question, by its name; empty where fewer than two kinds are known.
    cliques_kept : how much of such sets among their own nearest articles keep on this map, of what they could.
    kind : what it was laid out by: "neutral", "adopted" (made elsewhere), "focused" or "anchored".
    for_these : it was laid out for all of these questions, or shows the articles nearest to them.
    ranked : which of a ranker's hits it keeps, next to the nearest by vectors; None without a ranker.
    """

    name: str
    about: dict[str, Any]
    articles: int
    outside: int
    targets_outside: float
    self_recall: Interval
    self_by_k: dict[int, float]
    self_soft: dict[int, float]
    fidelity: Fidelity | None
    agreement: float
    evenness: Evenness | None
    search: Placement
    median: Placement
    causes: tuple[Verdict, ...]
    ceiling: Interval | None = None
    cliques_kept: float | None = None
    by_kind: tuple[KindOverlap, ...] = ()
    kind: str = MapKind.NEUTRAL
    for_these: bool = False
    ranked: RankedOnMap | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The result in six statements, in the order of the questions that a reader has.

    Attributes
    ----------
    figure : what is kept, next to the goal.
    map : which map is meant, and why that one; what others keep.
    cause : the main cause.
    done : what was done for these questions already.
    others : what to expect for other questions.
    next : what to do.
    command : the command for it, complete; None where no command helps, or nothing is to be done.
    look : a command that shows the worst question; None where it cannot be named.
    """

    figure: str
    map: str
    cause: str
    done: str
    others: str
    next: Message
    command: Text | None
    look: Text | None


@dataclass(frozen=True, slots=True)
class MetricAbout:
    """What a metric is: how tables call it, its formula in a sentence, and its direction."""

    label: str
    about: str
    higher_is_better: bool


@dataclass(frozen=True, slots=True)
class OverlapResult(Result, Frames):
    """What `overlap` found.

    Attributes
    ----------
    embedded : questions whose vectors had to be made; the others were in the store.
    chance, snap_floor : k / N and 1 / k.
    maps : the map first (see `map`), then the others, best first, by the mean overlap at the best positions; of equal
        ones by the self-recall.
    causes : of the map; without one, of embedding space alone.
    verdict : one line.
    map : the map that is judged, and why this one; see `verbs.the_map`. None without a map.
    answer : the same and what to do, as six statements.
    ranked : the ranker whose hits stand for the nearest articles; None where they are the nearest by vectors.
    ceiling : what a map can be expected to keep, in words; None where it is not known. See `MapOverlap.ceiling`.
    next : what to do, each a sentence.
    by : what is counted, "article" or "chunk"; `articles` is how many of them the table holds.
    typed : the question that was typed next to a file of others; it counts in no figure.
    what_if : figures over nested samples of the articles; None unless asked for.
    experiments : what was tried for and against the causes.
    metrics : what the metrics without a field of their own are, by name; a deep one is taken at several depths and
        stands under NAME@K with the figures. See `verbs.overlap.metrics`.
    """

    table: str
    questions_name: str
    questions: int
    topics: int
    articles: int
    k: int
    model: str
    chance: float
    snap_floor: float
    padding: float
    seed: int
    embedded: int
    space: SpaceFacts
    maps: tuple[MapOverlap, ...]
    rows: tuple[QuestionRow, ...]
    causes: tuple[Verdict, ...]
    verdict: str
    next: tuple[Message, ...]
    rejected: tuple[Rejected, ...]
    duplicates: tuple[Rejected, ...]
    seconds: dict[str, float]
    by: str
    typed: QuestionRow | None
    what_if: WhatIf | None = None
    experiments: tuple[Experiment, ...] = ()
    metrics: dict[str, MetricAbout] = field(default_factory=dict)
    ceiling: str | None = None
    map: TheMap | None = None
    answer: Answer | None = None
    ranked: RankedFacts | None = None

    @property
    def best(self) -> MapOverlap | None:
        """The map that is judged, `map`; None without one."""
        return self.maps[0] if self.maps else None

    def worst_first(self, on_map: str | None) -> list[QuestionRow]:
        """Return the questions, who keeps least on a map first; of no map, who is farthest from all articles."""

        def key(row: QuestionRow) -> tuple[float, float, str]:
            kept = None if on_map is None else row.maps[on_map]["search"].overlap
            return worst_first(kept, row.nearest_dist, row.id)

        return sorted(self.rows, key=key)

    def meets(self, fail_under: float, on: str = "mean") -> bool:
        """Return whether the map's overlap, its mean or the lower end of its interval, is at least that much."""
        if self.best is None:
            return False
        found = self.best.search.overlap
        return reaches(found.low if on == "lower" else found.mean, fail_under)

    def to_html(self, made: str | None = None, spell: Spell = str) -> str:
        """Return a page that opens offline in any browser; see `reports.overlap`.

        `made` is when it was made, as it should stand at its foot. Without it the same result gives the same page.
        """
        from vecindex.config import VERSION
        from vecindex.reports.overlap.page import overlap_page

        return overlap_page(self.to_dict(spell), version=VERSION, made=made)

    def write_html(self, path: str | Path, made: str | None = None, spell: Spell = str) -> None:
        """Write `to_html` to a file, whole or not at all; raises ConfigError when it cannot be written."""
        from vecindex.files import write_whole

        write_whole(path, self.to_html(made, spell))

    def _repr_html_(self) -> str:
        """Return the verdict, the maps and the causes as tables, for notebooks."""
        head = ["map", f"overlap@{self.k}", "95 % interval", f"overlap@{self.k}, median baseline"]
        head += ["self-recall", "ceiling"]
        rows = [
            [
                found.name,
                percent(found.search.overlap.mean),
                f"{percent(found.search.overlap.low)} to {percent(found.search.overlap.high)}",
                percent(found.median.overlap.mean),
                percent(found.self_recall.mean),
                "" if found.ceiling is None else percent(found.ceiling.mean),
            ]
            for found in self.maps
        ]
        causes = [[one.cause, one.confidence, one.summary, one.remedy] for one in self.causes]
        what = f"{self.verdict} ({counted(self.questions, 'question')}, {self.articles:,} {self.by}s in {self.table})"
        return shown_table(head if rows else [], rows, title=what, figures=head[1:]) + shown_table(
            ["cause", "confidence", "summary", "remedy"], causes
        )

    def to_arrow(self) -> pa.Table:
        """Return an Arrow table with a row for each question, map and rule (without a map, for each question)."""
        import pyarrow as pa

        return pa.Table.from_pylist(self.flat_rows())

    def flat_rows(self) -> list[dict[str, Any]]:
        """Return the rows of `to_arrow` as plain values."""
        return [row for question in self.rows for row in flat_rows(question)]

    def neighbor_rows(self) -> list[dict[str, Any]]:
        """Return a row for each question and each of its nearest articles, with the article's rank on the map."""
        name = None if self.map is None else self.map.name
        rows = [*self.rows, *([self.typed] if self.typed else [])]
        return [row for question in rows for row in neighbor_rows(question, name)]

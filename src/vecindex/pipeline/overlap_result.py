"""What `overlap` found, as plain frozen values. Shares are from 0 to 1; of `dist`, lower is closer."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vecindex.core.causes import Verdict
from vecindex.core.evenness import Evenness
from vecindex.core.experiments import Experiment
from vecindex.core.geometry import Box
from vecindex.core.nested import Direction
from vecindex.core.nulls import Interval
from vecindex.types import Rejected

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class AnswersFound:
    """Whether the right articles are found, over the questions whose answers are known and in the table.

    `recall` is the mean of |answers in the k nearest| / min(k, |answers|), `mrr` the mean of 1 / rank of the first.
    """

    questions: int
    recall: float
    mrr: float


@dataclass(frozen=True, slots=True)
class SpaceFacts:
    """What embedding space alone tells.

    Attributes
    ----------
    nearest_dist, articles_nearest_dist : median distance to the nearest article, of the questions, and of a sample of
        articles (to another one).
    nearest_percentile : median over the questions of their distance's percentile among the articles' (0 to 100).
    far_share : share of the questions beyond the 95th percentile.
    distinct_ratio, collapse_ceiling : D and C, see `core.overlap`.
    mixing, mixing_chance : see `core.space`.
    compactness : median distance of two questions over that of two articles (Euclidean, of unit vectors).
    hubness_skew, hub_share : skew of N_k over the lists of the sampled articles; share of the questions' targets that
        are hubs of those lists.
    cohesion, articles_cohesion : median over the questions (and the sampled articles) of the mean cosine of the pairs
        among their k nearest.
    duplicated_targets : share of the targets that have a near-duplicate (cosine above 0.999) among the same k.
    duplicated_articles : share of the sampled articles that have one in the table.
    truncated : share of the articles that the model did not read to their end.
    answers : over the k nearest; None where no answers are known. `answers_absent` is the share of the given answers
        that are not in the table, None when none are given.
    sample : how many articles were sampled.
    pseudo_percentile : as `nearest_percentile`, of stored articles worded as the questions are; None unless asked to
        explain, or where words cannot be exchanged. See `core.pseudo`.
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
    pseudo_percentile: float | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """The figures of all questions on one map, placed by one rule.

    Attributes
    ----------
    rule : "search" (candidate search) or "median" (neutral); see `core.placement`.
    overlap, rank_weighted, enough : means at k with their intervals; `enough` is the share of the questions that keep
        at least 3 of 5 (of k: 60 %).
    none : share of the questions that keep none.
    adjusted : the mean overlap adjusted for chance: 0 is chance, 1 perfect.
    by_k, soft, reciprocal : overlap at each k; share of the k within the map's nearest K; share of the map's k within
        the K nearest in embedding space, under each K.
    merged : overlap when a near-duplicate of a target counts as the target.
    distinct_lists : number of different lists over that of questions; 1 when no two questions coincide.
    compactness : as in `SpaceFacts`, on the map.
    box, articles_inside, articles_expected : the questions' bounding box, padded; the articles in it; the number to
        expect by area.
    hull_share : area of the questions' convex hull over that of the articles'.
    answers : as in `SpaceFacts`, over the map's k nearest.
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


@dataclass(frozen=True, slots=True)
class MapOverlap:
    """One stored map.

    Attributes
    ----------
    about : what is kept with the map: method, parameters, seed.
    articles, outside : articles on it, and of the table but not on it.
    targets_outside : share of the questions' targets that are not on it.
    self_recall : share of their own k nearest articles that articles keep on the map, over the sample, all articles
        being candidates: the comparator for the questions' overlap.
    agreement : how often a true neighbor of a sampled article is nearer on the map than a random one; 0.5 is chance.
    causes : most likely first.
    """

    name: str
    about: dict[str, Any]
    articles: int
    outside: int
    targets_outside: float
    self_recall: Interval
    agreement: float
    evenness: Evenness | None
    search: Placement
    median: Placement
    causes: tuple[Verdict, ...]


@dataclass(frozen=True, slots=True)
class Near:
    """A neighbor: rank from 1, and `dist` (cosine in embedding space, the map's unit on a map)."""

    rank: int
    id: str
    title: str | None
    dist: float


@dataclass(frozen=True, slots=True)
class QuestionOnMap:
    """One question on one map, placed by one rule."""

    x: float | None
    y: float | None
    overlap: float
    rank_weighted: float
    soft: dict[int, float]
    reciprocal: dict[int, float]
    neighbors: tuple[Near, ...]


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """One question: its neighbors in embedding space, and on each map under the map's name and the rule."""

    id: str
    text: str
    topic: str | None
    nearest_dist: float
    nearest_percentile: float
    answers_recall: float | None
    answers_reciprocal_rank: float | None
    neighbors: tuple[Near, ...]
    maps: dict[str, dict[str, QuestionOnMap]]


@dataclass(frozen=True, slots=True)
class NestedPoint:
    """The same questions against a sample of the articles.

    Attributes
    ----------
    share, articles : of the table, and how many that is; each sample is contained in the next.
    nearest_dist : median over the questions of the distance to the nearest article of the sample; lower is closer.
    overlap : under each map's name, overlap@k of the k nearest of the sample with the k nearest of the sample on the
        map, under candidate search. The map is the stored one, made of all articles.
    answers_recall, mrr : over the questions that have an answer in the full table, so one that the sample misses
        counts as not found; None where no answers are known.
    topic_precision : share of the k nearest whose topic is the question's; None where topics cannot be compared.
    """

    share: float
    articles: int
    nearest_dist: Interval
    overlap: dict[str, Interval]
    answers_recall: Interval | None
    mrr: Interval | None
    topic_precision: Interval | None


@dataclass(frozen=True, slots=True)
class Trend:
    """How a figure of the nested samples moves with each doubling of the articles.

    Attributes
    ----------
    figure, map : "nearest_dist", "overlap" (with its map), "answers_recall", "mrr" or "topic_precision".
    per_doubling : least-squares slope against log2 of the articles, with its paired bootstrap interval.
    verdict : "rises" or "falls" where the interval leaves zero out, else "no clear change".
    """

    figure: str
    map: str | None
    per_doubling: Interval
    verdict: Direction


@dataclass(frozen=True, slots=True)
class WhatIf:
    """Nested samples of the stored articles, at the same questions.

    Attributes
    ----------
    points : the smallest sample first, all articles last; samples of fewer than k articles are left out.
    trends : empty with fewer than two points.
    summary : what it says of adding articles, in a sentence. `note` : what it cannot say.
    """

    points: tuple[NestedPoint, ...]
    trends: tuple[Trend, ...]
    summary: str
    note: str


@dataclass(frozen=True, slots=True)
class OverlapResult:
    """What `overlap` found.

    Attributes
    ----------
    embedded : questions whose vectors had to be made; the others were in the store.
    chance, snap_floor : k / N and 1 / k.
    maps : best first, by the mean overlap under candidate search.
    causes : of the best map, or what embedding space alone tells.
    verdict : one line.
    next : what to do, each a sentence.
    what_if : figures over nested samples of the articles; None unless asked for.
    experiments : what was tried for and against the causes.
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
    next: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    duplicates: tuple[Rejected, ...]
    seconds: dict[str, float]
    what_if: WhatIf | None = None
    experiments: tuple[Experiment, ...] = ()

    @property
    def best(self) -> MapOverlap | None:
        """The map that keeps most; None without one."""
        return self.maps[0] if self.maps else None

    def meets(self, fail_under: float, on: str = "mean") -> bool:
        """Return whether the best map's overlap, its mean or the lower end of its interval, is at least that much."""
        if self.best is None:
            return False
        found = self.best.search.overlap
        return (found.low if on == "lower" else found.mean) >= fail_under - 1e-9

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON; what is not a number is null."""
        plain: dict[str, Any] = _plain(dataclasses.asdict(self))
        return plain

    def to_html(self, made: str | None = None) -> str:
        """Return a page that opens offline in any browser; see `reports.overlap`.

        `made` is when it was made, as it should stand at its foot. Without it the same result gives the same page.
        """
        from vecindex.config import VERSION
        from vecindex.reports.overlap import overlap_page

        return overlap_page(self.to_dict(), version=VERSION, made=made)

    def write_html(self, path: str | Path, made: str | None = None) -> None:
        """Write `to_html` to a file, whole or not at all; raises ConfigError when it cannot be written."""
        from vecindex.reports.files import write_whole

        write_whole(path, self.to_html(made), "--html")

    def table_of_questions(self) -> pa.Table:
        """Return an Arrow table with a row for each question, map and rule (without a map, for each question)."""
        import pyarrow as pa

        return pa.Table.from_pylist(self.flat_rows())

    def flat_rows(self) -> list[dict[str, Any]]:
        """Return the rows of `table_of_questions` as plain values."""
        flat = []
        for row in self.rows:
            head = {
                "id": row.id,
                "question": row.text,
                "topic": row.topic,
                "nearest_dist": row.nearest_dist,
                "nearest_percentile": row.nearest_percentile,
                "answers_recall": row.answers_recall,
                "neighbors": " ".join(n.id for n in row.neighbors),
            }
            places = [(name, rule, found) for name, rules in row.maps.items() for rule, found in rules.items()]
            for name, rule, found in places:
                values = {f"soft_{depth}": value for depth, value in found.soft.items()}
                values |= {f"reciprocal_{depth}": value for depth, value in found.reciprocal.items()}
                flat.append(
                    {
                        **head,
                        "map": name,
                        "placement": rule,
                        "x": found.x,
                        "y": found.y,
                        "overlap": found.overlap,
                        "rank_weighted": found.rank_weighted,
                        **values,
                        "map_neighbors": " ".join(n.id for n in found.neighbors),
                    }
                )
            if not places:
                flat.append(head)
        return flat


def _plain(value: Any) -> Any:
    """Return a value as JSON can hold it: keys as text, NaN and infinity as null."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value

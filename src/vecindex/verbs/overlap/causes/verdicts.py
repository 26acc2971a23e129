"""Causes, how sure they are, and the facts that they are found by: the words of the search for causes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vecindex.messages import Message


class Cause(StrEnum):
    """What is wrong, or that nothing is."""

    HEALTHY = "healthy"
    STALE_MAP = "stale map"
    DUPLICATES = "near-duplicates"
    ISLAND = "question island"
    SHARED_NEIGHBORS = "collapse onto shared neighbors"
    HUBS = "hubs"
    PLACEMENT = "placement"
    COVERAGE = "coverage"
    STYLE = "style gap"
    COVERAGE_OR_STYLE = "coverage or style gap"
    ANSWERS = "answers not found"
    PROJECTION = "projection capacity"
    BROAD = "broad questions"
    TRUNCATION = "truncation"
    UNEXPLAINED = "unexplained"


class Confidence(StrEnum):
    """How much the figures prove by themselves."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


NOTHING_TO_DO = "Nothing to do."


@dataclass(frozen=True, slots=True)
class Verdict:
    """A cause with its reasons.

    Attributes
    ----------
    because : the figures it rests on, by name.
    experiment : what would prove it, with the outcome to expect if it is true.
    remedy : what to do.
    """

    cause: Cause
    summary: str
    because: dict[str, float]
    confidence: Confidence
    experiment: Message
    remedy: Message


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured of a set of questions, and of one placement of it on one map (None without a map).

    Names as in `verbs.overlap.result`; shares are 0 to 1, percentiles 0 to 100. `pseudo_percentile` is the median
    percentile of pseudo-questions made from stored articles; `answers_recall` that in embedding space.
    """

    k: int
    articles: int
    questions: int
    nearest_percentile: float
    distinct_ratio: float
    collapse_ceiling: float
    mixing: float
    mixing_chance: float
    compactness: float
    hub_share: float
    cohesion: float
    articles_cohesion: float
    duplicated_targets: float
    truncated: float
    answers_absent: float | None = None
    answers_recall: float | None = None
    pseudo_percentile: float | None = None
    overlap: float | None = None
    overlap_low: float | None = None
    merged: float | None = None
    soft_50: float | None = None
    self_recall: float | None = None
    agreement: float | None = None
    map_compactness: float | None = None
    targets_outside: float | None = None

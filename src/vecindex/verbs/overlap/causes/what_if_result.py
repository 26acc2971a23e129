"""What `overlap --what-if corpus` found, as plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from vecindex.core.nulls import Interval
from vecindex.verbs.overlap.causes.nested import Direction


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

"""What anchoring a map did to its questions and to its articles, as plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from vecindex.core.nulls import Interval
from vecindex.verbs.project.displacement import Displacement


@dataclass(frozen=True, slots=True)
class QuestionScores:
    """What questions placed by candidate search keep; means over them, each with its interval.

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
class AnchorResult:
    """An anchored map beside what it must be held against.

    Attributes
    ----------
    base : name of the map that it was derived from.
    files : the questions; `questions` is how many they are in all.
    k : nearest articles of each question that were drawn to it.
    weights : of the rounds, as they were used.
    iterations : of each round.
    unanchored : the questions on the base map.
    anchored : the same questions on the anchored map: what the optimizer was told to reach.
    held_out : each question on a map anchored to the questions of the other folds; None where it was not measured.
    shuffled : questions anchored to articles that do not belong together, measured on these; None likewise.
    held_out_change : held out minus unanchored, from question to question.
    folds, folds_by : how many, and what was kept in one fold besides near-duplicates, "topic" or "question".
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
    weights: tuple[float, ...]
    iterations: int
    unanchored: QuestionScores
    anchored: QuestionScores
    held_out: QuestionScores | None
    shuffled: QuestionScores | None
    held_out_change: Interval | None
    folds: int
    folds_by: str
    no_controls: str | None
    articles: ArticleCost
    moved_articles: ArticleCost | None
    displacement: Displacement
    targets_displacement: Displacement

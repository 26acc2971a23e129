"""Causes, how sure they are, and the thresholds that the cause tree and the experiments share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from vecindex.messages import Message, Text

NEAR_PERCENTILE = 75.0
FAR_PERCENTILE = 95.0
MERGING_HELPS = 0.1
"""Gain of the overlap, when near-duplicates count as one, from which on they are a cause."""


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
    SCATTERED = "scattered neighbors"
    BROAD = "broad questions"
    TRUNCATION = "truncation"
    UNEXPLAINED = "unexplained"
    LAID_OUT = "laid out for questions"
    RANKING = "another ranking"

    @property
    def meaning(self) -> str:
        """The cause in a clause."""
        return _MEANINGS[self]


_MEANINGS = {
    Cause.HEALTHY: "nothing is wrong",
    Cause.STALE_MAP: "the map shows other vectors than the table holds",
    Cause.DUPLICATES: "near-duplicate articles take each other's position in the lists",
    Cause.ISLAND: "the questions were fitted among themselves",
    Cause.SHARED_NEIGHBORS: "the questions share their nearest articles",
    Cause.HUBS: "a few articles are among the nearest of very many",
    Cause.PLACEMENT: "the questions, or their nearest articles, have no good position on the map",
    Cause.COVERAGE: "the questions' topic is missing from the table",
    Cause.STYLE: "the model does not see what the questions' wording asks for",
    Cause.COVERAGE_OR_STYLE: "the questions' topic is missing, or their wording is too different",
    Cause.ANSWERS: "the right articles are not among the nearest",
    Cause.PROJECTION: "two dimensions are too few for this corpus",
    Cause.SCATTERED: "a question's nearest articles are seldom near to each other",
    Cause.BROAD: "the questions ask for several things at once",
    Cause.TRUNCATION: "many texts are longer than the model reads",
    Cause.UNEXPLAINED: "none of the known causes shows in the figures",
    Cause.LAID_OUT: "the map was laid out for questions, so what it keeps of them proves nothing of others",
    Cause.RANKING: "the ranker finds articles that are not near in embedding space, which the map shows",
}


class Confidence(StrEnum):
    """How much the figures prove by themselves."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


NOTHING_TO_DO = "Nothing to do."


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do next: why, in a sentence, and the command, complete."""

    why: str
    command: Text


@dataclass(frozen=True, slots=True)
class Verdict:
    """A cause with its reasons.

    Attributes
    ----------
    because : the figures it rests on, by name.
    experiment : what would prove it, with the outcome to expect if it is true.
    remedy : what to do.
    advice : the commands of the remedy that change something and were not run before, the first one first; each can
        be run as it is.
    """

    cause: Cause
    summary: str
    because: dict[str, float]
    confidence: Confidence
    experiment: Message
    remedy: Message
    advice: tuple[Advice, ...] = ()

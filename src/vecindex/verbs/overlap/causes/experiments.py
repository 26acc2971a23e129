"""Experiments that speak for or against a cause: figures measured on purpose in, outcomes out. Pure functions.

The margins are conventions, as the thresholds of `verbs.overlap.causes.tree` are. An outcome is reported only where
the figures are clear; in between it is "undecided".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from vecindex.core.nulls import Interval
from vecindex.verbs.overlap.causes.pseudo import MIN_KNOWN
from vecindex.verbs.overlap.causes.tree import FAR_PERCENTILE, MERGING_HELPS, NEAR_PERCENTILE
from vecindex.verbs.overlap.causes.verdicts import Cause, Confidence, Verdict

CLEAR_GAIN = 0.1
NO_GAIN = 0.02
SPEARMAN = 0.2
AGREEMENT_GAIN = 0.05


class Outcome(StrEnum):
    """What an experiment says of its cause."""

    SUPPORTS = "supports"
    REFUTES = "refutes"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A test of one cause.

    Attributes
    ----------
    question : what it asks; `expected` : what is to be seen if the cause is true.
    figures : what was seen, by name.
    outcome : for or against `cause`.
    """

    name: str
    question: str
    expected: str
    figures: dict[str, float]
    outcome: Outcome
    cause: Cause


_BEARS_ON = {
    Cause.COVERAGE: Cause.STYLE,
    Cause.COVERAGE_OR_STYLE: Cause.STYLE,
    Cause.SHARED_NEIGHBORS: Cause.HUBS,
}


def bearing_on(cause: Cause, experiments: Sequence[Experiment]) -> list[Experiment]:
    """Return the experiments that bear on a cause; the one on the style gap tells it from missing coverage too."""
    return [e for e in experiments if e.cause is _BEARS_ON.get(cause, cause)]


def told_outcome(experiment: Experiment, cause: Cause) -> str:
    """Return the outcome in words that fit the cause under which it is told.

    What refutes a style gap supports missing coverage, so there the style gap is named.
    """
    if experiment.cause is cause or experiment.outcome is Outcome.UNDECIDED:
        return str(experiment.outcome)
    return f"{experiment.outcome} {experiment.cause}"


def weighed(verdicts: Sequence[Verdict], experiments: Sequence[Experiment]) -> tuple[Verdict, ...]:
    """Return the verdicts with their confidence moved one step by an experiment on that very cause.

    Up where one supports it, down where one refutes it. The style gap and the coverage are left as they are: their
    verdict rests on that experiment already.
    """
    found = []
    for verdict in verdicts:
        outcomes = {e.outcome for e in experiments if e.cause is verdict.cause and e.cause is not Cause.STYLE}
        step = (Outcome.SUPPORTS in outcomes) - (Outcome.REFUTES in outcomes)
        found.append(replace(verdict, confidence=_moved(verdict.confidence, step)) if step else verdict)
    return tuple(found)


def _moved(confidence: Confidence, step: int) -> Confidence:
    order = [Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH]
    return order[min(2, max(0, order.index(confidence) + step))]


def pseudo_experiment(percentile: float, rank: float, real_percentile: float, known: float, asked: int) -> Experiment:
    """Return what pseudo-questions say; see `verbs.overlap.causes.pseudo`.

    Parameters
    ----------
    percentile, real_percentile : medians, over the pseudo-questions and over the real ones, of their distance to the
        nearest article as a percentile of the articles' own.
    rank : median percentile of the real questions' distances among those of the pseudo-questions. Above 95 the
        wording alone does not explain how far they are.
    known : share of the questions' words that occur in the sampled articles.
    asked : pseudo-questions.
    """
    outcome = Outcome.UNDECIDED
    if asked and known >= MIN_KNOWN:
        if percentile < NEAR_PERCENTILE:
            outcome = Outcome.REFUTES
        elif percentile > FAR_PERCENTILE and real_percentile > FAR_PERCENTILE:
            outcome = Outcome.SUPPORTS
    return Experiment(
        "pseudo-questions",
        "Are stored articles far as well, once they are worded as the questions are?",
        "pseudo_percentile above 95: the wording is what is far (below 75 it is not: the topic is missing)",
        {
            "pseudo_percentile": percentile,
            "nearest_percentile": real_percentile,
            "questions' percentile among the pseudo-questions": rank,
            "words known to the articles": known,
            "pseudo-questions": float(asked),
        },
        outcome,
        Cause.STYLE,
    )


def placement_experiment(gain: Interval, searched: float, neutral: float, floor: float, outside: float) -> Experiment:
    """Return what candidate search against the neutral placement says; `gain` is of the paired differences."""
    outcome = Outcome.UNDECIDED
    if outside < 0.5 and gain.mean >= CLEAR_GAIN and gain.low > 0:
        outcome = Outcome.SUPPORTS
    elif gain.high < CLEAR_GAIN:
        outcome = Outcome.REFUTES
    if searched < floor - 1e-9 and outcome is Outcome.REFUTES:
        # Not even the search reaches the floor: it is the placement, but no rule mends it.
        outcome = Outcome.UNDECIDED
    return Experiment(
        "candidate search against the neutral placement",
        "Does it depend on the rule by which a question is placed?",
        f"candidate search keeps at least {CLEAR_GAIN:.0%} of k more than the median of the targets",
        {
            "overlap by candidate search": searched,
            "overlap by the median": neutral,
            "gain": gain.mean,
            "gain, lower end": gain.low,
            "gain, upper end": gain.high,
            "snap_floor": floor,
            "targets_outside": outside,
        },
        outcome,
        Cause.PLACEMENT,
    )


def merging_experiment(overlap: float, merged: float) -> Experiment:
    """Return what counting a near-duplicate of a target as that target says."""
    gain = merged - overlap
    return Experiment(
        "near-duplicates merged",
        "Are the neighbors lost to copies of themselves?",
        f"the overlap rises by at least {MERGING_HELPS:.0%} of k",
        {"overlap": overlap, "overlap with duplicates merged": merged},
        Outcome.SUPPORTS if gain >= MERGING_HELPS else Outcome.REFUTES if gain < NO_GAIN else Outcome.UNDECIDED,
        Cause.DUPLICATES,
    )


def hub_experiment(distinct: tuple[float, float], hubs: tuple[float, float]) -> Experiment:
    """Return what ranking by CSLS says: share of different targets and share of hubs among them, before and after."""
    more, fewer = distinct[1] - distinct[0], hubs[0] - hubs[1]
    outcome = Outcome.UNDECIDED
    if more >= CLEAR_GAIN and fewer >= CLEAR_GAIN:
        outcome = Outcome.SUPPORTS
    elif fewer < NO_GAIN or more < NO_GAIN:
        outcome = Outcome.REFUTES
    return Experiment(
        "ranked by CSLS",
        "Do the questions share articles only because these are near to everything?",
        f"distinct_ratio rises and hub_share falls, by at least {CLEAR_GAIN:.0%} each",
        {
            "distinct_ratio": distinct[0],
            "distinct_ratio by CSLS": distinct[1],
            "hub_share": hubs[0],
            "hub_share by CSLS": hubs[1],
        },
        outcome,
        Cause.HUBS,
    )


def stale_experiment(stored: tuple[float, float], pca: tuple[float, float]) -> Experiment:
    """Return what a map of two principal components says: (self-recall, agreement) of the stored map and of that."""
    gap = pca[1] - stored[1]
    return Experiment(
        "the same vectors by PCA",
        "Does the crudest map of the vectors that are stored now agree better with them?",
        f"its agreement exceeds the stored map's by at least {AGREEMENT_GAIN:g}",
        {
            "agreement": stored[1],
            "agreement by PCA": pca[1],
            "self_recall": stored[0],
            "self_recall by PCA": pca[0],
        },
        Outcome.SUPPORTS if gap >= AGREEMENT_GAIN else Outcome.REFUTES if gap <= 0 else Outcome.UNDECIDED,
        Cause.STALE_MAP,
    )


def breadth_experiment(correlation: Interval, questions: int) -> Experiment:
    """Return what the rank correlation of the targets' cohesion with the overlap says."""
    outcome = Outcome.UNDECIDED
    if correlation.mean >= SPEARMAN and correlation.low > 0:
        outcome = Outcome.SUPPORTS
    elif correlation.high < SPEARMAN:
        outcome = Outcome.REFUTES
    return Experiment(
        "cohesion of the targets against the overlap",
        "Do the questions whose nearest articles are unlike each other keep fewer of them?",
        f"a rank correlation of at least {SPEARMAN:g}",
        {
            "rank correlation": correlation.mean,
            "lower end": correlation.low,
            "upper end": correlation.high,
            "questions": float(questions),
        },
        outcome,
        Cause.BROAD,
    )

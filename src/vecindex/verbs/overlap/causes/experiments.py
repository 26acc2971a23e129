"""Experiments that speak for or against a cause: figures measured on purpose in, outcomes out. Pure functions.

The margins are conventions, as the thresholds of `verbs.overlap.diagnose` are. An outcome is reported only where
the figures are clear; in between it is "undecided".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from vecindex.core.nulls import Interval
from vecindex.messages import percent
from vecindex.verbs.overlap.causes.pseudo import MIN_KNOWN
from vecindex.verbs.overlap.causes.verdicts import (
    FAR_PERCENTILE,
    MERGING_HELPS,
    NEAR_PERCENTILE,
    Cause,
    Confidence,
    Verdict,
)

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
    """Return the experiments that bear on a cause; that on the style gap bears on missing coverage too."""
    return [e for e in experiments if e.cause is _BEARS_ON.get(cause, cause)]


def _outcome(in_favor: bool, against: bool) -> Outcome:
    return Outcome.SUPPORTS if in_favor else Outcome.REFUTES if against else Outcome.UNDECIDED


_IN_WORDS = {Outcome.SUPPORTS: "plays a part", Outcome.REFUTES: "ruled out", Outcome.UNDECIDED: "undecided"}


def outcome_in_words(experiment: Experiment, cause: Cause | None = None) -> str:
    """Return the outcome in words, after the name of its cause unless it is reported under that one.

    What rules a style gap out speaks for missing coverage, so under that the style gap is named.
    """
    named = "" if experiment.cause is cause else f"{experiment.cause}: "
    return named + _IN_WORDS[experiment.outcome]


def weighed(verdicts: Sequence[Verdict], experiments: Sequence[Experiment]) -> tuple[Verdict, ...]:
    """Return the verdicts with their confidence moved one step by an experiment on that very cause.

    Up where the cause plays a part, down where it is ruled out. The style gap and the coverage stay as they are:
    their verdict rests on that experiment already.
    """
    order = [Confidence.LOW, Confidence.MEDIUM, Confidence.HIGH]
    found = []
    for verdict in verdicts:
        outcomes = {e.outcome for e in experiments if e.cause is verdict.cause and e.cause is not Cause.STYLE}
        step = (Outcome.SUPPORTS in outcomes) - (Outcome.REFUTES in outcomes)
        moved = min(2, max(0, order.index(verdict.confidence) + step))
        found.append(replace(verdict, confidence=order[moved]))
    return tuple(found)


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
    judged = asked > 0 and known >= MIN_KNOWN
    far = percentile > FAR_PERCENTILE and real_percentile > FAR_PERCENTILE
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
        _outcome(judged and far, judged and percentile < NEAR_PERCENTILE),
        Cause.STYLE,
    )


def placement_experiment(gain: Interval, best: float, median: float, floor: float, outside: float) -> Experiment:
    """Return what the best positions against the median baseline say; `gain` is of the paired differences."""
    in_favor = outside < 0.5 and gain.mean >= CLEAR_GAIN and gain.low > 0
    # Where not even the best positions reach the floor, it is the placement, but no rule mends it.
    against = gain.high < CLEAR_GAIN and best >= floor - 1e-9
    return Experiment(
        "best position against the median baseline",
        "Does it depend on the rule by which a question is placed?",
        f"the best position keeps at least {percent(CLEAR_GAIN)} of k more than the median of the nearest articles",
        {
            "overlap at the best position": best,
            "overlap at the median": median,
            "gain": gain.mean,
            "gain, lower end": gain.low,
            "gain, upper end": gain.high,
            "snap_floor": floor,
            "targets_outside": outside,
        },
        _outcome(in_favor, against),
        Cause.PLACEMENT,
    )


def merging_experiment(overlap: float, merged: float) -> Experiment:
    """Return what counting a near-duplicate of a neighbor as that neighbor says."""
    gain = merged - overlap
    return Experiment(
        "near-duplicates merged",
        "Are the neighbors lost to copies of themselves?",
        f"the overlap rises by at least {percent(MERGING_HELPS)} of k",
        {"overlap": overlap, "overlap with duplicates merged": merged},
        _outcome(gain >= MERGING_HELPS, gain < NO_GAIN),
        Cause.DUPLICATES,
    )


def hub_experiment(distinct: tuple[float, float], hubs: tuple[float, float]) -> Experiment:
    """Return what ranking by CSLS says: share of different neighbors, and of hubs among them, before and after."""
    more, fewer = distinct[1] - distinct[0], hubs[0] - hubs[1]
    return Experiment(
        "ranked by CSLS",
        "Do the questions share articles only because these are near to everything?",
        f"distinct_ratio rises and hub_share falls, by at least {percent(CLEAR_GAIN)} each",
        {
            "distinct_ratio": distinct[0],
            "distinct_ratio by CSLS": distinct[1],
            "hub_share": hubs[0],
            "hub_share by CSLS": hubs[1],
        },
        _outcome(min(more, fewer) >= CLEAR_GAIN, min(more, fewer) < NO_GAIN),
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
        _outcome(gap >= AGREEMENT_GAIN, gap <= 0),
        Cause.STALE_MAP,
    )


def breadth_experiment(correlation: Interval, questions: int) -> Experiment:
    """Return what the rank correlation of the cohesion with the overlap says."""
    return Experiment(
        "cohesion of the true neighbors against the overlap",
        "Do the questions whose nearest articles are unlike each other keep fewer of them?",
        f"a rank correlation of at least {SPEARMAN:g}",
        {
            "rank correlation": correlation.mean,
            "lower end": correlation.low,
            "upper end": correlation.high,
            "questions": float(questions),
        },
        _outcome(correlation.mean >= SPEARMAN and correlation.low > 0, correlation.high < SPEARMAN),
        Cause.BROAD,
    )

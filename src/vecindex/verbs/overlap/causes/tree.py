"""Why neighbors do not survive on a map: measured facts in, causes out, the likeliest first. A pure function.

The order is that of the tree: a fault further up hides those below it, so it is repaired first.

1. hubs: a few articles are everybody's neighbors (so no map can keep the articles' own lists either)
2. stale map: the map does not show these vectors at all
3. duplicates: equally good neighbors, of which either list shows others
4. collapse: the questions lie on one spot, by shared neighbors or as an island of their own
5. placement: questions lie where even snapping would be better
6. coverage, or style: the articles are far from the questions, because they are missing or because of the wording
7. answers not found: the right articles are in the table and not among the nearest, so the neighbors are wrong ones
8. projection: two dimensions do not hold the neighborhoods, not even the articles' own
9. broad questions: their neighbors are not neighbors of each other
10. truncation: the model did not read the texts to their end (never more than a hint)

Thresholds are conventions, not laws; each verdict states the figures that it rests on.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from vecindex.core.overlap import ENOUGH, adjusted_for_chance, chance_level, snap_floor
from vecindex.verbs.overlap.causes.verdicts import NOTHING_TO_DO, Cause, Confidence, Facts, Verdict

__all__ = ["Cause", "Confidence", "Facts", "Verdict", "diagnose"]

STALE_SELF_RECALL = 0.02
"""Above chance. Maps of 21 million texts still reach 0.06 (Gonzalez-Marquez et al. 2024)."""
STALE_AGREEMENT = 0.55
"""A poor map, two principal components for instance, has hardly any self-recall either, but agrees far more."""
COLLAPSED = 0.1
"""Compactness on the map below this share of that in embedding space: the questions were drawn together."""
SHARED_TARGETS = 0.6
HUB_SHARE = 0.3
FAR_PERCENTILE = 95.0
NEAR_PERCENTILE = 75.0
DUPLICATED = 0.2
MERGING_HELPS = 0.1
TRUNCATED = 0.1
SURE_QUESTIONS = 10
"""The bootstrap interval of fewer questions is too narrow: it has too few values to draw from."""
ANSWERS_RECALL = 0.5
"""Of the right articles that are in the table and could be listed, fewer than every second one is."""


def diagnose(facts: Facts, goal: float = ENOUGH) -> tuple[Verdict, ...]:
    """Return the causes that the facts speak for, the likeliest first; a healthy case gives HEALTHY alone.

    Without a map only those are considered that embedding space shows. Where the overlap misses `goal` and nothing
    explains it, UNEXPLAINED is returned.
    """
    found = [verdict for rule in _RULES if (verdict := rule(facts, goal)) is not None]
    serious = [v for v in found if v.cause is not Cause.TRUNCATION]
    if serious:
        return tuple(found)
    if facts.overlap is None or facts.overlap >= goal:
        return (_healthy(facts, goal), *found)
    return (*_unexplained(facts), *found)


def _stale(f: Facts, goal: float) -> Verdict | None:
    if f.self_recall is None or f.agreement is None or f.articles <= f.k + 1:
        return None
    if f.agreement > STALE_AGREEMENT:
        return None
    if adjusted_for_chance(f.self_recall, f.k, f.articles - 1) > STALE_SELF_RECALL:
        return None
    return Verdict(
        Cause.STALE_MAP,
        "Even the articles lose all their neighbors on it: this map shows other vectors, or its rows are mixed up.",
        {
            "self_recall": f.self_recall,
            "chance": chance_level(f.k, f.articles - 1),
            "agreement (chance 0.5)": f.agreement,
        },
        Confidence.HIGH,
        "Place the same articles by PCA: their agreement and self-recall exceed this map's.",
        "Make the map anew from the vectors that the table holds now.",
    )


def _duplicates(f: Facts, goal: float) -> Verdict | None:
    gain = (f.merged - f.overlap) if f.merged is not None and f.overlap is not None else 0.0
    # With a map the merging proves it; without one their number is all there is.
    if gain < MERGING_HELPS and (f.overlap is not None or f.duplicated_targets < DUPLICATED):
        return None
    because = {"duplicated_targets": f.duplicated_targets}
    if f.merged is not None and f.overlap is not None:
        because |= {"overlap": f.overlap, "overlap with duplicates merged": f.merged}
    return Verdict(
        Cause.DUPLICATES,
        "Many of the nearest articles are near-duplicates of each other, so which of them a list shows is chance.",
        because,
        Confidence.HIGH if f.overlap is not None else Confidence.MEDIUM,
        "Count a near-duplicate of a neighbor as that neighbor (done where there is a map): the overlap rises.",
        "Remove the copies from the source and ingest again with --prune.",
    )


def _collapse(f: Facts, goal: float) -> Verdict | None:
    if f.map_compactness is None or math.isnan(f.map_compactness) or math.isnan(f.compactness):
        return None
    if f.map_compactness >= COLLAPSED * f.compactness or (f.overlap is not None and f.overlap >= goal):
        return None
    because = {
        "compactness on the map": f.map_compactness,
        "compactness in embedding space": f.compactness,
        "collapse_ceiling": f.collapse_ceiling,
        "distinct_ratio": f.distinct_ratio,
    }
    if f.collapse_ceiling >= 0.5 and f.distinct_ratio <= SHARED_TARGETS:
        return Verdict(
            Cause.SHARED_NEIGHBORS,
            "The questions lie on one spot because they share their nearest articles.",
            because,
            Confidence.MEDIUM,
            "Rank by CSLS or mutual proximity instead of the cosine: distinct_ratio rises, collapse_ceiling falls.",
            "Look at the shared articles (vecindex overlap --question ID); remove those that are not articles.",
        )
    return Verdict(
        Cause.ISLAND,
        "The questions lie on one spot of the map although they are not alike: they were fitted among themselves.",
        because | {"mixing": f.mixing, "mixing_chance": f.mixing_chance},
        Confidence.HIGH,
        "Place the same questions one by one against the map of articles: the spot dissolves.",
        "Never fit questions into a map. vecindex overlap places them by candidate search.",
    )


def _hubs(f: Facts, goal: float) -> Verdict | None:
    if f.hub_share < HUB_SHARE or f.distinct_ratio > SHARED_TARGETS:
        return None
    return Verdict(
        Cause.HUBS,
        "A few articles are among the nearest of very many: hubs, which one map can put beside few of them only.",
        {
            "hub_share": f.hub_share,
            "distinct_ratio": f.distinct_ratio,
            "collapse_ceiling": f.collapse_ceiling,
        },
        Confidence.HIGH if f.hub_share >= 0.5 else Confidence.MEDIUM,
        "Rank by CSLS or mutual proximity instead of the cosine: distinct_ratio rises, hub_share falls.",
        "Look at the hubs: very short or empty articles often are; remove or complete them, or try another model.",
    )


def _placement(f: Facts, goal: float) -> Verdict | None:
    if f.overlap is None or f.overlap >= snap_floor(f.k) - 1e-9:
        return None
    outside = f.targets_outside or 0.0
    return Verdict(
        Cause.PLACEMENT,
        "The questions keep less than snapping each onto its nearest article would give on any map."
        + (" Many of their nearest articles are not on the map." if outside >= 0.5 else ""),
        {"overlap": f.overlap, "snap_floor": snap_floor(f.k), "targets_outside": outside},
        Confidence.HIGH,
        "Place by candidate search on the same map: at least the snap floor at once, if the targets are on the map.",
        "Make the map anew with all articles." if outside >= 0.5 else "Place the questions by candidate search.",
    )


def _far(f: Facts, goal: float) -> Verdict | None:
    if not f.nearest_percentile > FAR_PERCENTILE:
        return None
    because = {"nearest_percentile": f.nearest_percentile}
    cause, confidence = Cause.COVERAGE_OR_STYLE, Confidence.MEDIUM
    style = None if f.pseudo_percentile is None else f.pseudo_percentile >= NEAR_PERCENTILE
    if f.pseudo_percentile is not None:
        because["pseudo_percentile"] = f.pseudo_percentile
        cause = Cause.STYLE if style else Cause.COVERAGE
        confidence = (
            Confidence.MEDIUM if NEAR_PERCENTILE <= f.pseudo_percentile <= FAR_PERCENTILE else Confidence.HIGH
        )
    if f.answers_absent is not None:
        because["answers_absent"] = f.answers_absent
        if f.answers_recall is not None and not math.isnan(f.answers_recall):
            because["answers_recall"] = f.answers_recall
        # The right articles are there (or not), whatever the distances say.
        missing = f.answers_absent >= 0.5
        cause = Cause.COVERAGE if missing else Cause.STYLE
        confidence = Confidence.HIGH if missing or confidence is Confidence.HIGH else Confidence.MEDIUM
        if style is not None and style is missing:
            confidence = Confidence.LOW if not missing else Confidence.MEDIUM
    experiment = (
        "Put the words of stored articles into the questions' wording (done by --explain): still far is a style gap, "
        "near is missing coverage."
    )
    return Verdict(cause, _FAR_SUMMARY[cause], because, confidence, experiment, _FAR_REMEDY[cause])


_FAR_SUMMARY = {
    Cause.COVERAGE: "The questions are farther from the articles than articles are from each other: their topic is "
    "missing from the table.",
    Cause.STYLE: "The questions are far from articles that do answer them: the model does not see what their wording "
    "asks for.",
    Cause.COVERAGE_OR_STYLE: "The questions are farther from the articles than articles are from each other: their "
    "topic is missing, or their wording is too different.",
}
_FAR_REMEDY = {
    Cause.COVERAGE: "Ingest articles on these topics. That brings right neighbors; the overlap need not rise.",
    Cause.STYLE: "Try a model made for questions (multi-qa-mpnet, E5 with its prompts), or use statements.",
    Cause.COVERAGE_OR_STYLE: 'Tell them apart first: add --explain, or give "answers" in the file of questions.',
}


def _answers(f: Facts, goal: float) -> Verdict | None:
    # Where the questions are far from all articles, `_far` has told it, with these figures.
    if f.answers_recall is None or not f.answers_recall < ANSWERS_RECALL or f.nearest_percentile > FAR_PERCENTILE:
        return None
    return Verdict(
        Cause.ANSWERS,
        "The right articles are in the table and not among the nearest: whatever the map keeps, it keeps wrong ones.",
        {"answers_recall": f.answers_recall, "answers_absent": f.answers_absent or 0.0},
        Confidence.HIGH if f.answers_recall < ANSWERS_RECALL / 2 else Confidence.MEDIUM,
        "Embed the same articles and questions by another model: the recall of the answers rises.",
        "Check the answers of the worst questions (--question ID), then try a model made for questions "
        "(multi-qa-mpnet, E5 with its prompts), chunks, or search --hybrid.",
    )


def _projection(f: Facts, goal: float) -> Verdict | None:
    if f.overlap is None or f.self_recall is None or f.overlap >= goal or _stale(f, goal) is not None:
        return None
    snap = snap_floor(f.k)
    expected = snap + (1 - snap) * f.self_recall
    if f.self_recall >= goal or f.overlap < expected - 0.25:
        return None
    because = {
        "overlap": f.overlap,
        "self_recall": f.self_recall,
        "snap_floor + (1 - snap_floor) self_recall": expected,
    }
    if f.soft_50 is not None:
        because["soft overlap within 50"] = f.soft_50
    return Verdict(
        Cause.PROJECTION,
        "The map does not keep the articles' own neighborhoods either; the questions do as well as it allows.",
        because,
        Confidence.HIGH if f.distinct_ratio > SHARED_TARGETS else Confidence.MEDIUM,
        "Make a map of the same vectors by another method (local instead of umap): the overlap follows its "
        "self-recall.",
        "If it is not of the default method, try that: vecindex project NAME. A map anchored to the questions keeps "
        "more of theirs: vecindex project --anchor --questions FILE",
    )


def _broad(f: Facts, goal: float) -> Verdict | None:
    if f.overlap is None or f.self_recall is None or f.overlap >= goal or f.self_recall < goal:
        return None
    if math.isnan(f.cohesion) or not f.cohesion < f.articles_cohesion - 0.1:
        return None
    return Verdict(
        Cause.BROAD,
        "The articles keep their neighbors, but a question's nearest articles are not near each other: it asks for "
        "several things.",
        {
            "overlap": f.overlap,
            "self_recall": f.self_recall,
            "cohesion": f.cohesion,
            "articles_cohesion": f.articles_cohesion,
        },
        Confidence.MEDIUM,
        "Split such a question into its parts: each part's overlap is higher.",
        "Ask narrower questions, or judge them by the soft overlap.",
    )


def _truncation(f: Facts, goal: float) -> Verdict | None:
    if f.truncated < TRUNCATED or (f.overlap is not None and f.overlap >= goal):
        return None
    return Verdict(
        Cause.TRUNCATION,
        "Many texts are longer than the model reads; what stands further down cannot be found by any question.",
        {"truncated": f.truncated},
        Confidence.LOW,
        "Embed the texts in chunks: questions on later parts come nearer.",
        "vecindex ingest SOURCE --chunk --table NAME",
    )


_RULES: tuple[Callable[[Facts, float], Verdict | None], ...] = (
    _hubs,
    _stale,
    _duplicates,
    _collapse,
    _placement,
    _far,
    _answers,
    _projection,
    _broad,
    _truncation,
)


def _healthy(f: Facts, goal: float) -> Verdict:
    because = {"nearest_percentile": f.nearest_percentile, "distinct_ratio": f.distinct_ratio}
    if f.overlap is None:
        summary = "Nothing is wrong with the questions in embedding space."
        confidence = Confidence.MEDIUM
    else:
        summary = f"The questions keep at least {goal:.0%} of their neighbors."
        because = {"overlap": f.overlap, "self_recall": f.self_recall or 0.0, **because}
        sure = f.overlap_low is not None and f.overlap_low >= goal and f.questions >= SURE_QUESTIONS
        confidence = Confidence.HIGH if sure else Confidence.MEDIUM
    return Verdict(Cause.HEALTHY, summary, because, confidence, "None is needed.", NOTHING_TO_DO)


def _unexplained(f: Facts) -> tuple[Verdict, ...]:
    because = {"overlap": f.overlap or 0.0, "self_recall": f.self_recall or 0.0}
    return (
        Verdict(
            Cause.UNEXPLAINED,
            "The overlap is low, and none of the known causes shows in the figures.",
            because,
            Confidence.LOW,
            "Look at the worst questions one by one.",
            "vecindex overlap --questions FILE --question ID",
        ),
    )

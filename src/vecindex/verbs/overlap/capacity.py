"""Causes that lie in two dimensions: what a map of these articles can hold, for them and for the questions."""

from __future__ import annotations

from vecindex.core.overlap import snap_floor
from vecindex.messages import Placeholder, command, text
from vecindex.verbs.overlap.causes.verdicts import Cause, Confidence, Verdict
from vecindex.verbs.overlap.facts import SHARED_NEIGHBORS, SURE_QUESTIONS, Facts
from vecindex.verbs.overlap.result import MapOverlap

HELD = 0.75
"""A map that keeps this much of what its articles could keep of each other holds them; see `causes.cliques`."""
REACHED = 0.75
"""Of the way from the floor to the ceiling. Good maps of 250,000 articles reach 0.87 to 0.91 of it."""


def projection(f: Facts, goal: float) -> Verdict | None:
    """Two dimensions do not hold the articles' own neighborhoods."""
    if f.on_map is None or not f.misses(goal) or f.stale or _holds_articles(f.on_map):
        return None
    overlap, recall = f.on_map.search.overlap.mean, f.on_map.self_recall.mean
    expected = snap_floor(f.k) + (1 - snap_floor(f.k)) * recall
    if not recall < goal or overlap < expected - 0.25:
        return None
    because = {
        "overlap": overlap,
        "self_recall": recall,
        "expected from the map's own quality": expected,
    }
    if f.on_map.cliques_kept is not None:
        because["cliques_kept"] = f.on_map.cliques_kept
    soft = f.on_map.search.soft.get(50)
    if soft is not None:
        because["soft overlap within 50"] = soft
    return Verdict(
        Cause.PROJECTION,
        "The map does not keep the articles' own neighborhoods either; the questions do as well as it allows.",
        because,
        Confidence.HIGH if f.space.distinct_ratio > SHARED_NEIGHBORS else Confidence.MEDIUM,
        "Make a map of the same vectors by another method (local instead of umap): the overlap follows its "
        "self-recall.",
        text(
            "If it is not of the default method, try that: ",
            command("project", Placeholder("NAME")),
            ". A map anchored to the questions keeps more of theirs: ",
            command("project", anchor=True, questions=Placeholder("FILE")),
        ),
    )


def _holds_articles(on_map: MapOverlap) -> bool:
    """Return whether the map keeps articles together that are near to each other; unknown, it does not."""
    return on_map.cliques_kept is not None and on_map.cliques_kept >= HELD


def scattered(f: Facts, goal: float) -> Verdict | None:
    """A good map, and questions whose nearest articles are not near to each other: the ceiling of two dimensions."""
    if (
        f.on_map is None
        or not f.misses(goal)
        or f.stale
        or f.on_map.ceiling is None
        or f.space.clique_ceiling is None
    ):
        return None
    overlap, ceiling, floor = f.on_map.search.overlap.mean, f.on_map.ceiling.mean, snap_floor(f.k)
    if not _holds_articles(f.on_map) or overlap - floor < REACHED * (ceiling - floor) - 1e-9:
        return None
    return Verdict(
        Cause.SCATTERED,
        "The map keeps about what can be expected of one that is not laid out for these questions: their nearest "
        "articles are not near to each other, so no position has them all around it.",
        {
            "overlap": overlap,
            "ceiling": ceiling,
            "clique_ceiling": f.space.clique_ceiling,
            "cliques_kept": f.on_map.cliques_kept or 0.0,
            "self_recall": f.on_map.self_recall.mean,
        },
        Confidence.HIGH if f.space.clique_ceiling < goal and f.questions >= SURE_QUESTIONS else Confidence.MEDIUM,
        "Lay a map out for these questions: their overlap rises above the ceiling, that of other questions does not.",
        text(
            "Nothing is wrong with the map. Draw a question alone, with all its nearest articles around it: ",
            command("lens", Placeholder("ID")),
            ". Make a map of the articles near to the questions alone, where fewer others come in between; expect "
            "some points more: ",
            command("project", Placeholder("NAME"), focus=Placeholder("FILE"), focus_size=Placeholder("M")),
            ". Or one laid out for them, which keeps most of theirs and no more of other questions': ",
            command("project", anchor=True, questions=Placeholder("FILE")),
        ),
    )


def broad(f: Facts, goal: float) -> Verdict | None:
    """A question's nearest articles are less alike than an article's own are."""
    if f.on_map is None or not f.misses(goal) or not f.on_map.self_recall.mean >= goal:
        return None
    if not f.space.cohesion < f.space.articles_cohesion - 0.1:
        return None
    return Verdict(
        Cause.BROAD,
        "The articles keep their neighbors, but a question's nearest articles are not near each other: it asks for "
        "several things.",
        {
            "overlap": f.on_map.search.overlap.mean,
            "self_recall": f.on_map.self_recall.mean,
            "cohesion": f.space.cohesion,
            "articles_cohesion": f.space.articles_cohesion,
        },
        Confidence.MEDIUM,
        "Split such a question into its parts: each part's overlap is higher.",
        "Ask narrower questions, or judge them by the soft overlap.",
    )

"""Causes that lie in two dimensions: what a map of these articles can hold, for them and for the questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vecindex.core.anchors import anchored_k, anchored_share
from vecindex.core.overlap import snap_floor
from vecindex.maps.methods import DEFAULT_METHOD
from vecindex.messages import Message, Placeholder, Text, command, percent, text
from vecindex.verbs.overlap.advice import commands
from vecindex.verbs.overlap.causes.verdicts import NOTHING_TO_DO, Advice, Cause, Confidence, Verdict
from vecindex.verbs.overlap.facts import SHARED_NEIGHBORS, SURE_QUESTIONS, Facts
from vecindex.verbs.overlap.ranked.cause import as_list
from vecindex.verbs.overlap.result import MapOverlap
from vecindex.verbs.overlap.space import known
from vecindex.verbs.the_map import MapKind

HELD = 0.75
"""A map that keeps this much of what its articles could keep of each other holds them; see `causes.cliques`."""
REACHED = 0.75
"""Of the way from the floor to the ceiling. Good maps of 250,000 articles reach 0.87 to 0.91 of it."""


def projection(f: Facts, goal: float) -> Verdict | None:
    """Two dimensions do not hold the articles' own neighborhoods."""
    if f.on_map is None or f.on_map.for_these or not f.misses(goal) or f.stale or _holds_articles(f.on_map):
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
    remedy, advice = _other_method(f, f.on_map) or for_these_questions(f)
    return Verdict(
        Cause.PROJECTION,
        "The map does not keep the articles' own neighborhoods either; the questions do as well as it allows.",
        because,
        Confidence.HIGH if f.space.distinct_ratio > SHARED_NEIGHBORS else Confidence.MEDIUM,
        "Make a map of the same vectors by another method (local instead of umap): the overlap follows its "
        "self-recall.",
        remedy,
        advice,
    )


def _other_method(f: Facts, on_map: MapOverlap) -> tuple[Text, tuple[Advice, ...]] | None:
    """Return the advice to make the default map; None where this is one, or where there is one."""
    made_by = on_map.about.get("method") if isinstance(on_map.about, Mapping) else None
    default = commands.first_map(f.situation)
    if made_by == DEFAULT_METHOD or default is None:
        return None
    why = "Make a map by the default method, which keeps more than others"
    return text(f"{why}: ", default), (Advice(f"{why}.", text(default)),)


def for_these_questions(f: Facts) -> tuple[Text, tuple[Advice, ...]]:
    """Return the advice to lay a map out for the questions, with its command; what is there instead where it is done.

    Where the questions are in no file that can be named again, the advice says what to do, without a command.
    """
    s = f.situation
    assert f.on_map is not None, "advice on a map"
    if f.ranked is not None:
        # A map is laid out by vectors, which are not this ranking.
        return as_list(f)
    done = s.newest(MapKind.ANCHORED)
    if done is not None:
        look = commands.ask_again(s, map=done)
        found = f'That was done: the map "{done}" is laid out for these questions'
        return text(found, ": ", look) if look else text(found, "."), ()
    wanted = commands.lay_out(s, f.on_map.name)
    if wanted is None:
        where = "" if s.questions is not None else "Put the questions into a file, and lay"
        file = s.questions or Placeholder("FILE")
        return text(where or "Lay", " a map out for them: ", command("project", anchor=True, questions=file)), ()
    why = "Lay a map out for these questions; it keeps most of theirs, and no more of others'"
    return text(f"{why}: ", wanted), (Advice(f"{why}.", text(wanted)),)


def laid_out(f: Facts, goal: float) -> Verdict | None:
    """Return what is to be said of a map that was laid out for the questions; None of another map."""
    if f.on_map is None or not f.on_map.for_these or f.stale or f.ranked is not None:
        return None
    return on_laid_out(f, f.on_map, goal)


def on_laid_out(f: Facts, on_map: MapOverlap, goal: float) -> Verdict:
    """Return what is to be said of a map that was laid out for some questions: it proves nothing of other ones."""
    focused, missed = on_map.kind == MapKind.FOCUSED, f.misses(goal)
    because = {"overlap": on_map.search.overlap.mean, "self_recall": known(on_map.self_recall.mean) or 0.0}
    why = "shows only the articles nearest to them" if focused else "was laid out for them"
    remedy: Message = NOTHING_TO_DO
    advice: tuple[Advice, ...] = ()
    if not on_map.for_these:
        whose = "the articles nearest to other questions" if focused else "a layout for other questions"
        summary = f"The questions keep at least {percent(goal)} of their neighbors, on a map of {whose}."
    elif not missed:
        summary = f"The questions keep at least {percent(goal)} of their neighbors on this map, which {why}."
    else:
        summary = f"The questions keep less than {percent(goal)} of their neighbors although the map {why}."
        remedy, advice = for_these_questions(f) if focused else _beyond(f, on_map)
    # Stored with the map, so of the k that it was laid out for.
    of = anchored_k(on_map.about)
    for name, found in (("unanchored", "unanchored"), ("held out", "held_out")):
        mean = anchored_share(on_map.about, found)
        if mean is not None:
            because[name if of in (None, f.k) else f"{name}, {of} nearest"] = mean
    return Verdict(
        Cause.LAID_OUT,
        summary,
        because,
        Confidence.HIGH,
        "Anchor to some of the questions and measure the others (held out): they keep what they kept before.",
        remedy,
        advice,
    )


def _beyond(f: Facts, on_map: MapOverlap) -> tuple[Text, tuple[Advice, ...]]:
    """Return what is left where a map that is anchored to the questions still misses the goal."""
    stronger = commands.lay_out_strongly(f.situation, on_map.name)
    if stronger is not None:
        why = "Anchor it strongly: all five nearest articles of each question, at some cost to other articles"
        return text(f"{why}: ", stronger), (Advice(f"{why}.", text(stronger)),)
    alone = commands.lens_of_worst(f.situation)
    words = "No layout is known to keep more of them. Ask narrower questions"
    return text(words, ", or draw a question alone: ", alone) if alone else text(words, "."), ()


def _holds_articles(on_map: MapOverlap) -> bool:
    """Return whether the map keeps articles together that are near to each other; unknown, it does not."""
    return on_map.cliques_kept is not None and on_map.cliques_kept >= HELD


def scattered(f: Facts, goal: float) -> Verdict | None:
    """A good map, and questions whose nearest articles are not near to each other: the ceiling of two dimensions."""
    if (
        f.on_map is None
        or f.on_map.for_these
        or not f.misses(goal)
        or f.stale
        or f.on_map.ceiling is None
        or f.space.clique_ceiling is None
    ):
        return None
    overlap, ceiling, floor = f.on_map.search.overlap.mean, f.on_map.ceiling.mean, snap_floor(f.k)
    remedy, advice = for_these_questions(f)
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
        remedy if f.ranked is not None else _to_see_more(f, remedy),
        advice,
    )


def _to_see_more(f: Facts, remedy: Text) -> Text:
    """Return the remedies of scattered neighbors: a question alone, the articles near to all, a layout for them."""
    alone = commands.lens_of_worst(f.situation)
    parts: list[Any] = ["Nothing is wrong with the map. "]
    if alone is not None:
        parts += ["Draw a question alone, with all its nearest articles around it: ", alone, ". "]
    focus = commands.focus(f.situation, f.articles, f.k)
    if focus is not None:
        parts += ["Make a map of the articles near to the questions alone; expect some points more: ", focus, ". "]
    return text(*parts, remedy)


def broad(f: Facts, goal: float) -> Verdict | None:
    """A question's nearest articles are less alike than an article's own are."""
    if f.on_map is None or f.on_map.for_these or not f.misses(goal) or not f.on_map.self_recall.mean >= goal:
        return None
    if not f.space.cohesion < f.space.articles_cohesion - 0.1:
        return None
    remedy, advice = for_these_questions(f)
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
        text("Ask narrower questions, or judge them by the soft overlap. ", remedy),
        advice,
    )

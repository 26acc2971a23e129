"""The cause that a ranker's hits have alone: it finds what is not near in embedding space, of which maps are made."""

from __future__ import annotations

from typing import Any

from vecindex.messages import Command, Text, command, text
from vecindex.verbs.overlap.causes.verdicts import Advice, Cause, Confidence, Verdict
from vecindex.verbs.overlap.facts import Facts

MOSTLY, NEARLY_ALL = 0.5, 0.75
"""Of the hits that the map loses, more than this share are not among the nearest in embedding space."""


def another_ranking(f: Facts, goal: float) -> Verdict | None:
    """Most of the lost hits are not near in embedding space."""
    found = None if f.on_map is None else f.on_map.ranked
    if f.ranked is None or found is None or not f.misses(goal) or f.stale:
        return None
    if found.lost_far is None or found.lost_far <= MOSTLY:
        return None
    assert f.on_map is not None, "it has the figures"
    because = {
        "overlap": f.on_map.search.overlap.mean,
        "overlap by meaning": found.by_meaning.mean,
        "hits that are near in embedding space": f.ranked.in_space.mean,
        "lost hits that are not": found.lost_far,
    }
    for name, value in (("kept of the near ones", found.near_kept), ("kept of the others", found.far_kept)):
        if value is not None:
            because[name] = value
    remedy, advice = as_list(f)
    return Verdict(
        Cause.RANKING,
        f"Most of the hits by {f.ranked.ranker} that the map loses are not among the questions' nearest in embedding "
        "space, and the map shows that space.",
        because,
        Confidence.HIGH if found.lost_far >= NEARLY_ALL else Confidence.MEDIUM,
        "Measure the same questions by meaning (done: overlap by meaning): the overlap is higher.",
        remedy,
        advice,
    )


def as_list(f: Facts) -> tuple[Text, tuple[Advice, ...]]:
    """Return the advice to read the ranking as a list, with the command for the worst question."""
    look, why = search_of_worst(f), "Read this ranking as a list; no layout of the vectors mends it"
    if look is None:
        return text(f"{why}."), ()
    return text(f"{why}: ", look), (Advice(f"{why}.", text(look)),)


def search_of_worst(f: Facts) -> Command | None:
    """Return the search that ranks as the measurement did, for the question that keeps least."""
    worst = f.situation.worst
    if worst is None or f.ranked is None:
        return None
    base, *_ = f.ranked.ranker.split("+")
    asked = f.situation.asking
    how: dict[str, Any] = {base: True} if base in ("words", "hybrid") else {}
    names = ("by", "words_weight", "rrf_k", "rerank", "rerank_depth", "diversity", "language")
    how |= {name: asked[name] for name in names if name in asked}
    if f.ranked.ranker.endswith("+diverse"):
        how["diverse"] = True
    if f.situation.past is not None:
        how["at"] = f.situation.past
    return command("search", worst.text, k=f.k, **how, **f.situation.model)

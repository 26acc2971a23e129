"""The result of `overlap` in six statements: what, which map, why, what was done, what to expect, what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vecindex.config import GOAL
from vecindex.core.anchors import anchored_k, anchored_share
from vecindex.core.overlap import reaches
from vecindex.messages import Message, Text, command, option, percent, text
from vecindex.verbs.overlap.advice.commands import look_at_worst
from vecindex.verbs.overlap.advice.situation import Situation
from vecindex.verbs.overlap.advice.why import these
from vecindex.verbs.overlap.causes.verdicts import NOTHING_TO_DO, Cause, Verdict
from vecindex.verbs.overlap.result import Answer, MapOverlap
from vecindex.verbs.the_map import MapKind, TheMap, kind_of, made_for, the_map

MOST = 4
"""Maps that are named of what was done."""
NO_MAP = "There is no map to measure overlap on."
FEW = 5
"""Fewer questions do not show what others keep; an interval of their mean would look as if they did."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the statements are made of.

    Attributes
    ----------
    maps : that were measured, the map first; `chosen` is why it is this one. Empty and None without a map.
    causes : of the map, the likeliest first.
    questions : how many; `k` nearest of each are compared. `by` is what is counted: "article" or "chunk".
    ranker : whose hits stand for the nearest; None for the nearest by vectors.
    """

    maps: Sequence[MapOverlap]
    chosen: TheMap | None
    causes: Sequence[Verdict]
    situation: Situation
    questions: int
    k: int
    by: str
    goal: float = GOAL
    ranker: str | None = None


def answer(m: Measured) -> Answer:
    """Return the six statements."""
    next_, wanted = _next(m)
    look = look_at_worst(m.situation)
    return Answer(
        figure=figure(m.maps[0], m.questions, m.k, m.by, m.goal, ranker=m.ranker) if m.maps else NO_MAP,
        map=_map(m),
        cause=cause_in_words(m.causes[0]),
        done=_done(m.situation),
        others=others(m.maps[0], m.questions, m.k, m.ranker) if m.maps else "not known without a map",
        next=next_,
        command=wanted,
        look=None if look is None else text(look),
    )


def verdict(m: Measured) -> str:
    """Return the figure, what else there is to know of it, and the main cause, in one line."""
    cause = m.causes[0].cause
    if not m.maps:
        return f"{NO_MAP} In embedding space, {cause.meaning}."
    on = f'on the map "{m.maps[0].name}"' if len(m.maps) > 1 else "on the map"
    goal = f"{shown_share(m.maps[0].search.overlap.mean, m.goal)}, goal {percent(m.goal)}"
    why = "Nothing is wrong." if cause is Cause.HEALTHY else f"Main cause: {cause.meaning}."
    if cause is Cause.LAID_OUT:
        why = m.causes[0].summary
    kept = _kept(m.maps[0], m.questions, m.k, m.by, m.ranker)
    return " ".join(part for part in (f"{kept} {on} ({goal}).", _compared(m), why) if part)


def cause_in_words(first: Verdict) -> str:
    """Return a cause in a clause, with its name and how sure it is."""
    if first.cause is Cause.HEALTHY:
        return "nothing is wrong"
    if first.cause is Cause.LAID_OUT:
        return first.summary
    return f"{first.cause.meaning} ({first.cause}, {first.confidence} confidence)"


def shown_share(share: float, goal: float = GOAL) -> str:
    """Return a share, with as many digits more as it takes to show that it misses the goal.

    >>> shown_share(0.595), shown_share(0.571), shown_share(0.6), shown_share(0.5996)
    ('59.5 %', '57 %', '60 %', '59.96 %')
    """
    digits = 0
    while digits < 3 and not reaches(share, goal) and percent(share, digits) == percent(goal, digits):
        digits += 1
    return percent(share, digits)


def _kept(found: MapOverlap, questions: int, k: int, by: str, ranker: str | None) -> str:
    mean = found.search.overlap.mean
    still = "still its nearest" if ranker is None else f"among its {k} nearest"
    if questions == 1:
        return f"Of the question's {these(k, by, ranker)} {k * mean:.0f} are {still}"
    return f"On average {k * mean:.1f} of a question's {these(k, by, ranker)} are {still}"


def figure(
    found: MapOverlap,
    questions: int,
    k: int,
    by: str,
    goal: float,
    on: str = "the map",
    ranker: str | None = None,
) -> str:
    """Return what questions keep on a map, next to the goal; `on` is what the map is called."""
    mean = found.search.overlap.mean
    reached = f"The goal of {percent(goal)} is {'met' if reaches(mean, goal) else 'missed'}"
    return f"{_kept(found, questions, k, by, ranker)} on {on}: {shown_share(mean, goal)}. {reached}."


def _compared(m: Measured) -> str | None:
    """Return what a map laid out for these questions keeps, next to a neutral one and to what others can expect."""
    laid_out = next((one for one in m.maps if one.for_these), None)
    if laid_out is None or m.ranker is not None:
        return None
    neutral = _neutral(m)
    focused = laid_out.kind == MapKind.FOCUSED
    what = "on the map of their nearest articles" if focused else "on the map laid out for these questions"
    parts = [f"{shown_share(laid_out.search.overlap.mean)} {what}"]
    parts += [f"{shown_share(neutral.search.overlap.mean)} on the neutral one"] if neutral else []
    held_out = _held_out(laid_out.about, m.k)
    parts += [f"{held_out} expected for others"] if held_out is not None else []
    return f"{', '.join(parts)}." if len(parts) > 1 else None


def _held_out(about: Any, k: int) -> str | None:
    """Return what questions kept that were held out of a layout; of how many nearest, where that is not k."""
    share, of = anchored_share(about, "held_out"), anchored_k(about)
    if share is None:
        return None
    return percent(share) if of in (None, k) else f"{percent(share)} of the {of} nearest"


def _neutral(m: Measured) -> MapOverlap | None:
    """Return the neutral map that stands for all of them, if one was measured."""
    some = {one.name: one.about for one in m.maps if MapKind(one.kind).is_neutral}
    if not some:
        return None
    name = the_map(some).name
    return next(one for one in m.maps if one.name == name)


def _map(m: Measured) -> str:
    if not m.maps or m.chosen is None:
        return "none; what follows is of embedding space alone"
    first, others = m.maps[0], []
    neutral = _neutral(m)
    if neutral is not None and neutral is not first:
        others.append(f'{shown_share(neutral.search.overlap.mean)} on the neutral map "{neutral.name}"')
    better = next((o for o in m.maps[1:] if MapKind(o.kind).is_neutral and o is not neutral), None)
    if better is not None and better.search.overlap.mean > first.search.overlap.mean:
        others.append(f'{shown_share(better.search.overlap.mean)} on "{better.name}"')
    laid_out = next((one for one in m.maps[1:] if one.for_these), None)
    if laid_out is not None:
        others.append(f'{shown_share(laid_out.search.overlap.mean)} on "{laid_out.name}", made for these questions')
    return "; ".join([f'"{m.chosen.name}" ({m.chosen.reason})', *others])


def _done(s: Situation) -> str:
    done = []
    for name, about in s.maps.items():
        what = _what(about, s)
        done.append(f'"{name}" {what}')
    more = [f"{len(done) - MOST:,} more maps"] if len(done) > MOST else []
    explained = ["the experiments"] if s.explained else []
    return ", ".join([*done[:MOST], *more, *explained]) or "nothing yet"


def _what(about: Any, s: Situation) -> str:
    kind = kind_of(about)
    if kind is MapKind.ADOPTED:
        return "taken over from elsewhere"
    if kind is MapKind.NEUTRAL:
        method = about.get("method") if isinstance(about, dict) else None
        return f"made by {method}" if method else "made"
    whose = "these" if made_for(about, s.asked) else "other"
    if kind is MapKind.FOCUSED:
        return f"of the articles nearest to {whose} questions"
    anchors = about.get("anchors") if isinstance(about, dict) else None
    strength = anchors.get("strength") if isinstance(anchors, dict) else None
    return f"laid out for {whose} questions" + (f" ({strength})" if strength else "")


def others(found: MapOverlap, questions: int, k: int, ranker: str | None = None) -> str:
    """Return what other questions can expect of a map, in a clause."""
    if ranker is not None and (found.for_these or "anchored_note" in found.about):
        return "not measured: the map was laid out for what is nearest by meaning"
    if found.for_these and found.kind == MapKind.FOCUSED:
        return "not measured: the articles nearest to other questions may not be on this map"
    if found.for_these or "anchored_note" in found.about:
        held_out = _held_out(found.about, k)
        if held_out is None:
            return "not known, for no questions were held out when the map was laid out"
        return f"{held_out}, as questions kept that were held out of the layout"
    if questions < FEW:
        return "not known from so few questions"
    overlap = found.search.overlap
    return f"if they are like these, {percent(overlap.low)} to {percent(overlap.high)} (95 % interval)"


def _next(m: Measured) -> tuple[Message, Text | None]:
    """Return what to do, and the command for it."""
    first, past = m.causes[0], m.situation.past
    if past is not None and first.remedy != NOTHING_TO_DO:
        return text(f"This is the table as it was tagged {past!r}. To go on, ask without ", option("at"), "."), None
    if not m.maps:
        return "Make a map.", text(command("project"))
    if first.advice:
        return first.advice[0].why, first.advice[0].command
    if first.remedy == NOTHING_TO_DO:
        return f"Nothing more to do{' for these questions' if first.cause is Cause.LAID_OUT else ''}.", None
    done = m.situation.newest(MapKind.ANCHORED)
    if done not in (None, m.maps[0].name) and first.cause in (Cause.PROJECTION, Cause.SCATTERED):
        return f'Nothing more to do on this map: "{done}" is laid out for these questions.', None
    return text("No further command mends this. ", first.remedy), None

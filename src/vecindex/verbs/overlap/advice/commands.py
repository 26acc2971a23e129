"""The commands that advice names, complete: each can be run as it is. None where one cannot be, or was done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vecindex.maps.methods import DEFAULT_METHOD
from vecindex.messages import Command, command
from vecindex.verbs.map_state import rebuilt_by
from vecindex.verbs.overlap.advice.situation import Situation
from vecindex.verbs.project.options import ANCHORED_NAME, DEFAULT_NAME
from vecindex.verbs.the_map import MapKind, kind_of, the_map

FOCUS_NAME = "focus"
FOCUS_ARTICLES = 10
"""Articles of a focus map for each of the k nearest of a question; fewer lose what lies between them."""
FOCUS_LEAST = 1_000
FOCUS_SHARE = 0.5
"""A focus of more than this share of the articles leaves out too few to be worth a map."""


def ask_again(s: Situation, **options: Any) -> Command | None:
    """Return `overlap` of the same questions, with more options; None where they cannot be named."""
    more = {**s.asking, **s.model, **options}
    if s.past is not None:
        more["at"] = s.past
    if s.questions is not None:
        return command("overlap", questions=s.questions, **more)
    # A question that was typed is the one that is shown.
    return None if s.typed is None else command("overlap", **{**more, "question": s.typed})


def look_at_worst(s: Situation) -> Command | None:
    """Return the command that shows the worst question's neighbors in both spaces."""
    return None if s.worst is None else ask_again(s, question=s.worst.id)


def lens_of_worst(s: Situation) -> Command | None:
    """Return the command that draws the worst question alone."""
    if s.worst is None:
        return None
    return command("lens", s.worst.id if s.worst.named else s.worst.text, **s.model)


def first_map(s: Situation) -> Command | None:
    """Return the command that makes a map of all articles by the default method; None where there is one."""
    if s.past is not None or s.made_by(DEFAULT_METHOD) is not None:
        return None
    name = s.free(DEFAULT_NAME)
    return command("project", *([] if name == DEFAULT_NAME else [name]))


def again(s: Situation, name: str, *, fresh: bool) -> Command | None:
    """Return the command after which a map shows what the table holds now.

    A map from elsewhere, or of a part of the articles, cannot be mended: the default one is made, or made again. An
    anchored one is derived again; its base comes first, unless that was made again since. With `fresh` a map begins
    from nothing that was there.
    """
    if s.past is not None:
        return None
    about = s.maps.get(name)
    kind = kind_of(about)
    if kind is MapKind.NEUTRAL:
        return _made(rebuilt_by(name, about), fresh)
    if kind is MapKind.ANCHORED:
        anchors = _anchors(about)
        base = str(anchors.get("base"))
        if base in s.maps and kind_of(s.maps[base]).is_neutral:
            made = s.maps[base].get("id") if isinstance(s.maps[base], Mapping) else None
            if anchors.get("base_id") == made:
                return again(s, base, fresh=fresh)
            if name == s.newest(MapKind.ANCHORED) and s.questions is not None:
                return _anchored(s, name, base, anchors.get("strength"))
    default = s.made_by(DEFAULT_METHOD)
    return first_map(s) if default is None else _made(rebuilt_by(default, s.maps[default]), fresh)


def lay_out(s: Situation, on_map: str) -> Command | None:
    """Return the command that lays a map out for the questions, from this map if it is of all articles."""
    if s.past is not None or s.questions is None or s.newest(MapKind.ANCHORED) is not None:
        return None
    neutral = {name: about for name, about in s.maps.items() if kind_of(about).is_neutral}
    if on_map in neutral:
        base = on_map
    elif neutral:
        base = the_map(neutral).name
    else:
        # The default map is made first; where its name is taken by another kind, there is no base to derive from.
        base = DEFAULT_NAME
        if base in s.maps:
            return first_map(s)
    return _anchored(s, s.free(ANCHORED_NAME), base)


def lay_out_strongly(s: Situation, name: str) -> Command | None:
    """Return the command that anchors the questions' map with the other strength, where it was anchored gently."""
    anchors = _anchors(s.maps.get(name))
    base = str(anchors.get("base"))
    if s.past is not None or s.questions is None or anchors.get("strength") != "gentle" or base not in s.maps:
        return None
    return _anchored(s, name, base, "strong")


def focus(s: Situation, articles: int, k: int) -> Command | None:
    """Return the command that maps the articles near to the questions alone, where that leaves out enough."""
    if s.past is not None or s.questions is None or s.newest(MapKind.FOCUSED) is not None:
        return None
    size = max(FOCUS_LEAST, FOCUS_ARTICLES * k * len(s.asked))
    if size > FOCUS_SHARE * articles:
        return None
    return command("project", s.free(FOCUS_NAME), focus=s.questions, focus_size=size, **s.model)


def _anchored(s: Situation, name: str, base: str, strength: Any = None) -> Command:
    options = {"base": None if base == DEFAULT_NAME else base, "questions": s.questions, "strength": strength}
    return command("project", *([] if name == ANCHORED_NAME else [name]), anchor=True, **options, **s.model)


def _anchors(about: Any) -> Mapping[str, Any]:
    found = about.get("anchors") if isinstance(about, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _made(by: Command, fresh: bool) -> Command:
    return replace(by, options={**by.options, "fresh": True}) if fresh else by

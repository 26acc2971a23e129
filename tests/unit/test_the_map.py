"""The one rule for which map is the map."""

from __future__ import annotations

from typing import Any

import pytest

from vecindex.core.anchors import set_digest, text_digest
from vecindex.verbs.the_map import MapKind, TheMap, digests_of, kind_of, made_for, the_map

ASKED = digests_of(["Why?", "How?"])


def made(day: int, recall: float = 0.5, **more: Any) -> dict[str, Any]:
    return {"made_at": f"2026-01-{day:02}T10:00:00+00:00", "scores": {"recall": {"5": {"mean": recall}}}, **more}


def anchored(day: int, *texts: str) -> dict[str, Any]:
    return made(day, anchored=True, anchors={"digests": [text_digest(one) for one in texts]})


def focused(day: int, *texts: str) -> dict[str, Any]:
    return made(day, focus={"size": 9, "set": set_digest(text_digest(one) for one in texts)})


FOR_THESE = anchored(1, "why?", "how?", "Who?")
NEAR_THESE = focused(1, "Why?", "How?")


@pytest.mark.parametrize(
    ("there", "name", "found"),
    [
        ({"map": made(1)}, None, TheMap("map", "the only one")),
        ({"map": made(1), "b": made(2)}, "map", TheMap("map", "as asked")),
        ({"map": made(2, 0.1), "b": made(1, 0.9)}, None, TheMap("map", "the newest neutral map")),
        ({"map": made(1, 0.1), "b": made(1, 0.9)}, None, TheMap("b", "the newest neutral map")),
        ({"z": made(1), "b": made(1)}, None, TheMap("b", "the newest neutral map")),
        # What another program left has no time, and is the oldest.
        ({"map": {"method": "cut"}, "b": made(1)}, None, TheMap("b", "the newest neutral map")),
        ({"map": "anything"}, None, TheMap("map", "the only one")),
        # A map made elsewhere is neutral too.
        ({"map": made(1), "b": made(2, imported={})}, None, TheMap("b", "the newest neutral map")),
        # One for these questions is first, however old.
        ({"map": made(9), "a": FOR_THESE}, None, TheMap("a", "laid out for these questions")),
        ({"map": made(9), "f": NEAR_THESE}, None, TheMap("f", "of the articles nearest to these questions")),
        ({"a": FOR_THESE}, None, TheMap("a", "laid out for these questions")),
        ({"f": focused(1, "Why?", "How?"), "a": anchored(2, "Why?", "How?")}, None, "a"),
        ({"f": focused(3, "Why?", "How?"), "a": anchored(2, "Why?", "How?")}, None, "f"),
        # One for others is last, however new.
        ({"map": made(1), "a": anchored(9, "Why?")}, None, TheMap("map", "the only neutral map")),
        ({"map": made(1), "f": focused(9, "Why?")}, None, TheMap("map", "the only neutral map")),
        (
            {"a": anchored(9, "Why?"), "f": focused(1, "Why?")},
            None,
            TheMap("f", "of the articles nearest to other questions; there is no neutral map"),
        ),
        ({"a": anchored(9, "Why?")}, None, TheMap("a", "laid out for other questions; there is no neutral map")),
    ],
)
def test_which_map_is_the_map(there: dict[str, Any], name: str | None, found: TheMap | str) -> None:
    chosen = the_map(there, ASKED, name)
    assert (chosen.name if isinstance(found, str) else chosen) == found


def test_without_questions_no_map_is_for_them() -> None:
    assert the_map({"map": made(1), "a": FOR_THESE}).name == "map"
    assert not made_for(anchored(1), frozenset())


def test_kinds() -> None:
    kinds = [kind_of(about) for about in (made(1), made(1, imported={}), NEAR_THESE, FOR_THESE, None)]
    assert kinds == [MapKind.NEUTRAL, MapKind.ADOPTED, MapKind.FOCUSED, MapKind.ANCHORED, MapKind.NEUTRAL]
    assert [kind.is_neutral for kind in kinds] == [True, True, False, False, True]

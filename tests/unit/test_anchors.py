"""What is told of an anchored map."""

from __future__ import annotations

import pytest

from vecindex.core.anchors import anchored_to


@pytest.mark.parametrize(
    ("count", "shown"), [(0, " (0 questions)"), (1, " (1 question)"), (1200, " (1,200 questions)"), (None, "")]
)
def test_the_number_of_questions(count: int | None, shown: str) -> None:
    about = {"anchored": True, "anchors": {"files": [{"name": "a.csv"}, "broken"], "questions": count}}
    assert anchored_to(about) == f"anchored to a.csv{shown}"


@pytest.mark.parametrize("anchors", [None, {}, {"files": None}, []])
def test_a_note_without_files(anchors: object) -> None:
    assert anchored_to({"anchored": True, "anchors": anchors}) == "anchored"
    assert anchored_to({"anchored": False, "anchors": anchors}) is None

"""One question on a terminal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from vecindex.cli.render.question import print_question
from vecindex.verbs.overlap.question import PlacedQuestion, QuestionRow


def test_an_anchored_map_is_never_shown_without_that(capsys: pytest.CaptureFixture[str]) -> None:
    placed = PlacedQuestion.__new__(PlacedQuestion)
    for name, value in {
        "overlap": 1.0,
        "neighbors": (),
        "neighbor_ranks": (),
        "target_ranks": (),
        "depth": 9,
    }.items():
        object.__setattr__(placed, name, value)
    row = QuestionRow(
        "q1", "why?", None, 0.1, 50.0, None, None, None, (), {n: {"search": placed} for n in ("a", "b")}
    )
    about = {"anchored": True, "anchors": {"files": [{"name": "x.jsonl"}], "questions": 3}}
    maps = [SimpleNamespace(name="a", about=about), SimpleNamespace(name="b", about={})]
    result: Any = SimpleNamespace(maps=maps, rows=[row], typed=None, questions=2, ranked=None)
    print_question(result, "q1")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("the map ")]
    assert lines == [
        'the map "a" (anchored to x.jsonl (3 questions)), best position: 100 % kept',
        'the map "b", best position: 100 % kept',
    ]

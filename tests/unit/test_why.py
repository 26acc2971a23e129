"""Why one question keeps what it keeps, from figures given by hand."""

from __future__ import annotations

from typing import Any

import pytest

from vecindex.verbs.overlap.advice.why import why
from vecindex.verbs.overlap.question import PlacedQuestion, QuestionRow

HARDLY_MORE = "are near to each other; hardly more can lie around one spot of a map that is not laid out for it."


def placed(overlap: float, ranks: tuple[int | None, ...]) -> PlacedQuestion:
    return PlacedQuestion(0.0, 0.0, overlap, overlap, {}, {}, None, (), 100, ranks, ())


def reasons(ranks: tuple[int | None, ...], clique: int | None, **more: Any) -> tuple[str, ...]:
    kept = sum(rank is not None and rank <= 5 for rank in ranks) / 5
    laid_out = {"anchored": {"search": placed(0.8, ())}}
    row = QuestionRow(
        "q1",
        "why?",
        None,
        0.4,
        more.get("percentile", 50.0),
        more.get("answers"),
        None,
        None,
        (),
        {"map": {"search": placed(kept, ranks)}, **laid_out},
        clique,
    )
    return why(row, 5, "article", "map", more.get("for_these", False), more.get("laid_out", ()))


def test_a_question_that_keeps_all_says_so() -> None:
    assert reasons((1, 2, 3, 4, 5), 3) == ("It keeps 5 of its 5 nearest articles on the map.",)


@pytest.mark.parametrize(
    ("clique", "said"),
    [
        (2, f"2 of the 5 {HARDLY_MORE}"),
        (1, f"No two of the 5 {HARDLY_MORE}"),
        (4, "4 of the 5 are near to each other and could lie around one spot: this map loses 2 of them."),
    ],
)
def test_scattered_neighbors_and_a_map_that_loses_them(clique: int, said: str) -> None:
    assert reasons((1, 5, 7, 40, None), clique) == (
        "It keeps 2 of its 5 nearest articles on the map.",
        said,
        "Of those it loses, the map has 2 at ranks 7, 40.",
        "1 is beyond the 100 nearest on the map.",
    )


def test_of_a_map_that_is_laid_out_for_it_nothing_is_expected() -> None:
    found = reasons((1, 2, 3, 4, None), 2, for_these=True)
    assert found[1] == "2 of the 5 are near to each other."


def test_the_embedding_comes_before_the_map() -> None:
    found = reasons((1, 2, 3, 4, None), None, percentile=99.0, answers=0.0, laid_out=("anchored",))
    assert found == (
        "It keeps 4 of its 5 nearest articles on the map.",
        "It is farther from its nearest article than 99 % of the articles are from theirs: its topic is missing, or "
        "its wording is unlike theirs.",
        "None of its right articles is among its nearest, so a map can only keep wrong ones.",
        "1 is beyond the 100 nearest on the map.",
        'On the map "anchored", which is laid out for it, it keeps 4.',
    )


def test_without_a_map() -> None:
    row = QuestionRow("q1", "why?", None, 0.4, 99.0, None, None, None, (), {})
    assert len(why(row, 5, "article", None, False)) == 1

"""The pages of `evaluate` and `compare`: their figures, hostile texts, and what is left out of a very long list."""

from __future__ import annotations

import pytest

from judged import compared, evaluated
from pages import HOSTILE, Page
from vecindex.reports.evaluate.page import MOST_QUESTIONS
from vecindex.reports.markup import clean


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_change_no_tag(text: str) -> None:
    for make in (evaluated, compared):
        found, plain = Page(make(text).to_html()), Page(make("plain").to_html())
        assert [name for name, _ in found.tags] == [name for name, _ in plain.tags]
        assert clean(text) in found.text


def test_the_figures_of_an_evaluation() -> None:
    found = Page(evaluated("t").to_html(made="2026-01-02 03:04 UTC"))
    assert "0.620 by words, 0.400 by meaning" in found.text
    measures = found.tables[0]
    assert measures[0][:3] == ["measure", "meaning", "words"]
    assert measures[1][:3] == ["ndcg@10", "0.4000.300 to 0.500", "0.6200.520 to 0.720"]
    assert measures[3][:3] == ["seconds a question", "0.2500", "0.1250"]
    for said in ("relevant (2)", "not relevant (0)", "not judged", "2026-01-02 03:04 UTC"):
        assert said in found.text


def test_of_very_many_questions_the_lowest_are_shown() -> None:
    found = evaluated("t", MOST_QUESTIONS + 7).to_html()
    assert "the 500 lowest, 7 more are not shown" in found
    assert "q499" in found
    assert "q500" not in found


def test_the_figures_of_a_comparison() -> None:
    found = Page(compared("other").to_html())
    differences, means, cost = found.tables[:3]
    assert differences[1] == ["ndcg@10", "+0.100+0.050 to +0.150", "below 0.001", "8", "2", "1"]
    assert differences[2][1] == "–"
    assert means[0][:3] == ["measure", "one", "other"]
    rows = {row[0]: row[1:] for row in cost}
    assert rows["MB on disk"] == ["2.5", "2.5"]
    assert rows["overlap on its map"] == ["0.6000.500 to 0.700other", "–"]
    assert "other" in found.text
    assert "ndcg@10 0.400, other, 384 values a vector, 40.0 texts embedded a second, 2.5 MB on disk" in found.text

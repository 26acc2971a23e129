"""The pages of `evaluate` and `compare`: their figures, hostile texts, and what is left out of a very long list."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from pages import HOSTILE, Page
from vecindex.core.nulls import Interval
from vecindex.reports.evaluate.page import MOST_QUESTIONS
from vecindex.reports.markup import clean
from vecindex.verbs.compare.result import ComparedQuestion, ComparedTable, CompareResult, MapFigure, Pair
from vecindex.verbs.evaluate.result import (
    Difference,
    EvaluatedQuestion,
    EvaluateResult,
    JudgedHit,
    JudgmentCounts,
    RankedQuestion,
    RankerFigures,
)


def interval(mean: float) -> Interval:
    return Interval(mean, mean - 0.1, mean + 0.1, 0.95, "question")


def ranked(text: str, value: float) -> RankedQuestion:
    hits = (
        JudgedHit(1, "a", None, text, 0.25, None, None, 2),
        JudgedHit(2, text, text, None, None, 1.5, 0.5, 0),
        JudgedHit(3, "c", None, "C", 0.5, None, None, None),
    )
    return RankedQuestion({"ndcg@10": value, "map": value / 2}, 1, hits)


def counts(text: str) -> JudgmentCounts:
    return JudgmentCounts(text, "trec", 12, 7, 1, 1, 2, 3, 0, 0)


def evaluated(text: str, questions: int = 2) -> EvaluateResult:
    return EvaluateResult(
        table=text,
        model=text,
        at=None,
        articles=1_400,
        by_chunks=False,
        questions_name=text,
        questions=questions,
        judged_by=counts(text),
        depth=100,
        min_grade=1,
        seed=0,
        embed_s=0.5,
        rankers=(
            RankerFigures("meaning", {"ndcg@10": interval(0.4), "map": interval(0.3)}, 0.5, 0),
            RankerFigures("words", {"ndcg@10": interval(0.62), "map": interval(0.2)}, 0.25, 1),
        ),
        items=tuple(
            EvaluatedQuestion(f"q{i}", text, 3, 0, {"meaning": ranked(text, i / 1e4), "words": ranked(text, 0.7)})
            for i in range(questions)
        ),
        notes=(text,),
    )


def compared(text: str) -> CompareResult:
    def table(name: str, on_map: MapFigure | None) -> ComparedTable:
        measures = {"ndcg@10": interval(0.4), "map": interval(0.3)}
        return ComparedTable(
            name,
            name,
            None,
            text,
            384,
            text,
            256,
            None,
            12,
            12,
            0,
            1,
            0.5,
            2_500_000,
            0.1,
            0.2,
            40.0,
            measures,
            on_map,
        )

    change = Difference(0.1, 0.05, 0.15, 0.0001, 0.0002, 8, 2, 1, 0.06)
    nothing = replace(change, mean=math.nan, low=math.nan, high=math.nan, p_adjusted=math.nan)
    item = ComparedQuestion(
        "q1", text, 3, {"one": ranked(text, 0.4), text: ranked(text, 0.5)}, {text: 0.1}, {text: 0.75}
    )
    return CompareResult(
        questions_name=text,
        questions=11,
        judged_by=counts(text),
        ranker="meaning",
        depth=100,
        min_grade=1,
        seed=0,
        measure="ndcg@10",
        persistence=0.9,
        tables=(table("one", MapFigure(text, text, 5, interval(0.6))), table(text, None)),
        pairs=(
            Pair(
                "one",
                text,
                {"ndcg@10": change, "map": nothing},
                interval(0.7),
                interval(0.8),
                0.5,
                f"{text}: figures",
            ),
        ),
        items=(item,),
        verdict=text,
        notes=(text,),
    )


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
    assert "Figures" in found.text

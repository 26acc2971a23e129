"""Results of `evaluate` and `compare` made by hand, for the tests of their pages."""

from __future__ import annotations

import math
from dataclasses import replace

from vecindex.core.nulls import Interval
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


def compared(text: str, questions: int = 1) -> CompareResult:
    def table(name: str, on_map: MapFigure | None) -> ComparedTable:
        measures = {"ndcg@10": interval(0.4), "map": interval(0.3)}
        return ComparedTable(
            name,
            name,
            text,
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
    items = tuple(
        ComparedQuestion(
            f"q{i}", text, 3, {"one": ranked(text, 0.4), text: ranked(text, 0.5 + i / 100)}, {text: 0.1}, {text: 0.75}
        )
        for i in range(1, questions + 1)
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
        items=items,
        verdict=text,
        notes=(text,),
    )

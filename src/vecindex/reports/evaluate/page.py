"""The result of `evaluate` as a page, made from the plain values of `EvaluateResult.to_dict()`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vecindex.reports.charts.strips import Strip, StripGroup, strip_chart
from vecindex.reports.evaluate.hits import side_by_side, three, with_interval
from vecindex.reports.figures import count, mean_of, number
from vecindex.reports.markup import Markup, given
from vecindex.reports.page import Section, page, rendered
from vecindex.reports.tables import Column, drawn, table

Values = Mapping[str, Any]
MOST_QUESTIONS = 500
"""More would make the page heavy; the lowest are shown."""
MEANINGS = {
    "ndcg@10": "order of the first 10 hits, by grades",
    "recall@10": "relevant articles that are among the first 10",
    "recall@100": "the same of the first 100",
    "mrr@10": "1 / rank of the first relevant hit",
    "map": "precision at each relevant article",
    "success@1": "questions whose first hit is relevant",
    "success@5": "a relevant hit among the first 5",
    "success@10": "a relevant hit among the first 10",
    "holes@10": "hits that nobody judged; lower is surer",
}


def evaluate_page(found: Values, *, version: str, made: str | None = None) -> str:
    """Return the page of a result; the same values give the same page.

    Parameters
    ----------
    found : `EvaluateResult.to_dict()`, or what the command line printed of it.
    version : of vecindex, for the page's footer.
    made : when, as the footer shows it; None leaves it out.
    """
    first = found["rankers"][0]
    best = max(found["rankers"], key=lambda one: mean_of(one["measures"][main_measure(found)]) or 0.0)
    return page(
        "evaluate.html",
        sections=[_measures(found), questions_section(found)],
        found=found,
        counts=found["judged_by"],
        first=first,
        best=best,
        main=main_measure(found),
        rankers=[(one["name"], _in_short(one, main_measure(found), found["questions"])) for one in found["rankers"]],
        made=made,
        version=version,
    )


def _in_short(one: Values, measure: str, questions: int) -> str:
    """Return what a ranker reaches and how long it takes, on one line."""
    interval = one["measures"][measure]
    ends = "" if number(interval["low"]) is None else f" ({three(interval['low'])} to {three(interval['high'])})"
    return f"{measure} {three(interval['mean'])}{ends}, {one['seconds'] / questions:.4f} s a question"


def main_measure(found: Values) -> str:
    """Return the measure that decides: nDCG@10, or MRR@10 where only texts of answers judge."""
    return str(next(iter(found["rankers"][0]["measures"])))


def _measures(found: Values) -> Section:
    names = list(found["rankers"][0]["measures"])
    columns = [Column("measure"), *(Column(given(one["name"]), figures=True) for one in found["rankers"])]
    columns.append(Column("what it is", wide=True))
    rows: list[list[object]] = [
        [name, *(with_interval(one["measures"][name]) for one in found["rankers"]), MEANINGS.get(name, "")]
        for name in names
    ]
    per_question = [f"{one['seconds'] / found['questions']:.4f}" for one in found["rankers"]]
    rows.append(["seconds a question", *per_question, "without embedding it"])
    figures = table(columns, rows, caption="Means over the questions, with intervals of 95 %")
    name = main_measure(found)
    groups = [StripGroup(one["name"], [_strip(one["measures"][name])]) for one in found["rankers"]]
    drawing = strip_chart("measure", f"{name} of each ranker", "Mean and interval of 95 %", groups, [], name)
    chart = drawn(f"{name} of each ranker", "The mean, and its interval of 95 % over draws of questions.", drawing)
    return Section("measures", "Measures", rendered("evaluate_measures.html", figures=figures, chart=chart))


def _strip(interval: Values) -> Strip:
    low, high = number(interval["low"]), number(interval["high"])
    return Strip("", number(interval["mean"]), low, high, "search")


def questions_section(found: Values) -> Section:
    """Return the questions, the lowest first, each with its hits."""
    name, first = main_measure(found), found["rankers"][0]["name"]
    names = [one["name"] for one in found["rankers"]]
    lowest = sorted(found["items"], key=lambda item: (item["rankers"][first]["measures"][name], item["id"]))
    rows = [_row(item, names, name, found["min_grade"]) for item in lowest[:MOST_QUESTIONS]]
    body = rendered(
        "evaluate_questions.html",
        rows=rows,
        names=names,
        main=name,
        left=len(lowest) - len(rows),
        shown=MOST_QUESTIONS,
    )
    return Section("questions", "Questions", body)


def _row(item: Values, names: Sequence[str], measure: str, min_grade: int) -> dict[str, Any]:
    found = [item["rankers"][name] for name in names]
    hits: Markup = side_by_side([(n, one["hits"]) for n, one in zip(names, found, strict=True)], min_grade)
    return {
        "id": item["id"],
        "text": item["text"],
        "relevant": count(item["relevant"]),
        "values": [(three(one["measures"][measure]), one["measures"][measure]) for one in found],
        "first": (count(found[0]["first_relevant"]), found[0]["first_relevant"]),
        "hits": hits,
    }

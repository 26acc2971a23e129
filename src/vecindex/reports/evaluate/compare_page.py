"""The result of `compare` as a page that two people can decide from, made from `CompareResult.to_dict()`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vecindex.reports.charts.strips import Strip, StripGroup, strip_chart
from vecindex.reports.evaluate.hits import side_by_side, signed, three, with_interval
from vecindex.reports.evaluate.page import MEANINGS, MOST_QUESTIONS
from vecindex.reports.figures import NONE, count, number, share
from vecindex.reports.markup import Markup, given, joined, tag
from vecindex.reports.page import Section, page, rendered
from vecindex.reports.tables import Column, drawn, table

Values = Mapping[str, Any]


def compare_page(found: Values, *, version: str, made: str | None = None) -> str:
    """Return the page of a result; the same values give the same page.

    Parameters
    ----------
    found : `CompareResult.to_dict()`, or what the command line printed of it.
    version : of vecindex, for the page's footer.
    made : when, as the footer shows it; None leaves it out.
    """
    sections = [
        _differences(found) if found["measure"] else None,
        _tables(found),
        _agreement(found),
        _questions(found),
    ]
    return page(
        "compare.html",
        sections=[section for section in sections if section is not None],
        found=found,
        counts=found["judged_by"],
        verdicts=[_headline(pair["verdict"]) for pair in found["pairs"]],
        costs=[(one["name"], _cost(one, found["measure"])) for one in found["tables"]],
        made=made,
        version=version,
    )


def _headline(verdict: str) -> tuple[str, str]:
    """Return what a verdict says, and the figures behind it.

    >>> _headline("b finds more than a: map 0.500 against 0.400.")
    ('b finds more than a', 'map 0.500 against 0.400.')
    """
    said, colon, figures = verdict.partition(": ")
    return said if colon else said.rstrip("."), figures


def _cost(one: Values, measure: str | None) -> str:
    """Return what a table reaches and what it costs, on one line."""
    mean = one["measures"].get(measure) if measure else None
    parts = [f"{measure} {three(mean['mean'])}"] if mean else []
    parts += [one["model"].rsplit("/", 1)[-1], f"{count(one['dimension'])} values a vector"]
    rate, disk = number(one["texts_per_s"]), number(one["live_bytes"])
    parts += [] if rate is None else [f"{_rate(rate)} texts embedded a second"]
    parts += [] if disk is None else [f"{_megabytes(disk)} MB on disk"]
    return ", ".join(parts)


def _differences(found: Values) -> Section:
    """Return the measures of each table, and each other table's differences from the first."""
    tables, measure = found["tables"], found["measure"]
    columns = [Column("measure"), *(Column(given(one["name"]), figures=True) for one in tables)]
    columns.append(Column("what it is", wide=True))
    rows: list[list[object]] = [
        [name, *(with_interval(one["measures"][name]) for one in tables), MEANINGS.get(name, "")]
        for name in tables[0]["measures"]
    ]
    means = table(columns, rows, caption="Means over the questions, with intervals of 95 %")
    parts: list[Markup] = []
    for pair in found["pairs"]:
        names = ("difference", "p", "more", "less", "equal")
        rows = [
            [name, _signed(one), _p(one["p"]), *(count(one[key]) for key in ("more", "less", "equal"))]
            for name, one in pair["differences"].items()
        ]
        caption = f"{pair['other']} minus {pair['first']}, question by question"
        heads = [Column(n, figures=True, wide=n in ("more", "less", "equal")) for n in names]
        parts.append(table([Column("measure"), *heads], rows, caption=caption))
    parts.append(means)
    groups = [StripGroup(one["name"], [_strip(one["measures"][measure])]) for one in tables]
    drawing = strip_chart("measure", f"{measure} of each table", "Mean and interval of 95 %", groups, [], measure)
    chart = drawn(f"{measure} of each table", "The mean, and its interval of 95 % over draws of questions.", drawing)
    body = rendered("compare_differences.html", parts=parts, chart=chart, measure=measure)
    return Section("differences", "Differences", body)


def _signed(one: Values) -> Markup:
    low, high = number(one["low"]), number(one["high"])
    ends = (
        None if low is None or high is None else tag("div", f"{signed(low)} to {signed(high)}", class_="small quiet")
    )
    return joined([signed(one["mean"]), ends])


def _p(value: Any) -> str:
    found = number(value)
    return NONE if found is None else "below 0.001" if found < 0.001 else f"{found:.3f}"


def _strip(interval: Values) -> Strip:
    low, high = number(interval["low"]), number(interval["high"])
    return Strip("", number(interval["mean"]), low, high, "search")


def _tables(found: Values) -> Section:
    """Return what made each table, and what it costs."""
    tables, n = found["tables"], found["questions"]
    rows: list[list[object]] = [
        ["model", *(given(one["model"]) for one in tables)],
        ["values of a vector", *(count(one["dimension"]) for one in tables)],
        ["prompt", *(given(one["prompt"]) if one["prompt"] else NONE for one in tables)],
        ["tokens read", *(count(one["max_tokens"]) for one in tables)],
        ["chunks", *(one["chunking"] or NONE for one in tables)],
        ["rows", *(count(one["rows"]) for one in tables)],
        ["articles", *(count(one["articles"]) for one in tables)],
        ["articles that the first table lacks", *(count(one["only_here"]) for one in tables)],
        ["articles of the first table that it lacks", *(count(one["lacks"]) for one in tables)],
        ["truncated texts", *(share(one["truncated_frac"]) for one in tables)],
        ["MB on disk", *(_megabytes(one["live_bytes"]) for one in tables)],
        ["seconds to rank a question", *(f"{one['rank_s'] / n:.4f}" for one in tables)],
        ["seconds to embed all questions", *(_seconds(one["embed_s"]) for one in tables)],
        ["texts embedded a second, last ingest", *(_rate(one["texts_per_s"]) for one in tables)],
        ["overlap on its map", *(_on_map(one["map"]) for one in tables)],
    ]
    if len({one["database"] for one in tables}) > 1:
        rows.insert(0, ["database", *(given(one["database"]) for one in tables)])
    columns = [Column(""), *(Column(given(one["name"]), figures=True) for one in tables)]
    body = table(columns, rows, caption="What made each table, and what it costs", css="facts")
    return Section("tables", "Tables and cost", body)


def _megabytes(value: Any) -> str:
    found = number(value)
    return NONE if found is None else f"{found / 1e6:,.1f}"


def _seconds(value: Any) -> str:
    found = number(value)
    return NONE if found is None else f"{found:.2f}"


def _rate(value: Any) -> str:
    found = number(value)
    return NONE if found is None else f"{found:,.1f}"


def _on_map(found: Values | None) -> Markup | str:
    if found is None:
        return NONE
    return joined([with_interval(found["overlap"]), tag("div", given(found["name"]), class_="small quiet")])


def _agreement(found: Values) -> Section:
    names = ("first 10 hits in common", f"rank-biased overlap, p {found['persistence']:g}", "same first hit")
    rows: list[list[object]] = [
        [given(pair["other"]), with_interval(pair["overlap"]), with_interval(pair["rbo"]), share(pair["same_first"])]
        for pair in found["pairs"]
    ]
    columns = [Column("table"), *(Column(name, figures=True) for name in names)]
    caption = f"How far the hits agree with those of {found['tables'][0]['name']}"
    return Section("agreement", "Agreement", table(columns, rows, caption=caption))


def _questions(found: Values) -> Section:
    """Return the questions, those that differ most first, each with its hits side by side."""
    names = [one["name"] for one in found["tables"]]
    rows = [_row(item, names, found) for item in found["items"][:MOST_QUESTIONS]]
    body = rendered(
        "compare_questions.html",
        rows=rows,
        names=names,
        measure=found["measure"],
        left=len(found["items"]) - len(rows),
        shown=MOST_QUESTIONS,
    )
    return Section("questions", "Questions", body)


def _row(item: Values, names: Sequence[str], found: Values) -> dict[str, Any]:
    measure = found["measure"]
    lists = [(name, item["tables"][name]["hits"]) for name in names]
    values = [item["tables"][name]["measures"].get(measure) for name in names] if measure else []
    rbo = [item["rbo"][name] for name in names[1:]]
    return {
        "id": item["id"],
        "text": item["text"],
        "values": [(three(value), value) for value in values],
        "most": max(map(abs, item["differences"].values()), default=0.0),
        "rbo": [(three(value), value) for value in rbo],
        "hits": side_by_side(lists, found["min_grade"]),
    }

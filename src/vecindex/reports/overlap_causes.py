"""Why neighbors are lost: each cause with its figures, its confidence, its proof and what helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vecindex.reports.figures import figure, spoken
from vecindex.reports.markup import Markup, given, joined, tag
from vecindex.reports.page import Section
from vecindex.reports.tables import Column, table

Values = Mapping[str, Any]


def causes_section(found: Values) -> Section | None:
    """Return the causes of the best map, and those of the other maps behind a click."""
    intro = tag(
        "p",
        "The likeliest first. One that comes first can hide those below it, so repair it and measure again. The "
        "thresholds are conventions; the figures are what was measured.",
        class_="quiet",
    )
    others = [
        tag(
            "details",
            tag("summary", "Causes on map ", given(one["name"]), ": ", ", ".join(v["cause"] for v in one["causes"])),
            _cards(one["causes"]),
        )
        for one in found["maps"][1:]
    ]
    where = None
    if found["maps"]:
        where = tag("h3", "On map ", given(found["maps"][0]["name"]))
    return Section("causes", "Causes", joined([intro, where, _cards(found["causes"]), *others]))


def experiments_section(found: Values) -> Section | None:
    """Return the experiments that were run; None where none was."""
    experiments = found.get("experiments") or ()
    if not experiments:
        return None
    columns = [Column("experiment"), Column("asks"), Column("expected"), Column("figures"), Column("outcome")]
    rows = [
        [
            given(spoken(one["name"])),
            given(one["question"]),
            given(one["expected"]),
            _figures(one["figures"]),
            _outcome(one),
        ]
        for one in experiments
    ]
    intro = tag("p", "Each speaks for or against one cause. The margins are conventions.", class_="quiet")
    return Section(
        "experiments",
        "Experiments",
        joined([intro, table(columns, rows, caption="What was tried, and what came of it")]),
    )


def _outcome(one: Values) -> Markup:
    cause = one.get("cause")
    return joined([given(one["outcome"]), ": " if cause else None, given(cause) if cause else None])


def _cards(causes: Sequence[Values]) -> Markup:
    return tag("div", *(_card(cause, i == 0) for i, cause in enumerate(causes)), class_="cards")


def _card(cause: Values, first: bool) -> Markup:
    entries: list[tuple[str, object]] = [
        ("Figures", _figures(cause["because"])),
        ("Proof", given(cause["experiment"])),
        ("Remedy", given(cause["remedy"])),
    ]
    return tag(
        "article",
        tag(
            "header",
            tag("h3", given(cause["cause"])),
            tag("span", f"{cause['confidence']} confidence", class_="quiet small"),
        ),
        tag("p", given(cause["summary"])),
        tag("dl", *(joined([tag("dt", name), tag("dd", value)]) for name, value in entries)),
        class_="card first" if first else "card",
    )


def _figures(figures: Values) -> Markup:
    told = (tag("li", given(spoken(name)), " ", tag("b", figure(value))) for name, value in figures.items())
    return tag("ul", *told, class_="figures")

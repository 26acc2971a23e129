"""The maps side by side: both placements with intervals, and what they are compared with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vecindex.config import GOAL
from vecindex.core.anchors import anchored_to
from vecindex.messages import counted, percent
from vecindex.reports.charts.plots import Mark
from vecindex.reports.charts.strips import Strip, StripGroup, strip_chart
from vecindex.reports.figures import count, ends, mean_of, number, share
from vecindex.reports.markup import Markup, given, joined, tag
from vecindex.reports.page import Section, rendered
from vecindex.reports.tables import Column, drawn, table

Values = Mapping[str, Any]
RULES = {"search": "best position", "median": "median baseline"}
"""Names of the two placement rules on pages."""


def the_map(found: Values, name: str) -> Markup:
    """Return how a map is named in a sentence; the only one needs no name.

    >>> the_map({"maps": [{}]}, "map"), the_map({"maps": [{}, {}]}, "umap")
    ('the map', 'the map “<bdi>umap</bdi>”')
    """
    return joined(["the map", *([" “", given(name), "”"] if len(found["maps"]) > 1 else [])])


def enough_of(k: int) -> str:
    """Return how many of k are enough.

    >>> enough_of(5), enough_of(10), enough_of(1), enough_of(4)
    ('3 of 5', '6 of 10', '1 of 1', '3 of 4')
    """
    return f"{math.ceil(GOAL * k - 1e-9)} of {k}"


def maps_section(found: Values) -> Section:
    """Return the section of the maps; without a map, what to do."""
    if not found["maps"]:
        advice = found["next"][0] if found["next"] else "Measuring overlap needs a map."
        return Section("maps", "Maps", tag("p", given(advice)))
    depths = list(found["maps"][0]["search"]["soft"])
    depth = "50" if "50" in depths else depths[-1] if depths else None
    extra = [
        (name, note, of)
        for name, note, of in _EXTRA
        if any(of(one[rule]) is not None for one in found["maps"] for rule in RULES)
    ]
    ceiling = any(one.get("ceiling") for one in found["maps"])
    names = ["map", "placement", f"overlap@{found['k']}", "interval", *(["ceiling"] if ceiling else [])]
    names += [enough_of(found["k"]), "none", "rank-weighted"]
    names += [f"soft@{depth}", f"close@{depth}"] if depth else []
    names += ["merged", "adjusted", *(name for name, _, _ in extra)]
    blank = [None] * (len(names) - 4)
    maps = [
        {
            "name": one["name"],
            "size": _size(one),
            "note": (one.get("about") or {}).get("anchored_note"),
            "rows": [
                *(
                    (label, _cells(one, rule, depth, ceiling, [of for _, _, of in extra]))
                    for rule, label in RULES.items()
                ),
                (
                    "self-recall",
                    [share(mean_of(one["self_recall"])), ends(one["self_recall"]), *blank],
                ),
            ],
        }
        for one in found["maps"]
    ]
    body = rendered(
        "maps.html",
        found=found,
        goal=percent(GOAL),
        enough=enough_of(found["k"]),
        strips=_strips(found),
        names=names,
        names_of=RULES,
        maps=maps,
        notes=[f"{name}: {note}" for name, note, _ in extra],
    )
    return Section("maps", "Maps", joined([body, _kinds(found)]))


def _kinds(found: Values) -> Markup | None:
    """Return the figures of each map by kind of question; None where no kinds are known."""
    rows = [
        [
            given(kind["kind"]),
            given(one["name"]),
            count(kind["questions"]),
            share(mean_of(kind["overlap"])),
            share(kind["ceiling"]),
            ends(kind["overlap"]),
            share(kind["enough"]),
        ]
        for one in found["maps"]
        for kind in one.get("by_kind") or []
    ]
    if not rows:
        return None
    names = ("kind", "map", "questions", f"overlap@{found['k']}", "ceiling", "interval", enough_of(found["k"]))
    columns = [Column(name, name not in ("kind", "map")) for name in names]
    return tag("div", table(columns, rows, caption="By kind of question, at the best positions"), class_="spaced")


_EXTRA: tuple[tuple[str, str, Callable[[Values], float | None]], ...] = (
    (
        "right articles",
        "recall of the known answers on the map",
        lambda placed: number((placed.get("answers") or {}).get("recall")),
    ),
    (
        "on topic",
        "share of the map's nearest that have the question's topic",
        lambda placed: mean_of(placed.get("topic_precision")),
    ),
)
"""Columns that are shown where a map has a value: name, meaning, value."""


def _cells(
    one: Values, rule: str, depth: str | None, ceiling: bool, extra: Sequence[Callable[[Values], float | None]]
) -> list[str]:
    placed = one[rule]
    cells = [share(mean_of(placed["overlap"])), ends(placed["overlap"])]
    cells += [share(mean_of(one["ceiling"]))] if ceiling else []
    cells += [share(mean_of(placed["enough"])), share(placed["none"]), share(mean_of(placed["rank_weighted"]))]
    cells += [share(placed["soft"].get(depth)), share(placed["reciprocal"].get(depth))] if depth else []
    return [*cells, share(placed["merged"]), share(placed["adjusted"]), *(share(of(placed)) for of in extra)]


def _size(one: Values) -> str:
    parts = counted(one["articles"], "article")
    if one.get("outside"):
        parts += f", {count(one['outside'])} of the table are not on it"
    anchors = anchored_to(one.get("about"))
    return f"{parts}; {anchors}" if anchors else parts


def _strips(found: Values) -> Markup:
    k = found["k"]
    groups = [
        StripGroup(
            one["name"],
            [
                *(_strip(label, one[rule]["overlap"], rule) for rule, label in RULES.items()),
                _strip("articles' self-recall", one["self_recall"], "own"),
            ],
        )
        for one in found["maps"]
    ]
    description = "; ".join(
        f"{group.label}: " + ", ".join(f"{s.label} {share(s.mean)}" for s in group.strips) for group in groups
    )
    marks = [
        Mark("chance", number(found["chance"]) or 0.0),
        Mark("floor", number(found["snap_floor"]) or 0.0),
        Mark(f"goal {percent(GOAL)}", GOAL),
    ]
    ceiling = number(found["space"].get("clique_ceiling"))
    if ceiling is not None:
        marks.append(Mark("ceiling", ceiling))
    title = f"Share of the {k} nearest articles that stay nearest"
    drawing = strip_chart("strips", title, description, groups, marks, f"overlap@{k}")
    by = found["maps"][0]["search"]["overlap"].get("by", "question")
    plural = "topics" if by == "topic" else "questions"
    note = f"Bars are 95% intervals, a bootstrap over {plural} (over articles for their self-recall)."
    return drawn(title, note, drawing, legend=_legend())


def _strip(label: str, interval: Values, kind: str) -> Strip:
    low, high = number(interval.get("low")), number(interval.get("high"))
    return Strip(label, mean_of(interval), low, high, kind)


def _legend() -> Markup:
    def entry(drawing: Markup, name: str) -> Markup:
        mark = tag("svg", drawing, class_="chart", viewBox="0 0 22 12", aria_hidden="true")
        return tag("li", mark, name)

    return tag(
        "ul",
        entry(tag("circle", cx=11, cy=6, r=5, class_="dot search"), "placed at the best position"),
        entry(tag("circle", cx=11, cy=6, r=5, class_="dot median"), "placed at the median"),
        entry(tag("path", d="M11 0L16 6L11 12L6 6Z", class_="dot own"), "self-recall of the articles"),
        class_="legend",
    )

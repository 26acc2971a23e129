"""The maps side by side: both placements with intervals, and what they are held against."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from vecindex.core.anchors import anchored_to
from vecindex.core.overlap import GOAL
from vecindex.reports.charts import Mark
from vecindex.reports.figures import count, ends, mean_of, number, share
from vecindex.reports.markup import Markup, given, joined, tag
from vecindex.reports.page import Section
from vecindex.reports.strips import Strip, StripGroup, strip_chart
from vecindex.reports.tables import drawn, scrolled

Values = Mapping[str, Any]
RULES = {"search": "candidate search", "median": "median"}


def enough_of(k: int) -> str:
    """Return how many of k are enough.

    >>> enough_of(5), enough_of(10), enough_of(1), enough_of(4)
    ('3 of 5', '6 of 10', '1 of 1', '3 of 4')
    """
    return f"{math.ceil(GOAL * k - 1e-9)} of {k}"


def maps_section(found: Values) -> Section | None:
    """Return the section of the maps; without one, what there is to do."""
    if not found["maps"]:
        advice = found["next"][0] if found["next"] else "Measuring overlap needs a map."
        return Section("maps", "Maps", tag("p", given(advice)))
    intro = tag(
        "p",
        "Each question is placed against the articles by two rules. Candidate search shows the most that the map can "
        "keep by this rule; the median of its nearest articles knows nothing of the measure.",
        class_="quiet",
    )
    drawn_beside = tag("div", _strips(found), _reading(found), class_="charts two beside")
    return Section("maps", "Maps", joined([intro, drawn_beside, _table(found)]))


def _reading(found: Values) -> Markup:
    """Return what the overlap is held against, in words."""
    told = [
        (f"Chance {share(found['chance'])}", "A map that knows nothing gives that."),
        (
            f"Snap floor {share(found['snap_floor'])}",
            "Putting each question onto its nearest article gives that on any map. At the floor it says nothing "
            "about the map.",
        ),
        (f"Goal {GOAL:.0%}", f"{enough_of(found['k'])} neighbors are taken to be enough; a convention."),
        (
            "Self-recall",
            "What the map keeps of the articles' own neighbors. Questions cannot be expected to do much better.",
        ),
    ]
    return tag("dl", *(joined([tag("dt", name), tag("dd", text)]) for name, text in told), class_="reading")


def _strips(found: Values) -> Markup:
    k = found["k"]
    groups = [
        StripGroup(
            one["name"],
            [
                *(_strip(label, one[rule]["overlap"], rule) for rule, label in RULES.items()),
                _strip("articles' own self-recall", one["self_recall"], "own"),
            ],
        )
        for one in found["maps"]
    ]
    told = "; ".join(
        f"{group.label}: " + ", ".join(f"{s.label} {share(s.mean)}" for s in group.strips) for group in groups
    )
    marks = [
        Mark("chance", number(found["chance"]) or 0.0),
        Mark("snap floor", number(found["snap_floor"]) or 0.0),
        Mark(f"goal {GOAL:.0%}", GOAL),
    ]
    title = f"Share of the {k} nearest articles that stay nearest"
    drawing = strip_chart("strips", title, told, groups, marks, f"overlap@{k}")
    by = found["maps"][0]["search"]["overlap"].get("by", "question")
    plural = "topics" if by == "topic" else "questions"
    note = f"Bars are intervals of 95 %, a bootstrap over {plural} (over articles for their self-recall)."
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
        entry(tag("circle", cx=11, cy=6, r=5, class_="dot search"), "placed by candidate search"),
        entry(tag("circle", cx=11, cy=6, r=5, class_="dot median"), "placed at the median"),
        entry(tag("path", d="M11 0L16 6L11 12L6 6Z", class_="dot own"), "the articles' own self-recall"),
        class_="legend",
    )


def _table(found: Values) -> Markup:
    k = found["k"]
    depths = list(found["maps"][0]["search"]["soft"])
    depth = "50" if "50" in depths else depths[-1] if depths else None
    names = ["map", "placement", f"overlap@{k}", "interval", enough_of(k), "none", "rank-weighted"]
    names += [f"soft@{depth}", f"plausible@{depth}"] if depth else []
    extra = {
        name: of for name, of in _EXTRA.items() if any(of(o[r]) is not None for o in found["maps"] for r in RULES)
    }
    names += ["merged", "adjusted", *extra]
    head = [tag("th", name, scope="col", class_="n" if i > 1 else None) for i, name in enumerate(names)]
    bodies = []
    for one in found["maps"]:
        rows = [*(_row(one, rule, depth, extra.values()) for rule in RULES), _own(one, len(names) - 4)]
        name = tag("th", given(one["name"]), _size(one), scope="rowgroup", rowspan=len(rows))
        bodies.append(tag("tbody", *(tag("tr", name if i == 0 else None, *cells) for i, cells in enumerate(rows))))
    rest = len(names) - 3
    compare = [
        tag(
            "tr",
            tag("th", label, scope="row", colspan=2),
            tag("td", share(value), class_="n"),
            *[tag("td")] * rest,
            class_="compare",
        )
        for label, value in (("chance, k/N", found["chance"]), ("snap floor, 1/k", found["snap_floor"]))
    ]
    bodies.append(tag("tbody", *compare))
    made_table = tag("table", tag("thead", tag("tr", *head)), *bodies)
    note = tag(
        "p",
        "soft: found within that many on the map; plausible: map neighbors that are within that many in embedding "
        "space; merged: a near-duplicate counts as the article; adjusted: 0 is chance, 1 perfect"
        + "".join(f"; {_EXTRA_NOTES[name]}" for name in extra)
        + ".",
        class_="small quiet",
    )
    return joined([scrolled(made_table, "Figures of each map"), note])


_EXTRA: dict[str, Callable[[Values], float | None]] = {
    "right articles": lambda placed: number((placed.get("answers") or {}).get("recall")),
    "on topic": lambda placed: mean_of(placed.get("topic_precision")),
}
_EXTRA_NOTES = {
    "right articles": "right articles: recall of the known answers on the map",
    "on topic": "on topic: share of the map's nearest that are on the question's topic",
}


def _row(
    one: Values, rule: str, depth: str | None, extra: Iterable[Callable[[Values], float | None]]
) -> list[Markup]:
    placed = one[rule]
    mean = share(mean_of(placed["overlap"]))
    cells = [tag("td", RULES[rule], class_="one-line"), tag("td", mean, class_="n key" if rule == "search" else "n")]
    told = [
        ends(placed["overlap"]),
        share(mean_of(placed["enough"])),
        share(placed["none"]),
        share(mean_of(placed["rank_weighted"])),
    ]
    told += [share(placed["soft"].get(depth)), share(placed["reciprocal"].get(depth))] if depth else []
    told += [share(placed["merged"]), share(placed["adjusted"]), *(share(of(placed)) for of in extra)]
    return [*cells, *(tag("td", cell, class_="n") for cell in told)]


def _own(one: Values, blank: int) -> list[Markup]:
    own = one["self_recall"]
    told = [tag("td", share(mean_of(own)), class_="n"), tag("td", ends(own), class_="n")]
    return [tag("td", "self-recall", class_="one-line"), *told, *[tag("td")] * blank]


def _size(one: Values) -> Markup:
    told = f"{count(one['articles'])} articles"
    if one.get("outside"):
        told += f", {count(one['outside'])} of the table are not on it"
    if anchors := anchored_to(one.get("about")):
        told += f"; {anchors}"
    note = (one.get("about") or {}).get("anchored_note")
    return joined(
        [tag("div", told, class_="small quiet"), *([tag("div", given(note), class_="small")] if note else [])]
    )

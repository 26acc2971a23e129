"""Would more articles help? Figures of nested samples of the table, with their trends."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vecindex.reports.charts.plots import Series, line_chart
from vecindex.reports.charts.scales import Axis, log_axis, nice_axis, share_axis
from vecindex.reports.figures import count, distance, ends, figure, mean_of, number, share, spoken
from vecindex.reports.markup import Markup, given, joined, tag
from vecindex.reports.overlap.curves import DRAWN
from vecindex.reports.page import Section
from vecindex.reports.tables import Column, drawn, table

Values = Mapping[str, Any]
_SEMANTIC = {"answers_recall": "recall", "mrr": "MRR", "topic_precision": "topic precision"}
_DISTANCES = ("nearest_dist",)
_WORDS = _SEMANTIC | {"nearest_dist": "nearest distance"}


def corpus_section(found: Values) -> Section | None:
    """Return the curves over nested samples of the corpus; None where they were not measured."""
    what_if = found.get("what_if")
    if not what_if or not what_if.get("points"):
        return None
    points = sorted(what_if["points"], key=lambda point: point["articles"])
    names = [one["name"] for one in found["maps"] if any(one["name"] in (p.get("overlap") or {}) for p in points)]
    drawings = [
        _drawing(
            points,
            "nearest-articles",
            "Distance to the nearest article",
            "The median over the questions; lower is closer.",
            [("questions", "nearest distance", [p.get("nearest_dist") for p in points])],
            distance,
        ),
        _drawing(
            points,
            "nested-overlap",
            "Overlap",
            "On the stored maps, with only the sampled articles on them.",
            [(name, f"overlap on {name}", [(p.get("overlap") or {}).get(name) for p in points]) for name in names],
            share,
        ),
        _drawing(
            points,
            "semantics",
            "Right articles",
            "Whether right articles, or articles on the topic, are found in embedding space.",
            [(label, label, [p.get(key) for p in points]) for key, label in _SEMANTIC.items()],
            share,
        ),
    ]
    body = [
        tag("p", given(what_if["summary"])) if what_if.get("summary") else None,
        tag(
            "p",
            "The same questions compared with nested samples of the stored articles. They can show a trend; they "
            "promise nothing about articles that are not in the table.",
            class_="quiet",
        ),
        tag("div", *drawings, class_="charts"),
        _trends(what_if.get("trends") or ()),
        tag("p", given(what_if["note"]), class_="small quiet") if what_if.get("note") else None,
    ]
    return Section("corpus", "More articles?", joined(body))


def _drawing(
    points: Sequence[Values],
    name: str,
    title: str,
    note: str,
    lines: Sequence[tuple[str, str, Sequence[Any]]],
    show: Callable[[Any], str],
) -> Markup | None:
    kept = [line for line in lines if any(mean_of(value) is not None for value in line[2])]
    if not kept:
        return None
    series = [_series(points, label, values, i) for i, (label, _, values) in enumerate(kept[:DRAWN])]
    axis = log_axis("articles (each sample has the smaller ones)", [float(p["articles"]) for p in points], _short)
    y = share_axis("") if show is share else _fitted(series)
    description = "; ".join(
        f"{full}: "
        + ", ".join(f"{count(p['articles'])}: {show(mean_of(v))}" for p, v in zip(points, values, strict=True))
        for _, full, values in kept
    )
    columns = [Column("articles", True), Column("share of the table", True)]
    for _, full, _ in kept:
        columns += [Column(given(full), True), Column("interval", True)]
    rows = []
    for p, *values in zip(points, *(line[2] for line in kept), strict=True):
        cells = [cell for value in values for cell in (show(mean_of(value)), ends(value, show))]
        rows.append([count(p["articles"]), share(p["share"]), *cells])
    drawing = line_chart(name, title, description, series, axis, y)
    return drawn(title, note, drawing, table(columns, rows, caption=title))


def _series(points: Sequence[Values], label: str, values: Sequence[Any], style: int) -> Series:
    means, whiskers = [], []
    for point, interval in zip(points, values, strict=True):
        x = float(point["articles"])
        mean, low, high = (number((interval or {}).get(end)) for end in ("mean", "low", "high"))
        if mean is not None:
            means.append((x, mean))
            if low is not None and high is not None:
                whiskers.append((x, low, high))
    return Series(label, means, whiskers, style)


def _fitted(series: Sequence[Series]) -> Axis:
    """Return an axis that holds the means and their intervals."""
    values = [y for one in series for _, y in one.points]
    values += [end for one in series for _, low, high in one.whiskers for end in (low, high)]
    return nice_axis("", min(values), max(values))


def _short(value: float) -> str:
    """Return a number of articles for an axis.

    >>> _short(66), _short(25_000), _short(2_500), _short(1_500_000)
    ('66', '25k', '2.5k', '1.5M')
    """
    for unit, factor in (("M", 1e6), ("k", 1e3)):
        if value >= factor:
            return f"{value / factor:.3g}{unit}"
    return f"{value:.0f}"


def _trends(trends: Sequence[Values]) -> Markup | None:
    if not trends:
        return None
    columns = [
        Column("figure"),
        Column("map"),
        Column("per doubling", True),
        Column("interval", True),
        Column("verdict"),
    ]
    rows = []
    for one in trends:
        # A change is written with + or -; that of a share in percentage points.
        show = _change if one["figure"] in _DISTANCES else _points
        rows.append(
            [
                _WORDS.get(one["figure"], spoken(one["figure"])),
                given(one["map"]) if one.get("map") else "",
                show(mean_of(one["per_doubling"])),
                ends(one["per_doubling"], show),
                given(one["verdict"]),
            ]
        )
    return table(columns, rows, caption="Change with each doubling of the articles")


def _points(value: Any) -> str:
    """Return a change of a share in percentage points.

    >>> _points(-0.0234), _points(0.1), _points(None)
    ('-2.3 points', '+10.0 points', '–')
    """
    found = number(value)
    return figure(None) if found is None else f"{100 * found:+.1f} points"


def _change(value: Any) -> str:
    found = number(value)
    return figure(None) if found is None else f"{found:+.3g}"

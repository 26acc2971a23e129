"""The spread of the figures over the questions, and their course over the number of neighbors."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from vecindex.messages import counted
from vecindex.reports.charts.plots import Mark, Series, bar_chart, histogram, line_chart
from vecindex.reports.charts.scales import Axis, log_axis, nice_axis, nice_ticks, share_axis
from vecindex.reports.figures import distance, figure, mean_of, number, share
from vecindex.reports.markup import Markup, given, joined, tag
from vecindex.reports.overlap.maps import RULES, the_map
from vecindex.reports.page import Section
from vecindex.reports.tables import Column, drawn, table

Values = Mapping[str, Any]
DRAWN = 4
"""Maps in one drawing; its table has all of them."""
MOST_BARS = 12
OWN = "self-recall"


def binned(values: Sequence[float], edges: Sequence[float]) -> list[int]:
    """Return how many values lie between each two edges; one on an edge counts above it, on the last one below.

    >>> binned([0, 1, 1.5, 2], [0, 1, 2])
    [1, 3]
    """
    counts = [0] * (len(edges) - 1)
    for value in values:
        counts[min(max(bisect_right(edges, value) - 1, 0), len(counts) - 1)] += 1
    return counts


def spread_section(found: Values) -> Section | None:
    """Return the spread of overlap and distance over the questions."""
    bars = [_overlap_bars(found, i, one["name"]) for i, one in enumerate(found["maps"][:DRAWN])]
    return Section("spread", "Spread", tag("div", *bars, _distances(found), _percentiles(found), class_="charts"))


def _overlap_bars(found: Values, index: int, name: str) -> Markup:
    k = found["k"]
    if k <= MOST_BARS:
        labels = [str(i) for i in range(k + 1)]
        edges = [i - 0.5 for i in range(k + 2)]
        unit, x_label = k, f"neighbors kept, of {k}"
    else:
        labels = [f"{10 * i}%+" for i in range(10)]
        edges = [i / 10 - 1e-9 for i in range(10)] + [1.0]
        unit, x_label = 1, f"share kept of {k}"
    counts = {
        rule: binned([v * unit for row in found["rows"] if (v := _overlap(row, name, rule)) is not None], edges)
        for rule in RULES
    }
    title = f"Overlap on map {name}"
    drawing = bar_chart(
        f"spread-{index}",
        title,
        f"Questions by {x_label}: {_listed(labels, counts['search'])}.",
        labels,
        counts["search"],
        counts["median"],
        x_label=x_label,
        y_label="questions",
    )
    columns = [Column(x_label), *(Column(label, True) for label in RULES.values())]
    values = table(columns, list(zip(labels, *counts.values(), strict=True)), caption=title)
    note = "How many questions keep how many. Full bars: best position; hollow bars: median baseline."
    return drawn(joined(["Overlap on ", the_map(found, name)]), note, drawing, values)


def _overlap(row: Values, name: str, rule: str) -> float | None:
    return number(row["maps"][name][rule]["overlap"])


def _listed(labels: Sequence[str], counts: Sequence[int]) -> str:
    return ", ".join(f"{label}: {n}" for label, n in zip(labels, counts, strict=True))


def _distances(found: Values) -> Markup | None:
    values = [d for row in found["rows"] if (d := number(row["nearest_dist"])) is not None]
    if not values:
        return None
    medians = {"articles, median": "articles_nearest_dist", "questions, median": "nearest_dist"}
    known = {label: value for label, key in medians.items() if (value := number(found["space"][key])) is not None}
    marks = [Mark(f"{label} {distance(value)}", value) for label, value in known.items()]
    reach = [*values, *known.values()]
    edges = nice_ticks(min(reach), max(reach), 12)
    axis = nice_axis("cosine distance (lower is closer)", edges[0], edges[-1])
    ticks = [tick for tick in axis.ticks if edges[0] <= tick <= edges[-1]]
    return _histogram(
        "distances",
        "Distance to the nearest article",
        "In embedding space, with the medians of the questions and of the articles themselves.",
        values,
        edges,
        replace(axis, low=edges[0], high=edges[-1], ticks=ticks),
        lambda edge: f"{edge:.4g}",
        "distance",
        marks=marks,
    )


def _percentiles(found: Values) -> Markup | None:
    values = [p for row in found["rows"] if (p := number(row["nearest_percentile"])) is not None]
    if not values:
        return None
    return _histogram(
        "percentiles",
        "Percentile of that distance",
        "Among the articles' own nearest distances. All bars on the right: far from every article.",
        values,
        [10.0 * i for i in range(11)],
        Axis("percentile (higher is farther)", 0, 100, (0, 20, 40, 60, 80, 100), lambda v: f"{v:.0f}"),
        lambda edge: f"{edge:.0f}",
        "percentile",
        level=Mark("if questions were articles", len(values) / 10),
    )


def _histogram(
    name: str,
    title: str,
    note: str,
    values: Sequence[float],
    edges: Sequence[float],
    axis: Axis,
    show: Callable[[float], str],
    column: str,
    **marks: Any,
) -> Markup:
    """Return questions counted between edges, with the counts as a table."""
    counts = binned(values, edges)
    names = [f"{show(low)} to {show(high)}" for low, high in pairwise(edges)]
    drawing = histogram(name, title, _listed(names, counts), edges, counts, x=axis, y_label="questions", **marks)
    rows = list(zip(names, counts, strict=True))
    return drawn(title, note, drawing, table([Column(column), Column("questions", True)], rows, caption=title))


def curves_section(found: Values) -> Section | None:
    """Return the curves over k, and those of the soft and the reciprocal overlap; None without a map."""
    if not found["maps"]:
        return None
    k, n = found["k"], found["articles"]
    drawings = [
        _curve(
            found,
            "by-k",
            "Overlap at each k",
            f"The share of the k nearest that are also the k nearest on the map. Questions are placed for k = {k}.",
            "k, neighbors",
            lambda placed: _curve_points(placed.get("by_k")),
            own="self_by_k",
        ),
        _curve(
            found,
            "soft",
            f"Where the {k} nearest went",
            f"The share of them that are within the K nearest on the map; at K = {k} it is the overlap.",
            "K, neighbors on the map",
            lambda placed: _curve_points({k: mean_of(placed["overlap"]), **(placed.get("soft") or {})}),
            own="self_soft",
        ),
        _curve(
            found,
            "close",
            "Are the map's neighbors close?",
            "The share of a question's neighbors on the map that are within its K nearest in embedding space.",
            "K, neighbors in embedding space",
            lambda placed: _curve_points({k: mean_of(placed["overlap"]), **(placed.get("reciprocal") or {})}),
        ),
    ]
    if not any(drawings):
        return None
    note = f"Thin and gray: chance with {counted(n, 'article')}. The axes of neighbors are logarithmic."
    more = f" The first {DRAWN} maps are drawn; the values are of all maps." if len(found["maps"]) > DRAWN else ""
    return Section(
        "curves", "Curves", joined([tag("p", note + more, class_="quiet"), tag("div", *drawings, class_="charts")])
    )


def _curve_points(values: Mapping[Any, Any] | None) -> list[tuple[float, float]]:
    """Return (k, share), ascending, of the values that are numbers; a k counts once, as a number or as text.

    >>> _curve_points({10: 0.4, "5": 0.2, "10": 0.5, "20": None})
    [(5.0, 0.2), (10.0, 0.5)]
    """
    found = {float(key): number(value) for key, value in (values or {}).items()}
    return sorted((key, value) for key, value in found.items() if value is not None)


def _curve(
    found: Values, name: str, title: str, note: str, x_label: str, points_of: Any, own: str = ""
) -> Markup | None:
    best = found["maps"][0]
    lines = [(one["name"], one["name"], points_of(one["search"])) for one in found["maps"]]
    if len(lines) == 1:
        lines.append(("median", f"{best['name']}, at the median", points_of(best["median"])))
    best_own = _curve_points({found["k"]: mean_of(best["self_recall"]), **best[own]}) if best.get(own) else []
    if best_own:
        lines.append((OWN, f"self-recall of the articles on {best['name']}", best_own))
    xs = sorted({x for _, _, points in lines for x, _ in points})
    if not xs:
        return None
    chance = [(x, min(1.0, x / found["articles"])) for x in xs]
    series = [Series(label, points, style=i) for i, (label, _, points) in enumerate(_drawn(lines))]
    series.append(Series("chance", chance, style=None))
    description = "; ".join(
        f"{full}: " + ", ".join(f"{figure(x)}: {share(y)}" for x, y in points) for _, full, points in lines
    )
    axis = log_axis(x_label, xs, lambda value: f"{value:.0f}")
    drawing = line_chart(f"curve-{name}", title, description, series, axis, share_axis(""))
    columns = [Column(x_label), *(Column(given(full), True) for _, full, _ in lines), Column("chance", True)]
    rows = [[figure(x), *(share(dict(points).get(x)) for _, _, points in lines), share(level)] for x, level in chance]
    return drawn(title, note, drawing, table(columns, rows, caption=title))


def _drawn(lines: list[Any]) -> list[Any]:
    """Return the lines that fit: the first maps, and the articles' own."""
    extra = [line for line in lines[DRAWN:] if line[0] == OWN]
    return [*lines[: DRAWN - len(extra)], *extra]

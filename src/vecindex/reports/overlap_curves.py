"""How the figures are spread over the questions, and how they run with the number of neighbors."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from vecindex.reports.charts import Mark, Series, bar_chart, histogram, line_chart
from vecindex.reports.figures import count, distance, figure, mean_of, number, share
from vecindex.reports.markup import Markup, given, joined, tag
from vecindex.reports.page import Section
from vecindex.reports.scales import Axis, log_axis, nice_axis, nice_ticks, share_axis
from vecindex.reports.tables import Column, drawn, table

Values = Mapping[str, Any]
DRAWN = 4
"""Maps in one drawing; its table holds all."""
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
    """Return how overlap and distance are spread over the questions."""
    drawings: list[Markup | None] = [
        _overlap_bars(found, i, one["name"]) for i, one in enumerate(found["maps"][:DRAWN])
    ]
    drawings += [_distances(found), _percentiles(found)]
    body = tag("div", *(d for d in drawings if d is not None), class_="charts")
    return Section("spread", "Spread", body)


def _overlap_bars(found: Values, number_of: int, name: str) -> Markup:
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
        for rule in ("search", "median")
    }
    told = ", ".join(f"{label}: {n}" for label, n in zip(labels, counts["search"], strict=True))
    title = f"Overlap on map {name}"
    drawing = bar_chart(
        f"spread-{number_of}",
        title,
        f"Questions by {x_label}: {told}.",
        labels,
        counts["search"],
        counts["median"],
        x_label=x_label,
        y_label="questions",
    )
    rows = [[label, *both] for label, *both in zip(labels, counts["search"], counts["median"], strict=True)]
    values = table([Column(x_label), Column("candidate search", True), Column("median", True)], rows, caption=title)
    return drawn(
        joined(["Overlap on map ", given(name)]),
        "How many questions keep how many. Full bars: candidate search; hollow: median.",
        drawing,
        values,
    )


def _overlap(row: Values, name: str, rule: str) -> float | None:
    return number(row["maps"][name][rule]["overlap"])


def _distances(found: Values) -> Markup | None:
    values = [d for row in found["rows"] if (d := number(row["nearest_dist"])) is not None]
    if not values:
        return None
    space = found["space"]
    marks = [
        Mark(f"{label} {distance(value)}", value)
        for label, value in (
            ("articles, median", number(space["articles_nearest_dist"])),
            ("questions, median", number(space["nearest_dist"])),
        )
        if value is not None
    ]
    reach = [*values, *(mark.value for mark in marks)]
    edges = nice_ticks(min(reach), max(reach), 12)
    counts = binned(values, edges)
    title = "Distance to the nearest article"
    axis = nice_axis("cosine distance (lower is closer)", edges[0], edges[-1])
    axis = Axis(axis.label, edges[0], edges[-1], [t for t in axis.ticks if edges[0] <= t <= edges[-1]], axis.show)
    told = ", ".join(f"from {low:.4g}: {n}" for low, n in zip(edges[:-1], counts, strict=True) if n)
    drawing = histogram("distances", title, told, edges, counts, x=axis, y_label="questions", marks=marks)
    rows = [[f"{low:.4g} to {high:.4g}", n] for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True)]
    behind = table([Column("distance"), Column("questions", True)], rows, caption=title)
    note = "In embedding space, with the medians of the questions and of the articles themselves."
    return drawn(title, note, drawing, behind)


def _percentiles(found: Values) -> Markup | None:
    values = [p for row in found["rows"] if (p := number(row["nearest_percentile"])) is not None]
    if not values:
        return None
    edges = [10.0 * i for i in range(11)]
    counts = binned(values, edges)
    title = "The same as a percentile"
    axis = Axis("percentile (higher is farther)", 0, 100, (0, 20, 40, 60, 80, 100), lambda v: f"{v:.0f}")
    told = ", ".join(f"from {low:.0f}: {n}" for low, n in zip(edges[:-1], counts, strict=True))
    drawing = histogram(
        "percentiles",
        title,
        told,
        edges,
        counts,
        x=axis,
        y_label="questions",
        level=Mark("if questions were articles", len(values) / 10),
    )
    rows = [[f"{low:.0f} to {high:.0f}", n] for low, high, n in zip(edges[:-1], edges[1:], counts, strict=True)]
    behind = table([Column("percentile"), Column("questions", True)], rows, caption=title)
    note = "Among the articles' own nearest distances. All to the right: far from every article."
    return drawn(title, note, drawing, behind)


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
            f"The share of the k nearest that are the k nearest on the map. Questions are placed for k = {k}.",
            "k, neighbors",
            lambda placed: _curve_points(placed.get("by_k")),
            own="self_by_k",
        ),
        _curve(
            found,
            "soft",
            f"Where the {k} nearest went",
            f"The share of them that is within the K nearest on the map; at K = {k} it is the overlap.",
            "K, neighbors on the map",
            lambda placed: _curve_points({k: mean_of(placed["overlap"]), **(placed.get("soft") or {})}),
            own="self_soft",
        ),
        _curve(
            found,
            "plausible",
            "How plausible the map's are",
            "The share of the map's neighbors that is within the K nearest in embedding space.",
            "K, neighbors in embedding space",
            lambda placed: _curve_points({k: mean_of(placed["overlap"]), **(placed.get("reciprocal") or {})}),
        ),
    ]
    made = [drawing for drawing in drawings if drawing is not None]
    if not made:
        return None
    note = f"Gray and thin: what chance gives with {count(n)} articles. The axes of neighbors are logarithmic."
    more = f" Drawn are the first {DRAWN} maps; the values are those of all." if len(found["maps"]) > DRAWN else ""
    return Section(
        "curves", "Curves", joined([tag("p", note + more, class_="quiet"), tag("div", *made, class_="charts")])
    )


def _curve_points(values: Mapping[Any, Any] | None) -> list[tuple[float, float]]:
    """Return (k, share), ascending, of what is a number; a k counts once, be it a number or text.

    >>> _curve_points({10: 0.4, "5": 0.2, "10": 0.5, "20": None})
    [(5.0, 0.2), (10.0, 0.5)]
    """
    told = {float(key): number(value) for key, value in (values or {}).items()}
    return sorted((key, value) for key, value in told.items() if value is not None)


def _curve(
    found: Values, name: str, title: str, note: str, x_label: str, points_of: Any, own: str = ""
) -> Markup | None:
    lines: list[tuple[str, str, list[tuple[float, float]]]] = []
    for one in found["maps"]:
        lines.append((one["name"], one["name"], points_of(one["search"])))
    if len(found["maps"]) == 1:
        lines.append(("median", f"{found['maps'][0]['name']}, at the median", points_of(found["maps"][0]["median"])))
    best = found["maps"][0]
    best_own = _curve_points({found["k"]: mean_of(best["self_recall"]), **best[own]}) if best.get(own) else []
    if best_own:
        lines.append((OWN, f"self-recall of the articles on {found['maps'][0]['name']}", best_own))
    places = sorted({x for _, _, points in lines for x, _ in points})
    if not places:
        return None
    chance = [(x, min(1.0, x / found["articles"])) for x in places]
    series = [Series(label, points, style=i) for i, (label, _, points) in enumerate(_drawn(lines))]
    series.append(Series("chance", chance, style=None))
    told = "; ".join(
        f"{full}: " + ", ".join(f"{figure(x)}: {share(y)}" for x, y in points) for _, full, points in lines
    )
    axis = log_axis(x_label, places, lambda value: f"{value:.0f}")
    drawing = line_chart(f"curve-{name}", title, told, series, axis, share_axis(""))
    columns = [Column(x_label), *(Column(given(full), True) for _, full, _ in lines), Column("chance", True)]
    rows = [[figure(x), *(share(dict(points).get(x)) for _, _, points in lines), share(level)] for x, level in chance]
    return drawn(title, note, drawing, table(columns, rows, caption=title))


def _drawn(lines: list[Any]) -> list[Any]:
    """Return the lines that there is room for: the first maps, and the articles' own."""
    extra = [line for line in lines[DRAWN:] if line[0] == OWN]
    return [*lines[: DRAWN - len(extra)], *extra]

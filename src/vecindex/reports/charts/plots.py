"""Drawings as inline SVG: pure functions of values. Colors come from the page's style, by class.

All are 360 units wide, so that their text is readable on a phone without scaling. Each has a title and a description
for readers who do not see it; the page also shows the values as a table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vecindex.reports.charts.scales import Axis
from vecindex.reports.markup import Markup, in_drawing, joined, tag

WIDTH = 360
HEIGHT = 232
LEFT, TOP, BOTTOM = 42, 16, 40
GAP = 8
"""Between the axis and the first point, whose mark would otherwise cover a number."""
LINE_HEIGHT = 14
_LETTER = 6.2
"""Mean width of a letter; a wider font loses only the end of a label."""
STYLES = 4
MARKS = ("circle", "square", "triangle", "diamond")


@dataclass(frozen=True, slots=True)
class Series:
    """A line, labeled at its end.

    Attributes
    ----------
    points : (x, y), ascending in x.
    whiskers : (x, low, high) of the points that have an interval.
    style : 0 for the main line, then 1, 2, 3, ...; None for a reference line.
    """

    label: str
    points: Sequence[tuple[float, float]]
    whiskers: Sequence[tuple[float, float, float]] = ()
    style: int | None = 0

    @property
    def css(self) -> str:
        """The class that colors it."""
        return "reference" if self.style is None else f"series-{self.style % STYLES + 1}"


@dataclass(frozen=True, slots=True)
class Mark:
    """A value to compare with: a line across the drawing, with its name."""

    label: str
    value: float


def svg(name: str, title: str, description: str, height: float, *children: Markup | None) -> Markup:
    """Return a drawing; `name` is unique on its page."""
    return tag(
        "svg",
        tag("title", title, id=f"{name}-title"),
        tag("desc", description, id=f"{name}-desc"),
        *children,
        class_="chart",
        viewBox=f"0 0 {WIDTH} {at(height)}",
        role="img",
        aria_labelledby=f"{name}-title {name}-desc",
    )


def line_chart(name: str, title: str, description: str, series: Sequence[Series], x: Axis, y: Axis) -> Markup:
    """Return lines over x, each with its name at its end."""
    room = min(112.0, max((len(s.label) for s in series), default=0) * _LETTER + 14)
    left, right, top, bottom = LEFT, WIDTH - room, TOP + 4, HEIGHT - BOTTOM
    parts = [_y_axis(y, left, right, top, bottom), _x_axis(x, left + GAP, right, bottom)]
    ends = []
    for one in series:
        placed = [(x.position(a, left + GAP, right), y.position(b, bottom, top)) for a, b in one.points]
        bars = [
            (x.position(a, left + GAP, right), y.position(b, bottom, top), y.position(c, bottom, top))
            for a, b, c in one.whiskers
        ]
        parts += [
            tag("line", x1=at(a), y1=at(b), x2=at(a), y2=at(c), class_=f"whisker {one.css}") for a, b, c in bars
        ]
        if len(placed) > 1:
            path = "M" + "L".join(f"{at(a)} {at(b)}" for a, b in placed)
            parts.append(tag("path", d=path, class_=f"line {one.css}"))
        if one.style is not None:
            parts += [_mark(a, b, one.style) for a, b in placed]
        if placed:
            ends.append((placed[-1][1], one))
    parts += _end_labels(ends, right + 8, top, bottom)
    return svg(name, title, description, HEIGHT, *parts)


def _end_labels(ends: Sequence[tuple[float, Series]], x: float, top: float, bottom: float) -> list[Markup]:
    """Return the lines' labels, moved apart where they would overlap."""
    ordered = sorted(ends, key=lambda end: end[0])
    levels = spread([y for y, _ in ordered], LINE_HEIGHT, top, bottom)
    return [
        tag("text", in_drawing(one.label, 16), x=at(x), y=at(y + 4), class_=f"label {one.css}")
        for y, (_, one) in zip(levels, ordered, strict=True)
    ]


def spread(positions: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Return ascending positions, moved by one sweep each way so that they are at least `apart`.

    They stay at or above `low`, and at or below `high` as far as there is room.

    >>> spread([10, 12, 40], 5, 0, 100)
    [10, 15, 40]
    >>> spread([98, 99], 5, 0, 100)
    [95, 100]
    """
    moved = list(positions)
    for i in range(1, len(moved)):
        moved[i] = max(moved[i], moved[i - 1] + apart)
    limit = high
    for i in range(len(moved) - 1, -1, -1):
        moved[i] = min(moved[i], limit)
        limit = moved[i] - apart
    lift = max(0, low - moved[0]) if moved else 0
    return [position + lift for position in moved]


def bar_chart(
    name: str,
    title: str,
    description: str,
    labels: Sequence[str],
    values: Sequence[float],
    compared: Sequence[float],
    *,
    x_label: str,
    y_label: str,
) -> Markup:
    """Return a bar for each label with its count on top; `compared` are further counts, each as a hollow bar."""
    left, right, top, bottom = 14, WIDTH - 10, TOP + 18, HEIGHT - BOTTOM
    most = max([*values, *compared, 1])
    slot = (right - left) / len(values)
    bars = [("bar", values), ("bar compared", compared)]
    wide = min(46.0, slot * 0.8) / len(bars)
    parts = [tag("text", y_label, x=left, y=12, class_="axis")]
    for i, label in enumerate(labels):
        middle = left + (i + 0.5) * slot
        for n, (css, counts) in enumerate(bars):
            a, y = middle + (n - len(bars) / 2) * wide, bottom - counts[i] / most * (bottom - top)
            parts.append(_bar(a, a + wide, y, bottom, css))
            # Narrow hollow bars have no count on top; the table has it.
            if n == 0 or wide >= 2.5 * _LETTER:
                parts.append(
                    tag(
                        "text",
                        f"{counts[i]:g}",
                        x=at(a + wide / 2),
                        y=at(y - 5),
                        class_="value middle" if n == 0 else "label middle",
                    )
                )
        parts.append(tag("text", label, x=at(middle), y=bottom + 15, class_="tick middle"))
    parts.append(tag("line", x1=left, x2=right, y1=bottom, y2=bottom, class_="base"))
    parts.append(tag("text", x_label, x=at((left + right) / 2), y=HEIGHT - 6, class_="axis middle"))
    return svg(name, title, description, HEIGHT, *parts)


def _bar(left: float, right: float, top: float, bottom: float, css: str) -> Markup:
    """Return a bar with a small gap on each side."""
    wide = max(right - left - 1.5, 0.5)
    return tag("rect", x=at(left + 0.75), y=at(top), width=at(wide), height=at(bottom - top), class_=css)


def histogram(
    name: str,
    title: str,
    description: str,
    edges: Sequence[float],
    counts: Sequence[int],
    *,
    x: Axis,
    y_label: str,
    marks: Sequence[Mark] = (),
    level: Mark | None = None,
) -> Markup:
    """Return counts between edges; `marks` are upright lines at values of x, `level` is a line at a count."""
    left, right, top, bottom = 14, WIDTH - 14, TOP + 18 + LINE_HEIGHT * len(marks), HEIGHT - BOTTOM
    most = max([*counts, level.value if level else 0, 1])
    drawn = [tag("text", y_label, x=left, y=12, class_="axis"), _x_axis(x, left, right, bottom)]
    labels = []
    for low, high, value in zip(edges[:-1], edges[1:], counts, strict=True):
        a, b, y = x.position(low, left, right), x.position(high, left, right), bottom - value / most * (bottom - top)
        drawn.append(_bar(a, b, y, bottom, "bar"))
        if value:
            labels.append(tag("text", value, x=at((a + b) / 2), y=at(y - 5), class_="value middle"))
    for i, mark in enumerate(sorted(marks, key=lambda mark: mark.value)):
        a, y = x.position(mark.value, left, right), TOP + 12 + i * LINE_HEIGHT
        drawn.append(tag("line", x1=at(a), x2=at(a), y1=at(y - 8), y2=bottom, class_="mark"))
        # Each begins below the previous label, so that no line crosses a label to the right of its own.
        side = "start" if a + 5 + len(mark.label) * _LETTER < WIDTH else "end"
        labels.append(
            tag("text", mark.label, x=at(a - 5 if side == "end" else a + 5), y=at(y), class_=f"label {side}")
        )
    if level is not None:
        y = bottom - level.value / most * (bottom - top)
        drawn.append(tag("line", x1=left, x2=right, y1=at(y), y2=at(y), class_="mark"))
        labels.append(tag("text", level.label, x=right, y=at(y - 5), class_="label end"))
    return svg(name, title, description, HEIGHT, *drawn, *labels)


def _y_axis(y: Axis, left: float, right: float, top: float, bottom: float) -> Markup:
    parts = [tag("text", y.label, x=4, y=11, class_="axis")]
    for value in y.ticks:
        at_y = y.position(value, bottom, top)
        parts.append(tag("line", x1=left, x2=at(right), y1=at(at_y), y2=at(at_y), class_="grid"))
        parts.append(tag("text", y.show(value), x=left - 6, y=at(at_y + 4), class_="tick end"))
    return joined(parts)


def _x_axis(x: Axis, left: float, right: float, bottom: float) -> Markup:
    parts = [tag("line", x1=left, x2=at(right), y1=bottom, y2=bottom, class_="base")]
    free = float("-inf")
    for value in x.ticks:
        at_x, text = x.position(value, left, right), x.show(value)
        parts.append(tag("line", x1=at(at_x), x2=at(at_x), y1=bottom, y2=bottom + 4, class_="base"))
        half = len(text) * _LETTER / 2
        if at_x - half >= free:
            parts.append(tag("text", text, x=at(at_x), y=bottom + 17, class_="tick middle"))
            free = at_x + half + 4
    parts.append(tag("text", x.label, x=at((left + right) / 2), y=bottom + 34, class_="axis middle"))
    return joined(parts)


def _mark(x: float, y: float, style: int) -> Markup:
    """Return a mark that identifies the series by its shape as well as its color."""
    shape, css, size = MARKS[style % STYLES], f"dot series-{style % STYLES + 1}", 4.0
    if shape == "circle":
        return tag("circle", cx=at(x), cy=at(y), r=at(size), class_=css)
    if shape == "square":
        return tag(
            "rect",
            x=at(x - size * 0.9),
            y=at(y - size * 0.9),
            width=at(size * 1.8),
            height=at(size * 1.8),
            class_=css,
        )
    s = size * 1.3
    corners = {
        "triangle": [(0, -s), (s, s * 0.8), (-s, s * 0.8)],
        "diamond": [(0, -s), (s, 0), (0, s), (-s, 0)],
    }[shape]
    path = "M" + "L".join(f"{at(x + a)} {at(y + b)}" for a, b in corners) + "Z"
    return tag("path", d=path, class_=css)


def at(value: float) -> str:
    """Return a coordinate with one decimal at most.

    >>> at(10.04), at(10.06), at(-0.01)
    ('10', '10.1', '0')
    """
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text

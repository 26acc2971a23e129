"""One line for each map: the overlap under both placements with its interval, and what it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vecindex.messages import percent
from vecindex.reports.charts.plots import WIDTH, Mark, at, svg
from vecindex.reports.charts.scales import share_axis
from vecindex.reports.markup import Markup, in_drawing, tag

LEFT, RIGHT = 12, WIDTH - 46
NAME_HEIGHT, ROW_HEIGHT = 20, 18
MARK_HEIGHT = 14


@dataclass(frozen=True, slots=True)
class Strip:
    """A mean with its interval; a mean of None is not drawn. `kind` is its CSS class."""

    label: str
    mean: float | None
    low: float | None
    high: float | None
    kind: str


@dataclass(frozen=True, slots=True)
class StripGroup:
    """The strips of one map."""

    label: str
    strips: Sequence[Strip]


def strip_chart(
    name: str, title: str, description: str, groups: Sequence[StripGroup], marks: Sequence[Mark], x_label: str
) -> Markup:
    """Return the strips on one axis from 0 to 100 %, with upright lines at the marks."""
    axis = share_axis(x_label)
    levels = mark_levels([axis.position(mark.value, LEFT, RIGHT) for mark in marks], [mark.label for mark in marks])
    top = 8.0 + (max(levels, default=-1) + 1) * MARK_HEIGHT
    height = top + sum(NAME_HEIGHT + ROW_HEIGHT * len(group.strips) for group in groups) + 8
    parts = []
    for mark, level in zip(marks, levels, strict=True):
        x, y = axis.position(mark.value, LEFT, RIGHT), 4.0 + (level + 1) * MARK_HEIGHT
        parts.append(tag("line", x1=at(x), x2=at(x), y1=at(y - 10), y2=at(height), class_="mark"))
        side = "end" if mark.value > 0.8 else "start"
        parts.append(
            tag("text", mark.label, x=at(x - 4 if side == "end" else x + 4), y=at(y), class_=f"label {side}")
        )
    y = top
    for group in groups:
        parts.append(tag("text", in_drawing(group.label, 40), x=LEFT, y=at(y + 14), class_="name"))
        y += NAME_HEIGHT
        for strip in group.strips:
            parts += _strip(strip, y + ROW_HEIGHT / 2)
            y += ROW_HEIGHT
    parts.append(tag("line", x1=LEFT, x2=RIGHT, y1=at(height), y2=at(height), class_="base"))
    for value in axis.ticks:
        x = axis.position(value, LEFT, RIGHT)
        parts.append(tag("line", x1=at(x), x2=at(x), y1=at(height), y2=at(height + 4), class_="base"))
        parts.append(tag("text", axis.show(value), x=at(x), y=at(height + 17), class_="tick middle"))
    parts.append(tag("text", x_label, x=at((LEFT + RIGHT) / 2), y=at(height + 34), class_="axis middle"))
    return svg(name, title, description, height + 40, *parts)


def mark_levels(positions: Sequence[float], labels: Sequence[str]) -> list[int]:
    """Return for each mark the line, from the top, on which its label overlaps no other.

    >>> mark_levels([10, 20, 200], ["chance", "floor", "goal"])
    [0, 1, 0]
    """
    free: list[float] = []
    levels = [0] * len(positions)
    for i in sorted(range(len(positions)), key=lambda i: positions[i]):
        level = next((n for n, end in enumerate(free) if positions[i] >= end), len(free))
        if level == len(free):
            free.append(0.0)
        free[level] = positions[i] + len(labels[i]) * 6.4 + 12
        levels[i] = level
    return levels


def _strip(strip: Strip, y: float) -> list[Markup]:
    axis = share_axis("")
    rail = tag("line", x1=LEFT, x2=RIGHT, y1=at(y), y2=at(y), class_="grid")
    if strip.mean is None:
        return [rail, tag("text", "–", x=RIGHT + 8, y=at(y + 4), class_="value")]
    x = axis.position(strip.mean, LEFT, RIGHT)
    parts = [rail]
    if strip.low is not None and strip.high is not None:
        ends = (axis.position(strip.low, LEFT, RIGHT), axis.position(strip.high, LEFT, RIGHT))
        parts.append(tag("line", x1=at(ends[0]), x2=at(ends[1]), y1=at(y), y2=at(y), class_=f"range {strip.kind}"))
    if strip.kind == "own":
        path = f"M{at(x)} {at(y - 6)}L{at(x + 5)} {at(y)}L{at(x)} {at(y + 6)}L{at(x - 5)} {at(y)}Z"
        parts.append(tag("path", d=path, class_="dot own"))
    else:
        parts.append(tag("circle", cx=at(x), cy=at(y), r=5, class_=f"dot {strip.kind}"))
    parts.append(tag("text", percent(strip.mean), x=RIGHT + 8, y=at(y + 4), class_=f"value {strip.kind}"))
    return parts

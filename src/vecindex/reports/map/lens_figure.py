"""A lens as a picture for a paper, PNG or SVG; the same lens gives the same bytes."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from vecindex.reports.map.plotting import DPI, INK, QUIET, SMALL, TINY, WIDTH_IN, file_of, is_free, plotting, sheet
from vecindex.reports.markup import clean

FIRST, OTHER = "#d55e00", "#0072b2"
"""The colors of the five nearest and of the others, which are distinguished with every color vision."""
_LINE, _RING = "#0072b2", "#c8ccd0"
_RANKS = (1, 5, 10, 20, 50, 100)
_MARGIN_IN, _LINE_IN, _HEAD_IN = 0.15, 0.125, 0.17
_EDGE = 1.16
_NAME_LENGTH = 36
# The shifts of a title from its point: to the right, to the left, above, below, in points.
_SHIFTS = (
    (5, 0, "left"),
    (-5, 0, "right"),
    (0, 7, "center"),
    (0, -7, "center"),
    (5, 5, "left"),
    (-5, 5, "right"),
    (5, -5, "left"),
    (-5, -5, "right"),
)

Values = Mapping[str, Any]


def lens_figure(
    lens: Values, name: str, summary: str, *, form: str = "png", width_in: float = WIDTH_IN, dpi: int = DPI
) -> bytes:
    """Return a picture of a lens: the question, its articles with titles, rings at some ranks, and what it all means.

    Titles are placed nearest first, and left out where they would overlap others.

    Parameters
    ----------
    lens : `LensResult.to_dict()`.
    name, summary : what the question is called, and what the lens keeps.
    form : "png", or "svg" with text as text.

    Raises MissingExtraError when matplotlib is not installed.
    """
    with plotting("A .png or .svg of a lens needs matplotlib.", "pip install matplotlib"):
        return _drawn(lens, name, summary, form, width_in, dpi)


def _drawn(lens: Values, name: str, summary: str, form: str, width_in: float, dpi: int) -> bytes:
    side = width_in - 2 * _MARGIN_IN
    head = _wrapped(name, side, 10.0)[:3]
    foot = _wrapped(f"{_meaning(lens)} {summary}.", side, TINY)
    head_in, foot_in = _HEAD_IN * (len(head) + 0.5), _LINE_IN * (len(foot) + 0.5)
    height_in = side + head_in + foot_in + 2 * _MARGIN_IN
    drawing = sheet(width_in, height_in, dpi)

    def box(top: float, height: float) -> list[float]:
        """Return a part of the page as wide as the picture, given in inches from the top."""
        return [_MARGIN_IN / width_in, 1 - (top + height) / height_in, side / width_in, height / height_in]

    for lines, at, size, color in (
        (head, box(_MARGIN_IN, head_in), 10.0, INK),
        (foot, box(_MARGIN_IN + head_in + side, foot_in), TINY, QUIET),
    ):
        axes = drawing.add_axes(at)
        axes.set_axis_off()
        axes.text(0, 1, "\n".join(lines), va="top", fontsize=size, color=color, linespacing=1.3, parse_math=False)
    axes = drawing.add_axes(box(_MARGIN_IN + head_in, side))
    axes.set_axis_off()
    axes.set_xlim(-_EDGE, _EDGE)
    axes.set_ylim(-_EDGE, _EDGE)
    articles: Sequence[Values] = lens["articles"]
    taken = _rings(drawing, axes, articles)
    _lines(axes, articles)
    _points(axes, articles)
    _titles(drawing, axes, articles, taken)
    return file_of(drawing, form, dpi)


def _rings(drawing: Any, axes: Any, articles: Sequence[Values]) -> list[Any]:
    """Draw a circle through the articles of some ranks, with their distances; return where the texts are."""
    from matplotlib.patches import Circle

    renderer = drawing.canvas.get_renderer()
    texts: list[Any] = []
    last = len(articles)
    for rank in sorted({rank for rank in _RANKS if rank < last} | {last}, reverse=True):
        one = articles[rank - 1]
        radius = math.hypot(one["x"], one["y"])
        axes.add_patch(Circle((0, 0), radius, fill=False, edgecolor=_RING, linewidth=0.6, zorder=1))
        text = axes.annotate(
            f"{rank}: {one['dist']:.3f}",
            (0, radius),
            xytext=(0, 1.5),
            textcoords="offset points",
            ha="center",
            fontsize=TINY - 0.5,
            color=QUIET,
            zorder=2,
        )
        found = text.get_window_extent(renderer)
        if any(found.overlaps(other) for other in texts):
            text.remove()
        else:
            texts.append(found)
    return texts


def _lines(axes: Any, articles: Sequence[Values]) -> None:
    """Draw a line between two articles that are each among the other's nearest."""
    pairs = {(one["rank"], other) for one in articles for other in one["near"]}
    for a, b in sorted((a, b) for a, b in pairs if a < b and (b, a) in pairs):
        one, other = articles[a - 1], articles[b - 1]
        axes.plot([one["x"], other["x"]], [one["y"], other["y"]], color=_LINE, alpha=0.22, linewidth=0.5, zorder=2)


def _points(axes: Any, articles: Sequence[Values]) -> None:
    for part, color, size, marker in ((articles[5:], OTHER, 11, "o"), (articles[:5], FIRST, 26, "o")):
        at = [one["x"] for one in part], [one["y"] for one in part]
        axes.scatter(*at, s=size, c=color, marker=marker, edgecolor="white", linewidths=0.5, zorder=4)
    axes.scatter([0], [0], s=42, c=INK, marker="D", edgecolor="white", linewidths=0.8, zorder=5)


def _titles(drawing: Any, axes: Any, articles: Sequence[Values], taken: list[Any]) -> None:
    """Write the titles where none overlaps another, a point or the edge."""
    from matplotlib.transforms import Bbox

    renderer = drawing.canvas.get_renderer()
    inside = axes.get_window_extent(renderer)
    points = axes.transData.transform([(one["x"], one["y"]) for one in articles] + [(0.0, 0.0)])
    dot = 0.03 * drawing.dpi
    taken += [Bbox([[x - dot, y - dot], [x + dot, y + dot]]) for x, y in points]
    for one, name in zip(articles, _names(articles), strict=True):
        first = one["rank"] <= 5
        text = axes.annotate(
            name,
            (one["x"], one["y"]),
            xytext=(0, 0),
            textcoords="offset points",
            va="center_baseline",
            fontsize=SMALL if first else TINY,
            color=INK,
            fontweight="bold" if first else "normal",
            parse_math=False,
            zorder=6,
        )
        for across, up, align in _SHIFTS:
            text.set_position((across, up))
            text.set_horizontalalignment(align)
            found = text.get_window_extent(renderer)
            if is_free(found, inside, taken):
                taken.append(found)
                break
        else:
            text.remove()


def _names(articles: Sequence[Values]) -> list[str]:
    """Return the titles; where several have the same one, with their ids.

    >>> _names([{"id": "a#1", "title": "a"}, {"id": "7", "title": "a"}, {"id": "8", "title": "b"}])
    ['a#1', 'a (7)', 'b']
    """
    titles = Counter(one["title"] for one in articles)
    names = []
    for one in articles:
        title, id = one["title"] or one["id"], one["id"]
        if titles[title] > 1:
            title = id if id.startswith(title) else f"{title} ({id})"
        names.append(_cut(title))
    return names


def _meaning(lens: Values) -> str:
    articles = lens["articles"]
    n, near, far = len(articles), articles[0]["dist"], articles[-1]["dist"]
    return (
        f"The question is in the middle, its {n} nearest articles of table {lens['table']} around it; the five "
        "nearest are orange. The farther an article is from the middle, the farther it is from the question by "
        f"embedding: cosine distance {near:.3f} on the innermost ring, {far:.3f} on the outermost; each ring has its "
        "rank and distance. Articles near to each other by embedding are near each other as far as a plane allows; a "
        "line joins two that are each among the other's five nearest of those shown. Angles mean nothing else."
    )


def _wrapped(text: str, side: float, size: float) -> list[str]:
    return textwrap.wrap(" ".join(clean(text).split()), max(30, int(side / (0.0445 * size / 6)))) or [""]


def _cut(title: str) -> str:
    line = " ".join(clean(title).split())
    return line if len(line) <= _NAME_LENGTH else line[: _NAME_LENGTH - 1] + "…"

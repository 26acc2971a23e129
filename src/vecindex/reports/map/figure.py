"""A map as a picture for a paper, PNG or SVG, drawn by matplotlib; the same picture gives the same bytes."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.picture import FULL, LEVELS, NO_COLOR, Coloring, MapPicture
from vecindex.core.texts.short import short_names
from vecindex.messages import counted, percent
from vecindex.reports.figures import count, date_text, figure, time_text
from vecindex.reports.map.page import provenance
from vecindex.reports.map.plotting import (
    DPI,
    INK,
    QUIET,
    SMALL,
    TINY,
    WIDTH_IN,
    file_of,
    is_free,
    missing_note,
    plotting,
    sheet,
)
from vecindex.reports.map.shade import Shade, shade
from vecindex.reports.markup import clean

NUMBER_COLORS = "cividis"
# Okabe and Ito's set without black, its yellow darkened for white paper, then those farthest from all before them.
# Any two differ with full color vision and with the three color blindnesses: the least distances in OKLab, times 100,
# of the first 20 are 12 and 6.8, of all 24 they are 10.9 and 6.1.
COLORS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#56110a", "#031987", "#475302", "#8105fa",
    "#b20172", "#07ef88", "#4108c6", "#8570fd", "#4b095e", "#8fbd7e", "#865d32", "#732a9b", "#c735ce", "#ddcf05",
    "#810744", "#025c6e", "#89708f", "#ff6fcf",
)  # fmt: skip
NONE_COLOR = "#c8ccd0"
_MARGIN_IN = 0.1
# Between the points and the edge, as a share of the longer side.
_EDGE = 0.015
_LINE_IN = 0.125
_NAME_LENGTH = 40
# The shifts of a label from its topic's center, in multiples of its height.
_SHIFTS = (
    (0, 0),
    (0, 1.2),
    (0, -1.2),
    (0, 2.4),
    (0, -2.4),
    (6, 0),
    (-6, 0),
    (6, 1.5),
    (-6, 1.5),
    (6, -1.5),
    (-6, -1.5),
)


def map_figure(
    picture: MapPicture, color: str, *, form: str = "png", width_in: float = WIDTH_IN, dpi: int = DPI
) -> bytes:
    """Return a picture of a map: points by one coloring, labels of the coarse topics, questions, a legend, a caption.

    Labels are placed largest topic first, shifted where they would overlap; those that do not fit are left out.

    Parameters
    ----------
    color : key of the coloring.
    form : "png", or "svg" with text as text and the points as one raster.
    width_in, dpi : width in inches, and points of the raster to the inch.

    Raises
    ------
    ValueError
        When there is no such coloring.
    MissingExtraError
        When matplotlib is not installed.
    """
    coloring = picture.coloring(color)
    if coloring is None:
        raise ValueError(f"the picture has no coloring {color!r}")
    hint = "pip install matplotlib, or write a .html"
    with plotting("A .png or .svg of a map needs matplotlib.", hint, _texts(picture, coloring)):
        return _drawn(picture, coloring, form, width_in, dpi)


def figure_notes(picture: MapPicture, color: str) -> list[str]:
    """Return what to know of a picture as a PNG: how many characters of its texts no installed font has."""
    coloring = picture.coloring(color)
    note = None if coloring is None else missing_note(_texts(picture, coloring))
    return [] if note is None else [note]


def _texts(picture: MapPicture, coloring: Coloring) -> list[str]:
    """Return the texts that the picture shows."""
    labels = [_cut(topic.name) for topic in picture.topics if topic.level == 0]
    names = [*_names(coloring), _cut(coloring.label)]
    return [*labels, *names, *(text for text in (picture.title, picture.table, picture.questions_name) if text)]


def _drawn(picture: MapPicture, coloring: Coloring, form: str, width_in: float, dpi: int) -> bytes:
    side = width_in - 2 * _MARGIN_IN
    legend = _legend_rows(picture, coloring, side)
    darker = _shade(picture, coloring, side)
    caption = _caption(picture, coloring, side, darker is not None)
    legend_in = _LINE_IN * (len(legend) + 1.5) if coloring.kind == "category" else 4.5 * _LINE_IN
    caption_in = _LINE_IN * (len(caption) + 0.5)
    height_in = side + legend_in + caption_in + 2 * _MARGIN_IN
    drawing = sheet(width_in, height_in, dpi)

    def box(left: float, top: float, width: float, height: float) -> list[float]:
        """Return a part of the page, given in inches from its upper left corner."""
        return [left / width_in, 1 - (top + height) / height_in, width / width_in, height / height_in]

    axes = drawing.add_axes(box(_MARGIN_IN, _MARGIN_IN, side, side))
    _points(axes, picture, coloring, side)
    if darker is not None:
        _darken(axes, picture, darker)
    _questions(axes, picture)
    _labels(drawing, axes, picture)
    below = _MARGIN_IN + side
    if coloring.kind == "category":
        _legend(drawing, legend, side, box(_MARGIN_IN, below + 0.5 * _LINE_IN, side, len(legend) * _LINE_IN))
    else:
        _colorbar(drawing, coloring, box(_MARGIN_IN + side / 4, below + _LINE_IN, side / 2, 0.8 * _LINE_IN), side / 2)
    foot = drawing.add_axes(box(_MARGIN_IN, below + legend_in, side, caption_in))
    foot.set_axis_off()
    foot.text(0, 1, "\n".join(caption), va="top", fontsize=TINY, color=QUIET, linespacing=1.3, parse_math=False)
    return file_of(drawing, form, dpi)


def _box(picture: MapPicture) -> tuple[F64, F64, float]:
    """Return the corners of what is shown, and how wide the longer side is."""
    if (core := picture.core) is None:
        return picture.xy.min(axis=0), picture.xy.max(axis=0), picture.extent.width
    low, high = np.array([core.x0, core.y0]), np.array([core.x1, core.y1])
    # All but the few far ones may be at one position.
    return low, high, float((high - low).max()) or picture.extent.width


def _size(picture: MapPicture, side: float) -> float:
    """Return the square of a point's width, in points of the page."""
    return float(min(14.0, max(0.08, 0.35 * (side * 72) ** 2 / len(picture))))


def _shade(picture: MapPicture, coloring: Coloring, side: float) -> Shade | None:
    """Return the shade over the points; None for numbers, the lightness of whose color is their value."""
    if coloring.kind != "category":
        return None
    low, high, width = _box(picture)
    extent = picture.extent
    steps_a_point = (1 + 2 * _EDGE) * width / (side * 72) * (FULL / extent.width)
    area = np.pi / 4 * _size(picture, side) * steps_a_point**2
    first, last = extent.steps(np.stack([low, high]))
    return shade(extent.steps(picture.xy), first, last, area)


def _darken(axes: Any, picture: MapPicture, darker: Shade) -> None:
    from matplotlib.colors import to_rgba

    extent = picture.extent
    step = extent.width / FULL
    rgba = np.tile(np.array(to_rgba(INK)), (*darker.alpha.shape, 1))
    rgba[..., 3] = darker.alpha
    sides = extent.x + step * np.array([darker.x0, darker.x1]), extent.y + step * np.array([darker.y0, darker.y1])
    at = np.concatenate(sides).tolist()
    axes.imshow(rgba, origin="lower", extent=at, aspect="auto", interpolation="bilinear", zorder=2)


def _points(axes: Any, picture: MapPicture, coloring: Coloring, side: float) -> None:
    low, high, width = _box(picture)
    edge = _EDGE * width
    # The shorter side is put in the middle of the square.
    left, bottom = (low + high - width) / 2
    axes.set_xlim(left - edge, left + width + edge)
    axes.set_ylim(bottom - edge, bottom + width + edge)
    axes.set_axis_off()
    axes.scatter(
        *picture.xy.T,
        s=_size(picture, side),
        c=_colors(coloring),
        alpha=0.75,
        linewidths=0,
        marker="o",
        rasterized=True,
        zorder=1,
    )


def _colors(coloring: Coloring) -> Any:
    """Return the color of each article, (m, 4)."""
    import matplotlib as mpl
    from matplotlib.colors import to_rgba_array

    table = np.tile(to_rgba_array(NONE_COLOR), (NO_COLOR + 1, 1))
    if coloring.kind == "number":
        table[: LEVELS + 1] = mpl.colormaps[NUMBER_COLORS](np.linspace(0, 1, LEVELS + 1))
    else:
        table[: len(coloring.names)] = to_rgba_array(
            [_category_color(coloring, i) for i in range(len(coloring.names))]
        )
    return table[coloring.codes]


def _category_color(coloring: Coloring, index: int) -> str:
    return NONE_COLOR if index == coloring.other else COLORS[index % len(COLORS)]


def _questions(axes: Any, picture: MapPicture) -> None:
    placed = [(q.x, q.y) for q in picture.questions if q.x is not None and q.y is not None]
    if placed:
        axes.scatter(*zip(*placed, strict=True), s=11, facecolor="white", edgecolor="black", linewidths=0.7, zorder=3)


def _labels(drawing: Any, axes: Any, picture: MapPicture) -> None:
    """Draw the labels of the coarse topics, largest first, where none overlaps another or the edge."""
    renderer = drawing.canvas.get_renderer()
    inside = axes.get_window_extent(renderer)
    taken: list[Any] = []
    for topic in sorted((t for t in picture.topics if t.level == 0), key=lambda t: -t.count):
        text = axes.annotate(
            _cut(topic.name),
            (topic.x, topic.y),
            xytext=(0, 0),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SMALL,
            color=INK,
            parse_math=False,
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
            zorder=4,
        )
        # At the edge it is moved inwards until it is seen whole.
        own = text.get_window_extent(renderer).padded(0.02 * drawing.dpi)
        right = max(0.0, inside.x0 - own.x0) - max(0.0, own.x1 - inside.x1)
        upward = max(0.0, inside.y0 - own.y0) - max(0.0, own.y1 - inside.y1)
        points = 72 / drawing.dpi
        for across, up in _SHIFTS:
            text.set_position((across * SMALL + right * points, up * SMALL + upward * points))
            found = text.get_window_extent(renderer).padded(0.02 * drawing.dpi)
            if is_free(found, inside, taken):
                taken.append(found)
                break
        else:
            text.remove()


def _legend_rows(picture: MapPicture, coloring: Coloring, side: float) -> list[list[tuple[str | None, str]]]:
    """Return the legend's rows of (color, or None for the mark of a question, text)."""
    entries: list[tuple[str | None, str]] = [
        (_category_color(coloring, i), f"{name} ({count(n)})")
        for i, (name, n) in enumerate(zip(_names(coloring), coloring.counts, strict=True))
    ]
    none = len(picture) - sum(coloring.counts)
    entries += [(NONE_COLOR, f"none ({count(none)})")] if none else []
    entries += [(None, f"questions ({count(len(picture.questions))})")] if picture.questions else []
    longest = max(len(text) for _, text in entries)
    columns = max(1, min(len(entries), int(side / (0.22 + longest * 0.052 * TINY / 6))))
    rows = math.ceil(len(entries) / columns)
    # Down the columns, largest first.
    return [entries[row::rows] for row in range(rows)]


def _legend(drawing: Any, rows: Sequence[Sequence[tuple[str | None, str]]], side: float, box: list[float]) -> None:
    axes = drawing.add_axes(box)
    axes.set_axis_off()
    columns = max(len(row) for row in rows)
    inch = columns / side
    axes.set_xlim(0, columns)
    axes.set_ylim(len(rows), 0)
    for y, row in enumerate(rows):
        for x, (color, text) in enumerate(row):
            face, edge = (color, "none") if color else ("white", "black")
            axes.scatter([x + 0.05 * inch], [y + 0.5], s=16, facecolor=face, edgecolor=edge, linewidths=0.7)
            axes.text(
                x + 0.14 * inch, y + 0.5, text, va="center_baseline", fontsize=TINY, color=INK, parse_math=False
            )


def _names(coloring: Coloring) -> list[str]:
    return short_names([clean(name) or "(empty)" for name in coloring.names], _NAME_LENGTH)


def _colorbar(drawing: Any, coloring: Coloring, box: list[float], width_in: float) -> None:
    axes = drawing.add_axes(box)
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=NUMBER_COLORS, aspect="auto", extent=(0, 1, 0, 1))
    axes.set_yticks([])
    for n in (5, 3, 2):
        at = np.linspace(0, 1, n)
        if coloring.scale == "log":
            values = coloring.low * (coloring.high / coloring.low) ** at
        else:
            values = coloring.low + (coloring.high - coloring.low) * at
        ticks = [_tick(v, coloring) for v in values]
        # As many as have room next to each other.
        if max(map(len, ticks)) * 0.052 * TINY / 6 + 0.05 <= width_in / (n - 1):
            break
    axes.set_xticks(at, ticks, fontsize=TINY, color=INK)
    axes.tick_params(length=2, width=0.5, pad=1.5)
    for spine in axes.spines.values():
        spine.set_linewidth(0.5)
    axes.set_title(_heading(coloring), fontsize=TINY, color=INK, pad=2, parse_math=False)


def _heading(coloring: Coloring) -> str:
    """Return what stands above the scale; of times of one day the day too."""
    return f"{_cut(coloring.label)}, {date_text(coloring.low, 4)}" if _one_day(coloring) else _cut(coloring.label)


def _one_day(coloring: Coloring) -> bool:
    return coloring.unit == "date" and date_text(coloring.low, 4) == date_text(coloring.high, 4)


def _tick(value: float, coloring: Coloring) -> str:
    if _one_day(coloring):
        return time_text(value)
    if coloring.unit == "date":
        return date_text(value, coloring.high - coloring.low)
    # A year has no thousands separator, and reads best whole.
    whole = coloring.low >= 1000 and coloring.high < 2200 and coloring.high - coloring.low >= 4
    return f"{value:.0f}" if whole else figure(float(f"{value:.3g}"))


def _caption(picture: MapPicture, coloring: Coloring, side: float, darker: bool) -> list[str]:
    things = f"{count(len(picture))} {picture.by}{'' if len(picture) == 1 else 's'} of table {picture.table}"
    text = "; ".join([*provenance(picture)[:1], things, *provenance(picture)[1:]])
    if picture.title:
        text = f"{picture.title}: {text}"
    if (core := picture.core) is not None:
        text += f"; {count(core.beyond)} point{'' if core.beyond == 1 else 's'} outside, far from all others"
    if picture.questions:
        kept = np.mean([q.overlap for q in picture.questions])
        name = f" of {picture.questions_name}" if picture.questions_name else ""
        text += f"; {counted(len(picture.questions), 'question')}{name}, overlap@{picture.k} {percent(float(kept))}"
    if darker:
        text += "; darker where points overlap"
    if coloring.kind == "number" and coloring.note:
        text += f"; {coloring.label}: {coloring.note}"
    return textwrap.wrap(clean(text) + ".", max(40, int(side / (0.0445 * TINY / 6)))) or [""]


def _cut(text: str) -> str:
    line = " ".join(clean(text).split())
    return line if len(line) <= _NAME_LENGTH else line[: _NAME_LENGTH - 1] + "…"

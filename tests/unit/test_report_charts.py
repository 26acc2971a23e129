"""Places in the drawings, worked by hand."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vecindex.reports.charts.plots import LEFT, WIDTH, Mark, Series, bar_chart, histogram, line_chart, spread
from vecindex.reports.charts.scales import Axis, log_axis, nice_axis, nice_ticks, share_axis
from vecindex.reports.charts.strips import LEFT as STRIP_LEFT
from vecindex.reports.charts.strips import RIGHT, Strip, StripGroup, mark_levels, strip_chart
from vecindex.reports.overlap.curves import binned


def parts(drawing: str, name: str, css: str = "") -> list[ET.Element]:
    """Return the elements of a drawing with this tag and, among their classes, this one."""
    root = ET.fromstring(drawing)
    return [e for e in root.iter(name) if not css or css in (e.get("class") or "").split()]


def numbers(path: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?[\d.]+", path)]


@pytest.mark.parametrize(
    ("low", "high", "count", "ticks"),
    [
        (0, 1, 5, (0, 0.2, 0.4, 0.6, 0.8, 1)),
        (0.31, 0.58, 4, (0.3, 0.4, 0.5, 0.6)),
        (-3, 12, 5, (-5, 0, 5, 10, 15)),
        (250, 1_300, 5, (0, 500, 1_000, 1_500)),
        (0.45, 0.45 + 1e-9, 3, (0.2, 0.4, 0.6, 0.8)),
        (0.5, 0.5, 5, (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)),
    ],
)
def test_ticks_worked_by_hand(low: float, high: float, count: int, ticks: tuple[float, ...]) -> None:
    assert nice_ticks(low, high, count) == pytest.approx(ticks)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9), st.integers(1, 12))
def test_ticks_enclose_and_are_few(low: float, width: float, count: int) -> None:
    high = low + width
    ticks = nice_ticks(low, high, count)
    step = ticks[1] - ticks[0]
    assert ticks[0] <= low + 1e-4 * step
    assert ticks[-1] >= high - 1e-4 * step
    assert step > 0
    assert len(ticks) >= 2


def test_an_axis_writes_its_ticks_alike() -> None:
    axis = nice_axis("", 0.4, 0.65)
    assert [axis.show(t) for t in axis.ticks] == ["0.40", "0.45", "0.50", "0.55", "0.60", "0.65"]
    assert [nice_axis("", 0, 5_000).show(t) for t in (0, 5_000)] == ["0", "5,000"]


def test_a_line_is_where_its_values_are() -> None:
    # The label "abc" takes 3 * 6.2 + 14 = 32.6 units, so x runs from 42 + 8 to 327.4 and y from 192 up to 20.
    axis = Axis("x", 0, 10, (0, 10), str)
    series = Series("abc", [(0, 0.0), (5, 0.5), (10, 1.0)], [(5, 0.25, 0.75)])
    drawing = line_chart("n", "t", "d", [series], axis, share_axis(""))
    (path,) = parts(drawing, "path", "line")
    assert numbers(path.get("d", "")) == [50, 192, 188.7, 106, 327.4, 20]
    (whisker,) = parts(drawing, "line", "whisker")
    assert [whisker.get(a) for a in ("x1", "y1", "x2", "y2")] == ["188.7", "149", "188.7", "63"]
    assert [(c.get("cx"), c.get("cy")) for c in parts(drawing, "circle")] == [
        ("50", "192"),
        ("188.7", "106"),
        ("327.4", "20"),
    ]


def test_a_logarithmic_axis_gives_each_doubling_the_same_room() -> None:
    axis = log_axis("k", [1, 2, 4, 8], str)
    assert [axis.position(v, 0, 30) for v in (1, 2, 4, 8)] == pytest.approx([0, 10, 20, 30])


def test_lines_differ_by_their_marks_too() -> None:
    points = [(1.0, 0.5), (2.0, 0.6)]
    series = [Series(f"s{i}", points, style=i) for i in range(4)]
    drawing = line_chart("n", "t", "d", series, log_axis("k", [1, 2], str), share_axis(""))
    assert len(parts(drawing, "circle")) == 2
    assert len(parts(drawing, "rect", "dot")) == 2
    shapes = {p.get("d", "").count("L") for p in parts(drawing, "path", "dot")}
    assert shapes == {2, 3}, "a triangle and a diamond"


def test_names_at_the_ends_of_lines_do_not_cover_each_other() -> None:
    series = [Series(f"s{i}", [(1.0, 0.5), (2.0, 0.5)], style=i) for i in range(4)]
    drawing = line_chart("n", "t", "d", series, log_axis("k", [1, 2], str), share_axis(""))
    places = sorted(float(t.get("y", "")) for t in parts(drawing, "text", "label"))
    assert all(b - a >= 14 for a, b in pairwise(places))


@given(st.lists(st.floats(0, 100), max_size=6).map(sorted))
def test_spread_keeps_apart_and_within(places: list[float]) -> None:
    moved = spread(places, 10, 0, 100)
    assert all(b - a >= 10 - 1e-9 for a, b in pairwise(moved))
    assert all(-1e-9 <= p <= 100 + 1e-9 for p in moved)


def test_bars_are_as_high_as_their_counts() -> None:
    # From y = 192 up to 34; 4 is the most, so a count of 1 is 158 / 4 = 39.5 high.
    drawing = bar_chart("n", "t", "d", ["0", "1"], [1, 3], [4, 0], x_label="x", y_label="y")
    bars = parts(drawing, "rect", "bar")
    full = [b for b in bars if "compared" not in (b.get("class") or "")]
    hollow = [b for b in bars if "compared" in (b.get("class") or "")]
    assert [float(b.get("height", "")) for b in full] == [39.5, 118.5]
    assert [float(b.get("height", "")) for b in hollow] == [158, 0]
    assert [float(b.get("y", "")) for b in full] == [152.5, 73.5]


def test_a_histogram_worked_by_hand() -> None:
    # x from 14 to 346: 332 units for 0 to 4, 83 for each. One mark takes a line: y from 192 up to 48, 72 a question.
    drawing = histogram(
        "n", "t", "d", [0, 2, 4], [1, 2], x=Axis("", 0, 4, (0, 4), str), y_label="", marks=[Mark("m", 1.0)]
    )
    bars = parts(drawing, "rect")
    assert [(b.get("x"), b.get("width"), b.get("y"), b.get("height")) for b in bars] == [
        ("14.8", "164.5", "120", "72"),
        ("180.8", "164.5", "48", "144"),
    ]
    (mark,) = parts(drawing, "line", "mark")
    assert mark.get("x1") == "97"


def test_counting_into_bins() -> None:
    assert binned([-1, 0, 0.5, 1, 2, 3], [0, 1, 2]) == [3, 3]
    assert binned([], [0, 1, 2]) == [0, 0]


def test_strips_worked_by_hand() -> None:
    # The axis runs from 12 to 314, so a share of 0.5 lies at 163.
    assert (STRIP_LEFT, RIGHT) == (12, 314)
    strips = [Strip("a", 0.5, 0.25, 0.75, "search"), Strip("b", None, None, None, "median")]
    drawing = strip_chart("n", "t", "d", [StripGroup("map", strips)], [Mark("chance", 0.0)], "x")
    (dot,) = parts(drawing, "circle")
    assert dot.get("cx") == "163"
    (reach,) = parts(drawing, "line", "range")
    assert (reach.get("x1"), reach.get("x2")) == ("87.5", "238.5")
    assert [t.text for t in parts(drawing, "text", "value")] == ["50 %", "–"]


def test_names_of_marks_take_as_many_lines_as_they_need() -> None:
    assert mark_levels([10, 12, 14], ["a", "b", "c"]) == [0, 1, 2]
    assert mark_levels([200, 10], ["a", "b"]) == [0, 0]


def test_a_drawing_says_what_it_shows() -> None:
    drawing = bar_chart("n", "A <title>", "What & how", ["0"], [1], [0], x_label="x", y_label="y")
    root = ET.fromstring(drawing)
    assert (root.get("role"), root.get("aria-labelledby")) == ("img", "n-title n-desc")
    assert [(root[0].get("id"), root[0].text), (root[1].get("id"), root[1].text)] == [
        ("n-title", "A <title>"),
        ("n-desc", "What & how"),
    ]
    assert root.get("viewBox") == f"0 0 {WIDTH} 232"
    assert LEFT == 42

"""The page of a map on a phone, by fingers alone: moving, reading, selecting, filtering, labels, two maps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from test_axe import faults
from test_map_selection import kinds, selected
from test_map_sides import at_side, two_maps

from browser_maps import Open, at, open_map, still, tap, until

Point = tuple[float, float]
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


@pytest.fixture(params=["light", "dark"])
def phone(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {**PHONE, "color_scheme": request.param}


class Fingers:
    """What fingers do on a page, in pixels of its window."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.remote = page.context.new_cdp_session(page)

    def touch(self, kind: str, *points: Point, **more: float) -> None:
        touched = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        self.remote.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched, **more})

    def double_tap(self, point: Point) -> None:
        """Tap twice within a fifth of a second, however busy the machine is."""
        begun = time.time()
        for after in (0.0, 0.15):
            self.touch("touchStart", point, timestamp=begun + after)
            self.touch("touchEnd", timestamp=begun + after + 0.05)
        still(self.page)

    def drag(self, *way: Point) -> None:
        self.touch("touchStart", way[0])
        for point in way[1:]:
            self.touch("touchMove", point)
        self.touch("touchEnd")
        still(self.page)

    def pinch(self, middle: Point, before: float, after: float) -> None:
        x, y = middle
        self.touch("touchStart", (x - before, y), (x + before, y))
        for i in range(1, 5):
            reach = before + (after - before) * i / 4
            self.touch("touchMove", (x - reach, y), (x + reach, y))
        self.touch("touchEnd")
        still(self.page)


def around(points: Sequence[Point], by: float) -> list[Point]:
    """Return a line around points that are in a row."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    return [(x0 - by, y0 + by), (x1 + by, y0 + by), (x1 + by, y1 - by), (x0 - by, y1 - by)]


def narrow(page: Any) -> bool:
    """Return whether nothing is wider than the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth") <= 390)


def test_moving_and_reading(open_page: Open, phone: dict[str, Any]) -> None:
    page = open_map(open_page, **phone)
    fingers = Fingers(page)
    x, y = at(page, 24)
    fingers.drag((x, y), (x + 10, y + 8), (x + 40, y + 30))
    assert at(page, 24) == pytest.approx((x + 40, y + 30), abs=1.5)
    assert page.locator(".vmap-card").is_hidden(), "a drag picks nothing"
    # A long press is a tap.
    fingers.touch("touchStart", at(page, 17))
    page.wait_for_timeout(800)
    fingers.touch("touchEnd")
    page.locator(".vmap-card h3", has_text="Title 17").wait_for()
    still(page)
    assert at(page, 17)[1] < page.locator(".vmap-card").bounding_box()["y"], "the card is not over it"
    assert page.evaluate("getSelection().toString()") == ""
    page.locator(".vmap-card .vmap-articles button").first.tap()
    page.locator(".vmap-card h3", has_text="Title 17").wait_for(state="detached")
    assert faults(page) == []
    tap(page, page.locator(".vmap-card").get_by_label("Close"), ".vmap-card[hidden]")
    page.evaluate("theMap.camera.goHome()")
    still(page)
    gap = at(page, 25)[0] - at(page, 24)[0]
    fingers.pinch(at(page, 24), 30, 60)
    assert at(page, 25)[0] - at(page, 24)[0] == pytest.approx(2 * gap, rel=0.05)
    fingers.pinch(at(page, 24), 60, 30)
    assert at(page, 25)[0] - at(page, 24)[0] == pytest.approx(gap, rel=0.05)
    fingers.double_tap(at(page, 24))
    assert page.evaluate("theMap.camera.zoom") == pytest.approx(2, rel=0.05), "a double tap"
    assert narrow(page)


def test_selecting_and_labels(open_page: Open, phone: dict[str, Any]) -> None:
    page = open_map(open_page, kinds(), **phone)
    fingers = Fingers(page)
    tap(page, page.get_by_label("Select with a lasso"), ".vmap-lasso[aria-pressed='true']")
    fingers.drag(*around([at(page, 22), at(page, 24)], 14), around([at(page, 22), at(page, 24)], 14)[0])
    assert selected(page) == [22, 23, 24]
    tap(page, page.locator(".vmap-how input[value='add']"), ".vmap-how input[value='add']:checked")
    tap(page, page.get_by_label("Select with a box"), ".vmap-box[aria-pressed='true']")
    page.locator(".vmap-stage").scroll_into_view_if_needed()
    first, last = around([at(page, 29), at(page, 30)], 12)[::2]
    fingers.drag(first, last)
    assert selected(page) == [22, 23, 24, 29, 30]
    assert page.locator(".vmap-selected-count").inner_text() == "5 articles"
    tap(page, page.locator(".vmap-list-button"), ".vmap-selected-list button")
    page.locator(".vmap-selected-list button", has_text="Title 23").tap()
    page.locator(".vmap-card h3", has_text="Title 23").wait_for()
    assert faults(page) == [], "a selection with its list, and a card"
    page.locator(".vmap-label-row input").first.fill("mine")
    page.locator(".vmap-label-go").tap()
    entry = page.locator(".vmap-coloring .vmap-entry", has_text="mine")
    entry.wait_for()
    assert entry.locator(".vmap-n").inner_text() == "5"
    assert faults(page) == [], "labels"
    tap(
        page,
        page.get_by_role("button", name="Show only these"),
        "button[aria-pressed='true']:text('Show only these')",
    )
    still(page)
    assert page.evaluate("[...theMap.shown.keys()].filter((row) => theMap.shown[row])") == [22, 23, 24, 29, 30]
    page.get_by_role("button", name="Clear", exact=True).tap()
    page.locator(".vmap-selected-count", has_text="nothing selected").wait_for(state="attached")
    assert selected(page) == []
    assert narrow(page)


def test_filters(open_page: Open, phone: dict[str, Any]) -> None:
    page = open_map(open_page, kinds(), **phone)
    fingers = Fingers(page)
    page.get_by_label("Color by").select_option("field:year")
    still(page)
    area = page.locator(".vmap-coloring .vmap-brush-area")
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    y = box["y"] + box["height"] / 2
    fingers.drag(*((box["x"] + share * box["width"], y) for share in (0.201, 0.3, 0.4, 0.499)))
    # Row r has the code 5 r.
    shown = "[...theMap.shown.keys()].filter((row) => theMap.shown[row])"
    assert page.evaluate(shown) == list(range(11, 26))
    # A chosen range is moved by a finger; a tap next to it shows all.
    fingers.drag(*((box["x"] + share * box["width"], y) for share in (0.3, 0.35, 0.4)))
    assert len(page.evaluate(shown)) == 15
    assert page.evaluate(shown)[0] in (15, 16)
    page.get_by_label("Filter by a field").select_option("field:kind")
    tap(page, page.locator(".vmap-facet .vmap-entry", has_text="b"), ".vmap-facet .vmap-entry[aria-pressed='true']")
    page.locator(".vmap-filters-line", has_text="of 49 shown").wait_for()
    assert set(page.evaluate(shown)) <= set(range(17, 34))
    assert faults(page) == []
    # A finger that moves up or down scrolls the page.
    before = page.evaluate("scrollY")
    area.scroll_into_view_if_needed()
    tap(page, page.get_by_role("button", name="Clear filters"), ".vmap-filters-all[hidden]")
    assert page.evaluate("theMap.shown") is None
    assert before >= 0
    assert narrow(page)


def test_two_maps(open_page: Open, phone: dict[str, Any]) -> None:
    page = open_map(open_page, two_maps(), **phone)
    tap(page, page.get_by_role("button", name="Side by side"), ".vmap-second")
    still(page)
    assert faults(page) == []
    fingers = Fingers(page)
    page.locator(".vmap-second").scroll_into_view_if_needed()
    gap, first = at_side(page, 31)[1] - at_side(page, 30)[1], page.evaluate("theMap.camera.scale")
    middle = at_side(page, 24)
    fingers.pinch(middle, 25, 50)
    assert at_side(page, 31)[1] - at_side(page, 30)[1] == pytest.approx(2 * gap, rel=0.05)
    assert page.evaluate("theMap.camera.scale") == first, "the other one stays as it is"
    x, y = at_side(page, 24)
    fingers.drag((x, y), (x - 12, y + 9), (x - 30, y + 20))
    assert at_side(page, 24) == pytest.approx((x - 30, y + 20), abs=1.5)
    page.locator(".vmap-second .vmap-home").tap()
    until(page, "theMap.maps.second.camera.isHome", True)
    still(page)
    page.locator(".vmap-stage").first.scroll_into_view_if_needed()
    tap(page, page.get_by_label("Select with a box"), ".vmap-box[aria-pressed='true']")
    page.locator(".vmap-second").scroll_into_view_if_needed()
    # The column of 0 to 6 on the other map.
    (x0, y0), (x1, y1) = at_side(page, 1), at_side(page, 5)
    fingers.drag((x0 - 9, y0 + 9), ((x0 + x1) / 2, (y0 + y1) / 2), (x1 + 9, y1 - 9))
    assert selected(page) == [1, 2, 3, 4, 5]
    page.get_by_label("Map", exact=True).select_option("other")
    still(page)
    assert page.locator(".vmap-second .vmap-caption").inner_text() == "Map map"
    assert faults(page) == []
    assert narrow(page)

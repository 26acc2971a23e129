"""Long titles and titles from right to left, in lists and cards; and labels that keep clear of the buttons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from test_axe import faults
from test_map_sides import side_by_side, two_maps

from browser_maps import SIDE, Open, open_map, planted, still
from vecindex.core.picture import Coloring, TopicLabel

N = SIDE * SIDE
LONG = "A title of very many words that goes on " * 12 + "to its end"
ARABIC = "بنية الخلية وانقسامها وموتها المبرمج " * 9 + "النهاية"
SIZES = [("light", 1400), ("dark", 1400), ("light", 390), ("dark", 390)]


def long_ones() -> Any:
    """Return the planted map, with a long title (24, in the middle), an Arabic one (17), and a long question."""
    titles = [f"Title {row}" for row in range(N)]
    titles[24], titles[17] = LONG, ARABIC
    shown = planted(titles=titles)
    return replace(shown, questions=(replace(shown.questions[0], text=f"{LONG}?"), *shown.questions[1:]))


def lines(box: Any) -> float:
    """Return how many lines of text a box is high."""
    return float(box.evaluate("(one) => one.clientHeight / parseFloat(getComputedStyle(one).lineHeight)"))


def check(box: Any, text: str, direction: str = "ltr") -> None:
    """Check that a title is truncated after three lines, in its own direction, and that its tooltip has all of it."""
    assert lines(box) == pytest.approx(3, abs=0.3)
    assert box.inner_text() == text
    box.hover()
    assert box.get_attribute("title") == text
    assert box.evaluate("(one) => getComputedStyle(one).direction") == direction
    assert box.evaluate("(one) => one.scrollWidth <= one.clientWidth")


@pytest.mark.parametrize(("theme", "width"), SIZES)
def test_long_titles_in_lists(open_page: Open, theme: str, width: int) -> None:
    page = open_map(open_page, long_ones(), color_scheme=theme, viewport={"width": width, "height": 850})
    check(page.locator(".vmap-question-text .vmap-clamp").filter(has_text=LONG), f"{LONG}?")
    page.get_by_label("Search titles").fill("title")
    found = page.locator(".vmap-results .vmap-clamp")
    found.first.wait_for()
    short = found.get_by_text("Title 8", exact=True)
    short.hover()
    assert short.get_attribute("title") is None, "it is seen whole"
    check(found.get_by_text(LONG), LONG)
    page.get_by_label("Search titles").fill("الخلية")
    check(found.get_by_text(ARABIC), ARABIC, "rtl")
    assert faults(page) == []
    page.get_by_role("button", name="Take all 1 shown").click()
    page.locator(".vmap-list-button").click()
    check(page.locator(".vmap-selected-list .vmap-clamp").first, ARABIC, "rtl")
    page.get_by_label("Search titles").fill("")
    page.evaluate("theMap.select(25)")
    near = page.locator(".vmap-articles .vmap-clamp")
    near.get_by_text(LONG).first.wait_for()
    check(near.get_by_text(LONG).first, LONG)
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_shows_a_title_whole(open_page: Open) -> None:
    page = open_map(open_page, long_ones())
    page.get_by_label("Search titles").fill("very many words")
    box = page.locator(".vmap-results .vmap-clamp")
    box.wait_for()
    page.keyboard.press("ArrowDown")
    assert lines(box) > 6
    page.keyboard.press("ArrowUp")
    assert lines(box) == pytest.approx(3, abs=0.3)


@pytest.mark.parametrize("width", [1400, 390])
def test_the_card_has_the_rest_of_a_long_title(open_page: Open, width: int) -> None:
    page = open_map(open_page, long_ones(), viewport={"width": width, "height": 850})
    page.evaluate("theMap.select(24)")
    title = page.locator(".vmap-card h3")
    rest = page.get_by_role("button", name="Whole title")
    rest.wait_for()
    assert lines(title) == pytest.approx(6, abs=0.3)
    rest.click()
    assert lines(title) > 7
    assert rest.get_attribute("aria-expanded") == "true"
    rest.click()
    assert lines(title) == pytest.approx(6, abs=0.3)
    page.evaluate("theMap.select(17)")
    page.locator(".vmap-card h3", has_text="النهاية").wait_for()
    assert title.evaluate("(one) => getComputedStyle(one).direction") == "rtl"
    page.evaluate("theMap.pickQuestion(0)")
    assert rest.count() == 1
    page.evaluate("theMap.select(3)")
    page.locator(".vmap-card h3", has_text="Title 3").wait_for()
    assert rest.count() == 0


def test_a_long_value_of_the_legend_keeps_its_beginning(open_page: Open) -> None:
    shown = planted()
    names = (ARABIC, "trains", "songs")
    topic = Coloring("topic", "topic", "category", shown.colorings[0].codes, names, shown.colorings[0].counts)
    page = open_map(open_page, planted(colorings=(topic, *shown.colorings[1:])))
    name = page.locator(".vmap-entry[data-code='0'] .vmap-entry-name")
    # Of what overflows, the left end is out of sight.
    assert name.evaluate("(one) => getComputedStyle(one).direction") == "rtl"
    assert page.locator(".vmap-entry[data-code='0']").get_attribute("title") == ARABIC


def covered(page: Any, scene: int = 0) -> list[str]:
    """Return which labels lie under a button of a map."""
    script = """(scene) => {
      const { labels, camera, stage } = theMap.maps.scenes[scene];
      const box = stage.getBoundingClientRect();
      const buttons = [...stage.querySelectorAll("button, .vmap-caption")].map((one) => one.getBoundingClientRect())
        .filter(({ width }) => width > 0);
      const apart = (one, { left, right, top, bottom }) => one.left >= right - box.left ||
        one.right <= left - box.left || one.top >= bottom - box.top || one.bottom <= top - box.top;
      const free = (one) => buttons.every((other) => apart(one, other));
      return labels.boxes(camera).filter((one) => !free(one)).map(({ name }) => name);
    }"""
    return list(page.evaluate(script, scene))


def names(page: Any, scene: int = 0) -> list[str]:
    script = "(i) => theMap.maps.scenes[i].labels.boxes(theMap.maps.scenes[i].camera).map((one) => one.name).sort()"
    return list(page.evaluate(script, scene))


@pytest.mark.parametrize(("theme", "width"), SIZES)
def test_labels_keep_clear_of_buttons(open_page: Open, theme: str, width: int) -> None:
    corners = [(0.0, 0.0), (6.0, 0.0), (0.0, 6.0), (6.0, 6.0), (0.0, 2.0), (3.0, 0.0)]
    topics = tuple(TopicLabel(f"topic {i}, of a few words", x, y, 8, 0, i % 3) for i, (x, y) in enumerate(corners))
    shown = two_maps(topics=topics)
    shown = replace(shown, alongside=(replace(shown.alongside[0], topics=topics),))
    page = open_map(open_page, shown, color_scheme=theme, viewport={"width": width, "height": 844})
    assert covered(page) == []
    assert len(names(page)) >= 4
    side_by_side(page)
    for scene in (0, 1):
        assert covered(page, scene) == []
        assert names(page, scene)
    # Where the map is moved, and where a label has nowhere to go.
    for dx, dy in ((-60, 90), (0, 120), (-40, -40)):
        page.evaluate("([dx, dy]) => theMap.maps.scenes.forEach(({ camera }) => camera.pan(dx, dy))", [dx, dy])
        still(page)
        assert covered(page) + covered(page, 1) == []


def test_a_label_moves_out_from_under_what_covers_it(open_page: Open) -> None:
    page = open_map(open_page, planted(topics=(TopicLabel("over", 3.0, 3.0, 17, 0, 0),)))
    script = """(boxes) => {
      const { labels, camera } = theMap.scene;
      const [{ topic, sprite: { width, height } }] = labels.items, [x, y] = camera.at(topic.x, topic.y);
      labels.covered = boxes.map(([x0, y0, x1, y1]) => ({ x0: x + x0, y0: y + y0, x1: x + x1, y1: y + y1 }));
      return labels.boxes(camera).map((one) => [one.left - x + width / 2, one.top - y + height / 2, width, height]);
    }"""
    ((dx, dy, width, height),) = page.evaluate(script, [])
    assert (dx, dy) == (0, 0)
    # Ten pixels of it are covered from the right, then from below; then both ways out are taken.
    ((dx, dy, *_),) = page.evaluate(script, [[width / 2 - 10, -200, 400, 200]])
    assert (dx, dy) == pytest.approx((-10, 0))
    ((dx, dy, *_),) = page.evaluate(script, [[-200, height / 2 - 7, 200, 300]])
    assert (dx, dy) == pytest.approx((0, -7))
    ((dx, dy, *_),) = page.evaluate(script, [[width / 2 - 10, -3, 400, 3], [-400, -3, -width / 2, 3]])
    assert dx == 0
    assert abs(dy) == pytest.approx(height / 2 + 3)
    assert page.evaluate(script, [[-5000, -5000, 5000, 5000]]) == []

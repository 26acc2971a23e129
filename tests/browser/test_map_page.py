"""The page of a map in a real browser: what a reader does with it, and that no text of the data acts."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest

from browser_maps import Open, above, apart, at, color, html_of, open_map, planted, spot, still, swatch, tap, until
from pages import HOSTILE
from vecindex.core.neighbors import NO_ROW
from vecindex.core.picture import OFF_MAP, Coloring, MapScore, NearArticle, PlacedQuestion, TopicLabel
from vecindex.reports.markup import clean


@pytest.fixture(params=["webgl2", "2d"])
def painter(request: pytest.FixtureRequest) -> str:
    """Both ways to draw; WebGL2 is played by a processor where there is no graphics card."""
    return str(request.param)


def test_it_is_drawn_and_says_what_it_is(open_page: Open, painter: str) -> None:
    page = open_map(open_page, planted(anchored="anchored to 3 questions of some.jsonl"), painter)
    stats = page.evaluate("theMap.stats()")
    assert (stats["drawn"], stats["painter"]) == (49, {"webgl2": "WebGL2", "2d": "Canvas 2D"}[painter])
    assert stats["firstDrawMs"] > 0
    strip = page.locator(".vmap-strip").inner_text()
    for told in ("articles", "“map”", "49 articles", "3 not on this map", "method local", "22 Nov 2026"):
        assert told in strip
    assert "recall@5 55 % 55 %–56 %" in strip
    assert page.locator(".vmap-badge").inner_text() == "anchored to 3 questions of some.jsonl"
    assert page.locator(".vmap-notice").is_hidden()
    for row in (0, 1, 2, 24 - 7):
        # Painted over white once, nearly opaque.
        assert apart(color(page, row), swatch(page, row % 3)) < 30
    assert page.evaluate("theMap.scene.pixel(3, 3)") == [255, 255, 255]


def test_the_whole_map_is_seen_first(open_page: Open) -> None:
    page = open_map(open_page)
    box = page.locator(".vmap-over").bounding_box()
    places = np.array([at(page, row) for row in range(49)]) - [box["x"], box["y"]]
    assert places.min() >= 16
    assert (places.max(axis=0) <= [box["width"] - 16, box["height"] - 16]).all()
    # One scale for both axes, and y upwards.
    assert at(page, 7)[1] - at(page, 0)[1] == pytest.approx(at(page, 0)[0] - at(page, 1)[0], abs=0.05)
    assert (places.min(axis=0) + places.max(axis=0)) / 2 == pytest.approx(
        [box["width"] / 2, box["height"] / 2], abs=1
    )


def test_the_view_opens_on_the_core_and_far_points_stay_reachable(open_page: Open, painter: str) -> None:
    xy = np.stack([np.arange(49) % 7, np.arange(49) // 7], axis=1).astype(np.float64)
    xy[0], xy[48] = (-60.0, 3.0), (3.0, 80.0)
    page = open_map(open_page, planted(xy=xy), painter)
    notice = "2 points lie outside this view, far from all others; zoom out to see them."
    assert page.locator(".vmap-notice-text").inner_text() == notice
    box = page.locator(".vmap-over").bounding_box()

    def inside(row: int) -> bool:
        x, y = np.array(at(page, row)) - [box["x"], box["y"]]
        return bool(0 <= x <= box["width"] and 0 <= y <= box["height"])

    assert [row for row in range(49) if not inside(row)] == [0, 48]
    # The others fill the view.
    assert at(page, 6)[0] - at(page, 42)[0] > 0.5 * min(box["width"], box["height"])
    for _ in range(12):
        page.mouse.move(*at(page, 24))
        page.mouse.wheel(0, 400)
    still(page)
    assert inside(0)
    assert inside(48)
    assert apart(color(page, 48), swatch(page, 48 % 3)) < 60
    page.locator(".vmap-home").click()
    still(page)
    assert not inside(48)


def test_dragging_moves_the_map_with_the_pointer(open_page: Open, painter: str) -> None:
    page = open_map(open_page, painter=painter)
    page.mouse.move(*at(page, 24))
    before = at(page, 17)
    drawn = color(page, 17)
    page.mouse.down()
    page.mouse.move(at(page, 24)[0] + 40, at(page, 24)[1] - 25, steps=4)
    page.mouse.up()
    still(page)
    assert at(page, 17) == pytest.approx((before[0] + 40, before[1] - 25), abs=0.5)
    assert apart(color(page, 17), drawn) < 4, "its point went with it"
    assert page.locator(".vmap-card").is_hidden(), "a drag picks nothing"
    page.mouse.move(before[0] + 40, before[1] - 25)
    still(page)
    assert page.locator(".vmap-tip b").inner_text() == "Title 17"


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_the_wheel_zooms_at_the_pointer(open_page: Open, painter: str, motion: str) -> None:
    page = open_map(open_page, painter=painter, reduced_motion=motion)
    page.mouse.move(*at(page, 10))
    there, apart_before = at(page, 10), at(page, 11)[0] - at(page, 10)[0]
    for _ in range(3):
        page.mouse.wheel(0, -200)
    still(page)
    # The wheel tells whole pixels.
    assert at(page, 10) == pytest.approx(there, abs=1.5)
    assert at(page, 11)[0] - at(page, 10)[0] == pytest.approx(apart_before * np.exp(600 * 0.0018), rel=0.01)
    assert apart(color(page, 10), swatch(page, 1)) < 30
    page.mouse.wheel(0, 200)
    still(page)
    assert at(page, 11)[0] - at(page, 10)[0] == pytest.approx(apart_before * np.exp(400 * 0.0018), rel=0.01)


def double_click(page: Any, x: float, y: float) -> None:
    """Click twice within a tenth of a second, however busy the machine is."""
    remote, begun = page.context.new_cdp_session(page), time.time()
    for clicks in (1, 2):
        press = {"x": x, "y": y, "button": "left", "clickCount": clicks, "timestamp": begun + 0.05 * clicks}
        for kind in ("mousePressed", "mouseReleased"):
            remote.send("Input.dispatchMouseEvent", {"type": kind, **press})


def test_buttons_and_double_click_zoom(open_page: Open) -> None:
    page = open_map(open_page)

    def zoom() -> float:
        return float(still(page).evaluate("theMap.camera.zoom"))

    page.get_by_label("Zoom in").click()
    assert zoom() == pytest.approx(2)
    page.get_by_label("Zoom out").click()
    page.get_by_label("Zoom out").click()
    assert zoom() == pytest.approx(0.6), "no farther than that"
    page.get_by_label("Show the whole map").click()
    assert zoom() == pytest.approx(1)
    x, y = at(page, 24)
    double_click(page, x + 30, y + 30)
    assert zoom() == pytest.approx(2)


def test_the_keyboard_reaches_and_moves_the_map(open_page: Open) -> None:
    page = open_map(open_page)
    reached = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
    for name in ("theme", "vmap-search", "vmap-color", "vmap-entry", "vmap-asked-sort", "vmap-over", "vmap-in"):
        assert name in reached
    page.locator(".vmap-over").focus()
    before = at(page, 24)
    page.keyboard.press("ArrowLeft")
    still(page)
    assert at(page, 24) == pytest.approx((before[0] + 90, before[1]), abs=0.5)
    page.keyboard.press("ArrowDown")
    still(page)
    assert at(page, 24) == pytest.approx((before[0] + 90, before[1] - 90), abs=0.5)
    page.keyboard.press("+")
    assert still(page).evaluate("theMap.camera.zoom") == pytest.approx(1.6)
    page.keyboard.press("0")
    still(page)
    assert at(page, 24) == pytest.approx(before, abs=0.5)
    # The question's mark is in the middle too, and comes first.
    page.keyboard.press("Enter")
    assert page.locator(".vmap-card h3").inner_text() == "what stands in the middle"
    page.keyboard.press("Escape")
    assert page.locator(".vmap-card").is_hidden()
    page.get_by_role("button", name="Questions").click()
    page.locator(".vmap-over").focus()
    page.keyboard.press("0")
    still(page)
    page.keyboard.press("Enter")
    still(page)
    assert page.locator(".vmap-card h3").inner_text() == "Title 24"


def test_pointing_tells_and_clicking_opens(open_page: Open) -> None:
    page = open_map(open_page)
    page.evaluate("() => { theMap.seen = []; theMap.onselect = (row) => theMap.seen.push(row); }")
    page.mouse.move(at(page, 9)[0] + 3, at(page, 9)[1] - 3)
    tip = page.locator(".vmap-tip")
    tip.wait_for(state="visible")
    still(page)
    assert tip.inner_text().split("\n") == ["Title 9", "Text of 9"]
    page.mouse.move((at(page, 9)[0] + at(page, 10)[0]) / 2, at(page, 9)[1])
    still(page)
    assert tip.is_hidden(), "between two articles there is none"
    page.mouse.click(*at(page, 9))
    card = page.locator(".vmap-card")
    still(page)
    assert card.locator("h3").inner_text() == "Title 9"
    told = card.inner_text()
    assert "a9" in told
    assert "Text of 9" in told
    assert card.locator("dl").inner_text().split() == ["topic", "cells", "year", "about", "1945"]
    near = [item.split("\n")[0] for item in card.locator(".vmap-articles button").all_inner_texts()]
    # By their place, of equals the lower row: the four beside it, then those at the corners.
    assert near == [f"Title {row}" for row in (2, 8, 10, 16, 1, 3, 15, 17)]
    card.get_by_role("button", name="Title 16").click()
    still(page)
    assert card.locator("h3").inner_text() == "Title 16"
    card.get_by_label("Close").click()
    assert card.is_hidden()
    assert page.evaluate("theMap.seen") == [9, 16, None]


def test_colors_can_be_chosen(open_page: Open, painter: str) -> None:
    page = open_map(open_page, painter=painter)
    page.get_by_label("Color by").select_option("field:year")
    still(page)
    legend = page.locator(".vmap-legend")
    assert legend.locator(".vmap-ends").inner_text().split() == ["1900", "2154"]
    assert "only some" in legend.inner_text()
    assert "none: 1" in legend.inner_text()
    # In the light high ones are darker, evenly so.
    light = [np.dot(color(page, row), (0.21, 0.72, 0.07)) for row in (0, 10, 20, 40, 47)]
    assert light == sorted(light, reverse=True)
    assert apart(color(page, 3), [180, 188, 196]) < 20, "none is gray"
    page.mouse.click(*at(page, 10))
    still(page)
    assert page.locator(".vmap-card dl").inner_text().split() == ["year", "about", "1950", "topic", "trains"]
    page.get_by_label("Color by").select_option("topic")
    still(page)
    assert page.locator(".vmap-card dl").inner_text().split() == ["topic", "trains", "year", "about", "1950"]


def test_the_legend_shows_some_only(open_page: Open, painter: str) -> None:
    page = open_map(open_page, painter=painter)
    names = [text.split("\n") for text in page.locator(".vmap-entry").all_inner_texts()]
    assert names == [["cells", "17"], ["trains", "16"], ["songs", "16"]]
    page.get_by_role("button", name="trains").click()
    still(page)
    gray = [180, 188, 196]
    assert apart(color(page, 1), swatch(page, 1)) < 40
    for row in (0, 2):
        found = color(page, row)
        assert max(found) - min(found) < 20, "no color of its own"
        assert min(found) > min(gray)
    page.mouse.move(*at(page, 2))
    still(page)
    assert page.locator(".vmap-tip").is_hidden(), "what is not shown is not told"
    page.get_by_role("button", name="songs").click()
    still(page)
    assert apart(color(page, 2), swatch(page, 2)) < 40
    page.get_by_role("button", name="Show all").click()
    still(page)
    assert apart(color(page, 0), swatch(page, 0)) < 30
    # The same from outside.
    page.evaluate("theMap.filter(Uint8Array.from({ length: 49 }, (_, row) => row === 5))")
    still(page)
    assert apart(color(page, 5), swatch(page, 2)) < 40
    assert apart(color(page, 8), swatch(page, 2)) > 60


def over_colors(page: Any, ends: tuple[tuple[float, float], tuple[float, float]]) -> set[tuple[int, ...]]:
    """Return the colors above the points along the middle of a line, in pixels of the window."""
    box = page.locator(".vmap-over").bounding_box()
    part = np.linspace(0.3, 0.7, 100)[:, None]
    places = np.array(ends[0]) + part * (np.array(ends[1]) - ends[0]) - [box["x"], box["y"]]
    return {tuple(int(v) for v in one) for one in above(page, places)}


def test_a_question_shows_what_is_kept_and_what_is_lost(open_page: Open, painter: str) -> None:
    page = open_map(open_page, painter=painter)
    page.get_by_role("button", name="what stands in the middle").click()
    still(page)
    card = page.locator(".vmap-card")
    assert card.locator("h3").inner_text() == "what stands in the middle"
    assert "50 % of its 4 nearest articles" in card.inner_text()
    still(page)
    assert [text.split("\n") for text in card.locator(".vmap-articles li").all_inner_texts()] == [
        ["Title 25", "kept", "0.125"],
        ["Title 17", "kept", "0.250"],
        ["Title 0", "lost", "0.375"],
        ["an article that is not on the map", "not on the map", "0.500"],
    ]
    assert page.locator(".vmap-key li").all_text_contents() == [
        "nearest, kept on the map 2",
        "nearest, lost on the map 1",
        "nearest, not on the map 1",
        "near on the map only 2",
    ]
    accent, second = (10, 107, 116, 255), (138, 75, 8, 255)
    kept = over_colors(page, (spot(page, 0), at(page, 25)))
    assert accent in kept
    assert second not in kept
    lost = over_colors(page, (spot(page, 0), at(page, 0)))
    assert second in lost
    assert accent not in lost
    assert any(one != second and min(one[:3]) > 200 for one in lost), "it is dashed"
    assert over_colors(page, (spot(page, 0), at(page, 45))).isdisjoint({accent, second})
    card.get_by_role("button", name="Title 0").click()
    still(page)
    assert card.locator("h3").inner_text() == "Title 0"
    card.get_by_role("button", name="Back to the question").click()
    assert card.locator("h3").inner_text() == "what stands in the middle"
    page.keyboard.press("Escape")
    still(page)
    assert card.is_hidden()
    assert page.locator(".vmap-key").is_hidden()
    assert over_colors(page, (spot(page, 0), at(page, 25))).isdisjoint({accent, second})


def test_an_article_shows_its_nearest_in_both_spaces(open_page: Open) -> None:
    near = np.full((49, 4), NO_ROW, dtype=np.int32)
    # Of 24 the middle: right of it, one that is not on the map, a corner, and above it.
    near[24] = (25, OFF_MAP, 0, 31)
    page = open_map(open_page, planted(near=near, questions=()))
    page.mouse.click(*at(page, 24))
    card = page.locator(".vmap-card")
    card.locator("h4:has-text('Nearest by embedding')").wait_for()
    still(page)
    assert "2 of 4 are also nearest on the map." in card.inner_text()
    lists = [
        [text.split("\n") for text in items.locator("li").all_inner_texts()]
        for items in card.locator(".vmap-articles").all()
    ]
    assert lists[0] == [
        ["Title 25", "kept"],
        ["an article that is not on the map", "not on the map"],
        ["Title 0", "lost"],
        ["Title 31", "kept"],
    ]
    # Equally far but for the rounding of coordinates.
    too, only = "by embedding too", "map only"
    assert sorted(lists[1]) == [["Title 17", only], ["Title 23", only], ["Title 25", too], ["Title 31", too]]
    accent, second = (10, 107, 116, 255), (138, 75, 8, 255)
    assert accent in over_colors(page, (at(page, 24), at(page, 25)))
    assert second in over_colors(page, (at(page, 24), at(page, 0)))
    assert page.locator(".vmap-key li").first.text_content() == "nearest, kept on the map 2"
    card.get_by_role("button", name="Title 0").click()
    still(page)
    assert page.locator(".vmap-key").is_hidden(), "nothing is known of it"
    assert card.locator("h4").all_inner_texts() == ["Nearest on the map"]


def test_a_question_says_why_it_is_bad(open_page: Open) -> None:
    page = open_map(open_page)
    listed = page.locator(".vmap-question").all_inner_texts()
    assert [text.split("\n")[0] for text in listed] == ["nobody near", "what stands in the middle", "who is alone"]
    page.get_by_role("button", name="what stands in the middle").click()
    # 0 is a corner: as far as the other three, and 45 articles are nearer.
    assert page.locator(".vmap-why li").all_inner_texts() == [
        "1 of its nearest articles is not on the map.",
        "Its nearest articles lie in 2 areas of the map, and the question can be in one of them only.",
        "Number 3 is 71 % of the map's width away: 45 articles lie nearer on the map.",
    ]
    page.get_by_role("button", name="who is alone").click()
    assert page.locator(".vmap-why").count() == 0


def test_no_rank_hides_another_or_lies_under_the_mark(open_page: Open) -> None:
    # Six articles at the question's own position, and one next to them.
    xy = np.stack([np.arange(49) % 7, np.arange(49) // 7], axis=1).astype(np.float64)
    xy[[0, 1, 2, 3, 4, 5]] = (3.0, 3.0)
    near = tuple(NearArticle(row, 0.1 + row / 100, row % 2 == 0) for row in (0, 1, 2, 3, 4, 5, 17))
    question = PlacedQuestion("q", "all in one", None, 3.0, 3.0, 0.5, near, ())
    page = open_map(open_page, planted(xy=xy, questions=(question,)))
    page.evaluate(
        """() => {
          const made = globalThis.CanvasRenderingContext2D.prototype, real = made.fillText;
          globalThis.ranks = [];
          made.fillText = function (text, x, y) {
            if (/^[0-9]+$/.test(text)) ranks.push([Number(text), x, y - 0.5]);
            real.call(this, text, x, y);
          };
          theMap.pickQuestion(0);
        }"""
    )
    still(page)
    found = np.array(page.evaluate("() => { ranks.length = 0; theMap.scene.finish(); return ranks; }"))
    places = {int(rank): np.array(place) for rank, *place in found}
    assert sorted(places) == [1, 2, 3, 4, 5, 6, 7]
    mark = np.array(page.evaluate("theMap.camera.at(theMap.state.picked.x, theMap.state.picked.y)"))
    for rank, place in places.items():
        assert np.hypot(*(place - mark)) >= 10 + 8.5, "beside the mark"
        assert all(np.hypot(*(place - other)) >= 17 for r, other in places.items() if r != rank)


def test_the_view_is_saved_as_a_picture(open_page: Open, tmp_path: Any) -> None:
    from xml.etree import ElementTree

    from PIL import Image

    page = open_map(open_page, planted(map="my map & more"), color_scheme="dark")
    with page.expect_download() as loading:
        page.get_by_role("button", name="PNG").click()
    assert loading.value.suggested_filename == "my-map-more.png"
    loading.value.save_as(tmp_path / "map.png")
    image = Image.open(tmp_path / "map.png").convert("RGB")
    box = page.locator(".vmap-over").bounding_box()
    assert image.width == box["width"]
    assert image.height > box["height"] + 40, "with the legend below"
    x, y = at(page, 8)
    assert apart(list(image.getpixel((round(x - box["x"]), round(y - box["y"])))), swatch(page, 2)) < 40
    assert image.getpixel((3, 3)) == (18, 22, 26)
    with page.expect_download() as loading:
        page.get_by_role("button", name="SVG").click()
    loading.value.save_as(tmp_path / "map.svg")
    root = ElementTree.parse(tmp_path / "map.svg").getroot()
    texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "cells, protein" in texts, "names are text"
    assert {"cells (17)", "trains (16)", "songs (16)"} <= set(texts)
    assert "map “my map & more”" in str(texts)
    still(page)
    assert page.get_by_role("button", name="Topics").get_attribute("aria-pressed") == "true"
    assert page.evaluate("theMap.scene.overlay.showLabels")
    # With a question's lines too: its card leaves the buttons free, on a narrow screen as well.
    for width in (1200, 390):
        page.set_viewport_size({"width": width, "height": 850})
        page.evaluate("theMap.pickQuestion(0)")
        still(page)
        with page.expect_download():
            page.get_by_role("button", name="PNG").click()


def test_a_question_is_picked_by_its_mark(open_page: Open) -> None:
    page = open_map(open_page)
    page.mouse.move(*spot(page, 1))
    still(page)
    assert page.locator(".vmap-tip b").inner_text() == "who is alone"
    page.mouse.click(*spot(page, 1))
    still(page)
    assert page.locator(".vmap-card h3").inner_text() == "who is alone"
    assert page.locator(".vmap-question[aria-pressed=true]").inner_text().startswith("who is alone")
    # It flew there: question and article are in the free part beside the card.
    card = page.locator(".vmap-card").bounding_box()
    box = page.locator(".vmap-over").bounding_box()
    for x, y in (spot(page, 1), at(page, 48)):
        assert box["x"] < x < card["x"]
        assert box["y"] < y < box["y"] + box["height"]
    assert page.evaluate("theMap.camera.zoom") > 3


def test_questions_are_sorted_and_filtered(open_page: Open) -> None:
    page = open_map(open_page)

    def listed() -> list[str]:
        return [text.split("\n")[0] for text in page.locator(".vmap-question").all_inner_texts()]

    page.get_by_label("Order of questions").select_option("")
    assert listed() == ["what stands in the middle", "who is alone", "nobody near"]
    page.get_by_label("Order of questions").select_option("low")
    assert listed() == ["nobody near", "what stands in the middle", "who is alone"]
    page.get_by_label("Order of questions").select_option("high")
    assert listed() == ["who is alone", "what stands in the middle", "nobody near"]
    page.get_by_label("Filter questions").fill("STANDS q1")
    assert listed() == ["what stands in the middle"]
    assert page.locator(".vmap-asked-count").inner_text() == "1 of 3"
    page.get_by_label("Filter questions").fill("no such")
    assert listed() == []
    page.get_by_label("Filter questions").fill("")
    page.get_by_role("button", name="nobody near").click()
    assert "has no position there" in page.locator(".vmap-card").inner_text()
    assert page.locator(".vmap-key").is_hidden()


def test_a_question_can_be_added(open_page: Open) -> None:
    page = open_map(open_page, planted(questions=()))
    assert page.locator(".vmap-asked").is_hidden()
    added = {
        "id": "typed",
        "text": "typed just now",
        "topic": None,
        "x": 0,
        "y": 0,
        "overlap": 1.0,
        "nearest": [{"row": 0, "dist": 0.1, "kept": True}],
        "on_map": [0],
    }
    assert page.evaluate("(question) => theMap.addQuestion(question)", added) == 0
    page.evaluate("theMap.pickQuestion(0)")
    still(page)
    assert page.locator(".vmap-card h3").inner_text() == "typed just now"
    assert page.locator(".vmap-question").count() == 1
    assert page.locator(".vmap-articles").inner_text().split("\n") == ["Title 0", "kept", "0.100"]


def test_titles_are_searched(open_page: Open) -> None:
    titles = [f"Title {r}" for r in range(49)]
    titles[5], titles[6], titles[7] = "Élan vital", "The vital élan", "Straße und Fluß"
    page = open_map(open_page, planted(titles=titles))
    field = page.get_by_label("Search titles")
    results = page.locator(".vmap-results button")
    field.fill("vital ELAN")
    page.locator(".vmap-found:has-text('2 found')").wait_for()
    assert results.all_inner_texts() == ["The vital élan", "Élan vital"], "the words as they were typed first"
    still(page)
    assert apart(color(page, 5), swatch_of(page, 2)) < 40
    assert max(color(page, 8)) - min(color(page, 8)) < 20, "what was not found is gray"
    field.press("Enter")
    still(page)
    assert page.locator(".vmap-card h3").inner_text() == "The vital élan"
    field.fill("strasse")
    assert results.all_inner_texts() == ["Straße und Fluß"]
    field.fill("title")
    assert page.locator(".vmap-found").inner_text() == "46 found"
    assert results.first.inner_text() == "Title 0", "the shorter first"
    field.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert page.evaluate("document.activeElement.textContent") == "Title 1"
    page.keyboard.press("Enter")
    assert page.locator(".vmap-card h3").inner_text() == "Title 1"
    field.fill("nothing like it")
    assert page.locator(".vmap-found").inner_text() == "No title has these words."
    field.press("Escape")
    assert field.input_value() == ""
    still(page)
    assert page.locator(".vmap-entry").first.is_visible(), "the legend is back"
    assert apart(color(page, 8), swatch(page, 2)) < 30


def swatch_of(page: Any, code: int) -> list[int]:
    return list(page.evaluate("(code) => theMap.scene.colors[code]", code))


def test_at_most_fifty_are_listed(open_page: Open) -> None:
    rng = np.random.default_rng(1)
    n = 120
    shown = planted(
        n=n,
        xy=rng.normal(size=(n, 2)),
        titles=["Same"] * 60 + [f"Same {i}" for i in range(60)],
        colorings=(Coloring("topic", "topic", "category", np.zeros(n, np.uint8), ("all",), (n,)),),
    )
    page = open_map(open_page, shown)
    page.get_by_label("Search titles").fill("same")
    page.locator(".vmap-results button").first.wait_for()
    assert page.locator(".vmap-found").inner_text() == "120 found, the first 50 are listed"
    assert page.locator(".vmap-results button").count() == 50
    # Several of one title are told apart by their ids.
    assert page.locator(".vmap-results button").nth(1).inner_text().split("\n") == ["Same", "a1"]


def test_topics_are_named_where_there_is_room(open_page: Open) -> None:
    page = open_map(open_page)
    names = "theMap.scene.labels.names(theMap.camera)"
    assert page.evaluate(names) == ["cells, protein", "trains"]
    page.get_by_label("Zoom in").click()
    still(page)
    assert page.evaluate(names) == ["trains", "steam trains"]
    page.get_by_label("Show the whole map").click()
    still(page)
    x, y = page.evaluate("theMap.camera.at(...Object.values(theMap.header.topics[1]).slice(1, 3))")

    def ink() -> int:
        places = [(x + dx, y + dy) for dx in range(-20, 20) for dy in range(-8, 8)]
        return int((above(page, places)[:, 3] > 200).sum())

    assert ink() > 100
    page.get_by_role("button", name="Topics").click()
    still(page)
    assert ink() == 0


def test_labels_do_not_overlap(open_page: Open) -> None:
    rng = np.random.default_rng(2)
    topics = tuple(
        TopicLabel(f"topic number {i}, with terms", *map(float, rng.uniform(0, 6, 2)), 100 - i, i % 3, 0)
        for i in range(60)
    )
    page = open_map(open_page, planted(topics=topics))
    for zoom in (1, 2, 5, 12):
        page.evaluate("(zoom) => theMap.fly(32768, 32768, zoom)", zoom)
        still(page)
        boxes = page.evaluate(
            """theMap.scene.labels.items.filter((i) => i.wanted).map((i) => {
              const [x, y] = theMap.camera.at(i.topic.x, i.topic.y);
              return [x, y, i.sprite.width, i.sprite.height];
            })"""
        )
        assert len(boxes) > 3
        for i, (x, y, w, h) in enumerate(boxes):
            for x2, y2, w2, h2 in boxes[:i]:
                assert abs(x - x2) >= (w + w2) / 2 or abs(y - y2) >= (h + h2) / 2


def test_the_theme_changes_the_map_too(open_page: Open, painter: str) -> None:
    page = open_map(open_page, painter=painter)
    light = swatch(page, 1)
    page.get_by_role("button", name="Dark theme").click()
    still(page)
    assert page.evaluate("theMap.scene.pixel(3, 3)") == [18, 22, 26]
    assert apart(swatch(page, 1), light) > 0
    assert apart(color(page, 1), swatch(page, 1)) < 30
    page = open_map(open_page, color_scheme="dark")
    assert page.evaluate("theMap.scene.pixel(3, 3)") == [18, 22, 26]
    page.emulate_media(color_scheme="light")
    until(page, "theMap.scene.pixel(3, 3)", [255, 255, 255])


def test_it_is_drawn_without_webgl(open_page: Open) -> None:
    page = open_page(html_of(planted()), reduced_motion="reduce").page
    page.add_init_script(
        "delete globalThis.WebGL2RenderingContext;"
        "const real = HTMLCanvasElement.prototype.getContext;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...rest) {"
        "  return kind === 'webgl2' ? null : real.call(this, kind, ...rest); };"
    )
    page.reload()
    still(page)
    assert page.evaluate("theMap.stats().painter") == "Canvas 2D"
    assert "no WebGL2" in page.locator(".vmap-notice").inner_text()
    assert apart(color(page, 0), swatch(page, 0)) < 30
    page.locator(".vmap-notice").get_by_label("Close").click()
    assert page.locator(".vmap-notice").is_hidden()


def test_where_a_processor_plays_the_graphics_card_it_draws_itself(open_page: Open) -> None:
    # The flags of these tests leave WebGL2 to SwiftShader.
    page = open_map(open_page)
    assert page.evaluate("typeof WebGL2RenderingContext") == "function"
    assert page.evaluate("theMap.stats().painter") == "Canvas 2D"
    assert page.locator(".vmap-notice").is_hidden()


def test_both_ways_to_draw_give_the_same_picture(open_page: Open) -> None:
    rng = np.random.default_rng(5)
    n = 3_000
    codes = rng.integers(0, 3, n).astype(np.uint8)
    counts = tuple(int(c) for c in np.bincount(codes, minlength=3))
    shown = planted(
        n=n,
        xy=rng.normal(size=(n, 2)),
        titles=[""] * n,
        colorings=(Coloring("topic", "topic", "category", codes, ("a", "b", "c"), counts),),
        topics=(),
        questions=(),
    )
    script = """() => {
      const { scene } = theMap, { width, height } = scene.canvas;
      const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
      scene.finish();
      copy.drawImage(scene.canvas, 0, 0);
      const { data } = copy.getImageData(0, 0, width, height), sums = [];
      for (let y = 0; y + 20 <= height; y += 20) for (let x = 0; x + 20 <= width; x += 20) {
        const sum = [0, 0, 0];
        for (let i = 0; i < 400; i++) {
          const at = 4 * ((y + Math.floor(i / 20)) * width + x + (i % 20));
          for (let c = 0; c < 3; c++) sum[c] += data[at + c] / 400;
        }
        sums.push(sum);
      }
      return sums;
    }"""
    pictures, views = [], []
    for one in ("webgl2", "2d"):
        page = open_map(open_page, shown, one)
        page.evaluate("theMap.legend.show(new Set([0, 2]))")
        still(page)
        views.append(
            page.evaluate("(({ x, y, scale, width, height }) => [x, y, scale, width, height])(theMap.camera)")
        )
        pictures.append(np.array(page.evaluate(script)))
    assert views[0] == views[1]
    assert np.ptp(pictures[0]) > 60, "there is something on it"
    assert np.abs(pictures[0] - pictures[1]).max() < 10
    assert np.abs(pictures[0] - pictures[1]).mean() < 0.6


def test_hostile_texts_are_shown_and_do_nothing(open_page: Open) -> None:
    titles = [HOSTILE[r % len(HOSTILE)] for r in range(49)]
    text = HOSTILE[0]
    shown = planted(
        table=HOSTILE[1],
        map=HOSTILE[0],
        method=HOSTILE[1],
        anchored=HOSTILE[0],
        scores=(MapScore(HOSTILE[1], 0.5, 0.4, 0.6),),
        titles=titles,
        ids=[f"{r} {HOSTILE[1]}" for r in range(49)],
        snippets=titles,
        colorings=(
            Coloring("topic", text, "category", (np.arange(49) % 2).astype(np.uint8), (text, HOSTILE[1]), (25, 24)),
        ),
        topics=(TopicLabel(text, 1.5, 5.5, 9, 0, 0),),
        questions=(PlacedQuestion(text, text, text, 3.5, 3.5, 1.0, (NearArticle(24, 0.1, True),), (24,)),),
    )
    page = open_map(open_page, shown)
    for row in range(9, 9 + len(HOSTILE)):
        page.mouse.move(*at(page, row))
        page.locator(".vmap-tip").wait_for(state="visible")
        still(page)
        assert page.locator(".vmap-tip b").evaluate("(e) => e.textContent") == clean(HOSTILE[row % len(HOSTILE)])
    page.mouse.click(*at(page, 17))
    assert page.locator(".vmap-card h3").evaluate("(e) => e.textContent") == clean(HOSTILE[17 % len(HOSTILE)])
    page.locator(".vmap-question").click()
    assert page.locator(".vmap-card h3").evaluate("(e) => e.textContent") == text
    page.get_by_label("Search titles").fill("script alert")
    page.locator(".vmap-results button").first.wait_for()
    assert page.locator(".vmap-results .vmap-clamp").first.evaluate("(e) => e.textContent") == text
    assert page.locator(".vmap-badge").inner_text() == text
    assert page.locator(".vmap img, .vmap script").count() == 0
    assert page.title() == clean(f"Map “{HOSTILE[0]}” of {HOSTILE[1]}")


def small(n: int, **changes: Any) -> Any:
    codes = np.zeros(n, dtype=np.uint8)
    values = {
        "n": n,
        "xy": np.zeros((n, 2)),
        "topics": (),
        "questions": (),
        "scores": (),
        "made": None,
        "method": None,
    }
    values |= {"colorings": (Coloring("topic", "topic", "category", codes, ("all",), (n,)),), "titles": [""] * n}
    return planted(**{**values, **changes})


def test_one_article_and_no_more(open_page: Open) -> None:
    page = open_map(open_page, small(1))
    assert page.locator(".vmap-asked").is_hidden()
    assert page.locator(".vmap-toggles").is_hidden()
    assert apart(color(page, 0), swatch(page, 0)) < 30
    page.mouse.click(*at(page, 0))
    still(page)
    assert page.locator(".vmap-card h3").inner_text() == "(no title)"
    assert "No other article." in page.locator(".vmap-card").inner_text()


def test_all_articles_at_one_place(open_page: Open) -> None:
    page = open_map(open_page, small(300))
    page.mouse.move(*at(page, 7))
    still(page)
    assert page.locator(".vmap-tip b").inner_text() == "a0", "the first of them, by its id as it has no title"
    for _ in range(6):
        page.get_by_label("Zoom in").click()
    still(page)
    # The shade of 300 articles makes the color a little darker.
    assert apart(color(page, 0), swatch(page, 0)) < 50


def test_an_empty_map_says_so(open_page: Open) -> None:
    nothing: Any = {name: [] for name in ("ids", "titles", "snippets")}
    page = open_map(
        open_page,
        small(
            1,
            xy=np.zeros((0, 2)),
            **nothing,
            colorings=(Coloring("topic", "topic", "category", np.zeros(0, np.uint8)),),
        ),
    )
    assert "No article is on this map yet." in page.locator(".vmap-notice").inner_text()
    page.get_by_label("Zoom in").click()
    page.get_by_label("Search titles").fill("x")
    page.locator(".vmap-found:has-text('No title')").wait_for()
    still(page)


@pytest.mark.parametrize(
    ("block", "told"),
    [
        ("map-header", "The map could not be read"),
        ("map-section-points", "The map could not be read"),
        ("map-section-snippets", "The texts could not be read"),
    ],
)
def test_what_cannot_be_read_is_told(open_page: Open, block: str, told: str) -> None:
    page = open_page(html_of(planted()).replace(f'id="{block}"', 'id="elsewhere"')).page
    page.locator(f".vmap-notice:has-text('{told}')").wait_for()
    assert f"this page has no block {block}" in page.locator(".vmap-notice").inner_text()


def test_a_coloring_that_cannot_be_read_leaves_the_old_one(open_page: Open) -> None:
    page = open_page(html_of(planted()).replace('id="map-section-color:field:year"', 'id="elsewhere"')).page
    still(page)
    page.get_by_label("Color by").select_option("field:year")
    page.locator(".vmap-notice:has-text('The colors of year could not be read')").wait_for()
    assert page.get_by_label("Color by").input_value() == "topic"
    assert page.locator(".vmap-entry").count() == 3


def test_it_can_be_read_anew(open_page: Open) -> None:
    page = open_map(open_page)
    page.get_by_label("Color by").select_option("field:year")
    page.evaluate("theMap.select(3)")
    page.evaluate("theMap.fly(20000, 20000, 4)")
    still(page)
    where = at(page, 12)
    assert page.evaluate("theMap.reload()")
    still(page)
    assert page.locator(".vmap-card").is_hidden()
    assert page.get_by_label("Color by").input_value() == "field:year"
    assert at(page, 12) == pytest.approx(where, abs=0.5), "the view stays"


def test_a_lost_graphics_card_comes_back(open_page: Open) -> None:
    page = open_map(open_page, painter="webgl2")
    before = color(page, 10)
    page.evaluate(
        """() => new Promise((done) => {
          const canvas = document.querySelector(".vmap-points");
          const card = canvas.getContext("webgl2").getExtension("WEBGL_lose_context");
          const after = (name, then) => canvas.addEventListener(name, () => setTimeout(then, 50), { once: true });
          after("webglcontextrestored", done);
          after("webglcontextlost", () => card.restoreContext());
          card.loseContext();
        })"""
    )
    still(page)
    assert apart(color(page, 10), before) < 4


@pytest.mark.parametrize("width", [360, 390, 768, 1400])
def test_no_width_scrolls_sideways(open_page: Open, width: int) -> None:
    page = open_map(open_page, planted(), viewport={"width": width, "height": 800})
    page.evaluate("theMap.pickQuestion(0)")
    still(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    card = page.locator(".vmap-card").bounding_box()
    assert card["x"] >= 0
    assert card["x"] + card["width"] <= width
    stage = page.locator(".vmap-stage").bounding_box()
    for x, y in (spot(page, 0), at(page, 25)):
        assert stage["x"] <= x <= stage["x"] + stage["width"]
        assert not (card["x"] <= x <= card["x"] + card["width"] and card["y"] <= y <= card["y"] + card["height"])


def test_fingers(open_page: Open) -> None:
    page = open_map(open_page, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page.touchscreen.tap(at(page, 9)[0] + 10, at(page, 9)[1])
    page.locator(".vmap-card h3:has-text('Title 9')").wait_for()
    still(page)
    assert at(page, 9)[1] < page.locator(".vmap-card").bounding_box()["y"], "the card is not over it"
    tap(page, page.locator(".vmap-card").get_by_label("Close"), ".vmap-card[hidden]")
    page.get_by_label("Show the whole map").tap()
    until(page, "theMap.camera.isHome", True)
    still(page)
    x, y = at(page, 17)
    gap = at(page, 18)[0] - x
    remote = page.context.new_cdp_session(page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        remote.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": px, "y": py, "id": i} for i, (px, py) in enumerate(points)]},
        )

    touch("touchStart", (x - 30, y), (x + 30, y))
    for spread in (35, 45, 60):
        touch("touchMove", (x - spread, y), (x + spread, y))
    touch("touchEnd")
    still(page)
    assert at(page, 18)[0] - at(page, 17)[0] == pytest.approx(2 * gap, rel=0.02), "twice as far apart, twice as large"
    assert at(page, 17) == pytest.approx((x, y), abs=2)
    assert page.locator(".vmap-card").is_hidden()


def test_it_prints_a_still_picture_on_white(open_page: Open, painter: str) -> None:
    page = open_map(open_page, painter=painter, color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    x, y = page.evaluate("theMap.camera.at(...theMap.state.positionOf(1))")
    page.emulate_media(media="print")
    picture = page.locator(".vmap-print")
    assert picture.is_visible()
    assert not page.locator(".vmap-search").is_visible()
    assert page.locator(".vmap-entry").first.is_visible(), "with its legend"
    corner, point = page.evaluate(
        """([x, y]) => {
          const canvas = document.querySelector(".vmap-print");
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          return [[3, 3], [x, y]].map(([px, py]) => {
            const at = 4 * (Math.round(py) * canvas.width + Math.round(px));
            return [...data.slice(at, at + 3)];
          });
        }""",
        [x, y],
    )
    assert corner == [255, 255, 255]
    assert swatch(page, 1) == [229, 179, 59]
    assert apart(point, [229, 179, 59]) < 30
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    still(page)
    assert page.locator(".vmap-print").count() == 0
    assert swatch(page, 1) != [229, 179, 59]
    assert page.evaluate("theMap.scene.pixel(3, 3)") == [18, 22, 26]


def test_any_budget_comes_to_an_end(open_page: Open, painter: str) -> None:
    page = open_map(open_page, painter=painter)
    # A part of a point was left once, and drawing never ended.
    page.evaluate("Object.defineProperty(theMap.scene.painter, 'budget', { get: () => 7.3, set: () => {} })")
    page.get_by_role("button", name="trains").click()
    still(page)
    assert page.evaluate("theMap.stats().drawn") == 49
    assert apart(color(page, 1), swatch(page, 1)) < 40


def test_a_quarter_of_a_million_articles(open_page: Open, painter: str) -> None:
    n = 250_000
    rng = np.random.default_rng(3)
    centers = rng.normal(scale=8, size=(40, 2))
    which = rng.integers(0, 40, n)
    counts = tuple(int(c) for c in np.bincount(which % 12, minlength=12))
    shown = planted(
        n=n,
        xy=centers[which] + rng.normal(size=(n, 2)),
        titles=[f"Article {i} of {i % 977}" for i in range(n)],
        colorings=(
            Coloring(
                "topic",
                "topic",
                "category",
                (which % 12).astype(np.uint8),
                tuple(f"topic {i}" for i in range(12)),
                counts,
            ),
        ),
        topics=(),
        questions=(),
    )
    page = open_map(open_page, shown, painter)
    assert page.evaluate("theMap.stats().drawn") == n
    row = 123_456
    assert apart(color(page, row), [255, 255, 255]) > 40
    page.get_by_label("Search titles").fill("article 123456")
    page.locator(".vmap-results button:has-text('Article 123456 of 354')").wait_for()
    assert page.locator(".vmap-found").inner_text() == "1 found"
    page.keyboard.press("Enter")
    still(page)
    assert page.locator(".vmap-card h3").inner_text() == "Article 123456 of 354"
    assert page.evaluate("theMap.stats().drawn") < n, "what is far outside the view is not drawn"
    assert apart(color(page, row), swatch_of(page, int(which[row]) % 12)) < 40
    page.get_by_label("Search titles").fill("977")
    page.locator(".vmap-found:has-text('found')").wait_for()
    assert (
        page.locator(".vmap-found").inner_text()
        == f"{sum('977' in t for t in shown.titles)} found, the first 50 are listed"
    )

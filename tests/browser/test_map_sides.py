"""Several maps on a page: one after the other, side by side with one selection, and how many neighbors stay."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from test_axe import faults
from test_map_address import restored, written
from test_map_labels import give, select
from test_map_parts import page as modules  # noqa: F401
from test_map_selection import selected

from browser_maps import SIDE, Open, apart, at, open_map, planted, still, swatch, tap
from vecindex.core.picture import MapPicture, MapScore, NearArticle, OtherMap, TopicLabel
from vecindex.verbs.picture.alongside.maps import _coloring, kept_neighbors

N = SIDE * SIDE
AWAY = 6
"""The article that is not on the other map."""


def two_maps(**changes: Any) -> MapPicture:
    """Return the planted map with another one, turned over: article r at (r // SIDE, r % SIDE).

    There 0 and 48 have changed places, and 6 is missing.
    """
    shown = planted(**changes)
    rows = np.arange(N)
    xy = np.stack([rows // SIDE, rows % SIDE], axis=1).astype(np.float64)
    xy[[0, 48]] = xy[[48, 0]]
    xy[AWAY] = np.nan
    kept, k = kept_neighbors(shown.xy, xy, 4)
    there = (
        replace(shown.questions[0], overlap=1.0, nearest=(NearArticle(0, 0.375, True),), on_map=(0,), x=6.0, y=6.0),
        *shown.questions[1:],
    )
    other = OtherMap(
        "other",
        "umap",
        "2026-11-23T22:00:51+00:00",
        None,
        (MapScore("recall@5", 0.25, 0.2, 0.3),),
        N - 1,
        xy,
        (TopicLabel("over there", 5.0, 5.0, 16, 0, 0),),
        there,
        k,
        float(kept[kept >= 0].mean()),
    )
    colorings = (*shown.colorings, _coloring("map", "other", kept, k))
    return replace(shown, alongside=(other,), colorings=colorings)


def where(page: Any, row: int, scene: int = 0) -> list[float]:
    """Return where an article is on the map of a scene, in articles from the lower left corner."""
    script = "([row, scene]) => theMap.maps.scenes[scene].state.positionOf(row).map((v) => Math.round(v / 65535 * 6))"
    return list(page.evaluate(script, [row, scene]))


def at_side(page: Any, row: int) -> tuple[float, float]:
    """Return where an article is on the second map, in pixels of the window."""
    box = page.locator(".vmap-second .vmap-over").bounding_box()
    script = "(row) => theMap.maps.second.camera.at(...theMap.maps.second.state.positionOf(row))"
    x, y = page.evaluate(script, row)
    return box["x"] + x, box["y"] + y


def color_at_side(page: Any, row: int) -> list[int]:
    script = """(row) => {
      const { scene, camera, state } = theMap.maps.second;
      return scene.pixel(...camera.at(...state.positionOf(row)));
    }"""
    return list(page.evaluate(script, row))


def ringed(page: Any, row: int) -> bool:
    """Return whether a ring is drawn about an article on the second map."""
    script = """(row) => {
      const { scene, camera, state } = theMap.maps.second, over = scene.over, ratio = over.width / camera.width;
      const [x, y] = camera.at(...state.positionOf(row)).map((v) => Math.round(v * ratio));
      const reach = Math.round(16 * ratio);
      const copy = new OffscreenCanvas(over.width, over.height).getContext("2d");
      copy.drawImage(over, 0, 0);
      return copy.getImageData(x - reach, y - reach, 2 * reach, 2 * reach).data.some((v, i) => i % 4 === 3 && v > 0);
    }"""
    return bool(still(page).evaluate(script, row))


def side_by_side(page: Any) -> Any:
    page.get_by_role("button", name="Side by side").click()
    return still(page)


def test_a_page_of_one_map_has_no_choice(open_page: Open) -> None:
    page = open_map(open_page)
    assert page.locator(".vmap-maps").count() == 0
    page.locator(".vmap-over").focus()
    page.keyboard.press("m")
    assert written(page) == ""


@pytest.mark.parametrize("painter", ["webgl2", "2d"])
def test_another_map_is_shown(open_page: Open, painter: str) -> None:
    page = open_map(open_page, two_maps(), painter)
    assert (where(page, 1), where(page, 48)) == ([1, 0], [6, 6])
    page.get_by_label("Map", exact=True).select_option("other")
    still(page)
    assert (where(page, 1), where(page, 48)) == ([0, 1], [0, 0])
    assert (
        apart(
            list(page.evaluate("theMap.scene.pixel(...theMap.camera.at(...theMap.state.positionOf(9)))")),
            swatch(page, 0),
        )
        < 40
    )
    facts = page.locator(".vmap-facts").inner_text()
    assert "48 articles" in facts
    assert "method umap" in facts
    assert "recall@5 25 %" in facts
    assert page.evaluate("theMap.scene.labels.names(theMap.camera)") == ["over there"]
    assert page.locator(".vmap-over").get_attribute("aria-label").startswith("Map “other” of articles: 48 articles.")
    # What its question keeps there.
    page.locator(".vmap-question", has_text="in the middle").click()
    assert "100 % of its 1 nearest" in page.locator(".vmap-verdict").inner_text()
    assert written(page).startswith("#map=other")


def test_a_link_and_back_bring_the_map_back(open_page: Open) -> None:
    page = open_map(open_page, two_maps())
    page.get_by_label("Map", exact=True).select_option("other")
    assert written(page) == "#map=other"
    page.evaluate("theMap.select(9)")
    hash_ = written(page)
    page.go_back()
    page.go_back()
    restored(page)
    assert where(page, 1) == [1, 0]
    assert page.get_by_label("Map", exact=True).input_value() == "map"
    page.goto(page.url.split("#")[0] + hash_)
    page.reload()
    restored(page)
    assert where(page, 1) == [0, 1]
    assert page.evaluate("theMap.state.selected") == 9
    page.goto(page.url.split("#")[0] + "#map=gone&side=lost")
    page.reload()
    restored(page)
    assert page.locator(".vmap-notice-text").inner_text() == (
        "This link names what this map does not have: map “gone”, “lost”."
    )


# No frame comes until `goOn` is called: a move takes a second, and a busy machine more than that for the next step.
_HOLD = """() => {
  const { requestAnimationFrame: ask, cancelAnimationFrame: cancel } = globalThis, held = new Map();
  globalThis.requestAnimationFrame = (act) => { held.set(-1 - held.size, act); return -held.size; };
  globalThis.cancelAnimationFrame = (id) => { held.set(id, () => {}); };
  globalThis.goOn = () => {
    Object.assign(globalThis, { requestAnimationFrame: ask, cancelAnimationFrame: cancel });
    for (const act of held.values()) ask(act);
  };
}"""


def test_points_travel_and_can_be_stopped(open_page: Open) -> None:
    page = open_map(open_page, two_maps(), reduced_motion="no-preference")
    page.locator(".vmap-over").focus()
    page.evaluate(_HOLD)
    page.keyboard.press("m")
    layer = page.locator(".vmap-move")
    layer.wait_for(state="attached")
    assert page.evaluate("theMap.maps.moving") is True
    page.evaluate("goOn()")
    still(page)
    assert layer.count() == 0
    assert where(page, 1) == [0, 1]
    page.evaluate(_HOLD)
    page.keyboard.press("m")
    layer.wait_for(state="attached")
    page.mouse.move(*at(page, 16))
    page.mouse.down()
    page.mouse.up()
    assert page.evaluate("theMap.maps.moving") is False
    page.evaluate("goOn()")
    assert still(page).evaluate("theMap.state.selected") == 16, "and the click is one"
    assert where(page, 1) == [1, 0]


def test_a_move_begins_with_its_first_frame_however_late(open_page: Open) -> None:
    page = open_map(open_page, two_maps(), reduced_motion="no-preference")
    # The time of a first frame is that of before the work that it waited for, here 5 s.
    moving = page.evaluate("""async () => {
      const original = requestAnimationFrame, waiting = [];
      globalThis.requestAnimationFrame = (act) => waiting.push(act);
      await theMap.maps.show("other");
      const now = performance.now();
      for (const act of waiting.splice(0)) act(now - 5000);
      for (const act of waiting.splice(0)) act(now);
      const { move } = theMap.maps;
      globalThis.requestAnimationFrame = original;
      waiting.splice(0).forEach((act) => original(act));
      return move !== null && move.since >= now;
    }""")
    assert moving is True
    still(page)
    assert page.locator(".vmap-move").count() == 0


def test_what_is_done_on_the_way_to_another_map_stays(open_page: Open) -> None:
    page = open_map(open_page, two_maps(), reduced_motion="no-preference")

    def arrived(name: str, act: str = "") -> list[Any]:
        """Return the question and the article that are open after a move on the way of which something was done."""
        script = f"""async () => {{
          await theMap.maps.show("{name}");
          const {{ move }} = theMap.maps;
          {act};
          move.end();
          return [theMap.state.picked?.id ?? null, theMap.state.selected];
        }}"""
        return list(page.evaluate(script))

    page.evaluate("theMap.pickQuestion(0)")
    assert arrived("other") == ["q1", None]
    assert arrived("map", "theMap.pickQuestion(1)") == ["q2", None], "another one was picked"
    assert arrived("other", "theMap.clear()") == [None, None], "its card was closed"
    page.evaluate("theMap.pickQuestion(0); theMap.select(9)")
    assert arrived("map") == ["q1", 9], "an article that was opened from a question"
    assert arrived("other", "theMap.select(17)") == ["q1", 17]
    assert arrived("map", "theMap.select(null)") == ["q1", None]
    still(page)


def test_a_map_that_is_shown_again_is_not_worked_out_again(open_page: Open) -> None:
    page = open_map(open_page, two_maps())
    # How often a line of a name is drawn, and the points are counted for the shade.
    page.evaluate("""() => {
      globalThis.times = { names: 0, counts: 0 };
      const counted = (of, name, as) => {
        const before = of[name];
        of[name] = function (...given) { times[as]++; return before.apply(this, given); };
      };
      counted(CanvasRenderingContext2D.prototype, "strokeText", "names");
      counted(Object.getPrototypeOf(theMap.scene.grid.density), "count", "counts");
    }""")

    def after(script: str) -> tuple[int, int]:
        page.evaluate(f"async () => {{ Object.assign(times, {{ names: 0, counts: 0 }}); await {script}; }}")
        still(page)
        return tuple(page.evaluate("[times.names, times.counts]"))

    there, back = 'theMap.maps.show("other")', 'theMap.maps.show("map")'
    assert after(there) == (1, 1), "the first time: its one name"
    assert (after(back), after(there), after(back)) == ((0, 0), (0, 0), (0, 0))
    select(page, 8, 9, 16)
    give(page, "to read")
    page.evaluate("theMap.work.clear()")
    still(page)
    assert (after(there), after(back)) == ((0, 0), (0, 0)), "nor after a label"
    # Nor where a field's values are the names.
    page.get_by_label("Names by").select_option("labels:label")
    still(page)
    assert after(there)[0] == 1
    assert (after(back), after(there), after(back)) == ((0, 0), (0, 0), (0, 0))
    page.get_by_label("Names by").select_option("")
    still(page)
    # The name of a finer topic, when it is seen; and all of them in other colors.
    names = after("theMap.fly(32768, 28000, 2)")[0]
    assert page.evaluate("theMap.scene.labels.names(theMap.camera)") == ["trains", "steam trains"]
    assert names == 1
    page.get_by_role("button", name="Dark theme").click()
    still(page)
    assert page.evaluate("times.names") == 1 + 3


def test_without_motion_nothing_travels(open_page: Open) -> None:
    page = open_map(open_page, two_maps())
    page.get_by_label("Map", exact=True).select_option("other")
    page.locator(".vmap-facts", has_text="umap").wait_for()
    assert page.locator(".vmap-move").count() == 0


def test_the_farthest_points_are_drawn_strong(open_page: Open) -> None:
    page = open_map(open_page, two_maps(), reduced_motion="no-preference")
    # One of 20 of the 48 articles: the two that changed places, by the turned map.
    strong = page.evaluate("""async () => {
      await theMap.maps.show("other");
      const { move } = theMap.maps;
      return { number: move.far, rows: [...move.order].slice(-move.far) };
    }""")
    rows = [row for row in range(N) if row != AWAY]
    assert [rows[i] for i in strong["rows"]] == [0, 48]
    still(page)


def test_a_map_is_turned_onto_the_other(modules: Any) -> None:  # noqa: F811
    rng = np.random.default_rng(0)
    z = rng.normal(size=(50, 2)) * [3, 1]
    z -= z.mean(axis=0)
    script = """async ([z, w, times]) => {
      const { turning } = await import("/map/sides/move.js");
      const turned = turning(z, w);
      return times.map(turned);
    }"""
    turn = np.array([[np.cos(2.0), -np.sin(2.0)], [np.sin(2.0), np.cos(2.0)]])
    for matrix in (1.7 * turn, 0.6 * turn @ np.diag([1.0, -1.0]), np.diag([-1.0, 1.0])):
        w = z @ matrix.T
        begun, ended = modules.evaluate(script, [z.ravel().tolist(), w.ravel().tolist(), [0, 1]])
        assert np.reshape(begun, (2, 2)) == pytest.approx(np.eye(2), abs=1e-9)
        assert np.reshape(ended, (2, 2)) == pytest.approx(matrix, abs=1e-9)
    # Maps that have nothing in common are not turned.
    ended = modules.evaluate(script, [z.ravel().tolist(), rng.permutation(z).ravel().tolist(), [1]])
    assert ended == [[1, 0, 0, 1]]


@pytest.mark.parametrize("painter", ["webgl2", "2d"])
def test_side_by_side_everything_is_shared(open_page: Open, painter: str) -> None:
    page = side_by_side(open_map(open_page, two_maps(), painter, viewport={"width": 1400, "height": 900}))
    assert (where(page, 1, 0), where(page, 1, 1)) == ([1, 0], [0, 1])
    # Hover.
    assert not ringed(page, 16)
    page.mouse.move(*at(page, 16))
    assert ringed(page, 16)
    page.mouse.move(*at_side(page, 30))
    still(page)
    assert page.evaluate("theMap.state.hovered") == 30
    assert page.locator(".vmap-second .vmap-tip b").inner_text() == "Title 30"
    # A click.
    page.mouse.click(*at_side(page, 32))
    still(page)
    assert page.locator(".vmap-card h3").inner_text() == "Title 32"
    assert page.evaluate("theMap.state.selected") == 32
    assert ringed(page, 32)
    # Filters and colors.
    page.locator(".vmap-entry[data-code='1']").click()
    still(page)
    for found in (
        page.evaluate("theMap.scene.pixel(...theMap.camera.at(...theMap.state.positionOf(9)))"),
        color_at_side(page, 9),
    ):
        assert max(found) - min(found) < 20
    assert apart(color_at_side(page, 10), swatch(page, 1)) < 40
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_label("Color by").select_option("field:year")
    still(page)
    assert apart(color_at_side(page, 44), page.evaluate("theMap.scene.colors[220]")) < 40
    # The theme.
    page.get_by_role("button", name="Dark theme").click()
    still(page)
    assert max(page.evaluate("theMap.maps.second.scene.pixel(3, 300)")) < 60
    page.get_by_role("button", name="Side by side").click()
    still(page)
    assert page.locator(".vmap-second").count() == 0
    assert page.locator(".vmap-stage .vmap-card").count() == 1


def test_a_box_on_the_second_map_selects_on_both(open_page: Open) -> None:
    page = side_by_side(open_map(open_page, two_maps(), viewport={"width": 1400, "height": 900}))
    page.get_by_label("Select with a box").click()
    # The column of 0 to 6 on the other map: without 0, which is elsewhere, and 6, which is not there.
    (x0, y0), (x1, y1) = at_side(page, 1), at_side(page, 5)
    page.mouse.move(x0 - 12, y0 + 12)
    page.mouse.down()
    page.mouse.move(x1 + 12, y1 - 12, steps=4)
    page.mouse.up()
    assert selected(page) == [1, 2, 3, 4, 5]
    hash_ = written(page)
    assert "side=other" in hash_
    page.goto(page.url.split("#")[0] + hash_)
    page.reload()
    restored(page)
    assert selected(page) == [1, 2, 3, 4, 5]
    assert page.locator(".vmap-second").count() == 1
    # By keys, in the middle of the second map.
    page.locator(".vmap-second .vmap-over").focus()
    page.keyboard.press("b")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    still(page)
    page.keyboard.press("Enter")
    assert selected(page)
    assert set(selected(page)) <= set(range(24, N))


def test_each_map_has_a_view_of_its_own(open_page: Open) -> None:
    page = side_by_side(open_map(open_page, two_maps(), viewport={"width": 1400, "height": 900}))
    page.get_by_label("Zoom in: other").click()
    still(page)
    views = page.evaluate("theMap.maps.scenes.map(({ camera }) => camera.zoom)")
    assert views == pytest.approx([1, 2])
    hash_ = written(page)
    assert "v=" not in hash_
    page.goto(page.url.split("#")[0] + hash_)
    page.reload()
    restored(page)
    assert page.evaluate("theMap.maps.scenes.map(({ camera }) => camera.zoom)") == pytest.approx([1, 2])
    # What is picked elsewhere comes into view.
    page.evaluate(
        "theMap.maps.second.camera.fly({ x: 60000, y: 60000, scale: 8 * theMap.maps.second.camera.home.scale })"
    )
    still(page)
    page.evaluate("theMap.select(1, true)")
    still(page)
    x, y = at_side(page, 1)
    box = page.locator(".vmap-second .vmap-over").bounding_box()
    assert box["x"] < x < box["x"] + box["width"]
    assert box["y"] < y < box["y"] + box["height"]


def test_a_question_lies_on_both(open_page: Open) -> None:
    page = side_by_side(open_map(open_page, two_maps(), viewport={"width": 1400, "height": 900}))
    page.locator(".vmap-question", has_text="in the middle").click()
    still(page)
    script = "theMap.maps.second.state.picked"
    assert page.evaluate(f"({{ overlap: {script}.overlap, x: {script}.x }})") == {"overlap": 1, "x": 65535}
    assert "50 % of its 4 nearest" in page.locator(".vmap-verdict").inner_text()
    assert ringed(page, 0), "the end of its line"


def test_an_article_says_how_many_neighbors_it_keeps(open_page: Open) -> None:
    shown = two_maps()
    page = open_map(open_page, shown)
    kept, k = kept_neighbors(shown.xy, shown.alongside[0].xy, 4)
    page.evaluate("theMap.select(24)")
    fields = dict(
        zip(
            page.locator(".vmap-card dt").all_inner_texts(),
            page.locator(".vmap-card dd").all_inner_texts(),
            strict=True,
        )
    )
    page.locator(".vmap-card dd", has_text=f"{kept[24]} of {k}").wait_for()
    assert "neighbors kept on other" in fields
    mean = kept[kept >= 0].mean()
    assert page.locator(".vmap-maps-line").inner_text() == ""
    page.get_by_label("Map", exact=True).select_option("other")
    still(page)
    assert page.locator(".vmap-maps-line").inner_text() == (
        f"From “map” to “other” an article keeps {mean:.1f} of its 4 nearest, on average."
    )
    page.get_by_label("Color by").select_option("kept:other")
    still(page)
    assert page.locator(".vmap-ends span").all_inner_texts() == ["0", "4"]


def test_an_article_that_is_not_on_the_other_map(open_page: Open) -> None:
    page = open_map(open_page, two_maps())
    page.evaluate(f"theMap.select({AWAY})")
    page.get_by_label("Map", exact=True).select_option("other")
    still(page)
    page.locator(".vmap-card dd", has_text="not on “other”").wait_for()
    assert page.locator(".vmap-card h3").inner_text() == f"Title {AWAY}"
    page.get_by_label("Select with a box").click()
    page.evaluate("theMap.work.take([-10, -10, 70000, -10, 70000, 70000, -10, 70000])")
    assert selected(page) == [row for row in range(N) if row != AWAY]


def test_a_map_that_cannot_be_read_leaves_the_old_one(open_page: Open) -> None:
    page = open_map(open_page, two_maps())
    page.evaluate("document.getElementById('map-section-positions:other').remove()")
    page.get_by_label("Map", exact=True).select_option("other")
    notice = page.locator(".vmap-notice-text")
    notice.wait_for()
    assert notice.inner_text().startswith("The map “other” could not be read:")
    assert page.get_by_label("Map", exact=True).input_value() == "map"
    assert where(page, 1) == [1, 0]


def test_fingers_and_a_phone(open_page: Open) -> None:
    page = open_map(open_page, two_maps(), viewport={"width": 390, "height": 844}, has_touch=True)
    tap(page, page.get_by_role("button", name="Side by side"), ".vmap-second")
    still(page)
    first, second = (page.locator(name).bounding_box() for name in (".vmap-stage >> nth=0", ".vmap-second"))
    assert second["y"] >= first["y"] + first["height"], "one above the other"
    page.locator(".vmap-second").scroll_into_view_if_needed()
    page.touchscreen.tap(*at_side(page, 30))
    still(page)
    assert page.locator(".vmap-card h3").inner_text() == "Title 30"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("width", [1400, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page: Open, width: int, scheme: str) -> None:
    page = open_map(open_page, two_maps(), viewport={"width": width, "height": 850}, color_scheme=scheme)
    side_by_side(page)
    assert faults(page) == []
    page.evaluate("theMap.select(8)")
    still(page)
    assert faults(page) == [], "with a card"


def test_a_printed_page_shows_one_map(open_page: Open) -> None:
    page = side_by_side(open_map(open_page, two_maps()))
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".vmap-second").is_hidden()
    assert page.locator(".vmap-print").is_visible()
    assert page.locator(".vmap-map").is_visible()
    page.evaluate("dispatchEvent(new Event('afterprint'))")

"""The state of the page of a map in its address: reloaded, gone back to, and opened from a link."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from test_map_filters import brushed, shown
from test_map_labels import select
from test_map_selection import drag, kinds, selected

from browser_maps import Open, at, open_map, planted, still, until


def restored(page: Any) -> Any:
    """Wait until the state of the address is shown."""
    until(page, "theMap.ready.then(() => theMap.address.restoring)", False)
    return still(page)


def written(page: Any) -> str:
    still(page).evaluate("theMap.address.write()")
    return str(page.evaluate("location.hash"))


def state(page: Any) -> dict[str, Any]:
    found = "({ x, y, zoom }) => [x, y, zoom]"
    return {
        "view": [float(f"{v:.3g}") for v in page.evaluate(f"({found})(theMap.camera)")],
        "color": page.get_by_label("Color by").input_value(),
        "shown": shown(page),
        "selected": selected(page),
        "search": page.get_by_label("Search titles").input_value(),
        "card": page.locator(".vmap-card h3").all_inner_texts(),
        "alone": page.locator(".vmap-selection [aria-pressed]").get_attribute("aria-pressed"),
    }


def test_a_reload_and_a_link_restore_everything(open_page: Open) -> None:
    shown_map = kinds(ids=[f'id/{r} & "ö"' for r in range(49)])
    page = open_map(open_page, shown_map)
    page.keyboard.down("Shift")
    drag(page, 48, 0, by=(10, 20))
    page.keyboard.up("Shift")
    page.locator(".vmap-entry[data-code='1']").click()
    page.get_by_label("Remove", exact=True).check()
    page.get_by_label("Select with a lasso").click()
    drag(page, 27, 34, 35, 28)
    page.get_by_label("Color by").select_option("field:year")
    still(page)
    brushed(page, ".vmap-coloring", 92.5 / 255, 157.5 / 255)
    page.get_by_role("button", name="Show only these").click()
    page.get_by_label("Search titles").fill("title 2")
    page.locator(".vmap-found:has-text('found')").wait_for()
    page.locator(".vmap-results button").first.click()
    page.get_by_label("Zoom in").click()
    hash_ = written(page)
    before = state(page)
    assert 0 < len(before["selected"]) < 49
    assert before["shown"]
    assert before["card"]
    page.reload()
    restored(page)
    assert state(page) == before
    # A link in another window, of another size.
    page.evaluate("() => { location.hash = 'c=topic'; }")
    restored(page)
    assert (selected(page), shown(page)) == ([], list(range(49)))
    page.set_viewport_size({"width": 1000, "height": 700})
    page.evaluate("(hash) => { location.hash = hash; }", hash_)
    restored(page)
    assert {**state(page), "view": None} == {**before, "view": None}


def test_back_goes_one_step_back(open_page: Open) -> None:
    page = open_map(open_page)
    assert written(page) == ""
    page.locator(".vmap-entry[data-code='0']").click()
    assert written(page) != ""
    page.get_by_role("button", name="who is alone").click()
    written(page)
    page.mouse.move(*at(page, 24))
    page.mouse.wheel(0, 100)
    written(page)
    page.go_back()
    restored(page)
    assert page.locator(".vmap-card").is_hidden()
    assert len(shown(page)) == 17
    page.go_back()
    restored(page)
    assert len(shown(page)) == 49
    page.go_forward()
    restored(page)
    assert len(shown(page)) == 17
    assert page.locator(".vmap-entry[aria-pressed=true]").count() == 1
    page.go_forward()
    restored(page)
    assert page.locator(".vmap-card h3").inner_text() == "who is alone"


_DAMAGED = "A part of this link is damaged and was left out."
_NAMES = "This link names what this map does not have: "


@pytest.mark.parametrize(
    ("hash_", "said"),
    [
        ("#map", ""),
        ("#%E0%A4%A=1", ""),
        ("#c=nothing&a=no+one&q=none", f"{_NAMES}color “nothing”; question “none”; article “no+one”."),
        ("#v=1,b&f={&sel=x", _DAMAGED),
        ("#sel=zzz", _DAMAGED),
        ("#sel=n*zz*", _DAMAGED),
        ("#f=topic:99", _DAMAGED),
        ("#v=1", _DAMAGED),
        ('#f={"topic":3}', _DAMAGED),
        ('#f={"topic":["boats"],"x":[1]}', f"{_NAMES}topic “boats”; color “x”."),
        ("#w=year+>+3&ask=what", f"{_NAMES}condition “year+>+3”; question “what”."),
    ],
)
def test_an_address_that_says_nothing_is_no_harm(open_page: Open, hash_: str, said: str) -> None:
    page = open_map(open_page, planted())
    page.evaluate("(hash) => { location.hash = hash; }", hash_)
    restored(page)
    assert len(shown(page)) == 49
    assert page.locator(".vmap-card").is_hidden()
    assert page.locator(".vmap-notice-text").text_content() == said


def test_what_is_done_while_a_link_is_shown_stays(open_page: Open) -> None:
    page = open_map(open_page, kinds())
    step = quote("n**" + quote(json.dumps({"s": "title 2"})))

    def begin(hash_: str) -> None:
        """Open a link that has to wait for the titles."""
        page.evaluate("""(hash) => {
          const { titlesRead } = theMap;
          theMap.titlesRead = new Promise((done) => (globalThis.go = () => titlesRead.then(done)));
          location.hash = hash;
        }""", hash_)  # fmt: skip
        for _ in range(100):
            if page.evaluate("theMap.address.restoring"):
                return
            page.wait_for_timeout(50)
        raise AssertionError("no link was opened")

    found, typed = (
        page.evaluate("async (words) => [...(await theMap.titlesRead).find(words).rows].sort((a, b) => a - b)", words)
        for words in ("title 2", "title 3")
    )
    years = [0, 20, 21, 29, 30]
    assert 0 < len(set(typed) & set(years)) < len(years)
    begin(f"sel={step}&s=title+4&c=field:year")
    page.locator(".vmap-color").wait_for()
    assert page.evaluate("theMap.coloring.key") == "field:year"
    page.evaluate("(rows) => theMap.work.choose('field:year', new Set(rows.map((row) => 5 * row)))", years)
    page.get_by_label("Search titles").fill("title 3")
    page.get_by_label("Zoom in").click()
    assert selected(page) == []
    page.evaluate("go()")
    restored(page)
    assert selected(page) == found
    assert page.get_by_label("Search titles").input_value() == "title 3"
    assert shown(page) == sorted(set(typed) & set(years))
    assert page.evaluate("theMap.camera.zoom") == 2
    # Nor does a selection of the link replace one that was made meanwhile.
    begin(f"sel={step}")
    select(page, 8)
    page.evaluate("go()")
    restored(page)
    assert selected(page) == [8]
    begin(f"sel={step}&alone=1")
    page.evaluate("go()")
    restored(page)
    assert (selected(page), shown(page)) == (found, found)


def test_a_link_to_an_article_does_not_cover_it_on_a_phone(open_page: Open) -> None:
    page = open_map(open_page, planted(), viewport={"width": 390, "height": 844})
    page.evaluate("() => { location.hash = 'a=a3'; }")
    restored(page)
    page.locator(".vmap-card h3").wait_for()
    card = page.locator(".vmap-card").bounding_box()
    stage = page.locator(".vmap-over").bounding_box()
    x, y = at(page, 3)
    assert stage["x"] < x < stage["x"] + stage["width"]
    assert stage["y"] < y < card["y"]


def test_a_selection_of_another_version_says_so(open_page: Open) -> None:
    page = open_map(open_page)
    page.keyboard.down("Shift")
    drag(page, 48, 0, by=(10, 20))
    page.keyboard.up("Shift")
    hash_ = written(page)
    assert "&version=7" in hash_
    said = "This link was made on another version of the table; what it selects may differ."
    for version, expected in ((7, ""), (8, said)):
        page = open_map(open_page, planted(version=version))
        page.evaluate("(hash) => { location.hash = hash; }", hash_)
        restored(page)
        assert selected(page)
        assert page.locator(".vmap-notice-text").text_content() == expected

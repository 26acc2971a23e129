"""Filters on the page of a map: ranges of histograms, categories, several fields at once, and counts that follow."""

from __future__ import annotations

from typing import Any

from test_map_selection import kinds

from browser_maps import Open, at, open_map, planted, still
from vecindex.core.picture import Coloring


def shown(page: Any) -> list[int]:
    """Return the rows that meet the conditions."""
    script = "theMap.shown ? [...theMap.shown.keys()].filter((row) => theMap.shown[row]) : null"
    found = still(page).evaluate(script)
    return list(range(49)) if found is None else list(found)


def brushed(page: Any, box: str, first: float, last: float) -> None:
    """Drag over a histogram, from one share of its width to another, and wait until that is shown."""
    area = page.locator(f"{box} .vmap-brush-area").bounding_box()
    y = area["y"] + area["height"] / 2
    page.mouse.move(area["x"] + first * area["width"], y)
    page.mouse.down()
    page.mouse.move(area["x"] + last * area["width"], y, steps=5)
    page.mouse.up()
    still(page)


def counts(page: Any, box: str) -> list[str]:
    return list(page.locator(f"{box} .vmap-n").all_inner_texts())


def test_a_histogram_is_brushed(open_page: Open) -> None:
    page = open_map(open_page)
    page.get_by_label("Color by").select_option("field:year")
    still(page)
    # Row r has the code 5 r, 255 for row 3.
    brushed(page, ".vmap-coloring", 52.5 / 255, 102.5 / 255)
    assert shown(page) == list(range(11, 21))
    assert page.locator(".vmap-brush-line").inner_text() == "1952 to 2002"
    assert page.locator(".vmap-filters-line").inner_text() == "10 of 49 shown"
    # A range is moved as a whole, up to the end.
    brushed(page, ".vmap-coloring", 75 / 255, 0.999)
    assert shown(page) == list(range(41, 49))
    page.mouse.click(*[v + 5 for v in list(page.locator(".vmap-brush-area").bounding_box().values())[:2]])
    assert shown(page) == list(range(49))
    # The same by keys.
    lowest = page.get_by_label("Lowest year")
    lowest.focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    assert shown(page) == [2, *range(4, 49)]
    assert lowest.get_attribute("aria-valuetext") == "1906"
    page.get_by_label("Highest year").focus()
    page.keyboard.press("Home")
    assert page.get_by_label("Lowest year").input_value() == "0", "the ends do not cross"
    assert shown(page) == [0]
    page.get_by_role("button", name="Show all").click()
    assert shown(page) == list(range(49))


def test_fields_combine_and_counts_follow(open_page: Open) -> None:
    page = open_map(open_page)
    page.get_by_label("Filter by a field").select_option("field:year")
    page.locator(".vmap-facet .vmap-brush-area").wait_for()
    brushed(page, ".vmap-facet", 52.5 / 255, 102.5 / 255)
    # Of 11 to 20 these many have each remainder by 3.
    assert counts(page, ".vmap-coloring") == ["3", "3", "4"]
    page.locator(".vmap-coloring").get_by_role("button", name="cells").click()
    assert shown(page) == [12, 15, 18]
    assert counts(page, ".vmap-coloring") == ["3", "3", "4"], "a field's own choice leaves its counts"
    assert page.locator(".vmap-filters-line").inner_text() == "3 of 49 shown"
    parts = page.locator(".vmap-facet .vmap-bars i").evaluate_all(
        "(bars) => bars.map((bar) => bar.style.getPropertyValue('--part'))"
    )
    assert [i for i, part in enumerate(parts) if part == "100%"] == [r for r in range(49) if r % 3 == 0 and r != 3]
    # Titles are searched among what is shown, and again when that changes.
    page.get_by_label("Search titles").fill("title 1")
    page.locator(".vmap-found:has-text('3 found')").wait_for()
    found = page.locator(".vmap-results button").all_inner_texts()
    assert found == ["Title 12", "Title 15", "Title 18"]
    page.locator(".vmap-facet").get_by_label("Remove the filter by year").click()
    page.locator(".vmap-found:has-text('4 found')").wait_for()
    page.get_by_role("button", name="Clear filters").click()
    assert shown(page) == list(range(49))
    assert page.get_by_label("Search titles").input_value() == ""


def test_a_filter_outlives_another_color(open_page: Open) -> None:
    page = open_map(open_page, kinds(questions=()))
    page.locator(".vmap-coloring").locator(".vmap-entry[data-code='1']").click()
    page.get_by_label("Color by").select_option("field:year")
    page.locator(".vmap-facet .vmap-entry[aria-pressed=true]").wait_for()
    assert shown(page) == list(range(17, 34))
    brushed(page, ".vmap-coloring", 92.5 / 255, 107.5 / 255)
    assert shown(page) == [19, 20, 21]
    page.get_by_role("button", name="Take all 3 shown").click()
    page.get_by_role("button", name="Command").click()
    command = page.locator(".vmap-selection code").inner_text()
    # Codes 92 and 107: from half a step below to half a step above.
    assert command.endswith("--where '`kind` IN ('\\''b'\\'') AND `year` >= 1991.5 AND `year` < 2007.5'")
    page.mouse.move(*at(page, 20))
    still(page)
    assert page.locator(".vmap-tip b").inner_text() == "Title 20"


def test_a_filter_that_excludes_nothing_stays_in_the_command(open_page: Open) -> None:
    kind, year, topic = kinds().colorings
    days = Coloring("field:day", "day", "number", year.codes, low=19000.0, high=19254.0, unit="date", whole=True)
    page = open_map(open_page, kinds(questions=(), version=7, **{"colorings": (kind, year, days, topic)}))
    page.locator(".vmap-coloring").locator(".vmap-entry[data-code='1']").click()
    choose = "([key, n]) => theMap.codesOf({ key }).then(() => theMap.work.choose(key, new Set(Array(n).keys())))"
    # Rows 17 to 33 have the codes 85 to 165.
    page.evaluate(choose, ["field:year", 200])
    page.get_by_role("button", name="Take all 17 shown").click()
    page.get_by_role("button", name="Command").click()
    panel = page.locator(".vmap-selection")
    assert panel.locator("code").inner_text().endswith("--where '`kind` IN ('\\''b'\\'') AND `year` < 2099.5'")
    assert "Of version 7 of the table this writes the 17 articles" in panel.inner_text()
    # What is selected by an area is not what the condition says, nor when it is shown alone.
    page.evaluate("theMap.work.selection.set((row) => (row === 20 ? 1 : 0))")
    page.get_by_role("button", name="Show only these").click()
    panel.get_by_role("button", name="Command").click()
    assert panel.locator("code").inner_text().endswith("--ids ids.txt")
    page.get_by_role("button", name="Show only these").click()
    page.get_by_role("button", name="Take all 17 shown").click()
    # A range of dates is nothing that SQL says here for every kind of column.
    page.evaluate(choose, ["field:day", 200])
    panel.get_by_role("button", name="Command").click()
    assert panel.locator("code").inner_text().endswith("--ids ids.txt")


def test_a_range_is_played(open_page: Open) -> None:
    page = open_map(open_page, planted(), reduced_motion="no-preference")
    page.get_by_label("Color by").select_option("field:year")
    page.locator(".vmap-coloring .vmap-brush").wait_for()
    still(page)
    page.evaluate("theMap.legend.brush.on.range(230, 244)")
    assert shown(page) == [46, 47, 48]
    # Its clock is this test's: a busy machine draws fewer steps than the clock has.
    page.evaluate("setInterval = (step) => { globalThis.step = step; return 1e9; }")
    play = page.get_by_role("button", name="Play year")
    play.click()
    assert play.inner_text() == "Pause"
    for first in range(231, 241):
        assert play.inner_text() == "Pause"
        page.evaluate("""async () => {
          step();
          while (theMap.legend.brush.waiting) await new Promise((done) => setTimeout(done, 20));
        }""")
        assert shown(page) == [row for row in (46, 47, 48) if first <= 5 * row <= first + 14]
    assert play.inner_text() == "Play", "it ends"
    play.click()
    assert play.inner_text() == "Pause"
    play.click()
    assert play.inner_text() == "Play"


def test_the_keyboard_goes_on_where_a_button_has_hidden_itself(open_page: Open) -> None:
    page = open_map(open_page, kinds())
    focused = "document.activeElement.dataset.code ?? document.activeElement.getAttribute('aria-label')"
    page.locator(".vmap-entry[data-code='2']").click()
    page.get_by_role("button", name="Show all").focus()
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "0"
    page.locator(".vmap-entry[data-code='2']").click()
    page.get_by_role("button", name="Clear filters").focus()
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "0"
    page.get_by_label("Color by").select_option("field:year")
    page.locator(".vmap-coloring .vmap-brush").wait_for()
    page.evaluate("theMap.legend.show(new Set([3, 4, 5]))")
    page.get_by_role("button", name="Show all").focus()
    page.keyboard.press("Enter")
    assert page.evaluate(focused) == "Lowest year"

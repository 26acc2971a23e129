"""Labels of a reader's own on the page of a map: given, shown, kept, saved with the page and as CSV."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import pytest
from test_axe import faults
from test_map_selection import kinds

import vecindex
from browser_maps import PATIENCE_MS, Open, apart, color, html_of, open_map, planted, still, swatch, until
from pages import HOSTILE, Page
from planted import make_table
from tables import unit_vectors
from vecindex.store.database import Database


def select(page: Any, *rows: int) -> None:
    """Select rows, whatever is shown."""
    script = """(rows) => {
      const mask = Uint8Array.from({ length: theMap.header.shown }, (_, row) => (rows.includes(row) ? 1 : 0));
      theMap.work.selection.take(theMap.scene.grid, { how: "new", area: null, state: null }, mask);
      theMap.work.draw();
    }"""
    page.evaluate(script, list(rows))


def give(page: Any, label: str, column: str | None = None) -> str:
    """Label what is selected, and return what the page says."""
    panel = page.locator(".vmap-labeling")
    panel.get_by_label("Label for the selection").fill(label)
    if column is not None:
        panel.get_by_label("Column").fill(column)
    panel.get_by_role("button", name="Label", exact=True).click()
    page.locator(".vmap-labeling:not([aria-busy])").wait_for()
    still(page)
    return str(panel.locator(".vmap-label-line").inner_text())


def button(page: Any, name: str) -> Any:
    return page.locator(".vmap-labeling").get_by_role("button", name=name)


def labels(page: Any, column: str = "label") -> dict[str, list[int]]:
    """Return the rows of each label."""
    script = """(column) => {
      const found = theMap.labeling.keeper.labels.columns.get(column);
      return found ? Object.fromEntries(found.names.map((name, code) =>
        [name, [...found.codes].flatMap((one, row) => (one === code ? [row] : []))])) : {};
    }"""
    return dict(page.evaluate(script, column))


def come(page: Any, wanted: dict[str, list[int]]) -> None:
    """Wait until a window has heard of labels that another one gave, as `labels` returns them."""
    for _ in range(PATIENCE_MS // 50):
        if labels(page) == wanted:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{labels(page)}, not {wanted}")


def arrive(page: Any, other: Any) -> None:
    """Wait until what a window has stored is there for another one: that takes the browser some time."""
    text = "localStorage.getItem(theMap.labeling.keeper.name)"
    until(other, text, page.evaluate(text))


def parts(text: str) -> tuple[list[Any], str]:
    """Return a page's tags with their attributes, and all that is in them without white space."""
    page = Page(text)
    tags = [(tag, {name: value or "" for name, value in values.items()}) for tag, values in page.tags]
    scripts = [page._scripts[name] for name in page._scripts]
    return tags, "".join("".join(page.texts + scripts).split())


def saved(page: Any, name: str) -> str:
    with page.expect_download() as found:
        button(page, name).click()
    return Path(found.value.path()).read_text(encoding="utf-8")


def test_a_selection_gets_a_label_that_colors_and_filters(open_page: Open) -> None:
    page = open_map(open_page)
    panel = page.locator(".vmap-labeling")
    assert panel.is_hidden()
    select(page, 8, 9, 16)
    assert panel.get_by_label("Label for the selection").get_attribute("placeholder") == "Label for the 3 selected"
    told = give(page, "  to   read ")
    assert told == (
        "3 articles labeled “to read”. This browser keeps it until the page is made again; "
        "Save page and Labels as CSV keep it for good."
    )
    assert page.get_by_label("Color by").input_value() == "labels:label"
    entries = page.locator(".vmap-legend").first.locator(".vmap-entry")
    assert [one.replace("\n", " ") for one in entries.all_inner_texts()] == ["to read 3", "none 46"]
    # Another label takes one of them over; a filter by the label follows.
    entries.first.click()
    still(page)
    assert page.evaluate("theMap.shown.reduce((a, b) => a + b)") == 3
    select(page, 16, 17)
    give(page, "done")
    assert labels(page) == {"to read": [8, 9], "done": [16, 17]}
    assert page.evaluate("[...theMap.shown].flatMap((one, row) => one ? [row] : [])") == [8, 9], "the filter stays"
    page.get_by_role("button", name="Show all").click()
    button(page, "Undo").click()
    page.locator("text=Undone.").wait_for()
    assert labels(page) == {"to read": [8, 9, 16]}
    select(page, 8, 9, 16)
    button(page, "Remove label").click()
    page.locator("text=3 articles without a label now.").wait_for()
    still(page)
    assert labels(page) == {}
    assert page.get_by_label("Color by").input_value() == "topic", "there is nothing to color by any more"
    button(page, "Undo").click()
    page.locator("text=Undone.").wait_for()
    page.get_by_label("Color by").select_option("labels:label")
    still(page)
    assert apart(color(page, 8), swatch(page, 0)) < 40
    page.evaluate("theMap.work.clear(); theMap.select(8)")
    assert page.locator(".vmap-card dd").first.inner_text() == "to read"


def test_labels_stay_when_the_page_is_read_again(open_page: Open) -> None:
    page = open_map(open_page)
    select(page, 3)
    give(page, "x")
    give(page, "seen", "state")
    page.reload()
    still(page)
    assert (labels(page), labels(page, "state")) == ({"x": [3]}, {"seen": [3]})
    # What is taken back stays away too.
    select(page, 3)
    page.locator(".vmap-labeling").get_by_label("Column").fill("label")
    button(page, "Remove label").click()
    page.locator("text=1 article without a label now.").wait_for()
    page.reload()
    still(page)
    assert (labels(page), labels(page, "state")) == ({}, {"seen": [3]})


def test_two_windows_of_a_page_have_the_same_labels(open_page: Open) -> None:
    page = open_map(open_page)
    other = page.context.new_page()
    other.goto(page.url)
    still(other)

    select(page, 1, 2)
    give(page, "a")
    come(other, {"a": [1, 2]})
    other.locator(".vmap-label-about", has_text="2 labeled").wait_for(state="attached")
    select(other, 5)
    give(other, "b")
    both = {"a": [1, 2], "b": [5]}
    assert labels(other) == both
    come(page, both)
    # What is undone would be the other window's label too.
    button(page, "Undo").wait_for(state="hidden")
    select(page, 1)
    button(page, "Remove label").click()
    come(other, {"a": [2], "b": [5]})
    other.close()
    page.reload()
    assert labels(still(page)) == {"a": [2], "b": [5]}


def test_labels_that_another_window_stored_unheard_are_kept(open_page: Open) -> None:
    page = open_map(open_page)
    other = page.context.new_page()
    # As while a browser has put the window to sleep.
    other.add_init_script("addEventListener('storage', (event) => event.stopImmediatePropagation(), true)")
    other.goto(page.url)
    still(other)
    select(page, 1, 2)
    give(page, "a")
    arrive(page, other)
    assert labels(other) == {}, "it has not heard of it"
    select(other, 5)
    give(other, "b")
    assert labels(other) == {"a": [1, 2], "b": [5]}
    arrive(other, page)
    select(page, 8)
    give(page, "c")
    assert labels(page) == {"a": [1, 2], "b": [5], "c": [8]}
    arrive(page, other)
    select(other, 5)
    button(other, "Undo").click()
    other.locator("text=Another window of this page has changed the labels since; nothing was undone.").wait_for()
    assert labels(other) == {"a": [1, 2], "b": [5], "c": [8]}
    other.close()


def test_a_saved_page_opens_with_its_labels_and_is_otherwise_the_same(open_page: Open) -> None:
    shown = planted(titles=[HOSTILE[r % len(HOSTILE)] for r in range(49)])
    page = open_map(open_page, shown)
    select(page, 8, 9)
    hostile = "</script><b onclick=alert(1)>"
    give(page, hostile)
    page.get_by_role("button", name="Dark theme").click()
    page.evaluate("theMap.pickQuestion(0)")
    text = saved(page, "Save page")
    assert hostile not in text
    block = re.compile(r'<script type="application/json" id="map-labels">.*?</script>\n?')
    assert len(block.findall(text)) == 1
    again = open_page(text, reduced_motion="reduce").page
    still(again)
    assert labels(again) == {hostile: [8, 9]}
    assert page.evaluate("document.title") == again.evaluate("document.title")
    again.evaluate("theMap.setColoring('labels:label')")
    assert again.locator(".vmap-entry-name").first.inner_text() == hostile
    # Nothing of what was shown is in the file, and a copy of the copy is the same file.
    assert parts(block.sub("", text)) == parts(html_of(shown))
    assert saved(again, "Save page") == text
    original = open_page(block.sub("", text), reduced_motion="reduce").page
    still(original)
    assert labels(original) == {}
    assert original.evaluate("theMap.header.colorings.length") == 2


def test_the_saved_csv_is_what_annotate_takes(open_page: Open, tmp_path: Path) -> None:
    page = open_map(open_page, planted(ids=[f'a,"{r}"' if r % 2 else f"a{r}" for r in range(49)], table="of, mine"))
    select(page, 1, 2)
    give(page, 'to "read", now')
    select(page, 3)
    give(page, "=1+1")
    text = saved(page, "Labels as CSV")
    assert list(csv.reader(text.splitlines())) == [
        ["id", "label"],
        ['a,"1"', 'to "read", now'],
        ["a2", 'to "read", now'],
        ['a,"3"', "=1+1"],
    ]
    note = page.locator(".vmap-label-tools .vmap-note").last
    assert note.inner_text().startswith("A label that is removed here stays in the table unless you add --prune,")
    command = page.get_by_label("Command for the labels").inner_text()
    assert command == "vecindex annotate --labels labels.csv --table 'of, mine'"
    (tmp_path / "labels.csv").write_text(text)
    make_table(tmp_path / "db", unit_vectors(3), ids=['a,"1"', "a2", 'a,"3"'])
    report = vecindex.open(tmp_path / "db").annotate(labels=tmp_path / "labels.csv")
    assert report.labels == {'to "read", now': 2, "=1+1": 1}
    found = Database(tmp_path / "db").articles("articles").rows_by_id(["a2"], ["label"]).to_pylist()
    assert found == [{"label": 'to "read", now'}]


def test_wrong_labels_say_what_is_wrong(open_page: Open) -> None:
    page = open_map(open_page)
    select(page, 8)
    assert give(page, "  ") == "Type a label first."
    assert give(page, "x", "My Column") == "A column's name has small letters, digits and _, a letter first."
    assert labels(page) == {}
    assert page.locator(".vmap-label-line.vmap-wrong").count() == 1
    page.evaluate(
        "for (let i = 0; i < 49; i++) { const mask = new Uint8Array(49); mask[i] = 1;"
        " theMap.labeling.keeper.labels.give('label', `l${i}`, mask); }"
    )
    assert len(labels(page)) == 49


def test_a_label_has_200_characters_however_they_are_written(open_page: Open, tmp_path: Path) -> None:
    page = open_map(open_page)
    select(page, 8)
    microbe = "\U0001f9a0"
    assert give(page, microbe * 201) == "A label has at most 200 characters, found 201."
    assert give(page, "x" * 201) == "A label has at most 200 characters, found 201."
    assert labels(page) == {}
    assert give(page, microbe * 200).startswith(f"1 article labeled “{microbe * 200}”.")
    assert labels(page) == {microbe * 200: [8]}
    # The table has room for what the page takes.
    (tmp_path / "labels.csv").write_text(saved(page, "Labels as CSV"), encoding="utf-8")
    make_table(tmp_path / "db", unit_vectors(1), ids=["a8"])
    assert vecindex.open(tmp_path / "db").annotate(labels=tmp_path / "labels.csv").labels == {microbe * 200: 1}


def test_a_column_of_the_table_of_that_name_is_another_one(open_page: Open) -> None:
    page = open_map(open_page, kinds())
    select(page, 8)
    give(page, "x", "kind")
    options = page.get_by_label("Color by").locator("option").all_inner_texts()
    assert options == ["kind", "year", "topic", "kind (in this page)"]


def test_labels_stand_on_the_map_as_topics_do(open_page: Open) -> None:
    page = open_map(open_page)
    assert page.get_by_label("Names by").is_hidden(), "topics alone"
    # Seven together and one far away: the name stands among the seven.
    select(page, 0, 1, 2, 7, 8, 14, 15, 48)
    give(page, "to read")
    select(page, 46)
    give(page, "done")
    page.get_by_label("Names by").select_option("labels:label")
    still(page)
    names = "theMap.scene.labels.items.map(({ topic }) => [topic.name, topic.count])"
    assert page.evaluate(names) == [["to read", 8], ["done", 1]]
    x, y = page.evaluate("theMap.scene.labels.items.map(({ topic }) => [topic.x, topic.y])[0]")
    step = page.evaluate("theMap.scene.grid.x(1) - theMap.scene.grid.x(0)")
    assert max(x, y) <= 2 * step
    # It is in the link, follows new labels, and goes with them.
    until(page, "location.hash.includes('n=labels:label')", True)
    page.reload()
    still(page)
    assert page.get_by_label("Names by").input_value() == "labels:label"
    assert page.evaluate(names) == [["to read", 8], ["done", 1]]
    select(page, 46)
    give(page, "to read")
    assert page.evaluate(names) == [["to read", 9]]
    page.get_by_label("Names by").select_option("")
    still(page)
    assert [name for name, _ in page.evaluate(names)] == ["cells, protein", "trains", "steam trains"]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_axe_finds_nothing_serious(open_page: Open, theme: str, width: int) -> None:
    page = open_map(open_page, color_scheme=theme, viewport={"width": width, "height": 850})
    select(page, 8, 9)
    assert faults(page) == [], "before a label"
    give(page, "to read")
    assert faults(page) == [], "with one"
    give(page, "")
    assert faults(page) == [], "a fault"
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("path", "name"), [("100%.html", "100%-labeled.html"), ("a%20b.html", "a b-labeled.html")])
def test_the_saved_page_is_named_after_its_address(chromium: Any, path: str, name: str) -> None:
    context = chromium.new_context(reduced_motion="reduce")
    context.route("**/*", lambda route: route.fulfill(body=html_of(planted()), content_type="text/html"))
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"http://pages.test/{path}")
    still(page)
    select(page, 1)
    give(page, "done")
    with page.expect_download() as found:
        button(page, "Save page").click()
    assert found.value.suggested_filename == name
    context.close()


def test_ids_that_cannot_be_read_are_reported(open_page: Open) -> None:
    page = open_page(html_of(planted()).replace('id="map-section-ids"', 'id="elsewhere"')).page
    page.locator(".vmap-notice:has-text('The texts could not be read')").wait_for()
    select(page, 1)
    why = "could not be read: this page has no block map-section-ids."
    panel = page.locator(".vmap-selection")
    for action in ("Copy ids", "CSV"):
        panel.get_by_role("button", name=action, exact=True).click()
        panel.locator(f".vmap-selected-hint:has-text('The texts {why}')").wait_for()
        page.evaluate("theMap.work.panel.say('')")
    give(page, "done")
    button(page, "Labels as CSV").click()
    page.locator(f".vmap-label-line:has-text('The ids {why}')").wait_for()

"""The live map of a notebook in a real browser: its module, with a model in the place of the notebook's."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect
from test_axe import faults
from test_map_selection import kinds

from browser_maps import PATIENCE_MS, html_of, until
from vecindex.core.picture import MapPicture
from vecindex.reports.page import asset
from vecindex.verbs.picture.widget.labels import packed_labels, unpacked_labels

# What anywidget gives a module: `get`, `set`, `save_changes`, `on` and `off`, with bytes as a DataView.
_HOST = """<!doctype html><html lang="en"><head><title>Notebook</title></head><body><main id="out"></main>
<script type="module">
const bytes = (text) => new DataView(Uint8Array.from(atob(text), (one) => one.charCodeAt(0)).buffer);
const values = { _page: bytes("PAGE"), _name: "map 'map' of articles", _selected: new DataView(new ArrayBuffer(7)),
  color: COLOR, filters: {}, _labels: LABELS, height: 620 };
const heard = new Map();
window.saved = 0;
window.model = {
  get: (name) => values[name],
  set(name, value) { values[name] = value; for (const act of heard.get(`change:${name}`) ?? []) act(); },
  save_changes() { window.saved += 1; },
  on(name, act) { heard.set(name, [...(heard.get(name) ?? []), act]); },
  off(name, act) { heard.set(name, (heard.get(name) ?? []).filter((one) => one !== act)); },
};
window.rows = () => { const view = values._selected; const found = [];
  for (let row = 0; row < 49; row++) if ((view.getUint8(row >> 3) >> (row & 7)) & 1) found.push(row);
  return found; };
window.pick = (rows) => { const view = new DataView(new ArrayBuffer(7));
  for (const row of rows) view.setUint8(row >> 3, view.getUint8(row >> 3) | (1 << (row & 7)));
  window.model.set("_selected", view); };
const module = await import(URL.createObjectURL(new Blob([atob("CODE")], { type: "text/javascript" })));
window.end = module.default.render({ model: window.model, el: document.getElementById("out") });
</script></body></html>"""

Host = Callable[..., Any]


@pytest.fixture
def host(open_page: Any) -> Host:
    """A function that shows the live map as a notebook would, and returns the page and the map's frame."""

    def call(
        shown: MapPicture | None = None, page: str | None = None, labels: Any = None, **options: Any
    ) -> tuple[Any, Any]:
        shown = kinds() if shown is None else shown
        html = html_of(shown) if page is None else page
        text = _HOST.replace("PAGE", base64.b64encode(html.encode()).decode())
        text = text.replace("CODE", base64.b64encode(asset("widget.js").encode()).decode())
        text = text.replace("COLOR", json.dumps(shown.colorings[0].key))
        text = text.replace("LABELS", json.dumps(labels))
        opened = open_page(text, **{"reduced_motion": "reduce", **options})
        # What the page asks of itself is no request.
        opened.asked = [url for url in opened.asked if not url.startswith(("blob:", "about:"))]
        frame = opened.page.frame_locator("iframe")
        frame.locator(".vmap").wait_for()
        return opened, frame

    return call


def connected(opened: Any, frame: Any) -> Any:
    """Wait until the map has what the model says first, which takes the place of all before; return its frame."""
    page, inner = opened.page, opened.page.frames[1]
    expect(frame.locator(".vmap-facts")).to_contain_text("49")
    for rows in ([0], []):
        page.evaluate("(rows) => pick(rows)", rows)
        until(inner, "theMap.work.selection.rows()", rows)
    return inner


def test_what_is_done_on_the_map_reaches_the_model(host: Host) -> None:
    opened, frame = host()
    page, inner = opened.page, connected(opened, frame)
    frame.get_by_role("button", name="it's").click()
    until(page, "model.get('filters')", {"field:kind": ["it's"]})
    frame.get_by_role("button", name="Take all 17 shown").click()
    until(page, "rows()", list(range(17)))
    frame.get_by_label("Color by").select_option("field:year")
    until(page, "model.get('color')", "field:year")
    assert page.evaluate("saved") >= 3
    # And what the model says reaches the map, which does not send it back.
    inner.evaluate("theMap.ready")
    saved = page.evaluate("saved")
    page.evaluate("pick([3, 48])")
    until(inner, "theMap.work.selection.rows()", [3, 48])
    page.evaluate("model.set('color', 'topic')")
    until(inner, "theMap.coloring.key", "topic")
    page.evaluate("model.set('filters', { 'field:kind': ['b'], 'field:year': [1900, 2000] })")
    until(inner, "[...theMap.work.filters.only.keys()].sort()", ["field:kind", "field:year"])
    until(inner, "theMap.work.shownState().f['field:kind']", ["b"])
    assert inner.evaluate("theMap.shown.reduce((a, b) => a + b)") == 4, "rows 17 to 20, of the years to 2000"
    page.evaluate("model.set('filters', {})")
    until(inner, "theMap.work.filters.any", False)
    page.wait_for_timeout(500)
    assert page.evaluate("rows()") == [3, 48]
    assert page.evaluate("saved") == saved
    expect(frame.locator(".vmap-selected-count")).to_have_text("2 articles")
    page.evaluate("model.set('height', 300)")
    assert page.locator("iframe").bounding_box()["height"] == 300
    page.evaluate("end()")
    page.evaluate("pick([5])")
    page.wait_for_timeout(300)
    assert inner.evaluate("theMap.work.selection.rows()") == [3, 48], "nothing is sent any more"


def test_a_selection_from_the_model_is_shown_alone_where_the_one_before_was(host: Host) -> None:
    opened, frame = host()
    page, inner = opened.page, connected(opened, frame)
    seen = "[...(theMap.shown ?? [])].flatMap((one, row) => (one ? [row] : []))"
    page.evaluate("pick([3, 48])")
    until(inner, "theMap.work.selection.rows()", [3, 48])
    frame.get_by_role("button", name="Show only these").click()
    until(inner, seen, [3, 48])
    page.evaluate("pick([5, 6, 7])")
    until(inner, "theMap.work.selection.rows()", [5, 6, 7])
    until(inner, seen, [5, 6, 7])
    page.evaluate("pick([])")
    until(inner, "theMap.shown", None)


def test_labels_go_to_the_model_and_come_from_it(host: Host) -> None:
    shown = kinds()
    row_of = {id: row for row, id in enumerate(shown.ids)}
    opened, frame = host(labels=packed_labels({"mine": {shown.ids[4]: "old"}}, row_of))
    page, inner = opened.page, opened.page.frames[1]

    def labels() -> dict[str, dict[str, str]]:
        return unpacked_labels(page.evaluate("model.get('_labels')"), shown.ids)

    def come(wanted: dict[str, dict[str, str]]) -> None:
        for _ in range(PATIENCE_MS // 50):
            if labels() == wanted:
                return
            page.wait_for_timeout(50)
        raise AssertionError(f"{labels()}, not {wanted}")

    # Those that the model has are there, though this page was shown only now.
    expect(frame.locator(".vmap-label-about")).to_have_text("1 labeled")
    expect(frame.get_by_label("Command for the labels")).to_have_text(
        'index.annotate(shown.labels["mine"], column="mine")'
    )
    page.evaluate("pick([3, 48])")
    frame.get_by_label("Label for the selection").fill("to  read")
    frame.get_by_role("button", name="Label", exact=True).click()
    expect(frame.locator(".vmap-label-line")).to_have_text("2 articles labeled “to read”. The notebook has it.")
    given = {shown.ids[3]: "to read", shown.ids[48]: "to read"}
    come({"label": given, "mine": {shown.ids[4]: "old"}})
    until(page, "model.get('color')", "labels:label")
    frame.get_by_role("button", name="Undo").click()
    come({"mine": {shown.ids[4]: "old"}})
    # The model's take the place of all labels, and are not sent back.
    packed = packed_labels({"label": {shown.ids[0]: "b", shown.ids[1]: "a"}}, row_of)
    page.evaluate("(values) => model.set('_labels', values)", packed)
    until(
        inner,
        "theMap.header.colorings.map((one) => one.key).filter((key) => key.startsWith('labels'))",
        ["labels:label"],
    )
    until(inner, "theMap.header.colorings.at(-1).names", ["b", "a"])
    page.evaluate("model.set('color', 'labels:label'); model.set('filters', { 'labels:label': ['a'] })")
    until(inner, "theMap.shown && theMap.shown.indexOf(1)", 1)
    page.wait_for_timeout(500)
    assert page.evaluate("model.get('_labels')") == packed
    assert page.evaluate("model.get('color')") == "labels:label"
    page.evaluate("model.set('_labels', null)")
    until(inner, "theMap.header.colorings.some((one) => one.key.startsWith('labels'))", False)
    until(page, "model.get('color')", shown.colorings[0].key)


def test_the_frame_reaches_nothing_of_the_notebook(host: Host) -> None:
    opened, _ = host()
    inner = opened.page.frames[1]
    script = "(() => { try { return String(parent.document.title); } catch (error) { return error.name; } })()"
    assert inner.evaluate(script) == "SecurityError"


def test_where_scripts_are_blocked_a_sentence_says_so(open_page: Any, host: Host) -> None:
    # As a host does whose policy the frame inherits.
    html = html_of(kinds()).replace("script-src 'sha256-", "script-src 'sha256-AAAA")
    opened, frame = host(page=html)
    expect(frame.locator(".vmap-blocked")).to_contain_text("does not let its script run")
    assert len(opened.said) > 0
    opened.said.clear()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_axe_finds_nothing_serious(host: Host, theme: str, width: int) -> None:
    opened, frame = host(color_scheme=theme, viewport={"width": width, "height": 850})
    expect(frame.locator(".vmap-facts")).to_contain_text("49")
    assert faults(opened.page) == []
    assert faults(opened.page.frames[1]) == [], "in the frame"

"""The panel at the side of a map: everything in it can be seen."""

from __future__ import annotations

import numpy as np

from browser_maps import Open, open_map, planted, until
from vecindex.verbs.picture.coloring import categories

N = 49


def test_a_legend_of_many_categories_shows_six_of_them_at_least(open_page: Open) -> None:
    kind = categories("field:kind", "kind", [f"kind {i:02}" for i in range(40)], np.arange(N) % 40)
    page = open_map(
        open_page, planted(colorings=(kind, *planted().colorings)), viewport={"width": 1400, "height": 900}
    )
    for key in ("topic", "field:year"):
        page.get_by_label("Filter by a field").select_option(key)
    page.locator(".vmap-facet .vmap-brush-area").wait_for()
    page.locator(".vmap-facet .vmap-entry").first.wait_for()
    page.get_by_role("button", name="kind 00").click()
    page.get_by_role("button", name="Take all 2 shown").click()
    page.get_by_role("button", name="Command").click()
    seen = """() => {
      const box = document.querySelector(".vmap-coloring .vmap-legend").getBoundingClientRect();
      const all = document.querySelector(".vmap-coloring .vmap-legend > .vmap-plain").getBoundingClientRect();
      const { height } = document.querySelector(".vmap-coloring .vmap-entry").getBoundingClientRect();
      const { scrollHeight, clientHeight } = document.querySelector(".vmap-panel");
      return { entries: (all.top - box.top) / height, scrolls: scrollHeight > clientHeight };
    }"""
    found = page.evaluate(seen)
    assert found["entries"] >= 6
    assert found["scrolls"]
    page.locator(".vmap-asked button").last.scroll_into_view_if_needed()
    # One that has few entries has room for them all.
    page.get_by_label("Color by").select_option("topic")
    until(page, "document.querySelectorAll('.vmap-coloring .vmap-entry').length", 3)
    legend = page.locator(".vmap-coloring .vmap-legend")
    assert legend.evaluate("({ scrollHeight, clientHeight }) => scrollHeight - clientHeight") == 0

"""axe-core on the pages: nothing serious in any state, in both themes, on a wide and on a narrow screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from test_map_selection import kinds

from browser_maps import Open, open_map, still
from pages import make_result, with_corpus
from vecindex.reports.overlap.page import overlap_page

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
_RUN = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target, any }) => `${target} ${any[0]?.message}`).join("; ")}`);
}"""


def faults(page: Any) -> list[str]:
    """Return what axe-core finds serious or critical in the page as it is now."""
    if not AXE.exists():
        pytest.skip("no node_modules: `make lint` installs it")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return list(page.evaluate(_RUN))


@pytest.fixture(params=[("light", 1400), ("dark", 1400), ("light", 390), ("dark", 390)], ids=str)
def window(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Options of a page: theme and size."""
    theme, width = request.param
    return {"color_scheme": theme, "viewport": {"width": width, "height": 850}}


def test_the_map_and_its_cards(open_page: Open, window: dict[str, Any]) -> None:
    page = open_map(open_page, **window)
    assert faults(page) == []
    page.evaluate("theMap.pickQuestion(0)")
    still(page)
    assert faults(page) == [], "a question"
    page.evaluate("theMap.select(8)")
    still(page)
    assert faults(page) == [], "an article"


def test_work_on_the_map(open_page: Open, window: dict[str, Any]) -> None:
    page = open_map(open_page, kinds(), **window)
    page.locator(".vmap-entry[data-code='1']").click()
    page.get_by_label("Color by").select_option("field:year")
    page.locator(".vmap-facet .vmap-entry").first.wait_for()
    page.evaluate("theMap.work.choose('field:year', new Set(Array.from({ length: 120 }, (_, i) => i + 60)))")
    page.get_by_label("Select with a box").click()
    page.evaluate("theMap.work.take(null)")
    page.locator(".vmap-list-button").click()
    page.locator(".vmap-selected-list button").first.wait_for()
    assert faults(page) == [], "filters, a selection and its list"
    page.locator(".vmap-command-button").click()
    assert faults(page) == [], "its command"
    page.get_by_label("Search titles").fill("title")
    page.locator(".vmap-results button").first.wait_for()
    assert faults(page) == [], "a search"


def test_the_overlap_report(open_page: Open, window: dict[str, Any]) -> None:
    page = open_page(
        overlap_page(with_corpus(make_result(8, maps=("flat", "round"))), version="1.2.3"), **window
    ).page
    assert faults(page) == []

"""What a reader of a map sees first: title, how to read it, whole labels, and what is left where no script runs."""

from __future__ import annotations

import pytest

from browser_maps import Open, at, html_of, open_map, planted, still, swatch
from vecindex.core.picture import Coloring, MapScore, TopicLabel

LONG = "Regulation of transcription by long noncoding RNA in the nucleus"
SIZES = [{"width": 1400, "height": 900}, {"width": 390, "height": 844}]
BLOCKED = "The map is drawn by a script of this page."


@pytest.mark.parametrize("size", SIZES, ids=["wide", "phone"])
def test_labels_are_whole_at_the_edges(open_page: Open, size: dict[str, int]) -> None:
    topics = (
        TopicLabel(LONG, 6.0, 6.0, 17, 0, 0),
        TopicLabel("细胞膜与细胞核之间的信息传递过程", 0.0, 0.0, 16, 0, 1),
        TopicLabel("الخلية, النواة", 0.0, 6.0, 16, 0, 2),
    )
    page = open_map(open_page, planted(topics=topics), viewport=size)
    box = page.locator(".vmap-over").bounding_box()
    found = page.evaluate("theMap.scene.labels.boxes(theMap.camera)")
    assert sorted(label["name"] for label in found) == sorted(topic.name for topic in topics)
    for label in found:
        assert label["left"] >= 0
        assert label["top"] >= 0
        assert label["right"] <= box["width"]
        assert label["bottom"] <= box["height"]


def test_a_label_leaves_with_its_position(open_page: Open) -> None:
    page = open_map(open_page, planted(topics=(TopicLabel("corner", 6.0, 6.0, 17, 0, 0),)))
    assert page.evaluate("theMap.scene.labels.names(theMap.camera)") == ["corner"]
    page.mouse.move(*at(page, 3))
    for _ in range(12):
        page.mouse.wheel(0, -400)
    still(page)
    assert page.evaluate("theMap.scene.labels.names(theMap.camera)") == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_title_and_how_to_read_the_map(open_page: Open, scheme: str) -> None:
    shown = planted(title="Ünïque <b>cells</b>", scores=(MapScore("recall@5", 0.5534, 0.5464, 0.5605),))
    page = open_map(open_page, shown, viewport=SIZES[0], color_scheme=scheme)
    assert page.title() == "Ünïque <b>cells</b>"
    assert page.locator(".vmap-name").inner_text().startswith("Ünïque <b>cells</b>")
    lead = page.locator(".vmap-lead")
    assert lead.evaluate("(one) => one.open") is True
    assert "Each point is one article." in lead.inner_text()
    assert "Of the 5 most similar to each one, 55 % are among its 5 closest here (recall@5)." in lead.inner_text()
    phone = open_map(open_page, shown, viewport=SIZES[1], color_scheme=scheme)
    assert phone.locator(".vmap-lead").evaluate("(one) => one.open") is False


def test_without_scores_none_are_put_in_words(open_page: Open) -> None:
    page = open_map(open_page, planted(scores=()))
    assert "most similar to each one" not in page.locator(".vmap-lead p").inner_text()
    assert page.title() == "Map “map” of articles"


def test_a_host_that_forbids_scripts_leaves_a_sentence(open_page: Open) -> None:
    ran = open_map(open_page)
    assert ran.locator(".vmap-blocked").count() == 0
    forbidden = html_of(planted()).replace(
        "<head>", """<head><meta http-equiv="Content-Security-Policy" content="script-src 'none'">""", 1
    )
    opened = open_page(forbidden)
    opened.page.get_by_text(BLOCKED).wait_for(state="visible")
    # The browser says that it ran nothing.
    assert all("script-src" in said for said in opened.said)
    opened.said.clear()


def test_where_scripts_are_off_there_is_a_sentence(open_page: Open) -> None:
    page = open_page(html_of(planted()), java_script_enabled=False).page
    page.locator(".vmap-noscript").wait_for(state="visible")


def test_24_categories_have_24_colors_and_the_rest_is_gray(open_page: Open) -> None:
    names = (*(f"kind {i}" for i in range(23)), "other", "other values")
    counts = (2,) * 24 + (1,)
    codes = planted().colorings[0].codes.copy()
    codes[:] = [i // 2 for i in range(49)]
    coloring = Coloring("field:kind", "kind", "category", codes, names, counts, other=24)
    page = open_map(open_page, planted(colorings=(coloring,), topics=()))
    colors = [tuple(swatch(page, code)) for code in range(25)]
    assert len(set(colors)) == 25
    # A value that the user calls "other" has a color; the rest has none.
    assert max(colors[23]) - min(colors[23]) > 20
    assert max(colors[24]) - min(colors[24]) <= 20


def test_dates_are_shown_as_precisely_as_their_span(open_page: Open) -> None:
    def ends(low: float, high: float) -> list[str]:
        codes = planted().colorings[1].codes
        days = Coloring("field:day", "day", "number", codes, low=low, high=high, unit="date")
        page = open_map(open_page, planted(colorings=(days,), topics=()))
        return list(page.locator(".vmap-ends span").all_inner_texts())

    # 1 January 2020 is day 18,262.
    assert ends(18_262, 18_262 + 3_653) == ["2020", "2030"]
    assert ends(18_262, 18_262 + 366) == ["Jan 2020", "Jan 2021"]
    assert ends(18_262, 18_262 + 31) == ["1 Jan 2020", "1 Feb 2020"]
    assert ends(18_262, 18_262.5) == ["1 Jan 2020, 00:00", "1 Jan 2020, 12:00"]


def test_a_long_title_is_clamped_where_it_is_pointed_at(open_page: Open) -> None:
    titles = [f"{LONG}, " * 12 + str(row) for row in range(49)]
    page = open_map(open_page, planted(titles=titles), viewport=SIZES[1])
    page.mouse.move(*at(page, 24))
    tip = page.locator(".vmap-tip b")
    tip.wait_for(state="visible")
    line, height = tip.evaluate("(b) => [parseFloat(getComputedStyle(b).fontSize), b.clientHeight]")
    # Three lines, of less than two letters' height each; all of it would be over twenty.
    assert height <= 6 * line

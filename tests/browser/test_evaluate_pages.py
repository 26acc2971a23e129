"""The pages of `evaluate` and `compare` in a real browser: the answer first, narrow screens, keyboard, themes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from judged import compared, evaluated
from vecindex.verbs.compare.result import CompareResult

Open = Callable[..., Any]
WIDE, NARROW = {"width": 1400, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def evaluation() -> str:
    return evaluated("what a question asks", 12).to_html(made="2026-01-02 03:04 UTC")


@pytest.fixture(scope="module")
def comparison() -> str:
    found: CompareResult = compared("other", 5)
    (pair,) = found.pairs
    said = "other finds more than one: ndcg@10 0.500 against 0.400, +0.100 (+0.050 to +0.150), p below 0.001."
    return replace(found, pairs=(replace(pair, verdict=said),)).to_html(made="2026-01-02 03:04 UTC")


def is_seen(page: Any, locator: Any) -> bool:
    """Return whether an element is on the first screen, all of it."""
    box = locator.bounding_box()
    inside = box is not None and box["x"] >= 0 and box["y"] >= 0
    size = page.viewport_size
    return inside and box["x"] + box["width"] <= size["width"] and box["y"] + box["height"] <= size["height"]


@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize(("scheme", "paper"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(18, 22, 26)")])
def test_the_first_screen_answers(
    open_page: Open, evaluation: str, comparison: str, size: dict[str, int], scheme: str, paper: str
) -> None:
    for html, heading, lines in (
        (
            evaluation,
            "ndcg@10 0.620 by words, 0.400 by meaning",
            ["ndcg@10 0.400 (0.300 to 0.500), 0.0417 s a question"],
        ),
        (
            comparison,
            "other finds more than one",
            [
                "ndcg@10 0.500 against 0.400, +0.100 (+0.050 to +0.150), p below 0.001.",
                "ndcg@10 0.400, other, 384 values a vector, 40.0 texts embedded a second, 2.5 MB on disk",
            ],
        ),
    ):
        page = open_page(html, viewport=size, color_scheme=scheme).page
        title = page.get_by_role("heading", level=1)
        # As they are spelled: names of tables and measures have letters of their own.
        assert title.inner_text() == heading
        assert title.evaluate("e => getComputedStyle(e, '::first-letter').textTransform") == "none"
        assert is_seen(page, title)
        for line in lines:
            assert is_seen(page, page.get_by_text(line, exact=True).first)
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
        # Nothing but the tables scrolls sideways.
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]


def test_a_narrow_screen_leaves_out_what_would_be_cut(open_page: Open, evaluation: str, comparison: str) -> None:
    for html, hidden, shown in (
        (evaluation, "what it is", "words"),
        (comparison, "equal", "difference"),
    ):
        for size, there in ((WIDE, True), (NARROW, False)):
            page = open_page(html, viewport=size).page
            head = page.locator("main section").first
            assert head.get_by_role("columnheader", name=hidden, exact=True).first.is_visible() is there
            assert head.get_by_role("columnheader", name=shown, exact=True).first.is_visible()
        first = page.locator("main section").first.locator("table").first
        box, room = first.bounding_box(), first.locator("..").bounding_box()
        assert box["width"] <= room["width"] + 1


def test_by_keyboard(open_page: Open, evaluation: str) -> None:
    page = open_page(evaluation, viewport=WIDE).page
    table = page.locator("#questions-table")

    def ids() -> list[str]:
        return [
            text.split()[-1]
            for text in table.locator("tbody:visible > tr:first-child > td:first-child").all_inner_texts()
        ]

    assert ids() == [f"q{i}" for i in range(12)]
    page.get_by_role("link", name="Questions").press("Enter")
    field = page.get_by_label("Filter questions")
    field.focus()
    page.keyboard.type("q11")
    assert ids() == ["q11"]
    assert page.locator("#questions-shown").inner_text() == "1 of 12 shown"
    field.fill("")
    page.keyboard.press("Tab")
    head = table.get_by_role("columnheader", name="question", exact=True)
    assert head.get_by_role("button").evaluate("e => e === document.activeElement")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    column = table.get_by_role("columnheader", name="ndcg@10 meaning")
    assert column.get_attribute("aria-sort") in ("ascending", "descending")
    # A question's hits open by their summary.
    summary = table.locator("summary").first
    details = table.locator("details").first
    summary.focus()
    page.keyboard.press("Enter")
    assert details.evaluate("e => e.open")
    assert "relevant (2)" in details.inner_text()
    page.keyboard.press("Enter")
    assert not details.evaluate("e => e.open")


def test_hits_of_both_tables_lie_side_by_side_or_below(open_page: Open, comparison: str) -> None:
    for size, beside in ((WIDE, True), (NARROW, False)):
        page = open_page(comparison, viewport=size).page
        details = page.locator("#questions-table details").first
        assert details.evaluate("e => e.open"), "of the questions that differ most"
        one, other = (details.locator("h4").nth(i).bounding_box() for i in (0, 1))
        assert (one["y"] == other["y"]) is beside
        assert details.locator("tr.kept").count() == 2

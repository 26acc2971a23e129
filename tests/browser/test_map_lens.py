"""The lens of a question on the page of a map, in a real browser: by pointer and by keyboard, small and enlarged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from browser_maps import Open, open_map, planted, still
from pages import HOSTILE
from vecindex.core.picture import MapPicture, QuestionLens
from vecindex.reports.markup import clean


def lens_of(first: int = 0, n: int = 12) -> QuestionLens:
    """Return a lens of the articles from `first` on, on a spiral; the last one is not on the map."""
    rows = np.arange(first, first + n)
    rows[-1] = -1
    far = np.linspace(0.25, 1, n)
    turn = 0.9 * np.arange(n)
    near = (np.arange(n)[:, None] + [1, 2]) % n
    at = far[:, None] * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return QuestionLens(rows, 0.3 + 0.2 * (far - 0.25) / 0.75, at, near, 2, 0.625)


def with_lenses(**changes: Any) -> MapPicture:
    """Return the planted map, whose first two questions have a lens."""
    shown = planted(**changes)
    first, second, *others = shown.questions
    asked = (replace(first, lens=lens_of()), replace(second, lens=lens_of(20)), *others)
    return planted(**changes, questions=asked)


def picked(open_page: Open, index: int = 0, shown: MapPicture | None = None, **options: Any) -> Any:
    """Return a page whose question is picked, once its lens is drawn."""
    page = open_map(open_page, with_lenses() if shown is None else shown, **options)
    page.evaluate(f"theMap.pickQuestion({index})")
    page.wait_for_selector(".vmap-lens-point[aria-label*=', distance']")
    return still(page)


def focused(page: Any) -> str:
    return str(page.evaluate("document.activeElement.getAttribute('aria-label')"))


def test_what_is_near_the_question_is_near_the_middle(open_page: Open) -> None:
    page = picked(open_page)
    box = page.locator(".vmap-lens-box").bounding_box()
    assert box["width"] == pytest.approx(box["height"], abs=0.5)
    middle = np.array([box["x"] + box["width"] / 2, box["y"] + box["height"] / 2])
    points = []
    for rank in range(1, 13):
        one = page.locator(f".vmap-lens-point[data-rank='{rank}']").bounding_box()
        points.append([one["x"] + one["width"] / 2, one["y"] + one["height"] / 2] - middle)
    expected = lens_of().positions * [1, -1] * 0.92 * box["width"] / 2
    assert np.array(points) == pytest.approx(expected, abs=1)
    text = page.locator(".vmap-card").inner_text()
    assert "the farther by embedding: distance 0.300 to 0.500" in text
    assert "5 of its 5 nearest are its 5 nearest here (2 more are as near as the fifth)" in text
    assert "An article keeps 63 % of its 5 nearest of those shown." in text
    assert page.locator(".vmap-lens-rank").all_inner_texts() == ["1", "5", "10", "12"]


def test_each_question_has_its_own(open_page: Open) -> None:
    page = picked(open_page, 1)
    labels = page.locator(".vmap-lens-point").evaluate_all("all => all.map((one) => one.ariaLabel)")
    assert "1: Title 20, distance 0.300" in labels
    assert "11: Title 30, distance 0.482" in labels
    assert "12: an article that is not on the map, distance 0.500" in labels
    page.evaluate("theMap.pickQuestion(2)")
    assert page.locator(".vmap-lens").count() == 0


def test_pointing_names_an_article_and_those_near_to_it(open_page: Open) -> None:
    page = picked(open_page)
    at = page.locator(".vmap-lens-point[data-rank='3']").bounding_box()
    page.mouse.move(at["x"] + at["width"] / 2 + 3, at["y"] + at["height"] / 2)
    assert page.locator(".vmap-lens-line").inner_text() == "3 Title 2 0.336"
    assert page.locator(".vmap-lens-lines i").count() == 2
    near = page.locator(".vmap-lens-near").evaluate_all("all => all.map((one) => one.dataset.rank).sort()")
    assert near == ["4", "5"]
    assert page.evaluate("theMap.state.hovered") == 2, "it is marked on the map as well"
    # A line begins at its article and ends at the other one.
    ends = page.evaluate(
        """() => {
          const [line] = document.querySelectorAll(".vmap-lens-lines i");
          const point = document.querySelector(".vmap-lens-point[data-rank='4']").getBoundingClientRect();
          const box = line.getBoundingClientRect();
          const [x, y] = [point.x + point.width / 2, point.y + point.height / 2];
          const nearest = (v, ...ends) => Math.min(...ends.map((end) => Math.abs(end - v)));
          return nearest(x, box.left, box.right) + nearest(y, box.top, box.bottom);
        }"""
    )
    assert ends < 4
    page.mouse.move(700, 600)
    assert page.locator(".vmap-lens-lines i").count() == 0
    assert page.evaluate("theMap.state.hovered") != 2


def test_by_keyboard(open_page: Open) -> None:
    page = picked(open_page)
    page.locator(".vmap-card .vmap-close").focus()
    page.keyboard.press("Tab")
    assert focused(page) == "1: Title 0, distance 0.300"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    assert focused(page) == "3: Title 2, distance 0.336"
    assert page.locator(".vmap-lens-line").inner_text() == "3 Title 2 0.336"
    page.keyboard.press("ArrowLeft")
    assert focused(page).startswith("2: ")
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")
    assert focused(page).startswith("12: ")
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Enlarge", "the articles are one stop"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert page.locator(".vmap-card h3").inner_text() == "Title 0"
    page.get_by_text("Back to the question").click()
    page.wait_for_selector(".vmap-lens-point")


@pytest.mark.parametrize("width", [1400, 390])
def test_enlarged(open_page: Open, width: int) -> None:
    page = picked(open_page, viewport={"width": width, "height": 844})
    small = page.locator(".vmap-lens-box").bounding_box()["width"]
    assert page.locator(".vmap-lens-named").count() == 0
    page.locator(".vmap-lens-larger").click()
    dialog = page.locator(".vmap-lens-dialog")
    assert dialog.locator("h3").inner_text() == "what stands in the middle"
    large = dialog.locator(".vmap-lens-box").bounding_box()["width"]
    assert large > small + 200 if width == 1400 else large > small - 40
    edge = dialog.bounding_box()
    assert edge["x"] >= 0
    assert edge["x"] + edge["width"] <= width
    labels = dialog.locator(".vmap-lens-named span").evaluate_all(
        """all => all.map((one) => {
          const { left, right, top, bottom } = one.getBoundingClientRect();
          return [left, right, top, bottom];
        })"""
    )
    assert len(labels) >= 4
    for i, (left, right, top, bottom) in enumerate(labels):
        assert left >= edge["x"] - 1
        assert right <= edge["x"] + edge["width"] + 1
        for other in labels[i + 1 :]:
            assert right < other[0] or left > other[1] or bottom < other[2] or top > other[3]
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")  # the browser says that it is closed a little later
    assert page.locator(".vmap-card h3").inner_text() == "what stands in the middle", "the card is still there"
    assert page.locator(".vmap-lens .vmap-lens-box").bounding_box()["width"] == pytest.approx(small, abs=1)
    assert page.locator(".vmap-lens-named").count() == 0


def test_hostile_titles_are_texts(open_page: Open) -> None:
    titles = [clean(HOSTILE[i % len(HOSTILE)]) for i in range(49)]
    page = picked(open_page, shown=with_lenses(titles=titles))
    page.locator(".vmap-lens-larger").click()
    shown = page.locator(".vmap-lens-point[data-rank='3'] span").evaluate("(one) => one.textContent")
    assert shown == titles[2]

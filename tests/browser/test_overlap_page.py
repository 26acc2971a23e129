"""The report of `overlap` in a real browser: what a reader does with it, and that no text of the data acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from browser_maps import until
from pages import HOSTILE, make_result, with_corpus
from vecindex.reports.markup import clean
from vecindex.reports.overlap.page import overlap_page

Open = Callable[..., Any]


def html_of(found: dict[str, Any]) -> str:
    return overlap_page(found, version="1.2.3", made="2026-05-04 10:00 UTC")


@pytest.fixture(scope="module")
def report() -> str:
    found = make_result(questions=12, maps=("flat", "round"))
    for i, row in enumerate(found["rows"]):
        row["topic"] = "even" if i % 2 == 0 else "odd"
    found["rows"][3]["nearest_dist"] = None
    return html_of(with_corpus(found))


def questions(page: Any, shown_only: bool = True) -> list[str]:
    """Return the ids of the questions in the order of the table."""
    bodies = page.locator("#questions-table > tbody" + (":visible" if shown_only else ""))
    return [text.split()[-1] for text in bodies.locator(".opener").all_inner_texts()]


def background(page: Any) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_the_theme_follows_the_system_and_can_be_switched(open_page: Open, report: str) -> None:
    page = open_page(report).page
    button = page.get_by_role("button", name="Dark theme")
    assert background(page) == "rgb(255, 255, 255)"
    button.click()
    assert background(page) == "rgb(18, 22, 26)"
    page.reload()
    assert background(page) == "rgb(18, 22, 26)", "the choice is kept"
    page.get_by_role("button", name="Light theme").click()
    assert background(page) == "rgb(255, 255, 255)"
    assert background(open_page(report, color_scheme="dark").page) == "rgb(18, 22, 26)"


def test_it_prints_on_white(open_page: Open, report: str) -> None:
    page = open_page(report, color_scheme="dark").page
    page.emulate_media(media="print")
    assert background(page) == "rgb(255, 255, 255)"
    assert not page.locator("#theme").is_visible()
    assert page.locator("#questions-table").is_visible()


def test_sorting(open_page: Open, report: str) -> None:
    page = open_page(report).page
    assert questions(page)[:4] == ["q6", "q0", "q7", "q1"], "the worst first, of equal ones the farthest"
    distance = page.get_by_role("columnheader", name="nearest distance")
    assert distance.get_attribute("aria-sort") is None
    distance.get_by_role("button").click()
    near = ["q0", "q1", "q2", "q4", "q5", "q6", "q7", "q8", "q9", "q10", "q11"]
    assert questions(page) == [*near, "q3"], "what has no distance stands last"
    assert distance.get_attribute("aria-sort") == "ascending"
    distance.get_by_role("button").press("Enter")
    assert questions(page) == [*reversed(near), "q3"]
    assert distance.get_attribute("aria-sort") == "descending"
    page.get_by_role("columnheader", name="topic").get_by_role("button").click()
    assert [q for q in questions(page) if int(q[1:]) % 2 == 0] == questions(page)[:6]
    assert page.locator("th[aria-sort]").count() == 1


def test_filtering(open_page: Open, report: str) -> None:
    page = open_page(report).page
    field = page.get_by_label("Filter questions")
    field.fill("NUMBER 1")
    assert questions(page) == ["q1", "q10", "q11"]
    assert page.locator("#questions-shown").inner_text() == "3 of 12 shown"
    field.fill("odd q7")
    assert questions(page) == ["q7"]
    field.fill("nowhere")
    assert questions(page) == []
    field.fill("")
    assert len(questions(page)) == 12
    assert page.locator("#questions-shown").inner_text() == "12 in all"


def cells(table: Any) -> list[list[str]]:
    rows = table.locator("tbody tr").all()
    return [row.locator("td").all_inner_texts() for row in rows]


def test_a_question_opens_and_shows_both_spaces(open_page: Open, report: str) -> None:
    page = open_page(report).page
    opener = page.get_by_role("button", name="question number 2?")
    assert opener.get_attribute("aria-expanded") == "false"
    opener.focus()
    page.keyboard.press("Enter")
    assert opener.get_attribute("aria-expanded") == "true"
    detail = page.locator(f"#{opener.get_attribute('aria-controls')}")
    space, on_map = detail.locator("table").all()
    assert cells(space) == [
        ["1", "Title 40\na40", "0.1004", "\u2713 kept, rank 1"],
        ["2", "Title 41\na41", "0.2004", "\u2713 kept, rank 2"],
        ["3", "Title 42\na42", "0.3004", "\u2013 lost"],
        ["4", "Title 43\na43", "0.4004", "\u2013 lost"],
        ["5", "Title 44\na44", "0.5004", "\u2013 lost"],
    ]
    assert [row[3] for row in cells(on_map)] == [
        "\u2713 kept, rank 1",
        "\u2713 kept, rank 2",
        *["\u2013 not near"] * 3,
    ]
    assert "kept 2/5" in detail.inner_text()
    detail.get_by_label("Placement").select_option("median baseline")
    assert [row[3][0] for row in cells(detail.locator("table").nth(0))] == ["\u2713", *"\u2013" * 4]
    detail.get_by_label("Map", exact=True).select_option("round")
    assert [row[3][0] for row in cells(detail.locator("table").nth(1))] == [*"\u2013" * 5]
    assert "kept 0/5" in detail.inner_text()
    # The next one opens as this one was left; this one closes, opens again, and moves with its question.
    page.get_by_role("button", name="question number 4?").click()
    assert page.get_by_label("Placement").nth(1).locator("option:checked").inner_text() == "median baseline"
    page.get_by_role("columnheader", name="nearest distance").get_by_role("button").click()
    body = page.locator("#questions-table > tbody").nth(2)
    assert body.locator("tr.detail").is_visible()
    opener.click()
    assert not body.locator("tr.detail").is_visible()
    opener.click()
    assert body.locator("tr.detail").is_visible()


def test_ranks_and_chunks_are_shown_where_known(open_page: Open) -> None:
    found = make_result(questions=1, k=3)
    placed = found["rows"][0]["maps"]["flat"]["search"]
    placed |= {"target_ranks": [12, None, 40], "neighbor_ranks": [7, None, 9], "depth": 100}
    placed["neighbors"][0] |= {"id": "a0", "chunk": "a0#4"}
    found["rows"][0]["neighbors"][0]["chunk"] = "a0#1"
    page = open_page(html_of(found)).page
    page.locator(".opener").click()
    space, on_map = page.locator(".pair table").all()
    assert [row[3] for row in cells(space)] == [
        "\u2713 kept, rank 1",
        "\u2013 lost, beyond 100",
        "\u2013 lost, rank 40",
    ]
    assert [row[3] for row in cells(on_map)] == [
        "\u2713 kept, rank 1",
        "\u2013 not near, beyond 100",
        "\u2013 not near, rank 9",
    ]
    assert cells(space)[0][1].endswith("a0, chunk a0#1")
    assert cells(on_map)[0][1].endswith("a0, chunk a0#4")


def test_without_a_map(open_page: Open) -> None:
    page = open_page(html_of(make_result(questions=3, maps=()))).page
    assert questions(page) == ["q2", "q1", "q0"], "the farthest first"
    page.locator(".opener").first.click()
    assert page.locator(".pair table").count() == 1
    assert cells(page.locator(".pair table"))[0] == ["1", "Title 40\na40", "0.1004"]


def test_hostile_texts_are_shown_and_do_nothing(open_page: Open) -> None:
    found = with_corpus(make_result(questions=len(HOSTILE), titles=HOSTILE))
    found["rows"] = [{**row, "text": text, "topic": text} for row, text in zip(found["rows"], HOSTILE, strict=True)]
    found |= {"table": HOSTILE[1], "questions_name": HOSTILE[2]}
    found["answer"] = dict.fromkeys(found["answer"], HOSTILE[0])
    found["maps"][0]["name"] = HOSTILE[1]
    for row in found["rows"]:
        row["maps"] = {HOSTILE[1]: row["maps"]["flat"]}
    page = open_page(html_of(found)).page
    elements = page.evaluate("[...new Set([...document.body.querySelectorAll('*')].map(e => e.localName))].sort()")
    assert "img" not in elements
    assert page.locator("script").count() == 2, "the data and the code"
    for opener in page.locator(".opener").all():
        opener.click()
    shown = page.evaluate("[...document.querySelectorAll('bdi, h1, option')].map(e => e.textContent)")
    for text in HOSTILE:
        # A browser may show what cannot be shown as it likes, but the rest stands there as it is.
        wanted = clean(text)
        assert any(clean(one) == wanted for one in shown), text
    assert page.locator("h1").inner_text() == HOSTILE[0]
    assert page.locator(".detail img, .detail script").count() == 0
    assert page.title() == clean(f"Overlap: {HOSTILE[2]} on {HOSTILE[1]}")


def test_a_script_that_got_in_would_not_run(open_page: Open, report: str) -> None:
    # The policy is the second wall; this page was tampered with to try it.
    broken = report.replace("</footer>", "<script>document.title = 'ran'</script></footer>", 1)
    opened = open_page(broken)
    assert opened.page.title() != "ran"
    assert len(opened.said) == 1
    assert "Content Security Policy" in opened.said.pop()


@pytest.mark.parametrize("width", [360, 768, 1400])
def test_no_width_scrolls_sideways(open_page: Open, report: str, width: int) -> None:
    page = open_page(report, viewport={"width": width, "height": 800}).page
    page.locator(".opener").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_reaches_everything(open_page: Open, report: str) -> None:
    page = open_page(report).page
    page.evaluate("document.querySelectorAll('details.fold').forEach((fold) => fold.setAttribute('open', ''))")
    reached = set()
    for _ in range(200):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.outerHTML.slice(0, 60)"))
    told = "\n".join(reached)
    for part in (
        'id="theme"',
        "<summary",
        'type="search"',
        'class="opener"',
        'role="region"',
        '<button type="button">',
    ):
        assert part in told


def test_the_command_is_copied(open_page: Open, report: str) -> None:
    page = open_page(report).page
    # A page of a file may lack the right; then the text is copied from a selection of it.
    page.evaluate("document.execCommand = (name) => { window.copied = [name, String(getSelection())]; }")
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    # What the button says is written down, for it says so for two seconds only.
    page.evaluate("""() => {
      const button = document.querySelector("button[data-copy]");
      window.said = [];
      new MutationObserver(() => said.push(button.textContent)).observe(button, { childList: true });
    }""")
    page.get_by_role("button", name="Copy").click()
    until(page, "said", ["Copied", "Copy"])
    assert page.evaluate("window.copied") == ["copy", "vecindex project other --db 'a db'"]


def test_figures_are_folded_until_they_are_wanted(open_page: Open, report: str) -> None:
    page = open_page(report).page
    figure = page.locator("#maps .chart").first
    assert not figure.is_visible()
    page.get_by_role("navigation").get_by_role("link", name="Maps").click()
    figure.wait_for(state="visible")
    # Both the click and the new address unfold it, one after the other.
    page.evaluate("new Promise((done) => setTimeout(done, 100))")
    assert not page.locator("#curves .chart").first.is_visible()
    page.locator("#maps summary h2").click()
    assert not figure.is_visible()
    page.get_by_role("navigation").get_by_role("link", name="Maps").click()
    figure.wait_for(state="visible")


def test_the_first_questions_are_shown_until_more_are_wanted(open_page: Open) -> None:
    report = html_of(make_result(questions=30))
    page = open_page(report).page
    assert len(questions(page)) == 12
    page.get_by_role("button", name="Show all 30").click()
    assert len(questions(page)) == 30
    page = open_page(report).page
    page.get_by_label("Filter questions").fill("number")
    assert len(questions(page)) == 30


def test_a_thousand_questions_can_be_handled(open_page: Open) -> None:
    page = open_page(html_of(make_result(1_000, ("a", "b", "c")))).page
    assert page.locator(".opener").count() == 1_000
    assert page.locator("tr.detail").count() == 0, "made when opened"
    page.get_by_label("Filter questions").fill("number 999?")
    assert questions(page) == ["q999"]
    page.locator(".opener:visible").click()
    assert page.locator(".pair table").count() == 2

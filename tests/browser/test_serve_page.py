"""The page of the live table in a real browser: ask, pick, filter, follow new data, and outlive a vanished table."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from playwright.sync_api import expect
from test_axe import faults

from browser_maps import PATIENCE_MS, still, until
from pages import HOSTILE
from planted import KnownModel, make_table, put_map
from servers import Client, running
from vecindex.reports.markup import clean
from vecindex.serve.table.live import Live
from vecindex.serve.table.served import Served
from vecindex.store.database import Database

N = 200
QUESTION = "what lies about here?"
HOSTILE_QUESTION = "<img src=x onerror=alert(1)>"
BAD_REQUEST = "error: Failed to load resource: the server responded with a status of 400 (Bad Request)"
FAILED = "error: Failed to load resource: the server responded with a status of 500 (Internal Server Error)"
CHANGED = "error: Failed to load resource: the server responded with a status of 409 (Conflict)"
GONE = "error: Failed to load resource: the server responded with a status of 503 (Service Unavailable)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "db"


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    """200 articles around 5 places, with a map that shows them, and one hostile title after another."""
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(5, 8)) * 4
    vectors = centers[np.arange(N) % 5] + rng.normal(size=(N, 8))
    topics = [f"topic {i % 5}" for i in range(N)]
    table = make_table(folder, vectors, fields={"topic": topics})
    ids = [f"a{i:05d}" for i in range(N)]
    table.lance.update(where="id = 'a00007'", values={"title": clean(HOSTILE[0])})
    put_map(folder, "flat", ids, vectors[:, :2])
    served = Served(str(folder), "articles")
    live = Live(served)
    known = KnownModel({QUESTION: vectors[7] + 0.01, HOSTILE_QUESTION: vectors[3], "another one?": vectors[20]})
    live.model.embed = known.embed  # type: ignore[method-assign]
    live.model.query_prompt = known.query_prompt  # type: ignore[method-assign]
    with running(served, live) as found:
        yield found


@pytest.fixture
def visit(client: Client, browse: Callable[..., Any]) -> Callable[..., Any]:
    """A function that opens the page."""
    return lambda path="/", may_say=(), **options: browse(client.url + path, may_say, **options)


def ask(page: Any, text: str) -> None:
    page.get_by_label("Ask a question").fill(text)
    page.get_by_label("Ask a question").press("Enter")
    expect(page.locator("#answer h3")).to_have_text(text)


def titles(page: Any, heading: str) -> list[str]:
    box = page.locator(".near-list", has=page.get_by_role("heading", name=heading, exact=True))
    return [text.strip() for text in box.locator(".title").all_inner_texts()]


def test_a_typed_question_is_answered_and_marked(visit: Callable[..., Any], client: Client) -> None:
    page = visit()
    ask(page, QUESTION)
    found = client("/api/questions", {"text": QUESTION, "map": "flat"}).json
    assert titles(page, "Nearest by embedding") == [n["title"] for n in found["nearest"]]
    assert titles(page, "Nearest on the map") == [n["title"] for n in found["on_map"]]
    assert HOSTILE[0] in titles(page, "Nearest by embedding"), "shown as text"
    kept = round(found["overlap"] * 5)
    expect(page.locator("#answer .overlap")).to_contain_text(f"Overlap@5 {kept * 20} %: {kept} of its 5")
    assert page.locator("#answer .near-list").first.locator("li.kept").count() == kept
    # Its mark is on the map, and the key of its lines is told.
    expect(page.locator(".vmap-key")).to_be_visible()
    expect(page.locator(".vmap-question[aria-pressed=true]")).to_contain_text(QUESTION)


def test_all_maps_are_there_with_the_question_on_each(
    visit: Callable[..., Any], client: Client, folder: Path
) -> None:
    table = Database(folder).articles("articles")
    ids, vectors = table.vectors()
    put_map(folder, "newer", ids, np.asarray(vectors)[:, 2:4], {"method": "cut", "made_at": "2026-01-01"})
    page = visit("/?map=flat")
    assert page.locator("#map-choice").count() == 0, "the viewer shows them all"
    ask(page, QUESTION)
    found = client("/api/questions", {"text": QUESTION, "map": "newer"}).json
    page.get_by_role("button", name="Side by side").click()
    page.locator(".vmap-second").wait_for()
    still(page)
    assert page.evaluate("theMap.maps.second.state.picked.overlap") == found["overlap"]
    assert faults(page) == []
    page.get_by_role("button", name="Side by side").click()
    page.get_by_label("Map", exact=True).select_option("newer")
    page.locator(".vmap-verdict", has_text=f"{round(100 * found['overlap'])} %").wait_for(state="attached")
    still(page)
    row = page.evaluate("theMap.state.picked.nearest.find((one) => one.row !== null).row")
    page.evaluate("(row) => theMap.select(row)", row)
    expect(page.locator("#article h3")).to_have_text(found["nearest"][0]["title"])
    until(page, "location.hash.includes('map=newer')", True)


# The nearest article of a lens that no other one lies close to: its rank, and where it is.
ALONE = """() => {
  const middles = [...document.querySelectorAll("#answer .vmap-lens-point")].map((point) => {
    const box = point.getBoundingClientRect();
    return [Number(point.dataset.rank), box.x + box.width / 2, box.y + box.height / 2];
  });
  return middles.find(([rank, x, y]) => middles.every(([r, a, b]) => r === rank || Math.hypot(a - x, b - y) > 3));
}"""


def test_a_typed_question_has_its_lens(visit: Callable[..., Any], client: Client) -> None:
    # Without motion, for the points of the lens must not be scrolled away from under the pointer.
    page = visit(reduced_motion="reduce")
    ask(page, QUESTION)
    found = client("/api/lens", {"text": QUESTION, "map": "flat"}).json["articles"]
    points = page.locator("#answer .vmap-lens-point")
    expect(points).to_have_count(50)
    third = page.locator("#answer .vmap-lens-point[data-rank='3']")
    expect(third).to_have_attribute("aria-label", f"3: {found[2]['title']}, distance {found[2]['dist']:.3f}")
    third.scroll_into_view_if_needed()
    rank, x, y = page.evaluate(ALONE)
    page.mouse.move(x, y)
    assert page.evaluate("theMap.state.hovered") == found[rank - 1]["row"]
    # The question is asked for once, however often its answer is shown.
    ask(page, HOSTILE_QUESTION)
    page.get_by_text("Previous questions").click()
    with page.expect_event("requestfinished", lambda r: "neighbors" in r.url):
        page.locator("#history .near").nth(1).click()
        expect(points).to_have_count(50)
        third.press("Enter")
    expect(page.locator("#article h3")).to_have_text(found[2]["title"])


def test_questions_asked_are_kept_at_hand(visit: Callable[..., Any]) -> None:
    page = visit()
    ask(page, QUESTION)
    ask(page, HOSTILE_QUESTION)
    page.get_by_text("Previous questions").click()
    assert page.locator("#history .title").all_inner_texts() == [HOSTILE_QUESTION, QUESTION]
    page.locator("#history .near").nth(1).click()
    expect(page.locator("#answer h3")).to_have_text(QUESTION)
    expect(page.get_by_label("Ask a question")).to_have_value(QUESTION)
    # The list beside the map leads back as well.
    page.locator(".vmap-question", has_text=HOSTILE_QUESTION).click()
    expect(page.locator("#answer h3")).to_have_text(HOSTILE_QUESTION)
    assert page.locator(".vmap-question").count() == 2, "none is marked twice"


def test_a_question_opened_again_is_in_the_address_instead_of_one_without_an_answer(
    visit: Callable[..., Any],
) -> None:
    page = visit(may_say=(FAILED,))
    ask(page, QUESTION)
    ask(page, "another one?")
    failing = {"status": 500, "json": {"error": "no such luck", "next": None}}
    page.route("**/api/questions", lambda route: route.fulfill(**failing))
    page.get_by_label("Ask a question").fill("what fails?")
    page.get_by_label("Ask a question").press("Enter")
    expect(page.locator("#ask-message")).to_have_text("no such luck")
    named = "() => { theMap.address.write(); return new URLSearchParams(location.hash.slice(1)).get('ask'); }"
    assert page.evaluate(named) == "what fails?"
    page.locator("#history-box summary").click()
    page.locator("#history button", has_text=QUESTION).click()
    expect(page.locator("#answer h3")).to_have_text(QUESTION)
    assert page.evaluate(named) == QUESTION


def test_an_article_is_shown_with_its_text_and_neighbors(visit: Callable[..., Any], client: Client) -> None:
    page = visit()
    ask(page, QUESTION)
    page.locator("#answer .near").nth(1).click()
    found = client("/api/questions", {"text": QUESTION, "map": "flat"}).json["nearest"][1]
    article = client(f"/api/articles/{found['id']}").json
    around = client(f"/api/articles/{found['id']}/neighbors?map=flat&k=5").json
    expect(page.locator("#article .full-text")).to_have_text(article["text"])
    expect(page.locator("#article h3")).to_have_text(article["title"])
    expect(page.locator("#article .fields")).to_contain_text(article["fields"]["topic"])
    assert titles(page, "Near it by embedding") == [n["title"] for n in around["nearest"]]
    assert titles(page, "Near it on the map") == [n["title"] for n in around["on_map"]]
    page.get_by_role("button", name="Close the article").click()
    expect(page.locator("#article")).to_be_hidden()
    expect(page.locator("#answer h3")).to_have_text(QUESTION)


def test_a_point_of_the_map_opens_its_article(visit: Callable[..., Any], client: Client) -> None:
    page = visit()
    page.locator(".vmap-search").fill("Title of a00042")
    page.locator(".vmap-results button").first.click()
    expect(page.locator("#article h3")).to_have_text("Title of a00042")
    expect(page.locator("#article .full-text")).to_have_text("Text of a00042")


def test_a_condition_dims_the_others(visit: Callable[..., Any]) -> None:
    page = visit()
    page.get_by_label("Show only articles where").fill("topic = 'topic 3'")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.locator("#where-message")).to_have_text("40 articles match.")
    page.get_by_label("Ask only among these").check()
    ask(page, "another one?")
    expect(page.locator("#answer")).to_contain_text("Only of 40 articles where topic = 'topic 3'")
    for near in titles(page, "Nearest by embedding"):
        assert int(near.removeprefix("Title of a")) % 5 == 3
    page.get_by_label("Show only articles where").fill("")
    expect(page.locator("#where-message")).to_be_hidden()
    expect(page.get_by_label("Ask only among these")).to_be_hidden()


def test_a_wrong_condition_is_told_with_the_columns(visit: Callable[..., Any]) -> None:
    page = visit(may_say=(BAD_REQUEST,))
    page.get_by_label("Show only articles where").fill("subject = 3")
    page.get_by_label("Show only articles where").press("Enter")
    expect(page.locator("#where-message")).to_contain_text("No field named subject")
    expect(page.locator("#where-message")).to_contain_text("topic (string)")
    ask(page, QUESTION)


def test_a_wrong_condition_takes_the_one_before_away(visit: Callable[..., Any]) -> None:
    page = visit(may_say=(BAD_REQUEST,))
    page.get_by_label("Show only articles where").fill("topic = 'topic 3'")
    page.get_by_label("Show only articles where").press("Enter")
    expect(page.locator("#where-message")).to_have_text("40 articles match.")
    assert page.evaluate("theMap.shown.reduce((a, b) => a + b)") == 40
    page.get_by_label("Show only articles where").fill("subject = 3")
    page.get_by_label("Show only articles where").press("Enter")
    expect(page.locator("#where-message")).to_contain_text("No field named subject")
    assert page.evaluate("theMap.shown") is None
    expect(page.get_by_label("Ask only among these")).to_be_hidden()


def test_a_slow_condition_does_not_replace_a_later_one(visit: Callable[..., Any]) -> None:
    page = visit()
    field = page.get_by_label("Show only articles where")
    held: list[Any] = []

    def hold(route: Any) -> None:
        if "topic 1" in route.request.post_data:
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/filter", hold)
    for later, told, count in (("topic = 'topic 2'", "40 articles match.", 40), ("", "", N)):
        field.fill("topic = 'topic 1'")
        field.press("Enter")
        expect(page.locator("#where-message")).to_have_text("Filtering …")
        field.fill(later)
        field.press("Enter")
        expect(page.locator("#where-message")).to_have_text(told)
        for _ in range(PATIENCE_MS // 50):
            if held:
                break
            page.wait_for_timeout(50)
        with page.expect_response("**/api/filter"):
            held.pop().continue_()
        page.wait_for_timeout(300)
        assert page.evaluate("[theMap.where ?? '', theMap.work.filters.passing().count]") == [later, count]
        expect(page.locator("#where-message")).to_have_text(told)
        assert held == []


def test_what_was_lit_of_other_articles_is_not_kept(visit: Callable[..., Any], folder: Path) -> None:
    page = visit()
    page.evaluate("theMap.filter(new Uint8Array(200).fill(1))")
    page.locator(".vmap-search").fill("Title of a00042")
    until(page, "theMap.work.filters.passing().count", 1)
    Database(folder).articles("articles").lance.delete("id = 'a00042'")
    # Until the new titles are read nothing is known of what the search finds.
    seen = "(async () => { theMap.search.run = () => {}; await theMap.reload();"
    page.evaluate(seen + " window.kept = [theMap.shown, theMap.work.filters.any]; })()")
    assert page.evaluate("kept") == [None, False]


def test_a_map_that_cannot_be_drawn_is_asked_for_once(
    visit: Callable[..., Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[str] = []
    draw = Live._picture_of

    def fails(self: Live, at: Any, name: str) -> Any:
        drawn.append(at.name)
        raise ValueError("no such luck")

    monkeypatch.setattr(Live, "_picture_of", fails)
    page = visit("/api/docs", may_say=(FAILED,))
    page.goto(page.url.removesuffix("/api/docs"))
    expect(page.locator(".vmap")).to_contain_text("no such luck")
    page.wait_for_timeout(7_000)  # two looks at the table
    assert len(drawn) == 1
    monkeypatch.setattr(Live, "_picture_of", draw)
    Database(folder).articles("articles").lance.delete("id = 'a00042'")
    page.wait_for_selector(".vmap-ready", state="attached")


def test_new_data_is_offered_and_the_view_kept(visit: Callable[..., Any], folder: Path) -> None:
    page = visit()
    ask(page, QUESTION)
    before = titles(page, "Nearest by embedding")
    still(page)
    where = "[theMap.camera].map((c) => [c.x, c.y, c.scale])[0]"
    view = page.evaluate(where)
    Database(folder).articles("articles").lance.delete(f"title = '{before[1]}'")
    expect(page.locator("#banner-text")).to_contain_text("The table has changed: version")
    expect(page.locator("#banner-text")).to_contain_text("199 rows")
    page.get_by_role("button", name="Reload", exact=True).click()
    expect(page.locator("#banner")).to_be_hidden()
    expect(page.locator(".vmap-facts")).to_contain_text("199")
    expect(page.locator("#answer")).not_to_contain_text(before[1])
    assert titles(page, "Nearest by embedding")[:2] == [before[0], before[2]]
    still(page)
    after = page.evaluate(where)
    assert after[2] == pytest.approx(view[2], rel=0.5)
    expect(page.locator(".vmap-question[aria-pressed=true]")).to_contain_text(QUESTION)


def test_a_question_of_a_state_that_is_gone_reads_the_map_again(
    visit: Callable[..., Any], client: Client, folder: Path
) -> None:
    page = visit(may_say=(CHANGED,))
    ask(page, QUESTION)
    for i in (1, 2):
        Database(folder).articles("articles").lance.delete(f"id = 'a0019{i}'")
        assert client("/api/questions", {"text": QUESTION}).status == 200
    ask(page, "another one?")
    expect(page.locator(".vmap-facts")).to_contain_text("198")
    expect(page.locator(".vmap-question[aria-pressed=true]")).to_contain_text("another one?")
    page.get_by_label("Show only articles where").fill("topic = 'topic 3'")
    page.get_by_label("Show only articles where").press("Enter")
    expect(page.locator("#where-message")).to_have_text("40 articles match.")


def test_a_vanished_table_is_told_and_the_page_recovers(visit: Callable[..., Any], folder: Path) -> None:
    page = visit(may_say=(GONE,))
    ask(page, QUESTION)
    away = folder.with_name("away")
    folder.rename(away)
    expect(page.locator("#banner-text")).to_contain_text("No table 'articles' in")
    expect(page.locator("#banner-text")).to_contain_text("This page continues by itself when it is back.")
    expect(page.locator("#answer h3")).to_have_text(QUESTION)
    away.rename(folder)
    expect(page.locator("#banner")).to_be_hidden()
    ask(page, "another one?")


def test_a_table_without_a_map_still_answers(visit: Callable[..., Any], folder: Path, client: Client) -> None:
    from vecindex.store.maps import drop_map

    drop_map(Database(folder).articles("articles"), "flat")
    page = visit("/api/docs")
    page.goto(client.url)
    page.get_by_label("Ask a question").fill(QUESTION)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#answer .overlap")).to_contain_text("The table has no map yet")
    assert len(titles(page, "Nearest by embedding")) == 5
    expect(page.locator("#map-view")).to_be_hidden()


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_it_fits_the_window(visit: Callable[..., Any], width: int) -> None:
    page = visit(viewport={"width": width, "height": 844})
    ask(page, QUESTION)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box = page.locator(".vmap-stage").bounding_box()
    assert box["width"] >= 300
    assert box["height"] >= 300


def test_its_documents_and_its_report_are_pages_of_one_look(visit: Callable[..., Any]) -> None:
    page = visit("/api/docs", color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(18, 22, 26)"
    expect(page.get_by_role("heading", name="POST /api/questions")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Overlap report").click()
    expect(page.locator("main")).to_contain_text("vecindex serve --questions FILE")
    assert page.evaluate(background) == "rgb(18, 22, 26)"


def test_an_article_has_a_lens(visit: Callable[..., Any], client: Client) -> None:
    page = visit()
    ask(page, QUESTION)
    page.locator("#answer .near").first.click()
    page.get_by_role("button", name="Lens of this article").click()
    points = page.locator("#article .vmap-lens-point")
    expect(points).to_have_count(50)
    id_ = page.locator("#article p.quiet").first.inner_text()
    found = client(f"/api/articles/{id_}/lens?map=flat").json["articles"]
    second = page.locator("#article .vmap-lens-point[data-rank='2']")
    expect(second).to_have_attribute("aria-label", f"2: {found[1]['title']}, distance {found[1]['dist']:.3f}")
    second.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#article p.quiet").first).to_have_text(found[1]["id"])


def test_a_reload_keeps_condition_selection_and_question(visit: Callable[..., Any]) -> None:
    page = visit()
    page.get_by_label("Show only articles where").fill("topic = 'topic 1'")
    page.get_by_label("Show only articles where").press("Enter")
    expect(page.locator("#where-message")).to_have_text("40 articles match.")
    page.get_by_role("button", name="Take all 40 shown").click()
    ask(page, QUESTION)
    page.evaluate("theMap.address.write()")
    page.reload()
    expect(page.locator("#where-message")).to_have_text("40 articles match.")
    expect(page.locator("#answer h3")).to_have_text(QUESTION)
    expect(page.locator(".vmap-selected-count")).to_have_text("40 articles")
    assert page.get_by_label("Show only articles where").input_value() == "topic = 'topic 1'"
    page.get_by_label("Show only articles where").fill("")
    expect(page.locator(".vmap-selected-count")).to_have_text("40 articles")


@pytest.mark.parametrize(("theme", "width"), [("light", 1400), ("dark", 390)])
def test_nothing_serious_for_assistive_technology(visit: Callable[..., Any], theme: str, width: int) -> None:
    page = visit(color_scheme=theme, viewport={"width": width, "height": 850}, bypass_csp=True)
    assert faults(page) == []
    ask(page, QUESTION)
    expect(page.locator("#answer .vmap-lens-point")).to_have_count(50)
    assert faults(page) == [], "an answer"
    page.locator("#answer .near").first.click()
    expect(page.locator("#article h3")).to_be_visible()
    expect(page.locator("#article")).not_to_have_attribute("aria-busy", "true")
    assert faults(page) == [], "an article"


def test_a_wrong_condition_names_what_stands_on_the_page(visit: Callable[..., Any]) -> None:
    page = visit(may_say=(BAD_REQUEST,))
    page.get_by_label("Show only articles where").fill("subject = 3")
    page.get_by_label("Show only articles where").press("Enter")
    told = page.locator("#where-message")
    expect(told).to_contain_text("The condition of “Show only articles where” does not work")
    assert '"where"' not in told.inner_text()
    assert "Text stands in single quotes: " in told.inner_text()


@pytest.fixture
def loaded(client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """What the model waits for before it embeds, as if it were still being loaded."""
    is_there, embed = threading.Event(), client.live.model.embed

    def slow(*args: Any) -> Any:
        assert is_there.wait(PATIENCE_MS / 1000)
        return embed(*args)

    monkeypatch.setattr(client.live.model, "embed", slow)
    yield is_there
    is_there.set()


def test_a_question_stays_through_a_reload_while_the_model_loads(
    visit: Callable[..., Any], loaded: threading.Event
) -> None:
    page = visit()
    page.get_by_label("Ask a question").fill(QUESTION)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#ask-message")).to_have_text("Asking …")
    page.reload()
    expect(page.get_by_label("Ask a question")).to_have_value(QUESTION)
    expect(page.locator("#ask-message")).to_have_text("Asking …")
    loaded.set()
    expect(page.locator("#answer h3")).to_have_text(QUESTION)
    expect(page.locator(".vmap-question[aria-pressed=true]")).to_contain_text(QUESTION)


@pytest.mark.parametrize("goes_on", [False, True])
def test_a_link_shows_its_article_and_view_while_the_model_loads_and_leaves_who_goes_on(
    visit: Callable[..., Any], client: Client, loaded: threading.Event, goes_on: bool
) -> None:
    page = visit(f"/#v=30000.0,30000.0,3.0000&ask={quote(QUESTION)}&a=a00042")
    article, row = page.locator("#article h3"), client("/api/maps/flat/sections/ids").json.index("a00042")
    expect(article).to_have_text("Title of a00042")
    view = "[theMap.camera.x, theMap.camera.y, theMap.camera.zoom].map(Math.round)"
    assert page.evaluate(view) == [30000, 30000, 3]
    if goes_on:
        page.locator(".vmap-over").focus()
        page.keyboard.press("Shift")
    loaded.set()
    expect(page.locator("#answer h3")).to_have_text(QUESTION)
    expect(page.locator(".vmap-question[aria-pressed=true]")).to_contain_text(QUESTION)
    if goes_on:
        expect(page.locator("#article")).to_be_hidden()
        still(page)
        assert page.evaluate("theMap.state.selected") is None
        assert page.evaluate(view) != [30000, 30000, 3], "at the question"
    else:
        expect(article).to_have_text("Title of a00042")
        still(page)
        assert page.evaluate("theMap.state.selected") == row
        assert page.evaluate(view) == [30000, 30000, 3]

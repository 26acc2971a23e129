"""Labels given on the page of the live table: stored, shown, undone, and refused in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect
from test_axe import faults
from test_map_address import restored, written
from test_map_labels import button, select

import vecindex
from planted import KnownModel, make_table, put_map
from servers import Client, running
from vecindex.serve.table.live import Live
from vecindex.serve.table.served import Served
from vecindex.store.database import Database

N = 60
SAYS = {
    status: f"error: Failed to load resource: the server responded with a status of {status} ({name})"
    for status, name in ((400, "Bad Request"), (403, "Forbidden"), (409, "Conflict"), (500, "Internal Server Error"))
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """60 articles with a map."""
    vectors = np.random.default_rng(0).normal(size=(N, 8))
    make_table(tmp_path / "db", vectors, fields={"topic": [f"topic {i % 3}" for i in range(N)]})
    put_map(tmp_path / "db", "flat", [f"a{i:05d}" for i in range(N)], vectors[:, :2])
    return tmp_path / "db"


@pytest.fixture
def serve(folder: Path) -> Iterator[Callable[..., Client]]:
    """A function that starts a server, which may store labels unless it is said otherwise."""
    servers: list[Any] = []

    def call(annotate: bool = True) -> Client:
        served = Served(str(folder), "articles", annotate=annotate)
        live = Live(served)
        live.model.embed = KnownModel({}).embed  # type: ignore[method-assign]
        servers.append(running(served, live))
        found: Client = servers[-1].__enter__()
        return found

    yield call
    for one in servers:
        one.__exit__(None, None, None)


@pytest.fixture
def visit(serve: Callable[..., Client], browse: Callable[..., Any]) -> Callable[..., Any]:
    """A function that opens a server's page; it may say that requests were answered with some statuses."""
    assert serve
    return lambda client, *may_say, **options: browse(client.url, [SAYS[status] for status in may_say], **options)


def stored(folder: Path, column: str = "label") -> dict[str, str]:
    table = Database(folder).articles("articles")
    if column not in table.schema.names:
        return {}
    rows = (row for batch in table.scan(["id", column]) for row in batch.to_pylist())
    return {row["id"]: row[column] for row in rows if row[column] is not None}


def ids(page: Any, *rows: int) -> list[str]:
    """Select rows of the map, and return their ids."""
    select(page, *rows)
    return list(page.evaluate("(rows) => Promise.all(rows.map((row) => theMap.text('ids', row)))", list(rows)))


def give(page: Any, label: str, column: str = "label") -> None:
    panel = page.locator(".vmap-labeling")
    panel.get_by_label("Label for the selection").fill(label)
    panel.get_by_label("Column").fill(column)
    panel.get_by_role("button", name="Label", exact=True).click()


def told(page: Any, text: str) -> None:
    expect(page.locator(".vmap-label-line")).to_contain_text(text)


def test_a_label_is_stored_shown_and_undone(
    visit: Callable[..., Any], serve: Callable[..., Client], folder: Path
) -> None:
    page = visit(serve())
    four = ids(page, 3, 17, 41, 59)
    give(page, "to read")
    told(page, "4 articles labeled “to read”, in the column label of the table.")
    assert stored(folder) == dict.fromkeys(four, "to read")
    # The map shows it without having been drawn again, and knows the table as it is now.
    assert page.get_by_label("Color by").input_value() == "field:label"
    entry = page.locator(".vmap-legend").first.locator(".vmap-entry").first
    assert entry.inner_text().replace("\n", " ") == "to read 4"
    codes = page.evaluate("[...theMap.codes['field:label']].flatMap((code, row) => code === 0 ? [row] : [])")
    assert codes == [3, 17, 41, 59]
    assert page.evaluate("theMap.work.selection.rows()") == [3, 17, 41, 59], "the selection stays"
    page.get_by_label("Names by").select_option("field:label")
    names = "theMap.scene.labels.items.map(({ topic }) => [topic.name, topic.count])"
    assert page.evaluate(names) == [["to read", 4]]
    page.wait_for_timeout(3_500)  # a look at the table
    expect(page.locator("#banner")).to_be_hidden()
    # A condition on it, and topics.
    page.get_by_label("Show only articles where").fill("label = 'to read'")
    page.get_by_role("button", name="Filter", exact=True).click()
    expect(page.locator("#where-message")).to_have_text("4 articles match.")
    select(page, 5)
    give(page, "to read")
    expect(page.locator("#where-message")).to_have_text("5 articles match.")
    topics = vecindex.open(folder).map(topics_by="label").picture.topics
    assert [(t.name, t.count) for t in topics if t.level == 0] == [("to read", 5)]
    # The last one is undone, by what the tag holds; a page that is read again shows it.
    button(page, "Undo").click()
    told(page, "Undone: the labels of the column label are as before.")
    assert stored(folder) == dict.fromkeys(four, "to read")
    expect(page.locator("#where-message")).to_have_text("4 articles match.")
    assert "before-labels" in Database(folder).articles("articles").tags()
    expect(button(page, "Undo")).to_be_hidden()
    select(page, 3)
    button(page, "Remove label").click()
    told(page, "1 article without a label now")
    assert stored(folder) == dict.fromkeys(four[1:], "to read")
    page.reload()
    page.wait_for_selector(".vmap-ready", state="attached")
    counts = "theMap.header.colorings.find((one) => one.key === 'field:label').counts"
    assert page.evaluate(counts) == [3]


def test_what_the_server_draws_again_is_the_same(visit: Callable[..., Any], serve: Callable[..., Client]) -> None:
    client = serve()
    page = visit(client)
    ids(page, 1, 2)
    give(page, "x")
    told(page, "2 articles labeled")
    edition = client("/api/version").json["edition"]
    quick = client("/api/maps/flat/header").json
    with client.live._lock:
        client.live._relabeled.clear()
    client.live._pictures._values.clear()
    again = client("/api/maps/flat/header").json
    assert quick["edition"] == again["edition"] == edition
    assert quick == again


def test_a_server_that_only_reads_says_so(
    visit: Callable[..., Any], serve: Callable[..., Client], folder: Path
) -> None:
    client = serve(annotate=False)
    page = visit(client)
    page.wait_for_timeout(500)
    ids(page, 3)
    told(page, "This server only reads. Started with --allow-annotate, it stores labels")
    expect(page.get_by_label("Label for the selection")).to_be_hidden()
    assert client("/api/annotate", {"label": "x", "ids": ["a00001"]}).status == 403
    assert stored(folder) == {}


def test_refusals_are_shown_in_words(visit: Callable[..., Any], serve: Callable[..., Client], folder: Path) -> None:
    page = visit(serve(), 400, 409)
    three = ids(page, 1, 2, 3)
    give(page, "x", "topic")
    told(page, "the column 'topic' holds a field of your source, no labels. Name another: “Column”")
    with Database(folder).writer():
        give(page, "x")
        told(page, "is writing")
    assert stored(folder) == {}
    text = page.get_by_label("Label for the selection")
    expect(text).to_have_value("x")
    text.press("Enter")
    told(page, "3 articles labeled")
    expect(text).to_have_value("")
    # Somebody else has labeled since: what is undone would be theirs, too.
    vecindex.open(folder).annotate(["a00059"], label="theirs")
    button(page, "Undo").click()
    told(page, "has changed since")
    told(page, "vecindex annotate --restore before-labels")
    assert stored(folder) == {**dict.fromkeys(three, "x"), "a00059": "theirs"}
    # And what comes next is given to the table as it is now, with theirs.
    ids(page, 4)
    give(page, "y")
    told(page, "1 article labeled")
    assert sorted(stored(folder).values()) == ["theirs", "x", "x", "x", "y"]
    counts = "theMap.header.colorings.find((one) => one.key === 'field:label').counts"
    assert page.evaluate(counts) == [3, 1, 1]


def test_a_label_is_for_the_articles_that_are_shown(
    visit: Callable[..., Any], serve: Callable[..., Client], folder: Path
) -> None:
    page = visit(serve(), 500)
    first, *three = ids(page, 0, 3, 17, 41)
    select(page, 3, 17, 41)
    # One row less, in as many bytes: each article is in another row now. Of the new map not all can be read.
    Database(folder).articles("articles").lance.delete(f"id = '{first}'")
    failing = {"status": 500, "json": {"error": "no such luck", "next": None}}
    page.route("**/sections/points*", lambda route: route.fulfill(**failing))
    assert page.evaluate("theMap.reload()") is False
    assert page.evaluate("theMap.work.selection.rows()") == [3, 17, 41]
    page.unroute("**/sections/points*")
    give(page, "x")
    told(page, "3 articles labeled")
    assert stored(folder) == dict.fromkeys(three, "x")
    # The page has read the map with the label, and so the other change too.
    assert page.evaluate("theMap.header.shown") == N - 1
    expect(page.locator("#banner")).to_be_hidden()


def test_a_change_right_after_a_label_is_seen(
    visit: Callable[..., Any], serve: Callable[..., Client], folder: Path
) -> None:
    page = visit(serve(), 409)
    first, *two = ids(page, 0, 1, 2)
    select(page, 1, 2)
    asked: list[str] = []

    def late(route: Any) -> None:
        if not asked:
            Database(folder).articles("articles").lance.delete(f"id = '{first}'")
        asked.append(route.request.url)
        route.continue_()

    page.route("**/api/maps/flat/header*", late)
    give(page, "x")
    told(page, "2 articles labeled")
    assert stored(folder) == dict.fromkeys(two, "x")
    assert page.evaluate("theMap.header.shown") == N - 1
    assert len(asked) == 2


def test_a_link_after_a_label_is_of_the_version_with_it(
    visit: Callable[..., Any], serve: Callable[..., Client]
) -> None:
    client = serve()
    page = visit(client)
    ids(page, 3, 17)
    give(page, "x")
    told(page, "2 articles labeled")
    assert f"&version={client('/api/version').json['version']}" in written(page)
    page.reload()
    page.wait_for_selector(".vmap-ready", state="attached")
    restored(page)
    assert page.evaluate("theMap.work.selection.count") > 0
    assert page.locator(".vmap-notice-text").text_content() == ""


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1400, 390])
def test_axe_finds_nothing_serious(
    visit: Callable[..., Any], serve: Callable[..., Client], theme: str, width: int
) -> None:
    page = visit(serve(), 400, color_scheme=theme, viewport={"width": width, "height": 850})
    ids(page, 1, 2, 3)
    give(page, "x", "topic")
    told(page, "holds a field of your source")
    assert faults(page) == [], "refused"
    give(page, "x")
    told(page, "3 articles labeled")
    assert faults(page) == [], "labeled"
    assert page.evaluate("document.documentElement.scrollWidth") <= width

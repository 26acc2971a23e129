"""Results as notebooks show them: the values are there, as text whatever they hold."""

from __future__ import annotations

import html
import itertools
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import vecindex
from tables import append, make_table, unit_vectors
from vecindex.notebook import shown_page, shown_table
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.search.result import Answer, Hit, SearchResult

HOSTILE = "<script>alert(1)</script>\"' & \x00 \ud800 \u202e"


class Elements(HTMLParser):
    """Collects the elements of a text, and checks that each is closed where it should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.open: list[str] = []
        self.data: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.open.append(tag)
        assert {name for name, _ in attrs} <= {"style", "scope"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.data.append(data)


PLAIN = {"div", "strong", "table", "thead", "tbody", "tr", "th", "td", "bdi"}


def hit(rank: int, text: str, **fields: object) -> Hit:
    return Hit(rank, f"id{rank}", f"id{rank}", text, text, 0.25 * rank, None, dict(fields))


def test_hostile_texts_stay_texts() -> None:
    answers = (Answer(HOSTILE, None, (hit(1, HOSTILE, year=None, topic=HOSTILE),)), Answer(None, "x", ()))
    text = SearchResult("articles", 1, "article", False, None, None, answers)._repr_html_()
    found = Elements(text)
    assert found.seen <= PLAIN
    assert "".join(found.data).count("<script>alert(1)</script>\"' & \ufffd \ufffd \u202e") == 4
    assert "0.2500" in found.data
    assert "".join(found.data).endswith("x: no hits")
    text.encode()


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=5), st.text())
def test_any_text_gives_plain_elements(rows: list[list[str]], title: str) -> None:
    for head in ([], ["a", "b"]):
        found = Elements(shown_table(head, rows, title=title, figures=["b"]))
        assert found.seen <= PLAIN


def test_long_tables_and_texts_are_cut_and_say_so() -> None:
    text = shown_table(["n"], [[i] for i in range(250)])
    assert text.count("<tr>") == 101
    assert "the first 100 of 250" in text
    assert "x" * 299 + "…</bdi>" in shown_table(["t"], [["x" * 500]])
    answers = tuple(Answer(f"q{i}", None, ()) for i in range(30))
    shown = SearchResult("t", 1, "article", False, None, None, answers)._repr_html_()
    assert "q19" in shown
    assert "q20" not in shown
    assert "the first 20 of 30 queries" in shown


def test_no_color_is_set() -> None:
    # A notebook is light or dark; a table takes its colors.
    text = shown_table(["a"], [[1]], title="t", figures=["a"])
    assert re.findall(r"(?<![-\w])(?:color|background[-\w]*):", text) == []


def test_a_page_in_a_frame() -> None:
    page = '<!doctype html><script>1 < 2 && "x"</script>'
    text = shown_page(page, 'map "a"', "write it")
    sandbox = "allow-scripts allow-downloads"
    found = re.fullmatch(
        rf'<iframe title="map &quot;a&quot;" sandbox="{sandbox}" srcdoc="([^"<>]*)" style="[^"]*"></iframe>', text
    )
    assert found
    assert html.unescape(found[1]) == page
    large = shown_page("x" * 20_000_001, "map a", "write it")
    assert large == "<div><bdi>map a: 20 MB are too many for a notebook. write it</bdi></div>"
    assert shown_page("x" * 20_000_000, "map a", "write it").startswith("<iframe")


def test_ingest_and_status(tmp_path: Path) -> None:
    report = IngestReport("articles", read=1_234, added=3, reject_reasons={HOSTILE: 2}, rows_in_table=9)
    found = Elements(report._repr_html_())
    assert {"1,234", "3", "9"} <= set(found.data)
    table = make_table(tmp_path / "<db>")
    append(table, unit_vectors(5))
    index = vecindex.open(tmp_path / "<db>")
    index.tag("t1")
    index.project(method="pca")
    data = Elements(index.status()._repr_html_()).data
    told = dict(itertools.pairwise(data))
    assert told["rows"] == "5"
    assert told["map map"] == "pca, 5 articles"
    assert told["tag t1"].startswith("version ")
    assert data[0] == f"articles in {tmp_path}/<db>"


@pytest.mark.parametrize("hybrid", [True, False])
def test_search_has_the_columns_of_its_kind(hybrid: bool) -> None:
    one = Hit(1, "a", "a", None, None, None if hybrid else 0.5, 0.0325 if hybrid else None, {"year": 1999})
    text = SearchResult("t", 1, "article", hybrid, None, None, (Answer("q", None, (one,)),))._repr_html_()
    head = [html.unescape(name) for name in re.findall(r'<th scope="col"[^>]*><bdi>(.*?)</bdi>', text)]
    assert head == ["rank", "dist", *(["relevance"] if hybrid else []), "id", "title", "text", "year"]
    assert ("0.0325" in text) is hybrid
    assert ("0.5000" in text) is not hybrid

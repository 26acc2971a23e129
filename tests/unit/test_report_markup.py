"""Whatever the data holds, it is text in the page."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pages import HOSTILE
from vecindex.reports.markup import Markup, clean, escaped, in_drawing, json_block, tag
from vecindex.reports.markup import given as given_text

ANY_TEXT = st.text(st.characters(categories=None), max_size=60) | st.sampled_from(HOSTILE)


class Seen(HTMLParser):
    """The tags and the text that a parser sees."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.tags.append("comment")

    def handle_decl(self, decl: str) -> None:
        self.tags.append("declaration")


@given(ANY_TEXT)
@settings(max_examples=300, deadline=None)
def test_a_text_stays_a_text(text: str) -> None:
    made = tag("p", text)
    seen = Seen(made)
    assert seen.tags == ["p"]
    assert seen.text == clean(text)
    made.encode("utf-8")


@given(ANY_TEXT)
@settings(max_examples=300, deadline=None)
def test_a_text_in_an_attribute_stays_there(text: str) -> None:
    seen = Seen(tag("p", title=text))
    assert seen.tags == ["p"]
    assert seen.attributes == [("title", clean(text))]


@given(st.dictionaries(ANY_TEXT, st.lists(ANY_TEXT, max_size=3), max_size=3))
@settings(max_examples=300, deadline=None)
def test_data_in_a_page_is_read_back(values: dict[str, list[str]]) -> None:
    block = json_block(values, "d")
    body = block.removeprefix('<script type="application/json" id="d">').removesuffix("</script>")
    assert not re.search("[<>&\u2028\u2029]", body)
    cleaned = {clean(key): [clean(v) for v in items] for key, items in values.items()}
    # What JSON escapes by itself (a NUL, say) is kept as it was; what UTF-8 cannot hold is not.
    read = {clean(key): [clean(v) for v in items] for key, items in json.loads(body).items()}
    assert read == cleaned
    body.encode("utf-8")


def test_data_holds_no_figure_that_is_none() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_block({"a": float("nan")}, "d")


def test_what_is_markup_is_not_escaped_twice() -> None:
    inner = tag("b", "<")
    assert isinstance(inner, Markup)
    assert tag("p", inner, "<") == "<p><b>&lt;</b>&lt;</p>"
    assert escaped(escaped("&")) == "&amp;"
    assert given_text("a<b") == "<bdi>a&lt;b</bdi>"


def test_a_direction_does_not_leave_its_place_in_a_drawing() -> None:
    assert in_drawing("\u202eabc\u2066") == "\u2068abc\u2069"
    assert in_drawing("x" * 50, 10) == "\u2068" + "x" * 9 + "…\u2069"

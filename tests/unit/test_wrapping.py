"""Texts, commands and tables become lines of a given width."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wcwidth import wcswidth

from vecindex.cli.wrapping import cells, cut, laid_out, pad, wrapped
from vecindex.messages import Message, Part, Placeholder, Text, command, text
from vecindex.spelling import CommandLine

ADVICE = text(
    "Draw one: ",
    command("map", lens="q 1", db="/srv/db"),
    ". Or make a map of them (see ",
    command("status"),
    "): ",
    command("project", "near", focus=Placeholder("FILE"), db="/srv/db"),
    ".",
)


def lines(message: Message, width: int, head: str = "", indent: int = 0) -> list[str]:
    return wrapped(message, spell, width, head, indent)


def spell(part: Part) -> str:
    return Text((part,)).spelled(CommandLine())


@pytest.mark.parametrize("word", ["", "cell", "細胞膜", "e\u0301te\u0301", "한국어 text", "🙂", "a\u200bb"])
def test_cells_are_those_of_a_terminal(word: str) -> None:
    assert cells(word) == wcswidth(word)


def test_padding_and_cutting_count_cells() -> None:
    assert pad("細胞", 6) == "細胞  "
    assert (cut("細胞膜", 6), cut("細胞膜", 5), cut("細胞膜", 4)) == ("細胞膜", "細胞…", "細…")


def test_lines_begin_under_the_text_of_the_first() -> None:
    assert lines("one two three four", 14, "head  ") == ["head  one two", "      three", "      four"]
    assert lines("one two three", 9, indent=2) == ["  one two", "  three"]


def test_a_long_head_is_part_of_the_text() -> None:
    assert lines("three four", 14, "a head of many: ") == ["a head of", "  many: three", "  four"]


def test_a_figure_keeps_its_unit() -> None:
    assert lines("kept by all: 57 % of it", 15) == ["kept by all:", "57 % of it"]


def test_a_command_is_pasted_whole() -> None:
    # On one line, without the sentence's marks; or continued as a shell reads it.
    assert lines(ADVICE, 50) == [
        "Draw one: vecindex map --lens 'q 1' --db /srv/db.",
        "Or make a map of them (see vecindex status):",
        "vecindex project near --focus FILE --db /srv/db",
    ]
    assert lines(ADVICE, 36) == [
        "Draw one:",
        "vecindex map --lens 'q 1' \\",
        "  --db /srv/db",
        "Or make a map of them (see",
        "vecindex status):",
        "vecindex project near --focus FILE \\",
        "  --db /srv/db",
    ]


@given(st.integers(12, 90), st.text("ab /'\\\"$-", max_size=30))
def test_a_command_on_several_lines_is_read_as_one(width: int, question: str) -> None:
    asked = command("map", lens=question, db="a folder")
    whole = spell(asked)
    written = "\n".join(lines(text(asked), width))
    assert shlex.split(written.replace("\\\n", "")) == shlex.split(whole)


def test_what_cannot_be_divided_stands_alone() -> None:
    url = "https://example.org/a/long/way"
    assert lines(f"see {url} there", 20) == ["see", url, "there"]
    assert lines("see abcdefghijkl", 8) == ["see", "abcdefgh", "ijkl"]
    assert lines("細胞膜細胞膜", 5) == ["細胞", "膜細", "胞膜"]


@given(st.integers(4, 60), st.text("ab 細\u0301é", max_size=80))
def test_no_line_is_wider(width: int, message: str) -> None:
    found = lines(message, width)
    assert all(wcswidth(line) <= width for line in found)
    assert "".join("".join(found).split()) == "".join(message.split())


TABLE = [["id", "text", "share"], ["a-1", "a text of several words", "57 % (50 to 60)"], ["a-2", "another", "-"]]


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (
            80,
            [
                "id   text                     share",
                "a-1  a text of several words  57 % (50 to 60)",
                "a-2  another                  -",
            ],
        ),
        (
            30,
            [
                "id   text         share",
                "a-1  a text of    57 % (50 to",
                "     several      60)",
                "     words",
                "a-2  another      -",
            ],
        ),
    ],
)
def test_a_table_shrinks_its_widest_columns(width: int, shown: list[str]) -> None:
    assert list(laid_out(TABLE, width)) == shown


def test_a_table_of_many_columns_is_turned() -> None:
    rows = [["map", *(f"figure{n}" for n in range(9))], ["one", *"123456789"], ["two", *"abcdefghi"]]
    found = list(laid_out(rows, 24))
    assert found[:3] == ["map      one  two", "figure0  1    a", "figure1  2    b"]
    assert len(found) == 10
    # Where not all fit next to each other, the rest follows.
    narrow = list(laid_out(rows, 14))
    assert narrow[:2] == ["map      one", "figure0  1"]
    assert narrow[10:13] == ["", "map      two", "figure0  a"]


@given(
    st.integers(20, 80),
    st.lists(st.lists(st.text("ab 細", max_size=40), min_size=4, max_size=4), min_size=1, max_size=5),
)
def test_no_table_is_wider(width: int, rows: list[list[str]]) -> None:
    assert all(wcswidth(line) <= width for line in laid_out(rows, width))

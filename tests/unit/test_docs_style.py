"""The pages are easy to read: short sentences, lines and front page, one way to write a share."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import language

ROOT = Path(__file__).resolve().parents[2]
# docs/cli.md is made of the commands' help. The changelog's entries are lists of what changed.
PAGES = [path for path in language.documents() if path.name not in {"cli.md", "CHANGELOG.md"}]
LONGEST_SENTENCE = 25
LONGEST_LINE = 120

_FENCE = re.compile(r"^( *)```.*?^\1```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`+[^`]*`+")
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_END = re.compile(r"(?<!e\.g\.)(?<!i\.e\.)(?<!\.\.\.)(?<=[.!?])[\"')*]*\s+")


def shown(path: Path) -> str:
    """Return a page's path in the repository, for the test's name."""
    return path.relative_to(ROOT).as_posix()


def paragraphs(page: str) -> Iterator[str]:
    """Give each paragraph, list item, heading and table cell of a page; no blocks of code."""
    for part in re.split(r"\n\s*\n|\n(?=\s*(?:[-*+]|\d+\.) )|\n(?=#)|\n(?=\|)", _FENCE.sub("\n\n", page)):
        if part.lstrip().startswith("|"):
            yield from (cell.strip() for cell in re.split(r"(?<!\\)\|", part) if cell.strip(" :-\n"))
        elif part.strip():
            yield " ".join(re.sub(r"^\s*(?:[-*+]|\d+\.) ", "", part).split())


def plain(text: str) -> str:
    """Return a paragraph with each piece of code as one word and links as their texts."""
    return _LINK.sub(r"\1", _CODE.sub("Code", text))


def sentences(page: str) -> Iterator[str]:
    """Give the sentences of a page."""
    for paragraph in paragraphs(page):
        yield from (plain(sentence) for sentence in _END.split(_CODE.sub("Code", paragraph)))


def words(sentence: str) -> int:
    """Return how many words a sentence has; a number is one, punctuation none."""
    return sum(bool(re.search(r"\w", token)) for token in sentence.split())


def test_sentences_are_counted() -> None:
    page = "# A title\n\nOne two. Three `a b c` four\nfive [six](x.md)? Seven.\n\n- eight\n- nine, e.g. ten\n"
    page += "\n| a | b c |\n|---|---|\n"
    assert [words(s) for s in sentences(page)] == [2, 2, 5, 1, 1, 3, 1, 2]


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_sentences_are_short(path: Path) -> None:
    found = [s for s in sentences(path.read_text(encoding="utf-8")) if words(s) > LONGEST_SENTENCE]
    assert found == []


@pytest.mark.parametrize("path", [*PAGES, ROOT / "CHANGELOG.md"], ids=shown)
def test_lines_are_short(path: Path) -> None:
    text = _FENCE.sub(lambda block: "\n" * block[0].count("\n"), path.read_text(encoding="utf-8"))
    lines = list(enumerate(text.splitlines(), 1))
    # A row of a table cannot be wrapped, and a link cannot be broken.
    long = [number for number, line in lines if len(line) > LONGEST_LINE and not line.startswith(("|", "!["))]
    assert long == []


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_shares_are_written_in_one_way(path: Path) -> None:
    text = "\n".join(plain(part) for part in paragraphs(path.read_text(encoding="utf-8")))
    assert re.findall(r"\S*\d%|(?<![\w.])\.\d+", text) == [], "57 %, not 57% or .57"


def test_the_front_page_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= 900

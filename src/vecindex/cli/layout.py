"""How text and tables are laid out on standard output and standard error: no wider than the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TextIO

from vecindex.cli.spelling import spelled_part
from vecindex.cli.wrapping import cut, laid_out, pad, paragraphs, wrapped
from vecindex.messages import Message

WITHOUT_TERMINAL = 80
"""Columns where there is no terminal to ask."""
WIDEST_PROSE = 120
"""Longer lines of prose are hard to read; tables take the whole terminal."""


def plain(text: str) -> str:
    r"""Return a text on one line, without the characters that control a terminal.

    >>> plain("a\tb\x1b[31m red")
    'a b [31m red'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def on_terminal() -> bool:
    """Return whether a person reads standard output."""
    return sys.stdout.isatty()


def columns(stream: TextIO) -> int:
    """Return the columns of the terminal behind a stream, 80 without one; $COLUMNS holds for both."""
    if asked := _asked():
        return asked
    try:
        return os.get_terminal_size(stream.fileno()).columns or WITHOUT_TERMINAL
    except (OSError, ValueError, AttributeError):  # a stream of a test or another program has no number
        return WITHOUT_TERMINAL


def _asked() -> int:
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdecimal() else 0


def data(line: str) -> None:
    """Print a line of data, which programs read, as it is."""
    sys.stdout.write(line + "\n")


def out(text: str = "") -> None:
    """Print lines, wrapped where they are too wide; their blanks at the beginning stay."""
    for line in text.split("\n"):
        prose(line, indent=len(line) - len(line.lstrip(" ")))


def lines(text: Message, stream: TextIO, head: str = "", indent: int = 0) -> list[str]:
    """Return a text behind its head as the lines that it takes on a stream."""
    width = columns(stream) if _asked() else min(columns(stream), WIDEST_PROSE)
    first, *more = paragraphs(text)
    found = wrapped(first, spelled_part, width, head, indent)
    for one in more:
        found += wrapped(one, spelled_part, width, " " * (len(head) - len(head.lstrip(" "))), indent)
    return found


def prose(text: Message, head: str = "", indent: int = 0) -> None:
    """Print a text behind its head, wrapped; further lines begin under the text's first."""
    for line in lines(text, sys.stdout, head, indent):
        data(line)


def facts(rows: Sequence[tuple[str, Message]], indent: int = 2) -> None:
    """Print names with a fact about each, one under the other."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, fact in rows:
        prose(fact, f"{pad(name, width)}  ", indent)


def table(rows: Sequence[Sequence[str]], indent: int = 2) -> None:
    """Print rows of equally many cells, the first of which is the head."""
    for line in laid_out(rows, columns(sys.stdout) - indent):
        data((" " * indent + line).rstrip())


def short(text: str, width: int) -> str:
    """Return a text on one line, cut to a width.

    >>> short("what part of the cell makes energy", 12)
    'what part o…'
    """
    return cut(plain(text), width)

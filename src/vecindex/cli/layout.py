"""How text and tables are laid out on standard output."""

from __future__ import annotations

import shlex
import shutil
import sys
import textwrap
from collections.abc import Sequence

from vecindex.cli.spelling import spelled
from vecindex.messages import Message

NARROWEST, WIDEST = 80, 120
"""Prose is wrapped in between; outside a terminal at the widest. Tables are as wide as they are."""


def plain(text: str) -> str:
    r"""Return a text on one line, without the characters that control a terminal.

    >>> plain("a\tb\x1b[31m red")
    'a b [31m red'
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def on_terminal() -> bool:
    """Return whether a person reads standard output."""
    return sys.stdout.isatty()


def out(line: str = "") -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


def _width() -> int:
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((WIDEST, 24)).columns))


def prose(text: Message, head: str = "", indent: int = 0) -> None:
    """Print a text behind its head, wrapped; further lines begin under the text's first."""
    width = _width()
    first = " " * indent + head
    out(
        textwrap.fill(
            spelled(text), width, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
        )
    )


def paste(command: str, indent: int = 2) -> None:
    """Print a command so that it can be copied into a shell as it stands, in lines that continue one another."""
    width = _width() - 2
    lines = [" " * indent]
    for word in map(shlex.quote, shlex.split(command)):
        line = f"{lines[-1]} {word}" if lines[-1].strip() else lines[-1] + word
        # An option stays with its value: a line breaks before options alone.
        if len(line) > width and lines[-1].strip() and word.startswith("-"):
            line = f"{' ' * (indent + 2)}{word}"
            lines.append(line)
        else:
            lines[-1] = line
    out(" \\\n".join(lines))


def facts(rows: Sequence[tuple[str, Message]], indent: int = 2) -> None:
    """Print names with a fact about each, one under the other."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, fact in rows:
        prose(fact, f"{name:<{width}}  ", indent)


def table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows of equally many cells, the first of which is the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        out("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def short(text: str, width: int) -> str:
    """Return a text on one line, cut to a width.

    >>> short("what part of the cell makes energy", 12)
    'what part o…'
    """
    line = plain(text)
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"

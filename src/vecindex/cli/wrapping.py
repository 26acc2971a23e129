"""How texts and tables become lines that are no wider than a terminal; plain functions, no output.

Widths are counted in cells: a Chinese character or an emoji takes two, an accent of its own none.

A word that is wider than a line is divided, with two exceptions, because they are there to be copied and a line end
would change them: a path or URL stands unbroken on a line of its own, and a command is continued after a backslash,
as a shell reads it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from vecindex.messages import Command, Message, Part, Shell, Text, as_text

_GAP = 2
"""Cells between two columns of a table."""
_LEAST = 24
"""Cells that a column keeps at least when a table shrinks; less only where its longest word is shorter."""
_SHELL_WORD = re.compile(r"""(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|\S)+""", re.DOTALL)


def cells(text: str) -> int:
    """Return how many cells of a terminal a text takes.

    >>> cells("cell"), cells("細胞"), cells("e\u0301")
    (4, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, width: int) -> str:
    """Return a text with blanks behind it, so that it takes that many cells."""
    return text + " " * (width - cells(text))


def cut(text: str, width: int) -> str:
    """Return a text that takes at most so many cells; a mark stands for what is left out.

    >>> cut("what part of the cell", 12), cut("細胞膜", 5)
    ('what part o…', '細胞…')
    """
    return text if cells(text) <= width else _beginning(text, width - 1).rstrip() + "…"


def _beginning(text: str, width: int) -> str:
    """Return as many characters as fit, one at least."""
    taken = 0
    for position, character in enumerate(text):
        taken += _cells_of(character)
        if taken > width:
            return text[: max(1, position)]
    return text


@dataclass(frozen=True, slots=True)
class _Pasted:
    """A command within a text, and what is written to it without a blank."""

    command: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.before}{self.command}{self.after}"


_Word = str | _Pasted


def paragraphs(message: Message) -> list[Text]:
    """Return a message as the lines that its author gave it.

    >>> [str(one) for one in paragraphs("Wrong.\\n  Do this.")]
    ['Wrong.', 'Do this.']
    """
    found: list[list[Part]] = [[]]
    for part in as_text(message).parts:
        if not isinstance(part, str):
            found[-1].append(part)
            continue
        first, *more = part.split("\n")
        found[-1].append(first)
        found += [[line.lstrip(" ")] for line in more]
    return [Text(tuple(parts)) for parts in found]


def wrapped(message: Message, spell: Callable[[Part], str], width: int, head: str = "", indent: int = 0) -> list[str]:
    """Return a message as lines behind its head; further lines begin under the first one's text.

    Behind a head that takes more than half of the width they begin two cells from the left. `spell` writes one part
    of a message, such as a command.
    """
    first = " " * indent + head
    if 2 * cells(first) > width:
        parts = [head, *as_text(message).parts]
        rest = " " * (indent + 2)
        lines = wrapped(Text(tuple(parts)), spell, width - len(rest))
        return [(rest if number else " " * indent) + line for number, line in enumerate(lines)]
    rest = " " * cells(first)
    room = max(1, width - cells(first))
    rows = [""]
    for word in _words(as_text(message).parts, spell):
        if rows[-1] and cells(rows[-1]) + 1 + cells(str(word)) <= room:
            rows[-1] += f" {word}"
            continue
        pieces = _divided(word, room)
        rows[len(rows) if rows[-1] else -1 :] = pieces
        if isinstance(word, _Pasted) and pieces[-1].endswith(word.command[-1:]):
            rows.append("")  # what follows a command that has lines of its own is no part of it
    while len(rows) > 1 and not rows[-1]:
        rows.pop()
    return [((rest if number else first) + row).rstrip() for number, row in enumerate(rows)]


def _words(parts: Sequence[Part], spell: Callable[[Part], str]) -> list[_Word]:
    words: list[_Word] = []
    glued = False
    for part in parts:
        spelled = spell(part)
        if isinstance(part, Command | Shell):
            before = words.pop() if glued and words else ""
            words.append(_Pasted(spelled, before=str(before)))
            glued = True
            continue
        # A figure and its unit stay on one line.
        bits = re.split(r"\s+(?!%)", spelled)
        if glued and words and bits[0]:
            last = words.pop()
            words.append(
                _Pasted(last.command, last.before, last.after + bits[0])
                if isinstance(last, _Pasted)
                else last + bits[0]
            )
            bits = bits[1:]
        words += [bit for bit in bits if bit]
        glued = bool(spelled) and not spelled[-1].isspace()
    return words


def _divided(word: _Word, room: int) -> list[str]:
    """Return a word as it stands on lines of its own; a command loses the marks around it."""
    if isinstance(word, _Pasted):
        if (word.before or word.after.lstrip(".,;:")) and cells(str(word)) <= room:
            return [str(word)]
        lines = [*([word.before] if word.before.strip("(") else []), *_continued(word.command, room)]
        return [*lines, *([rest] if (rest := word.after.lstrip(").,;:")) else [])]
    if cells(word) <= room:
        return [word]
    if "/" in word or "\\" in word:
        return [word]
    pieces = []
    while word:
        pieces.append(_beginning(word, room))
        word = word[len(pieces[-1]) :]
    return pieces


def _continued(command: str, room: int) -> list[str]:
    """Return a command on several lines, which a shell reads as one."""
    if cells(command) <= room:
        return [command]
    lines: list[str] = []
    for word in _shell_words(command):
        if lines and cells(f"{lines[-1]} {word} \\") <= room:
            lines[-1] += f" {word}"
        else:
            lines.append(word if not lines else f"  {word}")
    return [line if number == len(lines) else f"{line} \\" for number, line in enumerate(lines, 1)]


def _shell_words(command: str) -> list[str]:
    r"""Return the words of a command as they are written, an option together with its value.

    >>> _shell_words("vecindex search 'two words' --db my\\ db --json")
    ['vecindex', 'search', "'two words'", '--db my\\ db', '--json']
    """
    found: list[str] = []
    for word in _SHELL_WORD.findall(command):
        if found and re.fullmatch(r"--?[\w-]+", found[-1]) and not word.startswith("-"):
            found[-1] += f" {word}"
        else:
            found.append(word)
    return found


def laid_out(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Yield the lines of a table; the first row is its head.

    Where it is too wide, its widest columns shrink and their cells take several lines. Where that does not do, it is
    turned: its rows become columns, as many next to each other as fit.
    """
    widths = shrunk(rows, width)
    if widths is None:
        yield from _turned(rows, width)
        return
    for row in rows:
        yield from side_by_side(row, widths)


def shrunk(rows: Sequence[Sequence[str]], width: int) -> list[int] | None:
    """Return the widths of a table's columns, the widest ones shrunk until all fit; None where they do not."""
    widths = [max(cells(row[i]) for row in rows) for i in range(len(rows[0]))]
    least = [min(widths[i], _LEAST, max(_longest_word(row[i]) for row in rows)) for i in range(len(widths))]
    room = width - _GAP * (len(widths) - 1)
    while sum(widths) > room and widths != least:
        able = [i for i in range(len(widths)) if widths[i] > least[i]]
        widths[max(able, key=lambda i: widths[i])] -= 1
    return widths if sum(widths) <= room else None


def _longest_word(cell: str) -> int:
    return max((cells(str(word)) for word in _words((cell,), str)), default=0)


def side_by_side(row: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """Yield the lines of one row of a table."""
    columns = [
        # A path cannot be divided, and the next column begins behind it.
        [cell] if cells(cell) <= width else [cut(line, width) for line in wrapped(cell, str, width)]
        for cell, width in zip(row, widths, strict=True)
    ]
    for number in range(max(map(len, columns))):
        line = [column[number] if number < len(column) else "" for column in columns]
        yield (" " * _GAP).join(pad(cell, width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _turned(rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    head, body = rows[0], rows[1:]
    names = min(max(map(cells, head)), max(1, width // 2))
    # Rows of one block are as wide as its widest cell.
    while body:
        block: list[tuple[Sequence[str], int]] = []
        room = width - names
        for row in body:
            need = min(max(map(cells, row)), width - names - _GAP)
            if block and need + _GAP > room:
                break
            block.append((row, max(1, need)))
            room -= need + _GAP
        for position, name in enumerate(head):
            yield from side_by_side([name, *(row[position] for row, _ in block)], [names, *(n for _, n in block)])
        body = body[len(block) :]
        if body:
            yield ""

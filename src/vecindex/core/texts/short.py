"""Long texts shortened so that those that differ still do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_ELLIPSIS = "…"
# What stands before a difference is shown with it.
_BEFORE = 4


def short_names(values: Sequence[str], length: int) -> list[str]:
    """Return values on one line each, long ones cut; where that would make two alike, in their middle.

    >>> short_names(["a very long name", "short"], 8), short_names(["chapter one: a", "chapter one: b"], 9)
    (['a very …', 'short'], ['chap…e: a', 'chap…e: b'])

    Where these are alike too, what differs is shown.

    >>> short_names([f"the first part, volume {n} of all those kept" for n in "12"], 16)
    ['the …ume 1 of a…', 'the …ume 2 of a…']
    """
    lines = [" ".join(value.split()) for value in values]
    found = _each(
        lines, [_cut(line, length) for line in lines], lambda alike: [_halves(one, length) for one in alike]
    )
    return _each(lines, found, lambda alike: _differences(alike, length))


def distinct(names: Sequence[str]) -> list[str]:
    """Return names with a number behind those that an earlier one has too; no two are the same then.

    >>> distinct(["cells", "stars", "cells", "cells (2)"])
    ['cells', 'stars', 'cells (3)', 'cells (2)']
    """
    given = set(names)
    number = dict.fromkeys(names, 0)
    found = []
    for name in names:
        number[name] += 1
        while number[name] > 1 and f"{name} ({number[name]})" in given:
            number[name] += 1
        found.append(name if number[name] == 1 else f"{name} ({number[name]})")
    return found


def _each(lines: Sequence[str], short: Sequence[str], better: Callable[[list[str]], list[str]]) -> list[str]:
    """Return the short forms, those that stand for several lines made again by `better`, which gets these lines."""
    found = list(short)
    of_each: dict[str, list[int]] = {}
    for at, one in enumerate(short):
        of_each.setdefault(one, []).append(at)
    for rows in of_each.values():
        if len({lines[at] for at in rows}) > 1:
            for at, one in zip(rows, better([lines[at] for at in rows]), strict=True):
                found[at] = one
    return found


def _cut(line: str, length: int) -> str:
    return line if len(line) <= length else line[: length - 1] + _ELLIPSIS


def _halves(line: str, length: int) -> str:
    half = (length - 1) // 2
    return line if len(line) <= length else line[:half] + _ELLIPSIS + line[len(line) - (length - 1 - half) :]


def _differences(lines: list[str], length: int) -> list[str]:
    """Return lines that begin alike with a part from where they differ."""
    head = length // 4
    # The first and the last in order have the fewest characters in common.
    first, last = min(lines), max(lines)
    same = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    start = max(head, same - _BEFORE)
    return [line[:head] + _ELLIPSIS + _cut(line[start:], length - head - 1) for line in lines]

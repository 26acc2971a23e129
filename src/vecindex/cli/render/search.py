"""How hits look: two lines for each on a terminal, tab-separated lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from vecindex.cli.layout import columns, data, on_terminal, out, plain, prose, table
from vecindex.cli.output import say
from vecindex.cli.wrapping import cells, cut, shrunk, side_by_side
from vecindex.core.conditions import columns_in
from vecindex.core.identity import written_id
from vecindex.verbs.search.rankers import MEANING, RERANK

if TYPE_CHECKING:
    from vecindex.verbs.search.result import Answer, Hit, SearchResult

_INDENT = 6
"""Cells before a hit's text: those that the rank takes."""
_SNIPPET_CHARS = 300
"""A text that is longer was asked for whole."""


def print_search(result: SearchResult) -> None:
    """Print the hits, with the fields that the condition names.

    Elsewhere than on a terminal: lines of query (where there are several), rank, dist, relevance (of a search by
    words or hybrid, higher is better), score (of a reranked one, likewise), id, title, text and the fields. A hit by
    words alone has no dist.
    """
    # One that is left of several is printed as they would be.
    several = len(result.answers) + len(result.rejected) > 1
    own = list(dict.fromkeys(name for hit in result.hits for name in hit.fields))
    fields = columns_in(result.where or "", own)
    for number, answer in enumerate(result.answers, 1):
        name = plain(answer.id or answer.query or str(number))
        if on_terminal():
            if several:
                out("\n" * (number > 1) + plain(answer.query or name))
            _print_hits(answer, result.ranker, fields)
            continue
        for hit in answer.hits:
            words = [written_id(hit.id), plain(hit.title or ""), *([] if hit.text is None else [plain(hit.text)])]
            data("\t".join([*[name] * several, *_numbers(hit, result.ranker), *words, *_values(hit, fields)]))
    most = max((len(answer.hits) for answer in result.answers), default=0)
    if not most:
        say("no hits")
    elif most < result.k:
        say(f"{most:,} of the {result.k:,} asked for: there are no more")


def _numbers(hit: Hit, ranker: str) -> list[str]:
    dist = "-" if hit.dist is None else f"{hit.dist:.4f}"
    more = [getattr(hit, name) for name in _figures(ranker)]
    return [str(hit.rank), dist, *("-" if value is None else f"{value:.4f}" for value in more)]


def _figures(ranker: str) -> list[str]:
    """Return the figures of a ranker's hits, besides the distance."""
    base, *steps = ranker.split("+")
    return [*["relevance"] * (base != MEANING), *["score"] * (RERANK in steps)]


def _values(hit: Hit, fields: Sequence[str]) -> list[str]:
    return ["" if (value := hit.fields.get(name)) is None else plain(str(value)) for name in fields]


def _print_hits(answer: Answer, ranker: str, fields: Sequence[str]) -> None:
    """Print a line of figures, id, title and fields for each hit, and below it the beginning of its text."""
    if not answer.hits:
        return
    head = [f"{'rank':<{_INDENT - 2}}", "dist", *_figures(ranker), "id", "title", *fields]
    rows = [
        [*_numbers(hit, ranker), written_id(hit.id), plain(hit.title or ""), *_values(hit, fields)]
        for hit in answer.hits
    ]
    width = columns(sys.stdout)
    widths = shrunk([head, *rows], width)
    if widths is None:
        table([head, *rows], indent=0)
        return
    for line in side_by_side(head, widths):
        data(line)
    for hit, row in zip(answer.hits, rows, strict=True):
        for line in side_by_side(row, widths):
            data(line)
        text = plain(hit.text or "")
        if len(text) > _SNIPPET_CHARS:
            prose(text, indent=_INDENT)
        elif text:
            data(" " * _INDENT + cut(text, max(cells("…"), width - _INDENT)))

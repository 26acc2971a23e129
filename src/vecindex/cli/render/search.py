"""How hits look: a table for each query on a terminal, tab-separated lines elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vecindex.cli.layout import data, on_terminal, plain
from vecindex.cli.output import say

if TYPE_CHECKING:
    from vecindex.verbs.search.result import Answer, Hit, SearchResult


def print_search(result: SearchResult) -> None:
    """Print the hits: a table for each query on a terminal, else lines of query, rank, dist, id, title and text.

    A hybrid search has the relevance (higher is better) after the dist; a hit by words alone has no dist.
    """
    # One that is left of several is printed as they would be.
    several = len(result.answers) + len(result.rejected) > 1
    for number, answer in enumerate(result.answers, 1):
        if on_terminal():
            _print_table(answer, result.hybrid, several)
            continue
        name = [plain(answer.id or answer.query or str(number))] if several else []
        for hit in answer.hits:
            data("\t".join([*name, *_numbers(hit, result.hybrid), *_words(hit)]))
    most = max((len(answer.hits) for answer in result.answers), default=0)
    if not most:
        say("no hits")
    elif most < result.k:
        say(f"{most:,} of the {result.k:,} asked for: there are no more")


def _numbers(hit: Hit, hybrid: bool) -> list[str]:
    dist = "-" if hit.dist is None else f"{hit.dist:.4f}"
    return [str(hit.rank), dist, *([f"{hit.relevance:.4f}"] if hybrid else [])]


def _words(hit: Hit) -> list[str]:
    return [plain(hit.id), plain(hit.title or ""), *([] if hit.text is None else [plain(hit.text)])]


def _print_table(answer: Answer, hybrid: bool, several: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    names = ["rank", "dist", *(["relevance"] if hybrid else [])]
    titles = [Text(plain(hit.title or hit.id)) for hit in answer.hits]
    # Half of the width at most, and no more than the longest title needs, so that the text gets the rest.
    width = min(max([5, *(title.cell_len for title in titles)]), max(16, console.width // 2))
    if several:
        console.print(Text(plain(answer.query or answer.id or ""), style="bold"))
    head = Text("  ".join(f"{name:>6}" for name in names), style="dim")
    title_head = Text("title")
    title_head.truncate(width, pad=True)
    console.print(head + "  " + title_head + "  text", overflow="crop", no_wrap=True)
    for hit, title in zip(answer.hits, titles, strict=True):
        numbers = "  ".join(
            f"{value:>{max(6, len(name))}}" for name, value in zip(names, _numbers(hit, hybrid), strict=True)
        )
        title.truncate(width, overflow="ellipsis", pad=True)
        line = Text(numbers + "  ") + title + "  " + Text(plain(hit.text or ""), style="dim")
        line.truncate(console.width, overflow="ellipsis")
        console.print(line, no_wrap=True)

"""How one question's neighbors look on a terminal, in both spaces side by side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from vecindex.cli.layout import out, plain, prose, short, table
from vecindex.core.anchors import anchored_to
from vecindex.errors import ConfigError
from vecindex.reports.figures import share
from vecindex.reports.overlap.maps import RULES

if TYPE_CHECKING:
    from vecindex.verbs.overlap.question import PlacedQuestion, QuestionRow, RankedNeighbor
    from vecindex.verbs.overlap.result import OverlapResult


def print_question(result: OverlapResult, question: str) -> None:
    """Print why one question keeps what it keeps, and its neighbors in both spaces; a star marks those kept.

    It is named by its id, by its text, or is the one that was typed. The best map comes first. Raises ConfigError
    when there is none such.
    """
    row = _row_of(result, question)
    alone = row is result.typed or result.questions == 1
    prose(plain(row.text) if alone else f"{plain(row.id)}: {plain(row.text)}")
    for reason in row.why:
        prose(reason)
    ranker = None if result.ranked is None else result.ranked.ranker
    for one in result.maps:
        anchored = anchored_to(one.about)
        name = f'the map "{one.name}"' + (f" ({plain(anchored)})" if anchored else "")
        for rule, placed in row.maps[one.name].items():
            out()
            prose(f"{name}, {RULES[rule]}: {share(placed.overlap)} kept")
            _side_by_side(row.neighbors, placed, ranker)
    if not result.maps:
        _side_by_side(row.neighbors, None, ranker)


def _row_of(result: OverlapResult, question: str) -> QuestionRow:
    rows = [*result.rows, *([result.typed] if result.typed else [])]
    found = next((r for r in result.rows if r.id == question), None)
    found = found or next((r for r in rows if r.text == question.strip()), None)
    if found is None:
        some = ", ".join(r.id for r in result.rows[:5])
        raise ConfigError(f"No question has the id {question!r}.", f"Ids there: {some}, ...")
    return found


def _side_by_side(space: Sequence[RankedNeighbor], placed: PlacedQuestion | None, ranker: str | None) -> None:
    """Print the two lists, each neighbor with its rank in the other one; a ranker's hits are in its order."""
    left, back = ("in embedding space", "space rank") if ranker is None else (f"by {ranker}", "its rank")
    head = ["rank", "dist", left, "map rank", "dist", "on the map", back]
    if placed is None:
        table([head[:3], *([str(n), *_cells(one, kept=False)] for n, one in enumerate(space, 1))])
        return
    kept = {one.id for one in space} & {one.id for one in placed.neighbors}
    sides = [
        [
            [*_cells(one, kept=one.id in kept), f">{placed.depth}" if rank is None else str(rank)]
            for one, rank in zip(near, ranks, strict=True)
        ]
        for near, ranks in ((space, placed.target_ranks), (placed.neighbors, placed.neighbor_ranks))
    ]
    pairs = zip_longest(*sides, fillvalue=["", "", ""])
    table([head, *([str(n), *left, *right] for n, (left, right) in enumerate(pairs, 1))])


def _cells(one: RankedNeighbor, *, kept: bool) -> list[str]:
    return [f"{one.dist:.4f}", ("* " if kept else "  ") + short(one.title or one.id, 44)]

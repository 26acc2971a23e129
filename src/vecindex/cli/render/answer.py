"""The first screen of `overlap`: six statements that answer, and the worst questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vecindex.cli.layout import facts, out, plain, prose, short, table
from vecindex.reports.figures import share

if TYPE_CHECKING:
    from vecindex.verbs.overlap.question import QuestionRow
    from vecindex.verbs.overlap.result import OverlapResult

WORST = 3
_TEXT = 52


def print_answer(result: OverlapResult) -> None:
    """Print what is kept and why, what was done, what to expect, and the next command, ready to be pasted."""
    found = result.answer
    assert found is not None, "every measurement has an answer"
    prose(found.figure)
    facts(
        [
            *([("ranking", result.ranked.summary)] if result.ranked else []),
            ("map", plain(found.map)),
            ("cause", found.cause),
            ("done", plain(found.done)),
            ("others", found.others),
            ("next", found.next),
        ]
    )
    if found.command is not None:
        prose(found.command, indent=2)


def print_worst(result: OverlapResult) -> None:
    """Print the worst questions, and the command that shows one of them; without a map the farthest ones."""
    best = result.best
    what = "worst" if best else "farthest from all articles"
    some = "question" if result.questions == 1 else "questions"
    out()
    prose(
        f"{what} of {result.questions:,} {some} ({plain(result.questions_name)}), "
        f"{result.articles:,} {result.by}s in {result.table}"
    )
    rows = result.worst_first(best.name if best else None)[:WORST]
    table(
        [
            ["kept" if best else "dist", "id", "question"],
            *([_figure(result, row), short(row.id, 12), short(row.text, _TEXT)] for row in rows),
        ]
    )
    look = result.answer.look if result.answer else None
    keeps_all = best is not None and bool(rows) and rows[0].maps[best.name]["search"].overlap == 1
    if look is not None and not keeps_all:
        out("Why is one of them bad? Name its id:")
        prose(look, indent=2)


def _figure(result: OverlapResult, row: QuestionRow) -> str:
    best = result.best
    return f"{row.nearest_dist:.3f}" if best is None else share(row.maps[best.name]["search"].overlap)


def measured_on(result: OverlapResult) -> str:
    """Return which questions were measured, on what."""
    topics = f" on {result.topics} topic{'' if result.topics == 1 else 's'}" if result.topics else ""
    some = "question" if result.questions == 1 else "questions"
    return (
        f"{result.questions:,} {some}{topics} ({plain(result.questions_name)}), "
        f"{result.articles:,} {result.by}s in {result.table}, {result.model}"
    )

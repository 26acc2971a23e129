"""How what anchoring did looks on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vecindex.cli.layout import plain
from vecindex.messages import Message, percent, text

if TYPE_CHECKING:
    from vecindex.core.nulls import Interval
    from vecindex.verbs.project.align import Displacement
    from vecindex.verbs.project.result import AnchorResult, ArticleCost, QuestionScores


def anchor_lines(found: AnchorResult) -> Iterator[Message]:
    """Yield what the questions keep, next to what it must be compared with, and what it cost the articles."""
    files = ", ".join(plain(file.name) for file in found.files)
    weights = ", ".join(f"{weight:.3g}" for weight in found.weights)
    yield (
        f"anchored to {files} ({_questions(found.questions)}), {found.k} articles each; weights {weights}, "
        f"{found.iterations} iterations each"
    )
    yield from _table(found)
    if found.held_out_change is not None:
        yield f"held out minus unanchored: {_signed(found.held_out_change)} (overlap@{found.k})"
    if found.no_controls is not None:
        yield text("controls not run: ", found.no_controls)
    yield _meaning(found)
    yield from _cost("articles", found.articles)
    if found.moved_articles is not None:
        yield from _cost("moved ones", found.moved_articles)
    yield f"moved from the map {found.base!r}: {_moves(found.displacement)}"
    yield f"the questions' nearest: {_moves(found.targets_displacement)}"


def _meaning(found: AnchorResult) -> str:
    """Return what the figures say of other questions."""
    kept = percent(found.anchored.overlap.mean)
    if found.held_out is None:
        return f"{kept} holds because the map was laid out for these questions; it says nothing of other questions"
    expected = percent(found.held_out.overlap.mean)
    return f"{kept} holds because the map was laid out for these questions; expect {expected} for other questions"


def _table(found: AnchorResult) -> Iterator[str]:
    k = found.k
    yield f"{'':<26}{'overlap@' + str(k):<26}{'at least 3 of 5':<26}soft {k} in 50"
    folds = f"held out, {found.folds} folds"
    rows: list[tuple[str, QuestionScores | None]] = [
        ("unanchored", found.unanchored),
        ("anchored", found.anchored),
        (folds, found.held_out),
        ("shuffled neighbors", found.shuffled),
    ]
    for name, scores in rows:
        if scores is not None:
            cells = "".join(f"{_share(value):<26}" for value in (scores.overlap, scores.enough, scores.soft))
            yield f"{name:<26}{cells}".rstrip()


def _cost(name: str, cost: ArticleCost) -> Iterator[str]:
    kept = [
        f"@{k} {percent(cost.before[k].mean, 1)} to {percent(cost.after[k].mean, 1)} ({_signed(change)})"
        for k, change in cost.change.items()
    ]
    yield f"{name} keep {', '.join(kept)}; over {cost.sample:,}"


def _moves(moved: Displacement) -> str:
    return (
        f"median {percent(moved.median, 2)} of its width, 95 % less than {percent(moved.p95, 2)}, "
        f"most {percent(moved.max, 1)}; {percent(moved.moved, 1)} of {moved.articles:,} by more than 1 %"
    )


def _share(value: Interval) -> str:
    return f"{percent(value.mean, 1)} ({percent(value.low, 1)} to {percent(value.high, 1)})"


def _signed(value: Interval) -> str:
    return f"{100 * value.mean:+.1f} points, {100 * value.low:+.1f} to {100 * value.high:+.1f}"


def _questions(count: int) -> str:
    return f"{count:,} question{'' if count == 1 else 's'}"

"""How what anchoring did looks on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vecindex.cli.layout import plain

if TYPE_CHECKING:
    from vecindex.core.nulls import Interval
    from vecindex.verbs.project.anchor_result import AnchorResult, ArticleCost, QuestionScores
    from vecindex.verbs.project.displacement import Displacement


def anchor_lines(found: AnchorResult) -> Iterator[str]:
    """Yield what the questions keep, beside what it must be held against, and what it cost the articles."""
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
        yield f"controls not run: {found.no_controls}"
    yield "anchored is a constraint of the layout, no evidence of its quality; that is held out"
    yield from _cost("articles", found.articles)
    if found.moved_articles is not None:
        yield from _cost("moved ones", found.moved_articles)
    yield f"moved from map {found.base}: {_moves(found.displacement)}"
    yield f"the questions' nearest: {_moves(found.targets_displacement)}"


def _table(found: AnchorResult) -> Iterator[str]:
    k = found.k
    yield f"{'':<26}{'overlap@' + str(k):<26}{'at least 3 of 5':<26}soft {k} in 50"
    folds = f"held out, {found.folds} folds"
    rows: list[tuple[str, QuestionScores | None]] = [
        ("unanchored", found.unanchored),
        ("anchored", found.anchored),
        (folds, found.held_out),
        ("shuffled targets", found.shuffled),
    ]
    for name, scores in rows:
        if scores is not None:
            told = "".join(f"{_share(value):<26}" for value in (scores.overlap, scores.enough, scores.soft))
            yield f"{name:<26}{told}".rstrip()


def _cost(name: str, cost: ArticleCost) -> Iterator[str]:
    told = [
        f"@{k} {cost.before[k].mean:.1%} to {cost.after[k].mean:.1%} ({_signed(change)})"
        for k, change in cost.change.items()
    ]
    yield f"{name} keep {', '.join(told)}; over {cost.sample:,}"


def _moves(moved: Displacement) -> str:
    return (
        f"median {moved.median:.2%} of its width, 95 % less than {moved.p95:.2%}, most {moved.max:.1%}; "
        f"{moved.moved:.1%} of {moved.articles:,} by more than 1 %"
    )


def _share(value: Interval) -> str:
    return f"{value.mean:.1%} ({value.low:.1%} to {value.high:.1%})"


def _signed(value: Interval) -> str:
    return f"{100 * value.mean:+.1f} points, {100 * value.low:+.1f} to {100 * value.high:+.1f}"


def _questions(count: int) -> str:
    return f"{count:,} question{'' if count == 1 else 's'}"

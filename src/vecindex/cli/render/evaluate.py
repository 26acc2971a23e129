"""How an evaluation looks: the measures of each ranker in a table, what to know of them, and the worst questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vecindex.cli.layout import data, out, prose, short, table
from vecindex.cli.render.rows import write_rows
from vecindex.messages import counted
from vecindex.verbs.evaluate.paired import shown_p
from vecindex.verbs.evaluate.result import interval_shown

if TYPE_CHECKING:
    from vecindex.verbs.evaluate.result import EvaluateResult

_WORST = 5


def print_evaluate(result: EvaluateResult) -> None:
    """Print the measures, a column for each ranker, and the questions that the first ranker serves worst."""
    counts = result.judged_by
    relevant = f", {counts.relevant:,} of them relevant" if counts.form != "answer texts" else ""
    prose(
        f"{counted(result.questions, 'question')} of {result.questions_name} on "
        f"{counted(result.articles, 'article')} of "
        f"{result.table}; {counted(counts.judgments, 'judgment')} ({counts.source}){relevant}"
    )
    out()
    head = ["", *(one.name for one in result.rankers)]
    rows = [
        [name, *(interval_shown(one.measures[name]) for one in result.rankers)] for name in result.rankers[0].measures
    ]
    rows.append(["seconds a question", *(f"{one.seconds / result.questions:.4f}" for one in result.rankers)])
    table([head, *rows])
    out()
    prose("In brackets: interval of 95 %, over draws of questions. Holes: hits that nobody judged.", indent=2)
    for note in result.notes:
        prose(note, "- ", 2)
    _print_against(result)
    _print_worst(result)


def _print_against(result: EvaluateResult) -> None:
    """Print what has changed since a tag."""
    against = result.against
    if against is None:
        return
    out(f"\n{against.measure} since the tag {against.tag}")
    head = ["", "then", "difference", "interval of 95 %", "p", "more", "less"]
    rows = []
    for name, found in against.differences.items():
        ends = f"{found.low:+.3f} to {found.high:+.3f}" if found.low == found.low else "-"
        change = [f"{against.means[name]:.3f}", f"{found.mean:+.3f}", ends, shown_p(found.p_adjusted)]
        rows.append([name, *change, f"{found.more:,}", f"{found.less:,}"])
    table([head, *rows])
    if not against.fell:
        prose("No fall by more than the noise.", indent=2)


def _print_worst(result: EvaluateResult) -> None:
    name = result.rankers[0].name
    measure = next(iter(result.rankers[0].measures))
    worst = sorted(result.items, key=lambda item: (item.rankers[name].measures[measure], item.id))[:_WORST]
    out(f"\nlowest {measure} by {name}")
    for item in worst:
        first = item.rankers[name].first_relevant
        rank = "no relevant hit" if first is None else f"first relevant hit: {first}"
        data(f"  {item.rankers[name].measures[measure]:.2f}  {short(item.text, 48)}  ({rank})")


def write_csv(result: EvaluateResult, path: str) -> None:
    """Write `EvaluateResult.flat_rows` with a header; raises ConfigError when the file cannot be written."""
    write_rows(result.flat_rows(), path)

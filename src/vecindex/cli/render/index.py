"""How the index of the vectors and what it finds look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vecindex.cli.layout import prose, table
from vecindex.cli.output import duration, say, size
from vecindex.core.indexes.recall import DEFAULT_RECALL
from vecindex.messages import Placeholder, command, counted, text

if TYPE_CHECKING:
    from vecindex.core.indexes.recall import Curve
    from vecindex.verbs.index.result import IndexReport


def print_index(report: IndexReport) -> None:
    """Print what was made and what it finds: a row for each setting that no other beats."""
    if report.curve is None:
        say(f"{report.table}: the index of the vectors is removed; searches are exact")
        return
    curve = report.curve
    took = "" if report.action == "measured" else f", made in {duration(report.seconds)} ({report.cpu_s:.1f} CPU s)"
    prose(f"{report.type} of {counted(report.rows_indexed, 'row')}, {size(report.index_bytes)}{took}", "index     ")
    asked = f" and {counted(curve.questions, 'stored question')}" if curve.questions else ""
    prose(f"recall@{curve.k} against exact search, of {counted(curve.queries, 'held-out row')}{asked}", "measured  ")
    print_curve(curve, report.exact_ms)
    if report.pays_after is not None:
        prose(
            f"{counted(report.pays_after, 'search saves', 'searches save')} what making and measuring it took",
            "pays after ",
        )
    chosen = curve.cheapest(DEFAULT_RECALL)
    if chosen is None:
        say(f"no setting reaches a recall of {DEFAULT_RECALL:g}; the best is {curve.best.expected:.3f}")
        return
    example = command("search", Placeholder('"TEXT"'), approximate=True)
    say(text(f"for a recall of {chosen.expected:.2f} at {chosen.cpu_ms:.1f} CPU ms: ", example))


def print_curve(curve: Curve, exact_ms: float | None) -> None:
    """Print the settings, cheapest first, and the exact search."""
    head = ["nprobes", "refine", f"recall@{curve.k}"]
    head += [*(["of questions"] if curve.questions else []), "CPU ms a query"]
    rows = [
        [
            str(one.nprobes),
            str(one.refine),
            f"{one.recall:.3f}",
            *([f"{one.recall_questions:.3f}"] if one.recall_questions is not None else []),
            f"{one.cpu_ms:.1f}",
        ]
        for one in curve.frontier
    ]
    if exact_ms is not None:
        rows.append(["exact", "", "1", *(["1"] if curve.questions else []), f"{exact_ms:.1f}"])
    table([head, *rows])

"""How a comparison looks: the verdict, the tables, the differences, and the questions that differ most."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vecindex.cli.layout import data, out, prose, short, table
from vecindex.cli.output import size
from vecindex.messages import percent
from vecindex.verbs.evaluate.paired import shown_p
from vecindex.verbs.evaluate.result import interval_shown

if TYPE_CHECKING:
    from vecindex.verbs.compare.result import ComparedTable, CompareResult
    from vecindex.verbs.evaluate.result import Difference

_MOST = 5
_HITS = 3
_NAME = 20
_THE_SAME = 1 - 1e-9


def print_compare(result: CompareResult) -> None:
    """Print the verdict first, then what it rests on."""
    for pair in result.pairs:
        prose(pair.verdict)
    for note in result.notes:
        prose(note, "- ", 2)
    out()
    table([["", *(one.name for one in result.tables)], *_facts(result)])
    if result.measure is not None:
        _print_differences(result)
    out("\nagreement with the first table")
    head = ["", "first 10 hits in common", f"rank-biased overlap (p {result.persistence:g})", "same first hit"]
    table(
        [
            head,
            *(
                [pair.other, interval_shown(pair.overlap), interval_shown(pair.rbo), percent(pair.same_first)]
                for pair in result.pairs
            ),
        ]
    )
    _print_questions(result)


def _facts(result: CompareResult) -> list[list[str]]:
    tables, n = result.tables, result.questions
    rows = [
        ["model", *(one.model.rsplit("/", 1)[-1] for one in tables)],
        ["values", *(f"{one.dimension:,}" for one in tables)],
        ["prompt", *(one.prompt or "-" for one in tables)],
        ["articles", *(f"{one.articles:,}" for one in tables)],
        ["chunks", *(one.chunking or "-" for one in tables)],
        ["tokens read", *(f"{one.max_tokens:,}" for one in tables)],
        ["truncated", *(percent(one.truncated_frac, 1) for one in tables)],
        ["on disk", *(_disk(one) for one in tables)],
        ["seconds a question", *(f"{one.rank_s / n:.4f}" for one in tables)],
        ["texts embedded a second", *("-" if not one.texts_per_s else f"{one.texts_per_s:.1f}" for one in tables)],
    ]
    if any(one.map for one in tables):
        rows.append(["overlap@5 on its map", *(_on_map(one) for one in tables)])
    rows += [[measure, *(interval_shown(one.measures[measure]) for one in tables)] for measure in tables[0].measures]
    # What is the same in all tables says nothing about which to take.
    return [row for row in rows if row[0] in ("model", "articles") or set(row[1:]) != {"-"}]


def _disk(one: ComparedTable) -> str:
    return "-" if one.live_bytes is None else size(one.live_bytes)


def _on_map(one: ComparedTable) -> str:
    return "-" if one.map is None else f"{percent(one.map.overlap.mean)} ({one.map.name})"


def _print_differences(result: CompareResult) -> None:
    for pair in result.pairs:
        out(f"\n{pair.other} minus {pair.first}")
        head = ["", "difference", "interval of 95 %", "p", "more", "less", "equal"]
        table([head, *(_difference(name, found) for name, found in pair.differences.items())])


def _difference(name: str, found: Difference) -> Sequence[str]:
    ends = f"{found.low:+.3f} to {found.high:+.3f}" if found.low == found.low else "-"
    counts = [f"{count:,}" for count in (found.more, found.less, found.equal)]
    return [name, f"{found.mean:+.3f}", ends, shown_p(found.p), *counts]


def _print_questions(result: CompareResult) -> None:
    differ = [item for item in result.items if min(item.rbo.values()) < _THE_SAME]
    out("\nquestions that differ most" if differ else "\nall questions have the same hits")
    labels = _labels([one.name for one in result.tables])
    for item in differ[:_MOST]:
        data(f"  {short(item.text, 74)}")
        for name, found in item.tables.items():
            value = "" if result.measure is None else f"{found.measures[result.measure]:.2f}  "
            hits = "; ".join(
                short(hit.title or hit.id, 22) + ("*" if (hit.grade or 0) >= result.min_grade else "")
                for hit in found.hits[:_HITS]
            )
            data(f"    {labels[name]:<{_NAME}}  {value}{hits or 'no hits'}")
    if differ and result.measure is not None:
        prose("* judged relevant", indent=2)


def _labels(names: Sequence[str]) -> dict[str, str]:
    """Return what each table is called next to its hits: the end of a long name, as long as all differ by it.

    >>> _labels(["articles", "/srv/experiments/minilm/articles"])
    {'articles': 'articles', '/srv/experiments/minilm/articles': '…nts/minilm/articles'}
    """
    ends = {name: name if len(name) <= _NAME else "…" + name[1 - _NAME :] for name in names}
    return ends if len(set(ends.values())) == len(ends) else {name: name for name in names}

"""How experiments and nested samples look on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vecindex.cli.layout import facts, out, prose, table
from vecindex.cli.render.overlap import figures
from vecindex.reports.figures import NONE, number, share

if TYPE_CHECKING:
    from vecindex.core.nulls import Interval
    from vecindex.verbs.overlap.causes.what_if_result import NestedPoint, Trend
    from vecindex.verbs.overlap.result import OverlapResult

_NAMES = {
    "nearest_dist": "nearest distance",
    "overlap": "overlap",
    "answers_recall": "answers found",
    "mrr": "MRR",
    "topic_precision": "on topic",
}
_AT_K = ("answers_recall", "topic_precision")
_PLAIN = ("nearest_dist", "mrr")
"""Told as numbers; the others are shares."""


def print_experiments(result: OverlapResult) -> None:
    """Print what was tried for and against the causes, with the figures."""
    if not result.experiments:
        return
    out("\nexperiments")
    for done in result.experiments:
        prose(f"{done.outcome} {done.cause}: {done.name}", indent=2)
        facts([("figures", figures(done.figures))], indent=4)


def print_what_if(result: OverlapResult) -> None:
    """Print what the nested samples say of more articles, then their figures and the change with each doubling."""
    found = result.what_if
    if found is None:
        return
    out("\nwhat if there were more articles")
    prose(found.summary, indent=2)
    told = [("nearest_dist", None), *(("overlap", name) for name in found.points[0].overlap)]
    told += [(name, None) for name in (*_AT_K, "mrr") if getattr(found.points[0], name) is not None]
    trends = {(trend.figure, trend.map): trend for trend in found.trends}
    rows = [
        [
            f"{result.by}s, each sample in the next",
            *(f"{point.articles:,}" for point in found.points),
            "each doubling",
            "",
        ],
        ["share", *(f"{point.share:.0%}" for point in found.points), "", ""],
    ]
    for name, on in told:
        values = [_value(point, name, on) for point in found.points]
        change = trends.get((name, on))
        rows.append(
            [
                _head(name, on, result.k),
                *(_cell(name, value) for value in values),
                _change(change) if change else "",
                str(change.verdict) if change else "",
            ]
        )
    out()
    table(rows)
    out()
    prose(found.note, indent=2)


def _value(point: NestedPoint, name: str, on: str | None) -> Interval:
    value: Interval = point.overlap[on] if on is not None else getattr(point, name)
    return value


def _head(name: str, on: str | None, k: int) -> str:
    if on is not None:
        return f"overlap@{k} on {on}"
    return f"{_NAMES[name]}@{k}" if name in _AT_K else _NAMES[name]


def _cell(name: str, value: Interval) -> str:
    if number(value.mean) is None:
        return NONE
    return f"{value.mean:.3f}" if name in _PLAIN else share(value.mean)


def _change(trend: Trend) -> str:
    change = trend.per_doubling
    if number(change.mean) is None:
        return NONE
    scale, digits, unit = (1, 3, "") if trend.figure in _PLAIN else (100, 1, " points")
    if number(change.low) is None:
        return f"{scale * change.mean:+.{digits}f}{unit}"
    low, high = f"{scale * change.low:+.{digits}f}", f"{scale * change.high:+.{digits}f}"
    return f"{scale * change.mean:+.{digits}f}{unit} ({low} to {high})"

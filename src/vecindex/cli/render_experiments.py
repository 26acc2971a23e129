"""How experiments and nested samples look on a terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from vecindex.cli.render_overlap import _figure, _interval, _out, _share, _table

if TYPE_CHECKING:
    from vecindex.core.nulls import Interval
    from vecindex.pipeline.overlap_result import OverlapResult, Trend

_NAMES = {
    "nearest_dist": "nearest distance",
    "overlap": "overlap",
    "answers_recall": "answers found",
    "mrr": "MRR",
    "topic_precision": "on topic",
}


def print_experiments(result: OverlapResult) -> None:
    """Print what was tried for and against the causes, with the figures."""
    if not result.experiments:
        return
    _out("\nexperiments")
    for done in result.experiments:
        told = ", ".join(f"{name} {_figure(value)}" for name, value in done.figures.items())
        _out(f"  {done.name}: {done.outcome} {done.cause}")
        _out(f"    {told}")


def print_what_if(result: OverlapResult) -> None:
    """Print the figures of the nested samples, their change per doubling, and what they say of more articles."""
    found = result.what_if
    if found is None:
        return
    _out("\nwhat if there were fewer articles (samples, each contained in the next; the same questions)")
    columns = [("nearest_dist", None), *(("overlap", name) for name in found.points[0].overlap)]
    columns += [(c, None) for c in ("answers_recall", "mrr", "topic_precision") if getattr(found.points[0], c)]
    rows = [["share", "articles", *(_head(figure, name, result.k) for figure, name in columns)]]
    for point in found.points:
        cells = [f"{point.share:.0%}", f"{point.articles:,}"]
        for figure, name in columns:
            value = point.overlap[name] if name is not None else getattr(point, figure)
            cells.append(_cell(figure, value))
        rows.append(cells)
    trends = {(t.figure, t.map): t for t in found.trends}
    if trends:
        rows.append(["", "per doubling", *(_change(trends[column]) for column in columns)])
        rows.append(["", "", *(str(trends[column].verdict) for column in columns)])
    _table(rows)
    _out(f"  {found.summary}")
    _out(f"  {found.note}")


def _head(figure: str, name: str | None, k: int) -> str:
    if name is not None:
        return f"overlap@{k} on {name}"
    return f"{_NAMES[figure]}@{k}" if figure in ("answers_recall", "topic_precision") else _NAMES[figure]


def _cell(figure: str, value: Interval) -> str:
    if math.isnan(value.mean):
        return "-"
    if figure in ("nearest_dist", "mrr"):
        return f"{value.mean:.3f} ({value.low:.3f} to {value.high:.3f})"
    return f"{_share(value.mean)} ({_interval(value)})"


def _change(trend: Trend) -> str:
    change = trend.per_doubling
    if math.isnan(change.mean):
        return "-"
    scale, digits, unit = (1, 3, "") if trend.figure in ("nearest_dist", "mrr") else (100, 1, " points")
    low, high = f"{scale * change.low:+.{digits}f}", f"{scale * change.high:+.{digits}f}"
    return f"{scale * change.mean:+.{digits}f}{unit} ({low} to {high})"

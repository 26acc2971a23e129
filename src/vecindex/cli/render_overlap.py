"""How the result of `overlap` looks on a terminal and as CSV."""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vecindex.cli.render import plain
from vecindex.cli.render_project import made_by
from vecindex.core.experiments import bearing_on, told_outcome
from vecindex.errors import ConfigError

if TYPE_CHECKING:
    from vecindex.core.nulls import Interval
    from vecindex.pipeline.overlap_result import MapOverlap, Near, OverlapResult, Placement

WORST = 5


def print_overlap(result: OverlapResult) -> None:
    """Print the verdict, a table of maps, what embedding space tells, the worst questions and the causes."""
    _out(result.verdict)
    topics = f" on {result.topics} topics" if result.topics else ""
    _out(
        f"{result.questions:,} questions{topics} ({plain(result.questions_name)}), {result.articles:,} articles in "
        f"{result.table}, {result.model}; chance {_share(result.chance)}, snapping onto the nearest article at least "
        f"{_share(result.snap_floor)}"
    )
    if result.maps:
        _print_maps(result)
    _print_space(result)
    if result.maps:
        _print_worst(result)
    _out("\ncauses")
    for verdict in result.causes:
        told = ", ".join(f"{name} {_figure(value)}" for name, value in verdict.because.items())
        _out(f"  {verdict.cause} ({verdict.confidence} confidence): {verdict.summary}")
        _out(f"    figures: {told}")
        _out(f"    proof:   {verdict.experiment}")
        for done in bearing_on(verdict.cause, result.experiments):
            _out(f"    tested:  {done.name}: {told_outcome(done, verdict.cause)}")
        _out(f"    remedy:  {verdict.remedy}")
    if not result.maps:
        _out(f"\n{result.next[0]}")


def _print_maps(result: OverlapResult) -> None:
    head = ["map", "placement", f"overlap@{result.k}", "interval", "3 of 5", "weighted", "soft@50", "plausible@50"]
    rows = [[*head, "none", "self-recall", "inside box (expected)"]]
    for found in result.maps:
        for placed in (found.search, found.median):
            rows.append(_map_row(found, placed))
    _out("")
    _table(rows)
    for found in result.maps:
        best = found.search
        told = [f"{found.name}: {found.articles:,} articles{made_by(found.about)}"]
        if found.outside:
            told.append(f"{found.outside:,} outside it ({_share(found.targets_outside)} of all targets)")
        told.append(f"compactness {_figure(best.compactness)} (in space {_figure(result.space.compactness)})")
        told.append(f"agreement {_figure(found.agreement)} (chance 0.5)")
        if found.evenness is not None:
            even = found.evenness
            told.append(
                f"entropy {even.entropy:.2f}, Gini {even.gini:.2f}, Clark-Evans {_figure(even.clark_evans)} "
                f"over {even.cells:,} cells of {even.cell_width:.3g} x {even.cell_height:.3g}"
            )
        _out("  " + "; ".join(told))
        if isinstance(note := found.about.get("anchored_note"), str):
            _out(f"    {note}")


def _map_row(found: MapOverlap, placed: Placement) -> list[str]:
    return [
        found.name,
        placed.rule,
        _share(placed.overlap.mean),
        _interval(placed.overlap),
        _share(placed.enough.mean),
        _share(placed.rank_weighted.mean),
        _share(placed.soft.get(50)),
        _share(placed.reciprocal.get(50)),
        _share(placed.none),
        _share(found.self_recall.mean),
        f"{placed.articles_inside:,} ({placed.articles_expected:,.1f})",
    ]


def _print_space(result: OverlapResult) -> None:
    s = result.space
    _out("\nembedding space")
    _out(
        f"  nearest article at a distance of {s.nearest_dist:.3f} (articles to each other: "
        f"{s.articles_nearest_dist:.3f}), "
        f"percentile {s.nearest_percentile:.0f} of theirs; {_share(s.far_share)} of the questions beyond the 95th"
    )
    _out(
        f"  different targets {_share(s.distinct_ratio)}, best possible on one spot {_share(s.collapse_ceiling)}, "
        f"questions among their neighbors {_share(s.mixing)} (chance {_share(s.mixing_chance)}), "
        f"targets that are hubs {_share(s.hub_share)}, near-duplicates {_share(s.duplicated_targets)}"
    )
    if s.answers is not None:
        on_map = result.best.search.answers if result.best else None
        there = f"; on map {result.best.name} {_share(on_map.recall)}" if result.best and on_map else ""
        _out(
            f"  right articles: recall@{result.k} {_share(s.answers.recall)}, MRR {s.answers.mrr:.2f} over "
            f"{s.answers.questions:,} questions{there}; {_share(s.answers_absent)} of them are not in the table"
        )
    elif s.answers_absent is not None:
        _out(f"  right articles: {_share(s.answers_absent)} of them are not in the table")


def _print_worst(result: OverlapResult) -> None:
    best = result.best
    assert best is not None, "there is a map"
    rows = sorted(result.rows, key=lambda row: (row.maps[best.name]["search"].overlap, row.id))[:WORST]
    _out(f"\nworst questions on map {best.name}")
    shown = [["overlap", "dist", "id", "question", "nearest article"]]
    for row in rows:
        nearest = row.neighbors[0]
        shown.append(
            [
                _share(row.maps[best.name]["search"].overlap),
                f"{row.nearest_dist:.3f}",
                _short(row.id, 12),
                _short(row.text, 48),
                _short(nearest.title or nearest.id, 32),
            ]
        )
    _table(shown)


def print_question(result: OverlapResult, question_id: str) -> None:
    """Print one question's neighbors in embedding space beside those on each map; a star marks those kept.

    Raises ConfigError when there is no question of that id.
    """
    row = next((r for r in result.rows if r.id == question_id), None)
    if row is None:
        some = ", ".join(r.id for r in result.rows[:5])
        raise ConfigError(f"No question has the id {question_id!r}.", f"Ids there: {some}, ...")
    _out(f"{plain(row.id)}: {plain(row.text)}")
    for name, rules in row.maps.items():
        for rule, placed in rules.items():
            _out(f"\nmap {name}, placed by {rule}: {_share(placed.overlap)} kept")
            _side_by_side(row.neighbors, placed.neighbors)
    if not row.maps:
        _side_by_side(row.neighbors, ())


def _side_by_side(space: Sequence[Near], on_map: Sequence[Near]) -> None:
    kept = {n.id for n in space} & {n.id for n in on_map}
    rows = [["rank", "dist", "in embedding space", "dist", "on the map"]]
    for i in range(max(len(space), len(on_map))):
        cells = [str(i + 1)]
        for side in (space, on_map):
            if i < len(side):
                near = side[i]
                cells += [f"{near.dist:.4f}", ("* " if near.id in kept else "  ") + _short(near.title or near.id, 44)]
            else:
                cells += ["", ""]
        rows.append(cells)
    _table(rows)


def write_csv(result: OverlapResult, path: str) -> None:
    """Write `OverlapResult.flat_rows` with a header; raises ConfigError when the file cannot be written."""
    rows = result.flat_rows()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    try:
        with Path(path).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns)
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise ConfigError(
            f"Cannot write {path}: {error.strerror or error}.", "Name another file: --csv FILE"
        ) from error


def _table(rows: Sequence[Sequence[str]]) -> None:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        _out("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _interval(found: Interval) -> str:
    return "-" if math.isnan(found.mean) else f"{found.low:.0%} to {found.high:.0%}"


def _share(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "-"
    return f"{value:.0%}" if value == 0 or value >= 0.095 else f"{value:.1%}" if value >= 0.001 else f"{value:.4%}"


def _figure(value: float | None) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.3g}"


def _short(text: str, width: int) -> str:
    line = plain(text)
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def _out(line: str) -> None:
    sys.stdout.write(line + "\n")

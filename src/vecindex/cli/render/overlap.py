"""How the result of `overlap` looks on a terminal and as CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from vecindex.cli.layout import facts, out, plain, prose, short, table
from vecindex.cli.render.answer import measured_on
from vecindex.cli.render.project import made_by, precise
from vecindex.cli.render.rows import write_rows
from vecindex.messages import counted, percent
from vecindex.reports.figures import NONE, figure, number, share
from vecindex.reports.overlap.maps import RULES, enough_of
from vecindex.verbs.overlap.causes.experiments import bearing_on, outcome_in_words

if TYPE_CHECKING:
    from vecindex.core.nulls import Interval
    from vecindex.verbs.overlap.causes.nested import NestedPoint, Trend
    from vecindex.verbs.overlap.result import MapOverlap, OverlapResult, Placement

WORST = 5
_NAMES = {
    "nearest_dist": "nearest distance",
    "overlap": "overlap",
    "answers_recall": "answers found",
    "mrr": "MRR",
    "topic_precision": "on topic",
}
_AT_K = ("answers_recall", "topic_precision")
_PLAIN = ("nearest_dist", "mrr")
"""Printed as numbers; the others are shares."""


def _print_ranked(result: OverlapResult) -> None:
    """Print which of a ranker's hits the maps keep, next to the nearest by vectors."""
    if result.ranked is None or not result.maps:
        return
    out(f"\nhits by {result.ranked.ranker}, and what is nearest by meaning")
    head = ["map", f"overlap@{result.k}", "by meaning", "change", "interval", "kept of near ones", "of others"]
    rows = [head]
    for found in result.maps:
        if (one := found.ranked) is not None:
            change = f"{100 * one.change.mean:+.0f} points"
            cells = [share(found.search.overlap.mean), share(one.by_meaning.mean), change]
            ends = interval(one.change, lambda value: f"{100 * value:+.0f}")
            rows.append([found.name, *cells, ends, share(one.near_kept), share(one.far_kept)])
    table(rows)
    prose(result.ranked.note, indent=2)


def print_overlap(result: OverlapResult) -> None:
    """Print all figures: the causes, the maps, the worst questions, embedding space.

    The causes and what helps stand before the figures that they rest on.
    """
    out()
    prose(measured_on(result))
    print_causes(result)
    if result.maps:
        _print_ranked(result)
        _print_maps(result)
        _print_further_metrics(result)
        _print_worst(result)
    _print_space(result)
    if not result.maps:
        out()
        prose(result.next[0])


def print_causes(result: OverlapResult) -> None:
    """Print the causes, the likeliest first, with their figures, experiments and remedies."""
    out(f"\ncauses on the map {result.best.name!r}" if result.best else "\ncauses")
    for verdict in result.causes:
        prose(f"{verdict.cause} ({verdict.confidence} confidence): {verdict.summary}", indent=2)
        tested = [
            ("tested", f"{e.name}: {outcome_in_words(e, verdict.cause)}")
            for e in bearing_on(verdict.cause, result.experiments)
        ]
        why = ("figures", figures(verdict.because))
        facts([("remedy", verdict.remedy), why, *tested, ("proof", verdict.experiment)], indent=4)


def figures(values: dict[str, float]) -> str:
    """Return figures by name on one line."""
    return "; ".join(f"{name} {figure(value)}" for name, value in values.items())


def interval(found: Interval, show: Callable[[float], str] = share) -> str:
    """Return the ends of an interval."""
    return NONE if number(found.low) is None else f"{show(found.low)} to {show(found.high)}"


def _print_maps(result: OverlapResult) -> None:
    out(
        f"\nmaps (chance {share(result.chance)}; snapping onto the nearest article keeps at least "
        f"{share(result.snap_floor)})"
    )
    head = ["map", "placement", f"overlap@{result.k}", "ceiling", "interval", enough_of(result.k), "none"]
    rows = [[*head, "weighted", "soft@50", "close@50", "self-recall"]]
    rows += [_placement_row(found, placed) for found in result.maps for placed in (found.search, found.median)]
    table(rows)
    if result.ceiling is not None:
        prose(f"ceiling: {result.ceiling}", indent=2)
    _print_kinds(result)
    k = result.maps[0].fidelity.k if result.maps[0].fidelity else result.k
    out(f"\nthe maps themselves (k = {k}, chance 0.5; R_NX over k = 1 to 50, chance 0)")
    table(
        [
            ["map", f"{result.by}s", "trustworthiness", "continuity", "R_NX, area over k", "agreement"],
            *(_fidelity_row(found) for found in result.maps),
        ]
    )
    for line in _left_out(result):
        prose(line, indent=2)
    out(f"\nwhere questions and articles lie (compactness in embedding space {figure(result.space.compactness)})")
    head = ["map", "compactness", "points in box (expected)", "entropy", "Gini", "Clark-Evans", "over cells"]
    table([head, *(_geometry_row(found) for found in result.maps)])
    for found in result.maps:
        if made := made_by(found.about):
            out(f"  {found.name}{made}")
        if found.outside:
            out(f"  {found.outside:,} not on {found.name}, {share(found.targets_outside)} of the questions' nearest")
        if isinstance(note := found.about.get("anchored_note"), str):
            out(f"    {note}")


def _print_kinds(result: OverlapResult) -> None:
    """Print the best map's figures by kind of question, or by topic where no question has a kind."""
    if result.best is None or not result.best.by_kind:
        return
    out(f"\nkinds of questions on the map {result.best.name!r}, at their best positions")
    rows = [["kind", "questions", f"overlap@{result.k}", "ceiling", "interval", enough_of(result.k)]]
    for one in result.best.by_kind:
        cells = [share(one.overlap.mean), share(one.ceiling), interval(one.overlap), share(one.enough)]
        rows.append([short(one.kind, 32), f"{one.questions:,}", *cells])
    table(rows)


def _placement_row(found: MapOverlap, placed: Placement) -> list[str]:
    return [
        found.name,
        RULES[placed.rule],
        share(placed.overlap.mean),
        share(found.ceiling.mean if found.ceiling else None),
        interval(placed.overlap),
        share(placed.enough.mean),
        share(placed.none),
        share(placed.rank_weighted.mean),
        share(placed.soft.get(50)),
        share(placed.reciprocal.get(50)),
        share(found.self_recall.mean),
    ]


def _print_further_metrics(result: OverlapResult) -> None:
    """Print the metrics without a column of their own: those of other packages."""
    if not result.metrics:
        return
    rows = [["map", "placement", "metric", "mean", "interval"]]
    for found in result.maps:
        for placed in (found.search, found.median):
            for name, value in placed.metrics.items():
                metric, at, depth = name.partition("@")
                label = plain(result.metrics[metric].label + at + depth)
                rows.append([found.name, RULES[placed.rule], label, figure(value.mean), interval(value, figure)])
    out("\nfurther metrics")
    table(rows)
    for about in result.metrics.values():
        better = "" if about.higher_is_better else "; lower is better"
        prose(f"{plain(about.label)}: {plain(about.about)}{better}", indent=2)


def _left_out(result: OverlapResult) -> Iterator[str]:
    """Yield why figures of the maps themselves are missing."""
    for found in result.maps:
        if found.fidelity is not None and found.fidelity.trustworthiness is None:
            k = found.fidelity.k
            yield f"{found.name}: trustworthiness and continuity at {k} take at least {counted(2 * k + 1, 'article')}"


def _fidelity_row(found: MapOverlap) -> list[str]:
    kept = found.fidelity
    cells = [NONE] * 3
    if kept is not None:
        cells = [precise(one) for one in (kept.trustworthiness, kept.continuity, kept.rnx_area)]
    return [found.name, f"{found.articles:,}", *cells, figure(found.agreement)]


def _geometry_row(found: MapOverlap) -> list[str]:
    even, placed = found.evenness, found.search
    spread = [NONE] * 4
    if even is not None:
        cells = f"{even.cells:,} of {even.cell_width:.3g} x {even.cell_height:.3g}"
        spread = [f"{even.entropy:.2f}", f"{even.gini:.2f}", figure(even.clark_evans), cells]
    inside = f"{placed.articles_inside:,} ({placed.articles_expected:,.1f})"
    return [found.name, figure(placed.compactness), inside, *spread]


def _print_worst(result: OverlapResult) -> None:
    best = result.best
    assert best is not None, "there is a map"
    rows = result.worst_first(best.name)[:WORST]
    out(f"\nworst questions on the map {best.name!r}")
    shown = [["overlap", "dist", "id", "question", "nearest article"]]
    for row in rows:
        nearest = row.neighbors[0]
        shown.append(
            [
                share(row.maps[best.name]["search"].overlap),
                f"{row.nearest_dist:.3f}",
                short(row.id, 12),
                short(row.text, 48),
                short(nearest.title or nearest.id, 32),
            ]
        )
    table(shown)


def _print_space(result: OverlapResult) -> None:
    s = result.space
    rows = [
        (
            "nearest article",
            f"at a distance of {s.nearest_dist:.3f}, articles to each other {s.articles_nearest_dist:.3f}: "
            f"percentile {s.nearest_percentile:.0f} of theirs; {share(s.far_share)} of the questions beyond the 95th",
        )
    ]
    if answers := _answers(result):
        rows.append(("right articles", answers))
    if s.topic_precision is not None:
        kept = result.best.search.topic_precision if result.best else None
        on = (
            f"; on the map {result.best.name!r} {share(kept.mean)} ({interval(kept)})" if result.best and kept else ""
        )
        rows.append(("same topic", f"{share(s.topic_precision.mean)} ({interval(s.topic_precision)}){on}"))
    rows += [
        (
            f"{result.k} nearest",
            f"{share(s.distinct_ratio)} of them different; on one spot {share(s.collapse_ceiling)} could be kept at "
            f"best; {share(s.hub_share)} are hubs, {share(s.duplicated_targets)} have near-duplicates",
        ),
        (
            "among themselves",
            f"{share(s.mixing)} of a question's nearest are questions (chance {share(s.mixing_chance)})",
        ),
        (
            "style",
            f"centers {figure(s.style.gap)} apart, cosine {figure(s.style.centroid_cosine)}; AUC of a linear rule "
            f"between questions and articles {figure(s.style.auc)}, and their nearest {figure(s.style.auc_near)} "
            "(chance 0.5)",
        ),
    ]
    out("\nembedding space")
    facts(rows)


def _answers(result: OverlapResult) -> str:
    s = result.space
    absent = f"{share(s.answers_absent)} of them are not in the table"
    if s.answers is None:
        return absent if s.answers_absent is not None else ""
    on_map = result.best.search.answers if result.best else None
    there = f"; on the map {result.best.name!r} {share(on_map.recall)}" if result.best and on_map else ""
    return (
        f"recall@{result.k} {share(s.answers.recall)}, MRR {s.answers.mrr:.2f} over {s.answers.questions:,} "
        f"questions{there}; {absent}"
    )


def print_experiments(result: OverlapResult) -> None:
    """Print what was tried for and against the causes, with the figures."""
    if not result.experiments:
        return
    out("\nexperiments")
    for done in result.experiments:
        prose(f"{outcome_in_words(done)} ({done.name})", indent=2)
        facts([("figures", figures(done.figures))], indent=4)


def print_what_if(result: OverlapResult) -> None:
    """Print what the nested samples say of more articles, then their figures and the change with each doubling."""
    found = result.what_if
    if found is None:
        return
    out("\nwhat if there were more articles")
    prose(found.summary, indent=2)
    shown = [("nearest_dist", None), *(("overlap", name) for name in found.points[0].overlap)]
    shown += [(name, None) for name in (*_AT_K, "mrr") if getattr(found.points[0], name) is not None]
    trends = {(trend.figure, trend.map): trend for trend in found.trends}
    rows = [
        [
            f"{result.by}s, each sample in the next",
            *(f"{point.articles:,}" for point in found.points),
            "each doubling",
            "",
        ],
        ["share", *(percent(point.share) for point in found.points), "", ""],
    ]
    for name, on in shown:
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


def write_csv(result: OverlapResult, path: str) -> None:
    """Write `OverlapResult.flat_rows` with a header; raises ConfigError when the file cannot be written."""
    write_rows(result.flat_rows(), path)


def write_neighbors(result: OverlapResult, path: str) -> None:
    """Write `OverlapResult.neighbor_rows` with a header; raises ConfigError when the file cannot be written."""
    write_rows(result.neighbor_rows(), path)

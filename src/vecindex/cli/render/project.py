"""How the result of `project`, and what is stored with a map, look on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from vecindex.cli.layout import out, plain, prose, table
from vecindex.cli.output import WORTH_A_FORECAST_S, duration, expected, size
from vecindex.core.anchors import anchored_to
from vecindex.messages import Message, Placeholder, command, counted, percent, text
from vecindex.reports.figures import NONE, number
from vecindex.verbs.map_state import IMPORTED, rebuilt_by

if TYPE_CHECKING:
    from vecindex.core.nulls import Interval
    from vecindex.verbs.project.align import Displacement
    from vecindex.verbs.project.result import (
        AnchorResult,
        ArticleCost,
        ImportedPositions,
        PlacedRows,
        ProjectResult,
        QuestionScores,
        SampledRows,
    )
    from vecindex.verbs.scores.scores import MapScores

Rows = list[list[str]]
"""A table, its head first."""


def print_project(result: ProjectResult) -> None:
    """Print what was done, the scores, how far articles moved, and the time of each stage."""
    if result.action == "dropped":
        out(f"map {result.name!r} of {result.table} dropped")
        return
    outside = f", {result.outside:,} outside it" if result.outside else ""
    prose(f"map {result.name!r} of {result.table} {result.action}: {counted(result.articles, 'article')}{outside}")
    for line in _lines(result):
        if isinstance(line, str):
            prose(line, indent=2)
        else:
            table(line)
    if result.seconds:
        stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in result.seconds.items() if seconds >= 0.05)
        prose(f"time: {duration(sum(result.seconds.values()))}" + (f" ({stages})" if stages else ""))
    forecast = result.forecast
    if forecast is not None and forecast.took_s is not None and forecast.high_s >= WORTH_A_FORECAST_S:
        took = duration(forecast.took_s) + (f" and {size(forecast.took_bytes)}" if forecast.took_bytes else "")
        prose(f"expected {expected(forecast)}; took {took}")


def _lines(result: ProjectResult) -> Iterator[Message | Rows]:
    if result.settings and result.action != "unchanged":
        settings = ", ".join(f"{name} {value}" for name, value in result.settings.items())
        made = f"anchored from the map {result.anchor.base!r}" if result.anchor else f"method {result.method}"
        yield f"{made}, seed {result.seed}; {settings}"
    if result.imported is not None:
        yield from _imported(result.imported)
    if result.graph is not None:
        graph = result.graph
        searched = f", {counted(graph.searched, 'row')} searched" if graph.how == "extended" else ""
        yield f"neighbor graph {graph.how}{searched}: {graph.k} each, recall {graph.recall:.4f}"
    if result.focus is not None:
        cover = ", ".join(f"{percent(share, 1)} of their {k} nearest" for k, share in result.focus.cover.items())
        yield f"focus on {counted(result.focus.asked, 'question')} ({plain(result.focus.questions)}): holds {cover}"
    if result.sampled is not None:
        yield from _sampled(result.sampled)
    if result.scores is not None:
        yield from _scores(result.scores)
    if result.anchor is not None:
        yield from _anchor_lines(result.anchor)
    yield from _changes(result)


def _sampled(found: SampledRows) -> Iterator[str]:
    copies = f", {found.copies:,} of them next to an article that they nearly repeat" if found.copies else ""
    yield (
        f"laid out: a sample of {counted(found.laid_out, 'article')}; {counted(found.placed, 'other')} placed "
        f"among them{copies}"
    )
    if found.recall:
        yield "those laid out keep " + recall_text(found.recall, found.sample)
    if found.placed_recall:
        yield "those placed keep " + recall_text(found.placed_recall, found.placed_sample)


def _changes(result: ProjectResult) -> Iterator[Message]:
    """Yield what became of the rows since the map was made, and what to do next."""
    if result.moved is not None:
        moved = result.moved
        yield (
            f"aligned with the map it replaces: {counted(moved.articles, 'article')} moved by "
            f"{percent(moved.median, 2)} of "
            f"its width (median), 95 % of them by less than {percent(moved.p95, 2)}"
        )
    if result.placed is not None:
        placed = result.placed
        yield f"{counted(placed.articles, 'row')} placed{_of_them(placed)}; nothing else moved"
        if placed.recall:
            yield "new ones keep " + recall_text(placed.recall, placed.sample)
            yield "old ones keep " + recall_text(placed.old_recall, placed.old_sample)
    if result.gone:
        yield f"{counted(result.gone, 'row')} removed or changed meanwhile, not on it"
    if result.new:
        update = command("project", result.name, update=True)
        yield text(f"{counted(result.new, 'row is', 'rows are')} new since it was begun: ", update, " places them")
    if result.due:
        sampled = None if result.sampled is None else {"laid_out": result.sampled.laid_out}
        again = rebuilt_by(result.name, {"method": result.method, "settings": result.settings, "sampled": sampled})
        if result.method == IMPORTED:
            again = command("project", result.name, positions=Placeholder("FILE"))
        if result.anchored:
            again = command("project", result.name, anchor=True, questions=Placeholder("FILE"))
        yield text(f"a rebuild is due: {result.due}: ", again)


def _imported(found: ImportedPositions) -> Iterator[str]:
    fields = ", ".join((found.id, *found.columns))
    yield plain(f"made elsewhere: {found.rows:,} positions from {found.source} ({fields})")
    reasons = {
        "unknown": "the id is not in the table",
        "repeated": "the id came before, and its first position counts",
        "not_finite": "x or y is no finite number",
        "nameless": "no id",
    }
    for key, words in reasons.items():
        if count := getattr(found, key):
            some = ", ".join(found.examples.get(key, ()))
            shown = f" ({some}{', ...' if count > len(found.examples[key]) else ''})" if some else ""
            yield plain(f"{count:,} of them: {words}{shown}")
    if found.without:
        yield f"{counted(found.without, 'row')} of the table without a position, not on it"


def _of_them(placed: PlacedRows) -> str:
    """Return how many of the rows that were placed went where they were, and next to near-copies."""
    some = [f"{placed.kept:,} of them where they were before"] if placed.kept else []
    some += [f"{placed.copies:,} next to an article that they nearly repeat"] if placed.copies else []
    return "".join(f", {one}" for one in some)


def _scores(scores: MapScores) -> Iterator[str]:
    if any(scores.recall.values()):
        yield "articles keep " + recall_text(scores.recall, scores.sample)
    if missing := [str(k) for k, one in scores.recall.items() if one is None]:
        n = scores.articles
        yield (
            f"no recall at {', '.join(missing)}: of {counted(n, 'article')} each has {n - 1:,} others, "
            f"which any map keeps"
        )
    if scores.duplicates:
        yield f"{scores.duplicates:,} have the same vector as another one; equally near ones count alike"
    found, even = scores.fidelity, scores.evenness
    trust, continuity, area = (precise(one) for one in (found.trustworthiness, found.continuity, found.rnx_area))
    near = f"trustworthiness {trust}, continuity {continuity} at {found.k}, over {found.ranked:,}; "
    if found.trustworthiness is None:
        least = 2 * found.k + 1
        yield f"no trustworthiness and continuity at {found.k}: they take at least {counted(least, 'article')}"
        near = ""
    if found.rnx_area is not None:
        yield f"{near}R_NX area {area} to {found.depth}"
    if even is not None:
        yield f"evenness: entropy {even.entropy:.2f}, Gini {even.gini:.2f} over {even.cells:,} cells"


def recall_text(recall: Mapping[int, Interval | None], sample: int) -> str:
    """Return the recall with its interval, at each k that has one."""
    kept = [f"{percent(r.mean, 1)} of their {k} nearest{_interval(r)}" for k, r in recall.items() if r is not None]
    return f"{', '.join(kept)}, over {sample:,}"


def precise(found: Interval | None) -> str:
    """Return a mean with its interval, to four decimals; each only where there is one."""
    if found is None:
        return NONE
    if number(found.low) is None:
        return NONE if number(found.mean) is None else f"{found.mean:.4f}"
    return f"{found.mean:.4f} ({found.low:.4f} to {found.high:.4f})"


def made_by(about: Mapping[str, Any]) -> str:
    """Return what made a map, as a remark in brackets; nothing where it is not known.

    >>> made_by({"method": "tsne", "seed": 3, "anchored": True}), made_by({})
    (' (made by tsne, seed 3, anchored)', '')
    """
    if not isinstance(about.get("method"), str):
        return ""
    parts = ["elsewhere"] if about["method"] == IMPORTED else [f"by {about['method']}"]
    parts += [f"seed {about['seed']}"] if about.get("seed") is not None else []
    parts += [anchors] if (anchors := anchored_to(about)) else []
    return " " + plain(f"(made {', '.join(parts)})")


def map_line(name: str, about: Any) -> str:
    """Return one line on a stored map, from what is stored with it; maps of other programs may hold anything."""
    if not isinstance(about, Mapping):
        return name
    method = str(about.get("method", "of unknown method"))
    parts = ["made elsewhere" if method == IMPORTED else method]
    parts += [anchors] if (anchors := anchored_to(about)) else []
    if isinstance(about.get("articles"), int):
        parts.append(f"{counted(about['articles'], 'article')}")
    if about.get("outside"):
        parts.append(f"{counted(about['outside'], 'row')} outside it")
    recall = (about.get("scores") or {}).get("recall") or {}
    parts += [
        f"recall@{k} {percent(value['mean'], 1)}"
        for k, value in recall.items()
        if isinstance(value, Mapping) and isinstance(value.get("mean"), float)
    ]
    if duplicates := (about.get("scores") or {}).get("duplicates"):
        parts.append(f"{duplicates:,} with the vector of another one")
    if isinstance(about.get("sampled"), Mapping):
        parts.append(f"a sample of {about['sampled'].get('laid_out', 0):,} laid out, the others placed")
    if about.get("focus"):
        parts.append(f"focus on {about['focus'].get('questions')}")
    return plain(f"{name}: {', '.join(parts)}")


def _anchor_lines(found: AnchorResult) -> Iterator[Message | Rows]:
    """Yield what the questions keep, next to what it must be compared with, and what it cost the articles."""
    files = ", ".join(plain(file.name) for file in found.files)
    questions = f"{found.questions:,} question{'' if found.questions == 1 else 's'}"
    yield f"anchored to {files} ({questions}), {found.k} articles each, strength {found.strength}"
    yield _table(found)
    if found.held_out_change is not None:
        yield f"held out minus unanchored: {_signed(found.held_out_change)} (overlap@{found.k})"
    if found.no_controls is not None:
        yield text("controls not run: ", found.no_controls)
    yield _meaning(found)
    yield from _cost("articles", found.articles)
    if found.moved_articles is not None:
        yield from _cost("moved ones", found.moved_articles)
    if found.other is not None:
        yield from _cost(f"with strength {found.other.strength} articles", found.other.articles)
        yield f"with strength {found.other.strength} {percent(found.other.moved, 2)} of them move by more than 1 %"
    yield f"moved from the map {found.base!r}: {_moves(found.displacement)}"
    yield f"the questions' nearest: {_moves(found.targets_displacement)}"


def _meaning(found: AnchorResult) -> str:
    """Return what the figures say of other questions."""
    kept = percent(found.anchored.overlap.mean)
    if found.held_out is None:
        return f"{kept} holds because the map was laid out for these questions; it says nothing of other questions"
    expected = percent(found.held_out.overlap.mean)
    return f"{kept} holds because the map was laid out for these questions; expect {expected} for other questions"


def _table(found: AnchorResult) -> Rows:
    k = found.k
    folds = f"held out, {found.folds} folds"
    rows: list[tuple[str, QuestionScores | None]] = [
        ("unanchored", found.unanchored),
        ("anchored", found.anchored),
        (folds, found.held_out),
        ("shuffled neighbors", found.shuffled),
        *([(f"strength {found.other.strength}", found.other.anchored)] if found.other else []),
    ]
    lines = [["", f"overlap@{k}", "at least 3 of 5", f"soft {k} in 50"]]
    for name, scores in rows:
        if scores is not None:
            values = (scores.overlap, scores.enough, scores.soft)
            lines.append([name, *(f"{percent(value.mean, 1)} {_ends(value)}" for value in values)])
    return lines


def _cost(name: str, cost: ArticleCost) -> Iterator[str]:
    if not cost.before:
        return
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


def _ends(value: Interval) -> str:
    return f"({percent(value.low, 1)} to {percent(value.high, 1)})"


def _interval(value: Interval) -> str:
    """Return the interval as a remark in brackets, where there is one: a single article shows no spread."""
    return "" if number(value.low) is None else f" {_ends(value)}"


def _signed(value: Interval) -> str:
    return f"{100 * value.mean:+.1f} points, {100 * value.low:+.1f} to {100 * value.high:+.1f}"

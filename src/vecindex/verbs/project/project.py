"""A map made of all vectors of a table, scored, and put into the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vecindex.core.anchors import anchored_to
from vecindex.core.graph import GRAPH_K, Graph
from vecindex.core.memory import give_back_memory
from vecindex.core.neighbors import F64, Rows
from vecindex.core.placement import place_at_median
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.maps.methods import MapMethod, Settings, usable_method
from vecindex.messages import Placeholder, command, counted, option, text
from vecindex.neighbors.coarse import CoarseSearch
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import check_map_name, drop_map, maps
from vecindex.types import Observer, Silent, SourceData
from vecindex.verbs.graph import GraphOrigin, Make, Prepared, complete, complete_and_keep, keep_graph, prepare
from vecindex.verbs.map_rows import MapRows, read_rows
from vecindex.verbs.map_state import rebuilt_by
from vecindex.verbs.project.align import Moved, align
from vecindex.verbs.project.anchor import anchor_map
from vecindex.verbs.project.anchor_plan import base_name, plan_anchor
from vecindex.verbs.project.focus import focus_kept, nearest_articles
from vecindex.verbs.project.forecast import Work, expect
from vecindex.verbs.project.imported import import_map
from vecindex.verbs.project.options import (
    ANCHORED_NAME,
    DEFAULT_NAME,
    IMPORTED_NAME,
    MIN_ARTICLES,
    Files,
    ProjectOptions,
    checked_project,
    method_of,
    method_settings,
)
from vecindex.verbs.project.result import FocusCover, ProjectResult, SampledRows
from vecindex.verbs.project.run import RowCounts, Run, writer_when_free
from vecindex.verbs.project.sample.sampled import draw, measure, numbers_of, with_others
from vecindex.verbs.project.sample.unfinished import Begun, Unfinished
from vecindex.verbs.project.size import laid_out_rows
from vecindex.verbs.project.update import update_map
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.scores.scores import MapScores, score_map

# float32 holds about 1e-38 to 1e38; the distances within a map need some of that.
_LEAST_WIDTH = 1e-12


def project(
    database: Database,
    table: str,
    name: str | None,
    questions: Files,
    options: ProjectOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stdin: BinaryIO | None = None,
    positions: SourceData | None = None,
) -> ProjectResult:
    """Make, rebuild, update, drop or take over a map; see `Index.project`."""
    sources = [str(file) for file in ([questions] if isinstance(questions, str | Path) else questions)]
    options = checked_project(sources, options, positions is not None)
    elsewhere = positions is not None or options["columns"] is not None
    database.durable |= options["durable"]
    name = name or (ANCHORED_NAME if options["anchor"] else IMPORTED_NAME if elsewhere else DEFAULT_NAME)
    run = Run(database, database.articles(table), options, model, observer or Silent(), stdin)
    if options["drop"]:
        return _drop(run, name)
    check_map_name(run.table, name)
    if options["anchor"]:
        return _anchor(run, name, sources)
    old = maps(run.table).get(name)
    if options["update"]:
        return update_map(run, name, old)
    _refuse_another(run.table, name, options, old, elsewhere)
    if elsewhere:
        return import_map(run, name, old, positions)
    made_by = method_of(options)
    if isinstance(old, Mapping) and old.get("method") not in (None, made_by):
        run.observer.notice(f"the map {name!r} was made by {old['method']}; now it is made by {made_by}")
    if holder := database.writer_at_work():
        run.observer.notice(f"another process is writing ({holder}); the map is made meanwhile, of what is there now")
    return _make(run, name, old)


def _drop(run: Run, name: str) -> ProjectResult:
    with writer_when_free(run.database, run.observer):
        drop_map(run.table, name)
        run.forget_former(name)
    run.clock.lap("write")
    return run.result(name, "dropped", None, RowCounts(0, run.table.count(), 0, 0))


def _anchor(run: Run, name: str, sources: Sequence[str]) -> ProjectResult:
    """Anchor a map; the default one is made first where there is none at all."""
    wanted, there = run.options["base"], maps(run.table)
    if wanted is None and (base := base_name(name, None, there)) not in there:
        run.observer.notice(f"there is no map {base!r} to anchor; it is made first")
        project(run.database, run.table.name, base, (), {"seed": run.seed}, run.model, run.observer)
        run = replace(run, table=run.database.articles(run.table.name))
        there = maps(run.table)
    return anchor_map(run, plan_anchor(run.table, name, wanted, there), sources)


def _make(run: Run, name: str, old: Any) -> ProjectResult:
    options, clock, observer = run.options, run.clock, run.observer
    method, settings = usable_method(method_of(options)), method_settings(options)
    make = _by_workers(options, method)
    asked = None
    if options["focus"] is not None:
        asked = run.questions(options["focus"])
        clock.lap("questions")
    whole = read_rows(run.table, None if old is None else name)
    _refuse_few(whole)
    k = max(GRAPH_K, method.neighbors(settings)) if method.neighbors else 0
    size = laid_out_rows(options, whole, k > 0, observer)
    unfinished = None if size is None else Unfinished(run, name, whole, size, settings, old)
    if unfinished is not None and (begun := unfinished.load()) is not None:
        vectors = whole.some(begun.laid_out).matrix(observer)
        clock.lap("reading")
        if unfinished.check(vectors):
            clusters = CoarseSearch(vectors, len(vectors), run.seed)
            del vectors
            return _of_sample(run, name, old, whole, begun, clusters, unfinished)
    rows = whole if size is None else draw(whole, size, run.seed)
    prepared = prepare(run.database, rows, k, observer) if k and asked is None else Prepared(rows, None, False)
    rows = prepared.rows
    clock.lap("rows")
    expected = expect(_work(run, prepared, k, settings, len(whole)), observer)
    clock.lap("forecast")
    vectors = rows.matrix(observer)
    _refuse_alike(rows, vectors)
    clock.lap("reading")
    on_map, focus = None, None
    if asked is not None:
        on_map, cover = nearest_articles(asked[1], vectors, options["focus_size"] or MIN_ARTICLES)
        focus = FocusCover(asked[0].name, len(asked[1]), len(on_map), cover)
        vectors = np.ascontiguousarray(vectors[on_map])
        clock.lap("focus")
    # The graph of a sample replaces none of more rows.
    keep = on_map is None and (size is None or prepared.stored <= len(rows))
    graph, origin, stored = _graph(run, prepared, vectors, k, keep=keep, make=make)
    clock.lap("graph")
    before = None if options["fresh"] else _old_positions(rows, on_map)
    xy, moved = _laid_out(run, method, settings, vectors, graph, before)
    clock.lap("layout")
    if unfinished is not None:
        begun = Begun(numbers_of(rows, whole), xy, origin, moved)
        unfinished.begin(vectors, begun)
        clusters = CoarseSearch(vectors, len(vectors), run.seed)
        del vectors
        result = _of_sample(run, name, old, whole, begun, clusters, unfinished)
    else:
        scores = score_map(vectors, xy, sample=options["sample"], seed=run.seed, observer=observer)
        clock.lap("scores")
        del vectors
        give_back_memory()
        result = _stored(run, name, old, rows, on_map, xy, scores, origin, moved, focus=focus_kept(focus, asked))
    if not stored and (size is None or keep):
        keep_graph(run.database, rows, graph, observer)
    return replace(
        result,
        focus=focus,
        rejected=asked[0].rejected if asked else (),
        duplicates=asked[0].duplicates if asked else (),
        forecast=expected.compared(clock.laps),
    )


def _of_sample(
    run: Run,
    name: str,
    old: Any,
    rows: MapRows,
    begun: Begun,
    clusters: CoarseSearch,
    unfinished: Unfinished,
) -> ProjectResult:
    """Place all others of the rows among those laid out, score the map and store it.

    `clusters` are of the vectors laid out, which it does not hold yet.
    """
    give_back_memory()
    settings = method_settings(run.options)
    placed = with_others(rows, begun.laid_out, begun.xy, clusters, settings, run.seed, run.observer, unfinished)
    del clusters
    run.clock.lap("placing")
    scores, sampled = measure(rows, placed, run.options["sample"], run.seed, run.observer)
    run.clock.lap("scores")
    give_back_memory()
    result = _stored(run, name, old, rows, None, placed.xy, scores, begun.graph, begun.moved, sampled=sampled)
    unfinished.forget()
    return result


def _stored(
    run: Run,
    name: str,
    old: Any,
    rows: MapRows,
    on_map: Rows | None,
    xy: F64,
    scores: MapScores,
    graph: GraphOrigin | None,
    moved: Moved | None,
    *,
    focus: dict[str, Any] | None = None,
    sampled: SampledRows | None = None,
) -> ProjectResult:
    """Store a map in place of the old one, and return what was done."""
    about = run.about(
        rows,
        method_of(run.options),
        method_settings(run.options),
        scores,
        graph=graph,
        rebuilt={"from": old.get("id"), "moved": moved} if isinstance(old, Mapping) and moved is not None else None,
        focus=focus,
        sampled=sampled,
    )
    written = run.write(name, rows, on_map, xy, about, old)
    result = run.result(name, "made" if old is None else "rebuilt", about, written)
    return replace(result, graph=graph, scores=scores, moved=moved, sampled=sampled)


def _work(run: Run, prepared: Prepared, k: int, settings: Settings, of: int) -> Work:
    """Return what laying a map out of a table of so many rows will take; `k` neighbors are in its graph."""
    by_workers = run.options["engine"] is not None and prepared.kept is None
    rows, options = prepared.rows, run.options
    articles = min(len(rows), options["focus_size"] or len(rows))
    return Work(
        rows=of,
        articles=articles,
        dimension=rows.table.fingerprint.dimension,
        # What workers search for, this machine does not.
        searched=0 if not k or by_workers else articles if prepared.kept is None else prepared.searched,
        made=prepared.kept is None,
        method=method_of(options),
        settings=settings,
        rebuilt=rows.positions is not None and not options["fresh"],
        sample=options["sample"],
        placed=of - len(rows),
    )


def _by_workers(options: ProjectOptions, method: MapMethod) -> Make | None:
    """Return what has workers make the neighbor graph, None for this process.

    Raises ConfigError where the method needs none, and where no cluster answers: now, and not after the reading.
    """
    from vecindex.cluster.connection import check_address, require_ray
    from vecindex.cluster.engine import workers_of

    if (workers := workers_of(options)) is None:
        return None
    if method.neighbors is None:
        raise ConfigError(
            text(option("engine"), " has no effect on ", option("method", method_of(options)), "."),
            "Workers make the neighbor graph, which this method does not need.",
        )
    require_ray()
    check_address(workers.engine)
    from vecindex.verbs.cluster.graph import graph_by_workers

    return partial(graph_by_workers, workers)


def _graph(
    run: Run, prepared: Prepared, vectors: F32, k: int, *, keep: bool, make: Make | None
) -> tuple[Graph, GraphOrigin | None, bool]:
    """Return the graph of the vectors, where it came from, and whether it needs no storing any more."""
    if not k:
        return Graph.without_neighbors(len(vectors)), None, True
    if make is not None and prepared.kept is not None:
        run.observer.notice("the neighbor graph that is stored is used, so workers have nothing to do")
    if keep:
        return complete_and_keep(run.database, prepared, vectors, k, run.seed, run.observer, make)
    return *complete(prepared, vectors, k, run.seed, run.observer, make), True


def _laid_out(
    run: Run, method: MapMethod, settings: Settings, vectors: F32, graph: Graph, before: F64 | None
) -> tuple[F64, Moved | None]:
    """Return the positions (n, 2) that a method gives, aligned with the map before, and how far the articles moved.

    They are rounded to float32, as they are stored, so that what is scored is what is stored.
    """
    init = None if before is None else _completed(before, graph).astype(np.float32)
    found = method.layout(vectors, graph, settings=settings, init=init, seed=run.seed, observer=run.observer)
    xy = np.asarray(found, dtype=np.float64)
    _refuse_shapeless(method_of(run.options), xy, len(vectors))
    xy, moved = (xy, None) if before is None else align(xy, before)
    return xy.astype(np.float32).astype(np.float64), moved


def _old_positions(rows: MapRows, on_map: Rows | None) -> F64 | None:
    """Return the positions on the map that is rebuilt; None where fewer than two are there to be aligned with."""
    if rows.positions is None:
        return None
    old = rows.positions if on_map is None else rows.positions[on_map]
    return old if np.isfinite(old).all(axis=1).sum() >= 2 else None


def _completed(old: F64, graph: Graph) -> F64:
    """Return old positions (n, 2), with the median of its neighbors for each new article, else the center."""
    old = old.copy()
    new = np.flatnonzero(np.isnan(old[:, 0]))
    if graph.k:
        old[new] = place_at_median(graph.rows[new].astype(np.int64), old)
    lost = np.isnan(old[:, 0])
    old[lost] = np.nanmean(old, axis=0)
    return old


def _refuse_another(table: ArticleTable, name: str, options: ProjectOptions, old: Any, elsewhere: bool) -> None:
    """Refuse to replace a map with one of another kind: anchored, of a part of the articles, made elsewhere."""
    imported = isinstance(old, Mapping) and old.get("imported") is not None
    if old is not None and imported != elsewhere:
        raise ConfigError(
            f"Map {name!r} of {table.where} was made {'elsewhere' if imported else 'here'}, and would be lost.",
            text("Give another name, or drop it first: ", command("project", name, drop=True)),
        )
    if (anchors := anchored_to(old)) is not None:
        what, without, again = (
            f"is {anchors}",
            option("anchor", True),
            text("Anchor it again: ", rebuilt_by(name, old)),
        )
    elif options["focus"] is None and isinstance(old, Mapping) and old.get("focus") is not None:
        what, without = "shows a part of the articles on purpose", option("focus")
        again = text("Make it again with its ", option("focus"), " and ", option("focus_size"))
    else:
        return
    raise ConfigError(
        text(f"Map {name!r} of {table.where} {what}; without ", without, " it would become another map."),
        text(again, "; or give another name, or drop it first: ", command("project", name, drop=True)),
    )


def _refuse_few(rows: MapRows) -> None:
    if len(rows) < MIN_ARTICLES:
        raise ConfigError(
            f"{rows.table.where} has {counted(len(rows), 'row')}; a map needs at least {MIN_ARTICLES}.",
            text("Ingest articles first: ", command("ingest", Placeholder("SOURCE"))),
        )


def _refuse_alike(rows: MapRows, vectors: F32) -> None:
    if np.ptp(vectors, axis=0).max() < 1e-6:
        raise ConfigError(
            f"All {len(rows):,} vectors of {rows.table.where} are alike, so all articles of a map would coincide.",
            text("Look at the texts: ", command("search", id=Placeholder("ID"))),
        )


def _refuse_shapeless(method: str, xy: F64, n: int) -> None:
    """Refuse a layout that float32 could not hold: some optimizers diverge, or let all articles fall together."""
    if xy.shape != (n, 2):
        raise ConfigError(f"Method {method} returned an array of shape {xy.shape}, expected ({n}, 2).")
    width = float(np.ptp(xy, axis=0).max())
    if not (np.isfinite(xy).all() and _LEAST_WIDTH < width < 1 / _LEAST_WIDTH):
        raise ConfigError(
            f"Method {method} found no layout of these {counted(n, 'article')} (width {width:.3g}).",
            text("Try other settings, or ", option("method", "pca"), ", which always has one."),
        )

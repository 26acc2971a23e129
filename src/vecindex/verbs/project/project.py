"""A map made of all vectors of a table, scored, and put into the table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from vecindex.core.anchors import anchored_to
from vecindex.core.graph import GRAPH_K, Graph
from vecindex.core.map_settings import METHODS, graph_k, settings_for
from vecindex.core.memory import give_back_memory
from vecindex.core.neighbors import F64, Rows
from vecindex.core.placement import place_at_median
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.neighbors.graph import knn_graph
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import check_map_name, drop_map, maps
from vecindex.types import Observer, Silent
from vecindex.verbs.clock import Clock
from vecindex.verbs.graph import GraphOrigin, complete, keep_graph, prepare
from vecindex.verbs.map_rows import MapRows, read_rows
from vecindex.verbs.map_state import FORMAT, library_versions, new_identity, rebuilt_by, why_due
from vecindex.verbs.project.align import Moved, align
from vecindex.verbs.project.anchor import anchor_map
from vecindex.verbs.project.anchor_plan import base_name, plan_anchor
from vecindex.verbs.project.focus import Focus, read_focus
from vecindex.verbs.project.options import MIN_ARTICLES, ProjectOptions
from vecindex.verbs.project.result import ProjectResult, plain_values
from vecindex.verbs.project.update import update_map
from vecindex.verbs.project.write import write_map, writer_when_free
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.scores.scores import MapScores, score_map

# float32 holds about 1e-38 to 1e38; the distances within a map need some of that.
_LEAST_WIDTH = 1e-12


@dataclass(slots=True)
class _Run:
    """What the stages of one projection share."""

    database: Database
    table: ArticleTable
    options: ProjectOptions
    old: Any
    """What is kept with the map of that name; None where there is none."""
    observer: Observer
    clock: Clock = field(default_factory=Clock)

    @property
    def method(self) -> str:
        return self.options.chosen_method


def project(
    database: Database,
    name: str,
    options: ProjectOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stdin: BinaryIO | None = None,
) -> ProjectResult:
    """Make, rebuild, update or drop a map; see `Index.project`."""
    observer = observer or Silent()
    table = database.articles(name)
    if options.drop:
        return _drop(database, table, options, observer)
    check_map_name(table, options.name)
    if options.anchor:
        return _anchor(database, table, options, model, observer, stdin)
    old = maps(table).get(options.name)
    if options.update:
        return update_map(database, table, options, old, observer)
    _refuse_anchored(table, options, old)
    _refuse_focused(table, options, old)
    if isinstance(old, Mapping) and old.get("method") not in (None, options.chosen_method):
        observer.notice(f"map {options.name} was made by {old['method']}; now it is made by {options.chosen_method}")
    if holder := database.writer().holder():
        observer.notice(f"another process is writing ({holder}); the map is made meanwhile, of what is there now")
    run = _Run(database, table, options, old, observer)
    focus = None
    if options.focus is not None and options.focus_size is not None:
        focus = read_focus(database, table, options.focus, options.focus_size, options.model, model, observer, stdin)
        run.clock.lap("questions")
    return _make(run, focus)


def _anchor(
    database: Database,
    table: ArticleTable,
    options: ProjectOptions,
    model: QuestionModel,
    observer: Observer,
    stdin: BinaryIO | None,
) -> ProjectResult:
    """Anchor a map; the default one is made first where there is none at all."""
    there = maps(table)
    if options.base is None and (base := base_name(options, there)) not in there:
        observer.notice(f"there is no map {base} to anchor; it is made first")
        project(database, table.name, ProjectOptions(name=base, seed=options.seed), model, observer)
        table = database.articles(table.name)
        there = maps(table)
    plan = plan_anchor(table, options, there)
    return anchor_map(database, table, plan, options, model, observer, stdin)


def _refuse_anchored(table: ArticleTable, options: ProjectOptions, old: Any) -> None:
    """Refuse to put a map that is anchored to nothing in the place of an anchored one, under its name."""
    told = anchored_to(old)
    if told is not None:
        raise ConfigError(
            f"Map {options.name!r} of {table.where} is {told}; without --anchor it would become another map.",
            f"Anchor it again: {rebuilt_by(options.name, old)}; or give another name, or --drop it first.",
        )


def _refuse_focused(table: ArticleTable, options: ProjectOptions, old: Any) -> None:
    """Refuse to put a map of all articles in the place of one that shows a part of them on purpose."""
    if options.focus is None and isinstance(old, Mapping) and old.get("focus") is not None:
        raise ConfigError(
            f"Map {options.name!r} of {table.where} shows a part of the articles on purpose; without --focus it "
            "would become another map.",
            "Make it again with its --focus and --focus-size; or give another name, or --drop it first.",
        )


def _drop(database: Database, table: ArticleTable, options: ProjectOptions, observer: Observer) -> ProjectResult:
    clock = Clock()
    with writer_when_free(database, observer):
        drop_map(table, options.name)
    clock.lap("write")
    return ProjectResult(
        table=table.name,
        name=options.name,
        action="dropped",
        method=None,
        settings={},
        seed=None,
        anchored=False,
        articles=0,
        outside=table.count(),
        gone=0,
        new=0,
        graph=None,
        scores=None,
        moved=None,
        placed=None,
        focus=None,
        due=None,
        seconds=clock.laps,
    )


def _make(run: _Run, focus: Focus | None) -> ProjectResult:
    options, clock, observer = run.options, run.clock, run.observer
    settings = settings_for(run.method, options.settings)
    rows = read_rows(run.table, None if run.old is None else options.name)
    _refuse_few(rows)
    wanted = max(GRAPH_K, graph_k(run.method, settings)) if METHODS[run.method].uses_graph else 0
    prepared = prepare(run.database, rows, wanted, observer) if wanted and focus is None else None
    rows = prepared.rows if prepared else rows
    vectors = rows.matrix(observer)
    _refuse_alike(rows, vectors)
    clock.lap("reading")
    graph = origin = None
    chosen: Rows | None = None
    unsaved: Graph | None = None
    if focus is not None:
        chosen = focus.choose(vectors)
        vectors = np.ascontiguousarray(vectors[chosen])
        clock.lap("focus")
        if wanted:
            graph = knn_graph(vectors, min(wanted, len(vectors) - 1), seed=options.seed, observer=observer)
            origin = GraphOrigin(graph.k, graph.recall, "made", len(graph))
    elif prepared is not None:
        graph, origin = complete(prepared, vectors, wanted, options.seed, observer)
        kept = prepared.whole and origin.how == "stored"
        unsaved = None if kept or keep_graph(run.database, rows, graph, observer) else graph
    clock.lap("graph")
    old_places = _old_places(run, rows, chosen)
    xy = _layout(run, settings, graph, vectors, old_places)
    _refuse_shapeless(run, xy)
    clock.lap("layout")
    xy, moved = align(xy, old_places) if old_places is not None else (xy, None)
    # What is stored is float32, so that is what is scored.
    xy = xy.astype(np.float32).astype(np.float64)
    scores = score_map(vectors, xy, sample=options.sample, seed=options.seed, observer=observer)
    clock.lap("scores")
    del vectors
    give_back_memory()
    cover = focus.cover if focus is not None else None
    about = _about(run, rows, settings, origin, scores, moved, plain_values(cover and _dict(cover)))
    return _finish(run, rows, settings, xy, chosen, origin, scores, moved, focus, about, unsaved)


def _finish(
    run: _Run,
    rows: MapRows,
    settings: Mapping[str, Any],
    xy: F64,
    chosen: Rows | None,
    origin: GraphOrigin | None,
    scores: MapScores,
    moved: Moved | None,
    focus: Focus | None,
    about: dict[str, Any],
    unsaved: Graph | None,
) -> ProjectResult:
    options = run.options
    places = xy
    if chosen is not None:
        places = np.full((len(rows), 2), np.nan)
        places[chosen] = xy
    with writer_when_free(run.database, run.observer):
        run.clock.lap("waiting")
        written = write_map(run.database, rows, options.name, places, about, run.old)
        run.clock.lap("write")
    if unsaved is not None:
        keep_graph(run.database, rows, unsaved, run.observer)
    return ProjectResult(
        table=run.table.name,
        name=options.name,
        action="made" if run.old is None else "rebuilt",
        method=run.method,
        settings=dict(settings),
        seed=options.seed,
        anchored=False,
        articles=written.articles,
        outside=written.outside,
        gone=written.gone,
        new=written.new,
        graph=origin,
        scores=scores,
        moved=moved,
        placed=None,
        focus=focus.cover if focus else None,
        due=why_due(about, written.articles + written.outside, written.outside),
        seconds=run.clock.laps,
        rejected=focus.rejected if focus else (),
        duplicates=focus.duplicates if focus else (),
    )


def _refuse_few(rows: MapRows) -> None:
    if len(rows) < MIN_ARTICLES:
        raise ConfigError(
            f"{rows.table.where} has {len(rows):,} rows; a map needs at least {MIN_ARTICLES}.",
            "Ingest articles first: vecindex ingest SOURCE",
        )


def _refuse_alike(rows: MapRows, vectors: F32) -> None:
    if np.ptp(vectors, axis=0).max() < 1e-6:
        raise ConfigError(
            f"All {len(rows):,} vectors of {rows.table.where} are alike, so a map of them would be a single spot.",
            "Look at the texts: vecindex search --id ID",
        )


def _refuse_shapeless(run: _Run, xy: F64) -> None:
    """Refuse a layout that float32 could not hold: some optimizers run away, or let everything fall onto one spot."""
    width = float(np.ptp(xy, axis=0).max())
    if not (np.isfinite(xy).all() and _LEAST_WIDTH < width < 1 / _LEAST_WIDTH):
        raise ConfigError(
            f"Method {run.method} found no layout of these {len(xy):,} articles (width {width:.3g}).",
            "Try other settings, or --method pca, which always has one.",
        )


def _old_places(run: _Run, rows: MapRows, chosen: Rows | None) -> F64 | None:
    if run.old is None or run.options.fresh or rows.places is None:
        return None
    places = rows.places if chosen is None else rows.places[chosen]
    # Two places tell a shift and a scale; fewer tell nothing.
    return places if np.isfinite(places).all(axis=1).sum() >= 2 else None


def _layout(run: _Run, settings: Mapping[str, Any], graph: Graph | None, vectors: F32, old_places: F64 | None) -> F64:
    if graph is None:
        from vecindex.maps.pca import pca_map

        return pca_map(vectors, observer=run.observer)
    init = None if old_places is None else _completed(old_places, graph).astype(np.float32)
    seed, observer = run.options.seed, run.observer
    if run.method == "umap":
        from vecindex.maps.umap import umap_map

        return umap_map(graph, vectors, init=init, seed=seed, settings=settings, observer=observer)
    if run.method == "tsne":
        from vecindex.maps.tsne import tsne_map

        return tsne_map(graph, vectors, init=init, seed=seed, settings=settings, observer=observer)
    from vecindex.maps.local import local_map

    return local_map(graph, vectors, init=init, seed=seed, settings=settings, observer=observer)


def _completed(places: F64, graph: Graph) -> F64:
    """Return old places (n, 2) with a place for each new article: the median of its neighbors, else the center."""
    places = places.copy()
    new = np.flatnonzero(np.isnan(places[:, 0]))
    places[new] = place_at_median(graph.rows[new].astype(np.int64), places)
    lost = np.isnan(places[:, 0])
    places[lost] = np.nanmean(places, axis=0)
    return places


def _about(
    run: _Run,
    rows: MapRows,
    settings: Mapping[str, Any],
    origin: GraphOrigin | None,
    scores: MapScores,
    moved: Moved | None,
    focus: Any,
) -> dict[str, Any]:
    """Return what is kept with a map."""
    old = run.old if isinstance(run.old, Mapping) and moved is not None else None
    about: dict[str, Any] = plain_values(
        {
            "format": FORMAT,
            **new_identity(),
            "method": run.method,
            "settings": dict(settings),
            "seed": run.options.seed,
            "anchored": False,
            "table_version": rows.version,
            "graph": _dict(origin) if origin else None,
            "scores": scores.to_dict(),
            "seconds": run.clock.laps,
            "versions": library_versions(),
            "rebuilt": {"from": old.get("id"), "moved": _dict(moved)} if old and moved else None,
            "focus": focus,
            "placed": [],
        }
    )
    return about


def _dict(value: Any) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(value)

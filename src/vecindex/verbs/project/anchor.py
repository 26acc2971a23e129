"""A map anchored to questions, derived from one that is there, which stays as it is."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from vecindex.core.anchors import AnchorSettings, anchor_settings
from vecindex.core.graph import GRAPH_K, Graph
from vecindex.core.neighbors import F64, Rows
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.maps.anchored import anchored_map, article_weights, capped
from vecindex.maps.descent import both_ways
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Observer, Stage
from vecindex.verbs.graph import GraphOrigin, complete, keep_graph, prepare
from vecindex.verbs.map_rows import MapRows, read_rows
from vecindex.verbs.map_state import FORMAT, library_versions, new_identity, why_due
from vecindex.verbs.project.align import align
from vecindex.verbs.project.anchor_measure import (
    FOLDS,
    Anchor,
    Kept,
    article_cost,
    held_out,
    kept,
    moved_cost,
    place,
    shuffled,
)
from vecindex.verbs.project.anchor_plan import AnchorPlan, AnchorQuestions, read_anchors
from vecindex.verbs.project.anchor_result import AnchorResult
from vecindex.verbs.project.displacement import FAR, Displacement, displacement, moves
from vecindex.verbs.project.folds import Folds
from vecindex.verbs.project.options import MIN_ARTICLES, ProjectOptions
from vecindex.verbs.project.result import ProjectResult, plain_values
from vecindex.verbs.project.write import write_map, writer_when_free
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.scores.scores import MapScores, score_plane

STAGE = "anchoring"
TARGETS = 5
_TELL_EVERY = 10
_BLOCK = 16_384


@dataclass(frozen=True, slots=True)
class _Articles:
    """The articles of the base map: their rows in the table's order, and what is known of them, in turn."""

    rows: MapRows
    on_map: Rows
    vectors: F32
    base: F64
    graph: Graph
    origin: GraphOrigin


class _Maker:
    """Makes anchored maps, and tells how far all of them together have come."""

    def __init__(self, articles: _Articles, settings: AnchorSettings, maps: int, observer: Observer) -> None:
        self._articles, self._settings, self._observer = articles, settings, observer
        self._each = settings.iterations * len(settings.weights)
        self._total, self._made = self._each * maps, 0

    def __call__(self, targets: Rows) -> F64:
        """Return the places of all articles on a map anchored to these targets, laid over the base map."""

        def tell(iteration: int) -> None:
            if iteration % _TELL_EVERY == 0:
                self._observer.stage(Stage(STAGE, self._made * self._each + iteration, self._total))

        found = anchored_map(
            self._articles.graph,
            targets,
            self._articles.base,
            place=place,
            weights=self._settings.weights,
            iterations=self._settings.iterations,
            tell=tell,
        )
        if not np.isfinite(found).all():
            raise ConfigError(
                "Anchoring found no layout of these articles.", "Try smaller weights: --set weights=50,20"
            )
        self._made += 1
        laid, _ = align(found, self._articles.base)
        # What is stored is float32, so that is what is measured.
        return np.asarray(laid.astype(np.float32).astype(np.float64))


def anchor_map(
    database: Database,
    table: ArticleTable,
    plan: AnchorPlan,
    options: ProjectOptions,
    model: QuestionModel,
    observer: Observer,
    stdin: BinaryIO | None,
) -> ProjectResult:
    """Derive a map on which the questions' nearest articles lie around them, measure it, and store it."""
    seconds: dict[str, float] = {}
    lap = _laps(seconds)
    settings = anchor_settings(options.settings)
    asked = read_anchors(database, table, options, model, observer, stdin)
    lap("questions")
    articles = _read(database, table, plan, options.seed, observer)
    lap("reading")
    targets = _targets(asked.vectors, articles.vectors)
    make = _Maker(articles, settings, 2 + FOLDS if options.controls else 1, observer)
    xy = make(targets)
    lap("layout")
    controls = _controls(asked, targets, make, options)
    if options.controls:
        lap("controls")
    anchor, scores = _measured(plan, asked, articles, targets, xy, controls, settings, options, observer)
    lap("scores")
    about = _about(plan, asked, articles, anchor, settings, scores, options, seconds)
    places = np.full((len(articles.rows), 2), np.nan)
    places[articles.on_map] = xy
    with writer_when_free(database, observer):
        lap("waiting")
        written = write_map(database, articles.rows, plan.name, places, about, plan.old)
        lap("write")
    return ProjectResult(
        table=table.name,
        name=plan.name,
        action="made" if plan.old is None else "rebuilt",
        method=about["method"],
        settings=about["settings"],
        seed=options.seed,
        anchored=True,
        articles=written.articles,
        outside=written.outside,
        gone=written.gone,
        new=written.new,
        graph=articles.origin,
        scores=scores,
        moved=None,
        placed=None,
        focus=None,
        due=why_due(about, written.articles + written.outside, written.outside),
        seconds=seconds,
        rejected=asked.rejected,
        duplicates=asked.duplicates,
        anchor=anchor,
    )


def _laps(seconds: dict[str, float]) -> Callable[[str], None]:
    mark = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal mark
        now = time.perf_counter()
        seconds[name], mark = now - mark, now

    return lap


def _read(database: Database, table: ArticleTable, plan: AnchorPlan, seed: int, observer: Observer) -> _Articles:
    """Return the articles that are on the base map, with their neighbor graph."""
    prepared = prepare(database, read_rows(table, plan.base), GRAPH_K, observer)
    rows = prepared.rows
    vectors = rows.matrix(observer)
    graph, origin = complete(prepared, vectors, GRAPH_K, seed, observer)
    if not (prepared.whole and origin.how == "stored"):
        keep_graph(database, rows, graph, observer)
    assert rows.places is not None, "the base map's places were asked for"
    there = np.isfinite(rows.places[:, 0])
    if there.sum() < MIN_ARTICLES:
        raise ConfigError(
            f"Only {int(there.sum()):,} rows of {table.where} are on map {plan.base!r}.",
            f"Make it anew: vecindex project {plan.base}",
        )
    on_map = np.flatnonzero(there)
    if len(on_map) == len(rows):
        return _Articles(rows, on_map, vectors, rows.places, graph, origin)
    observer.notice(
        f"{len(rows) - len(on_map):,} rows are not on map {plan.base} and will not be on {plan.name}: "
        f"vecindex project {plan.base} --update places them"
    )
    return _Articles(rows, on_map, vectors[on_map], rows.places[on_map], graph.keep(there), origin)


def _targets(questions: F32, vectors: F32) -> Rows:
    """Return the nearest articles (q, 5) of each question, exact; all of them where there are fewer."""
    search = ExactSearch(questions, min(TARGETS, len(vectors)))
    for at in range(0, len(vectors), _BLOCK):
        block = vectors[at : at + _BLOCK]
        search.add(np.arange(at, at + len(block)), block)
    return search.result().rows


@dataclass(frozen=True, slots=True)
class _Controls:
    folds: Folds | None
    held_out: Kept | None
    shuffled: Kept | None
    missing: str | None


def _controls(asked: AnchorQuestions, targets: Rows, make: Anchor, options: ProjectOptions) -> _Controls:
    if not options.controls:
        return _Controls(None, None, None, "not asked for (--no-controls)")
    folds, out = held_out(asked.vectors, asked.topics, targets, make)
    missing = None
    if out is None:
        missing = "nothing can be held out of a single question"
        if len(targets) > 1:
            missing = f"the {len(targets):,} questions are all near-duplicates, so none can be held out"
    return _Controls(folds, out, shuffled(targets, options.seed, make), missing)


def _measured(
    plan: AnchorPlan,
    asked: AnchorQuestions,
    articles: _Articles,
    targets: Rows,
    xy: F64,
    controls: _Controls,
    settings: AnchorSettings,
    options: ProjectOptions,
    observer: Observer,
) -> tuple[AnchorResult, MapScores]:
    base, now, seed = Plane(articles.base), Plane(xy), options.seed
    before, after = kept(targets, articles.base), kept(targets, xy)
    far = moves(xy, articles.base)
    sample: Rows = np.sort(np.random.default_rng(seed).permutation(len(xy))[: options.sample])
    true, scores = score_plane(articles.vectors, now, sample, seed=seed, observer=observer)
    cost = article_cost(sample, true, base, now, seed)
    moved = moved_cost(articles.vectors, np.flatnonzero(far > FAR), options.sample, base, now, seed, observer)
    pulls = float(both_ways(articles.graph, article_weights(len(xy))).sum())
    change = None
    if controls.held_out is not None:
        change = _change(controls.held_out, before, asked, seed)
    result = AnchorResult(
        base=plan.base,
        files=asked.files,
        questions=len(targets),
        k=targets.shape[1],
        weights=capped(settings.weights, pulls, targets),
        iterations=settings.iterations,
        unanchored=before.scores(asked.topics, seed),
        anchored=after.scores(asked.topics, seed),
        held_out=controls.held_out.scores(asked.topics, seed) if controls.held_out else None,
        shuffled=controls.shuffled.scores(asked.topics, seed) if controls.shuffled else None,
        held_out_change=change,
        folds=controls.folds.count if controls.held_out and controls.folds else 0,
        folds_by=controls.folds.by if controls.folds else "question",
        no_controls=controls.missing,
        articles=cost,
        moved_articles=moved,
        displacement=_some(displacement(far)),
        targets_displacement=_some(displacement(far[np.unique(targets[targets >= 0])])),
    )
    return result, scores


def _change(out: Kept, before: Kept, asked: AnchorQuestions, seed: int) -> Any:
    from vecindex.core.nulls import bootstrap_mean

    return bootstrap_mean(out.overlap - before.overlap, asked.topics, seed=seed)


def _some(found: Displacement | None) -> Displacement:
    assert found is not None, "a map has articles, and a question has targets"
    return found


def _about(
    plan: AnchorPlan,
    asked: AnchorQuestions,
    articles: _Articles,
    anchor: AnchorResult,
    settings: AnchorSettings,
    scores: MapScores,
    options: ProjectOptions,
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Return what is kept with an anchored map: what is kept with any, and under "anchors" what it is anchored to."""
    about: dict[str, Any] = plain_values(
        {
            "format": FORMAT,
            **new_identity(),
            "method": plan.about.get("method"),
            "settings": settings.to_dict(),
            "seed": options.seed,
            "anchored": True,
            "table_version": articles.rows.version,
            "graph": dataclasses.asdict(articles.origin),
            "scores": scores.to_dict(),
            "seconds": dict(seconds),
            "versions": library_versions(),
            "rebuilt": None,
            "focus": None,
            "placed": [],
            "anchors": {
                **dataclasses.asdict(anchor),
                "base_id": plan.about.get("id"),
                "set": asked.digest,
                "ids": list(asked.ids),
                "digests": list(asked.digests),
            },
        }
    )
    return about

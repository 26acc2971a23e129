"""A map anchored to questions, derived from one that is there, which stays as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vecindex.core.graph import GRAPH_K, Graph
from vecindex.core.neighbors import F64, Rows
from vecindex.core.nulls import bootstrap_mean
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.maps.anchored import anchored_map, article_weights, capped
from vecindex.maps.descent import both_ways
from vecindex.messages import Message, command, option, text
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.serialize import plain
from vecindex.types import Observer, Stage
from vecindex.verbs.graph import GraphOrigin, complete_and_keep, prepare
from vecindex.verbs.map_rows import MapRows, read_rows
from vecindex.verbs.project.align import FAR, align, displacement, moves
from vecindex.verbs.project.anchor_measure import (
    FOLDS,
    Anchor,
    Kept,
    article_cost,
    best_positions,
    held_out,
    kept,
    moved_cost,
    shuffled,
)
from vecindex.verbs.project.anchor_plan import AnchorPlan, AnchorQuestions, read_anchors
from vecindex.verbs.project.folds import Folds
from vecindex.verbs.project.options import MIN_ARTICLES, anchor_settings, weights_of
from vecindex.verbs.project.result import AnchorResult, ProjectResult
from vecindex.verbs.project.run import Run
from vecindex.verbs.scores.scores import MapScores, score_plane

STAGE = "anchoring"
NEAREST = 5
_REPORT_EVERY = 10
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
    """Makes anchored maps, and reports how far all of them together have come."""

    def __init__(self, articles: _Articles, settings: Mapping[str, Any], maps: int, observer: Observer) -> None:
        self._articles, self._observer = articles, observer
        self._weights, self._iterations = weights_of(settings), int(settings["iterations"])
        self._each = self._iterations * len(self._weights)
        self._total, self._made = self._each * maps, 0

    def __call__(self, near: Rows) -> F64:
        """Return the positions of all articles on a map anchored to questions with these nearest articles (q, k).

        It is aligned with the base map.
        """

        def report(iteration: int) -> None:
            if iteration % _REPORT_EVERY == 0:
                self._observer.stage(Stage(STAGE, self._made * self._each + iteration, self._total))

        found = anchored_map(
            self._articles.graph,
            near,
            self._articles.base,
            placement=best_positions,
            weights=self._weights,
            iterations=self._iterations,
            report=report,
        )
        if not np.isfinite(found).all():
            raise ConfigError(
                "Anchoring found no layout of these articles.",
                text("Try smaller weights: ", option("settings", {"weights": "50,20"})),
            )
        self._made += 1
        aligned, _ = align(found, self._articles.base)
        # What is stored is float32, so that is what is measured.
        return np.asarray(aligned.astype(np.float32).astype(np.float64))


def anchor_map(run: Run, plan: AnchorPlan, sources: Sequence[str]) -> ProjectResult:
    """Derive a map on which the questions' nearest articles lie around them, measure it, and store it."""
    options, clock = run.options, run.clock
    settings = anchor_settings(options["settings"])
    asked = read_anchors(run, sources)
    clock.lap("questions")
    articles = _read(run, plan)
    clock.lap("reading")
    near = _nearest(asked.vectors, articles.vectors)
    make = _Maker(articles, settings, 2 + FOLDS if options["controls"] else 1, run.observer)
    xy = make(near)
    clock.lap("layout")
    controls = _controls(asked, near, make, run)
    if options["controls"]:
        clock.lap("controls")
    anchor, scores = _measured(plan, asked, articles, near, xy, controls, settings, run)
    clock.lap("scores")
    known = {
        "base_id": plan.about.get("id"),
        "set": asked.digest,
        "ids": asked.ids,
        "digests": asked.digests,
    }
    about = run.about(
        articles.rows,
        plan.about.get("method"),
        settings,
        scores,
        graph=articles.origin,
        anchors={**plain(anchor), **known},
    )
    positions = np.full((len(articles.rows), 2), np.nan)
    positions[articles.on_map] = xy
    written = run.write(plan.name, articles.rows, positions, about, plan.old)
    return replace(
        run.result(plan.name, "made" if plan.old is None else "rebuilt", about, written),
        graph=articles.origin,
        scores=scores,
        rejected=asked.rejected,
        duplicates=asked.duplicates,
        anchor=anchor,
    )


def _read(run: Run, plan: AnchorPlan) -> _Articles:
    """Return the articles that are on the base map, with their neighbor graph."""
    prepared = prepare(run.database, read_rows(run.table, plan.base), GRAPH_K, run.observer)
    rows = prepared.rows
    vectors = rows.matrix(run.observer)
    graph, origin, _ = complete_and_keep(run.database, prepared, vectors, GRAPH_K, run.seed, run.observer)
    assert rows.positions is not None, "the base map's positions were asked for"
    there = np.isfinite(rows.positions[:, 0])
    if there.sum() < MIN_ARTICLES:
        raise ConfigError(
            f"Only {int(there.sum()):,} rows of {run.table.where} are on map {plan.base!r}.",
            text("Make it again: ", command("project", plan.base)),
        )
    on_map = np.flatnonzero(there)
    if len(on_map) == len(rows):
        return _Articles(rows, on_map, vectors, rows.positions, graph, origin)
    run.observer.notice(
        text(
            f"{len(rows) - len(on_map):,} rows are not on the map {plan.base!r} and will not be on {plan.name!r}: ",
            command("project", plan.base, update=True),
            " places them",
        )
    )
    return _Articles(rows, on_map, vectors[on_map], rows.positions[on_map], graph.keep(there), origin)


def _nearest(questions: F32, vectors: F32) -> Rows:
    """Return the nearest articles (q, 5) of each question, exact; all of them where there are fewer."""
    search = ExactSearch(questions, min(NEAREST, len(vectors)))
    for at in range(0, len(vectors), _BLOCK):
        block = vectors[at : at + _BLOCK]
        search.add(np.arange(at, at + len(block)), block)
    return search.result().rows


@dataclass(frozen=True, slots=True)
class _Controls:
    folds: Folds | None
    held_out: Kept | None
    shuffled: Kept | None
    missing: Message | None


def _controls(asked: AnchorQuestions, near: Rows, make: Anchor, run: Run) -> _Controls:
    if not run.options["controls"]:
        return _Controls(None, None, None, text("not asked for (", option("controls", False), ")"))
    folds, out = held_out(asked.vectors, asked.topics, near, make)
    missing = None
    if out is None:
        missing = "nothing can be held out of a single question"
        if len(near) > 1:
            missing = f"the {len(near):,} questions are all near-duplicates, so none can be held out"
    return _Controls(folds, out, shuffled(near, run.seed, make), missing)


def _measured(
    plan: AnchorPlan,
    asked: AnchorQuestions,
    articles: _Articles,
    near: Rows,
    xy: F64,
    controls: _Controls,
    settings: Mapping[str, Any],
    run: Run,
) -> tuple[AnchorResult, MapScores]:
    base, now, seed, draw = Plane(articles.base), Plane(xy), run.seed, run.options["sample"]
    before, after, out = kept(near, articles.base), kept(near, xy), controls.held_out
    far = moves(xy, articles.base)
    sample: Rows = np.sort(np.random.default_rng(seed).permutation(len(xy))[:draw])
    true, scores = score_plane(articles.vectors, now, sample, seed=seed, observer=run.observer)
    attraction = float(both_ways(articles.graph, article_weights(len(xy))).sum())
    result = AnchorResult(
        base=plan.base,
        files=asked.files,
        questions=len(near),
        k=near.shape[1],
        weights=capped(weights_of(settings), attraction, near),
        iterations=int(settings["iterations"]),
        unanchored=before.scores(asked.topics, seed),
        anchored=after.scores(asked.topics, seed),
        held_out=out.scores(asked.topics, seed) if out else None,
        shuffled=controls.shuffled.scores(asked.topics, seed) if controls.shuffled else None,
        held_out_change=bootstrap_mean(out.overlap - before.overlap, asked.topics, seed=seed) if out else None,
        folds=controls.folds.count if out and controls.folds else 0,
        folds_by=controls.folds.by if controls.folds else "question",
        no_controls=controls.missing,
        articles=article_cost(sample, true, base, now, seed),
        moved_articles=moved_cost(articles.vectors, np.flatnonzero(far > FAR), draw, base, now, seed, run.observer),
        displacement=displacement(far),
        targets_displacement=displacement(far[np.unique(near[near >= 0])]),
    )
    return result, scores

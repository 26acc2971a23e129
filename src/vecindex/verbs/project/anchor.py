"""A map anchored to questions, derived from one that is there, which stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from vecindex.core.anchors import set_digest
from vecindex.core.graph import GRAPH_K, Graph
from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows
from vecindex.core.nulls import Interval, bootstrap_mean, mean_of_shares
from vecindex.core.overlap import found_in, keeps_goal
from vecindex.core.placement import place_by_search
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.maps.anchored import STRENGTHS, anchored_map
from vecindex.messages import Message, command, counted, option, text
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.serialize import plain
from vecindex.types import Stage
from vecindex.verbs.graph import GraphOrigin, complete_and_keep, prepare
from vecindex.verbs.map_rows import MapRows, read_rows
from vecindex.verbs.project.align import FAR, displacement, moves
from vecindex.verbs.project.anchor_plan import AnchorPlan, AnchorQuestions, read_anchors
from vecindex.verbs.project.folds import cut_into_folds, shuffled_neighbors
from vecindex.verbs.project.forecast import ANCHORING, Expected, Work, expect
from vecindex.verbs.project.options import MIN_ARTICLES, anchor_settings
from vecindex.verbs.project.result import AnchorResult, ArticleCost, OtherStrength, ProjectResult, QuestionScores
from vecindex.verbs.project.run import Run
from vecindex.verbs.scores.scores import MapScores, recalls_on, score_plane, true_neighbors

STAGE = "anchoring"
NEAREST = 5
FOLDS = 5
SOFT = 50
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

    def __init__(self, articles: _Articles, settings: Mapping[str, Any], maps: int, run: Run) -> None:
        self._articles, self._seed, self._observer = articles, run.seed, run.observer
        self._sweeps = int(settings["sweeps"])
        self._total, self._made = self._sweeps * maps, 0
        self._plane = Plane(articles.base)

    def __call__(self, near: Rows, strength: str) -> F64:
        """Return the positions of all articles on a map anchored to questions with these nearest articles (q, k)."""

        def report(sweep: int) -> None:
            self._observer.stage(Stage(STAGE, self._made * self._sweeps + sweep, self._total))

        found = anchored_map(
            self._articles.graph,
            near,
            self._articles.base,
            place_by_search(near, self._plane.xy, self._plane.nearest),
            strength=STRENGTHS[strength],
            sweeps=self._sweeps,
            seed=self._seed,
            report=report,
        )
        self._made += 1
        # What is stored is float32, so that is what is measured.
        return np.asarray(found.astype(np.float32).astype(np.float64))


def anchor_map(run: Run, plan: AnchorPlan, sources: Sequence[str]) -> ProjectResult:
    """Derive a map on which the questions' nearest articles lie around them, measure it, and store it."""
    options, clock = run.options, run.clock
    settings = anchor_settings(options["settings"])
    asked = read_anchors(run, sources)
    clock.lap("questions")
    articles, expected = _read(run, plan, len(asked.vectors), settings)
    clock.lap("reading")
    near = _nearest(asked.vectors, articles.vectors)
    make = _Maker(articles, settings, _maps(run), run)
    strength = options["strength"]
    xy = make(near, strength)
    clock.lap("layout")
    controls = _controls(asked, near, partial(make, strength=strength), run)
    other = next(name for name in STRENGTHS if name != strength)
    at_other = make(near, other) if options["controls"] else None
    if options["controls"]:
        clock.lap("controls")
    anchor, scores = _measured(plan, asked, articles, near, xy, controls, settings, run)
    if at_other is not None:
        anchor = replace(anchor, other=_at_other(other, asked, articles, near, at_other, run))
    clock.lap("scores")
    known = {
        "base_id": plan.about.get("id") if isinstance(plan.about, Mapping) else None,
        "set": set_digest(asked.digests),
        "ids": asked.ids,
        "digests": asked.digests,
    }
    about = run.about(
        articles.rows,
        plan.about.get("method") if isinstance(plan.about, Mapping) else None,
        settings,
        scores,
        graph=articles.origin,
        anchors={**plain(anchor), **known},
    )
    written = run.write(plan.name, articles.rows, articles.on_map, xy, about, plan.old)
    return replace(
        run.result(plan.name, "made" if plan.old is None else "rebuilt", about, written),
        graph=articles.origin,
        scores=scores,
        rejected=asked.rejected,
        duplicates=asked.duplicates,
        anchor=anchor,
        forecast=expected.compared(clock.laps),
    )


def _maps(run: Run) -> int:
    """Return how many maps are anchored: that one, and for the controls one a fold, shuffled, the other strength."""
    return 3 + FOLDS if run.options["controls"] else 1


def _read(run: Run, plan: AnchorPlan, questions: int, settings: Mapping[str, Any]) -> tuple[_Articles, Expected]:
    """Return the articles that are on the base map, with their neighbor graph; and what anchoring will cost."""
    prepared = prepare(run.database, read_rows(run.table, plan.base), GRAPH_K, run.observer)
    rows = prepared.rows
    run.clock.lap("rows")
    work = Work(
        rows=len(rows),
        articles=len(rows),
        dimension=rows.table.fingerprint.dimension,
        searched=prepared.searched,
        made=prepared.kept is None,
        method=ANCHORING,
        settings=settings,
        rebuilt=False,
        sample=run.options["sample"],
        questions=questions,
        maps=_maps(run),
    )
    expected = expect(work, run.observer)
    run.clock.lap("forecast")
    vectors = rows.matrix(run.observer)
    graph, origin, _ = complete_and_keep(run.database, prepared, vectors, GRAPH_K, run.seed, run.observer)
    assert rows.positions is not None, "the base map's positions were asked for"
    there = np.isfinite(rows.positions[:, 0])
    if there.sum() < MIN_ARTICLES:
        raise ConfigError(
            f"Map {plan.base!r} has only {counted(int(there.sum()), 'row')} of {run.table.where}.",
            text("Make it again: ", command("project", plan.base)),
        )
    on_map = np.flatnonzero(there)
    if len(on_map) == len(rows):
        return _Articles(rows, on_map, vectors, rows.positions, graph, origin), expected
    run.observer.notice(
        text(
            f"{counted(len(rows) - len(on_map), 'row is', 'rows are')} not on the map {plan.base!r} and "
            f"will not be on {plan.name!r}: ",
            command("project", plan.base, update=True),
            " places them",
        )
    )
    some = _Articles(rows, on_map, vectors[on_map], rows.positions[on_map], graph.keep(there), origin)
    return some, expected


def _nearest(questions: F32, vectors: F32) -> Rows:
    """Return the nearest articles (q, 5) of each question, exact; all of them where there are fewer."""
    search = ExactSearch(questions, min(NEAREST, len(vectors)))
    for at in range(0, len(vectors), _BLOCK):
        block = vectors[at : at + _BLOCK]
        search.add(np.arange(at, at + len(block)), block)
    return search.result().rows


@dataclass(frozen=True, slots=True)
class _Kept:
    """What each question keeps on a map: shares (q,) within the k nearest, and within the 50 nearest."""

    overlap: F64
    soft: F64

    def scores(self, topics: Sequence[str | None] | None, seed: int) -> QuestionScores:
        """Return the means with their intervals; topics as a whole are drawn where there are enough of them."""

        def mean(values: F64) -> Interval:
            return mean_of_shares(values, topics, seed=seed)

        return QuestionScores(
            len(self.overlap), mean(self.overlap), mean(keeps_goal(self.overlap).astype(float)), mean(self.soft)
        )


def _kept(near: Rows, xy: F64) -> _Kept:
    """Return what questions with these nearest articles (q, k) keep of them, at their best positions on a map."""
    plane = Plane(xy)
    at = place_by_search(near, plane.xy, plane.nearest)
    k = near.shape[1]
    found = plane.nearest(at, min(max(SOFT, k), len(plane))).rows
    there = np.maximum(1, (near != NO_ROW).sum(axis=1))
    return _Kept(found_in(near, found[:, :k]).sum(axis=1) / there, found_in(near, found).sum(axis=1) / there)


@dataclass(frozen=True, slots=True)
class _Controls:
    """What maps that are anchored otherwise keep; see `AnchorResult`."""

    held_out: _Kept | None = None
    shuffled: _Kept | None = None
    folds: int = 0
    folds_by: str = "question"
    missing: Message | None = None


def _controls(asked: AnchorQuestions, near: Rows, make: Callable[[Rows], F64], run: Run) -> _Controls:
    """Return what each question keeps on a map anchored to those of all other folds, and to shuffled articles.

    `make` makes a map anchored to questions with these nearest articles (q, k).
    """
    if not run.options["controls"]:
        return _Controls(missing=text("not asked for (", option("controls", False), ")"))
    if len(near) < 2:
        return _Controls(missing="nothing can be held out of a single question")
    folds, others = cut_into_folds(asked.vectors, asked.topics, FOLDS), shuffled_neighbors(near, run.seed)
    if folds.count < 2:
        why = f"the {counted(len(near), 'question is', 'questions are')} all near-duplicates, so none can be held out"
        return _Controls(shuffled=_kept(others, make(others)), missing=why)
    overlap, soft = np.empty(len(near)), np.empty(len(near))
    for fold in range(folds.count):
        out = folds.of == fold
        found = _kept(near[out], make(near[~out]))
        overlap[out], soft[out] = found.overlap, found.soft
    return _Controls(_Kept(overlap, soft), _kept(others, make(others)), folds.count, folds.by)


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
    before, after, out = _kept(near, articles.base), _kept(near, xy), controls.held_out
    far = moves(xy, articles.base)
    sample, moved = (
        np.sort(np.random.default_rng(seed).permutation(some)[:draw])
        for some in (np.arange(len(xy)), np.flatnonzero(far > FAR))
    )
    true, scores = score_plane(articles.vectors, now, sample, seed=seed, observer=run.observer)
    result = AnchorResult(
        base=plan.base,
        files=asked.files,
        questions=len(near),
        k=near.shape[1],
        strength=run.options["strength"],
        sweeps=int(settings["sweeps"]),
        unanchored=before.scores(asked.topics, seed),
        anchored=after.scores(asked.topics, seed),
        held_out=out.scores(asked.topics, seed) if out else None,
        shuffled=controls.shuffled.scores(asked.topics, seed) if controls.shuffled else None,
        held_out_change=bootstrap_mean(out.overlap - before.overlap, asked.topics, seed=seed) if out else None,
        folds=controls.folds,
        folds_by=controls.folds_by,
        no_controls=controls.missing,
        articles=_article_cost(sample, true, articles.vectors, base, now, seed),
        moved_articles=_article_cost(
            moved, true_neighbors(articles.vectors, moved, run.observer), articles.vectors, base, now, seed
        )
        if len(moved)
        else None,
        displacement=displacement(far),
        targets_displacement=displacement(far[np.unique(near[near >= 0])]),
    )
    return result, scores


def _at_other(
    strength: str, asked: AnchorQuestions, articles: _Articles, near: Rows, xy: F64, run: Run
) -> OtherStrength:
    """Return what the questions keep on a map anchored with the other strength, and what it costs."""
    seed = run.seed
    sample = np.sort(np.random.default_rng(seed).permutation(len(xy))[: run.options["sample"]])
    true = true_neighbors(articles.vectors, sample, run.observer)
    return OtherStrength(
        strength,
        _kept(near, xy).scores(asked.topics, seed),
        _article_cost(sample, true, articles.vectors, Plane(articles.base), Plane(xy), seed),
        displacement(moves(xy, articles.base)).moved,
    )


def _article_cost(asked: Rows, true: Neighbors, vectors: F32, base: Plane, now: Plane, seed: int) -> ArticleCost:
    """Return what some articles keep on both maps; `true` are their neighbors in embedding space."""
    before, after = (recalls_on(plane, asked, true, vectors) for plane in (base, now))
    return ArticleCost(
        sample=len(asked),
        before={k: mean_of_shares(values, seed=seed) for k, values in before.items()},
        after={k: mean_of_shares(values, seed=seed) for k, values in after.items()},
        change={k: bootstrap_mean(after[k] - before[k], seed=seed) for k in before},
    )

"""A map that is there brought up to date: new rows are placed, and nothing on it moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from vecindex.core.neighbors import F64, Rows
from vecindex.core.nulls import mean_of_shares
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.messages import command, option, text
from vecindex.neighbors.plane import Plane
from vecindex.serialize import plain
from vecindex.store.articles import ArticleTable
from vecindex.store.maps import FormerPositions
from vecindex.types import Observer
from vecindex.verbs.graph import complete_and_keep, prepare
from vecindex.verbs.map_rows import read_rows
from vecindex.verbs.map_state import new_identity
from vecindex.verbs.project.placing import Former, NewPositions, place_new
from vecindex.verbs.project.result import PlacedRows, ProjectResult
from vecindex.verbs.project.run import RowCounts, Run
from vecindex.verbs.scores.scores import MapScores, recalls_on, score_plane, true_neighbors

SAMPLE = 1_000
"""New rows, and old ones, whose recall on the map is measured."""
SCORED = 1_000
"""Rows of the whole map, old and new, for its scores."""


def update_map(run: Run, name: str, old: Any) -> ProjectResult:
    """Place the rows that a map does not hold among those that it does; see `Index.project`."""
    _refuse(run.table, name, old)
    rows = read_rows(run.table, name)
    assert rows.positions is not None, "the map's positions were asked for"
    new = int(np.isnan(rows.positions[:, 0]).sum())
    if new == len(rows):
        raise ConfigError(
            f"No row of {run.table.where} is on map {name!r} any more.",
            text("Make it again: ", command("project", name)),
        )
    if not new:
        return run.result(name, "unchanged", old, RowCounts(len(rows), 0, 0, 0))
    prepared = prepare(run.database, rows, 0, run.observer)
    rows = prepared.rows
    vectors = rows.matrix(run.observer)
    run.clock.lap("reading")
    graph = None
    if prepared.kept is not None:
        graph, *_ = complete_and_keep(run.database, prepared, vectors, prepared.kept.k, run.seed, run.observer)
    run.clock.lap("graph")
    assert rows.positions is not None, "they are in the order of the graph now"
    positions = rows.positions.copy()
    outside = np.flatnonzero(np.isnan(positions[:, 0]))
    former = Former.read(
        FormerPositions(run.database, run.table.name, run.observer.notice), name, rows, vectors, outside
    )
    found = place_new(vectors, rows.positions, outside, former, graph, run.observer)
    positions[outside] = found.xy
    positions = positions.astype(np.float32).astype(np.float64)
    run.clock.lap("placing")
    placed, scores = _measured(vectors, positions, outside, found, run.seed, run.observer)
    run.clock.lap("scores")
    identity = new_identity()
    note = {"at": identity["made_at"], "seconds": dict(run.clock.laps), **plain(placed)}
    about = {
        **old,
        "id": identity["id"],
        "scores": plain(scores),
        "placed": [*(old.get("placed") or []), note],
    }
    written = run.write(name, rows, None, positions, about, old)
    return replace(run.result(name, "updated", about, written), scores=scores, placed=placed)


def _measured(
    vectors: F32, positions: F64, new: Rows, found: NewPositions, seed: int, observer: Observer
) -> tuple[PlacedRows, MapScores]:
    """Return what the new rows and the old ones keep, and the scores of the map as it is now."""
    rng, plane = np.random.default_rng(seed), Plane(positions)
    scored = np.sort(rng.permutation(len(vectors))[:SCORED])
    true, scores = score_plane(vectors, plane, scored, seed=seed, observer=observer)
    is_new = np.zeros(len(vectors), dtype=np.bool_)
    is_new[new] = True
    old = ~is_new[scored]
    asked = np.sort(rng.permutation(new)[:SAMPLE])
    # The old ones among those scored, and others where these are few.
    others = np.setdiff1d(np.flatnonzero(~is_new), scored)
    more = np.sort(rng.permutation(others)[: max(0, SAMPLE - int(old.sum()))])
    both, cut = np.concatenate([asked, more]), len(asked)
    recalls = recalls_on(plane, both, true_neighbors(vectors, both, observer), vectors)
    old_found = recalls_on(plane, scored[old], true.take(np.flatnonzero(old)), vectors)
    placed = PlacedRows(
        articles=len(new),
        kept=int(found.kept.sum()),
        copies=int(found.copies.sum()),
        sample=cut,
        recall={k: mean_of_shares(values[:cut], seed=seed) for k, values in recalls.items()},
        old_sample=int(old.sum()) + len(more),
        old_recall={
            k: mean_of_shares(np.concatenate([old_found[k], of[cut:]]), seed=seed) for k, of in recalls.items()
        },
    )
    return placed, scores


def _refuse(table: ArticleTable, name: str, old: Any) -> None:
    if old is None:
        raise ConfigError(
            f"{table.where} has no map {name!r} to update.", text("Make it: ", command("project", name))
        )
    if not isinstance(old, Mapping):
        raise ConfigError(
            f"Map {name!r} of {table.where} does not say what made it.",
            text("Make it again: ", command("project", name)),
        )
    if old.get("focus") is not None:
        raise ConfigError(
            f"Map {name!r} of {table.where} shows a part of the articles on purpose.",
            text("Make it again with the same ", option("focus"), " and ", option("focus_size"), "."),
        )

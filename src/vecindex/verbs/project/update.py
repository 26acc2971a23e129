"""New rows put on a map that is there; nothing on it moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.graph import I32, Graph
from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.nulls import bootstrap_mean
from vecindex.core.placement import place_by_search
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.messages import command, option, text
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.serialize import plain
from vecindex.store.articles import ArticleTable
from vecindex.types import Observer, Stage
from vecindex.verbs.graph import complete_and_keep, prepare
from vecindex.verbs.map_rows import read_rows
from vecindex.verbs.map_state import new_identity
from vecindex.verbs.project.result import PlacedRows, ProjectResult
from vecindex.verbs.project.run import RowCounts, Run
from vecindex.verbs.scores.scores import MapScores, recalls_on, score_plane, true_neighbors

Mask = npt.NDArray[np.bool_]

STAGE = "placing"
NEAREST = 5
SAMPLE = 1_000
"""New rows, and old ones, whose recall on the map is measured."""
SCORED = 1_000
"""Rows of the whole map, old and new, for its scores."""
_BLOCK = 16_384
_LOOK = 8
# Of a circle: multiples of it stay apart.
_GOLDEN_ANGLE = np.pi * (3 - 5**0.5)


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
    positions[outside] = place_new(vectors, rows.positions, outside, graph, run.observer)
    positions = positions.astype(np.float32).astype(np.float64)
    run.clock.lap("placing")
    placed, scores = _measured(vectors, positions, outside, run.seed, run.observer)
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


def place_new(vectors: F32, positions: F64, new: Rows, graph: Graph | None, observer: Observer) -> F64:
    """Return where new rows go: each to its best position among its nearest articles on the map; (len(new), 2).

    No new row sees another one, and no old one moves.

    Parameters
    ----------
    vectors : (n, d) unit vectors of all rows.
    positions : (n, 2) of all rows, NaN for the new ones.
    new : their rows.
    graph : the neighbors of all rows, where they are known. Those of the others, and of rows whose list holds too few
        articles of the map, are searched for.
    """
    on_map = np.isfinite(positions[:, 0])
    wanted = min(NEAREST, int(on_map.sum()))
    near = np.full((len(new), NEAREST), NO_ROW, dtype=np.int64)
    if graph is not None:
        near = _first_on_map(graph.rows[new], on_map)
    few = np.flatnonzero((near != NO_ROW).sum(axis=1) < wanted)
    if len(few):
        near[few] = _searched(vectors, on_map, new[few], observer)
    observer.stage(Stage(STAGE, len(vectors), len(vectors)))
    plane = Plane(positions)
    return _apart(place_by_search(near, positions, plane.nearest), plane)


def _apart(found: F64, plane: Plane) -> F64:
    """Return new positions with those moved a little that are an article's, or an earlier new one.

    Else one would hide the other. The move is a quarter of the way to the nearest article that lies elsewhere, in
    a direction that turns from one to the next, so that it is fixed.
    """
    _, first = np.unique(found, axis=0, return_index=True)
    alone = np.zeros(len(found), dtype=np.bool_)
    alone[first] = True
    near = plane.nearest(found, _LOOK).dist
    hidden = np.flatnonzero(~alone | (near[:, 0] == 0))
    # Where everything near has that same position, there is nothing to go by.
    away = np.where(np.isfinite(near) & (near > 0), near, np.inf).min(axis=1)[hidden]
    away = np.where(np.isfinite(away), away, 0.0) / 4
    angle = np.arange(len(hidden)) * _GOLDEN_ANGLE
    found = found.copy()
    found[hidden] += away[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return found


def _first_on_map(near: I32, on_map: Mask) -> Rows:
    """Return the first NEAREST of each list that are on the map, NO_ROW at the end of a shorter one."""
    there = on_map[near] & (near != NO_ROW)
    order = np.argsort(~there, axis=1, kind="stable")[:, :NEAREST]
    found = np.where(np.take_along_axis(there, order, axis=1), np.take_along_axis(near, order, axis=1), NO_ROW)
    short = NEAREST - found.shape[1]
    return np.pad(found, ((0, 0), (0, max(0, short))), constant_values=NO_ROW).astype(np.int64)


def _searched(vectors: F32, on_map: Mask, asked: Rows, observer: Observer) -> Rows:
    search = ExactSearch(vectors[asked], NEAREST)
    for at in range(0, len(vectors), _BLOCK):
        observer.stage(Stage(STAGE, at, len(vectors)))
        rows = at + np.flatnonzero(on_map[at : at + _BLOCK])
        search.add(rows, vectors[rows])
    return search.result().rows


def _measured(vectors: F32, positions: F64, new: Rows, seed: int, observer: Observer) -> tuple[PlacedRows, MapScores]:
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
    found = recalls_on(plane, both, true_neighbors(vectors, both, observer))
    old_found = recalls_on(plane, scored[old], true[old])
    placed = PlacedRows(
        articles=len(new),
        sample=cut,
        recall={k: bootstrap_mean(values[:cut], seed=seed) for k, values in found.items()},
        old_sample=int(old.sum()) + len(more),
        old_recall={
            k: bootstrap_mean(np.concatenate([old_found[k], values[cut:]]), seed=seed) for k, values in found.items()
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

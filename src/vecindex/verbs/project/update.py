"""New rows put on a map that is there; nothing on it moves."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.graph import I32, Graph
from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.nulls import bootstrap_mean
from vecindex.core.placement import place_by_search
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Observer, Stage
from vecindex.verbs.graph import Prepared, complete, keep_graph, prepare
from vecindex.verbs.map_rows import MapRows, read_rows
from vecindex.verbs.map_state import new_identity, why_due
from vecindex.verbs.project.options import ProjectOptions
from vecindex.verbs.project.result import PlacedRows, ProjectResult, plain_values
from vecindex.verbs.project.write import Written, write_map, writer_when_free
from vecindex.verbs.scores.scores import MapScores, recalls, recalls_on, score_plane

Mask = npt.NDArray[np.bool_]

STAGE = "placing"
TARGETS = 5
SAMPLE = 1_000
"""New rows, and old ones, whose recall on the map is measured."""
SCORED = 1_000
"""Rows of the whole map, old and new, for its scores."""
_BLOCK = 16_384
_LOOK = 8
# Of a circle: multiples of it come nowhere near each other.
_GOLDEN_ANGLE = np.pi * (3 - 5**0.5)


def update_map(
    database: Database, table: ArticleTable, options: ProjectOptions, old: Any, observer: Observer
) -> ProjectResult:
    """Place the rows that a map does not hold among those that it does; see `Index.project`."""
    _refuse(table, options.name, old)
    seconds: dict[str, float] = {}
    mark = time.perf_counter()
    rows = read_rows(table, options.name)
    assert rows.places is not None, "the map's places were asked for"
    new = np.flatnonzero(np.isnan(rows.places[:, 0]))
    if len(new) == len(rows):
        raise ConfigError(
            f"No row of {table.where} is on map {options.name!r} any more.",
            f"Make it anew: vecindex project {options.name}",
        )
    if not len(new):
        return _result(rows, options, old, None, None, Written(len(rows), 0, 0, 0), {})
    prepared = prepare(database, rows, 0, observer)
    rows = prepared.rows
    vectors = rows.matrix(observer)
    seconds["reading"], mark = time.perf_counter() - mark, time.perf_counter()
    graph = _extended(database, prepared, vectors, options.seed, observer)
    seconds["graph"], mark = time.perf_counter() - mark, time.perf_counter()
    assert rows.places is not None, "they are in the order of the graph now"
    places = rows.places.copy()
    new = np.flatnonzero(np.isnan(places[:, 0]))
    places[new] = place_new(vectors, rows.places, new, graph, observer)
    places = places.astype(np.float32).astype(np.float64)
    seconds["placing"], mark = time.perf_counter() - mark, time.perf_counter()
    placed, scores = _measured(vectors, places, new, options.seed, observer)
    seconds["scores"], mark = time.perf_counter() - mark, time.perf_counter()
    note = plain_values(dataclasses.asdict(placed))
    identity = new_identity()
    about = {
        **old,
        "id": identity["id"],
        "scores": plain_values(scores.to_dict()),
        "placed": [*(old.get("placed") or []), {"at": identity["made_at"], "seconds": dict(seconds), **note}],
    }
    with writer_when_free(database, observer):
        mark = time.perf_counter()
        written = write_map(database, rows, options.name, places, about, old)
    seconds["write"] = time.perf_counter() - mark
    return _result(rows, options, about, placed, scores, written, seconds)


def _extended(database: Database, prepared: Prepared, vectors: F32, seed: int, observer: Observer) -> Graph | None:
    """Return the stored graph with the new rows in it, and keep it so; None where there is none that can be used."""
    if prepared.kept is None:
        return None
    graph, origin = complete(prepared, vectors, prepared.kept.k, seed, observer)
    if not (prepared.whole and origin.how == "stored"):
        keep_graph(database, prepared.rows, graph, observer)
    return graph


def place_new(vectors: F32, places: F64, new: Rows, graph: Graph | None, observer: Observer) -> F64:
    """Return where new rows go: each by candidate search among its nearest articles on the map; (len(new), 2).

    No new row sees another one, and no old one moves.

    Parameters
    ----------
    vectors : (n, d) unit vectors of all rows.
    places : (n, 2) of all rows, NaN for the new ones.
    new : their rows.
    graph : the neighbors of all rows, where they are known. Those of the others, and of rows whose list holds too few
        articles of the map, are searched for.
    """
    on_map = np.isfinite(places[:, 0])
    wanted = min(TARGETS, int(on_map.sum()))
    targets = np.full((len(new), TARGETS), NO_ROW, dtype=np.int64)
    if graph is not None:
        targets = _first_on_map(graph.rows[new], on_map)
    few = np.flatnonzero((targets != NO_ROW).sum(axis=1) < wanted)
    if len(few):
        targets[few] = _searched(vectors, on_map, new[few], observer)
    observer.stage(Stage(STAGE, len(vectors), len(vectors)))
    plane = Plane(places)
    return _apart(place_by_search(targets, places, plane.nearest), plane)


def _apart(found: F64, plane: Plane) -> F64:
    """Return new places with those moved a little that lie on an article, or on an earlier new place.

    Else they could not be told apart. The move is a quarter of the way to the nearest article that lies elsewhere, in
    a direction that turns from one to the next, so that it is fixed.
    """
    _, first = np.unique(found, axis=0, return_index=True)
    alone = np.zeros(len(found), dtype=np.bool_)
    alone[first] = True
    near = plane.nearest(found, _LOOK).dist
    hidden = np.flatnonzero(~alone | (near[:, 0] == 0))
    # Where all that is near lies on that spot, there is nothing to go by.
    away = np.where(np.isfinite(near) & (near > 0), near, np.inf).min(axis=1)[hidden]
    away = np.where(np.isfinite(away), away, 0.0) / 4
    angle = np.arange(len(hidden)) * _GOLDEN_ANGLE
    found = found.copy()
    found[hidden] += away[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return found


def _first_on_map(near: I32, on_map: Mask) -> Rows:
    """Return the first TARGETS of each list that are on the map, NO_ROW at the end of a shorter one."""
    there = on_map[near] & (near != NO_ROW)
    order = np.argsort(~there, axis=1, kind="stable")[:, :TARGETS]
    found = np.where(np.take_along_axis(there, order, axis=1), np.take_along_axis(near, order, axis=1), NO_ROW)
    short = TARGETS - found.shape[1]
    return np.pad(found, ((0, 0), (0, max(0, short))), constant_values=NO_ROW).astype(np.int64)


def _searched(vectors: F32, on_map: Mask, asked: Rows, observer: Observer) -> Rows:
    search = ExactSearch(vectors[asked], TARGETS)
    for at in range(0, len(vectors), _BLOCK):
        observer.stage(Stage(STAGE, at, len(vectors)))
        rows = at + np.flatnonzero(on_map[at : at + _BLOCK])
        search.add(rows, vectors[rows])
    return search.result().rows


def _measured(vectors: F32, places: F64, new: Rows, seed: int, observer: Observer) -> tuple[PlacedRows, MapScores]:
    """Return what the new rows and the old ones keep, and the scores of the map as it is now."""
    rng, plane = np.random.default_rng(seed), Plane(places)
    scored = np.sort(rng.permutation(len(vectors))[:SCORED])
    true, scores = score_plane(vectors, plane, scored, seed=seed, observer=observer)
    is_new = np.zeros(len(vectors), dtype=np.bool_)
    is_new[new] = True
    old = ~is_new[scored]
    asked = np.sort(rng.permutation(new)[:SAMPLE])
    # The old ones among those scored, and others where these are few.
    others = np.setdiff1d(np.flatnonzero(~is_new), scored)
    more = np.sort(rng.permutation(others)[: max(0, SAMPLE - int(old.sum()))])
    found, cut = recalls(vectors, plane, np.concatenate([asked, more]), observer), len(asked)
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
        raise ConfigError(f"{table.where} has no map {name!r} to update.", f"Make it: vecindex project {name}")
    if not isinstance(old, Mapping):
        raise ConfigError(
            f"Map {name!r} of {table.where} does not tell what made it.", f"Make it anew: vecindex project {name}"
        )
    if old.get("focus") is not None:
        raise ConfigError(
            f"Map {name!r} of {table.where} shows a part of the articles on purpose.",
            "Make it anew with the same --focus and --focus-size.",
        )


def _result(
    rows: MapRows,
    options: ProjectOptions,
    about: Any,
    placed: PlacedRows | None,
    scores: MapScores | None,
    written: Written,
    seconds: dict[str, float],
) -> ProjectResult:
    return ProjectResult(
        table=rows.table.name,
        name=options.name,
        action="unchanged" if placed is None else "updated",
        method=about.get("method"),
        settings=dict(about.get("settings") or {}),
        seed=about.get("seed"),
        anchored=bool(about.get("anchored")),
        articles=written.articles,
        outside=written.outside,
        gone=written.gone,
        new=written.new,
        graph=None,
        scores=scores,
        moved=None,
        placed=placed,
        focus=None,
        due=why_due(about, written.articles + written.outside, written.outside),
        seconds=seconds,
    )

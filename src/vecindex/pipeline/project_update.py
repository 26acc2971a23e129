"""New rows put on a map that is there; nothing on it moves."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from vecindex.core.neighbors import F64, Rows
from vecindex.core.nulls import bootstrap_mean
from vecindex.core.placement import place_by_search
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.pipeline.project_options import ProjectOptions
from vecindex.pipeline.project_result import PlacedRows, ProjectResult, plain_values
from vecindex.pipeline.project_rows import MapRows, read_rows
from vecindex.pipeline.project_score import recalls
from vecindex.pipeline.project_state import new_identity, why_due
from vecindex.pipeline.project_write import Written, write_map, writer_when_free
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Observer, Stage

STAGE = "placing"
TARGETS = 5
SAMPLE = 1_000
"""New rows, and old ones, whose recall on the map is measured."""
_BLOCK = 16_384


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
        return _result(rows, options, old, None, Written(len(rows), 0, 0, 0), {})
    vectors = rows.matrix(observer)
    seconds["reading"], mark = time.perf_counter() - mark, time.perf_counter()
    places = rows.places.copy()
    places[new] = place_new(vectors, rows.places, new, observer)
    places = places.astype(np.float32).astype(np.float64)
    seconds["placing"], mark = time.perf_counter() - mark, time.perf_counter()
    placed = _measured(vectors, places, new, options.seed, observer)
    seconds["scores"], mark = time.perf_counter() - mark, time.perf_counter()
    note = plain_values(dataclasses.asdict(placed))
    identity = new_identity()
    about = {
        **old,
        "id": identity["id"],
        "placed": [*(old.get("placed") or []), {"at": identity["made_at"], "seconds": dict(seconds), **note}],
    }
    with writer_when_free(database, observer):
        mark = time.perf_counter()
        written = write_map(database, rows, options.name, places, about, old)
    seconds["write"] = time.perf_counter() - mark
    return _result(rows, options, about, placed, written, seconds)


def place_new(vectors: F32, places: F64, new: Rows, observer: Observer) -> F64:
    """Return where new rows go: each by candidate search among its nearest articles on the map; (len(new), 2).

    No new row sees another one, and no old one moves.

    Parameters
    ----------
    vectors : (n, d) unit vectors of all rows.
    places : (n, 2) of all rows, NaN for the new ones.
    new : their rows.
    """
    search = ExactSearch(vectors[new], TARGETS)
    on_map = np.isfinite(places[:, 0])
    for at in range(0, len(vectors), _BLOCK):
        observer.stage(Stage(STAGE, at, len(vectors)))
        rows = at + np.flatnonzero(on_map[at : at + _BLOCK])
        search.add(rows, vectors[rows])
    observer.stage(Stage(STAGE, len(vectors), len(vectors)))
    return place_by_search(search.result().rows, places, Plane(places).nearest)


def _measured(vectors: F32, places: F64, new: Rows, seed: int, observer: Observer) -> PlacedRows:
    rng = np.random.default_rng(seed)
    is_new = np.zeros(len(vectors), dtype=np.bool_)
    is_new[new] = True
    asked_new = np.sort(rng.permutation(new)[:SAMPLE])
    asked_old = np.sort(rng.permutation(np.flatnonzero(~is_new))[:SAMPLE])
    found = recalls(vectors, Plane(places), np.concatenate([asked_new, asked_old]), observer)
    cut = len(asked_new)
    return PlacedRows(
        articles=len(new),
        sample=cut,
        recall={k: bootstrap_mean(values[:cut], seed=seed) for k, values in found.items()},
        old_sample=len(asked_old),
        old_recall={k: bootstrap_mean(values[cut:], seed=seed) for k, values in found.items()},
    )


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
        scores=None,
        moved=None,
        placed=placed,
        focus=None,
        due=why_due(about, written.articles + written.outside, written.outside),
        seconds=seconds,
    )

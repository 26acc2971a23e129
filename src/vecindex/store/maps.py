"""The maps that are stored with a table: for each a column NAME_x and one NAME_y, null outside the map."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.store.articles import ArticleTable

if TYPE_CHECKING:
    import pyarrow as pa

MAP_KEY = b"vecindex:map"
"""Metadata of both columns of a map: JSON that tells its method, parameters, seed and scores."""


def maps(table: ArticleTable) -> dict[str, Any]:
    """Return what is kept with each map, under the map's name; only maps that have both columns."""
    marked = {f.name: f.metadata[MAP_KEY] for f in table.schema if MAP_KEY in (f.metadata or {})}
    return {
        name[:-2]: json.loads(raw)
        for name, raw in marked.items()
        if name.endswith("_x") and f"{name[:-2]}_y" in marked
    }


def map_xy(table: ArticleTable, name: str) -> tuple[list[str], F64]:
    """Return the ids of all rows and their places (n, 2) on a map, in table order; NaN outside the map."""
    ids, places = rows_and_places(table, [name])
    return ids.to_pylist(), places[name]


def rows_and_places(table: ArticleTable, names: Sequence[str]) -> tuple[pa.Array, dict[str, F64]]:
    """Return the ids of all rows as an Arrow array, and their places on several maps, from one scan."""
    import pyarrow as pa

    columns = [f"{name}_{axis}" for name in names for axis in "xy"]
    ids: list[pa.Array] = []
    read: list[list[F64]] = [[] for _ in columns]
    for batch in table.scan(["id", *columns]):
        ids.append(batch.column("id"))
        for at, column in enumerate(columns):
            values = batch.column(column).cast(pa.float64())
            read[at].append(values.to_numpy(zero_copy_only=False))
    joined = [np.concatenate(parts) if parts else np.empty(0) for parts in read]
    places = {name: np.stack(joined[2 * i : 2 * i + 2], axis=1) for i, name in enumerate(names)}
    for xy in places.values():
        # A place that is half there, or infinite, is none.
        xy[~np.isfinite(xy).all(axis=1)] = np.nan
    return pa.concat_arrays(ids) if ids else pa.array([], pa.string()), places

"""What becomes of the positions on maps when rows are replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from vecindex.core.identity import vector_hashes
from vecindex.core.neighbors import F64
from vecindex.core.vectors import row_cosines
from vecindex.messages import Message
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.database import Database
from vecindex.store.maps import FormerPositions, map_columns

if TYPE_CHECKING:
    import pyarrow as pa

SAME_DIST = 1e-6
"""Cosine distance up to which a vector is the same: a model's own rounding, which depends on the batch."""


def keep_positions(
    database: Database,
    table: ArticleTable,
    rows: pa.Table,
    replaced: Sequence[bool],
    notice: Callable[[Message], None],
) -> pa.Table:
    """Return rows to be written, with the positions on all maps of those that replace one with the same vector.

    Whatever else of such a row has changed, it stays where it is. The positions of rows whose vector has changed are
    kept aside for the next update of each map.

    Parameters
    ----------
    rows : with all columns of the table.
    replaced : for each of them, whether the table may have a row of its id.
    """
    import pyarrow as pa

    columns = map_columns(table)
    if not columns:
        return rows
    wanted = rows["id"].filter(pa.array(replaced)).to_pylist()
    axes = [axis for both in columns.values() for axis in both]
    old = table.rows_by_id(wanted, ["id", "vector", *axes])
    # One without a vector is damaged, and about to be mended.
    old = old.filter(old["vector"].is_valid())
    index = {one: at for at, one in enumerate(rows["id"].to_pylist())}
    at = np.array([index[one] for one in old["id"].to_pylist()], dtype=np.int64)
    before, now = (
        as_matrix(some["vector"].combine_chunks(), table.fingerprint.dimension) for some in (old, rows.take(at))
    )
    same = 1.0 - row_cosines(before, now) <= SAME_DIST
    former = FormerPositions(database, table.name, notice)
    for name, both in columns.items():
        xy = np.stack([_floats(old[axis]) for axis in both], axis=1)
        lost = np.flatnonzero(~same & np.isfinite(xy).all(axis=1))
        ids = old["id"].take(pa.array(lost)).to_pylist()
        former.put(name, ids, vector_hashes(before[lost]), xy[lost])
        for axis, values in zip(both, xy.T, strict=True):
            filled = np.full(len(rows), np.nan)
            filled[at[same]] = values[same]
            column = pa.array(filled.astype(np.float32), mask=np.isnan(filled))
            i = rows.schema.get_field_index(axis)
            rows = rows.set_column(i, rows.schema.field(i), column)
    return rows


def _floats(column: pa.ChunkedArray) -> F64:
    """Return coordinates as numbers, NaN for null."""
    import pyarrow as pa

    return np.asarray(column.cast(pa.float64()).to_numpy(), dtype=np.float64)

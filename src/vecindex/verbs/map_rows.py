"""The articles that a map is made of: one version of a table, in the order in which they are laid out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.texts.joined import of_one_kind
from vecindex.core.vectors import F32, usable
from vecindex.errors import LOOK_CLOSER, CorruptError
from vecindex.messages import counted
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.maps import columns_and_positions
from vecindex.types import Observer, Stage

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "reading"
# Rows that are read by their numbers at a time.
_TAKEN = 8_192
_CONTENT_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class MapRows:
    """One version of a table, its rows in the order of their ids, or in one that was asked for.

    Attributes
    ----------
    ids, contents : (n,) Arrow texts: each row's id, and the half of its content hash that depends on what makes its
        vector.
    order : the index in this order of each row of the table as it is scanned; NO_ROW for one that is not among them.
    positions : (n, 2) on the map that was asked for, NaN outside it; None where none was asked for.
    """

    table: ArticleTable
    version: int
    ids: pa.Array
    contents: pa.Array
    order: Rows
    positions: F64 | None

    def __len__(self) -> int:
        return len(self.ids)

    def matrix(self, observer: Observer, where: str | None = None) -> F32:
        """Return the vectors (n, d) of all rows; memory is that of the matrix and one batch.

        `where` is the SQL condition that the rows are chosen by; None where they are all of the table.

        Raises CorruptError when a vector is not finite.
        """
        vectors = np.empty((len(self), self.table.fingerprint.dimension), dtype=np.float32)
        for rows, block in self.blocks(observer, STAGE, where):
            vectors[rows] = block
        return vectors

    def blocks(self, observer: Observer, stage: str, where: str | None = None) -> Iterator[tuple[Rows, F32]]:
        """Yield the rows (b,) and vectors (b, d) of the table, a part at a time, and report a stage.

        Of rows that are some of the table's, only these are given. Raises CorruptError when a vector is not finite.
        """
        d, at = self.table.fingerprint.dimension, 0
        for batch in self.table.stream(["vector"], where):
            observer.stage(Stage(stage, at, len(self.order)))
            block = as_matrix(batch.column("vector"), d)
            if not usable(block).all():
                unusable = counted(int((~usable(block)).sum()), "vector is", "vectors are")
                raise CorruptError(f"{self.table.where}: {unusable} not finite.", LOOK_CLOSER)
            rows = self.order[at : at + len(block)]
            at += len(block)
            here = rows >= 0
            yield (rows, block) if here.all() else (rows[here], block[here])
        observer.stage(Stage(stage, at, len(self.order)))

    def vectors_of(self, rows: Rows) -> F32:
        """Return the vectors (m, d) of some rows (m,), read from the table in the order in which they lie there."""
        scanned = np.empty(len(self), dtype=np.int64)
        here = np.flatnonzero(self.order >= 0)
        scanned[self.order[here]] = here
        wanted, back = np.unique(scanned[rows], return_inverse=True)
        found = np.empty((len(wanted), self.table.fingerprint.dimension), dtype=np.float32)
        for at in range(0, len(wanted), _TAKEN):
            part = self.table.rows_at(wanted[at : at + _TAKEN].tolist(), ["vector"]).column("vector")
            found[at : at + _TAKEN] = as_matrix(part.combine_chunks(), found.shape[1])
        return found[back]

    def some(self, rows: Rows) -> MapRows:
        """Return some of the rows (m,), ascending, numbered from 0 in that order."""
        import pyarrow as pa

        number = np.full(len(self) + 1, NO_ROW, dtype=np.int64)
        number[rows] = np.arange(len(rows))
        taken = pa.array(rows)
        return MapRows(
            self.table,
            self.version,
            self.ids.take(taken),
            self.contents.take(taken),
            number[self.order],
            None if self.positions is None else self.positions[rows],
        )

    def ordered(self, order: Rows) -> MapRows:
        """Return the same rows in another order: `order` (n,) holds the present indices of its rows, in turn."""
        import pyarrow as pa

        taken = pa.array(order)
        # Rows of the table that are not among these have the number -1, which stays.
        back = np.full(len(self) + 1, NO_ROW, dtype=np.int64)
        back[order] = np.arange(len(self))
        return MapRows(
            self.table,
            self.version,
            self.ids.take(taken),
            self.contents.take(taken),
            back[self.order],
            None if self.positions is None else self.positions[order],
        )


def read_rows(table: ArticleTable, map_name: str | None = None) -> MapRows:
    """Return the rows of the latest version, in the order of their ids, and hold the table on that version.

    So the same articles are in the same order, whatever was ingested first and however the table was compacted.
    """
    table.lance.checkout(table.version)
    (ids, hashes), positions = columns_and_positions(
        table, ["id", "content_hash"], [] if map_name is None else [map_name]
    )
    return in_id_order(table, ids, hashes, None if map_name is None else positions[map_name])


def in_id_order(table: ArticleTable, ids: pa.Array, hashes: pa.Array, positions: F64 | None = None) -> MapRows:
    """Return rows in the order of their ids; ids, content hashes and positions are in that of the scan."""
    import pyarrow.compute as pc

    order = pc.sort_indices(ids)
    at = order.to_numpy(zero_copy_only=False).astype(np.int64)
    index = np.empty(len(ids), dtype=np.int64)
    index[at] = np.arange(len(ids))
    placed = None if positions is None else positions[at]
    return MapRows(table, table.version, ids.take(order), content_of(hashes).take(order), index, placed)


def content_of(hashes: pa.Array) -> pa.Array:
    """Return the half of each content hash that depends on what makes the vector."""
    import pyarrow.compute as pc

    return pc.utf8_slice_codeunits(hashes, 0, _CONTENT_CHARACTERS)


def index_of(ids: pa.Array, among: pa.Array) -> Rows:
    """Return the index of each id among others; -1 for one that is not there; shape (n,)."""
    import pyarrow.compute as pc

    ids, among = of_one_kind(ids, among)
    found = pc.index_in(ids, value_set=among)
    return np.asarray(found.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64))


def same_rows(ids: pa.Array, contents: pa.Array, other_ids: pa.Array, other_contents: pa.Array) -> Rows:
    """Return the index of each row among others, -1 where the id is not there or its content is another; (n,)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    at = index_of(ids, other_ids)
    there = np.flatnonzero(at >= 0)
    alike = pc.equal(*of_one_kind(contents.take(pa.array(there)), other_contents.take(pa.array(at[there]))))
    at[there[~alike.fill_null(False).to_numpy(zero_copy_only=False)]] = -1
    return at

"""Vectors kept in memory by the files that they are in, so that a new version reads only what is new in it."""

from __future__ import annotations

import itertools
import json
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.conditions import in_backquotes
from vecindex.core.limits import looking, unlimited
from vecindex.core.neighbors import Rows
from vecindex.core.vectors import F32
from vecindex.store.articles import CONDITION_ROWS, ArticleTable, as_matrix
from vecindex.store.faults import translated
from vecindex.store.search import margin

Mask = npt.NDArray[np.bool_]
Name = tuple[tuple[Any, ...], ...]

_READ_ROWS = 8_192
_VERSIONS = 2


@dataclass(frozen=True, slots=True)
class Piece:
    """The vectors (m, d) of a fragment's rows when it was read, Lance's ids of these, and what was deleted before."""

    row_ids: Rows
    vectors: F32
    deleted: str


@dataclass(frozen=True, slots=True)
class View:
    """All vectors of one version, in the order of a scan.

    Attributes
    ----------
    name : the files that they are in, and what of these is deleted.
    blocks : the vectors, which may hold rows that are deleted in this version.
    row_ids : Lance's ids of the rows of all blocks, (n,).
    live : (n,) of all rows of the blocks those that are in this version; None for all.
    number : what distinguishes it from a view of the same name over other blocks.
    """

    name: Name
    blocks: tuple[F32, ...]
    row_ids: Rows
    live: Mask | None
    number: int

    def numbers(self, at: Rows) -> Rows:
        """Return the numbers of rows in the order of a scan, from 0, given their positions in the blocks."""
        return at if self.live is None else np.cumsum(self.live, dtype=np.int64)[at] - 1

    def positions(self, numbers: Rows) -> Rows:
        """Return positions in the blocks of rows, given by their numbers in the order of a scan."""
        return numbers if self.live is None else np.flatnonzero(self.live)[numbers]

    def parts(self, most: int) -> Iterator[F32]:
        """Yield the vectors of the version in the order of a scan, at most so many rows at a time."""
        start = 0
        for block in self.blocks:
            for at in range(0, len(block), most):
                part = block[at : at + most]
                yield part if self.live is None else part[self.live[start : start + len(part)]]
                start += len(part)

    def vectors(self, at: Rows) -> F32:
        """Return the vectors (m, d) at positions in the blocks."""
        ends = np.cumsum([len(block) for block in self.blocks])
        found = np.empty((len(at), self.blocks[0].shape[1]), dtype=np.float32)
        of_block = np.searchsorted(ends, at, side="right")
        for number in np.unique(of_block):
            mine = np.flatnonzero(of_block == number)
            found[mine] = self.blocks[number][at[mine] - (ends[number] - len(self.blocks[number]))]
        return found

    def meeting(self, data: Any, where: str) -> Mask:
        """Return which rows of the blocks are in a version, of the same vectors, and meet a condition there; (n,)."""
        scanner = data.scanner(
            columns=[], with_row_id=True, filter=in_backquotes(f"({where})"), batch_size=CONDITION_ROWS
        )
        ids = [_plain_ids(batch.column("_rowid")) for batch in looking(scanner.to_batches())]
        return np.isin(self.row_ids, np.concatenate([np.empty(0, np.int64), *ids]))


class Pieces:
    """The vectors of one table, of a version or several, up to a budget.

    The caller sees to it that one thread asks at a time.
    """

    def __init__(self, budget_bytes: Callable[[], int]) -> None:
        """Read nothing yet; `budget_bytes` gives what may be taken in all, given what is taken already."""
        self._budget_bytes = budget_bytes
        self._pieces: OrderedDict[tuple[Any, ...], Piece] = OrderedDict()
        self._views: list[View] = []
        self._numbers = itertools.count()

    @property
    def held_bytes(self) -> int:
        """The memory of the vectors."""
        return sum(piece.vectors.nbytes for piece in self._pieces.values())

    def clear(self) -> None:
        """Give the memory back, as soon as nobody uses a view that was given."""
        self._pieces.clear()
        self._views.clear()

    def view(self, table: ArticleTable, data: Any) -> View | None:
        """Return the vectors of a version of the table, reading what is not here yet.

        What is here is dropped before more is read, as far as the budget does not allow for both.

        None where they do not fit, where some are not of length 1 (as nothing of vecindex writes them), or where the
        version is stored in a way that is not known here.
        """
        d = table.fingerprint.dimension
        with translated(table.where):
            every, field = data.get_fragments(), data.lance_schema.field("vector").id()
            fragments = {key: one for one in every if (key := _key(field, one)) is not None}
            name = tuple((*key, _deleted(one)) for key, one in fragments.items())
            if (known := next((one for one in self._views if one.name == name), None)) is not None:
                return self._kept(known)
            rows = sum(one.count_rows() for one in every)
            if len(fragments) < len(every) or rows * d * 4 > self._budget_bytes():
                return None
            with unlimited():  # it is kept for others
                there = self._live_rows(data, fragments)
                wanted = {key: one for key, one in fragments.items() if not self._holds(key, there.get(key))}
                if not self._make_room(fragments, wanted, d):
                    # What is here holds too many rows that are deleted.
                    self.clear()
                    there, wanted = {}, fragments
                if not self._read(table, data, wanted, d):
                    self.clear()
                    return None
        for key in fragments:
            self._pieces.move_to_end(key)
        pieces = [self._pieces[key] for key in fragments]
        row_ids = np.concatenate([np.empty(0, np.int64), *(piece.row_ids for piece in pieces)])
        blocks, live = tuple(piece.vectors for piece in pieces), _live(fragments, pieces, there)
        return self._kept(View(name, blocks, row_ids, live, next(self._numbers)))

    def _kept(self, view: View) -> View:
        """Keep a view as the one that was asked for last."""
        others = [one for one in self._views if one is not view]
        self._views = [*others[-(_VERSIONS - 1) :], view]
        return view

    def _live_rows(self, data: Any, fragments: dict[tuple[Any, ...], Any]) -> dict[tuple[Any, ...], Rows]:
        """Return the ids of the rows that fragments still have which were read with more, or fewer."""
        changed = {
            key: one
            for key, one in fragments.items()
            if key in self._pieces and _deleted(one) != self._pieces[key].deleted
        }
        return {key: _row_ids(data, one) for key, one in changed.items()}

    def _holds(self, key: tuple[Any, ...], live: Rows | None) -> bool:
        """Return whether a fragment's rows are here, and more than half of what is here are its rows."""
        piece = self._pieces.get(key)
        if piece is None or live is None:
            return piece is not None
        return 2 * len(live) >= len(piece.row_ids) and bool(np.isin(live, piece.row_ids).all())

    def _read(self, table: ArticleTable, data: Any, wanted: dict[tuple[Any, ...], Any], d: int) -> bool:
        """Read the vectors of some fragments, in one scan; return whether all are of length 1."""
        if not wanted:
            return True
        rows = [one.count_rows() for one in wanted.values()]
        room = [
            Piece(np.empty(n, np.int64), np.empty((n, d), np.float32), _deleted(one))
            for n, one in zip(rows, wanted.values(), strict=True)
        ]
        scanner = data.scanner(
            columns=["vector"],
            with_row_id=True,
            fragments=list(wanted.values()),
            batch_size=_READ_ROWS,
            scan_in_order=True,
        )
        number = filled = 0
        for batch in scanner.to_batches():
            vectors, ids = as_matrix(batch.column("vector"), d), _plain_ids(batch.column("_rowid"))
            lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
            if not (np.abs(lengths - 1) < margin(table.schema) / 2).all():
                return False
            start = 0
            while start < len(batch):
                if filled == rows[number]:
                    number, filled = number + 1, 0
                    continue
                stop = min(len(batch), start + rows[number] - filled)
                into = slice(filled, filled + stop - start)
                room[number].vectors[into], room[number].row_ids[into] = vectors[start:stop], ids[start:stop]
                filled, start = into.stop, stop
        self._pieces.update(zip(wanted, room, strict=True))
        return True

    def _make_room(self, keep: Collection[tuple[Any, ...]], wanted: dict[tuple[Any, ...], Any], d: int) -> bool:
        """Drop what is wanted again, and what was asked for longest ago but not `keep`, until the budget is kept.

        Return whether it is, with what is wanted.
        """
        for key in wanted:
            self._pieces.pop(key, None)
        more = 4 * d * sum(one.count_rows() for one in wanted.values())
        spare = [key for key in self._pieces if key not in keep]
        while (over := self.held_bytes + more > self._budget_bytes()) and spare:
            del self._pieces[spare.pop(0)]
        # A view of what was dropped would hold its memory.
        here = {id(piece.vectors) for piece in self._pieces.values()}
        self._views = [one for one in self._views if all(id(block) in here for block in one.blocks)]
        return not over


def _key(field: int, fragment: Any) -> tuple[Any, ...] | None:
    """Return what names a fragment's vectors: the file that holds them; None for a kind that is not known here."""
    about = fragment.metadata
    files = [file for file in about.files if field in file.fields]
    if len(files) != 1 or getattr(about, "overlays", None):
        return None
    return fragment.fragment_id, files[0].path, tuple(files[0].column_indices)


def _deleted(fragment: Any) -> str:
    """Return what names the rows of a fragment that are deleted."""
    file = fragment.metadata.deletion_file
    return "" if file is None else json.dumps(file.asdict(), sort_keys=True)


def _row_ids(data: Any, fragment: Any) -> Rows:
    batches = data.scanner(columns=[], with_row_id=True, fragments=[fragment], scan_in_order=True).to_batches()
    return np.concatenate([np.empty(0, np.int64), *(_plain_ids(batch.column("_rowid")) for batch in batches)])


def _plain_ids(column: Any) -> Rows:
    # Not by `to_numpy`, for which pyarrow imports pandas.
    whole = np.frombuffer(column.buffers()[1] or b"", np.int64)
    return np.asarray(whole[column.offset : column.offset + len(column)])


def _live(
    fragments: dict[tuple[Any, ...], Any], pieces: Sequence[Piece], there: dict[tuple[Any, ...], Rows]
) -> Mask | None:
    """Return which rows of the pieces are in the version; None for all."""
    parts = [
        np.isin(piece.row_ids, there[key]) if key in there else np.ones(len(piece.row_ids), dtype=np.bool_)
        for key, piece in zip(fragments, pieces, strict=True)
    ]
    live = np.concatenate([np.empty(0, np.bool_), *parts])
    return None if live.all() else live

"""Fragments of a table with damaged files: what is damaged, and what of it can be kept.

A fragment is some rows: data files with their columns, and a deletion file that says which of the rows are deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecindex.errors import CorruptError
from vecindex.schema import OWN_COLUMNS
from vecindex.store.articles import ArticleTable
from vecindex.store.faults import check_readable, read_twice, reading, translated
from vecindex.store.versions import open_version

if TYPE_CHECKING:
    import pyarrow as pa

SCAN_ROWS = 1_024
_NEEDED = OWN_COLUMNS - {"vector_hash"}
_MOST_READINGS = 5_000
"""Readings that the search for readable rows of one fragment may take; what is not found by then counts as lost."""


class Part(StrEnum):
    """What of a fragment is damaged."""

    DELETIONS = "deletions"
    COLUMNS = "columns"
    """A data file without a column that every row needs: a map's, or fields that came later."""
    ROWS = "rows"
    UNKNOWN = "unknown"
    """It cannot be read, but each of its files can; or they are not on a local disk, where they could be examined."""


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece of a table: its number, its files, and the rows in it that are not deleted."""

    number: int
    files: tuple[str, ...]
    rows: int
    deleted: int
    deletion_file: str | None


@dataclass(frozen=True, slots=True)
class FragmentFault:
    """A fragment that cannot be read.

    Attributes
    ----------
    files : the damaged files, as paths in the table's folder.
    reason : what the store says.
    columns : those that are lost, where only some are.
    kept : ranges (start, stop) of its rows that can be read, where rows are damaged.
    lost_rows, lost_ids : how many cannot, and those of their ids that can be read.
    """

    fragment: Fragment
    part: Part
    files: tuple[str, ...]
    reason: str
    columns: tuple[str, ...] = ()
    kept: tuple[tuple[int, int], ...] = ()
    lost_rows: int = 0
    lost_ids: tuple[str, ...] = ()


def fragments(table: ArticleTable) -> list[Fragment]:
    """Return the pieces of the version in use, in table order."""
    found = []
    with translated(table.where):
        for one in table.lance.to_lance().get_fragments():
            piece = one.metadata
            deletions = piece.deletion_file
            found.append(
                Fragment(
                    one.fragment_id,
                    tuple(file.path for file in piece.files),
                    int(piece.num_rows),
                    0 if deletions is None else int(deletions.num_deleted_rows),
                    None if deletions is None else deletions.path(one.fragment_id),
                )
            )
    return found


def read_fragment(table: ArticleTable, fragment: Fragment) -> Iterator[pa.RecordBatch]:
    """Yield all columns of a fragment, 1,024 rows at a time.

    Raises CorruptError where it cannot be read, twice; UnavailableError where that says nothing about its files.
    """
    done = 0
    for last_try in (False, True):
        try:
            for batch in _batches(table, fragment, done):
                yield batch
                done += len(batch)
            return
        except CorruptError:
            if last_try:
                raise


def _batches(table: ArticleTable, fragment: Fragment, start: int) -> Iterator[pa.RecordBatch]:
    with reading(", ".join(fragment.files)):
        piece = table.lance.to_lance().get_fragment(fragment.number)
        yield from piece.to_batches(batch_size=SCAN_ROWS, batch_readahead=2, offset=start or None)


# -- what is damaged --------------------------------------------------------------------------------------


def judge(table: ArticleTable, fragment: Fragment, error: CorruptError) -> FragmentFault:
    """Return which files of an unreadable fragment are damaged, and what of it can be kept.

    Raises UnavailableError where the system refuses one of the files: nothing is known of it then.
    """
    reason, physical = str(error.message), fragment.rows + fragment.deleted
    if table.folder is None:
        return FragmentFault(fragment, Part.UNKNOWN, fragment.files, reason)
    damaged = tuple(name for name in fragment.files if not _is_whole(table.folder / "data" / name, physical))
    if fragment.deletion_file is not None:
        check_readable(table.folder / fragment.deletion_file)
        if not damaged:
            return FragmentFault(fragment, Part.DELETIONS, (fragment.deletion_file,), reason)
    files = tuple(f"data/{name}" for name in damaged)
    if not damaged:
        return FragmentFault(fragment, Part.UNKNOWN, fragment.files, reason)
    dataset = table.lance.to_lance()
    columns = _columns_in(dataset, fragment, damaged)
    if not _NEEDED.intersection(columns):
        return FragmentFault(fragment, Part.COLUMNS, files, reason, columns)
    kept, ids = _readable_rows(dataset, fragment)
    rows = fragment.rows - sum(stop - start for start, stop in kept)
    return FragmentFault(fragment, Part.ROWS, files, reason, (), tuple(kept), rows, tuple(ids))


def _is_whole(path: Path, rows: int) -> bool:
    """Return whether a data file can be read to its end and has so many rows."""
    from lance.file import LanceFileReader

    if not check_readable(path):
        return False

    def read() -> int:
        with reading(path.name):
            batches = LanceFileReader(str(path)).read_all(batch_size=SCAN_ROWS).to_batches()
            return sum(len(batch) for batch in batches)

    try:
        return read_twice(read) == rows
    except CorruptError:
        return False


class VersionFiles:
    """The files that older versions need, each looked at once."""

    def __init__(self, folder: Path, now: int) -> None:
        """Take the table's folder, and the version whose files are read by others."""
        self._folder = folder
        self._sizes = {path.name: path.stat().st_size for path in (folder / "data").glob("*.lance")}
        self._known = dict.fromkeys(files_of(open_version(folder, now)), True)

    def damaged(self, version: int, whole: bool) -> str | None:
        """Return a file that a version needs and that is missing or of another size; None for none.

        `whole` reads the files, too. A version without a readable manifest has none.
        """
        try:
            pieces = open_version(self._folder, version).get_fragments()
        except CorruptError:
            return None
        for piece in pieces:
            for file in piece.metadata.files:
                size = self._sizes.get(file.path)
                if size is None or size != (file.file_size_bytes or size):
                    return str(file.path)
                if whole and not self._is_whole(file.path, piece.physical_rows):
                    return str(file.path)
            deletions = piece.metadata.deletion_file
            if deletions is not None and not self._marks_rows(piece, deletions.path(piece.fragment_id), whole):
                return str(deletions.path(piece.fragment_id))
        return None

    def _is_whole(self, name: str, rows: int) -> bool:
        if name not in self._known:
            self._known[name] = _is_whole(self._folder / "data" / name, rows)
        return self._known[name]

    def _marks_rows(self, piece: Any, name: str, whole: bool) -> bool:
        if not (self._folder / name).exists():
            return False
        if whole and name not in self._known:
            self._known[name] = _can_mark(piece)
        return self._known.get(name, True)


def _can_mark(piece: Any) -> bool:
    """Return whether the deletion file of a fragment can be read."""
    try:
        with reading("deletions"):
            piece.scanner(columns=["id"], limit=1).to_table()
    except CorruptError:
        return False
    return True


def _columns_in(dataset: Any, fragment: Fragment, files: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of the version in use that some files of a fragment hold."""
    ids = {
        i for file in dataset.get_fragment(fragment.number).metadata.files if file.path in files for i in file.fields
    }
    return tuple(field.name() for field in dataset.lance_schema.fields() if ids & _ids_of(field))


def _ids_of(field: Any) -> set[int]:
    return {field.id()}.union(*(_ids_of(child) for child in field.children()))


def _readable_rows(dataset: Any, fragment: Fragment) -> tuple[list[tuple[int, int]], list[str]]:
    """Return the ranges of rows of which all columns can be read, and the readable ids of the others."""
    kept: list[tuple[int, int]] = []
    ids: list[str] = []
    pending, readings = [(0, fragment.rows)], 0
    while pending and readings < _MOST_READINGS:
        start, stop = pending.pop()
        readings += 1
        if rows_of(dataset, fragment, start, stop) is not None:
            kept.append((start, stop))
        elif stop - start > 1:
            half = (start + stop) // 2
            pending += [(half, stop), (start, half)]
        elif (found := rows_of(dataset, fragment, start, stop, ["id"])) is not None:
            ids += found.column("id").to_pylist()
    return kept, ids


def rows_of(
    dataset: Any, fragment: Fragment, start: int, stop: int, columns: list[str] | None = None
) -> pa.Table | None:
    """Return a range of the rows of a fragment; None where it cannot be read."""
    piece = dataset.get_fragment(fragment.number)
    with suppress(CorruptError), reading("rows"):
        made: pa.Table = piece.scanner(columns=columns, offset=start, limit=stop - start).to_table()
        return made if len(made) == stop - start else None
    return None


def files_of(dataset: Any) -> set[str]:
    """Return the names of the data files of a version."""
    return {file.path for piece in dataset.get_fragments() for file in piece.metadata.files}

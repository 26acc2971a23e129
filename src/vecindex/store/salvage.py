"""Fragments of a table with damaged files: what is damaged, what of it can be kept, and the commits that keep it.

A fragment is some rows: data files with their columns, and a deletion file that says which of the rows are deleted.
A repair gives up no more than what cannot be read. The files go to the table's folder for what is set aside.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecindex.errors import CorruptError
from vecindex.schema import OWN_COLUMNS
from vecindex.store.articles import ArticleTable
from vecindex.store.causes import check_readable, read_twice, reading
from vecindex.store.faults import translated
from vecindex.store.lock import committing
from vecindex.store.versions import open_version, place_aside

if TYPE_CHECKING:
    import pyarrow as pa

_SCAN_ROWS = 1_024
_SURE = 2**63
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
        yield from piece.to_batches(batch_size=_SCAN_ROWS, batch_readahead=2, offset=start or None)


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
    if not OWN_COLUMNS.intersection(columns):
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
            batches = LanceFileReader(str(path)).read_all(batch_size=_SCAN_ROWS).to_batches()
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
        if _rows_of(dataset, fragment, start, stop) is not None:
            kept.append((start, stop))
        elif stop - start > 1:
            half = (start + stop) // 2
            pending += [(half, stop), (start, half)]
        elif (found := _rows_of(dataset, fragment, start, stop, ["id"])) is not None:
            ids += found.column("id").to_pylist()
    return kept, ids


def _rows_of(
    dataset: Any, fragment: Fragment, start: int, stop: int, columns: list[str] | None = None
) -> pa.Table | None:
    piece = dataset.get_fragment(fragment.number)
    with suppress(CorruptError), reading("rows"):
        made: pa.Table = piece.scanner(columns=columns, offset=start, limit=stop - start).to_table()
        return made if len(made) == stop - start else None
    return None


def files_of_no_version(folder: Path, named: Collection[str]) -> list[Path]:
    """Return the data files that none of the readable versions names."""
    return [path for path in sorted((folder / "data").glob("*.lance")) if path.name not in named]


def _rows_in(path: Path) -> pa.Table | None:
    """Return the rows in a data file; None where it is not whole, or has no rows but columns of some."""
    from lance.file import LanceFileReader

    with suppress(CorruptError), reading(path.name):
        rows: pa.Table = LanceFileReader(str(path)).read_all(batch_size=_SCAN_ROWS).to_table()
        return rows if {"id", "txn", "vector"}.issubset(rows.schema.names) else None
    return None


def files_of(dataset: Any) -> set[str]:
    """Return the names of the data files of a version."""
    return {file.path for piece in dataset.get_fragments() for file in piece.metadata.files}


# -- repairs: each is one commit, and the caller holds the writer lock ------------------------------------


def set_files_aside(table: ArticleTable, fault: FragmentFault) -> None:
    """Keep all files of a fragment: a later clean-up would remove those that no version names."""
    assert table.folder is not None, "what is not local is not repaired"
    names = [f"data/{name}" for name in fault.fragment.files]
    names += [fault.fragment.deletion_file] if fault.fragment.deletion_file else []
    keep_second_names(table.folder, [table.folder / name for name in names])


def keep_second_names(folder: Path, files: Sequence[Path]) -> None:
    """Give files a second name among those that are set aside, for versions may still name the first."""
    for path in files:
        if path.exists():
            target = place_aside(folder, path.name)
            try:
                target.hardlink_to(path)
            except OSError:  # a disk without links
                shutil.copy2(path, target)


def put_back(table: ArticleTable, files: Sequence[Path]) -> tuple[int, int]:
    """Add the rows that a version without a manifest had added; return how many they were, and how many others.

    A row is added if it is of a later transaction than all others, and no row has its id. Others took the place of
    rows, or were never committed: the next ingest knows.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    last = table.last_txn()
    added = others = 0
    for path in files:
        rows = _rows_in(path)
        if rows is None:
            continue
        later = rows.filter(pc.greater(rows.column("txn"), last))
        ids = later.column("id").to_pylist()
        there = set(table.rows_by_id(ids, ["id"]).column("id").to_pylist()) if ids else set()
        new = later.filter(pa.array([i not in there for i in ids], pa.bool_()))
        if len(new) and set(new.schema.names).issuperset(f.name for f in table.schema if not f.nullable):
            table.append(_as_schema(new, table.schema))
            added += len(new)
            others += len(rows) - len(new)
        else:
            others += len(rows)
    return added, others


def _as_schema(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = [
        rows.column(f.name).cast(f.type) if f.name in rows.schema.names else pa.nulls(len(rows), f.type)
        for f in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def without_columns(table: ArticleTable, fault: FragmentFault) -> None:
    """Let the columns of damaged files be null in their fragment."""
    dataset = table.lance.to_lance()
    piece = dataset.get_fragment(fault.fragment.number).metadata
    files = [file for file in piece.files if f"data/{file.path}" not in fault.files]
    _commit(table, dataset, updated=[replace(piece, files=files)])


def without_lost_rows(table: ArticleTable, fault: FragmentFault) -> None:
    """Put the readable rows of a fragment into a new one, in its place."""
    import pyarrow as pa
    from lance.fragment import write_fragments

    dataset = table.lance.to_lance()
    parts = [rows for a, b in fault.kept if (rows := _rows_of(dataset, fault.fragment, a, b)) is not None]
    new = []
    if parts:
        new = write_fragments(pa.concat_tables(parts).cast(dataset.schema), dataset, mode="append")
    _commit(table, dataset, removed=[fault.fragment.number], new=new)


def without_deletions(table: ArticleTable, faults: Sequence[FragmentFault]) -> int:
    """Read fragments without their deletion files, and return how many rows come back by it.

    Rows that are known to be deleted stay so: those that an older version has as deleted, and those whose id another
    row has, because ids are unique.
    """
    dataset = table.lance.to_lance()
    numbers = [fault.fragment.number for fault in faults]
    bare = [replace(dataset.get_fragment(number).metadata, deletion_file=None) for number in numbers]
    # A version apart from the others, to read the rows and to mark those that stay deleted.
    apart = _committed(table, dataset, updated=bare, detached=True)
    try:
        gone = _still_deleted(table, apart, numbers)
        updated, removed, back = [], [], 0
        for number in numbers:
            made = _marked(apart.get_fragment(number), gone[number])
            if made is None:
                removed.append(number)
            else:
                updated.append(made)
                back += int(made.num_rows)
        _commit(table, dataset, updated=updated, removed=removed)
    finally:
        assert table.folder is not None, "what is not local is not repaired"
        (table.folder / "_versions" / f"d{apart.version}.manifest").unlink(missing_ok=True)
    return back - sum(fault.fragment.rows for fault in faults)


def _marked(piece: Any, gone: set[str]) -> Any:
    if not gone:
        return piece.metadata
    quoted = ", ".join("'" + one.replace("'", "''") + "'" for one in sorted(gone))
    return piece.delete(f"id IN ({quoted})")


def _still_deleted(table: ArticleTable, apart: Any, numbers: Sequence[int]) -> dict[int, set[str]]:
    """Return the ids of the rows in each of the fragments that are known to be deleted."""
    # An article in chunks is replaced as a whole, and may have fewer of them then.
    keys = [key for key in ("id", "article_id") if key in apart.schema.names]
    columns = [*keys, "content_hash", "txn"]
    rows = {number: apart.get_fragment(number).to_table(columns=columns).to_pylist() for number in numbers}
    gone = {number: _deleted_before(table, apart, number, rows[number]) for number in numbers}
    for key in keys:
        _add_replaced(apart, key, columns, rows, gone)
    return gone


def _add_replaced(
    apart: Any, key: str, columns: list[str], rows: Mapping[int, Sequence[dict[str, Any]]], gone: dict[int, set[str]]
) -> None:
    """Add to `gone` the rows of which a later one has the id, or whose article has other content now."""
    wanted = {row[key] for number, some in rows.items() for row in some if row["id"] not in gone[number]}
    best: dict[str, tuple[int, int, str]] = {}
    for piece in apart.get_fragments():
        number = piece.fragment_id
        with suppress(CorruptError), reading("another fragment"):
            for row in (row for batch in piece.to_batches(columns=columns) for row in batch.to_pylist()):
                if row[key] in wanted and row["id"] not in gone.get(number, ()):
                    # A row whose deletions are known is surely there, and counts more than any other.
                    rank = (row["txn"] if number in gone else _SURE, number, row["content_hash"])
                    best[row[key]] = max(best.get(row[key], rank), rank)
    for number, some in rows.items():
        for row in some:
            found = best.get(row[key])
            if found is not None and found[1] != number and (key == "id" or found[2] != row["content_hash"]):
                gone[number].add(row["id"])


def _deleted_before(table: ArticleTable, apart: Any, number: int, rows: Sequence[dict[str, Any]]) -> set[str]:
    """Return the ids that the newest readable version of a fragment's deletions leaves out."""
    import lance

    files = [file.path for file in apart.get_fragment(number).metadata.files][:1]
    for version in sorted(table.versions(), reverse=True):
        with suppress(CorruptError), reading(f"version {version}"):
            piece = lance.dataset(str(table.folder), version=version).get_fragment(number)
            if piece is None or [file.path for file in piece.metadata.files][:1] != files:
                continue
            alive = set(piece.to_table(columns=["id"]).column("id").to_pylist())
            return {row["id"] for row in rows} - alive
    return set()


def _commit(table: ArticleTable, dataset: Any, **changes: Any) -> None:
    _committed(table, dataset, **changes)
    with translated(table.where):
        table.lance.checkout_latest()


def _committed(
    table: ArticleTable,
    dataset: Any,
    *,
    updated: Sequence[Any] = (),
    removed: Sequence[int] = (),
    new: Sequence[Any] = (),
    detached: bool = False,
) -> Any:
    import lance

    operation = lance.LanceOperation.Update(
        removed_fragment_ids=list(removed), updated_fragments=list(updated), new_fragments=list(new)
    )
    with committing(table.where):
        return lance.LanceDataset.commit(dataset, operation, read_version=dataset.version, detached=detached)

"""Repairs of a table with damaged files, each one commit; the caller holds the writer lock.

A repair gives up no more than what cannot be read. The files go to the table's folder for what is set aside.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecindex.errors import CorruptError
from vecindex.store.articles import ArticleTable
from vecindex.store.faults import reading, translated
from vecindex.store.lock import committing
from vecindex.store.salvage import SCAN_ROWS, FragmentFault, rows_of
from vecindex.store.versions import path_aside

if TYPE_CHECKING:
    import pyarrow as pa

_SURE = 2**63


def files_of_no_version(folder: Path, named: Collection[str]) -> list[Path]:
    """Return the data files that none of the readable versions names."""
    return [path for path in sorted((folder / "data").glob("*.lance")) if path.name not in named]


def _rows_in(path: Path) -> pa.Table | None:
    """Return the rows in a data file; None where it is not whole, or has no rows but columns of some."""
    from lance.file import LanceFileReader

    with suppress(CorruptError), reading(path.name):
        rows: pa.Table = LanceFileReader(str(path)).read_all(batch_size=SCAN_ROWS).to_table()
        return rows if {"id", "txn", "vector"}.issubset(rows.schema.names) else None
    return None


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
            target = path_aside(folder, path.name)
            try:
                target.hardlink_to(path)
            except OSError:  # a disk without links
                shutil.copy2(path, target)


def put_back(table: ArticleTable, files: Sequence[Path]) -> tuple[int, int]:
    """Add the rows that a version without a manifest had added; return how many they were, and how many others.

    A row is added if it is of a later transaction than all others, and no row has its id. Others replaced
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
    """Put the readable rows of a fragment into a new one, which replaces it."""
    import pyarrow as pa
    from lance.fragment import write_fragments

    dataset = table.lance.to_lance()
    parts = [rows for a, b in fault.kept if (rows := rows_of(dataset, fault.fragment, a, b)) is not None]
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

"""Keeping a table small, quick and whole: compaction, old versions, and files that a crash left behind or broke."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from vecindex.core.identity import vector_hashes
from vecindex.core.memory import give_back_memory
from vecindex.errors import CorruptError
from vecindex.files import flush_files
from vecindex.messages import Message, command, counted, text
from vecindex.schema import FORMAT, vector_hash_field
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.faults import reading, translated
from vecindex.store.indexes.vector import (
    are_many,
    drop_vector_index,
    take_in_rows,
    vector_index,
    vector_index_fault,
)
from vecindex.store.lock import committing
from vecindex.store.remote.orphans import sweep_orphans
from vecindex.store.search import fulltext_fault, make_fulltext_index
from vecindex.store.versions import broken_manifests, folder_of, manifests, table_folder, torn_tags

log = logging.getLogger(__name__)

COMPACT_EVERY = 100
"""Commits between two compactions."""
FRAGMENT_ROWS = 100_000
"""Compaction stops merging a fragment at this size, so that each row is rewritten about once, not every time."""
_COMPACTION_BATCH_ROWS = 1_024
_METADATA_CACHE = 32 << 20
KEEP_VERSIONS_FOR = timedelta(hours=1)
"""Old versions stay this long, counted from their own commit, so that a reader of one does not lose its files."""
KEPT_IN_STORAGE = timedelta(minutes=10)
"""Old versions in object storage stay at least so long."""
_HASHED_ROWS = 16_384
# The unit of st_blocks, whatever the disk's own blocks are.
_BLOCK_BYTES = 512


Notice = Callable[[Message], None]
"""Takes a line that the user should see."""


def maintain(
    table: ArticleTable,
    keep_for: timedelta = KEEP_VERSIONS_FOR,
    notice: Notice = log.warning,
    *,
    all_vectors: bool = False,
) -> int:
    """Merge small fragments, bring indexes up to date, remove versions older than `keep_for` (tagged ones stay).

    The index of the vectors takes in the rows that it lacks once they are many, or all with `all_vectors`. Returns
    how many versions were removed. The caller holds the writer lock.
    """
    with committing(table.where):
        dataset = _dataset(table)
        before = len(dataset.get_fragments())
        dataset.optimize.compact_files(
            target_rows_per_fragment=FRAGMENT_ROWS, num_threads=1, batch_size=_COMPACTION_BATCH_ROWS
        )
        _update_indexes(table, dataset, notice, all_vectors)
    # A block of its own: where commits are durable, what replaces old files is on the disk before they go.
    with committing(table.where):
        removed = clean(dataset, keep_for, table.where, notice)
        after = len(dataset.get_fragments())
        table.lance.checkout_latest()
        del dataset
    give_back_memory()
    log.info("compacted %s: %d to %d fragments", table.where, before, after)
    return removed


def add_vector_hashes(table: ArticleTable) -> int:
    """Bring a table of storage format 1 to the present one; return how many rows got the hash of their vector.

    Killed in between, it is done again from the start. The caller holds the writer lock.
    """
    import pyarrow as pa

    if table.metadata().get("vecindex:format") == FORMAT:
        return 0
    if "vector_hash" not in table.schema.names:
        table.add_columns([vector_hash_field()])
    done, dimension = 0, table.fingerprint.dimension
    for batch in table.stream(["id", "vector"], rows=_HASHED_ROWS):
        hashes = vector_hashes(as_matrix(batch.column("vector"), dimension))
        rows = pa.table({"id": batch.column("id"), "vector_hash": pa.array(hashes, pa.string())})
        with committing(table.where):
            # Writes the one column only; LanceDB's own merge would rewrite whole rows.
            merge = _dataset(table).merge_insert("id").when_matched_update_all().write_mode("rewrite_columns")
            merge.execute(rows)
            table.lance.checkout_latest()
        done += len(batch)
    table.set_setting(format=int(FORMAT))
    return done


def _update_indexes(table: ArticleTable, dataset: Any, notice: Notice, all_vectors: bool) -> None:
    others = [one.name for one in dataset.describe_indices() if list(one.field_names) != ["vector"]]
    if others:
        try:
            with reading("indexes"):
                dataset.optimize.optimize_indices(index_names=others)
        except CorruptError:
            mend_fulltext_index(table, notice)
    _update_vector_index(table, notice, all_vectors)
    dataset.checkout_latest()


def _update_vector_index(table: ArticleTable, notice: Notice, all_vectors: bool) -> None:
    """Take rows into the index of the vectors where they are many, or all; one that is damaged is removed."""
    table.lance.checkout_latest()
    there = vector_index(table)
    if there is None:
        return
    lacking = table.count() - there.rows
    if not lacking or not (all_vectors or are_many(lacking, there.rows)):
        return
    try:
        with reading("the index of the vectors"):
            take_in_rows(table)
    except CorruptError:
        fault = vector_index_fault(table)
        if fault is None:
            raise
        drop_vector_index(table)
        damaged = f"the index of the vectors of {table.where} is damaged ({fault}), so it is removed; "
        notice(text(damaged, "searches are exact until it is made again: ", command("build_index")))


def mend_fulltext_index(table: ArticleTable, notice: Notice) -> bool:
    """Make the full-text index again if its files are damaged; return whether they were.

    The caller holds the writer lock.
    """
    fault = fulltext_fault(table)
    if fault is None:
        return False
    notice(f"the full-text index of {table.where} is damaged ({fault}), so it is made again")
    make_fulltext_index(table)
    return True


def sweep(
    table: ArticleTable, folder: Path | None, keep_for: timedelta = KEEP_VERSIONS_FOR, notice: Notice = log.warning
) -> int:
    """Remove what a crashed writer left, unfinished files that no version names, and old versions.

    Returns how many versions were removed. The caller holds the writer lock, so no file that is being written now can
    be among them.
    """
    with committing(table.where):
        removed = clean(_dataset(table), keep_for, table.where, notice)
        if folder is not None:
            # Lance's own clean-up passes over the temporary files of its local writer.
            for path in leftovers(table_folder(folder, table.name)):
                path.unlink(missing_ok=True)
    return removed


def sweep_remote(table: ArticleTable, keep_for: timedelta, notice: Notice) -> None:
    """Remove what killed writers left in object storage, older than `keep_for`. The caller holds the lease."""
    with committing(table.where):
        removed, size = sweep_orphans(table.lance, table.where, keep_for)
    if removed:
        notice(f"removed {counted(removed, 'file')} ({size / 1e6:,.1f} MB) of {table.where} that no version names")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a table takes on disk, in whole blocks as `du` counts. None where the database is not a local folder.

    `live_bytes` are those of the data files of the version in use: the rest of `table_bytes` are older versions,
    indexes and manifests.
    """

    fragments: int
    versions: int
    live_bytes: int
    table_bytes: int | None


def usage(table: ArticleTable, folder: Path | None) -> Usage:
    """Return what a table takes on disk."""
    with translated(table.where):
        pieces = [fragment.metadata for fragment in _dataset(table).get_fragments()]
    files = [file for piece in pieces for file in piece.files]
    if folder is None:
        live = sum(file.file_size_bytes or 0 for file in files)
        return Usage(len(pieces), len(table.versions()), live, None)
    own = table_folder(folder, table.name)
    live = sum(_bytes_on_disk(own / "data" / file.path) for file in files)
    return Usage(len(pieces), len(manifests(own)), live, bytes_in(own))


def bytes_in(folder: Path, known: Mapping[str, int | None] | None = None) -> int:
    """Return what a folder and all below it take on disk, as `du` counts; what vanishes meanwhile counts nothing.

    Each file is looked at once and none is opened. `known` gives the bytes of folders in it that were counted before.
    """
    total = _bytes_on_disk(folder)
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            counted = None if known is None else known.get(entry.name)
            if counted is not None:
                total += counted
            elif entry.is_dir(follow_symlinks=False):
                total += bytes_in(Path(entry.path))
            else:
                total += _bytes_on_disk(entry)
    return total


def _bytes_on_disk(at: Path | os.DirEntry[str]) -> int:
    try:
        found = at.stat(follow_symlinks=False)
    except OSError:
        return 0
    # Windows has no number of blocks.
    return getattr(found, "st_blocks", -(-found.st_size // _BLOCK_BYTES)) * _BLOCK_BYTES


def _dataset(table: ArticleTable) -> Any:
    return table.lance.to_lance(metadata_cache_size_bytes=_METADATA_CACHE, index_cache_size_bytes=_METADATA_CACHE)


def clean(dataset: Any, keep_for: timedelta, where: str, notice: Notice = log.warning) -> int:
    """Remove the old versions of a Lance dataset, but tagged ones; return how many. The caller holds the writer lock.

    While a tag or a manifest is damaged it cannot be known which files are needed, so all of them are kept.
    """
    folder = folder_of(where)
    if folder is None:
        # A writer that was paused for so long in the middle of a commit is not noticed after a clean-up.
        keep_for = max(keep_for, KEPT_IN_STORAGE)
    if torn := torn_tags(folder):
        notice(_all_kept(where, f"the tag {min(torn)!r}"))
        return 0
    if folder is not None:
        with translated(where):
            _flush_version(dataset, folder)
    try:
        # Without a lock, files that no version names yet may be another writer's next commit.
        stats = dataset.cleanup_old_versions(
            older_than=keep_for, delete_unverified=folder is not None, error_if_tagged_old_versions=False
        )
    except (RuntimeError, OSError, ValueError):
        broken = [] if folder is None else broken_manifests(folder)[0]
        if not broken:
            raise
        notice(_all_kept(where, f"the manifest of version {broken[0][0]}"))
        return 0
    return int(stats.old_versions)


def _flush_version(dataset: Any, folder: Path) -> None:
    """Bring the version in use to the disk: after a power cut it must not be missing together with the older ones."""
    pieces = [fragment.metadata for fragment in dataset.get_fragments()]
    files = [folder / "data" / file.path for piece in pieces for file in piece.files]
    files += [folder / piece.deletion_file.path(piece.id) for piece in pieces if piece.deletion_file]
    flush_files(files, folder.parent)
    manifest = manifests(folder).get(dataset.version)
    if manifest is not None:
        flush_files([manifest], folder.parent)


def _all_kept(where: str, damaged: str) -> Message:
    return text(f"old versions of {where} are kept, because {damaged} is damaged: ", command("doctor"))


def leftovers(folder: Path) -> list[Path]:
    """Return the temporary files that a killed writer left; while one is at work, they may be its own."""
    return sorted(folder.rglob(".tmp*"))

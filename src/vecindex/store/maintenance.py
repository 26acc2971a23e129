"""Keeping a table small and quick: compaction, removal of old versions, sweeping up after crashes."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from vecindex.core.memory import give_back_memory
from vecindex.store.articles import ArticleTable
from vecindex.store.checkup import leftovers, table_folder
from vecindex.store.faults import translated

log = logging.getLogger(__name__)

COMPACT_EVERY = 100
"""Commits between two compactions."""
FRAGMENT_ROWS = 100_000
"""Compaction stops merging a fragment at this size, so that each row is rewritten about once, not every time."""
_COMPACTION_BATCH_ROWS = 1_024
_METADATA_CACHE = 32 << 20
KEEP_VERSIONS_FOR = timedelta(hours=1)
"""Old versions stay this long, counted from their own commit, so that a reader of one does not lose its files."""


def maintain(table: ArticleTable, keep_for: timedelta = KEEP_VERSIONS_FOR) -> int:
    """Merge small fragments, bring indexes up to date, remove versions older than `keep_for` (tagged ones stay).

    Returns how many versions were removed. The caller holds the writer lock.
    """
    with translated(table.where):
        dataset = _dataset(table)
        before = len(dataset.get_fragments())
        dataset.optimize.compact_files(
            target_rows_per_fragment=FRAGMENT_ROWS, num_threads=1, batch_size=_COMPACTION_BATCH_ROWS
        )
        if dataset.describe_indices():
            dataset.optimize.optimize_indices()
        stats = clean(dataset, keep_for, table.where)
        after = len(dataset.get_fragments())
        table.lance.checkout_latest()
        del dataset
    give_back_memory()
    log.info("compacted %s: %d to %d fragments", table.where, before, after)
    return int(stats.old_versions)


def sweep(table: ArticleTable, folder: Path | None, keep_for: timedelta = KEEP_VERSIONS_FOR) -> int:
    """Remove what a crashed writer left, unfinished files that no version names, and old versions.

    Returns how many versions were removed. The caller holds the writer lock, so no file that is being written now can
    be among them.
    """
    with translated(table.where):
        removed = int(clean(_dataset(table), keep_for, table.where).old_versions)
    if folder is not None:
        # Lance's own clean-up passes over the temporary files of its local writer.
        for path in leftovers(table_folder(folder, table.name)):
            path.unlink()
    return removed


@dataclass(frozen=True, slots=True)
class Usage:
    """What a table takes on disk. Bytes are None where the database is not a local folder.

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
        versions = table.lance.list_versions()
        now = next((v for v in versions if v["version"] == table.lance.version), versions[-1])["metadata"]
    fragments, live = int(now.get("total_fragments", 0)), int(now.get("total_files_size", 0))
    return Usage(fragments, len(versions), live, bytes_in(table_folder(folder, table.name)) if folder else None)


def bytes_in(folder: Path) -> int:
    """Return the bytes of all files below a folder; one that vanishes meanwhile counts nothing."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _dataset(table: ArticleTable) -> Any:
    return table.lance.to_lance(metadata_cache_size_bytes=_METADATA_CACHE, index_cache_size_bytes=_METADATA_CACHE)


def clean(dataset: Any, keep_for: timedelta, where: str) -> Any:
    """Remove the old versions of a Lance dataset, but tagged ones. The caller holds the writer lock."""
    # Without a lock, files that no version names yet may be another writer's next commit.
    sole_writer = "://" not in where
    return dataset.cleanup_old_versions(
        older_than=keep_for, delete_unverified=sole_writer, error_if_tagged_old_versions=False
    )

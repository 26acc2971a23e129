"""Keeping a table small, quick and whole: compaction, old versions, and files that a crash left behind or broke."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecindex.core.identity import vector_hashes
from vecindex.core.memory import give_back_memory
from vecindex.errors import CorruptError
from vecindex.schema import FORMAT, vector_hash_field
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.faults import is_panic, translated
from vecindex.store.lock import committing, local_folder

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

COMPACT_EVERY = 100
"""Commits between two compactions."""
FRAGMENT_ROWS = 100_000
"""Compaction stops merging a fragment at this size, so that each row is rewritten about once, not every time."""
_COMPACTION_BATCH_ROWS = 1_024
_METADATA_CACHE = 32 << 20
KEEP_VERSIONS_FOR = timedelta(hours=1)
"""Old versions stay this long, counted from their own commit, so that a reader of one does not lose its files."""
_SCAN_ROWS = 1_024
_HASHED_ROWS = 16_384
_SET_ASIDE = "_set_aside"
# Lance names a manifest by 2^64 - 1 - version, in 20 digits, so that the newest comes first in a listing.
_NEWEST_FIRST = 2**64 - 1
_REVERSED_DIGITS = 20


def maintain(table: ArticleTable, keep_for: timedelta = KEEP_VERSIONS_FOR) -> int:
    """Merge small fragments, bring indexes up to date, remove versions older than `keep_for` (tagged ones stay).

    Returns how many versions were removed. The caller holds the writer lock.
    """
    with committing(table.where):
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


def sweep(table: ArticleTable, folder: Path | None, keep_for: timedelta = KEEP_VERSIONS_FOR) -> int:
    """Remove what a crashed writer left, unfinished files that no version names, and old versions.

    Returns how many versions were removed. The caller holds the writer lock, so no file that is being written now can
    be among them.
    """
    with committing(table.where):
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
    sole_writer = local_folder(where) is not None
    return dataset.cleanup_old_versions(
        older_than=keep_for, delete_unverified=sole_writer, error_if_tagged_old_versions=False
    )


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece of a table: its number, its data files, and the rows in it that are not deleted."""

    number: int
    files: tuple[str, ...]
    rows: int


def table_folder(database: Path, name: str) -> Path:
    """Return the folder that holds a table."""
    return database / f"{name}.lance"


def broken_manifests(folder: Path) -> tuple[list[tuple[int, Path]], int | None]:
    """Return the (version, file) of each manifest that cannot be read, and the newest version that can."""
    import lance

    broken: list[tuple[int, Path]] = []
    newest = None
    for path in (folder / "_versions").glob("*.manifest"):
        if not path.stem.isdigit():
            continue
        number = int(path.stem)
        version = _NEWEST_FIRST - number if len(path.stem) == _REVERSED_DIGITS else number
        try:
            with corrupt_when_unreadable(path.name):
                dataset = lance.dataset(str(folder), version=version)
                dataset.count_rows()
            # Zeros, as a power loss leaves them, read as a table without columns.
            if not dataset.schema.names:
                raise CorruptError(f"{path.name}: no columns")
        except CorruptError:
            broken.append((version, path))
        else:
            newest = max(newest or 0, version)
    return sorted(broken), newest


def set_aside(folder: Path, files: Sequence[Path]) -> Path:
    """Move files of a table where Lance does not look, and return the folder that they are in now."""
    target = folder / _SET_ASIDE
    target.mkdir(exist_ok=True)
    for path in files:
        path.rename(target / path.name)
    return target


def leftovers(folder: Path) -> list[Path]:
    """Return the temporary files that a killed writer left; while one is at work, they may be its own."""
    return sorted(folder.rglob(".tmp*"))


def fragments(table: ArticleTable) -> list[Fragment]:
    """Return the pieces of the version in use, in table order."""
    with translated(table.where):
        return [
            Fragment(f.fragment_id, tuple(file.path for file in f.data_files()), int(f.metadata.num_rows))
            for f in table.lance.to_lance().get_fragments()
        ]


def read_fragment(table: ArticleTable, fragment: Fragment) -> Iterator[pa.RecordBatch]:
    """Yield all columns of a fragment, 1,024 rows at a time. Raises CorruptError where it cannot be read."""
    dataset = table.lance.to_lance()
    with corrupt_when_unreadable(", ".join(fragment.files)):
        yield from dataset.get_fragment(fragment.number).to_batches(batch_size=_SCAN_ROWS, batch_readahead=2)


def drop_fragments(table: ArticleTable, numbers: Sequence[int]) -> None:
    """Take fragments out of the table, as one commit. The caller holds the writer lock."""
    import lance

    with committing(table.where):
        dataset = table.lance.to_lance()
        operation = lance.LanceOperation.Delete([], list(numbers), "unreadable")
        lance.LanceDataset.commit(dataset, operation, read_version=dataset.version)
        table.lance.checkout_latest()


@contextmanager
def corrupt_when_unreadable(what: str) -> Iterator[None]:
    """Raise CorruptError for whatever Lance raises while it reads."""
    try:
        yield
    except BaseException as error:
        if not isinstance(error, ValueError | OSError | RuntimeError) and not is_panic(error):
            raise
        line = re.sub(r",? /[\w./@:-]+\.rs:\d+(:\d+)?.*$", "", " ".join(str(error).split()))
        line = re.sub(r"^(External error: )?(LanceError\(\w+\): )?(Generic [\w/]+ error: )?", "", line)
        raise CorruptError(f"{what}: {line[:200]}") from error

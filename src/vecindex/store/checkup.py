"""A table's files: which can be read, which a crash left behind, and how to set broken ones aside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vecindex.errors import CorruptError
from vecindex.store.articles import ArticleTable
from vecindex.store.faults import is_panic, translated

if TYPE_CHECKING:
    import pyarrow as pa

_SCAN_ROWS = 1_024
_SET_ASIDE = "_set_aside"
# Lance names a manifest by 2^64 - 1 - version, in 20 digits, so that the newest comes first in a listing.
_NEWEST_FIRST = 2**64 - 1
_REVERSED_DIGITS = 20


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

    with translated(table.where):
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

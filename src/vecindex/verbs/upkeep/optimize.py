"""Compaction, indexes brought up to date, old versions removed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from vecindex.errors import ConfigError
from vecindex.messages import Message, option, text
from vecindex.options import checked
from vecindex.serialize import Result
from vecindex.store.database import Database
from vecindex.store.deleted import DeletedRows
from vecindex.store.indexes.vector import rows_not_indexed
from vecindex.store.maintenance import (
    KEEP_VERSIONS_FOR,
    KEPT_IN_STORAGE,
    add_vector_hashes,
    maintain,
    mend_fulltext_index,
    sweep,
    sweep_remote,
    usage,
)
from vecindex.store.rejects import RejectTable
from vecindex.store.search import has_fulltext_index
from vecindex.store.unfinished.map import UnfinishedMap
from vecindex.verbs.upkeep.options import OptimizeOptions

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MAX_AGE_S = 100 * 365 * 86_400


@dataclass(frozen=True, slots=True)
class OptimizeReport(Result):
    """What an optimisation did. Bytes are those of the table's folder, None for a database that is not local.

    Attributes
    ----------
    versions_removed : versions older than asked, tagged ones left out.
    older_than_s : how old that is; in object storage ten minutes at least.
    vectors_hashed : rows that got the hash of their vector, because the table was of storage format 1.
    words_indexed : whether there is a full-text index, which was then brought up to date.
    rows_indexed : rows that were taken into the index of the vectors.
    notes : what was not done, and why; what was mended.
    """

    table: str
    fragments_before: int
    fragments_after: int
    versions_before: int
    versions_after: int
    versions_removed: int
    bytes_before: int | None
    bytes_after: int | None
    words_indexed: bool
    tags: dict[str, int]
    notes: tuple[Message, ...] = ()
    vectors_hashed: int = 0
    older_than_s: float = 0.0
    rows_indexed: int = 0

    @property
    def too_young(self) -> int:
        """How many old versions stay because they are younger than asked, and not because of a tag.

        None where `notes` say that they stay for another reason.
        """
        if self.notes and not self.versions_removed:
            return 0
        return max(0, self.versions_after - 1 - len(set(self.tags.values())))


def optimize(database: Database, name: str, options: OptimizeOptions) -> OptimizeReport:
    """Compact a table; see `Index.optimize`."""
    options = checked(OptimizeOptions, options)
    older_than = options["older_than"]
    database.durable |= options["durable"]
    database.wait_s = options["wait"]
    asked = KEEP_VERSIONS_FOR if older_than is None else age(older_than)
    keep_for = max(asked, KEPT_IN_STORAGE) if database.is_leased else asked
    table = database.articles(name)
    notes: list[Message] = []
    if keep_for > asked:
        least = f"{KEPT_IN_STORAGE.total_seconds() / 60:g} minutes"
        notes.append(f"old versions in object storage stay for {least}: a writer may be paused in a commit")
    with database.writer():
        table.follow()
        mend_fulltext_index(table, notes.append)
        hashed = add_vector_hashes(table)
        before, lacking = usage(table, database.folder), rows_not_indexed(table)
        # Before anything is merged, for that takes disk.
        removed = sweep(table, database.folder, keep_for, notes.append)
        removed += maintain(table, keep_for, notes.append, all_vectors=True)
        if database.is_leased:
            sweep_remote(table, asked, notes.append)
        RejectTable(database, notice=notes.append).maintain(keep_for)
        DeletedRows(database, name, notes.append).maintain(keep_for)
        if UnfinishedMap(database, name, notes.append).remove_stale(table.snapshot(database.folder)):
            notes.append("what a stopped run had done of a map was of another version of the table, and is removed")
        after = usage(table, database.folder)
    return OptimizeReport(
        table=name,
        fragments_before=before.fragments,
        fragments_after=after.fragments,
        versions_before=before.versions,
        versions_after=after.versions,
        versions_removed=removed,
        bytes_before=before.table_bytes,
        bytes_after=after.table_bytes,
        words_indexed=has_fulltext_index(table),
        tags=table.tags(),
        notes=tuple(dict.fromkeys(notes)),
        vectors_hashed=hashed,
        older_than_s=keep_for.total_seconds(),
        rows_indexed=(lacking or 0) if rows_not_indexed(table) == 0 else 0,
    )


def age(given: str | timedelta) -> timedelta:
    """Return a time span given as a number and a unit: s, m (minutes), h or d.

    Raises ConfigError for anything else.

    >>> age("2h"), age("0s")
    (datetime.timedelta(seconds=7200), datetime.timedelta(0))
    """
    if isinstance(given, timedelta):
        seconds = given.total_seconds()
    else:
        match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) *([smhd])", given.strip())
        seconds = float(match[1]) * _UNITS[match[2]] if match else -1.0
    if not 0 <= seconds <= _MAX_AGE_S:
        raise ConfigError(
            text(option("older_than"), f" takes a number and one of s, m, h, d; found {str(given)!r}."),
            text("For example: ", option("older_than", "10m")),
        )
    return timedelta(seconds=seconds)

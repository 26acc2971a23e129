"""The repairs that an examination may propose. Each sets aside what it takes out, and says what it gives up."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from vecindex.errors import ConfigError, CorruptError, VecindexError
from vecindex.messages import counted
from vecindex.schema import read_fingerprint
from vecindex.store import restore, salvage, versions
from vecindex.store.articles import ArticleTable, metadata_of
from vecindex.store.database import Database
from vecindex.store.indexes.vector import TYPES, drop_vector_index
from vecindex.store.salvage import FragmentFault
from vecindex.store.search import make_fulltext_index
from vecindex.types import Silent
from vecindex.verbs.index.index import made
from vecindex.verbs.upkeep.findings import EXAMPLES, Repair

_ROWS_AT_ONCE = 10_000
# The comma shows that the number is whole.
_VERSION_IN_TORN = re.compile(rb'"version"\s*:\s*(\d+)\s*,')


def set_manifests_aside(database: Database, name: str, broken: Sequence[tuple[int, Path]], newest: int) -> Repair:
    """Return the repair of damaged manifests, of which one may be that of the newest version."""
    assert database.folder is not None, "a remote table's files are not repaired"
    folder = versions.table_folder(database.folder, name)

    def make() -> str:
        lost = versions.lost_newest(folder, readable=newest)
        target = versions.set_aside(folder, [path for _, path in broken] + ([lost[1]] if lost else []))
        done = f"moved {len(broken):,} unreadable manifests to {target}; version {newest} is the latest now"
        return done + (_put_back(database, name, folder) if newest < broken[-1][0] else "")

    return Repair(f"move {len(broken):,} unreadable manifests aside", make)


def forget_newest(database: Database, name: str, hint: Path) -> Repair:
    """Return the repair of a table whose newest manifest is gone."""
    folder = hint.parent.parent

    def make() -> str:
        versions.set_aside(folder, [hint])
        return "the newest version that has a manifest is the latest now" + _put_back(database, name, folder)

    return Repair("go on from the newest version that has a manifest", make)


def _put_back(database: Database, name: str, folder: Path) -> str:
    """Add again the rows of a lost version, which are in files that no version names; return what was done."""
    named: set[str] = set()
    for version in versions.manifests(folder):
        with suppress(CorruptError):
            named |= salvage.files_of(versions.open_version(folder, version))
    lost = restore.files_of_no_version(folder, named)
    if not lost:
        return ""
    try:
        added, others = restore.put_back(database.articles(name), lost)
    except CorruptError:
        # Without all rows it is not known which of these are there already.
        restore.keep_second_names(folder, lost)
        return f"; {len(lost):,} data files of the lost version are set aside there as well"
    rest = (
        f"; the next ingest brings {counted(others, 'row that replaced another', 'rows that replaced others')}"
        if others
        else ""
    )
    return f"; put back {counted(added, 'row')} of the lost version{rest}"


def set_tag_aside(database: Database, name: str, tag: str, path: Path) -> Repair:
    """Return the repair of a torn tag: put back where its version can be read."""
    folder = path.parent.parent.parent

    def make() -> str:
        found = _VERSION_IN_TORN.search(path.read_bytes())
        version = int(found[1]) if found else None
        kept = versions.manifests(folder)
        target = versions.set_aside(folder, [path])
        if version not in kept:
            old = ", ".join(map(str, kept))
            return (
                f"moved the file of the tag {tag!r} to {target}; its version is not known. Versions kept: {old}. "
                "Old ones go with the next clean-up"
            )
        database.articles(name).put_tag(tag, version)
        return f"put the tag {tag!r} back, at version {version}; its old file is in {target}"

    return Repair(f"set the file of the tag {tag!r} aside", make)


def put_provenance_back(table: ArticleTable) -> Repair | None:
    """Return the repair of what made the vectors, from the newest older version that has it; None without one."""
    if table.folder is None:
        return None
    width = getattr(table.schema.field("vector").type, "list_size", None) if "vector" in table.schema.names else None
    for version in sorted(versions.manifests(table.folder), reverse=True):
        with suppress(VecindexError):
            older = metadata_of(versions.open_version(table.folder, version).schema)
            if read_fingerprint(older, table.where).dimension == width:

                def make(older: dict[str, str] = older, version: int = version) -> str:
                    table.put_provenance(older)
                    return f"put back what made the vectors, from version {version}"

                return Repair("put back what made the vectors", make)
    return None


def empty_columns(table: ArticleTable, fault: FragmentFault) -> Repair:
    """Return the repair of a damaged file of columns without which rows can be used."""
    names, rows = ", ".join(fault.columns), fault.fragment.rows

    def make() -> str:
        restore.set_files_aside(table, fault)
        restore.without_columns(table, fault)
        return f"left {names} of {counted(rows, 'row')} empty; the damaged file is set aside"

    what = f"leave {names} of {counted(rows, 'row')} empty"
    return Repair(what, make, f"the values of {names} of {counted(rows, 'row')} (the rows are kept)", rows)


def drop_rows(table: ArticleTable, faults: Sequence[FragmentFault]) -> Repair:
    """Return the repair of damaged data files: their readable rows are kept."""
    lost = sum(fault.lost_rows for fault in faults)
    kept = sum(fault.fragment.rows for fault in faults) - lost
    ids = tuple(i for fault in faults for i in fault.lost_ids)
    files = f"{len(faults):,} unreadable data files"

    def make() -> str:
        for fault in faults:
            restore.set_files_aside(table, fault)
            restore.without_lost_rows(table, fault)
        return f"dropped {counted(lost, 'row')} of {files}" + (
            f"; kept {counted(kept, 'row')} of them" if kept else ""
        )

    return Repair(
        f"drop {counted(lost, 'row')} of {files}", make, f"{counted(lost, 'row')} of {files}", lost, ids[:EXAMPLES]
    )


def read_without_deletions(table: ArticleTable, faults: Sequence[FragmentFault]) -> Repair:
    """Return the repair of damaged deletion files: no row is lost, but rows may come back."""
    most = sum(fault.fragment.deleted for fault in faults)

    def make() -> str:
        for fault in faults:
            restore.set_files_aside(table, fault)
        back = restore.without_deletions(table, faults)
        return f"read {len(faults):,} data files without their deletion files: {back:,} deleted rows came back"

    return Repair(
        f"read {len(faults):,} data files without their deletion files",
        make,
        f"that up to {counted(most, 'row is', 'rows are')} deleted: they may come back (no row is lost)",
        most,
    )


def remove_articles(table: ArticleTable, ids: Sequence[str], key: str) -> Repair:
    """Return the repair of articles that cannot be used; their rows are set aside as a Parquet file."""

    def make() -> str:
        for at in range(0, len(ids), _ROWS_AT_ONCE):
            _keep_rows(table, ids[at : at + _ROWS_AT_ONCE], key)
        rows = table.delete_ids(ids, key)
        return (
            f"removed {counted(rows, 'row')} of {counted(len(ids), 'article')} with unusable vectors "
            f"or missing chunks"
        )

    what = f"{counted(len(ids), 'article')} with unusable vectors or missing chunks"
    return Repair(f"remove {what}", make, what, len(ids), tuple(ids[:EXAMPLES]))


def _keep_rows(table: ArticleTable, ids: Sequence[str], key: str) -> None:
    import pyarrow.parquet as pq

    if table.folder is not None:
        rows = table.rows_by_id(ids, table.schema.names, key)
        pq.write_table(rows, versions.path_aside(table.folder, "rows.parquet"))


def make_fulltext_again(table: ArticleTable) -> Repair:
    """Return the repair of the full-text index, which is made of the texts."""

    def make() -> str:
        make_fulltext_index(table)
        return "made the full-text index again"

    return Repair("make the full-text index again", make)


def make_vector_index_again(database: Database, table: ArticleTable, kind: str) -> Repair:
    """Return the repair of the index of the vectors, which is made of them; its type stays if it is one of ours."""

    def make() -> str:
        try:
            report = made(database, table, kind if kind in TYPES else None, Silent())
        except ConfigError:
            # Of too few rows by now, or of a length that the type does not take.
            drop_vector_index(table)
            return "removed the index of the vectors"
        return f"made the index of the vectors again, as {report.type}, and measured it"

    return Repair("make the index of the vectors again", make)


def forget_settings(table: ArticleTable, keys: Sequence[str]) -> Repair:
    """Return the repair of damaged notes about runs, which the next run writes."""

    def make() -> str:
        table.set_setting(**dict.fromkeys(keys))
        return f"forgot what was kept as {', '.join(keys)}"

    return Repair(f"forget what is kept as {', '.join(keys)}", make)

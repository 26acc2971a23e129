"""The checks of a whole table, each by itself, with the repairs of what they find."""

from __future__ import annotations

from vecindex.errors import ConfigError, CorruptError, StoreError, TableNotFoundError, UnavailableError
from vecindex.messages import Message, Placeholder, command, counted, text
from vecindex.objects.requests import is_known
from vecindex.store import maintenance, salvage, versions
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.deleted import DeletedRows
from vecindex.store.graph import GraphTable
from vecindex.store.indexes.vector import (
    about_index,
    is_mended_by_measuring,
    vector_index,
    vector_index_fault,
    why_stale,
)
from vecindex.store.maps import FormerPositions, damaged_maps, halves_differ
from vecindex.store.questions import QuestionTable
from vecindex.store.rejects import RejectTable
from vecindex.store.remote.orphans import missing_of, orphans
from vecindex.store.search import fulltext_fault, has_fulltext_index
from vecindex.store.unfinished.map import UnfinishedMap
from vecindex.verbs.upkeep import repairs
from vecindex.verbs.upkeep.findings import Examination
from vecindex.verbs.upkeep.row_checks import check_rows

_SOURCE = Placeholder("SOURCE")
_REPAIR = command("doctor", repair=True)
_RESTORE = "Restore the table's folder from a copy."


def examine(database: Database, name: str) -> Examination:
    """Run all checks that the state of the table allows; none of them ends the others.

    Raises ConfigError for a table of a later storage format.
    """
    found = Examination()
    folder = None if database.folder is None else versions.table_folder(database.folder, name)
    if folder is not None:
        found.attempt("manifests", lambda: _check_manifests(found, database, name))
        found.attempt("tags", lambda: _check_tag_files(found, database, name))
    if database.is_leased:
        found.attempt("conditional writes", lambda: _check_store(found, database))
    table = _opened(found, database, name)
    if table is None:
        return found
    if _check_provenance(found, table):
        found.attempt("data files", lambda: check_rows(found, table))
    found.attempt("versions", lambda: _check_versions(found, table))
    found.attempt("full-text index", lambda: _check_fulltext(found, table))
    found.attempt("index of the vectors", lambda: _check_vector_index(found, database, table))
    found.attempt("maps", lambda: _check_maps(found, table))
    found.attempt("other tables", lambda: _check_auxiliary(found, database, name))
    found.attempt("notes", lambda: _check_settings(found, table))
    found.attempt("disk", lambda: _take_notes(found, database, table))
    return found


def _opened(found: Examination, database: Database, name: str) -> ArticleTable | None:
    try:
        table = database.articles(name)
        table.count()
    except (TableNotFoundError, ConfigError):
        raise
    except UnavailableError as error:
        found.settle("opens", [name], error.message, error.hint or "")
    except StoreError as error:
        if not found.findings:
            found.settle("opens", [name], error.message, _RESTORE)
    else:
        # Zeros in place of the newest manifest read as a table without columns.
        return table if table.schema.names or not found.findings else None
    return None


# -- versions and their names -----------------------------------------------------------------------------


def _check_manifests(found: Examination, database: Database, name: str) -> None:
    assert database.folder is not None, "a remote table's files are not looked at"
    folder = versions.table_folder(database.folder, name)
    broken, newest = versions.broken_manifests(folder)
    files = [f"version {version}: {path.name}" for version, path in broken]
    if not broken:
        _check_newest(found, database, name)
    elif newest is None:
        remedy: Message = (
            "No version can be read: restore the table's folder from a copy, or ingest into another table."
        )
        found.settle("manifests", files, "Manifests of versions cannot be read.", remedy)
    else:
        in_use = newest < broken[-1][0]
        remedy = text(
            "Move them aside: ",
            _REPAIR,
            f"; version {newest} opens then, and rows that were added later are put back."
            if in_use
            else f"; version {newest}, which is in use, is whole.",
        )
        found.settle("manifests", files, "Manifests of versions cannot be read.", remedy)
        found.repairs.append(repairs.set_manifests_aside(database, name, broken, newest))


def _check_newest(found: Examination, database: Database, name: str) -> None:
    assert database.folder is not None, "a remote table's files are not looked at"
    folder = versions.table_folder(database.folder, name)
    lost = versions.lost_newest(folder)
    found.settle(
        "manifests",
        [f"version {lost[0]}"] if lost else [],
        "The newest version was committed, and its manifest is gone.",
        text(
            "Put back the rows that it added: ", _REPAIR, "; then make the rest again: ", command("ingest", _SOURCE)
        ),
    )
    if lost:
        found.repairs.append(repairs.forget_newest(database, name, lost[1]))


def _check_tag_files(found: Examination, database: Database, name: str) -> None:
    assert database.folder is not None, "a remote table's files are not looked at"
    folder = versions.table_folder(database.folder, name)
    kept = versions.manifests(folder)
    files = versions.tag_files(folder)
    torn = {tag: file.path for tag, file in files.items() if file.version is None}
    found.settle(
        "tag files",
        list(torn),
        "The files of tags cannot be read, so no old version is removed.",
        text("Put them back where their version can be known, and set them aside: ", _REPAIR),
    )
    found.repairs += [repairs.set_tag_aside(database, name, tag, path) for tag, path in torn.items()]
    whole = {tag: file for tag, file in files.items() if file.version is not None}
    wrong = [f"{tag}: version {file.version}" for tag, file in whole.items() if file.version not in kept]
    wrong += [
        f"{tag}: version {file.version}, whose manifest has other bytes than the tag says"
        for tag, file in whole.items()
        if file.version in kept and kept[file.version].stat().st_size != file.manifest_bytes
    ]
    found.settle(
        "tags",
        wrong,
        "Tags name versions that are gone, or others than they did.",
        text("Delete each: ", command("tag", Placeholder("NAME"), delete=True)),
    )


def _check_versions(found: Examination, table: ArticleTable) -> None:
    """Look whether the files of each older version are there, and read those of tagged ones.

    An older version without a tag is no fault: nobody can ask for it.
    """
    if table.folder is None:
        if is_known(table.where):
            _check_remote_versions(found, table)
        return
    now, tags = table.version, table.tags()
    files = salvage.VersionFiles(table.folder, now)
    wrong = {
        version: missing
        for version in versions.manifests(table.folder)
        if version != now and (missing := files.damaged(version, version in tags.values()))
    }
    found.settle(
        "versions",
        [f"{tag}, version {number}: {wrong[number]}" for tag, number in tags.items() if number in wrong],
        "Tagged versions cannot be read as a whole; the version in use does not need their files.",
        text("Restore these files from a copy, or delete each: ", command("tag", Placeholder("NAME"), delete=True)),
    )
    if wrong.keys() - set(tags.values()):
        found.notes.append(
            text("Older versions lack files, which the version in use does not need: ", command("optimize"))
        )


def _check_remote_versions(found: Examination, table: ArticleTable) -> None:
    """Look whether the store has the files of tagged versions; those of the one in use are read."""
    tags = table.tags()
    wrong = missing_of(table.lance, table.where, sorted(set(tags.values()) - {table.version}))
    found.settle(
        "versions",
        [
            f"{tag}, version {number}: {counted(wrong[number], 'file')}"
            for tag, number in tags.items()
            if number in wrong
        ],
        "Tagged versions lack files; the version in use does not need them.",
        text("Restore these files from a copy, or delete each: ", command("tag", Placeholder("NAME"), delete=True)),
    )


def _check_store(found: Examination, database: Database) -> None:
    """Look whether the store enforces the conditional writes on which all commits stand."""
    try:
        database.check_store()
    except UnavailableError as error:
        found.skip("conditional writes", str(error.message))
    except StoreError as error:
        found.settle("conditional writes", [database.uri], error.message, error.hint or "")
    else:
        found.settle("conditional writes", [], "", "")


def _check_provenance(found: Examination, table: ArticleTable) -> bool:
    """Look whether it is known what made the vectors; return whether the rows can be examined by it."""
    try:
        stored = table.fingerprint
    except CorruptError as error:
        repair = repairs.put_provenance_back(table)
        remedy = error.hint or _RESTORE
        if repair is not None:
            remedy = text("An older version has it; put it back: ", _REPAIR)
            found.repairs.append(repair)
        found.settle("provenance", [table.name], error.message, remedy)
        return False
    found.key = "article_id" if stored.chunking else "id"
    width = getattr(table.schema.field("vector").type, "list_size", None)
    wrong = [] if width == stored.dimension else [f"column {width}, fingerprint {stored.dimension}"]
    found.settle("provenance", wrong, "The vectors are not as long as their fingerprint says.", _RESTORE)
    return not wrong


# -- what is kept with the table --------------------------------------------------------------------------


def _check_fulltext(found: Examination, table: ArticleTable) -> None:
    if not has_fulltext_index(table):
        found.skip("full-text index", "there is none yet")
        return
    fault = fulltext_fault(table)
    found.settle(
        "full-text index",
        [fault] if fault else [],
        "Files of the full-text index cannot be read; it holds nothing but what is in the texts.",
        text("Make it again: ", command("optimize")),
        "all of it read",
    )
    if fault:
        found.repairs.append(repairs.make_fulltext_again(table))


def _check_vector_index(found: Examination, database: Database, table: ArticleTable) -> None:
    there = vector_index(table)
    if there is None:
        found.skip("index of the vectors", "there is none")
        return
    fault = vector_index_fault(table)
    found.settle(
        "index of the vectors",
        [fault] if fault else [],
        "Files of the index cannot be read; exact searches do not need it.",
        text("Make it again: ", command("build_index"), "; or remove it: ", command("build_index", drop=True)),
        "all of it read",
    )
    if fault:
        found.repairs.append(repairs.make_vector_index_again(database, table, there.type))
        return
    about, rows = about_index(table), table.count()
    stale = why_stale(table, rows, about)
    if stale is not None:
        again = command("build_index", measure=is_mended_by_measuring(stale) or None)
        found.notes.append(text(f"The index of the vectors: {stale}: ", again))
    if lacking := rows - there.rows:
        found.notes.append(
            text(
                f"{counted(lacking, 'row is', 'rows are')} not in the index of the vectors, and "
                f"{'is' if lacking == 1 else 'are'} compared: ",
                command("optimize"),
            )
        )


def _check_maps(found: Examination, table: ArticleTable) -> None:
    damaged = damaged_maps(table)
    found.settle(
        "maps",
        [str(error.message) for error in damaged.values()],
        "What is kept about maps cannot be read; other maps are not concerned.",
        text("Make each again: ", command("project", next(iter(damaged), Placeholder("NAME")))),
    )
    halves = [name for name in halves_differ(table) if name not in damaged]
    if halves:
        found.settle(
            "halves of maps",
            halves,
            "The two columns of maps say different things about them, so that one is damaged.",
            text("Make each again: ", command("project", halves[0])),
        )


def _check_settings(found: Examination, table: ArticleTable) -> None:
    damaged = table.damaged_settings()
    found.settle(
        "notes",
        damaged,
        "What is kept about the last run or the batches cannot be read; no row is concerned.",
        text("The next run writes it again: ", command("ingest", _SOURCE), "; or forget it: ", _REPAIR),
    )
    if damaged:
        found.repairs.append(repairs.forget_settings(table, damaged))


def _check_auxiliary(found: Examination, database: Database, name: str) -> None:
    """Read the tables next to the articles: notes and caches, of which each command makes a damaged one again."""
    for about, kept, remedy in (
        ("rejected rows", RejectTable(database), command("ingest", _SOURCE)),
        ("questions", QuestionTable(database), command("overlap", questions=Placeholder("FILE"))),
        ("neighbor graph", GraphTable(database, name), command("project")),
        ("former positions", FormerPositions(database, name), command("project", update=True)),
        ("deleted rows", DeletedRows(database, name), command("ingest", _SOURCE)),
        ("unfinished map", UnfinishedMap(database, name), command("project")),
    ):
        if not kept.exists() or (about == "questions" and database.holds_articles(kept.name)):
            continue
        fault = kept.fault()
        found.settle(
            about,
            [fault] if fault else [],
            f"The table {kept.name!r} cannot be read; no article is concerned.",
            text("It is set aside and made again by: ", remedy),
        )


def _take_notes(found: Examination, database: Database, table: ArticleTable) -> None:
    unfinished = UnfinishedMap(database, table.name).about()
    if unfinished is not None and unfinished.get("table") != table.snapshot(database.folder):
        found.notes.append(
            text(
                f"What a stopped run had done of the map {unfinished.get('name')!r} is of another version of the "
                "table, and of no use: ",
                command("optimize"),
            )
        )
    if database.is_leased and (left_there := orphans(table.lance, table.where)):
        size = sum(one.size for one in left_there) / 1e6
        found.notes.append(
            text(
                f"No version names {counted(len(left_there), 'file')} ({size:,.1f} MB), of killed writers or of a "
                "commit in the making: ",
                command("optimize"),
            )
        )
    space = maintenance.usage(table, database.folder)
    if database.folder is not None and space.table_bytes is not None:
        left = maintenance.leftovers(versions.table_folder(database.folder, table.name))
        if left:
            size = sum(path.stat().st_size for path in left) / 1e6
            found.notes.append(
                text(
                    f"Killed writers left {counted(len(left), 'temporary file')} ({size:,.1f} MB): ",
                    command("optimize"),
                )
            )
        old = max(0, space.table_bytes - space.live_bytes) / 1e6
        live = space.live_bytes / 1e6
        found.notes.append(
            f"{counted(space.versions, 'version')} and the indexes take {old:,.1f} MB, in addition to "
            f"{live:,.1f} MB in use."
        )

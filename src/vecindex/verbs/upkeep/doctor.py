"""The whole table read and checked, and what can be repaired repaired."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field

from vecindex.errors import ConfigError, CorruptError, StoreError, TableNotFoundError
from vecindex.messages import Message, Placeholder, command, text
from vecindex.options import checked
from vecindex.serialize import Result
from vecindex.store import maintenance
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.verbs.upkeep.examine import UNIT_TOLERANCE, Examiner
from vecindex.verbs.upkeep.options import DoctorOptions

_EXAMPLES = 5
_SOURCE = Placeholder("SOURCE")
_REPAIR = command("doctor", repair=True)
_ADD_AGAIN = text("; then add them again: ", command("ingest", _SOURCE))
_REMOVE = text("Remove them: ", _REPAIR, _ADD_AGAIN)
_ONE_BY_ONE = text("Remove each: ", command("delete", Placeholder("ID")), "; then: ", command("ingest", _SOURCE))
_RESTORE = "Restore the table's folder from a copy."


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault: which check found it, what it is, how many rows or files, some of them, and what to do."""

    check: str
    message: Message
    count: int
    examples: tuple[str, ...]
    remedy: Message


@dataclass(frozen=True, slots=True)
class Check:
    """A check and its outcome, "ok", "failed" or "skipped", with a remark."""

    name: str
    outcome: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class DoctorReport(Result):
    """What an examination found.

    Attributes
    ----------
    rows : rows that could be read; None when the table does not open.
    sound : whether no check failed (after the repair, if there was one).
    notes : what is no fault but worth knowing: leftovers of crashes, old versions.
    repaired : what a repair did.
    """

    database: str
    table: str
    rows: int | None
    sound: bool
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    notes: tuple[Message, ...]
    repaired: tuple[str, ...] = ()


@dataclass(slots=True)
class Examination:
    """What is known of a table so far."""

    rows: int | None = None
    checks: list[Check] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    notes: list[Message] = field(default_factory=list)
    lost_fragments: list[maintenance.Fragment] = field(default_factory=list)
    articles_to_remove: list[str] = field(default_factory=list)
    key: str = "id"

    def settle(self, check: str, faults: Sequence[str], message: Message, remedy: Message, ok: str = "") -> None:
        """Note the outcome of a check, with a finding if there are faults."""
        self.checks.append(Check(check, "failed" if faults else "ok", "" if faults else ok))
        if faults:
            self.findings.append(Finding(check, message, len(faults), tuple(faults[:_EXAMPLES]), remedy))


def doctor(database: Database, name: str, options: DoctorOptions) -> DoctorReport:
    """Examine a table, and repair it if asked; see `Index.doctor`."""
    repair = checked(DoctorOptions, options)["repair"]
    if not database.has(name):
        database.articles(name)  # raises, naming the tables that exist
    with database.writer() if repair else nullcontext():
        found = _examine(database, name)
        repaired: list[str] = []
        # Each repair may bring the next fault to light: rows are read once the table opens.
        while repair and found.findings and (done := _repair(database, name, found)):
            repaired.append(done)
            found = _examine(database, name)
    return DoctorReport(
        database=database.uri,
        table=name,
        rows=found.rows,
        sound=not found.findings,
        checks=tuple(found.checks),
        findings=tuple(found.findings),
        notes=tuple(found.notes),
        repaired=tuple(repaired),
    )


def _repair(database: Database, name: str, found: Examination) -> str | None:
    """Repair what can be repaired first and return what was done; None when nothing could be."""
    if database.folder is not None:
        folder = maintenance.table_folder(database.folder, name)
        broken, newest = maintenance.broken_manifests(folder)
        if broken and newest is not None:
            target = maintenance.set_aside(folder, [path for _, path in broken])
            return f"moved {len(broken):,} unreadable manifests to {target}; version {newest} is the latest now"
    if found.rows is None:
        return None
    table = database.articles(name)
    if lost := found.lost_fragments:
        maintenance.drop_fragments(table, [fragment.number for fragment in lost])
        rows = sum(fragment.rows for fragment in lost)
        return f"dropped {rows:,} rows of {len(lost):,} unreadable data files"
    if ids := list(dict.fromkeys(found.articles_to_remove)):
        rows = table.delete_ids(ids, found.key)
        return f"removed {rows:,} rows of {len(ids):,} articles with unusable vectors or missing chunks"
    return None


def _examine(database: Database, name: str) -> Examination:
    """Run all checks that the state of the table allows.

    Raises ConfigError for a table of a later storage format.
    """
    found = Examination()
    if database.folder is not None:
        _check_manifests(found, database, name)
    try:
        table = database.articles(name)
        table.count()
    except (TableNotFoundError, ConfigError):
        raise
    except StoreError as error:
        if not found.findings:
            found.settle("opens", [name], error.message, _RESTORE)
        return found
    try:
        stored = table.fingerprint
    except CorruptError as error:
        if not found.findings:
            found.settle("provenance", [name], error.message, error.hint or "")
        return found
    found.key = "article_id" if stored.chunking else "id"
    width = getattr(table.schema.field("vector").type, "list_size", None)
    wrong = [] if width == stored.dimension else [f"column {width}, fingerprint {stored.dimension}"]
    found.settle("provenance", wrong, "The vectors are not as long as their fingerprint says.", _RESTORE)
    if not wrong:
        _check_rows(found, table)
    _check_tags(found, table)
    _take_notes(found, database, table)
    return found


def _check_manifests(found: Examination, database: Database, name: str) -> None:
    assert database.folder is not None
    broken, newest = maintenance.broken_manifests(maintenance.table_folder(database.folder, name))
    remedy: Message = (
        text("Move them aside: ", _REPAIR, f"; version {newest} opens then.")
        if newest is not None
        else "No version can be read: restore the table's folder from a copy, or ingest into another table."
    )
    files = [f"version {version}: {path.name}" for version, path in broken]
    found.settle("manifests", files, "Manifests of versions cannot be read.", remedy)


def _check_rows(found: Examination, table: ArticleTable) -> None:
    examiner = Examiner(table)
    broken = []
    for fragment in maintenance.fragments(table):
        try:
            for batch in maintenance.read_fragment(table, fragment):
                examiner.examine(batch)
        except CorruptError as error:
            found.lost_fragments.append(fragment)
            broken.append(f"{error.message} ({fragment.rows:,} rows)")
    found.rows = examiner.rows
    lost = sum(fragment.rows for fragment in found.lost_fragments)
    found.settle(
        "data files",
        broken,
        f"Data files with {lost:,} rows cannot be read.",
        text("Restore them from a copy; or drop their rows: ", _REPAIR, _ADD_AGAIN),
        f"{examiner.rows:,} rows read",
    )
    # Ids and articles are found by a scan of the whole table, which needs all its files.
    if not broken:
        duplicates = examiner.duplicate_ids() + ["(empty)"] * examiner.no_id
        found.settle("ids", duplicates, "Ids are empty, or more than one row has them.", _ONE_BY_ONE)
    if not broken and examiner.chunked:
        incomplete = examiner.incomplete_articles()
        found.settle("chunks", incomplete, "Articles lack chunks, or have some twice.", _REMOVE)
        found.articles_to_remove += incomplete
    _settle_vectors(found, examiner)
    found.settle("content hashes", examiner.bad_hashes, "Rows have no well-formed content hash.", _ONE_BY_ONE)
    _settle_rehash(found, examiner)
    found.settle(
        "transactions", examiner.no_txn, "Rows do not say which transaction wrote them, or when.", _ONE_BY_ONE
    )


def _settle_vectors(found: Examination, examiner: Examiner) -> None:
    bad = [f"{row_id}: {kind}" for kind, ids in examiner.bad_vectors.items() for row_id in ids]
    kinds = ", ".join(f"{len(ids):,} {kind}" for kind, ids in examiner.bad_vectors.items())
    note = f"finite, of unit length within {UNIT_TOLERANCE}; {examiner.hashed:,} hashes agree"
    found.settle("vectors", bad, f"Vectors cannot be used: {kinds}.", _REMOVE, note)
    unhashed = examiner.rows - examiner.hashed
    if unhashed:
        found.notes.append(
            text(
                f"{unhashed:,} rows keep no hash of their vector (storage format 1), so a change of it cannot be "
                "found. Add the hashes: ",
                command("optimize"),
            )
        )
    found.articles_to_remove += list(dict.fromkeys(examiner.articles_of.values()))


def _settle_rehash(found: Examination, examiner: Examiner) -> None:
    again = examiner.rehash
    if again.skipped is not None or not again.compared:
        found.checks.append(Check("texts", "skipped", again.skipped or "no row's vector was made by the model here"))
        return
    found.settle(
        "texts",
        again.wrong_text,
        "Texts are not those that the vectors were made of.",
        _ONE_BY_ONE,
        f"{again.compared:,} hashes computed again",
    )
    if again.fields_known:
        message = "Titles or fields are not those that were ingested."
        found.settle("fields", again.wrong_fields, message, _ONE_BY_ONE, f"{again.agreeing:,} hashes agree")
    else:
        found.checks.append(Check("fields", "skipped", "fields were renamed or converted when they were stored"))


def _check_tags(found: Examination, table: ArticleTable) -> None:
    known = table.versions()
    lost = [f"{name}: version {version}" for name, version in table.tags().items() if version not in known]
    found.settle(
        "tags",
        lost,
        "Tags name versions that are gone.",
        text("Delete each: ", command("tag", Placeholder("NAME"), delete=True)),
    )


def _take_notes(found: Examination, database: Database, table: ArticleTable) -> None:
    space = maintenance.usage(table, database.folder)
    if database.folder is not None and space.table_bytes is not None:
        left = maintenance.leftovers(maintenance.table_folder(database.folder, table.name))
        if left:
            size = sum(path.stat().st_size for path in left) / 1e6
            found.notes.append(
                text(f"Killed writers left {len(left):,} temporary files ({size:,.1f} MB): ", command("optimize"))
            )
        old = max(0, space.table_bytes - space.live_bytes) / 1e6
        live = space.live_bytes / 1e6
        found.notes.append(
            f"{space.versions:,} versions and the indexes take {old:,.1f} MB, in addition to {live:,.1f} MB in use."
        )

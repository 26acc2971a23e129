"""The check of a table's rows, and of the files that they are in."""

from __future__ import annotations

from collections.abc import Sequence

from vecindex.errors import CorruptError, UnavailableError
from vecindex.messages import Placeholder, command, counted, text
from vecindex.store import salvage
from vecindex.store.articles import ArticleTable
from vecindex.store.salvage import Fragment, FragmentFault, Part
from vecindex.verbs.upkeep import model_check, repairs
from vecindex.verbs.upkeep.examine import UNIT_TOLERANCE, Examiner
from vecindex.verbs.upkeep.findings import EXAMPLES, Check, Examination

_SOURCE = Placeholder("SOURCE")
_REPAIR = command("doctor", repair=True)
_ADD_AGAIN = text("; then add them again: ", command("ingest", _SOURCE))
_REMOVE = text("Remove them: ", _REPAIR, _ADD_AGAIN)
_ONE_BY_ONE = text("Remove each: ", command("delete", Placeholder("ID")), "; then: ", command("ingest", _SOURCE))
_RESTORE = "Restore the table's folder from a copy."


def check_rows(found: Examination, table: ArticleTable) -> None:
    """Read all rows, and check what is in them."""
    examiner = Examiner(table)
    faults: list[FragmentFault] = []
    refused: list[UnavailableError] = []
    for fragment in salvage.fragments(table):
        try:
            for batch in salvage.read_fragment(table, fragment):
                examiner.examine(batch)
        except CorruptError as error:
            try:
                faults.append(salvage.judge(table, fragment, error))
            except UnavailableError as reason:
                refused.append(reason)
        except UnavailableError as reason:
            refused.append(reason)
    found.rows = examiner.rows
    _settle_files(found, table, faults, refused, examiner.rows)
    broken = bool(faults or refused)
    # Ids and articles are found by a scan of the whole table, which needs all its files.
    if broken:
        found.skip("ids", "not all files can be read")
    else:
        duplicates = examiner.duplicate_ids() + ["(empty)"] * examiner.no_id
        found.settle("ids", duplicates, "Ids are empty, or more than one row has them.", _ONE_BY_ONE)
    bad_articles = list(dict.fromkeys(examiner.articles_of.values()))
    if not broken and examiner.chunked:
        incomplete = examiner.incomplete_articles()
        found.settle("chunks", incomplete, "Articles lack chunks, or have some twice.", _REMOVE)
        bad_articles += incomplete
    _settle_vectors(found, examiner)
    found.settle("content hashes", examiner.bad_hashes, "Rows have no well-formed content hash.", _ONE_BY_ONE)
    _settle_rehash(found, examiner)
    # Once what else is wrong has been repaired, for the model is loaded.
    if not (broken or found.findings):
        found.attempt(model_check.CHECK, lambda: model_check.check_model(found, table, examiner.rehash))
    found.settle(
        "transactions", examiner.no_txn, "Rows do not say which transaction wrote them, or when.", _ONE_BY_ONE
    )
    if bad_articles and not broken:
        found.repairs.append(repairs.remove_articles(table, list(dict.fromkeys(bad_articles)), found.key))


def _settle_files(
    found: Examination,
    table: ArticleTable,
    faults: Sequence[FragmentFault],
    refused: Sequence[UnavailableError],
    rows: int,
) -> None:
    by_part = {part: [fault for fault in faults if fault.part is part] for part in Part}
    if refused:
        found.settle(
            "data files",
            [str(error.message) for error in refused],
            refused[0].message,
            refused[0].hint or "Run the command again.",
        )
    if by_part[Part.UNKNOWN]:
        found.settle(
            "data files",
            [_described(fault) for fault in by_part[Part.UNKNOWN]],
            "Rows cannot be read, and it is not proven which file is damaged; a repair leaves them alone.",
            _RESTORE,
        )
    lost = by_part[Part.ROWS]
    if lost or not (refused or by_part[Part.UNKNOWN]):
        found.settle(
            "data files",
            [_described(fault) for fault in lost],
            f"Data files with {counted(sum(fault.lost_rows for fault in lost), 'row')} cannot be read.",
            text("Restore them from a copy; or drop their rows: ", _REPAIR, _ADD_AGAIN),
            f"{counted(rows, 'row')} read",
        )
    if columns := by_part[Part.COLUMNS]:
        names = ", ".join(dict.fromkeys(name for fault in columns for name in fault.columns))
        found.settle(
            "columns",
            [_described(fault) for fault in columns],
            f"Data files of the columns {names} cannot be read; the rows themselves can.",
            text("Restore them from a copy; or leave these values empty: ", _REPAIR),
        )
    if deletions := by_part[Part.DELETIONS]:
        found.settle(
            "deletion files",
            [_described(fault) for fault in deletions],
            "Files that say which rows are deleted cannot be read; the rows themselves can.",
            text(
                "Read the rows without them: ",
                _REPAIR,
                "; rows that had been deleted come back, unless they are known. To remove those again: ",
                command("delete", Placeholder("ID")),
                ", or ",
                command("ingest", _SOURCE, prune=True),
            ),
        )
    # In this order, because whether a row was deleted is seen from the others.
    found.repairs += [repairs.empty_columns(table, fault) for fault in columns]
    if lost:
        found.repairs.append(repairs.drop_rows(table, lost))
    if deletions:
        found.repairs.append(repairs.read_without_deletions(table, deletions))


def _described(fault: FragmentFault) -> str:
    fragment: Fragment = fault.fragment
    rows = (
        f"{counted(fragment.rows, 'row')}"
        if not fault.kept
        else f"{fault.lost_rows:,} of {counted(fragment.rows, 'row')}"
    )
    ids = f", such as {', '.join(fault.lost_ids[:EXAMPLES])}" if fault.lost_ids else ""
    return f"{', '.join(fault.files)}: {fault.reason} ({rows}{ids})"


def _settle_vectors(found: Examination, examiner: Examiner) -> None:
    bad = [f"{row_id}: {kind}" for kind, ids in examiner.bad_vectors.items() for row_id in ids]
    kinds = ", ".join(f"{len(ids):,} {kind}" for kind, ids in examiner.bad_vectors.items())
    note = f"finite, of unit length within {UNIT_TOLERANCE}; {examiner.hashed:,} hashes agree"
    found.settle("vectors", bad, f"Vectors cannot be used: {kinds}.", _REMOVE, note)
    unhashed = examiner.rows - examiner.hashed
    if unhashed:
        found.notes.append(
            text(
                f"{counted(unhashed, 'row keeps', 'rows keep')} no hash of their vector (storage format "
                f"1), so a change of it cannot be "
                "found. Add the hashes: ",
                command("optimize"),
            )
        )


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
        found.skip("fields", "fields were renamed or converted when they were stored")

"""What a table holds, what made it, how its last run went, and what to do next."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from vecindex.core.indexes.recall import DEFAULT_RECALL, Curve
from vecindex.errors import TableNotFoundError
from vecindex.messages import Message, Placeholder, Text, as_text, command, counted, percent, text
from vecindex.notebook import shown_table
from vecindex.options import checked
from vecindex.serialize import Result
from vecindex.store.articles import ArticleTable
from vecindex.store.database import REJECTS, Database
from vecindex.store.indexes.vector import about_index, are_many, is_mended_by_measuring, vector_index, why_stale
from vecindex.store.maintenance import bytes_in, usage
from vecindex.store.maps import damaged_maps, maps, outside
from vecindex.store.rejects import RejectTable
from vecindex.store.search import fulltext_language, has_fulltext_index
from vecindex.store.versions import table_folder
from vecindex.types import Fingerprint
from vecindex.verbs.bounds import vector_budget_bytes
from vecindex.verbs.evaluate.kept import last_evaluation
from vecindex.verbs.languages import unknown_line, unknown_rows
from vecindex.verbs.map_state import rebuilt_by, why_due
from vecindex.verbs.project.options import MIN_ARTICLES
from vecindex.verbs.upkeep.options import StatusOptions

MANY_FRAGMENTS = 64
MUCH_TRUNCATED = 0.1
MUCH_GARBAGE_BYTES = 100_000_000
MANY_VALUES = 50_000_000
"""Numbers in all vectors together from which on an index is suggested: an exact search reads them all."""
_SOURCE = Placeholder("SOURCE")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What was committed after the last run that came to its end; `last_commit` is in UTC, ISO 8601."""

    rows: int
    transactions: int
    last_commit: str | None


@dataclass(frozen=True, slots=True)
class IndexState:
    """The index of the vectors.

    Attributes
    ----------
    type, bytes : of the index.
    rows, rows_not_indexed : rows that it holds; those that it does not, which are compared one by one.
    curve : what it finds, by its settings; None where that was not measured.
    recall, nprobes, refine : what an approximate search is set up with and what to expect of it; None likewise.
    stale : why it should be made or measured again; None where it need not.
    """

    type: str
    bytes: int
    rows: int
    rows_not_indexed: int
    curve: Curve | None
    recall: float | None
    nprobes: int | None
    refine: int | None
    stale: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Status(Result):
    """The state of a table.

    The defaults are the state of a table that does not exist yet, because every row for it was rejected.

    Attributes
    ----------
    articles : articles in a table of chunks; None where each row is one.
    fingerprint : what made the vectors; None where the table does not exist yet.
    last_run : the report of the last run that came to its end or was stopped; its `last_rate` is that of the last run
        that embedded something.
    unfinished : what was committed since: by a run that is going on, or that was killed.
    writer : process id and command of the writer at work, None when there is none.
    numbers : how vectors are stored, "float32" or "float16".
    truncated, truncated_frac : rows that the model did not read to their end; their share of all, 0 to 1.
    unknown : rows of whose tokens the model does not know a quarter or more.
    rejects : the rejected rows with location and reason, where they were asked for.
    rejects_damaged : whether the table of rejected rows is damaged, so that how many there are is unknown.
    tables : the names of all tables of articles in the database.
    maps : what is stored with each map, with `outside`, the rows that are not on it, and `due`, why it should be
        rebuilt.
    words_language : the code of the language of the full-text index, None without one.
    vector_index : the index for approximate searches; None without one.
    vectors_bytes, vectors_budget_bytes : the memory that all vectors take, which searches one after another keep
        there; what they may take of it now. A table that needs more is read from the disk at each search.
    versions : versions that are kept; `tags` names some of them.
    evaluated : what the last `evaluate` found, and whether the rows have changed since; None without one.
    damaged : what is stored with the table and cannot be read, each a sentence.
    next : what to do now, each a sentence with its command.
    """

    database: str
    table: str
    at: str | None
    rows: int = 0
    articles: int | None = None
    fingerprint: Fingerprint | None = None
    last_run: dict[str, Any] | None = None
    unfinished: Unfinished | None = None
    writer: str | None
    numbers: str = "float32"
    truncated: int = 0
    truncated_frac: float = 0.0
    unknown: int = 0
    rejected: int
    rejects: list[dict[str, Any]] | None
    rejects_damaged: bool = False
    tables: tuple[str, ...] = ()
    columns: dict[str, str] = field(default_factory=dict)
    maps: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    words_indexed: bool = False
    words_language: str | None = None
    vector_index: IndexState | None = None
    vectors_bytes: int = 0
    vectors_budget_bytes: int = 0
    batch_tokens: dict[str, int] = field(default_factory=dict)
    fragments: int = 0
    versions: int = 0
    live_bytes: int = 0
    table_bytes: int | None
    database_bytes: int | None
    evaluated: dict[str, Any] | None = None
    damaged: tuple[str, ...] = ()
    next: list[Text] = field(default_factory=list)

    def _repr_html_(self) -> str:
        """Return a table, for notebooks."""
        made = self.fingerprint
        articles = "" if self.articles is None else f", chunks of {counted(self.articles, 'article')}"
        rows: list[list[object]] = [
            ["tables", ", ".join(self.tables)],
            ["rows", f"{self.rows:,}{articles}"],
            [
                "model",
                f"{made.model}, {counted(made.dimension, 'value')}" if made else "none yet: every row was rejected",
            ],
            ["truncated", f"{counted(self.truncated, 'text')} ({percent(self.truncated_frac, 1)})"],
            ["rejected", counted(self.rejected, "input row")],
            ["fields", ", ".join(f"{name} ({kind})" for name, kind in self.columns.items())],
        ]
        for name, about in self.maps.items():
            outside = f", {about['outside']:,} outside it" if about["outside"] else ""
            rows.append(
                [f"map {name}", f"{about.get('method') or 'map'}, {counted(about['articles'], 'article')}{outside}"]
            )
        rows += [[f"tag {name}", f"version {version}"] for name, version in self.tags.items()]
        rows += [["next", str(sentence)] for sentence in self.next]
        return shown_table(
            [], rows, title=f"{self.table} in {self.database}" + (f", at {self.at}" if self.at else "")
        )


def status(database: Database, name: str, options: StatusOptions) -> Status:
    """Return the state of a table, without reading a vector; see `Index.status`."""
    options = checked(StatusOptions, options)
    at, local = options["at"], database.folder
    rejects = RejectTable(database)
    found = Status(
        database=database.uri,
        table=name,
        at=at,
        writer=database.writer_at_work(),
        rejected=rejects.count(name),
        rejects=rejects.rows(name) if options["rejects"] else None,
        table_bytes=None if local is None else 0,
        database_bytes=None,
    )
    try:
        table = database.articles(name, at)
    except TableNotFoundError:
        if at is not None or not (found.rejected or rejects.damage):
            raise
    else:
        found = _with_table(found, database, table)
    tables = tuple(database.article_tables())
    found = replace(found, rejects_damaged=rejects.damage is not None, tables=tables)
    if local is not None:
        own = {table_folder(local, name).name: found.table_bytes or None}
        found = replace(found, database_bytes=bytes_in(local, own))
    return replace(found, next=[as_text(sentence) for sentence in _advice(found)])


def _with_table(found: Status, database: Database, table: ArticleTable) -> Status:
    stored = table.fingerprint  # first: it refuses tables of others
    rows, truncated = table.count(), table.count("truncated")
    last_run = table.setting("last_run")
    return replace(
        found,
        rows=rows,
        articles=table.count("chunk = 0") if stored.chunking else None,
        fingerprint=stored,
        last_run=last_run,
        unfinished=unfinished(table, last_run),
        truncated=truncated,
        truncated_frac=truncated / rows if rows else 0.0,
        unknown=unknown_rows(table),
        numbers="float16" if table.half else "float32",
        columns={f.name: str(f.type) for f in table.extra_columns},
        maps=_maps(table, rows),
        tags=table.tags(),
        words_indexed=has_fulltext_index(table),
        words_language=fulltext_language(table),
        vector_index=_index_state(table, rows),
        # As float32, however they are stored.
        vectors_bytes=4 * stored.dimension * rows,
        vectors_budget_bytes=vector_budget_bytes(),
        batch_tokens=table.setting("batch_tokens") or {},
        evaluated=last_evaluation(database, table),
        damaged=_damaged(table),
        **asdict(usage(table, database.folder)),
    )


def _index_state(table: ArticleTable, rows: int) -> IndexState | None:
    there = vector_index(table)
    if there is None:
        return None
    about = about_index(table)
    chosen = None if about is None else about.curve.cheapest(DEFAULT_RECALL) or about.curve.best
    return IndexState(
        type=there.type,
        bytes=there.bytes,
        rows=there.rows,
        rows_not_indexed=max(0, rows - there.rows),
        curve=None if about is None else about.curve,
        recall=None if chosen is None else chosen.expected,
        nprobes=None if chosen is None else chosen.nprobes,
        refine=None if chosen is None else chosen.refine,
        stale=why_stale(table, rows, about),
    )


def _damaged(table: ArticleTable) -> tuple[str, ...]:
    found = [str(error.message) for error in damaged_maps(table).values()]
    found += [f"The file of the tag {name!r} is damaged." for name in table.torn_tags()]
    found += [f"What is kept as {key} is damaged." for key in table.damaged_settings()]
    return tuple(found)


def unfinished(table: ArticleTable, last_run: dict[str, Any] | None) -> Unfinished | None:
    """Return what was committed after the last run that reported its end, None for nothing."""
    txn, ended_at = (last_run["last_txn"], last_run["ended_at"]) if last_run else (0, None)
    rows, transactions, last = table.commits_after(txn, ended_at)
    return Unfinished(rows, transactions, last.isoformat() if last else None) if transactions else None


def _maps(table: ArticleTable, rows: int) -> dict[str, Any]:
    """Return what is stored with each map, how many rows are outside it, and why it should be rebuilt."""
    found: dict[str, Any] = {}
    for name, stored in maps(table).items():
        missing = outside(table, name)
        about = stored if isinstance(stored, dict) else {"about": stored}
        found[name] = {
            **about,
            "articles": rows - missing,
            "outside": missing,
            "due": why_due(stored, rows, missing),
        }
    return found


def _advice(found: Status) -> list[Message]:
    """Return what to do: what must be mended, what the table is good for, what would make it better.

    Nothing here removes rows: that a source no longer holds some may mean that only a part of it was delivered.
    """
    if found.at is not None:
        return []
    return [*_to_mend(found), *_to_use_it(found), *_to_improve(found)]


def _to_mend(found: Status) -> list[Message]:
    advice: list[Message] = []
    if found.damaged:
        advice.append(text(" ".join(found.damaged), " To see what helps: ", command("doctor")))
    if found.rejects_damaged:
        advice.append(
            text(
                f"The table {REJECTS!r} is damaged, so how many input rows were left out is unknown; ",
                "the next run sets it aside and makes it again: ",
                command("ingest", _SOURCE),
            )
        )
    if not found.rows:
        advice.append(text("Nothing is in it yet: ", command("ingest", _SOURCE)))
    stopped = found.last_run is not None and found.last_run.get("interrupted")
    if (found.unfinished or stopped) and not found.writer:
        advice.append(text("The last run did not come to its end; to resume it: ", command("ingest", _SOURCE)))
    return advice


def _to_use_it(found: Status) -> list[Message]:
    """Return what a table is good for that needs nothing done to it."""
    if found.writer or not found.rows:
        return []
    if found.fingerprint is not None and found.fingerprint.weights == "unknown":
        # Questions need the model, which may not be available.
        how, search = "To see what is near one of its rows: ", command("search", id=Placeholder("ID"))
    else:
        how, search = "To ask it something: ", command("search", Placeholder('"QUESTION"'))
    advice: list[Message] = [text(how, search)]
    if found.maps:
        measured = command("overlap", questions=Placeholder("FILE"))
        advice.append(text("To see all of it on a map: ", command("map")))
        advice.append(text("To see how well it serves your questions: ", measured))
    elif found.rows >= MIN_ARTICLES:
        advice.append(text("To see all of it on a map: ", command("project")))
    return advice


def _to_improve(found: Status) -> list[Message]:
    advice = _map_advice(found)
    if found.rejected:
        left_out = counted(found.rejected, "input row was left out", "input rows were left out")
        advice.append(
            text(f"{left_out}; to see why: ", command("status", rejects=True))
            if found.rejects is None
            else f"{left_out}: correct {'it' if found.rejected == 1 else 'them'}, and ingest that source again."
        )
    advice += _index_advice(found)
    if found.fragments > MANY_FRAGMENTS:
        advice.append(
            text(f"The table is in {found.fragments:,} fragments; to make searches faster: ", command("optimize"))
        )
    garbage = (found.table_bytes or 0) - found.live_bytes
    if garbage > max(MUCH_GARBAGE_BYTES, found.live_bytes // 2) and not found.writer:
        advice.append(
            text(
                f"Old versions and indexes hold {garbage / 1e6:,.0f} MB; when nobody reads an old version: ",
                command("optimize", older_than="0s"),
            )
        )
    # Last, because every text is embedded again.
    if found.unknown:
        advice.append(text(unknown_line(found.unknown, found.rows), " (in a table of its own)"))
    if found.truncated_frac > MUCH_TRUNCATED:
        chunked = command("ingest", _SOURCE, chunk=True, table=f"{found.table}-chunks")
        share = percent(found.truncated_frac)
        advice.append(
            text(f"{share} of the texts are longer than the model reads; chunks keep all of them: ", chunked)
        )
    return advice


def _index_advice(found: Status) -> list[Message]:
    index = found.vector_index
    if index is None:
        few = found.rows * (found.fingerprint.dimension if found.fingerprint else 0) < MANY_VALUES
        return [] if few else [text("To search faster, approximately: ", command("build_index"))]
    if index.stale is not None:
        again = command("build_index", measure=is_mended_by_measuring(index.stale) or None)
        return [text(f"The index of the vectors: {index.stale}; to mend that: ", again)]
    if are_many(index.rows_not_indexed, index.rows):
        lacking = (
            f"{counted(index.rows_not_indexed, 'row is', 'rows are')} not in the index of the "
            f"vectors; to take them in: "
        )
        return [text(lacking, command("optimize"))]
    return []


def _map_advice(found: Status) -> list[Message]:
    advice: list[Message] = []
    for name, about in found.maps.items():
        if about["due"]:
            advice.append(text(f'Map "{name}" should be rebuilt ({about["due"]}): ', rebuilt_by(name, about)))
        elif about["outside"] and not about.get("focus"):
            advice.append(
                text(
                    f'{counted(about["outside"], "row is", "rows are")} not on the map "{name}": ',
                    command("project", name, update=True),
                )
            )
    return advice

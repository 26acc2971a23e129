"""What a table holds, what made it, how its last run went, and what to do next."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from vecindex.errors import TableNotFoundError
from vecindex.messages import text
from vecindex.notebook import shown_table
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maintenance import Usage, bytes_in, usage
from vecindex.store.maps import maps, outside
from vecindex.store.search import words_indexed
from vecindex.store.versions import tags
from vecindex.types import Fingerprint
from vecindex.verbs.map_state import rebuilt_by, why_due
from vecindex.verbs.project.options import MIN_ARTICLES

MANY_FRAGMENTS = 64
MUCH_TRUNCATED = 0.1
MUCH_GARBAGE_BYTES = 100_000_000


@dataclass(frozen=True, slots=True)
class Unfinished:
    """What was committed after the last run that came to its end; `last_commit` is in UTC, ISO 8601."""

    rows: int
    transactions: int
    last_commit: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a table.

    Attributes
    ----------
    articles : articles in a table of chunks; None where each row is one.
    fingerprint : what made the vectors; None where every row was rejected, so that there is no table yet.
    last_run : the report of the last run that came to its end, or was stopped and could say so; its `last_rate` is
        that of the last run that embedded something.
    unfinished : what is there beyond that: a run that is going on, or was killed.
    writer : process id and command of the writer at work, None when there is none.
    truncated, truncated_frac : rows that the model did not read to their end; their share of all, 0 to 1.
    rejects : the rejected rows with place and reason, where they were asked for.
    maps : what is kept with each map, with `outside`, the rows that are not on it, and `due`, why it should be
        rebuilt.
    versions : versions that can still be read; `tags` names some of them.
    next : what to do now, each a sentence with its command.
    """

    database: str
    table: str
    at: str | None
    rows: int
    articles: int | None
    fingerprint: Fingerprint | None
    last_run: dict[str, Any] | None
    unfinished: Unfinished | None
    writer: str | None
    truncated: int
    truncated_frac: float
    rejected: int
    rejects: list[dict[str, Any]] | None
    columns: dict[str, str]
    maps: dict[str, Any]
    tags: dict[str, int]
    words_indexed: bool
    batch_tokens: dict[str, int]
    fragments: int
    versions: int
    live_bytes: int
    table_bytes: int | None
    database_bytes: int | None
    next: list[str]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return dataclasses.asdict(self)

    def _repr_html_(self) -> str:
        """Return a table, for notebooks."""
        made = self.fingerprint
        articles = "" if self.articles is None else f", chunks of {self.articles:,} articles"
        rows: list[list[object]] = [
            ["rows", f"{self.rows:,}{articles}"],
            ["model", f"{made.model}, {made.dimension} values" if made else "none yet: every row was rejected"],
            ["cut off", f"{self.truncated:,} texts ({self.truncated_frac:.1%})"],
            ["rejected", f"{self.rejected:,} input rows"],
            ["fields", ", ".join(f"{name} ({kind})" for name, kind in self.columns.items())],
        ]
        for name, told in self.maps.items():
            outside = f", {told['outside']:,} outside it" if told["outside"] else ""
            rows.append([f"map {name}", f"{told.get('method') or 'map'}, {told['articles']:,} articles{outside}"])
        rows += [[f"tag {name}", f"version {version}"] for name, version in self.tags.items()]
        rows += [["next", sentence] for sentence in self.next]
        return shown_table(
            [], rows, title=f"{self.table} in {self.database}" + (f", at {self.at}" if self.at else "")
        )


def status(database: Database, name: str, *, rejects: bool = False, at: str | None = None) -> Status:
    """Return the state of a table, without reading a vector; see `Index.status`."""
    try:
        table = database.articles(name, at)
    except TableNotFoundError:
        if at is None and (rejected := database.rejects().count(name)):
            return _without_table(database, name, rejected, rejects)
        raise
    rows = table.count()
    stored = table.fingerprint
    last_run = table.setting("last_run")
    space = usage(table, database.folder)
    truncated = table.count("truncated")
    found = Status(
        database=database.uri,
        table=name,
        at=at,
        rows=rows,
        articles=table.count("chunk = 0") if stored.chunking else None,
        fingerprint=stored,
        last_run=last_run,
        unfinished=unfinished(table, last_run),
        writer=database.writer().holder(),
        truncated=truncated,
        truncated_frac=truncated / rows if rows else 0.0,
        rejected=database.rejects().count(name),
        rejects=database.rejects().rows(name) if rejects else None,
        columns={f.name: str(f.type) for f in table.extra_columns},
        maps=_maps(table, rows),
        tags=tags(table),
        words_indexed=words_indexed(table),
        batch_tokens=table.setting("batch_tokens") or {},
        **dataclasses.asdict(space),
        database_bytes=bytes_in(database.folder) if database.folder else None,
        next=[],
    )
    return dataclasses.replace(found, next=_advice(found, space))


def _without_table(database: Database, name: str, rejected: int, rejects: bool) -> Status:
    """Return the state of a table that there is not, since every row for it was rejected."""
    space = Usage(fragments=0, versions=0, live_bytes=0, table_bytes=0 if database.folder else None)
    found = Status(
        database=database.uri,
        table=name,
        at=None,
        rows=0,
        articles=None,
        fingerprint=None,
        last_run=None,
        unfinished=None,
        writer=database.writer().holder(),
        truncated=0,
        truncated_frac=0.0,
        rejected=rejected,
        rejects=database.rejects().rows(name) if rejects else None,
        columns={},
        maps={},
        tags={},
        words_indexed=False,
        batch_tokens={},
        **dataclasses.asdict(space),
        database_bytes=bytes_in(database.folder) if database.folder else None,
        next=[],
    )
    return dataclasses.replace(found, next=_advice(found, space))


def unfinished(table: ArticleTable, last_run: dict[str, Any] | None) -> Unfinished | None:
    """Return what was committed after the last run that could tell of itself, None for nothing."""
    txn, ended_at = (last_run["last_txn"], last_run["ended_at"]) if last_run else (0, None)
    rows, transactions, last = table.commits_after(txn, ended_at)
    return Unfinished(rows, transactions, last.isoformat() if last else None) if transactions else None


def _maps(table: ArticleTable, rows: int) -> dict[str, Any]:
    """Return what is kept with each map, how many rows are outside it, and why it should be rebuilt, if it should."""
    found: dict[str, Any] = {}
    for map_name, about in maps(table).items():
        beside = outside(table, map_name)
        told = about if isinstance(about, dict) else {"about": about}
        found[map_name] = {**told, "articles": rows - beside, "outside": beside, "due": why_due(about, rows, beside)}
    return found


def _advice(found: Status, space: Usage) -> list[str]:
    if found.at is not None:
        return []
    advice = []
    if not found.rows:
        advice.append("Nothing is in it yet: vecindex ingest SOURCE...")
    stopped = found.last_run is not None and found.last_run.get("interrupted")
    if (found.unfinished or stopped) and not found.writer:
        advice.append("The last run did not come to its end; the same vecindex ingest SOURCE... goes on from there.")
    if found.truncated_frac > MUCH_TRUNCATED:
        advice.append(
            f"{found.truncated_frac:.0%} of the texts are longer than the model reads; chunks keep all of them: "
            f"vecindex ingest SOURCE... --chunk --table {found.table}-chunks"
        )
    if found.rejected:
        how = (
            "vecindex status --rejects tells why"
            if found.rejects is None
            else "mend them, and ingest that source again"
        )
        advice.append(f"{found.rejected:,} input rows were left out: {how}.")
    advice += _map_advice(found)
    if space.fragments > MANY_FRAGMENTS:
        advice.append(f"The table is in {space.fragments:,} pieces; searches are quicker after: vecindex optimize")
    garbage = (space.table_bytes or 0) - space.live_bytes
    if garbage > max(MUCH_GARBAGE_BYTES, space.live_bytes // 2) and not found.writer:
        advice.append(
            f"{garbage / 1e6:,.0f} MB are held by old versions and indexes; when nobody reads an old version: "
            "vecindex optimize --older-than 0s"
        )
    # Last, because it takes away: the last run may well have been of one source among several.
    if found.last_run and found.last_run.get("missing"):
        advice.append(
            f"{found.last_run['missing']:,} rows were not in the sources of the last run; to remove such rows: "
            "vecindex ingest SOURCE... --prune"
        )
    return advice or _to_use_it(found)


def _to_use_it(found: Status) -> list[str]:
    """Return what a table is good for that needs nothing done to it."""
    if found.writer:
        return []
    if found.maps:
        return ["To see how well it serves your questions: vecindex overlap --questions FILE"]
    if found.fingerprint is not None and found.fingerprint.weights == "unknown":
        # Questions need the model, which may not be at hand.
        advice = ["To see what is near one of its rows: vecindex search --id ID"]
    else:
        advice = ['To ask it something: vecindex search "QUESTION"']
    if found.rows >= MIN_ARTICLES:
        advice.append("To see all of it on a map: vecindex project")
    return advice


def _map_advice(found: Status) -> list[str]:
    advice = []
    for name, told in found.maps.items():
        if told["due"]:
            again = text(f"Map {name} should be rebuilt ({told['due']}): ", rebuilt_by(name, told))
            advice.append(str(again))
        elif told["outside"] and not told.get("focus"):
            advice.append(f"{told['outside']:,} rows are not on map {name}: vecindex project {name} --update")
    return advice

"""Input rows compared with the table: which are to be embedded, grouped into transactions."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from vecindex.errors import SourceError
from vecindex.sources.articles import Article, read_id, to_article
from vecindex.sources.base import Item, LeftOut, Record, Source, excerpt
from vecindex.sources.fieldmap import FieldMap, find_id
from vecindex.types import Rejected
from vecindex.verbs.ingest.drops.drop import REPLACED, Deletion, Drop, Version
from vecindex.verbs.ingest.fields.settle import LOOK_AHEAD, Chooser, Head, Settled, read_head
from vecindex.verbs.ingest.known.blocks import article_hash, gathered
from vecindex.verbs.ingest.known.registry import Registry, State
from vecindex.verbs.ingest.known.unchanged import Unchanged
from vecindex.verbs.ingest.options import IngestOptions
from vecindex.verbs.ingest.result import IngestReport

COMMIT_EVERY_S = 30.0
"""What a kill may cost at most, in seconds of the run: transactions that take longer are committed in parts."""
_SKIPPED_AT_ONCE = 5_000


@dataclass(slots=True)
class Planned:
    """An article to be embedded (or stored with its own vector), with its hash and what it replaces."""

    source: str
    article: Article
    hash: str
    stored_hash: str | None
    """Hash of the row in the table that this one replaces; None for a new one."""
    texts: list[str] = field(default_factory=list)
    """What is stored as text: the article's, or that of each of its chunks."""
    embed_texts: list[str] = field(default_factory=list)
    version: Version | None = None
    """Its age among the versions of its id, in a run of drops."""

    @property
    def row_id(self) -> str:
        """The article's id."""
        return self.article.id


@dataclass(slots=True)
class Transaction:
    """Rows that are committed together, and the rejects met while they were gathered."""

    rows: list[Planned] = field(default_factory=list)
    rejects: list[tuple[str, Rejected]] = field(default_factory=list)
    deletions: dict[str, Version] = field(default_factory=dict)
    """The ids to be deleted after the rows are written, none of which is among these."""
    displaced: list[Planned | Deletion] = field(default_factory=list)
    """Versions that do not stand, but may where a newer one of this transaction turns out to be bad."""
    read: int = 0
    """Input rows behind this transaction, skipped and rejected ones included. All may be skipped ones."""

    @property
    def n_vectors(self) -> int:
        """Rows that the table gets from it."""
        return sum(max(1, len(row.texts)) for row in self.rows)


Read = Article | Deletion | Rejected | LeftOut
"""What a row of the input is."""
Cutter = Callable[[Article], tuple[list[str], list[str]] | str]
"""Cuts an article into (stored texts, embedded texts), one of each when it is not chunked; or says why it cannot."""


def rejected(article: Article, reason: str) -> Rejected:
    """Return an article as a rejected row."""
    return Rejected(article.location, reason, article.id, article.text[:200])


def whole(article: Article) -> tuple[list[str], list[str]]:
    """Leave an article in one piece."""
    return [article.text], [article.embed_text]


@dataclass(slots=True)
class Planner:
    """Reads the sources once and yields transactions of the rows that the table lacks or has otherwise.

    `choose` chooses the fields of a source, as it did when the sources were settled. After the last one, `report`
    holds the counts and `seconds.reading` the time spent here.
    """

    sources: Sequence[Settled]
    choose: Chooser
    options: IngestOptions
    registry: Registry
    report: IngestReport
    cut: Cutter
    drop: Drop | None = None
    every_s: float = COMMIT_EVERY_S
    clock: Callable[[], float] = time.monotonic
    complete: bool = False
    nameless: int = 0
    """Rejected rows whose ids are not known: they may be rows that the table has."""

    @property
    def look_ahead(self) -> int:
        """The first rows of a source that settle its fields: those of a first transaction at most."""
        return min(LOOK_AHEAD, self.options["transaction_rows"])

    def transactions(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[Transaction]:
        """Yield transactions of at least `transaction_rows` rows (the last may be smaller).

        One is yielded before it has so many where rows come so slowly that the first has waited for `every_s`. An
        article's chunks stay together, so a transaction of a chunked table may hold some rows more. Rejects alone
        also fill a transaction, so that they are stored while the run goes on. Skipped rows make empty ones, so that
        whoever watches sees the run go on.
        """
        limit = self.options["transaction_rows"]
        transaction, size, skipped, since = Transaction(), 0, 0, 0.0
        gathered: list[Planned | Deletion] = []
        broken: SourceError | None = None
        items = self._items(stopped)
        try:
            for source, item in items:
                outcome, rows = (None, item) if isinstance(item, int) else (self._judge(source, item), 1)
                if isinstance(item, int):
                    self.report.read += rows
                    self.report.skipped += rows
                if outcome is None:
                    skipped += rows
                    if skipped >= _SKIPPED_AT_ONCE:
                        mark = self.clock()
                        yield Transaction(read=skipped)
                        # Whoever takes it may have been at work so long; that is not the rows' waiting.
                        since += self.clock() - mark
                        skipped = 0
                else:
                    transaction.read += 1
                    since = since if size else self.clock()
                    if isinstance(outcome, Rejected):
                        self.reject(transaction, source, outcome)
                    else:
                        gathered.append(outcome)
                        size += len(outcome.texts) if isinstance(outcome, Planned) else 1
                # Rows that are skipped take their time, too.
                is_late = size and self.clock() - since >= self.every_s
                if size >= limit or len(transaction.rejects) >= limit or is_late:
                    yield self._settled(transaction, gathered)
                    transaction, gathered, size = Transaction(), [], 0
        except SourceError as error:
            # What was read before a source broke off is good: commit it, then raise.
            broken = error
        finally:
            items.close()
        if stopped() and not self.complete:
            return  # only whole transactions: the next run reads these rows again
        transaction.read += skipped
        yield self._settled(transaction, gathered)
        if broken is not None:
            raise broken

    def again(self, versions: Sequence[Planned | Deletion], replaced: Mapping[str, str | None]) -> Transaction:
        """Return a transaction of those of these versions that stand now: newer ones have failed in the model.

        `replaced` has the hash of what the table has of each id.
        """
        self.report.older -= len(versions)
        for one in versions:
            if isinstance(one, Planned):
                one.stored_hash = replaced[one.row_id]
        return self._settled(Transaction(), versions)

    def _settled(self, transaction: Transaction, gathered: Sequence[Planned | Deletion]) -> Transaction:
        """Put into a transaction the rows that stand, and the deletions."""
        before: dict[str, str | None] = {}
        for one in gathered:
            if isinstance(one, Planned):
                # Of several versions in a transaction, the first knows what the table has.
                one.stored_hash = before.setdefault(one.article.id, one.stored_hash)
        self._stand(transaction, gathered)
        return transaction

    def _stand(self, transaction: Transaction, versions: Sequence[Planned | Deletion]) -> set[str]:
        """Put the versions that stand into a transaction; return their ids."""
        stands: Sequence[bool | None] = [True] * len(versions)
        if self.drop is not None:
            stands = self.drop.settle([_met(one) for one in versions])
        for one, stand in zip(versions, stands, strict=True):
            if stand is None:
                self._refuse(transaction, one)
            elif not stand:
                self.report.older += 1
                transaction.displaced.append(one)
            elif isinstance(one, Planned):
                transaction.rows.append(one)
            else:
                self.report.deleted += 1
                transaction.deletions[one.id] = Version(one.order, True)
        return {one.row_id for one, stand in zip(versions, stands, strict=True) if stand}

    def _refuse(self, transaction: Transaction, one: Planned | Deletion) -> None:
        """Reject a version whose age cannot be compared."""
        reason = "newer: a number, a time or text, and the table has another of these for this id"
        if isinstance(one, Deletion):
            self.reject(transaction, one.source, Rejected(one.location, reason, one.id))
        else:
            self._unmeet(one.article.id, one.stored_hash)
            self.reject(transaction, one.source, rejected(one.article, reason))

    def _items(self, stopped: Callable[[], bool]) -> Generator[tuple[str, Read | int]]:
        """Yield what each row is, with the name of its source; of unchanged ones how many follow each other."""
        with closing(Unchanged(self.registry)) as unchanged:
            yield from self._of_sources(unchanged, stopped)

    def _of_sources(self, unchanged: Unchanged, stopped: Callable[[], bool]) -> Iterator[tuple[str, Read | int]]:
        seconds = self.report.seconds
        mark = time.perf_counter()
        for settled in self.sources:
            source, fields = settled.source, settled.fields
            head = settled.head or read_head(source, self.look_ahead, stopped)
            if records := [row for row in head.records() if not self._deletes(row)]:
                # Of thousands of files only a few rows were looked at.
                fields = self.choose(records, source).fields
            del records
            for item in self._others(source, fields, head, unchanged):
                if stopped():
                    return
                if not isinstance(item, Record):
                    made: Read | int = item
                elif self._deletes(item):
                    made = self._deletion(source.name, item, fields)
                else:
                    if fields is None:
                        fields = self.choose([item], source).fields
                    made = self._article(item, fields)
                seconds.reading += time.perf_counter() - mark
                yield source.name, made
                mark = time.perf_counter()
        self.complete = True

    def _others(
        self, source: Source, fields: FieldMap | None, head: Head, unchanged: Unchanged
    ) -> Iterator[Item | int]:
        """Yield the rows of a source; of unchanged ones, which are met by this, how many follow each other."""
        if fields is None or fields.id is None or self.drop is not None or self.registry.is_empty:
            # What is done about a row depends on others; or none can be unchanged.
            return head.items()
        pieces = head.pieces()
        # Rows that come from somebody who is still writing them do not wait for each other.
        pieces = pieces if getattr(source, "once", False) else gathered(pieces)
        return unchanged.others(pieces, fields, getattr(source, "is_whole", False))

    def _deletes(self, record: Record) -> bool:
        return self.drop is not None and self.drop.is_deletion(record)

    def _article(self, record: Record, fields: FieldMap) -> Article | Rejected | LeftOut:
        if self.drop is None:
            made = to_article(record, fields)
            if fields.id is None and isinstance(made, Article) and self.registry.has_met(made.id):
                return LeftOut(record.location, "same content as an earlier row")
            return made
        made, reason = to_article(self.drop.without_mark(record), fields), self.drop.refusal(record)
        if reason is None:
            return made
        return replace(made, reason=reason) if isinstance(made, Rejected) else rejected(made, reason)

    def _deletion(self, source: str, record: Record, fields: FieldMap | None) -> Deletion | Rejected:
        """Return a deletion, of which only the id and the age matter: a file may hold nothing else."""
        assert self.drop is not None, "only a drop deletes"
        name = (fields.id if fields else None) or self.options["id_field"] or find_id(record.fields) or "id"
        row_id, reason = read_id(record.fields.get(name)), self.drop.refusal(record)
        if row_id is None or reason is not None:
            shown = excerpt(str(dict(record.fields)))
            return Rejected(record.location, reason or f"no id in field {name!r}", row_id, shown)
        return Deletion(source, record.location, row_id, self.drop.order(record.fields))

    def _judge(self, source: str, item: Read) -> Planned | Deletion | Rejected | None:
        """Return what is to be embedded, why it is rejected, or None for a row that nothing is to be done about."""
        self.report.read += 1
        if isinstance(item, LeftOut):
            self.report.count_left_out(item.reason)
            return None
        if isinstance(item, Rejected):
            return item
        drop = self.drop
        follows = drop is not None and drop.meet(item.id, isinstance(item, Deletion))
        if isinstance(item, Deletion):
            # So that it is not missing from the sources.
            self.registry.meet(item.id, REPLACED)
            return item
        mark = time.perf_counter()
        found = article_hash(item)
        state, stored = self.registry.meet(item.id, found)
        self.report.seconds.reading += time.perf_counter() - mark
        if state is State.UNCHANGED:
            self.report.skipped += 1
            return None
        if state is State.DUPLICATE:
            if not follows:
                return rejected(item, "duplicate id: an earlier row of this run has it")
            stored = REPLACED
        cut = self.cut(item)
        if isinstance(cut, str):
            self._unmeet(item.id, stored)
            return rejected(item, cut)
        version = None if drop is None else Version(drop.order(item.extra), False)
        return Planned(source, item, found, stored, *cut, version)

    def take_back(self, transaction: Transaction, bad: Sequence[tuple[Planned, Rejected]]) -> None:
        """File rows as rejected that had been taken for good ones; other rows of their ids may be good.

        Those of the same transaction that such a row displaced stand instead.
        """
        ids, standing = {row.article.id for row, _ in bad}, set[str]()
        if self.drop is not None:
            self.drop.take_back(ids)
            again = [one for one in transaction.displaced if one.row_id in ids]
            transaction.displaced = [one for one in transaction.displaced if one.row_id not in ids]
            self.report.older -= len(again)
            standing = self._stand(transaction, again)
        for row, reason in bad:
            if row.article.id not in standing:
                self._unmeet(row.article.id, row.stored_hash)
            elif row.article.id in transaction.deletions and self.drop is not None:
                self.drop.reopen(row.article.id)
            self.reject(transaction, row.source, reason)

    def _unmeet(self, row_id: str, stored_hash: str | None) -> None:
        """Take back that the run has met a row; what it wrote or deleted of its id before that stays met."""
        if stored_hash != REPLACED:
            self.registry.forget([row_id])
        elif self.drop is not None:
            self.drop.reopen(row_id)

    def reject(self, transaction: Transaction, source: str, row: Rejected) -> None:
        """File a row as rejected."""
        if row.id is not None:
            self.registry.keep(row.id)
        else:
            self.nameless += 1
        self.report.count_reject(row.reason)
        transaction.rejects.append((source, row))


def _met(version: Planned | Deletion) -> tuple[str, Version, bool]:
    """Return what a drop settles: the id, the version, and whether there may be another one of it."""
    if isinstance(version, Deletion):
        return version.id, Version(version.order, True), True
    return version.article.id, version.version or Version(None, False), version.stored_hash is not None

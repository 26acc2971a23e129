"""Input rows held against the table: which are to be embedded, grouped into transactions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vecindex.core.identity import content_hash
from vecindex.core.registry import Registry, State
from vecindex.errors import SourceError
from vecindex.sources.articles import Article, to_article
from vecindex.sources.base import Source
from vecindex.sources.fieldmap import FieldMap, resolve_fields
from vecindex.types import IngestReport, Rejected

if TYPE_CHECKING:
    from vecindex.pipeline.options import IngestOptions


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


@dataclass(slots=True)
class Transaction:
    """Rows that are committed together, and the rejects met while they were gathered."""

    rows: list[Planned] = field(default_factory=list)
    rejects: list[tuple[str, Rejected]] = field(default_factory=list)
    read: int = 0
    """Input rows behind this transaction, skipped and rejected ones included."""

    @property
    def n_vectors(self) -> int:
        """Rows that the table gets from it."""
        return sum(max(1, len(row.texts)) for row in self.rows)


Cutter = Callable[[Article], tuple[list[str], list[str]]]
"""Cuts an article into (stored texts, embedded texts); one of each when it is not chunked."""


def whole(article: Article) -> tuple[list[str], list[str]]:
    """Leave an article in one piece."""
    return [article.text], [article.embed_text]


class Planner:
    """Reads the sources once and yields transactions of the rows that the table lacks or has otherwise.

    After the last one, `report` holds the counts and `seconds.reading` the time spent here.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        options: IngestOptions,
        template: str | None,
        vector_field: str | None,
        registry: Registry,
        report: IngestReport,
        cut: Cutter = whole,
    ) -> None:
        """Take open sources, the template and vector field in force, and the registry of the table's rows."""
        self.sources = sources
        self.report = report
        self.registry = registry
        self.complete = False
        self._options = options
        self._template = template
        self._cut = cut
        self._vector_field = vector_field

    def transactions(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[Transaction]:
        """Yield transactions of at least `transaction_rows` rows (the last may be smaller).

        An article's chunks stay together, so a transaction of a chunked table may hold some rows more. Rejects alone
        also fill a transaction, so that they are stored while the run goes on.
        """
        limit = self._options.transaction_rows
        transaction, size = Transaction(), 0
        broken: SourceError | None = None
        items = self._items(stopped)
        while True:
            try:
                source, item = next(items)
            except StopIteration:
                break
            except SourceError as error:
                # What was read before a source broke off is good: commit it, then tell.
                broken = error
                break
            transaction.read += 1
            outcome = self._judge(source, item)
            if isinstance(outcome, Rejected):
                self.reject(transaction, source, outcome)
            elif outcome is not None:
                transaction.rows.append(outcome)
                size += len(outcome.texts)
            if size >= limit or len(transaction.rejects) >= limit:
                yield transaction
                transaction, size = Transaction(), 0
        if stopped() and not self.complete:
            return  # only whole transactions: the next run reads these rows again
        yield transaction
        if broken is not None:
            raise broken

    def _items(self, stopped: Callable[[], bool]) -> Iterator[tuple[str, Article | Rejected]]:
        seconds = self.report.seconds
        mark = time.perf_counter()
        for source in self.sources:
            fields: FieldMap | None = None
            for item in source.read():
                if stopped():
                    return
                if isinstance(item, Rejected):
                    made: Article | Rejected = item
                else:
                    if fields is None:
                        fields = self._fields(item.fields)
                    made = to_article(item, fields)
                seconds.reading += time.perf_counter() - mark
                yield source.name, made
                mark = time.perf_counter()
        self.complete = True

    def _fields(self, names: object) -> FieldMap:
        options = self._options
        return resolve_fields(
            names,  # type: ignore[arg-type]
            id_field=options.id_field,
            text_field=options.text_field,
            title_field=options.title_field,
            text_template=self._template,
            vector_field=self._vector_field,
        )

    def _judge(self, source: str, item: Article | Rejected) -> Planned | Rejected | None:
        """Return what is to be embedded, why it is rejected, or None for a row that the table has."""
        mark = time.perf_counter()
        self.report.read += 1
        try:
            if isinstance(item, Rejected):
                return item
            vector = b"" if item.vector is None else item.vector.tobytes()
            found = content_hash(item.embed_text, item.title, item.text, item.extra, vector)
            state, stored = self.registry.meet(item.id, found)
            if state is State.UNCHANGED:
                self.report.skipped += 1
                return None
            if state is State.DUPLICATE:
                return Rejected(
                    item.place, "duplicate id: an earlier row of this run has it", item.id, item.text[:200]
                )
            texts, embed_texts = self._cut(item)
            return Planned(source, item, found, stored, texts, embed_texts)
        finally:
            self.report.seconds.reading += time.perf_counter() - mark

    def reject(self, transaction: Transaction, source: str, row: Rejected) -> None:
        """File a row as rejected."""
        if row.id is not None:
            self.registry.keep(row.id)
        self.report.count_reject(row.reason)
        transaction.rejects.append((source, row))

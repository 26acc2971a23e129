"""The committing thread's part of an ingest: pieces with vectors become one commit of the table."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vecindex.core.memory import give_back_memory
from vecindex.store.articles import ArticleTable
from vecindex.store.deleted import DeletedRows
from vecindex.store.maintenance import COMPACT_EVERY, maintain
from vecindex.types import Rejected
from vecindex.verbs.ingest.drops.drop import Drop, Version
from vecindex.verbs.ingest.drops.order import as_json
from vecindex.verbs.ingest.known.kept import SETTING as KEPT_FIELDS
from vecindex.verbs.ingest.plan import Planned
from vecindex.verbs.ingest.positions import keep_positions
from vecindex.verbs.ingest.prepare import Ready
from vecindex.verbs.ingest.rows import chunk_id, to_arrow
from vecindex.verbs.ingest.run import Run
from vecindex.verbs.languages import MUCH_UNKNOWN

if TYPE_CHECKING:
    import pyarrow as pa

_LOG = logging.getLogger(__name__)
# The heap of a model at work gets holes, some MB a transaction, which the C library would keep.
_TRIM_EVERY = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is to be done and counted once the rows of a transaction are in the table, without these.

    Attributes
    ----------
    number : of the transaction, where it has rows.
    rows : of the table.
    ids, versions : of its articles.
    changed : how many of them replace one.
    vectors, repeated, truncated, unknown, tokens : as the report counts them.
    """

    number: int
    rows: int
    ids: list[str]
    changed: int
    vectors: int
    repeated: int
    truncated: int
    unknown: int
    tokens: int
    versions: dict[str, Version]
    deletions: dict[str, Version]
    rejects: list[tuple[str, Rejected]]

    @classmethod
    def of(cls, ready: Ready, run: Run, number: int) -> Outcome:
        """Return that of a transaction whose pieces have their vectors."""
        made, transaction = ready.to_embed, ready.transaction
        return cls(
            number=number,
            rows=len(ready.pieces),
            ids=[row.row_id for row in transaction.rows],
            changed=len(changed_rows(ready)),
            vectors=len(ready.pieces) if run.precomputed else len(made),
            repeated=ready.repeated,
            truncated=sum(bool(piece.truncated) for piece in made),
            unknown=sum((piece.unknown_frac or 0) >= MUCH_UNKNOWN for piece in made),
            tokens=sum(piece.n_tokens or 0 for piece in made),
            versions={row.row_id: row.version for row in transaction.rows if row.version is not None},
            deletions=transaction.deletions,
            rejects=transaction.rejects,
        )


def changed_rows(ready: Ready) -> list[Planned]:
    """Return the articles of a transaction that replace one of the table."""
    return [row for row in ready.transaction.rows if row.stored_hash is not None]


class Committer:
    """Commits transactions in order, and keeps the table compact while the run goes on."""

    def __init__(self, run: Run, drop: Drop | None = None) -> None:
        """Take the run's state; the next transaction continues the table's numbers."""
        self._run, self._drop = run, drop
        self._deleted = DeletedRows(run.database, run.name, run.observer.notice)
        self._deletions = 0
        self.txn = 0
        if run.table is not None:
            # The last transaction's rows may have been deleted since; its number is not used again.
            last_run = run.table.setting("last_run") or {}
            self.txn = max(run.table.last_txn(), last_run.get("last_txn", 0))
        self.rejects_changed = False
        # What this run rejects is not mended by it: only older rejects are looked up.
        self._old_rejects = run.rejects.ready(run.name) > 0

    def commit(self, ready: Ready) -> None:
        """Write a transaction's rows as one commit, and its rejects as another."""
        run = self._run
        with run.report.seconds.measured("commit"):
            self._settle(ready)
            outcome = Outcome.of(ready, run, self.txn + 1)
            if ready.pieces:
                self._write(ready)
            self._finish(outcome)
        self._maintain_if_due(outcome)

    def finish(self) -> None:
        """Commit what waits for more: here nothing does."""

    def _settle(self, ready: Ready) -> None:
        """Store the choice of fields, and make the columns that are new."""
        run = self._run
        # Here, not where they were found: two commits at once to one table may refuse each other.
        if ready.kept_fields is not None and run.table is not None:
            run.table.set_setting(**{KEPT_FIELDS: ready.kept_fields})
        if ready.new_columns and run.table is not None:
            run.table.add_columns(ready.new_columns)

    def _finish(self, outcome: Outcome) -> None:
        """Do what follows once the rows of a transaction are in the table."""
        run = self._run
        if outcome.rows:
            self._count(outcome)
            if self._old_rejects:
                self.rejects_changed |= run.rejects.forget_stored(run.name, outcome.ids, run.id)
        if self._drop is not None:
            self._finish_drop(self._drop, outcome)
        if outcome.rejects:
            self.rejects_changed = True
            run.rejects.put(run.name, run.id, outcome.rejects)
        self._remember_budget()

    def _maintain_if_due(self, outcome: Outcome) -> None:
        n = self._run.report.transactions
        if (outcome.rows and n % COMPACT_EVERY == 0) or (outcome.deletions and self._deletions % COMPACT_EVERY == 0):
            self.maintain()
        elif outcome.rows and n % _TRIM_EVERY == 0:
            give_back_memory()

    def maintain(self) -> None:
        """Compact the table, and that of deleted rows if any was added, and remove their old versions."""
        with self._run.report.seconds.measured("maintenance"):
            if self._deletions:
                self._deleted.maintain()
            if self._run.table is not None:
                maintain(self._run.table, notice=self._run.notice_once)

    def _write(self, ready: Ready) -> None:
        table, changed = self._table(), changed_rows(ready)
        rows = self._rows(ready)
        if changed:
            table.replace(rows, self._gone_chunks(changed))
        else:
            table.append(rows)

    def _table(self) -> ArticleTable:
        assert self._run.table is not None, "there is a table once there are rows"
        return self._run.table

    def _rows(self, ready: Ready) -> pa.Table:
        """Return the rows of a transaction as the table takes them, under the next number."""
        run, table = self._run, self._table()
        rows = to_arrow(ready.pieces, run.columns, table.schema, self.txn + 1)
        if changed_rows(ready):
            replaced = [piece.planned.stored_hash is not None for piece in ready.pieces]
            rows = keep_positions(run.database, table, rows, replaced, run.observer.notice)
        self.txn += 1
        return rows

    def _count(self, outcome: Outcome) -> None:
        report = self._run.report
        report.transactions += 1
        report.changed += outcome.changed
        report.added += len(outcome.ids) - outcome.changed
        _LOG.info(
            "transaction %d of %s: %d rows; %d added and %d changed so far",
            outcome.number,
            self._run.where,
            outcome.rows,
            report.added,
            report.changed,
        )
        report.vectors += outcome.vectors
        report.repeated += outcome.repeated
        report.truncated += outcome.truncated
        report.unknown += outcome.unknown
        report.tokens += outcome.tokens

    def _finish_drop(self, drop: Drop, outcome: Outcome) -> None:
        """Delete what a drop says is deleted, and forget what is in the table now."""
        run, deletions = self._run, outcome.deletions
        ages = {row_id: as_json(one.order) for row_id, one in deletions.items() if one.order is not None}
        # First, so that a kill in between cannot let an older row come back.
        self._deleted.put(ages)
        self._deletions += bool(deletions)
        if deletions and run.table is not None:
            run.table.delete_ids(list(deletions), "article_id" if run.choice.chunking else "id")
        drop.committed(outcome.versions | deletions)

    def _gone_chunks(self, changed: Sequence[Planned]) -> list[str]:
        """Return the ids of chunks that the new cut of changed articles no longer has."""
        table = self._run.table
        if not self._run.choice.chunking or table is None:
            return []
        there = table.rows_by_id([row.article.id for row in changed], ["id"], key="article_id")
        here = {chunk_id(row.article.id, i) for row in changed for i in range(len(row.texts))}
        return [i for i in there.column("id").to_pylist() if i not in here]

    def _remember_budget(self) -> None:
        """Keep with the table a batch size that memory forced upon us, so that the next run starts with it.

        One that has grown back to the full size is forgotten.
        """
        run, encoder = self._run, self._run.encoder
        if encoder is None or run.table is None or run.options["batch_tokens"] is not None:
            return
        budget, device = encoder.budget, encoder.device_name
        stored = run.table.setting("batch_tokens") or {}
        kept = stored.pop(device, None)
        # The full size needs no remembering: it is what the next run starts with by itself.
        safe = budget.tokens if budget.tokens < budget.full else None
        if safe == kept:
            return
        if safe is not None and (kept is None or safe < kept):
            run.observer.notice(f"out of memory: batches are now of {safe:,} tokens, and the table remembers it")
        run.table.set_setting(batch_tokens=stored if safe is None else {**stored, device: safe})

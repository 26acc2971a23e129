"""The committing thread's part of an ingest: pieces with vectors become one commit of the table."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from vecindex.core.memory import give_back_memory
from vecindex.store.deleted import DeletedRows
from vecindex.store.maintenance import COMPACT_EVERY, maintain
from vecindex.verbs.ingest.drops.drop import Drop
from vecindex.verbs.ingest.drops.order import as_json
from vecindex.verbs.ingest.known.kept import SETTING as KEPT_FIELDS
from vecindex.verbs.ingest.plan import Planned, Transaction
from vecindex.verbs.ingest.positions import keep_positions
from vecindex.verbs.ingest.prepare import Ready
from vecindex.verbs.ingest.rows import chunk_id, to_arrow
from vecindex.verbs.ingest.run import Run
from vecindex.verbs.languages import MUCH_UNKNOWN

_LOG = logging.getLogger(__name__)
# The heap of a model at work gets holes, some MB a transaction, which the C library would keep.
_TRIM_EVERY = 10


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
            # Here, not where they were found: two commits at once to one table may refuse each other.
            if ready.kept_fields is not None and run.table is not None:
                run.table.set_setting(**{KEPT_FIELDS: ready.kept_fields})
            if ready.new_columns and run.table is not None:
                run.table.add_columns(ready.new_columns)
            if ready.pieces:
                self._write(ready)
                if self._old_rejects:
                    stored = [row.article.id for row in ready.transaction.rows]
                    self.rejects_changed |= run.rejects.forget_stored(run.name, stored, run.id)
            if self._drop is not None:
                self._finish_drop(self._drop, ready.transaction)
            if ready.transaction.rejects:
                self.rejects_changed = True
                run.rejects.put(run.name, run.id, ready.transaction.rejects)
            self._remember_budget()
        is_due = ready.pieces and run.report.transactions % COMPACT_EVERY == 0
        if is_due or (ready.transaction.deletions and self._deletions % COMPACT_EVERY == 0):
            self.maintain()
        elif ready.pieces and run.report.transactions % _TRIM_EVERY == 0:
            give_back_memory()

    def maintain(self) -> None:
        """Compact the table, and that of deleted rows if any was added, and remove their old versions."""
        with self._run.report.seconds.measured("maintenance"):
            if self._deletions:
                self._deleted.maintain()
            if self._run.table is not None:
                maintain(self._run.table, notice=self._run.notice_once)

    def _write(self, ready: Ready) -> None:
        run, table = self._run, self._run.table
        assert table is not None, "there is a table once there are rows"
        rows = to_arrow(ready.pieces, run.columns, table.schema, self.txn + 1)
        changed = [row for row in ready.transaction.rows if row.stored_hash is not None]
        if changed:
            replaced = [piece.planned.stored_hash is not None for piece in ready.pieces]
            rows = keep_positions(run.database, table, rows, replaced, run.observer.notice)
            table.replace(rows, self._gone_chunks(changed))
        else:
            table.append(rows)
        self.txn += 1
        report = run.report
        report.transactions += 1
        report.changed += len(changed)
        report.added += len(ready.transaction.rows) - len(changed)
        _LOG.info(
            "transaction %d of %s: %d rows; %d added and %d changed so far",
            self.txn,
            run.where,
            len(ready.pieces),
            report.added,
            report.changed,
        )
        report.vectors += len(ready.pieces) if run.precomputed else len(ready.to_embed)
        report.repeated += ready.repeated
        report.truncated += sum(bool(piece.truncated) for piece in ready.to_embed)
        report.unknown += sum((piece.unknown_frac or 0) >= MUCH_UNKNOWN for piece in ready.to_embed)
        report.tokens += sum(piece.n_tokens or 0 for piece in ready.to_embed)

    def _finish_drop(self, drop: Drop, transaction: Transaction) -> None:
        """Delete what a drop says is deleted, and forget what is in the table now."""
        run, deletions = self._run, transaction.deletions
        ages = {row_id: as_json(one.order) for row_id, one in deletions.items() if one.order is not None}
        # First, so that a kill in between cannot let an older row come back.
        self._deleted.put(ages)
        self._deletions += bool(deletions)
        if deletions and run.table is not None:
            run.table.delete_ids(list(deletions), "article_id" if run.choice.chunking else "id")
        written = {row.article.id: row.version for row in transaction.rows if row.version is not None}
        drop.committed(written | deletions)

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

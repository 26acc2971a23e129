"""The ingest: sources to table, one transaction at a time, safe to stop at any instant."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from vecindex.core.chunks import chunk_spans
from vecindex.core.identity import same_text
from vecindex.core.registry import Registry
from vecindex.core.vectors import normalize, row_cosines
from vecindex.embed.batching import TokenBudget
from vecindex.embed.precision import Precision
from vecindex.errors import ModelError, SourceError
from vecindex.pipeline.options import IngestOptions, ModelChoice, choose_model
from vecindex.pipeline.plan import Planned, Planner, Transaction, whole
from vecindex.pipeline.rows import Piece, chunk_id, misfit, new_columns, pieces_of, to_arrow
from vecindex.pipeline.stage import Ahead, Behind
from vecindex.sources.open import open_sources
from vecindex.store.articles import ArticleTable, as_matrix, isin
from vecindex.store.database import Database
from vecindex.store.maintenance import COMPACT_EVERY, maintain, sweep
from vecindex.types import (
    Chunking,
    Estimate,
    Fingerprint,
    IngestReport,
    Observer,
    Progress,
    Rejected,
    Silent,
)

if TYPE_CHECKING:
    from vecindex.embed.encoder import Encoder, Tokens
    from vecindex.sources.articles import Article

log = logging.getLogger(__name__)

_PROBE_TEXTS = 48
_VERIFY_TEXTS = 16
_VERIFY_COSINE = 0.99
_DELETE_IDS = 1_000
# What a row takes beside its vector and its text: id, hash, counts, and the store's own overhead.
_ROW_OVERHEAD_BYTES = 120


class Stop:
    """The user's wish to stop: set from anywhere, honoured after the transaction in flight."""

    def __init__(self) -> None:
        """Start unset."""
        self._event = threading.Event()

    def request(self) -> None:
        """Ask the run to finish its transaction and stop."""
        self._event.set()

    def __call__(self) -> bool:
        """Return whether it was asked."""
        return self._event.is_set()


@dataclasses.dataclass(slots=True)
class _Ready:
    """A transaction with its pieces, tokenised where they still need the model."""

    transaction: Transaction
    pieces: list[Piece]
    to_embed: list[Piece]
    tokens: Tokens | None


def ingest(
    database: Database,
    table: str,
    sources: Sequence[str],
    options: IngestOptions,
    observer: Observer | None = None,
    stop: Stop | None = None,
    stdin: BinaryIO | None = None,
) -> IngestReport:
    """Bring a table up to date with the sources; see `Index.ingest` for what that means.

    Raises
    ------
    SourceError, ModelError, StoreError, ConfigError
        What was committed before the fault stays; running again goes on from there.
    """
    opened = open_sources(
        list(sources),
        format=options.format,
        vector_field=options.vector_field,
        vectors=options.vectors,
        stdin=stdin,
    )
    run = _Run(database, table, opened, options, observer or Silent(), stop or Stop())
    if options.dry_run:
        return run.rehearse()
    with database.writer():
        return run.perform()


class _Run:
    """One run of ingest, from the open sources to its report."""

    def __init__(
        self,
        database: Database,
        name: str,
        sources: Sequence[Any],
        options: IngestOptions,
        observer: Observer,
        stop: Stop,
    ) -> None:
        self.database, self.name, self.sources = database, name, sources
        self.options, self.observer, self.stop = options, observer, stop
        self.where = f"{database.uri}/{name}"
        self.id = uuid.uuid4().hex[:12]
        self.report = IngestReport(table=name)
        self.table: ArticleTable | None = database.articles(name) if database.has(name) else None
        stored = self.table.fingerprint if self.table else None
        self.choice: ModelChoice = choose_model(options, stored, self.where, need_files=not options.ready_made)
        self.fingerprint: Fingerprint | None = stored
        self.encoder: Encoder | None = None
        self.columns: dict[str, Any] = {f.name: f for f in self.table.extra_columns} if self.table else {}
        self.txn = 0
        self.started = time.perf_counter()
        self._embedded = 0
        self._rows_done = 0
        self._estimated = False
        self._budget_kept: int | None = None

    # -- the two ways to run ------------------------------------------------------------------------------

    def rehearse(self) -> IngestReport:
        """Read everything, embed nothing: count what a run would do, and estimate its time and disk."""
        planner = self._planner()
        vectors = text_bytes = 0
        sample: list[str] = []
        for transaction in planner.transactions(self.stop):
            vectors += transaction.n_vectors
            text_bytes += sum(len(text.encode()) for row in transaction.rows for text in row.texts)
            if len(sample) < _PROBE_TEXTS:
                sample += [text for row in transaction.rows for text in row.embed_texts][:_PROBE_TEXTS]
        self._count_missing(planner)
        rate = None
        if sample and not self.options.ready_made:
            self._load_encoder(sample)
            rate = self._encoder.probe_rate(sample[:_PROBE_TEXTS])
        self._tell_estimate(vectors, True, rate, text_bytes / max(1, vectors))
        self.report.vectors = vectors
        return self._close()

    def perform(self) -> IngestReport:
        """Embed and commit."""
        if self.table is not None:
            sweep(self.table, self.database.folder)
            self.txn = self.table.last_txn()
        planner = self._planner()
        commits: Behind[tuple[_Ready, int]] = Behind(self._commit, depth=2)
        ahead: Ahead[_Ready] = Ahead(self._prepared(planner), depth=2)
        try:
            for ready in ahead:
                self._embed(ready)
                commits.give((ready, ready.transaction.read))
                if self.stop():
                    break
        finally:
            ahead.close()
            commits.finish()
        if self.stop() and not planner.complete:
            self.report.interrupted = True
        else:
            self._finish_complete_run(planner)
        if self.table is not None:
            self._tidy_up()
        return self._close()

    def _planner(self) -> Planner:
        known = self.table.known_rows() if self.table else iter(())
        registry = Registry(known)
        cut = self._cut if self.choice.chunking else whole
        return Planner(self.sources, self.options, self.choice.text_template, registry, self.report, cut)

    # -- before the model: the reading thread -------------------------------------------------------------

    def _prepared(self, planner: Planner) -> Iterator[_Ready]:
        for transaction in planner.transactions(self.stop):
            if transaction.rows:
                self._settle(transaction)
            yield self._prepare(planner, transaction)

    def _settle(self, transaction: Transaction) -> None:
        """Load the model and make the table, once there is something to put in it."""
        texts = [text for row in transaction.rows for text in row.embed_texts]
        if self.options.ready_made:
            if self.table is None:
                self.fingerprint = self._fingerprint_of_ready_made(transaction.rows)
        else:
            self._load_encoder(texts)
        if self.table is None:
            assert self.fingerprint is not None
            fields = new_columns(transaction.rows, [])
            self.table = self.database.create_articles(self.name, self.fingerprint, fields, {})
            self.columns = {f.name: f for f in fields}
        if not self._estimated:
            self._estimated = True
            rate = None if self.options.ready_made else self._encoder.probe_rate(texts[:_PROBE_TEXTS])
            mean_bytes = float(np.mean([len(text.encode()) for row in transaction.rows for text in row.texts]))
            self._tell_estimate(self._rows_hint(transaction), False, rate, mean_bytes)

    def _prepare(self, planner: Planner, transaction: Transaction) -> _Ready:
        assert self.table is not None or not transaction.rows
        fresh = new_columns(transaction.rows, list(self.columns.values()))
        if fresh and self.table is not None:
            self.table.add_columns(fresh)
            self.columns.update({f.name: f for f in fresh})
        kept = []
        for row in transaction.rows:
            bad = misfit(row, self.columns) or self._bad_vector(row)
            if bad is None:
                kept.append(row)
            else:
                planner.reject(transaction, self._source_of(row), bad)
        transaction.rows = kept
        pieces = pieces_of(kept)
        if self.options.ready_made:
            for piece in pieces:
                piece.vector = normalize(piece.planned.article.vector[None, :])[0]  # type: ignore[index]
            return _Ready(transaction, pieces, [], None)
        self._reuse_vectors(pieces)
        to_embed = [piece for piece in pieces if piece.vector is None]
        mark = time.perf_counter()
        tokens = None
        if to_embed:
            tokens = self._encoder.tokenize([p.planned.embed_texts[p.chunk] for p in to_embed])
            for piece, count, cut in zip(to_embed, tokens.counts, tokens.truncated, strict=True):
                piece.n_tokens, piece.truncated = int(count), bool(cut)
        self.report.seconds.tokenizing += time.perf_counter() - mark
        return _Ready(transaction, pieces, to_embed, tokens)

    def _source_of(self, row: Planned) -> str:
        if len(self.sources) == 1:
            return str(self.sources[0].name)
        return next((s.name for s in self.sources if row.article.place.startswith(s.name)), self.sources[0].name)

    def _bad_vector(self, row: Planned) -> Rejected | None:
        if not self.options.ready_made:
            return None
        article, dimension = row.article, self._print.dimension
        if article.vector is None:
            reason = "no vector"
        elif len(article.vector) != dimension:
            reason = f"wrong vector: {len(article.vector)} values, the table has {dimension}"
        else:
            return None
        return Rejected(article.place, reason, article.id, article.text[:200])

    def _reuse_vectors(self, pieces: list[Piece]) -> None:
        """Give pieces whose text is unchanged (only their fields are) the vectors that the table has."""
        same = {
            p.planned.article.id: p
            for p in pieces
            if p.planned.stored_hash and same_text(p.planned.stored_hash, p.planned.hash)
        }
        if not same or self.choice.chunking or self.table is None:
            return
        found = self.table.rows_by_id(list(same), ["id", "vector", "n_tokens", "truncated"])
        vectors = as_matrix(found.column("vector").combine_chunks(), self._print.dimension)
        rows = found.select(["id", "n_tokens", "truncated"]).to_pylist()
        for row, vector in zip(rows, vectors, strict=True):
            piece = same[row["id"]]
            piece.vector, piece.n_tokens, piece.truncated = vector.copy(), row["n_tokens"], row["truncated"]

    def _cut(self, article: Article) -> tuple[list[str], list[str]]:
        """Cut an article into chunks; what the template puts around the text goes around each of them."""
        chunking = self.choice.chunking
        assert chunking is not None
        if self.encoder is None:
            self._load_encoder([article.embed_text])
        encoder = self._encoder
        head, _, tail = article.embed_text.rpartition(article.text)
        room = encoder.max_tokens - encoder.count_tokens(head + tail)
        size = max(1, min(chunking.tokens or encoder.max_tokens, room))
        overlap = min(chunking.overlap, size - 1)
        spans = chunk_spans(article.text, encoder.token_spans(article.text), size, overlap)
        texts = [article.text[a:b] for a, b in spans]
        return texts, [head + text + tail for text in texts]

    # -- the model ----------------------------------------------------------------------------------------

    @property
    def _encoder(self) -> Encoder:
        assert self.encoder is not None, "the encoder is loaded before it is used"
        return self.encoder

    @property
    def _print(self) -> Fingerprint:
        assert self.fingerprint is not None, "the fingerprint is settled before it is used"
        return self.fingerprint

    def _load_encoder(self, texts: Sequence[str]) -> None:
        if self.encoder is not None:
            return
        from vecindex.embed.encoder import Encoder

        choice = self.choice
        if choice.files is None:
            raise ModelError(
                f"The vectors of {self.where} are said to be of {choice.name}, which is not at hand to make more.",
                "Bring ready-made vectors (--vectors, --vector-field), or make the model available.",
            )
        encoder = Encoder.load(
            choice.files,
            device=self.options.device,
            precision=Precision(self.options.precision),
            max_tokens=choice.max_tokens,
            prompt=choice.prompt,
            trust_remote_code=self.options.trust_remote_code,
        )
        self._set_budget(encoder)
        encoder.check(texts)
        self.encoder = encoder
        self.report.device, self.report.precision = encoder.device_name, encoder.precision.value
        self.report.precision_cosine = encoder.precision_cosine
        made = fingerprint_of(encoder, choice)
        if self.fingerprint is None:
            self.fingerprint = made
        elif differences := self.fingerprint.differences(made):
            told = "; ".join(f"{what}: the table has {here}, the model gives {there}" for what, here, there in differences)
            raise ModelError(
                f"{choice.name} no longer makes the vectors that {self.where} holds ({told}).",
                "Bring back the model as it was, or begin another table: --table NAME",
            )

    def _set_budget(self, encoder: Encoder) -> None:
        usual = encoder.budget.tokens
        if self.options.batch_tokens is not None:
            encoder.budget = TokenBudget(self.options.batch_tokens)
        elif self.table is not None:
            safe = (self.table.setting("batch_tokens") or {}).get(encoder.device_name)
            if safe is not None:
                encoder.budget = TokenBudget(int(safe), ceiling=usual)
        self._budget_kept = encoder.budget.tokens

    def _fingerprint_of_ready_made(self, rows: Sequence[Planned]) -> Fingerprint:
        """Return the fingerprint for vectors that the source brings, checked against the model they are said to be of."""
        dimension = next((len(r.article.vector) for r in rows if r.article.vector is not None), 0)
        if not dimension:
            raise SourceError("None of the first rows has a vector.", "Check --vector-field or --vectors.")
        texts = [row for row in rows if row.article.vector is not None and row.article.embed_text.strip()]
        if self.options.unverified or self.choice.files is None or not texts:
            self.observer.notice(f"vectors are kept as of {self.choice.name}, unverified")
            return Fingerprint(
                model=self.choice.name,
                weights="unknown",
                revision=self.options.revision,
                dimension=dimension,
                pooling="unknown",
                prompt=self.choice.prompt or "",
                max_tokens=self.choice.max_tokens or 0,
                text_template=self.choice.text_template,
                chunking=None,
            )
        sample = texts[:: max(1, len(texts) // _VERIFY_TEXTS)][:_VERIFY_TEXTS]
        self._load_encoder([row.article.embed_text for row in sample])
        ours = self._encoder.embed_texts([row.article.embed_text for row in sample], self._encoder.prompt)
        if dimension != self._encoder.dimension:
            raise ModelError(
                f"The vectors have {dimension} values, those of {self.choice.name} {self._encoder.dimension}.",
                "Name the model that made them: --model NAME",
            )
        cosines = row_cosines(ours, np.stack([row.article.vector for row in sample]))
        median = float(np.median(cosines))
        if median < _VERIFY_COSINE:
            raise ModelError(
                f"The vectors are not those of {self.choice.name} for these texts: median cosine {median:.3f} over "
                f"{len(sample)} rows, at least {_VERIFY_COSINE} expected.",
                "Name the right --model, --max-tokens, --prompt or --text-template; or add --unverified to keep them as "
                "they are.",
            )
        self.observer.notice(f"vectors verified as {self.choice.name}: median cosine {median:.4f} over {len(sample)} rows")
        return self._print

    def _embed(self, ready: _Ready) -> None:
        """Put the transaction's tokens through the model, and its rows that fail by themselves aside."""
        if ready.tokens is None:
            self._rows_done += ready.transaction.read
            self._tell_progress()
            return
        mark = time.perf_counter()
        encoded = self._encoder.embed(ready.tokens, done=self._count_embedded)
        self.report.seconds.model += time.perf_counter() - mark
        self._rows_done += ready.transaction.read
        for i, piece in enumerate(ready.to_embed):
            piece.vector = encoded.vectors[i]
        if encoded.failed:
            self._drop_failed(ready, {id(ready.to_embed[i].planned): why for i, why in encoded.failed.items()})
        self.report.batch_tokens = self._encoder.budget.tokens
        self._tell_progress()

    def _drop_failed(self, ready: _Ready, failed: dict[int, str]) -> None:
        for row in ready.transaction.rows:
            if id(row) in failed:
                article = row.article
                reason = f"cannot be embedded: {failed[id(row)]}"
                bad = Rejected(article.place, reason, article.id, article.text[:200])
                ready.transaction.rejects.append((self._source_of(row), bad))
                self.report.rejected += 1
                counts = self.report.reject_reasons
                counts["cannot be embedded"] = counts.get("cannot be embedded", 0) + 1
        ready.transaction.rows = [row for row in ready.transaction.rows if id(row) not in failed]
        ready.pieces = [piece for piece in ready.pieces if id(piece.planned) not in failed]

    def _count_embedded(self, n: int) -> None:
        self._embedded += n
        self._tell_progress()

    # -- after the model: the committing thread -----------------------------------------------------------

    def _commit(self, item: tuple[_Ready, int]) -> None:
        ready, _ = item
        mark = time.perf_counter()
        transaction, report = ready.transaction, self.report
        if ready.pieces:
            assert self.table is not None
            self.txn += 1
            rows = to_arrow(ready.pieces, self.table.schema, self.txn)
            changed = [row for row in transaction.rows if row.stored_hash is not None]
            if changed:
                self.table.replace(rows, self._gone_chunks(changed))
            else:
                self.table.append(rows)
            report.transactions += 1
            report.changed += len(changed)
            report.added += len(transaction.rows) - len(changed)
            report.vectors += len(ready.to_embed) or (len(ready.pieces) if self.options.ready_made else 0)
            report.truncated += sum(bool(piece.truncated) for piece in ready.pieces)
            report.tokens += sum(piece.n_tokens or 0 for piece in ready.to_embed)
        if transaction.rejects:
            self.database.rejects().put(self.name, self.id, transaction.rejects)
        self._keep_budget()
        report.seconds.commit += time.perf_counter() - mark
        if report.transactions % COMPACT_EVERY == 0 and ready.pieces:
            self._maintain()

    def _gone_chunks(self, changed: Sequence[Planned]) -> list[str]:
        """Return the ids of chunks that the new cut of changed articles no longer has."""
        if not self.choice.chunking or self.table is None:
            return []
        there = self.table.rows_by_id([row.article.id for row in changed], ["id"], key="article_id")
        here = {chunk_id(row.article.id, i) for row in changed for i in range(len(row.texts))}
        return [i for i in there.column("id").to_pylist() if i not in here]

    def _keep_budget(self) -> None:
        """Remember a batch size that memory forced upon us, so that the next run starts with it."""
        if self.encoder is None or self.table is None or self.options.batch_tokens is not None:
            return
        tokens = self.encoder.budget.tokens
        if self._budget_kept is not None and tokens < self._budget_kept:
            self.observer.notice(f"out of memory: batches are now of {tokens:,} tokens, and the table remembers it")
            kept = self.table.setting("batch_tokens") or {}
            self.table.set_setting(batch_tokens={**kept, self.encoder.device_name: tokens})
            self._budget_kept = tokens

    def _maintain(self) -> None:
        assert self.table is not None
        mark = time.perf_counter()
        maintain(self.table)
        self.report.seconds.maintenance += time.perf_counter() - mark

    # -- the end ------------------------------------------------------------------------------------------

    def _finish_complete_run(self, planner: Planner) -> None:
        self.database.rejects().forget(self.name, [s.name for s in self.sources], self.id)
        self._count_missing(planner)
        if self.options.prune and self.report.missing and self.table is not None:
            if not self.report.read:
                raise SourceError("The sources hold no rows at all; nothing is pruned.", "Check the sources.")
            self.observer.notice(f"pruning {self.report.missing:,} rows that the sources no longer hold")
            self._prune(planner.registry)

    def _count_missing(self, planner: Planner) -> None:
        self.report.missing = planner.registry.n_unmet if planner.complete else 0

    def _prune(self, registry: Registry) -> None:
        assert self.table is not None
        key = "article_id" if self.choice.chunking else "id"
        gone = [i for ids, _ in self.table.known_rows() for i in ids if registry.is_unmet(i)]
        for at in range(0, len(gone), _DELETE_IDS):
            self.table.delete(isin(key, gone[at : at + _DELETE_IDS]))
        self.report.pruned, self.report.missing = len(gone), 0

    def _tidy_up(self) -> None:
        """Leave a compact table that knows how its last run went; a run that changed nothing leaves no trace."""
        assert self.table is not None
        report = self.report
        if not (report.transactions or report.pruned):
            return
        self._maintain()
        report.rows_in_table = self.table.count()
        report.seconds.wall = time.perf_counter() - self.started
        summary = {**report.to_dict(), "run": self.id, "last_txn": self.txn, "ended_at": datetime.now(UTC).isoformat()}
        self.table.set_setting(last_run=summary)

    def _close(self) -> IngestReport:
        self.report.rows_in_table = self.table.count() if self.table else 0
        self.report.seconds.wall = time.perf_counter() - self.started
        return self.report

    # -- telling ------------------------------------------------------------------------------------------

    def _rows_total(self) -> int | None:
        hints = [source.count_hint() for source in self.sources]
        return None if any(hint is None for hint in hints) else sum(hint or 0 for hint in hints)

    def _rows_hint(self, first: Transaction) -> int | None:
        total = self._rows_total()
        if total is None or self.table is None:
            return None
        # Rows that the table has are as a rule the ones that the source begins with.
        return max(first.n_vectors, total - self.table.count())

    def _tell_estimate(self, rows: int | None, exact: bool, rate: float | None, text_bytes: float) -> None:
        dimension = self.fingerprint.dimension if self.fingerprint else 0
        per_row = 4 * dimension + text_bytes + _ROW_OVERHEAD_BYTES
        self.observer.estimate(
            Estimate(
                rows=rows,
                exact=exact,
                texts_per_s=rate,
                seconds=rows / rate if rows is not None and rate else None,
                disk_bytes=None if rows is None else int(rows * per_row),
                free_bytes=free_bytes(self.database),
                device=self.report.device,
                precision=self.report.precision,
                precision_cosine=self.report.precision_cosine,
            )
        )

    def _tell_progress(self) -> None:
        busy = self.report.seconds.model or time.perf_counter() - self.started
        encoder = self.encoder
        self.observer.progress(
            Progress(
                rows=self._rows_done,
                total=self._rows_total(),
                embedded=self._embedded,
                texts_per_s=self._embedded / max(busy, 1e-9),
                batch_tokens=encoder.budget.tokens if encoder else 0,
                device=self.report.device,
                precision=self.report.precision,
            )
        )


def fingerprint_of(encoder: Encoder, choice: ModelChoice) -> Fingerprint:
    """Return the fingerprint of the vectors that an encoder makes."""
    chunking = choice.chunking
    if chunking is not None and not chunking.tokens:
        chunking = Chunking(encoder.max_tokens, chunking.overlap)
    return Fingerprint(
        model=encoder.files.name,
        weights=encoder.files.weights,
        revision=encoder.files.revision,
        dimension=encoder.dimension,
        pooling=encoder.pooling,
        prompt=encoder.prompt,
        max_tokens=encoder.max_tokens,
        text_template=choice.text_template,
        chunking=chunking,
    )


def free_bytes(database: Database) -> int | None:
    """Return the bytes free where a local database lies, or will lie; None for a remote one."""
    if database.folder is None:
        return None
    folder = database.folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free

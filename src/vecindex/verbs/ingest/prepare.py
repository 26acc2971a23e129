"""The reading thread's part of an ingest: rows become pieces that are ready for the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from vecindex.core.identity import same_text
from vecindex.core.vectors import F32, normalize
from vecindex.schema import field_of
from vecindex.store.articles import as_matrix
from vecindex.verbs.ingest.chunks import chunk_spans
from vecindex.verbs.ingest.given.vectors import settle_fingerprint
from vecindex.verbs.ingest.plan import Planned, Planner, Transaction, rejected
from vecindex.verbs.ingest.rate import first_rate
from vecindex.verbs.ingest.rows import Piece, given_vector, misfits
from vecindex.verbs.ingest.run import Run
from vecindex.verbs.languages import NOTHING_KNOWN

if TYPE_CHECKING:
    import pyarrow as pa

    from vecindex.embed.encoder import Tokens
    from vecindex.sources.articles import Article

# Fields that one notice names.
_NAMED = 10


Given = Mapping[int, F32 | str]
"""Vectors of some texts of a transaction, or why one has none, by the numbers of the texts."""


@dataclass(slots=True)
class Ready:
    """A transaction with its pieces.

    `to_embed` are the pieces that still need a vector; `texts` theirs, equal ones once, which leaves out `repeated`
    ones, and `tokens` those of these texts; `text_of` (pieces,) is which of these each piece has; `made` are vectors
    that the first estimate made of some texts. `new_columns` the table lacks until it is committed; `kept_fields` is
    the choice of fields to store, None where it is stored.
    """

    transaction: Transaction
    pieces: list[Piece] = field(default_factory=list)
    to_embed: list[Piece] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    tokens: Tokens | None = None
    text_of: list[int] = field(default_factory=list)
    made: Given = field(default_factory=dict)
    repeated: int = 0
    new_columns: list[pa.Field] = field(default_factory=list)
    kept_fields: dict[str, Any] | None = None

    def first(self, rows: int) -> Ready:
        """Take the first rows out, to be committed before the others.

        Rejects, deletions and the count of other input rows stay with the others: they stand once all is committed.
        New columns and the choice of fields come with the first rows.
        """
        transaction = self.transaction
        # One stays with the others, by which the run knows that they are still to come.
        read = min(rows, max(0, transaction.read - 1))
        taken_out = Transaction(transaction.rows[:rows], read=read)
        part = Ready(taken_out, new_columns=self.new_columns, kept_fields=self.kept_fields)
        transaction.read -= read
        transaction.rows, self.new_columns, self.kept_fields = transaction.rows[rows:], [], None
        taken = {id(row) for row in part.transaction.rows}
        part.pieces = [piece for piece in self.pieces if id(piece.planned) in taken]
        self.pieces = [piece for piece in self.pieces if id(piece.planned) not in taken]
        pairs, tokens, texts = list(zip(self.to_embed, self.text_of, strict=True)), self.tokens, self.texts
        made = self.made
        for ready, mine in ((part, True), (self, False)):
            some = [(piece, i) for piece, i in pairs if (id(piece.planned) in taken) == mine]
            wanted = sorted({i for _, i in some})
            number = {i: at for at, i in enumerate(wanted)}
            ready.to_embed, ready.text_of = [piece for piece, _ in some], [number[i] for _, i in some]
            ready.texts = [texts[i] for i in wanted]
            ready.tokens = tokens.some(wanted) if tokens is not None and wanted else None
            ready.made = {number[i]: vector for i, vector in made.items() if i in number}
            ready.repeated = len(some) - len(wanted)
        return part


class Preparer:
    """Loads the model and makes the table once there is something to put in it; tokenises every transaction."""

    def __init__(self, run: Run) -> None:
        """Take the run's state."""
        self._run = run
        self._estimated = False

    def prepared(self, planner: Planner) -> Iterator[Ready]:
        """Yield the planner's transactions, ready for the model."""
        for transaction in planner.transactions(self._run.stop):
            if transaction.rows and not self._settle(transaction):
                return
            if not transaction.rows:
                yield Ready(transaction)
                continue
            ready = self.prepare(planner, transaction)
            ready.kept_fields = self._run.kept.to_store()
            yield ready

    def cut(self, article: Article) -> tuple[list[str], list[str]] | str:
        """Cut an article into chunks, what the template puts around its text around each; or say why it cannot be."""
        chunking = self._run.choice.chunking
        assert chunking is not None, "only a chunked table cuts"
        encoder = self._run.load_encoder()
        with self._run.report.seconds.measured("tokenizing"):
            head, found, tail = article.embed_text.rpartition(article.text)
            if not found:
                return "the text template leaves the text out: there is nothing to cut"
            wanted = chunking.tokens or encoder.max_tokens
            room = encoder.max_tokens - encoder.count_tokens(head + tail)
            if room < max(1, min(wanted, encoder.max_tokens) // 4):
                return "what the template puts around the text leaves no room for it"
            size = min(wanted, room)
            overlap = min(chunking.overlap, size // 2)
            spans = chunk_spans(article.text, encoder.token_spans(article.text), size, overlap)
            texts = [article.text[a:b] for a, b in spans]
            return texts, [head + text + tail for text in texts]

    def _settle(self, transaction: Transaction) -> bool:
        """Settle what makes the vectors and make the table, before its first rows; return whether to go on."""
        run = self._run
        if run.precomputed and not self._estimated:
            settle_fingerprint(run, transaction.rows)
            self._estimate(transaction, None)
        if run.table is None:
            if not run.precomputed:
                run.load_encoder()
            if run.stop():
                # Nobody waits long for a model that is loading: the writer lock may be another's by now.
                return False
            fields = self._new_columns(transaction)
            half = run.options["store"] == "float16"
            run.table = run.database.create_articles(run.name, run.known_fingerprint, fields, run.empty, half)
        return True

    def _estimate(self, first: Transaction, rate: float | None) -> None:
        """Report a guess of what the run will cost: all rows that were not read yet are taken for new ones."""
        run, rows = self._run, None
        self._estimated = True
        mean_bytes = float(np.mean([len(text.encode()) for row in first.rows for text in row.texts]))
        if run.rows_total is not None:
            articles = max(0, run.rows_total - run.report.read) + len(first.rows)
            rows = round(articles * first.n_vectors / len(first.rows))
        run.report_estimate(rows, False, rate, mean_bytes)

    def prepare(self, planner: Planner, transaction: Transaction) -> Ready:
        """Return a transaction that has rows, ready for the model; the table is settled."""
        fresh = self.check_fields(planner, transaction, self._run.known_fingerprint.dimension)
        run, pieces = self._run, [Piece(row, i) for row in transaction.rows for i in range(len(row.texts))]
        if run.precomputed and pieces:
            vectors = normalize(np.stack([given_vector(piece.planned.article) for piece in pieces]))
            for piece, vector in zip(pieces, vectors, strict=True):
                piece.vector = vector
        else:
            self._reuse_vectors(pieces)
        to_embed = [piece for piece in pieces if piece.vector is None]
        ready = Ready(transaction, pieces, to_embed, new_columns=fresh)
        if ready.to_embed:
            texts, ready.text_of = _each_once([piece.planned.embed_texts[piece.chunk] for piece in ready.to_embed])
            ready.texts, ready.repeated = texts, len(to_embed) - len(texts)
            run.check_encoder(texts)
            with run.report.seconds.measured("tokenizing"):
                ready.tokens = tokens = run.load_encoder().tokenize(texts)
                _put_counts(ready, tokens)
            if not self._estimated:
                run.look_at_language(texts)
                rate, ready.made = first_rate(run, tokens)
                self._estimate(transaction, rate)
            _reject_unknown(planner, ready)
        return ready

    def _new_columns(self, transaction: Transaction) -> list[pa.Field]:
        """Return the columns that the table lacks for these rows, and report which of them have other names."""
        fresh = self._run.columns.extend(row.article.extra for row in transaction.rows)
        renamed = [f"{field!r} as {column.name!r}" for column in fresh if (field := field_of(column)) != column.name]
        if renamed:
            more = f" and {len(renamed) - _NAMED:,} more" if len(renamed) > _NAMED else ""
            self._run.observer.notice(f"fields stored under other names: {', '.join(renamed[:_NAMED])}{more}")
        return fresh

    def check_fields(self, planner: Planner, transaction: Transaction, dimension: int) -> list[pa.Field]:
        """Reject rows whose fields or own vectors do not fit the table; return the columns that are new with them."""
        fresh = self._new_columns(transaction)
        while True:
            found = misfits([row.article for row in transaction.rows], self._run.columns, dimension)
            judged = list(zip(transaction.rows, found, strict=True))
            bad = [(row, why) for row, why in judged if why is not None]
            if not bad:
                return fresh
            transaction.rows = [row for row, why in judged if why is None]
            # Rows that a bad one displaced may come back, with fields of their own.
            planner.take_back(transaction, bad)
            fresh += self._new_columns(transaction)

    def keeps_vector(self, row: Planned) -> bool:
        """Return whether the table has the vector of an article already: only its other fields have changed."""
        if self._run.choice.chunking or self._run.precomputed or row.stored_hash is None:
            return False
        return same_text(row.stored_hash, row.hash)

    def _reuse_vectors(self, pieces: list[Piece]) -> None:
        """Give pieces whose text is unchanged the vectors that the table has."""
        same = {piece.planned.article.id: piece for piece in pieces if self.keeps_vector(piece.planned)}
        table = self._run.table
        if not same or table is None:
            return
        counts = [name for name in ("n_tokens", "truncated", "unknown_frac") if name in table.schema.names]
        found = table.rows_by_id(list(same), ["id", "vector", *counts])
        vectors = as_matrix(found.column("vector").combine_chunks(), self._run.known_fingerprint.dimension)
        rows = found.select(["id", *counts]).to_pylist()
        for row, vector in zip(rows, vectors, strict=True):
            piece = same[row["id"]]
            piece.vector = vector.copy()
            for name in counts:
                setattr(piece, name, row[name])


def _each_once(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """Return the texts without repetitions, in their order, and for each given one which of these it is.

    >>> _each_once(["b", "a", "b"])
    (['b', 'a'], [0, 1, 0])
    """
    numbers: dict[str, int] = {}
    which = [numbers.setdefault(text, len(numbers)) for text in texts]
    return list(numbers), which


def _put_counts(ready: Ready, tokens: Tokens) -> None:
    """Note with each piece what the model reads of its text."""
    for piece, i in zip(ready.to_embed, ready.text_of, strict=True):
        piece.n_tokens, piece.truncated = int(tokens.counts[i]), bool(tokens.truncated[i])
        piece.unknown_frac = 0.0 if tokens.unknown is None else float(tokens.unknown[i])


def _reject_unknown(planner: Planner, ready: Ready) -> None:
    """Reject articles of which the model knows no token: all of them would have one and the same vector."""
    known = {id(piece.planned) for piece in ready.pieces if piece.unknown_frac != 1}
    lost = [row for row in ready.transaction.rows if id(row) not in known]
    if not lost:
        return
    reason = f"{NOTHING_KNOWN}: every token is unknown to it"
    planner.take_back(ready.transaction, [(row, rejected(row.article, reason)) for row in lost])
    ready.transaction.rows = [row for row in ready.transaction.rows if id(row) in known]
    ready.pieces = [piece for piece in ready.pieces if id(piece.planned) in known]
    left = [(piece, i) for piece, i in zip(ready.to_embed, ready.text_of, strict=True) if id(piece.planned) in known]
    ready.to_embed, ready.text_of = [piece for piece, _ in left], [i for _, i in left]
    ready.repeated = len(left) - len(set(ready.text_of))
    if not left:
        ready.tokens = None

"""The main thread's part of an ingest: the texts of transactions go through the model, and what fails is rejected."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from vecindex.embed.encoder import Encoded, Tokens
from vecindex.errors import ModelError
from vecindex.messages import option, text
from vecindex.verbs.ingest.drops.drop import REPLACED, Deletion
from vecindex.verbs.ingest.known.recent import RecentVectors
from vecindex.verbs.ingest.plan import Planned, Planner, Transaction, rejected
from vecindex.verbs.ingest.prepare import Given, Preparer, Ready
from vecindex.verbs.ingest.run import Run

# Of the time that a part may take, what it is planned to take.
_SHARE = 0.75
# So many texts of parts may fail one after another before it is the device that is at fault.
_FEW_TEXTS = 32


class Embedder:
    """Puts transactions through the model, in their order.

    Of a drop it keeps the versions that were left out for a newer one that fails in the model: `second_chances` gives
    them once all others are embedded.
    """

    def __init__(self, run: Run, planner: Planner, preparer: Preparer, every_s: float) -> None:
        """Take the run's state, what plans and prepares its transactions, and the seconds that a kill may cost."""
        self._run, self._planner, self._preparer = run, planner, preparer
        self._every_s = every_s
        self._pace: float | None = None
        self._failing = 0
        self._recent = RecentVectors()
        self._failed: dict[str, str | None] = {}
        self._displaced: list[Planned | Deletion] = []
        self._are_second = self._in_parts = False

    def missing(self, ready: Ready) -> list[int]:
        """Return which texts of a transaction are still to be embedded."""
        wanted = sorted(set(ready.text_of) - ready.made.keys())
        return [i for i in wanted if self._recent.get(ready.texts[i]) is None]

    def parts(self, ready: Ready) -> Iterator[Ready]:
        """Embed a transaction, and yield it; in parts of some rows where the model takes long.

        A part takes about the time that a kill may cost. How long the model takes for a token is known from the
        transactions before, for the first one from the estimate.
        """
        is_part = False
        while (rows := self._rows_in_time(ready)) < len(ready.transaction.rows):
            part, is_part = ready.first(rows), True
            self._in_parts = True
            self.embed(part, is_part=True)
            yield part
        self.embed(ready, is_part=is_part)
        self._in_parts = False
        yield ready

    def _rows_in_time(self, ready: Ready) -> int:
        """Return how many rows may go through the model before they are committed: all, where these do."""
        rows, estimate, every_s = ready.transaction.rows, self._run.report.estimate, self._every_s
        if ready.tokens is None:
            return len(rows)
        lengths = [len(ids) for ids in ready.tokens.ids]
        pace = self._pace
        if pace is None and estimate is not None and estimate.texts_per_s:
            pace = len(lengths) / estimate.texts_per_s / max(1, sum(lengths))
        of_row = dict.fromkeys(map(id, rows), 0)
        for piece, i in zip(ready.to_embed, ready.text_of, strict=True):
            of_row[id(piece.planned)] += lengths[i]
        seconds = np.cumsum(list(of_row.values())) * (pace or 0.0)
        if seconds[-1] <= every_s:
            return len(rows)
        # The pace may be off, and a part is committed after its time.
        wanted = seconds[-1] / np.ceil(seconds[-1] / (_SHARE * every_s))
        return min(len(rows), int(np.searchsorted(seconds, wanted)) + 1)

    def embed(self, ready: Ready, given: Given | None = None, is_part: bool = False) -> None:
        """Give the pieces of a transaction their vectors; rows that fail by themselves become rejects.

        Those that are `given` were made elsewhere. Raises ModelError where not the texts are at fault.
        """
        run = self._run
        for row in ready.transaction.rows if self._failed else ():
            if row.stored_hash == REPLACED:
                # Planned when an earlier version was on its way, which has failed since.
                row.stored_hash = self._failed.get(row.row_id, REPLACED)
        if ready.tokens is not None:
            made, failures = self._put_vectors(ready, {**ready.made, **(given or {})}, is_part)
            self._drop_failed(ready, failures)
            ready.repeated = len(ready.to_embed) - len(made & set(ready.text_of))
            run.report.batch_tokens = run.load_encoder().budget.tokens
        if self._failed:
            self._note_written(ready.transaction)
            self._displaced += [one for one in ready.transaction.displaced if one.row_id in self._failed]
        run.rows_done += ready.transaction.read
        run.report_progress()

    def _note_written(self, transaction: Transaction) -> None:
        """Note what becomes of ids of which an earlier transaction's version has failed."""
        drop = self._planner.drop
        assert drop is not None, "only versions of a drop fail and have others"
        written = {row.row_id for row in transaction.rows}
        if drop.newer is None:
            # Nothing but the order of the rows says which version is the newer one: what comes later stands.
            through = written | transaction.deletions.keys()
            self._failed = {row_id: found for row_id, found in self._failed.items() if row_id not in through}
            self._displaced = [one for one in self._displaced if one.row_id not in through]
        else:
            self._failed |= dict.fromkeys(written & self._failed.keys(), REPLACED)

    @property
    def has_second_chances(self) -> bool:
        """Whether there are versions that may stand since newer ones have failed, and are not embedded yet."""
        # Parts hold no input rows, so the counts do not show that some are still to come.
        return bool(self._displaced) or (self._are_second and self._in_parts)

    def second_chances(self) -> Iterator[Ready]:
        """Yield transactions of the versions that stand now since newer ones have failed, until there are none."""
        self._are_second = True
        while self._displaced:
            again, failed = self._displaced, self._failed
            # Of these, too, a newer one may fail and an older one stand then.
            self._displaced, self._failed = [], {}
            yield self._preparer.prepare(self._planner, self._planner.again(again, failed))

    def _put_vectors(self, ready: Ready, given: Given, is_part: bool) -> tuple[set[int], dict[int, str]]:
        """Give the pieces their vectors; return which texts the model was given, and why some have failed."""
        assert ready.tokens is not None, "there are texts"
        wanted = sorted(set(ready.text_of))
        # Those of earlier transactions are embedded by now.
        vectors = {i: vector for i in wanted if (vector := self._recent.get(ready.texts[i])) is not None}
        missing = [i for i in wanted if i not in vectors]
        encoded = self._encoded(ready.tokens, missing, given)
        # What the estimate made says nothing of the device as it is now.
        asked = [at for at, i in enumerate(missing) if i not in ready.made]
        judged = asked or range(len(missing))
        if encoded.failed.keys() >= set(judged):
            self._failing = (self._failing if is_part else 0) + len(judged)
        elif asked:
            self._failing = 0
        if self._failing > (_FEW_TEXTS if is_part else 1) and not self._are_second:
            # Not the texts are at fault but the device; going on would reject the whole corpus. Second chances are
            # few, and are of ids whose texts have failed before.
            raise ModelError(
                f"No text of a transaction could be embedded on {self._run.report.device}: "
                f"{next(iter(encoded.failed.values()))}",
                text(
                    "Run the same ingest again, with ",
                    option("device", "cpu"),
                    " if the device is at fault: it goes on from here.",
                ),
            )
        failures = {missing[i]: reason for i, reason in encoded.failed.items()}
        for i, vector in zip(missing, encoded.vectors, strict=True):
            vectors[i] = vector
            if i not in failures:
                self._recent.put(ready.texts[i], vector)
        for piece, i in zip(ready.to_embed, ready.text_of, strict=True):
            piece.vector = vectors[i]
        return set(missing), failures

    def _encoded(self, tokens: Tokens, missing: list[int], given: Given) -> Encoded:
        """Return the vectors of missing texts, in their order: those that are given, and others made now."""
        left = [i for i in missing if i not in given]
        if not missing:
            return Encoded(np.empty((0, 0), dtype=np.float32))
        if len(left) == len(missing):
            return self._timed(tokens.some(missing))
        made = self._timed(tokens.some(left)) if left else Encoded(np.empty((0, 0), dtype=np.float32))
        here: Given = {i: made.failed.get(at, made.vectors[at]) for at, i in enumerate(left)}
        found = [here[i] if i in here else given[i] for i in missing]
        dimension = self._run.known_fingerprint.dimension
        vectors = np.full((len(missing), dimension), np.nan, dtype=np.float32)
        for at, one in enumerate(found):
            if not isinstance(one, str):
                vectors[at] = one
        return Encoded(vectors, {at: one for at, one in enumerate(found) if isinstance(one, str)})

    def _timed(self, tokens: Tokens) -> Encoded:
        """Put texts through the model, and note how long it takes for a token."""
        mark = time.perf_counter()
        encoded = self._run.embed(tokens)
        pace = (time.perf_counter() - mark) / max(1, sum(map(len, tokens.ids)))
        self._pace = pace if self._pace is None else (pace + self._pace) / 2
        return encoded

    def _drop_failed(self, ready: Ready, failures: dict[int, str]) -> None:
        """Take the rows out whose texts have failed."""
        which = zip(ready.to_embed, ready.text_of, strict=True)
        failed = {id(piece.planned): failures[i] for piece, i in which if i in failures}
        if not failed:
            return
        transaction, drop = ready.transaction, self._planner.drop
        for row in transaction.rows:
            if id(row) not in failed:
                continue
            reason = f"cannot be embedded: {failed[id(row)]}"
            transaction.rejects.append((row.source, rejected(row.article, reason)))
            self._run.report.count_reject(reason)
            if drop is not None and row.version is not None:
                drop.give_up({row.article.id: row.version})
                # Of several that fail, the first knows what the table has.
                self._failed.setdefault(row.article.id, row.stored_hash)
        transaction.rows = [row for row in transaction.rows if id(row) not in failed]
        ready.pieces = [piece for piece in ready.pieces if id(piece.planned) not in failed]
        left = [
            (piece, i)
            for piece, i in zip(ready.to_embed, ready.text_of, strict=True)
            if id(piece.planned) not in failed
        ]
        ready.to_embed, ready.text_of = [piece for piece, _ in left], [i for _, i in left]

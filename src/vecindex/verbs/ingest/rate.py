"""How fast the model takes the texts of a run, from some of the batches that the run would make of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecindex.core.vectors import F32
from vecindex.embed.batching import plan_batches
from vecindex.embed.encoder import Encoder, Tokens
from vecindex.sources.sampling import halving
from vecindex.verbs.ingest.known.speeds import Speeds
from vecindex.verbs.ingest.run import Run

PROBE_S = 2.0
"""For so long batches are embedded; at least one is."""
PROBE_TEXTS = 48
"""So many texts, or some more, a run embeds for its first estimate."""
_FEWEST = 8
_MOST_OF_FIRST = 0.1
"""A share of the first transaction's texts: so many more are embedded where a batch holds them."""
_CHECKED = 4
_UNLIKE = 0.2
"""Share of the tokens that may be in texts of lengths of which no run has measured the like."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast texts are embedded.

    Attributes
    ----------
    texts_per_s : of the model.
    tokenize_s : seconds to tokenize a text.
    load_s : seconds to load the model and to check it.
    probed : texts that were embedded to find the rate; 0 where an earlier run has found it.
    unknown : of each text the share of its tokens that the model does not know; None where it knows all.
    counts : tokens of each text.
    remembered : when an earlier run has found it, ISO 8601; else None.
    """

    texts_per_s: float
    tokenize_s: float
    load_s: float
    probed: int
    unknown: F32 | None
    counts: npt.NDArray[np.int32]
    remembered: str | None = None


def measure_rate(run: Run, texts: Sequence[str]) -> Rate:
    """Embed batches of texts that stand for all that are to be embedded.

    A run sorts the texts of each transaction by length and fills batches with tokens. So the texts are dealt into
    transactions, and of their batches some are embedded, from the longest to the shortest alike. What they take for a
    token, padding included, is taken for all.

    Raises ModelError as the run would.
    """
    if run.speeds.known is not None and (rate := _remembered(run, run.speeds.known, texts)) is not None:
        return rate
    # The run checks more; here seconds count, and nothing is stored.
    run.check_encoder(texts, _CHECKED)
    run.look_at_language(texts)
    encoder, load_s = run.load_encoder(), run.report.seconds.loading
    tokens, tokenize_s = _tokenized(encoder, texts)
    with run.report.seconds.measured("loading"):
        batches, sizes = _batches(_lengths(tokens), encoder.budget.tokens, run.options["transaction_rows"])
        seconds = done = probed = 0.0
        for at in _in_turns(len(batches)):
            seconds += _embed(run, tokens.some(batches[at]))
            done += sizes[at]
            probed += len(batches[at])
            if seconds > PROBE_S:
                break
    run.speeds.remember()
    texts_per_s = _rate(len(texts), seconds, sum(sizes), done)
    return Rate(texts_per_s, tokenize_s, load_s, int(probed), tokens.unknown, tokens.counts)


def first_rate(run: Run, tokens: Tokens) -> tuple[float, dict[int, F32 | str]]:
    """Return texts a second by a few batches of the first transaction's texts, of all lengths.

    Next to it are the vectors that this has made, or why a text has none, by the numbers of the texts.
    """
    encoder, total = run.load_encoder(), len(tokens.ids)
    batches, sizes = _batches(_lengths(tokens), encoder.budget.tokens, run.options["transaction_rows"])
    # Whoever watches should not wait for many by the slow encoder.
    enough = PROBE_TEXTS if encoder.most_tokens is None else _FEWEST
    # A batch of short texts may be the whole run, of which nothing would be shown before its end.
    most = max(enough, int(_MOST_OF_FIRST * total))
    rows, done = list[int](), 0.0
    for at in _in_turns(len(batches)):
        n, some = len(batches[at]), min(len(batches[at]), most - len(rows))
        rows += [batches[at][i * n // some] for i in range(some)]
        done += sizes[at] * some / n
        if len(rows) >= enough:
            break
    # Workers load the model before they answer.
    part, workers = ("model", 1) if run.cluster is None else ("loading", run.cluster.workers)
    start = time.perf_counter()
    with run.report.seconds.measured(part):
        encoded = run.embed_noted(tokens.some(rows), run.count_embedded)
    rate = workers * _rate(total, time.perf_counter() - start, sum(sizes), done)
    return rate, {row: encoded.failed.get(at, encoded.vectors[at]) for at, row in enumerate(rows)}


def _rate(texts: int, seconds: float, tokens: int, done: float) -> float:
    """Return texts a second where `done` of all tokens took so many seconds; a text may have no token."""
    return texts / max(seconds * max(1, tokens) / max(1, done), 1e-9)


def _in_turns(n: int) -> Iterator[int]:
    """Yield the numbers of all batches, so that the first few stand for all."""
    # From the middle on: where there is time for one alone, it should be neither extreme.
    return ((turn + n // 2) % n for turn in halving(n))


def _remembered(run: Run, speeds: Speeds, texts: Sequence[str]) -> Rate | None:
    """Return the rate by what earlier runs took for a token; None where they had no texts of such lengths."""
    encoder = run.load_encoder()
    if encoder.most_tokens is None:
        # There is no other way to tokenize than to load all, so the rate may as well be measured.
        return None
    tokens, tokenize_s = _tokenized(encoder, texts)
    batches, sizes = _batches(_lengths(tokens), speeds.batch_tokens, run.options["transaction_rows"])
    lengths = [size / len(batch) for batch, size in zip(batches, sizes, strict=True)]
    unlike = sum(size for length, size in zip(lengths, sizes, strict=True) if not speeds.knows(length))
    if unlike > _UNLIKE * sum(sizes):
        run.forget_recalled()
        return None
    total_s = sum(size * speeds.of(length) for length, size in zip(lengths, sizes, strict=True))
    run.look_at_language(texts)
    report = run.report
    report.device, report.precision, report.precision_cosine = (
        speeds.device,
        speeds.precision,
        speeds.precision_cosine,
    )
    rate = len(texts) / max(total_s, 1e-9)
    return Rate(rate, tokenize_s, speeds.load_s, 0, tokens.unknown, tokens.counts, speeds.measured_at)


def _tokenized(encoder: Encoder, texts: Sequence[str]) -> tuple[Tokens, float]:
    """Return the tokens of texts, and the seconds that a text took."""
    start = time.perf_counter()
    tokens = encoder.tokenize(texts)
    return tokens, (time.perf_counter() - start) / len(texts)


def _batches(lengths: Sequence[int], budget: int, transaction_rows: int) -> tuple[list[list[int]], list[int]]:
    """Return the batches of all transactions, those of the longest texts first, and the tokens of each, padded."""
    n = -(-len(lengths) // transaction_rows)
    batches = []
    for i in range(n):
        rows = range(i, len(lengths), n)
        batches += [[rows[j] for j in batch] for batch in plan_batches([lengths[row] for row in rows], budget)]
    batches.sort(key=lambda batch: -max(lengths[i] for i in batch))
    return batches, [len(batch) * max(lengths[i] for i in batch) for batch in batches]


def _lengths(tokens: Tokens) -> list[int]:
    return [len(ids) for ids in tokens.ids]


def _embed(run: Run, tokens: Tokens) -> float:
    start = time.perf_counter()
    run.embed_noted(tokens)
    return time.perf_counter() - start

"""How fast the model takes the texts of a run, from some of the batches that the run would make of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vecindex.embed.batching import plan_batches
from vecindex.embed.encoder import Encoder, Tokens
from vecindex.sources.sampling import halving
from vecindex.verbs.ingest.run import Run

PROBE_S = 2.0
"""For so long batches are embedded; at least one is."""
_CHECKED = 4


@dataclass(frozen=True, slots=True)
class Rate:
    """How fast texts are embedded.

    Attributes
    ----------
    texts_per_s : of the model.
    tokenize_s : seconds to tokenize a text.
    load_s : seconds to load the model and to check it.
    probed : texts that were embedded to find the rate.
    """

    texts_per_s: float
    tokenize_s: float
    load_s: float
    probed: int


def measure_rate(run: Run, texts: Sequence[str]) -> Rate:
    """Embed batches of texts that stand for all that are to be embedded.

    A run sorts the texts of each transaction by length and fills batches with tokens. So the texts are dealt into
    transactions, and of their batches some are embedded, from the longest to the shortest alike. What they take for a
    token, padding included, is taken for all.

    Raises ModelError as the run would.
    """
    # The run checks more; here seconds count, and nothing is stored.
    run.check_encoder(texts, _CHECKED)
    run.look_at_language(texts)
    encoder, load_s = run.load_encoder(), run.report.seconds.loading
    start = time.perf_counter()
    tokens = encoder.tokenize(texts)
    tokenize_s = (time.perf_counter() - start) / len(texts)
    with run.report.seconds.measured("loading"):
        lengths = [len(ids) for ids in tokens.ids]
        batches = _batches(lengths, encoder.budget.tokens, run.options["transaction_rows"])
        sizes = [len(batch) * max(lengths[i] for i in batch) for batch in batches]
        seconds = done = probed = 0.0
        for turn in halving(len(batches)):
            # From the middle on: where there is time for one alone, it should be neither extreme.
            at = (turn + len(batches) // 2) % len(batches)
            seconds += _embed(encoder, tokens, batches[at])
            done += sizes[at]
            probed += len(batches[at])
            if seconds > PROBE_S:
                break
    total_s = max(seconds, 1e-9) * sum(sizes) / max(1, done)
    return Rate(len(texts) / total_s, tokenize_s, load_s, int(probed))


def _batches(lengths: Sequence[int], budget: int, transaction_rows: int) -> list[list[int]]:
    """Return the batches of all transactions, those of the longest texts first."""
    n = -(-len(lengths) // transaction_rows)
    batches = []
    for i in range(n):
        rows = range(i, len(lengths), n)
        batches += [[rows[j] for j in batch] for batch in plan_batches([lengths[row] for row in rows], budget)]
    return sorted(batches, key=lambda batch: -max(lengths[i] for i in batch))


def _embed(encoder: Encoder, tokens: Tokens, batch: list[int]) -> float:
    picked = np.array(batch)
    some = Tokens([tokens.ids[i] for i in batch], tokens.counts[picked], tokens.truncated[picked], tokens.left_out)
    start = time.perf_counter()
    encoder.embed(some)
    return time.perf_counter() - start

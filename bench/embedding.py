"""What the parts of the embedding gain: token budget, sorting by length, packed layers, reduced precision.

    python bench/embedding.py CORPUS.parquet [--texts 300] [--rounds 3] [--out bench/results/embedding.jsonl]

One process, one model a variant; the variants take turns in every round. Tokenising is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from machine import machine
from vecindex.core.vectors import row_cosines
from vecindex.embed import encoder as encoder_module
from vecindex.embed.batching import TokenBudget, plan_batches
from vecindex.embed.encoder import Encoder, Tokens
from vecindex.embed.models import find_model
from vecindex.embed.precision import Precision

TEMPLATE = "{title}: {section}\n{text}"
BUDGETS = (1_024, 4_096, 16_384)


def padding(lengths: list[int], batches: list[list[int]]) -> float:
    """Return the share of tokens in the batches that are padding."""
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in batches)
    return 1 - sum(lengths) / padded


def load(precision: Precision, packed: bool, texts: list[str]) -> Encoder:
    """Return an encoder in a precision, with or without packed layers."""
    true = encoder_module.pack_linears
    if not packed:
        encoder_module.pack_linears = lambda _model: 0
    try:
        encoder = Encoder.load(find_model("all-MiniLM-L6-v2"), device="cpu", precision=precision)
        encoder.check(texts)
    finally:
        encoder_module.pack_linears = true
    return encoder


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "embedding.jsonl")
    args = parser.parse_args()
    table = pq.read_table(args.corpus)
    rows = table.take(np.linspace(0, table.num_rows - 1, args.texts).astype(int)).to_pylist()
    texts = [TEMPLATE.format(**row) for row in rows]
    precisions = (Precision.FP32, Precision.BF16)
    encoders = {(p, packed): load(p, packed, texts) for p in precisions for packed in (False, True)}
    reference = encoders[Precision.FP32, False]._model.encode(texts)
    tokens: Tokens = encoders[Precision.FP32, False].tokenize(texts)
    lengths = [len(ids) for ids in tokens.ids]
    variants = [(p, packed, budget) for p, packed in encoders for budget in BUDGETS if packed or budget == 4_096]
    rates: dict[tuple[Precision, bool, int], list[float]] = {variant: [] for variant in variants}
    for number in range(args.rounds + 1):
        for variant in variants:
            precision, packed, budget = variant
            encoder = encoders[precision, packed]
            encoder.budget = TokenBudget(budget)
            start = time.perf_counter()
            vectors = encoder.embed(tokens).vectors
            seconds = time.perf_counter() - start
            if number == 0:
                continue  # warm-up
            rates[variant].append(len(texts) / seconds)
            row = {
                "bench": "embedding",
                "round": number,
                "precision": encoder.precision.value,
                "packed": packed,
                "batch_tokens": budget,
                "texts": len(texts),
                "mean_tokens": float(np.mean(lengths)),
                "texts_per_s": rates[variant][-1],
                "cosine_min": float(row_cosines(reference, vectors).min()),
                "padding_frac": padding(lengths, list(plan_batches(lengths, budget))),
                "padding_frac_32_in_input_order": padding(
                    lengths, [list(range(i, min(i + 32, len(lengths)))) for i in range(0, len(lengths), 32)]
                ),
                **machine(),
            }
            with args.out.open("a") as file:
                file.write(json.dumps(row) + "\n")
    for (precision, packed, budget), found in rates.items():
        name = f"{precision.value} {'packed' if packed else 'plain'} {budget:,} tokens"
        print(f"{name}: median {statistics.median(found):.1f} texts/s")


if __name__ == "__main__":
    main()

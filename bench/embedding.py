"""What the parts of the embedding gain: token budget, packed layers, batched attention, reduced precision.

    python bench/embedding.py CORPUS.parquet [--texts 300] [--rounds 3] [--out bench/results/embedding.jsonl]

One process, one model a variant; the variants take turns in every round. Tokenising is left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq

from machine import machine
from vecindex.core.vectors import row_cosines
from vecindex.embed import transformer as encoder_module
from vecindex.embed.batching import Shapes, TokenBudget, plan_batches
from vecindex.embed.encoder import Tokens
from vecindex.embed.encoders import LoadOptions
from vecindex.embed.models import find_model
from vecindex.embed.precision import Precision
from vecindex.embed.transformer import TransformerEncoder as Encoder

TEMPLATE = "{title}: {section}\n{text}"
BUDGETS = (1_024, 4_096, 16_384)


def padding(lengths: list[int], batches: list[list[int]], shapes: Shapes | None = None) -> float:
    """Return the share of tokens in the batches that are padding."""
    longest = [max(lengths[i] for i in batch) for batch in batches]
    padded = [shapes.length(length) if shapes else length for length in longest]
    return 1 - sum(lengths) / sum(len(batch) * length for batch, length in zip(batches, padded, strict=True))


def load(precision: Precision, packed: bool, batched: bool, texts: list[str]) -> Encoder:
    """Return an encoder in a precision, with or without packed layers and attention by batched products."""
    with ExitStack() as stack:
        if not packed:
            stack.enter_context(patch.object(encoder_module, "pack_linears", return_value=0))
        if not batched:
            stack.enter_context(patch.object(encoder_module, "batch_attention", return_value=False))
        encoder = Encoder.load(find_model("all-MiniLM-L6-v2"), LoadOptions("cpu", precision))
        encoder.check(texts)
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
    # Attention is changed in bf16 alone.
    ways = [(Precision.FP32, False, False), (Precision.FP32, True, False)]
    ways += [(Precision.BF16, packed, batched) for packed, batched in ((False, False), (True, False), (True, True))]
    encoders = {way: load(*way, texts) for way in ways}
    plain = encoders[ways[0]]
    reference = plain._model.encode(texts)
    tokens: Tokens = plain.tokenize(texts)
    lengths = [len(ids) for ids in tokens.ids]
    shapes = Shapes(plain.max_tokens)
    best = {Precision.FP32: ways[1], Precision.BF16: ways[-1]}
    variants = [(*way, budget) for way in ways for budget in BUDGETS if way == best[way[0]] or budget == 4_096]
    rates: dict[tuple[Precision, bool, bool, int], list[float]] = {variant: [] for variant in variants}
    for number in range(args.rounds + 1):
        for variant in variants:
            _, packed, batched, budget = variant
            encoder = encoders[variant[:3]]
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
                "batched_attention": batched,
                "batch_tokens": budget,
                "texts": len(texts),
                "mean_tokens": float(np.mean(lengths)),
                "texts_per_s": rates[variant][-1],
                "cosine_min": float(row_cosines(reference, vectors).min()),
                "padding_frac": padding(lengths, list(plan_batches(lengths, budget, shapes)), shapes),
                "padding_frac_32_in_input_order": padding(
                    lengths, [list(range(i, min(i + 32, len(lengths)))) for i in range(0, len(lengths), 32)]
                ),
                **machine(),
            }
            with args.out.open("a") as file:
                file.write(json.dumps(row) + "\n")
    for (precision, packed, batched, budget), found in rates.items():
        parts = ["packed" if packed else "plain", *(["batched attention"] if batched else [])]
        name = f"{precision.value} {', '.join(parts)}, {budget:,} tokens"
        print(f"{name}: median {statistics.median(found):.1f} texts/s")


if __name__ == "__main__":
    main()

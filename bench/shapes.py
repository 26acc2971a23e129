"""What few shapes of batches spare in memory, and what their padding costs.

    python bench/shapes.py CORPUS.parquet [--texts 1000] [--rounds 4] [--transactions 20] [--out FILE.jsonl]

Memory: each way in a process of its own embeds transactions of 100 texts, whose batches are of ever other sizes; told
is by how much what the C library's heap holds has grown since the first. Rate: both ways in turns in one process.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow.parquet as pq

from machine import machine
from vecindex.embed.encoders import LoadOptions
from vecindex.embed.models import find_model
from vecindex.embed.transformer import TransformerEncoder

TEMPLATE = "{title}: {section}\n{text}"
ROWS = 100
FEW = {True: TransformerEncoder._shapes, False: property(lambda _: None)}
"""Whether the shapes are few -> what makes them so."""


class Mallinfo(ctypes.Structure):
    """As in glibc's malloc.h."""

    names = (
        "arena",
        "ordblks",
        "smblks",
        "hblks",
        "hblkhd",
        "usmblks",
        "fsmblks",
        "uordblks",
        "fordblks",
        "keepcost",
    )
    _fields_ = [(name, ctypes.c_size_t) for name in names]


def held_mb() -> float:
    """Return what the C library's heap holds, in MB."""
    library = ctypes.CDLL(None)
    library.mallinfo2.restype = Mallinfo
    found = library.mallinfo2()
    return float(found.uordblks + found.hblkhd) / 1e6


def memory(corpus: Path, transactions: int, few: bool) -> list[float]:
    """Return what the heap holds after each transaction, in MB."""
    texts = sample(corpus, transactions * ROWS)
    held = []
    with patch.object(TransformerEncoder, "_shapes", FEW[few]):
        encoder = load(texts)
        for at in range(0, len(texts), ROWS):
            encoder.embed(encoder.tokenize(texts[at : at + ROWS]))
            held.append(held_mb())
    return held


def load(texts: list[str]) -> TransformerEncoder:
    """Return the encoder that an ingest uses here."""
    encoder = TransformerEncoder.load(find_model("all-MiniLM-L6-v2"), LoadOptions("cpu"))
    encoder.check(texts)
    return encoder


def sample(corpus: Path, n: int) -> list[str]:
    """Return n texts, evenly spread over the corpus."""
    table = pq.read_table(corpus)
    return [
        TEMPLATE.format(**row) for row in table.take(np.linspace(0, table.num_rows - 1, n).astype(int)).to_pylist()
    ]


def main() -> None:
    """Measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--texts", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--transactions", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "shapes.jsonl")
    parser.add_argument("--be", choices=("few", "all"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.be:
        print(json.dumps(memory(args.corpus, args.transactions, args.be == "few")))
        return
    rates = rate(args.corpus, args.texts, args.rounds)
    with args.out.open("a") as file:
        for few in (True, False):
            command = [sys.executable, __file__, str(args.corpus), "--transactions", str(args.transactions), "--be"]
            done = subprocess.run([*command, "few" if few else "all"], check=True, capture_output=True, text=True)
            held = json.loads(done.stdout.splitlines()[-1])
            row = {"bench": "shapes", "few": few, "held_mb": held, "grown_mb": held[-1] - held[0]}
            row |= {"texts": args.texts, "texts_per_s": rates[few], **machine()}
            file.write(json.dumps(row) + "\n")
            print(
                f"{'few' if few else 'all'} shapes: median {statistics.median(rates[few]):.1f} texts/s, "
                f"grown by {row['grown_mb']:.1f} MB in {args.transactions} transactions"
            )


def rate(corpus: Path, n: int, rounds: int) -> dict[bool, list[float]]:
    """Return texts a second of each round, both ways in turns, after one round that is not counted."""
    texts = sample(corpus, n)
    encoder = load(texts)
    tokens = encoder.tokenize(texts)
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds + 1):
        for few, found in rates.items():
            with patch.object(TransformerEncoder, "_shapes", FEW[few]):
                start = time.perf_counter()
                encoder.embed(tokens)
                if number:
                    found.append(n / (time.perf_counter() - start))
    return rates


if __name__ == "__main__":
    main()

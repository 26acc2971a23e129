"""Texts a second: `vecindex ingest` against `SentenceTransformer.encode` at its defaults plus one parquet write.

    python bench/rate.py CORPUS.parquet [--texts 1500] [--rounds 3] [--model NAME] [--out FILE.jsonl]

Each way is a process of its own; they take turns in every round, so that a machine whose speed drifts treats
them alike. Loading the model is left out on both sides; reading, tokenising, padding, the commits and the
compaction are in.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine

WAYS = ("encode", "ingest auto", "ingest fp32")
TEMPLATE = "{title}: {section}\n{text}"


def encode(corpus: Path, folder: Path, model_name: str) -> dict[str, float]:
    """Do what a user would otherwise do."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sentence_transformers import SentenceTransformer

    from vecindex.embed.models import find_model

    model = SentenceTransformer(str(find_model(model_name).folder), device="cpu")
    start = time.perf_counter()
    table = pq.read_table(corpus)
    texts = [TEMPLATE.format(**row) for row in table.to_pylist()]
    vectors = model.encode(texts)
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    pq.write_table(table.append_column("vector", flat), folder / "out.parquet")
    return {"seconds": time.perf_counter() - start, "texts": len(texts)}


def ingest(corpus: Path, folder: Path, model_name: str, precision: str) -> dict[str, float]:
    """Do what vecindex does."""
    import vecindex

    report = vecindex.open(folder / "db").ingest(
        corpus, model=model_name, text_template=TEMPLATE, precision=precision, device="cpu"
    )
    s = report.seconds
    return {
        "seconds": s.wall - s.loading,
        "texts": report.vectors,
        "model_s": s.model,
        "safety_s": s.reading + s.commit + s.maintenance,
        "safety_frac": (s.reading + s.commit + s.maintenance) / (s.wall - s.loading),
        "precision": report.precision,  # type: ignore[dict-item]
        "precision_cosine": report.precision_cosine or 0.0,
        "truncated": report.truncated,
    }


def sample(source: Path, n: int, target: Path) -> None:
    """Write n rows, evenly spread over the corpus."""
    import numpy as np
    import pyarrow.parquet as pq

    table = pq.read_table(source)
    pq.write_table(table.take(np.linspace(0, table.num_rows - 1, n).astype(int)), target)


def main() -> None:
    """Measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--texts", type=int, default=1_500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "rate.jsonl")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if args.way:
            way, _, precision = args.way.partition(" ")
            row = (
                encode(args.corpus, folder, args.model)
                if way == "encode"
                else ingest(args.corpus, folder, args.model, precision)
            )
            print(json.dumps(row))
            return
        subset = folder / "subset.parquet"
        sample(args.corpus, args.texts, subset)
        rates: dict[str, list[float]] = {way: [] for way in WAYS}
        for number in range(args.rounds):
            for way in WAYS:
                command = [sys.executable, __file__, str(subset), "--way", way, "--model", args.model]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                row = json.loads(done.stdout.strip().splitlines()[-1])
                rates[way].append(row["texts"] / row["seconds"])
                raw = {"bench": "rate", "round": number, "way": way, "model": args.model, **row, **machine()}
                with args.out.open("a") as file:
                    file.write(json.dumps(raw) + "\n")
                print(f"{way}: {rates[way][-1]:.1f} texts/s", flush=True)
    for way in WAYS[1:]:
        ratios = [a / b for a, b in zip(rates[way], rates["encode"], strict=True)]
        print(
            f"{way}: median {statistics.median(rates[way]):.1f} texts/s, {statistics.median(ratios):.2f} times encode"
        )


if __name__ == "__main__":
    main()

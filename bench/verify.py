"""Check every row of an ingested table against its source, with nothing of vecindex but its hash.

    python bench/verify.py SOURCE.parquet --db DIR [--model NAME] [--max-tokens N] [--sample 200] [--out FILE.jsonl]

Ids, hashes, texts, vectors (finite, unit length), and a random sample of the vectors embedded afresh in fp32 by
SentenceTransformer.encode. Prints what it found; exit code 1 when anything is wrong.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import lance
import numpy as np
import pyarrow.parquet as pq

from machine import machine
from vecindex.core.identity import content_hash
from vecindex.embed.models import find_model

TEMPLATE = "{title}: {section}\n{text}"


def main() -> None:
    """Check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--model", default="all-MiniLM-L6-v2")
    parser.add_argument("--max-tokens", type=int, help="what the ingest was given; default: all that the model reads")
    parser.add_argument("--sample", type=int, default=200)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    source = {row["id"]: row for row in pq.read_table(args.source).to_pylist()}
    dataset = lance.dataset(args.db / "articles.lance")
    seen: set[str] = set()
    dice = np.random.default_rng()
    wanted = set(dice.choice(sorted(source), args.sample, replace=False))
    texts, stored = [], []
    found = {
        "rows": 0,
        "nulls": 0,
        "non_finite": 0,
        "not_unit": 0,
        "wrong_hash": 0,
        "wrong_text": 0,
        "duplicate_ids": 0,
    }
    for batch in dataset.to_batches():
        found["nulls"] += batch.column("vector").null_count
        matrix = batch.column("vector").flatten().to_numpy(zero_copy_only=False).reshape(batch.num_rows, -1)
        found["non_finite"] += int((~np.isfinite(matrix).all(axis=1)).sum())
        found["not_unit"] += int((np.abs(np.linalg.norm(matrix, axis=1) - 1) > 1e-4).sum())
        columns = ["id", "content_hash", "title", "text", "section"]
        for row, vector in zip(batch.select(columns).to_pylist(), matrix, strict=True):
            found["rows"] += 1
            found["duplicate_ids"] += row["id"] in seen
            seen.add(row["id"])
            given = source[row["id"]]
            text = TEMPLATE.format(**given)
            expected = content_hash(text, given["title"], given["text"], {"section": given["section"]})
            found["wrong_hash"] += row["content_hash"] != expected
            found["wrong_text"] += any(row[key] != given[key] for key in ("title", "text", "section"))
            if row["id"] in wanted:
                texts.append(text)
                stored.append(vector)
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(find_model(args.model).folder), device="cpu")
    if args.max_tokens:
        model.max_seq_length = args.max_tokens
    fresh = model.encode(texts, normalize_embeddings=True)
    cosines = (fresh * np.array(stored)).sum(axis=1)
    result = {
        **found,
        "missing_ids": len(set(source) - seen),
        "unknown_ids": len(seen - set(source)),
        "sample": len(texts),
        "cosine_min": float(cosines.min()),
        "cosine_median": float(np.median(cosines)),
    }
    print(json.dumps(result, indent=1))
    if args.out:
        with args.out.open("a") as file:
            file.write(json.dumps({"event": "verified", **result, **machine()}) + "\n")
    faults = sum(found[key] for key in found if key != "rows") + result["missing_ids"] + result["unknown_ids"]
    sys.exit(1 if faults or result["cosine_min"] < 0.999 or found["rows"] != len(source) else 0)


if __name__ == "__main__":
    main()

"""Exact neighbors of questions in embedding space: vecindex against FAISS at its defaults, and sizes beyond memory.

    python bench/exact_search.py [VECTORS.npy] [--questions 300] [--rounds 5] [--stream-rows 2000000]

Both ways search the same vectors for the same 100 nearest, in processes of their own that take turns. FAISS at its
defaults is `faiss.knn` (and an IndexFlatIP, the same code) with nothing set. The vectors are in memory on both sides;
vecindex takes them in blocks, as `overlap` does, checks them, measures candidates again in float64 and orders ties.
With --stream-rows synthetic vectors are made block by block and never held, and the peak memory is told.

VECTORS.npy holds (n, d) numbers of any type; without it, 250,000 x 384 random ones are made.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from machine import machine

BLOCK = 16_384
K = 100


def vectors_of(path: str | None) -> np.ndarray:
    """Return unit vectors, float32."""
    if path is None:
        vectors = np.random.default_rng(0).normal(size=(250_000, 384)).astype(np.float32)
    else:
        vectors = np.load(path).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def questions_of(vectors: np.ndarray, count: int) -> np.ndarray:
    """Return stored vectors with noise, so that they lie among the others as questions do."""
    rng = np.random.default_rng(1)
    near = vectors[rng.permutation(len(vectors))[:count]]
    moved = near + rng.normal(size=near.shape).astype(np.float32) * (0.8 / np.sqrt(near.shape[1]))
    return (moved / np.linalg.norm(moved, axis=1, keepdims=True)).astype(np.float32)


def blocks(vectors: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows and vectors."""
    for at in range(0, len(vectors), BLOCK):
        part = vectors[at : at + BLOCK]
        yield np.arange(at, at + len(part)), part


def measure(way: str, path: str | None, count: int) -> dict[str, object]:
    """Search once to warm up, then twice; return the quicker of both."""
    vectors = vectors_of(path)
    questions = questions_of(vectors, count)
    taken = []
    for _ in range(3):
        begun = time.perf_counter()
        if way == "faiss":
            import faiss

            _, rows = faiss.knn(questions, vectors, K, metric=faiss.METRIC_INNER_PRODUCT)
        else:
            from vecindex.neighbors.exact import ExactSearch

            search = ExactSearch(questions, K)
            for numbers, block in blocks(vectors):
                search.add(numbers, block)
            rows = search.result().rows
        taken.append(time.perf_counter() - begun)
    return {
        "seconds": min(taken[1:]),
        "n": len(vectors),
        "d": vectors.shape[1],
        "questions": count,
        "k": K,
        "checksum": int(np.sort(rows[:, :5], axis=1).sum()),
    }


def stream(rows: int, count: int) -> dict[str, object]:
    """Search vectors that are made on the way."""
    from vecindex.neighbors.exact import ExactSearch

    rng = np.random.default_rng(2)
    first = rng.normal(size=(BLOCK, 384)).astype(np.float32)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    search = ExactSearch(questions_of(first, count), K)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    spent = 0.0
    for at in range(0, rows, BLOCK):
        size = min(BLOCK, rows - at)
        block = rng.normal(size=(size, 384)).astype(np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
        begun = time.perf_counter()
        search.add(np.arange(at, at + size), block)
        spent += time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {"seconds": spent, "n": rows, "d": 384, "questions": count, "k": K, "before_mb": before, "peak_mb": peak}


def main() -> None:
    """Measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("vectors", nargs="?")
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stream-rows", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "exact_search.jsonl")
    parser.add_argument("--way", choices=("faiss", "vecindex", "stream"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        found = (
            stream(args.stream_rows, args.questions)
            if args.way == "stream"
            else measure(args.way, args.vectors, args.questions)
        )
        print(json.dumps(found))
        return
    taken: dict[str, list[float]] = {"faiss": [], "vecindex": []}
    plan = [(n, way) for n in range(args.rounds) for way in taken] + [(0, "stream")] * bool(args.stream_rows)
    for number, way in plan:
        command = [sys.executable, __file__, *([args.vectors] if args.vectors else []), "--way", way]
        command += ["--questions", str(args.questions), "--stream-rows", str(args.stream_rows)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        source = Path(args.vectors).name if args.vectors and way != "stream" else "random"
        row = {"bench": "exact_search", "round": number, "way": way, "vectors": source, **found, **machine()}
        with args.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(f"{way}: {found['seconds']:.2f} s, {found['n']:,} rows", flush=True)
        if way in taken:
            taken[way].append(found["seconds"])
        else:
            print(f"  memory {found['before_mb']:.0f} MB before, {found['peak_mb']:.0f} MB at most")
    if not taken["faiss"]:
        return
    ratios = [a / b for a, b in zip(taken["faiss"], taken["vecindex"], strict=True)]
    median = statistics.median(taken["vecindex"])
    print(f"vecindex: median {median:.2f} s, {statistics.median(ratios):.1f} times FAISS")


if __name__ == "__main__":
    main()

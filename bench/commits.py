"""What a commit costs as a table grows, and what the process weighs: 1,100 transactions, then a second run.

    python bench/commits.py [--transactions 1100] [--dimension 384] [--out bench/results/commits.jsonl]

Ready-made random vectors keep the model out, so everything measured is ours: reading, hashing, commits,
compaction. As a user would otherwise do it, the same rows are also kept in a pickle that is written anew for
every 1,000 rows.
"""

from __future__ import annotations

import argparse
import json
import pickle
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from machine import machine
from vecindex.index import Index
from vecindex.verbs.ingest import commit as commit_module

ROWS = 1_000


def corpus(path: Path, n: int, d: int) -> None:
    """Write n rows with random unit vectors, in row groups."""
    dice = np.random.default_rng(0)
    schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("vector", pa.list_(pa.float32(), d))])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n, ROWS):
            ids = [f"row-{i}" for i in range(start, start + ROWS)]
            texts = [f"passage {i} " + "lorem ipsum " * 60 for i in range(start, start + ROWS)]
            flat = dice.normal(size=ROWS * d).astype(np.float32)
            vectors = pa.FixedSizeListArray.from_arrays(pa.array(flat), d)
            writer.write_table(pa.table([ids, texts, vectors], schema=schema))


def watched(seconds: list[float], memory: list[tuple[int, float]]) -> Iterator[None]:
    """Time every commit and note the resident memory after it."""
    true = commit_module.Committer._write
    process = psutil.Process()

    def timed(self: commit_module.Committer, ready: object) -> None:
        start = time.perf_counter()
        true(self, ready)  # type: ignore[arg-type]
        seconds.append(time.perf_counter() - start)
        memory.append((len(seconds) * ROWS, process.memory_info().rss / 1e6))

    commit_module.Committer._write = timed  # type: ignore[method-assign]
    yield
    commit_module.Committer._write = true  # type: ignore[method-assign]


def pickled(n_transactions: int, d: int, folder: Path) -> float:
    """Return the seconds of the last of n checkpoints that each write all vectors anew."""
    dice = np.random.default_rng(0)
    kept = {f"row-{i}": row for i, row in enumerate(dice.normal(size=(n_transactions * ROWS, d)).astype(np.float32))}
    start = time.perf_counter()
    with (folder / "checkpoint.pkl").open("wb") as file:
        pickle.dump(kept, file, protocol=pickle.HIGHEST_PROTOCOL)
    return time.perf_counter() - start


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=1_100)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "commits.jsonl")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = folder / "rows.parquet"
        corpus(source, args.transactions * ROWS, args.dimension)
        seconds: list[float] = []
        memory: list[tuple[int, float]] = []
        watch = watched(seconds, memory)
        next(watch)
        index = Index(folder / "db")
        options = {"vector_field": "vector", "model": "test/none", "unverified": True}
        report = index.ingest(source, **options)
        next(watch, None)
        start = time.perf_counter()
        again = index.ingest(source, **options)
        resume_s = time.perf_counter() - start
        assert again.skipped == report.added == args.transactions * ROWS
        disk = sum(path.stat().st_size for path in (folder / "db").rglob("*") if path.is_file())
        pickle_s = pickled(min(args.transactions, 250), args.dimension, folder)

    def around(n: int) -> float:
        return statistics.median(seconds[max(0, n - 11) : n + 10])

    def rss(n: int) -> float:
        return next((mb for rows, mb in memory if rows >= n), memory[-1][1])

    row = {
        "bench": "commits",
        "transactions": args.transactions,
        "commit_10th_ms": around(10) * 1e3,
        "commit_250th_ms": around(250) * 1e3,
        "commit_1000th_ms": around(1_000) * 1e3,
        "ratio_1000th_to_10th": around(1_000) / around(10),
        "pickle_checkpoint_at_250_000_rows_ms": pickle_s * 1e3,
        "rss_10_000_mb": rss(10_000),
        "rss_250_000_mb": rss(250_000),
        "rss_last_mb": memory[-1][1],
        "rss_peak_mb": max(mb for _, mb in memory),
        "wall_s": report.seconds.wall,
        "maintenance_s": report.seconds.maintenance,
        "second_run_s": resume_s,
        "disk_mb": disk / 1e6,
        "commit_ms": [round(s * 1e3, 2) for s in seconds],
        **machine(),
    }
    with args.out.open("a") as file:
        file.write(json.dumps(row) + "\n")
    for key, value in row.items():
        if isinstance(value, float):
            print(f"{key}: {value:.2f}")


if __name__ == "__main__":
    main()

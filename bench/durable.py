"""What --durable costs: rows/s and commits/s of an ingest with and without fsync, in turns in one run.

    python bench/durable.py [--transactions 40] [--rows 1000] [--rounds 3] [--out bench/results/durable.jsonl]

Random precomputed embeddings keep the model out, so the cost is the largest that it can be. It depends on the disk,
which is that of --folder, more than on the processor.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from machine import machine
from vecindex.index import Index
from vecindex.shortages import disk_of
from vecindex.verbs.ingest import commit as commit_module


def corpus(n: int, d: int) -> pa.Table:
    """Return n rows with random vectors."""
    flat = np.random.default_rng(0).normal(size=n * d).astype(np.float32)
    return pa.table(
        {
            "id": [f"row-{i}" for i in range(n)],
            "text": [f"passage {i} " + "lorem ipsum " * 60 for i in range(n)],
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(flat), d),
        }
    )


def timed(folder: Path, rows: pa.Table, per_commit: int, durable: bool) -> tuple[float, list[float]]:
    """Return the wall time of an ingest into a new database, and the seconds of each commit."""
    seconds: list[float] = []
    true = commit_module.Committer._write

    def write(self: commit_module.Committer, ready: object) -> None:
        start = time.perf_counter()
        true(self, ready)  # type: ignore[arg-type]
        seconds.append(time.perf_counter() - start)

    commit_module.Committer._write = write  # type: ignore[method-assign]
    try:
        start = time.perf_counter()
        report = Index(folder).ingest(
            rows,
            vector_field="vector",
            model="test/none",
            unverified=True,
            transaction_rows=per_commit,
            durable=durable,
        )
        wall = time.perf_counter() - start
    finally:
        commit_module.Committer._write = true  # type: ignore[method-assign]
    assert report.added == rows.num_rows
    return wall, seconds


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--transactions", type=int, default=40)
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--dimension", type=int, default=384)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "durable.jsonl")
    args = parser.parse_args()
    rows = corpus(args.transactions * args.rows, args.dimension)
    walls: dict[bool, list[float]] = {False: [], True: []}
    commits: dict[bool, list[float]] = {False: [], True: []}
    with tempfile.TemporaryDirectory(dir=args.folder) as scratch:
        timed(Path(scratch) / "warm-up", rows.slice(0, 2 * args.rows), args.rows, durable=True)
        for number in range(args.rounds):
            # In turns, and each first as often as the other: the machine may be busy with something else.
            for durable in (False, True) if number % 2 else (True, False):
                wall, seconds = timed(Path(scratch) / f"{number}-{durable}", rows, args.rows, durable)
                walls[durable].append(wall)
                commits[durable] += seconds
        disk = disk_of(Path(scratch))
    row = {
        "bench": "durable",
        "transactions": args.transactions,
        "rows_each": args.rows,
        "dimension": args.dimension,
        "disk": disk,
        **{
            f"{name}_{what}": value
            for name, durable in (("plain", False), ("durable", True))
            for what, value in (
                ("wall_s", walls[durable]),
                ("rows_per_s", rows.num_rows / statistics.median(walls[durable])),
                ("commit_median_ms", statistics.median(commits[durable]) * 1e3),
                ("commits_per_s", 1 / statistics.median(commits[durable])),
            )
        },
        **machine(),
    }
    with args.out.open("a") as file:
        file.write(json.dumps(row) + "\n")
    for key, value in row.items():
        if isinstance(value, float):
            print(f"{key}: {value:.2f}")


if __name__ == "__main__":
    main()

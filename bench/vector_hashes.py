"""What the hash of each vector costs an ingest: its share of the CPU time, with a model and with ready vectors.

    python bench/vector_hashes.py SOURCE.parquet VECTORS.npy [--rows 2000] [--ready-rows 50000] [--repeats 3]

VECTORS.npy has the vector of each row of the source. The hashing is timed where it is
done, in the thread that does it, so that a small share is not lost in the noise of two runs.

Appends a row to results/vector_hashes.jsonl.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

import vecindex
from machine import machine
from vecindex.verbs.ingest import rows as written

BENCH = Path(__file__).resolve().parent


def main() -> None:
    """Measure both, print and keep the row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--ready-rows", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    rows = next(pq.ParquetFile(args.source).iter_batches(max(args.rows, args.ready_rows))).to_pylist()
    vectors = np.load(args.vectors, mmap_mode="r")[: len(rows)].astype(np.float32)
    ready = [row | {"v": vectors[i]} for i, row in enumerate(rows[: args.ready_rows])]
    row = {
        "model": measure(rows[: args.rows], args.repeats),
        "ready": measure(ready, args.repeats, vector_field="v", model="test/none", unverified=True),
        **machine(),
    }
    print(json.dumps(row, indent=1))
    with (BENCH / "results" / "vector_hashes.jsonl").open("a") as file_out:
        file_out.write(json.dumps(row) + "\n")


def measure(rows: list[dict[str, Any]], repeats: int, **options: Any) -> dict[str, Any]:
    """Return the CPU seconds of the hashes and of the whole ingest, medians of some runs, and their ratio."""
    shares, hashing, whole = [], [], []
    for _ in range(repeats):
        spent = Spent()
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            vecindex.open(folder).ingest(rows, **options)
            whole.append(time.process_time() - start)
        spent.end()
        hashing.append(spent.seconds)
        shares.append(spent.seconds / whole[-1])
    return {
        "rows": len(rows),
        "hash_cpu_s": round(statistics.median(hashing), 3),
        "ingest_cpu_s": round(statistics.median(whole), 2),
        "share_percent": round(100 * statistics.median(shares), 2),
    }


class Spent:
    """Counts the CPU seconds of `vector_hashes` while rows are written."""

    def __init__(self) -> None:
        """Begin."""
        self.seconds = 0.0
        self._hashes = written.vector_hashes
        written.vector_hashes = self._timed

    def end(self) -> None:
        """Put the function back."""
        written.vector_hashes = self._hashes

    def _timed(self, vectors: Any) -> list[str]:
        start = time.thread_time()
        found = self._hashes(vectors)
        self.seconds += time.thread_time() - start
        return found


if __name__ == "__main__":
    main()

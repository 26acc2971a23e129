"""New rows placed on a map that is there, against making the map anew: seconds, peak memory, and what both keep.

    python bench/update.py RECORDS.parquet VECTORS.npy --db DIR [--new 10000] [--rounds 3] [-- INGEST OPTIONS]

All rows but the last `--new` are ingested with their vectors into DIR, which must not exist, and mapped; that is what
one would otherwise do again. Then the last rows come, which neither the map nor its neighbor graph has seen, and
`vecindex project --update` places them, in each round on a copy of the same database. Seconds are those of the whole
command, as a user waits for it. The old places are compared before and after.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow.parquet as pq

from machine import machine


def run(*arguments: str) -> tuple[dict[str, Any], float, float]:
    """Run vecindex; return what it told as JSON, its seconds and its peak memory in MB."""
    command = [sys.executable, "-m", "vecindex.cli.app", *arguments, "--json"]
    begun, peak = time.perf_counter(), 0.0
    with tempfile.TemporaryFile() as out, subprocess.Popen(command, stdout=out) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss / 1e6)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.05)
        seconds = time.perf_counter() - begun
        out.seek(0)
        told = out.read()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}")
    return json.loads(told), seconds, peak


def places(db: str) -> dict[str, tuple[float, float]]:
    """Return where the articles of the map are."""
    from vecindex.store.database import Database
    from vecindex.store.maps import columns_and_positions

    (ids,), positions = columns_and_positions(Database(Path(db)).articles("articles"), ["id"], ["map"])
    pairs = zip(ids.to_pylist(), positions["map"], strict=True)
    return {i: (float(x), float(y)) for i, (x, y) in pairs if np.isfinite(x)}


def means(recall: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return the mean under each k."""
    return {k: round(one["mean"], 4) for k, one in recall.items()}


def main() -> None:
    """Prepare, update, and write a row for each round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("records")
    parser.add_argument("vectors")
    parser.add_argument("--db", required=True)
    parser.add_argument("--new", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "update.jsonl")
    args, options = parser.parse_known_args()
    options = [option for option in options if option != "--"]
    if Path(args.db).exists():
        raise SystemExit(f"{args.db} is there already")
    records, vectors = pq.read_table(args.records), np.load(args.vectors, mmap_mode="r")
    old = len(records) - args.new
    folder = Path(f"{args.db}.parts")
    folder.mkdir(parents=True)
    parts = []
    for name, first, end in (("old", 0, old), ("new", old, len(records))):
        parts.append((str(folder / f"{name}.parquet"), str(folder / f"{name}.npy")))
        pq.write_table(records.slice(first, end - first), parts[-1][0])
        np.save(parts[-1][1], vectors[first:end])
    run("ingest", parts[0][0], "--vectors", parts[0][1], "--db", args.db, *options)
    made, making, making_peak = run("project", "--db", args.db)
    before = places(args.db)
    run("ingest", parts[1][0], "--vectors", parts[1][1], "--db", args.db, *options)
    taken = []
    for number in range(args.rounds):
        copy = f"{args.db}.round"
        shutil.copytree(args.db, copy)
        told, seconds, peak = run("project", "--update", "--db", copy)
        after = places(copy)
        row = {
            "bench": "update",
            "round": number,
            "articles": len(after),
            "new": told["placed"]["articles"],
            "seconds": seconds,
            "stages": {name: round(value, 1) for name, value in told["seconds"].items()},
            "peak_mb": peak,
            "moved": sum(after[i] != place for i, place in before.items()),
            "new_recall": means(told["placed"]["recall"]),
            "old_recall": means(told["placed"]["old_recall"]),
            "recall": means(told["scores"]["recall"]),
            "made_seconds": making,
            "made_peak_mb": making_peak,
            "made_recall": means(made["scores"]["recall"]),
            **machine(),
        }
        with args.out.open("a") as file:
            file.write(json.dumps(row) + "\n")
        taken.append(seconds)
        print(f"updated in {seconds:.1f} s ({peak:.0f} MB), {row['moved']} old places moved", flush=True)
        shutil.rmtree(copy)
    median = statistics.median(taken)
    print(f"median {median:.1f} s, {making / median:.1f} times as quick as the whole map anew ({making:.0f} s)")


if __name__ == "__main__":
    main()

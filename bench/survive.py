"""Ingest a corpus while killing the process with SIGKILL at random moments, then check every row.

    python bench/survive.py SOURCE --db DIR --out bench/results/survive.jsonl [--kills 12] [-- INGEST OPTIONS]

Each kill comes after a random wait, so that it may hit reading, the model, a commit or a compaction. The run
after the last kill goes to the end; the memory of each run is sampled. `bench/verify.py` does the checking.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import lancedb
import psutil

from machine import machine

SAMPLE_S = 10.0


def main() -> None:
    """Run, kill, run again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source")
    parser.add_argument("--db", required=True)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--wait", type=float, nargs=2, default=(25.0, 400.0), metavar=("MIN_S", "MAX_S"))
    parser.add_argument("--seed", type=int, default=None, help="of the waits; default: from the clock")
    parser.add_argument("--out", type=Path, required=True)
    args, args.options = parser.parse_known_args()
    args.options = [option for option in args.options if option != "--"]
    seed = args.seed if args.seed is not None else int(time.time())
    dice = random.Random(seed)
    command = [
        sys.executable,
        "-m",
        "vecindex.cli.app",
        "ingest",
        args.source,
        "--db",
        args.db,
        *args.options,
    ]
    log = args.out.with_suffix(".log").open("ab")
    write(
        args.out,
        {
            "event": "start",
            "source": Path(args.source).name,
            "options": args.options,
            "seed": seed,
            "kills": args.kills,
            **machine(),
        },
    )
    for kill in range(args.kills + 1):
        wait = dice.uniform(*args.wait) if kill < args.kills else None
        started = time.time()
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        code = watch(process, started, wait, args)
        seconds = round(time.time() - started, 1)
        write(
            args.out,
            {
                "event": "killed" if code is None else "ended",
                "after_s": seconds,
                "rc": code,
                "rows": rows(args.db),
            },
        )
        if code is not None:
            break


def watch(
    process: subprocess.Popen[bytes], started: float, wait: float | None, args: argparse.Namespace
) -> int | None:
    """Sample the process until it ends (its exit code) or its time is up (None, killed)."""
    watched = psutil.Process(process.pid)
    next_sample = 0.0
    while True:
        if process.poll() is not None:
            return process.returncode
        now = time.time() - started
        if wait is not None and now >= wait:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            return None
        if now >= next_sample:
            next_sample = now + SAMPLE_S
            row = {
                "event": "sample",
                "t_s": round(now, 1),
                "rss_mb": round(watched.memory_info().rss / 1e6, 1),
            }
            write(args.out, {**row, "pid": process.pid, "rows": rows(args.db)})
        time.sleep(0.05)


def rows(db: str) -> int:
    """Return the rows committed so far."""
    try:
        return int(lancedb.connect(db).open_table("articles").count_rows())
    except (ValueError, RuntimeError, OSError):
        return 0


def write(out: Path, row: dict[str, object]) -> None:
    """Append a raw row."""
    with out.open("a") as file:
        file.write(json.dumps({"at": round(time.time(), 1), **row}) + "\n")


if __name__ == "__main__":
    main()

"""How threads of OpenMP wait for each other: what an ingest takes next to other work, by their settings.

    python bench/waiting.py PASSAGES.parquet [--rows 600] [--rounds 1]

Each run is the whole command `vecindex ingest` of the first rows, with 96 tokens a text, in turns. A thread that
waits may keep its core for milliseconds (`default`, as libraries do), or give it away at once (`passive`). Or it
keeps it for a fraction of a millisecond and then gives it away (`short`, which the command sets). The machine's load
is in each row: this is about a busy one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine

# The default spin count of libgomp, given so that the command sets no other one.
WAYS = {
    "default": {"GOMP_SPINCOUNT": "300000"},
    "short": {"GOMP_SPINCOUNT": "10000"},
    "passive": {"OMP_WAIT_POLICY": "passive"},
}


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("passages")
    parser.add_argument("--rows", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "waiting.jsonl")
    args = parser.parse_args()
    import pyarrow.parquet as pq

    kept = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_", "KMP_"))}
    with tempfile.TemporaryDirectory() as folder:
        some = Path(folder) / "some.parquet"
        pq.write_table(pq.read_table(args.passages, columns=["id", "title", "text"]).slice(0, args.rows), some)
        for number in range(args.rounds):
            for way, variables in WAYS.items():
                words = ["ingest", str(some), "--db", f"{folder}/{number}-{way}", "--max-tokens", "96"]
                begun = time.perf_counter()
                with subprocess.Popen(
                    [sys.executable, "-m", "vecindex.cli.app", *words],
                    env={**kept, **variables},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                ) as process:
                    _, status, used = os.wait4(process.pid, 0)
                    process.returncode = os.waitstatus_to_exitcode(status)
                assert process.returncode == 0
                found = {
                    "cpu_s": round(used.ru_utime + used.ru_stime, 2),
                    "wall_s": round(time.perf_counter() - begun, 1),
                    "rows": args.rows,
                }
                row = {"bench": "waiting", "round": number, "way": way, **found, **machine()}
                with args.out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(way, found, row["load"], flush=True)


if __name__ == "__main__":
    main()

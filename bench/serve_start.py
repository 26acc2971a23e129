"""What a server takes from its start until its first map can be sent: the first time, and from the second start on.

    python bench/serve_start.py DB [--rounds 2]

DB is a database whose table of articles has a map. Each start is a process of its own, with a cache of its own that
is empty at the first start. CPU seconds are those of the process, imports included, the interpreter's start not.
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


def start(db: str) -> dict[str, object]:
    """Open the table and have its map ready to be sent."""
    mark, begun = time.process_time(), time.perf_counter()
    from vecindex.serve.table.live import Live
    from vecindex.serve.table.served import Served

    live = Live(Served(db, "articles"))
    at = live.snapshot()
    first = live.default_map(at.loaded.table)
    assert first is not None, "a map"
    shown = live.shown(at, first.name)
    cpu, wall = time.process_time() - mark, time.perf_counter() - begun
    return {
        "cpu_s": round(cpu, 2),
        "wall_s": round(wall, 2),
        "rows": at.loaded.reader.rows,
        "bytes": sum(map(len, shown.sections.values())),
    }


def main() -> None:
    """Measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("db")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "serve_start.jsonl")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(start(args.db)))
        return
    for number in range(args.rounds):
        with tempfile.TemporaryDirectory() as cache:
            for which in ("first", "second", "third"):
                done = subprocess.run(
                    [sys.executable, __file__, args.db, "--one"],
                    capture_output=True,
                    text=True,
                    check=True,
                    env={**os.environ, "XDG_CACHE_HOME": cache},
                )
                found = json.loads(done.stdout.strip().splitlines()[-1])
                row = {"bench": "serve_start", "round": number, "start": which, **found, **machine()}
                with args.out.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                print(which, found, flush=True)


if __name__ == "__main__":
    main()

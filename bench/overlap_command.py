"""The whole command `vecindex overlap` on questions whose vectors are kept: seconds, stages and peak memory.

    python bench/overlap_command.py --db DIR --questions FILE [--map NAME] [--rounds 5]

Each round is a process of its own, from the start of the interpreter to its end; one before them fills the caches and
embeds the questions if need be. "vectors_mb" is the size of the table's vectors, for comparison with the peak.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from machine import machine


def once(command: list[str]) -> dict[str, object]:
    """Run the command; return wall and processor seconds, peak memory and the stages that it tells."""
    begun = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        told = json.loads(process.stdout.read())
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begun
    assert process.returncode == 0
    return {
        "seconds": seconds,
        "processor_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss * 1024 / 1e6,
        "stages": {name: round(value, 3) for name, value in told["seconds"].items()},
        "articles": told["articles"],
        "questions": told["questions"],
    }


def main() -> None:
    """Measure, and write a row with the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--questions", required=True)
    parser.add_argument("--map")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "overlap_command.jsonl")
    args = parser.parse_args()
    command = [sys.executable, "-m", "vecindex.cli.app", "overlap", "--db", args.db, "--questions", args.questions]
    command += ["--json", *(["--map", args.map] if args.map else [])]
    once(command)
    rounds = [once(command) for _ in range(args.rounds)]
    middle = sorted(rounds, key=lambda r: float(str(r["seconds"])))[len(rounds) // 2]

    from vecindex.store.database import Database

    table = Database(Path(args.db)).articles("articles")
    row = {
        "bench": "overlap_command",
        "map": args.map,
        **middle,
        "all_seconds": [round(float(str(r["seconds"])), 3) for r in rounds],
        "peak_mb": statistics.median(float(str(r["peak_mb"])) for r in rounds),
        "vectors_mb": table.count() * table.fingerprint.dimension * 4 / 1e6,
        **machine(),
    }
    with args.out.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row))


if __name__ == "__main__":
    main()

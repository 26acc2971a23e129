"""How long `vecindex --help` takes, start of the interpreter included; the budget is 0.3 s.

python bench/startup.py [--rounds 20] [--out bench/results/startup.jsonl]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from machine import machine


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "startup.jsonl")
    args = parser.parse_args()
    seconds = []
    for _ in range(args.rounds + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-m", "vecindex.cli.app", "--help"], check=True, capture_output=True)
        seconds.append(time.perf_counter() - start)
    row = {"bench": "startup", "help_s": [round(s, 4) for s in seconds[1:]], **machine()}
    with args.out.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(f"median {statistics.median(seconds[1:]):.3f} s, longest {max(seconds[1:]):.3f} s")


if __name__ == "__main__":
    main()

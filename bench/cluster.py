"""What Ray costs: the same texts and model in one process and by one worker on this machine, in turns.

    python bench/cluster.py wikipedia.parquet [--texts 4000] [--rounds 3] [--out bench/results/cluster.jsonl]

Each engine embeds few and many texts into tables of their own; the difference is the pace beyond the start. CPU
seconds are those of all processes, Ray's own included, sampled while they live; those of the command alone are what
one process can feed. OMP_NUM_THREADS is what it is: the same for both.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from machine import machine

FEW = 300
ENGINES: dict[str, tuple[str, ...]] = {
    "one process": (),
    "ray": ("--engine", "ray", "--worker-cores", str(os.cpu_count())),
}


def measured(command: list[str]) -> dict[str, float]:
    """Run a command; return its wall seconds, and the CPU seconds of all its processes and of the first one."""
    start, used = time.perf_counter(), dict[int, float]()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    first = psutil.Process(process.pid)
    while process.poll() is None:
        with suppress(psutil.Error):
            for one in [first, *first.children(recursive=True)]:
                with suppress(psutil.Error):
                    times = one.cpu_times()
                    used[one.pid] = times.user + times.system
        time.sleep(0.1)
    assert process.returncode == 0, process.stderr and process.stderr.read().decode()
    return {
        "wall_s": round(time.perf_counter() - start, 2),
        "cpu_s": round(sum(used.values()), 2),
        "command_cpu_s": round(used[process.pid], 2),
        "processes": len(used),
    }


def ingest(rows: Path, folder: Path, number: int, *more: str) -> dict[str, float]:
    """Embed the rows into a table of their own."""
    db = folder / f"db{number}"
    return measured([sys.executable, "-m", "vecindex.cli.app", "ingest", str(rows), "--db", str(db), *more])


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="Parquet with articles")
    parser.add_argument("--texts", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "cluster.jsonl")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, args.out.open("a") as out:
        folder, number = Path(scratch), 0
        table = next(pq.ParquetFile(args.corpus).iter_batches(args.texts))
        files = {}
        for n in (FEW, args.texts):
            files[n] = folder / f"rows-{n}.parquet"
            pq.write_table(pa.Table.from_batches([table.slice(0, n)]), files[n])
        out.write(json.dumps({"bench": "cluster", "threads": os.environ.get("OMP_NUM_THREADS"), **machine()}) + "\n")
        for round_ in range(args.rounds):
            for engine, more in ENGINES.items():
                found = {}
                for n, rows in files.items():
                    number += 1
                    found[n] = ingest(rows, folder, number, *more)
                row = {"bench": "cluster", "round": round_, "engine": engine, "texts": [FEW, args.texts]}
                for name in ("wall_s", "cpu_s", "command_cpu_s"):
                    few, many = found[FEW][name], found[args.texts][name]
                    row |= {name: [few, many], f"{name}_a_text": round((many - few) / (args.texts - FEW), 6)}
                print(row, flush=True)
                out.write(json.dumps({**row, "load": round(os.getloadavg()[0], 2)}) + "\n")
                out.flush()


if __name__ == "__main__":
    main()

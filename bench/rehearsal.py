"""A dry run against the run that it foretells: how long it takes over a large corpus, how good its forecast is.

    python bench/rehearsal.py CORPUS.parquet [--run-rows 1500] [--rounds 1] [--parts speed,forecast]

Speed: the whole corpus in four formats, each rehearsed by a process of its own; its wall and CPU seconds are those of
the process. Before the first one nothing is known of the model's speed, so that it is loaded and measured. Forecast:
rows of mixed length (40 to 3,000 characters, as many short as long ones on a logarithmic scale) are rehearsed and
ingested, each by a process of its own: first with nothing known of the speed, then, after the run, by what it
remembers. All is done twice: by the clock, and with the CPU seconds of the process in place of the clock
everywhere, which other load on the machine hardly changes. Each clock has a cache of its own.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from machine import machine

SHORTEST, LONGEST = 40, 3_000


def rows_of(corpus: Path) -> Iterator[dict[str, Any]]:
    """Yield the corpus's rows, in its order."""
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(corpus).iter_batches():
        yield from batch.to_pylist()


def write_formats(corpus: Path, folder: Path) -> list[Path]:
    """Write the corpus as JSON lines, CSV and packed JSON lines; return these and itself."""
    paths = [folder / "corpus.jsonl", folder / "corpus.csv", folder / "corpus.jsonl.gz"]
    with (
        paths[0].open("w") as lines,
        paths[1].open("w", newline="") as table,
        gzip.open(paths[2], "wt", compresslevel=3) as packed,
    ):
        writer = None
        for row in rows_of(corpus):
            line = json.dumps(row, ensure_ascii=False) + "\n"
            lines.write(line)
            packed.write(line)
            if writer is None:
                writer = csv.DictWriter(table, list(row))
                writer.writeheader()
            writer.writerow(row)
    return [*paths, corpus]


def write_mixed(corpus: Path, target: Path, n: int) -> None:
    """Write n rows of mixed length; the long ones are of several neighboring texts."""
    rng = random.Random(5)
    texts = [row["text"] for _, row in zip(range(4 * n), rows_of(corpus), strict=False)]
    with target.open("w") as file:
        for i in range(n):
            length = int(SHORTEST * (LONGEST / SHORTEST) ** rng.random())
            text = " ".join(texts[4 * i : 4 * i + 4])[:length]
            file.write(json.dumps({"id": str(i), "text": text}, ensure_ascii=False) + "\n")


def measured(source: Path, db: Path, cache: Path, *options: str) -> dict[str, Any]:
    """Ingest in a process of its own; return its report, and the wall and CPU seconds of the process."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, __file__, str(source), "--child", str(db), *options],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
    )
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{source}: exit code {process.returncode}")
    seconds = {"process_wall_s": time.perf_counter() - start, "process_cpu_s": usage.ru_utime + usage.ru_stime}
    return {**json.loads(out), **seconds}


def child(source: Path, db: Path, dry_run: bool, cpu_clock: bool) -> None:
    """Be the measured process."""
    if cpu_clock:
        time.perf_counter = time.process_time
    import vecindex

    start = time.perf_counter()
    report = vecindex.open(db).ingest(source, dry_run=dry_run)
    took = time.perf_counter() - start
    print(json.dumps({"took_s": took, "report": report.to_dict()}))


def main() -> None:
    """Measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--run-rows", type=int, default=1_500)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--parts", default="speed,forecast")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "rehearsal.jsonl")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--dry-run", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--cpu-clock", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        child(args.corpus, args.child, args.dry_run, args.cpu_clock)
        return
    rows = list[dict[str, Any]]()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if "speed" in args.parts:
            paths = write_formats(args.corpus, folder)
            for path in [paths[0], *paths * args.rounds]:
                done = measured(path, folder / "none", folder / "speed", "--dry-run")
                seconds = {name: round(done[name], 2) for name in ("process_wall_s", "process_cpu_s")}
                estimate = done["report"]["estimate"]
                kind = path.name.removeprefix("corpus.") if path != args.corpus else "parquet"
                rows.append(
                    {"part": "speed", "format": kind, "rows": estimate["rows"], **seconds, **estimate["basis"]}
                )
        if "forecast" in args.parts:
            mixed = folder / "mixed.jsonl"
            write_mixed(args.corpus, mixed, args.run_rows)
            for number in range(args.rounds):
                for clock in ([], ["--cpu-clock"]):
                    cache = folder / f"cache{number}{len(clock)}"
                    told = [measured(mixed, folder / "none", cache, "--dry-run", *clock)["report"]["estimate"]]
                    took = measured(mixed, folder / f"db{number}{len(clock)}", cache, *clock)
                    told.append(measured(mixed, folder / "none", cache, "--dry-run", *clock)["report"]["estimate"])
                    for one in told:
                        rows.append(
                            {
                                "part": "forecast",
                                "clock": "cpu" if clock else "wall",
                                "speed": "measured" if one["basis"]["remembered"] is None else "remembered",
                                "rows": args.run_rows,
                                "forecast_s": round(one["seconds"], 2),
                                "took_s": round(took["took_s"], 2),
                                "forecast_ratio": round(one["seconds"] / took["took_s"], 3),
                                "probed_texts": one["basis"]["probed_texts"],
                                "forecast_texts_per_s": one["texts_per_s"],
                                "texts_per_s": took["report"]["texts_per_s"],
                                "run_seconds": took["report"]["seconds"],
                            }
                        )
    with args.out.open("a") as file:
        for i, row in enumerate(rows):
            file.write(json.dumps({"bench": "rehearsal", **row, **({} if i else machine())}) + "\n")
            print(row)


if __name__ == "__main__":
    main()

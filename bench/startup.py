"""What starting costs: processor seconds of whole commands on a small table, and the time of `vecindex --help`.

    python bench/startup.py [--rounds 5] [--rows 10000] [--db DIR] [--other NAME=SRC ...]

Each command is a process of its own, from the start of the interpreter to its end. The database is made once, with
the sample's articles, random vectors up to `--rows`, and a map; `--db` keeps it for the next run. `--other` names the
`src` folder of another checkout, which is measured in turns with this one.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import machine

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
ARTICLES = [str(path) for path in sorted(EXAMPLES.glob("articles-*.jsonl"))]
QUESTIONS = str(EXAMPLES / "questions-cell-biology.jsonl")
NEW = '{"id": "startup-1", "text": "A cell divides once its chromosomes are apart."}\n'


def commands(folder: Path) -> dict[str, list[str]]:
    """Return what is measured, by name."""
    found = {
        "status": ["status"],
        "search": ["search", "how do tissues get rid of damaged cells"],
        "search_where": ["search", "how do tissues get rid of damaged cells", "--where", "topic = 'cell biology'"],
        "overlap": ["overlap", "--questions", QUESTIONS],
        "map": ["map", str(folder / "map.html")],
        "ingest_unchanged": ["ingest", *ARTICLES],
        "ingest_one": ["ingest", str(folder / "new.jsonl")],
    }
    return {name: [*words, "--db", str(folder / "db")] for name, words in found.items()}


def make(folder: Path, rows: int) -> None:
    """Make the database: the sample, random unit vectors up to so many rows, a map."""
    import numpy as np
    import pyarrow as pa

    import vecindex
    from vecindex.store.database import Database

    vecindex.open(folder / "db").ingest(*ARTICLES)
    table = Database(folder / "db").articles("articles")
    old = table.lance.to_lance().to_table()
    more = rows - len(old)
    drawn = np.random.default_rng(1).standard_normal((more, table.fingerprint.dimension)).astype(np.float32)
    drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
    kept = old.take(pa.array(np.arange(more) % len(old)))
    flat = pa.FixedSizeListArray.from_arrays(pa.array(drawn.ravel()), type=old.schema.field("vector").type)
    for column, values in (("id", pa.array([f"r{i:06d}" for i in range(more)])), ("vector", flat)):
        at = kept.schema.get_field_index(column)
        kept = kept.set_column(at, old.schema.field(at), values)
    table.append(kept)
    run(["project", "map", "--method", "pca", "--db", str(folder / "db")], {})


def run(words: list[str], environment: dict[str, str]) -> tuple[float, float, float]:
    """Run a command; return its (processor seconds, wall seconds, peak memory in MB)."""
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "vecindex.cli.app", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "HF_HUB_OFFLINE": "1", **environment},
    ) as process:
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said.decode()
    return used.ru_utime + used.ru_stime, time.perf_counter() - begun, used.ru_maxrss * 1024 / 1e6


def main() -> None:
    """Measure, and write a row for each command and tree."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--db", type=Path, help="folder for the database and what is written next to it")
    parser.add_argument("--other", action="append", default=[], metavar="NAME=SRC")
    parser.add_argument("--only", help="the names of the commands, with commas")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "startup.jsonl")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.make:
        make(args.make, args.rows)
        return
    with tempfile.TemporaryDirectory() as spare:
        folder = args.db or Path(spare)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "db").exists():
            # In a process of its own, whose memory the measured ones do not begin with.
            subprocess.run([sys.executable, __file__, "--rows", str(args.rows), "--make", str(folder)], check=True)
        (folder / "new.jsonl").write_text(NEW)
        measure(args, folder)


def measure(args: argparse.Namespace, folder: Path) -> None:
    """Run each command in turns with those of the other trees, once more than is counted."""
    trees = {"this": str(ROOT / "src"), **dict(one.split("=", 1) for one in args.other)}
    wanted = {"help": ["--help"], **commands(folder)}
    about = machine()
    for name in args.only.split(",") if args.only else wanted:
        taken: dict[str, list[tuple[float, float, float]]] = {tree: [] for tree in trees}
        for counted in range(args.rounds + 1):
            for tree, source in trees.items():
                if name == "ingest_one":
                    run(["delete", "startup-1", "--yes", "--db", str(folder / "db")], {}) if counted else None
                figures = run(wanted[name], {"PYTHONPATH": source})
                if counted:
                    taken[tree].append(figures)
        for tree, figures in taken.items():
            row = {"bench": "startup", "command": name, "rows": args.rows, "tree": tree}
            for key, values in zip(("cpu_s", "wall_s", "peak_mb"), zip(*figures, strict=True), strict=True):
                row[key] = [round(value, 3) for value in values]
            with args.out.open("a") as file:
                file.write(json.dumps({**row, **about}) + "\n")
            cpu = statistics.median(row["cpu_s"])
            print(f"{name:18} {tree:8} {cpu:6.2f} CPU s  {statistics.median(row['peak_mb']):6.0f} MB")


if __name__ == "__main__":
    main()

"""What starting costs: processor seconds of whole commands on a small table, and the time of `vecindex --help`.

    python bench/startup.py [--rounds 5] [--rows 10000] [--db DIR] [--other NAME=SRC ...]
    python bench/startup.py --again RECORDS.parquet --db DIR [--rounds 3] [--other NAME=SRC ...]

Each command is a process of its own, from the start of the interpreter to its end. The database is made once, with
the sample's articles, random vectors up to `--rows`, and a map; `--db` keeps it for the next run. `--other` names the
`src` folder of another checkout, which is measured in turns with this one.

With `--again` an ingest of unchanged rows is measured: RECORDS (id, title, section, text) as Parquet, JSON lines and
CSV. Each tree has a table of its own in DIR, as their formats differ. It gets random vectors, but the hashes of rows
whose texts are embedded, so that the files need no vectors.
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
from typing import Any

from machine import machine

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
ARTICLES = [str(path) for path in sorted(EXAMPLES.glob("articles-*.jsonl"))]
QUESTIONS = str(EXAMPLES / "questions-cell-biology.jsonl")
VALUES, REJECTS = 384, 6
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


def write_again(records: Path, folder: Path) -> None:
    """Write the records in three formats, and random vectors for a table of them."""
    import csv

    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pq.ParquetFile(records)
    n = file.metadata.num_rows
    np.save(folder / "again.npy", np.random.default_rng(0).standard_normal((n, VALUES)).astype(np.float32))
    names = ["id", "title", "section", "text"]
    with (
        pq.ParquetWriter(folder / "again.parquet", pa.schema([(name, pa.string()) for name in names])) as columns,
        (folder / "again.jsonl").open("w", encoding="utf-8") as lines,
        (folder / "again.csv").open("w", encoding="utf-8", newline="") as cells,
    ):
        writer = csv.writer(cells)
        writer.writerow(names)
        for batch in file.iter_batches(50_000, columns=names):
            # CSV has no empty texts that are there.
            parts = [pc.if_else(pc.equal(batch[name], ""), "-", batch[name]) for name in names]
            part = pa.table(dict(zip(names, parts, strict=True)))
            columns.write_table(part)
            rows = part.to_pylist()
            lines.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            writer.writerows(list(row.values()) for row in rows)


def make_again(folder: Path, tree: str) -> None:
    """Make the table of a tree, which is the one that is imported: vectors are given, hashes are those of texts."""
    from dataclasses import replace
    from importlib import import_module

    import vecindex

    try:
        steps = import_module("vecindex.verbs.ingest.plan"), import_module("vecindex.verbs.ingest.prepare")
    except ModuleNotFoundError:
        # Trees of former times.
        steps = import_module("vecindex.pipeline.plan"), import_module("vecindex.pipeline.prepare")
    plan, prepare = steps
    content_hash, settle = plan.content_hash, prepare.settle_fingerprint

    def without_vector(read: str, title: str | None, text: str, extra: dict[str, object], vector: bytes) -> str:
        return str(content_hash(read, title, text, extra))

    def settled(run: Any, *others: Any) -> None:
        settle(run, *others)
        run.fingerprint = replace(run.fingerprint, weights=run.choice.files.weights)

    plan.content_hash, prepare.settle_fingerprint = without_vector, settled
    index = vecindex.open(folder / f"again-{tree}")
    index.ingest(folder / "again.parquet", vectors=folder / "again.npy", model="all-MiniLM-L6-v2", unverified=True)


def measure_again(args: argparse.Namespace, folder: Path) -> None:
    """Run the ingest of unchanged rows by each tree in turns."""
    from pyarrow.parquet import read_metadata

    rows = read_metadata(args.again).num_rows
    trees = {"this": str(ROOT / "src"), **dict(one.split("=", 1) for one in args.other)}
    if not (folder / "again.csv").exists():
        write_again(args.again, folder)
    for tree, source in trees.items():
        if not (folder / f"again-{tree}").exists():
            command = [sys.executable, __file__, "--make-again", tree, "--db", str(folder)]
            subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": source})
    for counted in range(args.rounds):
        for ending in ("parquet", "jsonl", "csv"):
            for tree, source in trees.items():
                words = ["ingest", str(folder / f"again.{ending}"), "--db", str(folder / f"again-{tree}")]
                cpu, wall, peak = run(words, {"PYTHONPATH": source}, may_reject=True)
                row = {"bench": "startup", "command": f"ingest_unchanged_{ending}", "rows": rows, "tree": tree}
                row |= {"round": counted, "cpu_s": round(cpu, 2), "wall_s": round(wall, 2), "peak_mb": round(peak, 1)}
                with args.out.open("a") as file:
                    file.write(json.dumps({**row, **machine()}) + "\n")
                print(f"{ending:8} {tree:8} {cpu:6.2f} CPU s  {wall:6.2f} s  {peak:6.0f} MB", flush=True)


def run(words: list[str], environment: dict[str, str], may_reject: bool = False) -> tuple[float, float, float]:
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
    assert process.returncode in ((0, REJECTS) if may_reject else (0,)), said.decode()
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
    parser.add_argument("--again", type=Path, metavar="RECORDS", help="measure a second ingest of these")
    parser.add_argument("--make-again", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.make_again:
        make_again(args.db, args.make_again)
        return
    if args.again:
        args.db.mkdir(parents=True, exist_ok=True)
        measure_again(args, args.db)
        return
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

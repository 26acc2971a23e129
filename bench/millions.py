"""What each command costs as a table grows past a million rows: seconds, CPU seconds, peak memory and disk.

    python bench/millions.py --rows 1000 100000 1000000 --folder DIR [--only ingest resume ...] [--note TEXT]
    python bench/millions.py --fit [--notes NOTE ...]

The rows are synthetic: short texts, 16 values a vector around 2,000 centers, ids in no order. They are written to a
Parquet file in DIR once, about 95 bytes a row; the database next to it takes about 260. Each command is a process of
its own, one thread. `map` is the cheapest one (pca): what is measured is that a map of so many rows is read,
scored and written. `--fit` prints the exponent of each command's growth between the sizes in the results.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from machine import machine

RESULTS = Path(__file__).parent / "results" / "millions.jsonl"
DIMENSION, CENTERS, NOISE, BLOCK = 16, 2_000, 0.5, 50_000
MODEL = ("--model", "all-MiniLM-L6-v2", "--dimensions", str(DIMENSION), "--unverified")
# Prime, and the ids have eight digits.
STEP, MODULUS = 7_919, 99_999_989
QUESTIONS = 20
MEMORY = "1GB"


def id_of(row: int) -> str:
    """Return the id of a row: in no order, and unique."""
    return f"{row * STEP % MODULUS:08d}"


def write_rows(path: Path, rows: int) -> None:
    """Write the source, a block at a time."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    centers = rng.normal(size=(CENTERS, DIMENSION)).astype(np.float32)
    kind = pa.list_(pa.float32(), DIMENSION)
    schema = pa.schema([("id", pa.string()), ("text", pa.string()), ("vector", kind)])
    with pq.ParquetWriter(path, schema) as out:
        for at in range(0, rows, BLOCK):
            some = min(BLOCK, rows - at)
            vectors = centers[rng.integers(0, CENTERS, some)]
            vectors = vectors + NOISE * rng.normal(size=(some, DIMENSION)).astype(np.float32)
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
            ids = [id_of(row) for row in range(at, at + some)]
            texts = [f"passage {one}" for one in ids]
            column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.astype(np.float32).ravel()), type=kind)
            out.write_table(pa.table([pa.array(ids), pa.array(texts), column], schema=schema))


def commands(folder: Path, source: Path) -> dict[str, list[str]]:
    """Return what is run, by name, in order."""
    ingest = ["ingest", str(source), "--vector-field", "vector", *MODEL]
    questions = folder / "questions.txt"
    questions.write_text("".join(f"What does passage {i} say about its subject?\n" for i in range(QUESTIONS)))
    near = ["search", "--id", id_of(5), "-k", "10"]
    return {
        "ingest": ingest,
        "resume": ingest,
        "status": ["status"],
        "search": near,
        "index": ["index"],
        "approximate": [*near, "--approximate"],
        "map": ["project", "--method", "pca"],
        "overlap": ["overlap", "--questions", str(questions)],
        "map, bounded": ["project", "bounded", "--method", "pca", "--memory", MEMORY],
        "overlap, bounded": ["overlap", "--questions", str(questions), "--map", "map", "--memory", MEMORY],
        "export": ["export", str(folder / "out.parquet"), "--yes"],
    }


def run(name: str, command: list[str], database: Path) -> dict[str, Any]:
    """Run one command; return what it took and, where it says so, of how many rows."""
    arguments = [sys.executable, "-m", "vecindex.cli.app", *command, "--db", str(database), "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    begun = time.perf_counter()
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as process:
        said, complaints = process.communicate()
        seconds = time.perf_counter() - begun
    assert process.returncode == 0, f"{name} ended with {process.returncode}: {complaints.decode()[-2000:]}"
    found = json.loads(said) if said.strip().startswith(b"{") else {}
    curve = {"curve": found["curve"]["points"]} if found.get("curve") else {}
    return {"seconds": seconds, "stages": found.get("seconds"), **curve}


def measured(name: str, command: list[str], database: Path) -> dict[str, Any]:
    """Run one command in a child of its own, whose children's CPU seconds and peak memory are its alone."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        import resource

        try:
            found = run(name, command, database)
            used = resource.getrusage(resource.RUSAGE_CHILDREN)
            found |= {"cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1e3}
        except AssertionError as error:
            found = {"failed": str(error)}
        os.write(writer, json.dumps(found).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        row: dict[str, Any] = json.loads(answer.read())
    os.waitpid(child, 0)
    return row


def bytes_in(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def fit(notes: list[str]) -> None:
    """Print the exponents of CPU seconds and memory between neighboring sizes."""
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    rows = [row for row in rows if "cpu_s" in row and (not notes or row["note"] in notes)]
    for name in dict.fromkeys(row["what"] for row in rows):
        last = {row["rows"]: row for row in rows if row["what"] == name}
        sizes = sorted(last)
        for key in ("cpu_s", "peak_mb"):
            cost = [float(last[n][key]) for n in sizes]
            grown = [
                f"{math.log(b / a) / math.log(m / n):.2f}"
                for a, b, n, m in zip(cost, cost[1:], sizes, sizes[1:], strict=False)
            ]
            shown = ", ".join(f"{n:,}: {c:,.1f}" for n, c in zip(sizes, cost, strict=True))
            print(f"{name} {key}: {shown}; exponents {', '.join(grown) or 'none'}")


def main() -> None:
    """Measure each size, or fit what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--note", default="")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--notes", nargs="*", default=[])
    args = parser.parse_args()
    if args.fit:
        fit(args.notes)
        return
    if args.folder is None:
        parser.error("--folder names where the rows and the database go")
    args.folder.mkdir(parents=True, exist_ok=True)
    for rows in args.rows:
        measure(args, rows)


def measure(args: argparse.Namespace, rows: int) -> None:
    """Run each command on a table of so many rows, and write a row for it."""
    source, database = args.folder / f"{rows}.parquet", args.folder / f"{rows}.db"
    if not source.exists():
        # Elsewhere: what this process holds counts as the peak of those that it starts.
        writing = multiprocessing.get_context("spawn").Process(target=write_rows, args=(source, rows))
        writing.start()
        writing.join()
    here = machine()
    for name, command in commands(args.folder, source).items():
        if args.only and name not in args.only:
            continue
        found = measured(name, command, database)
        row = {"bench": "millions", "note": args.note, "rows": rows, "what": name, **found}
        row |= {"database_mb": bytes_in(database) / 1e6}
        with args.out.open("a") as file:
            file.write(json.dumps({**row, **here, "load": round(os.getloadavg()[0], 2)}) + "\n")
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()

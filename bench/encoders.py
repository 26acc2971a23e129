"""Static models and embedding services against the offline model in this process: texts a second, memory, neighbors.

    python bench/encoders.py static --corpus FILE --vectors FILE.npy [--queries 300]
    python bench/encoders.py service --corpus FILE [--texts 2000]

"static" ingests the whole corpus with a static model, made of the token vectors of all-MiniLM-L6-v2, and compares the
10 nearest of some articles with those by `--vectors`, of MiniLM itself (int8 or float32, row by row as the corpus).
"service" ingests some texts through a service on loopback that runs MiniLM, and with MiniLM in the process. Each
ingest is the command in a process of its own; its time and memory are the process's, imports included.
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
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from machine import machine

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
K = 10


def ingested(db: Path, corpus: Path, *options: str) -> dict[str, Any]:
    """Ingest as the command does; return its seconds, CPU seconds, peak memory and report."""
    command = [sys.executable, "-m", "vecindex.cli.app", "ingest", str(corpus), "--db", str(db), "--json", *options]
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    assert status == 0, f"{command}: {status}"
    report = json.loads(printed)
    return {
        "texts": report["added"],
        "wall_s": round(wall, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(usage.ru_maxrss / 1e3),
        "texts_per_s": round(report["added"] / wall, 1),
        "model_texts_per_s": report["texts_per_s"] and round(report["texts_per_s"], 1),
        "device": report["device"],
        "precision": report["precision"],
    }


def nearest(vectors: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the K nearest other rows of some rows of unit vectors."""
    dots = vectors[rows] @ vectors.T
    dots[np.arange(len(rows)), rows] = -np.inf
    return np.argpartition(-dots, K, axis=1)[:, :K]


def static(args: argparse.Namespace) -> dict[str, Any]:
    """Ingest with a static model, and compare neighbors."""
    from static_models import save_static
    from vecindex.store.database import Database

    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        model = save_static(Path(folder) / "static")
        row = ingested(Path(folder) / "db", args.corpus, "--model", str(model))
        ids, made = Database(Path(folder) / "db").articles("articles").vectors()
    order = {one: at for at, one in enumerate(pq.read_table(args.corpus, columns=["id"])["id"].to_pylist())}
    at = np.array([order[one] for one in ids])
    theirs = np.load(args.vectors, mmap_mode="r")[at].astype(np.float32)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    some = np.sort(np.random.default_rng(0).permutation(len(ids))[: args.queries])
    both = zip(nearest(made, some).tolist(), nearest(theirs, some).tolist(), strict=True)
    return {
        **row,
        "queries": args.queries,
        f"common@{K}": round(float(np.mean([len({*a} & {*b}) / K for a, b in both])), 4),
    }


def service(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Ingest through a service, and with the same model in the process."""
    from embedding_service import serving

    rows = []
    with tempfile.TemporaryDirectory(dir=args.folder) as folder, serving() as running:
        some = Path(folder) / "some.jsonl"
        read = pq.read_table(args.corpus, columns=["id", "text"]).slice(0, args.texts).to_pylist()
        some.write_text("".join(json.dumps(one) + "\n" for one in read), encoding="utf-8")
        for way, options in (("service", ["--model", running.url]), ("in process", ["--precision", "fp32"])):
            rows.append({"way": way, **ingested(Path(folder) / way, some, *options)})
    return rows


def main() -> None:
    """Measure, and keep the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("static", "service"))
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--texts", type=int, default=2_000)
    parser.add_argument("--folder", type=Path, help="for the databases [default: that for temporary files]")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "encoders.jsonl")
    args = parser.parse_args()
    found = [static(args)] if args.what == "static" else service(args)
    with args.out.open("a") as file:
        for row in found:
            file.write(json.dumps({"bench": "encoders", "what": args.what, **row, **machine()}) + "\n")
            print(row)


if __name__ == "__main__":
    main()

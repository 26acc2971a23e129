"""One exact search after another from Python, vectors in memory: `Index.search` next to FAISS's flat index.

    python bench/warm_search.py DB [--rounds 3] [--queries 300] [--threads 1]

DB is a database with a table of articles and stored questions. Each way is a process of its own, and they take turns.
A query is a stored question's vector, the 10 nearest are asked for, one query at a time. The CPU time is that of the
whole process, threads included.

- faiss: `IndexFlatIP.search` with nothing set. It gives numbers of rows and their products.
- vecindex: `Index.search(vector=...)`: the version looked up, the vectors in memory, hits with titles and texts.
- where: the same with a condition that most rows meet; few: with one that a twentieth meet. Each condition is new to
  the process at its first query, which counts.
- disk: `Index.search` without vectors in memory, as the first queries of an index are.

All ways must find the same rows; faiss may order rows of about equal products otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from machine import machine

K = 10
WAYS = ("faiss", "vecindex", "where", "few", "disk")
CONDITIONS = {"where": "section IS NOT NULL", "few": "title LIKE 'A%'"}


def asked(db: str, count: int) -> np.ndarray:
    """Return the vectors of the stored questions."""
    import lance

    rows = lance.dataset(f"{db}/questions.lance").to_table(columns=["vector"]).column("vector").combine_chunks()
    flat = rows.flatten().to_numpy().astype(np.float32)
    return flat.reshape(len(rows), -1)[:count]


def measure(way: str, db: str, count: int) -> dict[str, object]:
    """Ask each query once, after as many as it takes until vectors are in memory; return the times."""
    import lance

    import vecindex

    queries = asked(db, count)
    if way == "faiss":
        import faiss

        rows = lance.dataset(f"{db}/articles.lance").to_table(columns=["id", "vector"])
        matrix = rows.column("vector").combine_chunks().flatten().to_numpy().reshape(len(rows), -1)
        index = faiss.IndexFlatIP(matrix.shape[1])
        index.add(matrix)
        ids = rows.column("id").to_pylist()

        def ask(query: np.ndarray) -> list[str]:
            return [ids[row] for row in index.search(query[None], K)[1][0]]
    else:
        if way == "disk":
            os.environ["VECINDEX_VECTOR_MB"] = "0"
        table, where = vecindex.open(db), CONDITIONS.get(way)

        def ask(query: np.ndarray) -> list[str]:
            return [hit.id for hit in table.search(vector=query, k=K, where=where).hits]

        for query in queries[:5]:
            table.search(vector=query, k=K)
    cpu, wall, found = [], [], []
    for query in queries:
        begun, mark = time.perf_counter(), time.process_time()
        found.append(ask(query))
        cpu.append(1_000 * (time.process_time() - mark))
        wall.append(1_000 * (time.perf_counter() - begun))

    def shown(values: list[float]) -> dict[str, float]:
        return {f"p{share}": round(float(np.percentile(values, share)), 2) for share in (50, 95, 99)}

    return {
        "cpu_ms": shown(cpu),
        "wall_ms": shown(wall),
        "queries": len(queries),
        "sets": [sorted(one) for one in found],
    }


def main() -> None:
    """Measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("db")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--threads", type=int, help="OMP_NUM_THREADS of all; none is set without it")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "warm_search.jsonl")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        print(json.dumps(measure(args.way, args.db, args.queries)))
        return
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    if args.threads:
        environment["OMP_NUM_THREADS"] = str(args.threads)
    right: list[list[str]] | None = None
    for number in range(args.rounds):
        for way in WAYS:
            command = [sys.executable, __file__, args.db, "--way", way, "--queries", str(args.queries)]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            found = json.loads(done.stdout.strip().splitlines()[-1])
            sets = found.pop("sets")
            right = right or sets
            same = sum(one == other for one, other in zip(sets, right, strict=True))
            row = {"bench": "warm_search", "round": number, "way": way, "threads": args.threads, "k": K, **found}
            if way not in CONDITIONS:
                row["equal_sets"] = same
            with args.out.open("a") as file:
                file.write(json.dumps({**row, **machine()}) + "\n")
            print(way, "CPU", found["cpu_ms"], "wall", found["wall_ms"], f"{same} equal", flush=True)


if __name__ == "__main__":
    main()

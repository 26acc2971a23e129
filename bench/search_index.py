"""Approximate search: what each index finds and costs, against exact search, LanceDB itself, FAISS and usearch.

    python bench/search_index.py --db DB [--table articles] [--types IVF_SQ IVF_RQ] [--recall 0.95]
        [--queries 300] [--block 25] [--faiss] [--usearch PYTHON]

DB is written to: each type is built in turn (`vecindex index --type`), then queried. Queries are rows of the table
that the curve was not measured on, without themselves, and the stored questions. The ways take turns, a block of
queries each, one query at a time, after one block to warm up:

- call: `Index.search(vector=..., approximate=True)`, which keeps the table open from call to call
- open: the search within it alone, of a table that is open
- lancedb, lance: the libraries themselves, an open table, the same nprobes, refine factor, rows and columns
- exact: vecindex without an index, an open table (the first blocks only)
- faiss, usearch: HNSW in processes of their own, vectors in memory, M 16, efConstruction 40; the smallest efSearch
  that reaches the recall

`--usearch` names the Python of an environment that has usearch and numpy. One thread everywhere.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

K = 10
EFS = (16, 24, 32, 48, 64, 96, 128, 192, 256)
OUT = Path(__file__).parent / "results" / "search_index.jsonl"


def share(hits: list[list[int]], right: np.ndarray) -> float:
    """Return recall@10: rows that are as near as the tenth count."""
    return float(np.mean([len(set(a[:K]) & set(b.tolist())) / K for a, b in zip(hits, right, strict=True)]))


def peer(kind: str, folder: Path, recall: float) -> None:
    """Build HNSW of the vectors in a folder, choose efSearch, then search the blocks that standard input names."""
    vectors, queries = np.load(folder / "vectors.npy"), np.load(folder / "queries.npy")
    right = np.load(folder / "right.npy")
    own = np.load(folder / "own.npy")
    begun = time.process_time()
    if kind == "faiss":
        import faiss

        faiss.omp_set_num_threads(1)
        index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 40
        index.add(vectors)
        size = len(faiss.serialize_index(index))
    else:
        from usearch.index import Index

        index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=40)
        index.add(np.arange(len(vectors)), vectors, threads=1)
        size = index.serialized_length
    built = time.process_time() - begun

    def search(i: int, ef: int) -> list[int]:
        if kind == "faiss":
            index.hnsw.efSearch = ef
            rows = index.search(queries[i : i + 1], K + 1)[1][0]
        else:
            index.expansion_search = ef
            rows = index.search(queries[i], K + 1, threads=1).keys
        return [int(row) for row in rows if row != own[i]][:K]

    chosen, reached = EFS[-1], 0.0
    for ef in EFS:
        reached = share([search(i, ef) for i in range(len(queries))], right)
        if reached >= recall:
            chosen = ef
            break
    print(json.dumps({"build_cpu_s": built, "bytes": size, "ef": chosen, "recall": reached}), flush=True)
    for line in sys.stdin:
        first, last = map(int, line.split())
        taken = []
        for i in range(first, last):
            cpu, wall = time.process_time(), time.perf_counter()
            search(i, chosen)
            taken.append((time.process_time() - cpu, time.perf_counter() - wall))
        print(json.dumps(taken), flush=True)


def prepare(db: str, name: str, count: int, folder: Path) -> tuple[np.ndarray, list[str], list[str | None]]:
    """Write vectors, queries and right answers for all ways; return the queries, all ids, and the queries' own."""
    from vecindex.core.indexes.recall import right_answers
    from vecindex.neighbors.exact import ExactSearch
    from vecindex.store.database import Database
    from vecindex.store.questions import QuestionTable
    from vecindex.verbs.index.measure import _drawn

    database = Database(db)
    table = database.articles(name)
    ids, vectors = table.vectors()
    measured = set(_drawn(table, 500)[0].tolist())
    others = np.array([i for i in range(len(ids)) if i not in measured])
    rows = np.sort(np.random.default_rng(11).choice(others, count, replace=False))
    asked = QuestionTable(database).vectors_by(table.fingerprint)
    queries, own = vectors[rows], rows
    if asked is not None:
        queries = np.concatenate([queries, asked[:count]])
        own = np.concatenate([rows, np.full(len(asked[:count]), -1)])
    mixed = np.random.default_rng(12).permutation(len(queries))
    queries, own = queries[mixed], own[mixed]
    search = ExactSearch(queries, K + 1, without=own)
    search.add(np.arange(len(vectors)), vectors)
    right = search.result()
    assert all(len(one) == K for one in right_answers(right, K)), "ties at the tenth: choose another seed"
    for what, values in (("vectors", vectors), ("queries", queries), ("right", right.rows[:, :K]), ("own", own)):
        np.save(folder / f"{what}.npy", values)
    return queries, ids, [None if row < 0 else ids[row] for row in own]


def ways_of(
    db: str, name: str, table: Any, queries: np.ndarray, recall: float
) -> dict[str, Callable[[int], list[str]]]:
    """Return what searches for one query, by the name of the way."""
    import lance

    import vecindex
    from vecindex.core.indexes.recall import Probe
    from vecindex.store.indexes.vector import about_index
    from vecindex.verbs.search.finder import PAD, Finder, Query

    about = about_index(table)
    assert about is not None
    point = about.curve.cheapest(recall) or about.curve.best
    probe, limit = Probe(point.nprobes, point.refine), K + PAD
    index = vecindex.open(db, name)
    finder = Finder(table, K, by="article", text="none", probe=probe)
    exact = Finder(table, K, by="article", text="none")
    columns = [*finder.columns, "_distance"]
    data = lance.dataset(str(Path(db) / f"{name}.lance"))

    def by_lancedb(i: int) -> list[str]:
        query = table.lance.search(queries[i], vector_column_name="vector").distance_type("cosine")
        query = query.minimum_nprobes(probe.nprobes).maximum_nprobes(probe.nprobes).refine_factor(probe.refine)
        return query.select(columns).limit(limit).to_arrow()["id"].to_pylist()

    def by_lance(i: int) -> list[str]:
        nearest = {
            "column": "vector",
            "q": queries[i],
            "k": limit,
            "metric": "cosine",
            "nprobes": probe.nprobes,
            "refine_factor": probe.refine,
        }
        return data.to_table(columns=columns, nearest=nearest)["id"].to_pylist()

    def opened(finder: Finder, i: int) -> list[str]:
        return [hit.row["id"] for hit in finder.by_vector([Query(None, None, queries[i], None)], K + 1)[0]]

    def called(i: int) -> list[str]:
        found = index.search(vector=queries[i], k=K + 1, approximate=True, recall=point.expected, text="none")
        return [hit.id for hit in found.hits]

    return {
        "call": called,
        "open": lambda i: opened(finder, i),
        "lancedb": by_lancedb,
        "lance": by_lance,
        "exact": lambda i: opened(exact, i),
    }


def main() -> None:
    """Measure, or be one of the peers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db")
    parser.add_argument("--table", default="articles")
    parser.add_argument("--types", nargs="*", default=["IVF_SQ", "IVF_RQ", "IVF_PQ", "IVF_HNSW_SQ"])
    parser.add_argument("--recall", type=float, default=0.95)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--block", type=int, default=25)
    parser.add_argument("--exact-blocks", type=int, default=2)
    parser.add_argument("--faiss", action="store_true")
    parser.add_argument("--usearch", metavar="PYTHON")
    parser.add_argument("--note")
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--peer", choices=("faiss", "usearch"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        peer(args.peer, args.folder, args.recall)
        return
    from machine import machine

    def put(**row: object) -> None:
        with args.out.open("a") as file:
            file.write(
                json.dumps({"bench": "search_index", **row, **({"note": args.note} if args.note else {})}) + "\n"
            )
        print(json.dumps(row)[:300], flush=True)

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        queries, ids, own = prepare(args.db, args.table, args.queries, folder)
        right = [{ids[row] for row in rows} for rows in np.load(folder / "right.npy").tolist()]
        put(what="machine", rows=len(ids), dimension=queries.shape[1], queries=len(queries), **machine())
        peers: dict[str, subprocess.Popen[str]] = {}
        for kind, python in (("faiss", sys.executable if args.faiss else None), ("usearch", args.usearch)):
            if python:
                command = [python, __file__, "--peer", kind, "--folder", made, "--recall", str(args.recall)]
                peers[kind] = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
                put(what="peer", way=kind, **json.loads(peers[kind].stdout.readline()))
        for kind in args.types:
            measure_type(args, kind, queries, own, right, peers, put)
        for process in peers.values():
            process.stdin.close()
            process.wait()


def measure_type(
    args: argparse.Namespace,
    kind: str,
    queries: np.ndarray,
    own: list[str | None],
    right: list[set[str]],
    peers: dict[str, subprocess.Popen[str]],
    put: Callable[..., None],
) -> None:
    """Build one type, and let all ways take turns over the queries."""
    import vecindex
    from vecindex.store.database import Database

    report = vecindex.open(args.db, args.table).build_index(type=kind)
    put(what="build", **report.to_dict())
    table = Database(args.db).articles(args.table)
    ways = ways_of(args.db, args.table, table, queries, args.recall)
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in [*ways, *peers]}
    shares: dict[str, list[float]] = {way: [] for way in ways}
    for block, first in enumerate([0, *range(0, len(queries), args.block)]):
        last = min(len(queries), first + args.block)
        for way in taken:
            if way == "exact" and block > args.exact_blocks:
                continue
            if way in peers:
                process = peers[way]
                process.stdin.write(f"{first} {last}\n")
                process.stdin.flush()
                found = json.loads(process.stdout.readline())
                taken[way] += [tuple(one) for one in found] if block else []
                continue
            for i in range(first, last):
                cpu, wall = time.process_time(), time.perf_counter()
                hits = ways[way](i)
                spent = time.process_time() - cpu, time.perf_counter() - wall
                if block:
                    taken[way].append(spent)
                    shares[way].append(len(set([hit for hit in hits if hit != own[i]][:K]) & right[i]) / K)
    for way, found in taken.items():
        cpu, wall = np.array(found).T * 1_000
        put(
            what="queries",
            type=kind,
            way=way,
            queries=len(found),
            recall=float(np.mean(shares[way])) if way in shares else None,
            cpu_ms=float(cpu.mean()),
            cpu_p50_ms=float(np.percentile(cpu, 50)),
            p50_ms=float(np.percentile(wall, 50)),
            p99_ms=float(np.percentile(wall, 99)),
        )


if __name__ == "__main__":
    main()

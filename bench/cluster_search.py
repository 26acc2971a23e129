"""What Ray costs where it searches: a neighbor graph, and `evaluate` of many questions, by one process or workers.

    python bench/cluster_search.py graph --db DB [--rows 60000 250000] [--workers 1 2] [--rounds 1]
    python bench/cluster_search.py evaluate --db DB [--questions 2000] [--workers 1 2]

Each run is a process of its own, on one thread, or on so many workers of one core each. CPU seconds are those of all
its processes, Ray's own included; `command_cpu_s` are those of the command alone, which bound how many workers it
feeds. `worker_peak_mb` is the largest resident memory of a worker, `worker_own_mb` that which is no other process's:
without the vectors on their way, which lie in shared memory. Questions are articles of
the table, each judged by itself. The recall of a graph is measured on 2,000 articles, other ones than it measures
itself on; of Ray's lists it is compared with those of one process too.
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
from typing import Any

import numpy as np
import psutil

from machine import machine

OUT = Path(__file__).parent / "results" / "cluster_search.jsonl"
K, CHECKED = 15, 2_000
WORKERS = ("GraphWorker", "BlockWorker")


def measured(command: list[str]) -> dict[str, Any]:
    """Run a command; return what it prints, wall seconds, and CPU seconds and peak memory of its processes."""
    start, used, peak, own = time.perf_counter(), dict[int, float](), 0, 0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    first = psutil.Process(process.pid)
    while process.poll() is None:
        with suppress(psutil.Error):
            for one in [first, *first.children(recursive=True)]:
                with suppress(psutil.Error):
                    times = one.cpu_times()
                    used[one.pid] = times.user + times.system
                    if any(name in " ".join(one.cmdline()) for name in WORKERS):
                        memory = one.memory_full_info()
                        peak, own = max(peak, memory.rss), max(own, memory.uss)
        time.sleep(0.1)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.returncode == 0, process.stderr.read()
    return {
        **json.loads(process.stdout.read()),
        "wall_s": round(time.perf_counter() - start, 1),
        "cpu_s": round(sum(used.values()), 1),
        "command_cpu_s": round(used[process.pid], 1),
        "worker_peak_mb": round(peak / 1e6),
        "worker_own_mb": round(own / 1e6),
    }


def vectors_of(db: str, rows: int) -> np.ndarray:
    """Return the vectors of some rows of a table, drawn by chance."""
    from vecindex.store.database import Database

    _, vectors = Database(db).articles("articles").vectors()
    return np.ascontiguousarray(vectors[np.sort(np.random.default_rng(5).permutation(len(vectors))[:rows])])


def make_graph(db: str, rows: int, workers: int, lists: Path) -> None:
    """Make a graph and print what it took; keep its lists."""
    from vecindex.cluster.engine import Engine, Workers
    from vecindex.neighbors.graph import knn_graph
    from vecindex.types import Silent
    from vecindex.verbs.cluster.graph import graph_by_workers

    vectors = vectors_of(db, rows)
    read = time.process_time()
    if workers:
        graph = graph_by_workers(Workers(Engine(), 1), vectors, K, 0, Silent())
    else:
        graph = knn_graph(vectors, K, seed=0, observer=Silent())
    spent = time.process_time() - read
    np.savez(lists, rows=graph.rows, sims=graph.sims)
    print(json.dumps({"recall": graph.recall, "graph_command_cpu_s": round(spent, 1)}))


def graphs(args: argparse.Namespace, out: Any) -> None:
    """Make graphs of several sizes, in turns; compare their lists."""
    from vecindex.neighbors.graph import nearest_others
    from vecindex.types import Silent

    with tempfile.TemporaryDirectory() as scratch:
        for rows in args.rows:
            vectors = vectors_of(args.db, rows)
            some = np.sort(np.random.default_rng(77).permutation(rows)[:CHECKED])
            _, true = nearest_others(some, vectors, K, Silent())
            del vectors
            first: np.ndarray | None = None
            for round_ in range(args.rounds):
                for workers in (0, *args.workers):
                    lists = Path(scratch) / "lists.npz"
                    found = child(args.db, "graph", workers, str(rows), str(lists))
                    kept = np.load(lists)
                    first = kept["rows"] if first is None else first
                    found |= {
                        "recall_of_others": round(float((kept["sims"][some] >= true[:, -1:] - 1e-6).mean()), 5),
                        "same_entries": round(float((kept["rows"] == first).mean()), 5),
                    }
                    row = {"what": "graph", "rows": rows, "workers": workers, "round": round_, **found}
                    out.write(json.dumps({"bench": "cluster_search", **row, "note": args.note}) + "\n")
                    out.flush()


def ask(db: str, count: int, workers: int) -> None:
    """Evaluate many questions, and print what it took."""
    import vecindex
    from vecindex.store.database import Database
    from vecindex.verbs.questions.model import QuestionModel

    table = Database(db).articles("articles")
    ids, vectors = table.vectors()
    some = np.sort(np.random.default_rng(3).permutation(len(ids))[:count])
    # Halfway between two articles, so that their lists are no article's own.
    other = np.random.default_rng(4).permutation(some)
    asked = vectors[some] + 0.7 * vectors[other]
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    questions = [{"id": f"q{i}", "text": str(i), "answers": [ids[row]]} for i, row in enumerate(some)]
    del vectors
    QuestionModel.embed = lambda self, texts, *_: asked[[int(one) for one in texts]]  # type: ignore[method-assign]
    more: dict[str, Any] = {"engine": "ray", "worker_cores": 1} if workers else {}
    spent = time.process_time()
    result = vecindex.open(db).evaluate(questions, **more)
    measures = {name: one.mean for name, one in result.rankers[0].measures.items()}
    hits = [[(hit.id, hit.dist) for hit in item.rankers["meaning"].hits] for item in result.items]
    print(
        json.dumps(
            {"evaluate_command_cpu_s": round(time.process_time() - spent, 1), "measures": measures, "hits": hits}
        )
    )


def evaluations(args: argparse.Namespace, out: Any) -> None:
    """Evaluate by one process and by workers; say whether all hits are the same."""
    first = None
    for workers in (0, *args.workers):
        found = child(args.db, "evaluate", workers, str(args.questions))
        hits = [found.pop("hits"), found["measures"]]
        first = hits if first is None else first
        found |= {"measures": {name: round(mean, 4) for name, mean in found["measures"].items()}}
        row = {"what": "evaluate", "questions": args.questions, "workers": workers, **found, "same": hits == first}
        out.write(json.dumps({"bench": "cluster_search", **row, "note": args.note}) + "\n")
        out.flush()


def child(db: str, what: str, workers: int, *more: str) -> dict[str, Any]:
    """Run one way in a process of its own, which has so many cores."""
    cores = sorted(os.sched_getaffinity(0))[: max(1, workers)]
    os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
    pinned = ["taskset", "-c", ",".join(map(str, cores))] if workers else []
    return measured([*pinned, sys.executable, __file__, what, "--db", db, "--child", str(workers), *more])


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("graph", "evaluate"))
    parser.add_argument("--db", required=True)
    parser.add_argument("--rows", type=int, nargs="+", default=[60_000, 250_000])
    parser.add_argument("--questions", type=int, default=2_000)
    parser.add_argument("--workers", type=int, nargs="+", default=[2])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--note", default="")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        workers, *more = args.child
        if args.what == "graph":
            make_graph(args.db, int(more[0]), int(workers), Path(more[1]))
        else:
            ask(args.db, int(more[0]), int(workers))
        return
    with OUT.open("a") as out:
        out.write(json.dumps({"bench": "cluster_search", **machine()}) + "\n")
        (graphs if args.what == "graph" else evaluations)(args, out)


if __name__ == "__main__":
    main()

"""Searches by a vector in a process that is up: exact ones, and graphs in memory, with what they find."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack

from harness.cases.maps import stored
from harness.cases.searches import Asked, looped
from harness.environments import environment
from harness.runs import PEERS, Session

NAME = "peers_search"
WAYS = ("vecindex", "FAISS, flat", "numpy, one product", "LanceDB", "FAISS, HNSW", "usearch, HNSW")
# Queries lie among the vectors as questions do; no two of the nearest may be equally near.
QUERIES = """
import json, sys, numpy as np
folder, count = sys.argv[1], int(sys.argv[2])
vectors = np.load(f"{folder}/vectors.npy")
rng = np.random.default_rng(11)
queries = vectors[rng.permutation(len(vectors))[:count]]
queries = queries + rng.normal(size=queries.shape).astype(np.float32) * (0.8 / queries.shape[1] ** 0.5)
queries /= np.linalg.norm(queries, axis=1, keepdims=True)
near = queries.astype(np.float64) @ vectors.T.astype(np.float64) if len(vectors) < 50_000 else queries @ vectors.T
np.save(f"{folder}/queries.npy", queries.astype(np.float32))
np.save(f"{folder}/right.npy", np.argsort(-near, axis=1, kind="stable")[:, :10])
ids = [json.loads(line)["id"] for line in open(f"{folder}/articles.jsonl")]
json.dump(ids, open(f"{folder}/ids.json", "w"))
"""


def run_all(session: Session, only: list[str] | None = None) -> None:
    """Search 20,000 vectors, in full 250,000."""
    rows, count = (250_000, 60) if session.full else (20_000, 60)
    names = [name for name in WAYS if only is None or name in only]
    env = environment("search")
    if env.reason:
        for name in (name for name in names if name != "vecindex" and session.is_due(NAME, name, part="reason")):
            session.put(NAME, name, part="reason", reason=env.reason)
        names = [name for name in names if name == "vecindex"]
    if not any(session.is_due(NAME, name, part="queries") for name in names):
        return
    folder, about = session.data(rows)
    if not (folder / "ids.json").exists():
        command = [sys.executable, "-c", QUERIES, str(folder), str(count)]
        subprocess.run(command, check=True, env=session.env)
    with ExitStack() as stack:
        up: dict[str, Asked] = {}
        built: dict[str, float] = {}
        for name in names:
            ours = name == "vecindex"
            store = stored(session, rows) if ours else session.scratch / "lancedb-raw"
            python = sys.executable if ours else str(env.python)
            command = [python, str(PEERS / "vector_peer.py"), name, str(folder), str(store)]
            up[name] = stack.enter_context(looped(command, session.env if ours else session.peer_env))
            built[name] = up[name].first["build_cpu_s"]
        taken: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        found: dict[str, list[list[int]]] = {name: [] for name in names}
        for query in range(count):
            for name, one in up.items():
                one.ask(query)
                taken[name].append(one.last)
                found[name].append(one.last["rows"])
    right = right_of(folder)
    for name in names:
        # The first five warm up.
        cpu = sorted(1_000 * one["cpu"] for one in taken[name][5:])
        wall = sorted(1_000 * one["wall"] for one in taken[name][5:])
        kept = [len(set(a) & set(b)) / len(b) for a, b in zip(found[name], right, strict=True)]
        session.put(
            NAME,
            name,
            part="queries",
            rows=rows,
            data=about,
            queries=count - 5,
            build_cpu_s=round(built[name], 3) if "HNSW" in name else None,
            cpu_ms=round(sum(cpu) / len(cpu), 3),
            p50_ms=round(wall[len(wall) // 2], 3),
            p99_ms=round(wall[min(len(wall) - 1, int(0.99 * len(wall)))], 3),
            recall=round(sum(kept) / len(kept), 4),
            all_cpu_ms=[round(value, 3) for value in cpu],
            peer=None if name == "vecindex" else env.versions,
        )


def right_of(folder: object) -> list[list[int]]:
    """Return the true rows of each query, read in a process of its own."""
    command = [sys.executable, "-c", "import sys, numpy; print(numpy.load(sys.argv[1]).tolist())"]
    done = subprocess.run([*command, f"{folder}/right.npy"], check=True, capture_output=True, text=True)
    right: list[list[int]] = json.loads(done.stdout)
    return right

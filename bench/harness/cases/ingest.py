"""Embedding and storing passages: the rate. What a kill leaves is in `ingest_faults`.

Each way is a whole process, from the start of the interpreter to its end. Net figures leave imports and the loading
of the model out, where a way can say so. Afterwards the stored vectors are compared with those of `encode` in fp32.
"""

from __future__ import annotations

import json
import math
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.environments import Environment, environment
from harness.runs import OURS, PEERS, Session, run, turns

NAME = "peers_ingest"
KILL_AT = 0.7
ROWS = 300
REFERENCE = "encode"


@dataclass(frozen=True, slots=True)
class Way:
    """A way to ingest: the environment (None for our own), the script of the tool, and what it is given."""

    env: str | None
    script: str
    words: tuple[str, ...] = ()
    tune: dict[str, Any] = field(default_factory=dict)


WAYS = {
    "vecindex": Way(None, "ingest_vecindex.py"),
    "vecindex, fp32": Way(None, "ingest_vecindex.py", ("--precision", "fp32")),
    "encode": Way("sentence-transformers", "ingest_encode.py"),
    "encode, tuned": Way("sentence-transformers", "ingest_encode.py", tune={"sorted": True, "batch_size": 8}),
    "encode, tuned, bf16": Way(
        "sentence-transformers", "ingest_encode.py", tune={"sorted": True, "batch_size": 16, "dtype": "bfloat16"}
    ),
    "encode, ONNX": Way("onnx", "ingest_encode.py", tune={"backend": "onnx", "sorted": True, "batch_size": 8}),
    "lancedb registry": Way("lancedb", "ingest_lancedb.py"),
    "txtai": Way("txtai", "ingest_txtai.py"),
    "llm": Way("llm", "ingest_llm.py"),
    "embedding-atlas": Way("embedding-atlas", "ingest_embedding_atlas.py"),
    "latent-scope": Way("latent-scope", "ingest_latent_scope.py"),
    "cocoindex": Way("cocoindex", "ingest_cocoindex.py"),
}
# What writes once, at its end, keeps nothing of a kill and makes all of it again: there is nothing to measure.
ALL_AT_ONCE = (*(name for name in WAYS if name.startswith("encode")), "vecindex, fp32")


def run_cost(session: Session, way: Way, env: Environment | None, store: Path, file: Path, **how: Any) -> Any:
    """Run a way over a file."""
    if env is None:
        store.mkdir(parents=True, exist_ok=True)
        return run([*OURS, "ingest", str(file), "--db", str(store), "--json", *way.words], session.env, **how)
    command = [str(env.python), str(PEERS / way.script), "run", str(store), str(file)]
    tune = {**way.tune, **({"model": str(onnx_model(session))} if way.tune.get("backend") else {})}
    return run(command, {**session.peer_env, "BENCH_TUNE": json.dumps(tune)}, **how)


def asked(session: Session, way: Way, env: Environment | None, *words: str) -> Any:
    """Ask a way's script for a count or a vector."""
    python = sys.executable if env is None else str(env.python)
    done = subprocess.run(
        [python, str(PEERS / way.script), *words], env=session.peer_env, capture_output=True, text=True, check=False
    )
    said = [line for line in done.stdout.splitlines() if line.startswith("{")]
    # Some abort while the interpreter ends, after their answer.
    if not said:
        raise RuntimeError(f"{way.script} {words}: {done.stderr[-300:]}")
    return json.loads(said[-1])


def onnx_model(session: Session) -> Path:
    """Return a folder with the model exported to ONNX, as its documents say: once, and kept."""
    folder = session.scratch / "onnx"
    if not (folder / "onnx").exists():
        made = (
            "import sys, rows; from huggingface_hub import snapshot_download as found; "
            "from sentence_transformers import SentenceTransformer as Model; "
            "folder = found(rows.MODEL, local_files_only=True); "
            "Model(folder, backend='onnx', device='cpu').save_pretrained(sys.argv[1])"
        )
        env = {**session.peer_env, "PYTHONPATH": str(PEERS)}
        python = str(environment("onnx").python)
        subprocess.run([python, "-c", made, str(folder)], env=env, check=True, capture_output=True)
    return folder


def net(session: Session, used: Any, ours: bool) -> dict[str, float]:
    """Return what is left without imports and loading."""
    said = used.last() if not ours else {}
    if ours:
        report = json.loads(used.out)
        seconds = report["seconds"]
        return {"net_wall_s": round(seconds["wall"] - seconds["loading"], 3), "vectors": report["vectors"]}
    return {key: round(value, 3) for key, value in said.items() if key.startswith("net_")}


def cosine(a: list[float], b: list[float]) -> float:
    """Return the cosine of two vectors.

    >>> cosine([3.0, 4.0], [6.0, 8.0])
    1.0
    """
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def run_case(session: Session, rows: int, ways: dict[str, Way], rounds: int) -> None:
    """Measure all ways on so many rows."""
    folder, about = session.data(rows)
    file = folder / "articles.jsonl"
    data = {"rows": rows, "data": about}
    envs: dict[str, Environment | None] = {}
    for name, way in ways.items():
        env = environment(way.env) if way.env else None
        if env is not None and env.reason:
            if session.is_due(NAME, name, part="reason"):
                session.put(NAME, name, part="reason", reason=env.reason)
            continue
        envs[name] = env
    for number, name in turns(envs, rounds):
        if not session.is_due(NAME, name, part="run", rows=rows, round=number):
            continue
        way, env = ways[name], envs[name]
        store = session.scratch / "stores" / name
        warm(session, name, way, env)
        shutil.rmtree(store, ignore_errors=True)
        used = run_cost(session, way, env, store, file)
        if used.rc:
            session.put(NAME, name, part="run", **data, round=number, rc=used.rc, said=used.err[-300:])
            continue
        more = net(session, used, env is None) | {"stored": asked(session, way, env, "count", str(store))["count"]}
        session.put(NAME, name, part="run", **data, round=number, **used.values(), **more, peer=versions(env))


def warm(session: Session, name: str, way: Way, env: Environment | None) -> None:
    """Run a way over a few rows once, so that its files are in memory and its modules compiled."""
    mark = session.scratch / "warm" / name
    if not mark.exists():
        folder, _ = session.data(20)
        run_cost(session, way, env, session.scratch / "warm-stores" / name, folder / "articles.jsonl")
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()


def versions(env: Environment | None) -> dict[str, str] | None:
    """Return what is noted of a tool."""
    return env.versions if env else None


def faults(
    session: Session, name: str, way: Way, env: Environment | None, file: Path, changed: Path, data: dict[str, Any]
) -> None:
    """Kill a run, run it again, run it once more, and with one changed row."""
    done = [r for r in session.rows(NAME) if r["way"] == name and r["part"] == "run" and r["rows"] == data["rows"]]
    if not done or "cpu_s" not in done[0] or not session.is_due(NAME, name, part="changed", rows=data["rows"]):
        return
    whole = statistics.median(row["cpu_s"] for row in done)
    store = session.scratch / "stores" / f"{name}-killed"
    shutil.rmtree(store, ignore_errors=True)
    used = run_cost(session, way, env, store, file, kill_at_cpu_s=KILL_AT * whole)
    kept = asked(session, way, env, "count", str(store))["count"]
    session.put(NAME, name, part="kill", **data, killed_at_cpu_s=round(KILL_AT * whole, 2), rc=used.rc, kept=kept)
    for part, read in (("again", file), ("same", file), ("changed", changed)):
        used = run_cost(session, way, env, store, read)
        if used.rc:
            session.put(NAME, name, part=part, **data, rc=used.rc, said=used.err[-300:])
            continue
        values: dict[str, Any] = {"stored": asked(session, way, env, "count", str(store))["count"]}
        if part == "changed":
            values |= compared(session, name, way, env, store, data)
        session.put(NAME, name, part=part, **data, **used.values(), **values)


def compared(
    session: Session, name: str, way: Way, env: Environment | None, store: Path, data: dict[str, Any]
) -> dict[str, Any]:
    """Return the lowest cosine of a few vectors, and of the changed one, to what encode makes of the file."""
    folder, about = session.data(data["rows"])
    right = session.scratch / "reference" / str(data["rows"])
    reference = WAYS[REFERENCE]
    there = environment("sentence-transformers")
    if not right.exists():
        run_cost(session, reference, there, right, folder / "changed.jsonl")
    lines = (folder / "changed.jsonl").read_text(encoding="utf-8").splitlines()
    keys = [json.loads(lines[at])["id"] for at in (0, len(lines) // 3, len(lines) - 1)]
    found = {}
    for key in (*keys, about["changed"]):
        ours = asked(session, way, env, "vector", str(store), key)["vector"]
        if ours is None:
            return {"cosine": None, "changed_cosine": None}
        theirs = asked(session, reference, there, "vector", str(right), key)["vector"]
        found[key] = cosine(ours, theirs)
    return {
        "cosine": round(min(found[key] for key in keys), 6),
        "changed_cosine": round(found[about["changed"]], 6),
    }


def run_all(session: Session, only: list[str] | None = None) -> None:
    """Measure: quick at 100 rows, in full at 300 and 1,000."""
    ways = {name: way for name, way in WAYS.items() if only is None or name in only}
    if not session.full:
        run_case(session, 100, ways, 1)
        return
    run_case(session, ROWS, ways, session.rounds)
    few = {name: way for name, way in ways.items() if name.startswith(("vecindex", "encode"))}
    run_case(session, 1_000, few, session.rounds)


def run_faults(session: Session, only: list[str] | None = None) -> None:
    """Kill each way that commits on its way, and run it again; only in full, and after its run in `run_all`."""
    folder, about = session.data(ROWS)
    data = {"rows": ROWS, "data": about}
    for name, way in WAYS.items():
        if not session.full or name in ALL_AT_ONCE or (only is not None and name not in only):
            continue
        env = environment(way.env) if way.env else None
        if env is None or not env.reason:
            faults(session, name, way, env, folder / "articles.jsonl", folder / "changed.jsonl", data)

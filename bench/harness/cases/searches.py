"""What the cases of searches share: the ways, the stores they ask, and processes that answer line by line."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cases.ingest import onnx_model
from harness.environments import Environment, environment
from harness.runs import PEERS, Session, cpu_of

ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Way:
    """A way to search: its environment (None for our own) and its script."""

    env: str | None
    script: str


WAYS = {
    "vecindex": Way(None, "search_vecindex.py"),
    "FAISS, sentence-transformers": Way("sentence-transformers", "search_faiss.py"),
    "numpy, ONNX Runtime": Way("onnx", "search_onnx.py"),
    "llm similar": Way("llm", "search_llm.py"),
    "LanceDB, its registry": Way("lancedb", "search_lancedb.py"),
}


def chosen(case: str, session: Session, only: list[str] | None) -> dict[str, tuple[Way, Environment | None]]:
    """Return the ways that can be run; note why the others cannot."""
    found = {}
    for name, way in WAYS.items():
        if only is not None and name not in only:
            continue
        env = environment(way.env) if way.env else None
        if env is not None and env.reason:
            if session.is_due(case, name, part="reason"):
                session.put(case, name, part="reason", reason=env.reason)
            continue
        found[name] = way, env
    return found


def python_of(env: Environment | None) -> str:
    """Return the Python of a way."""
    return sys.executable if env is None else str(env.python)


def env_of(session: Session, env: Environment | None) -> dict[str, str]:
    """Return the environment of a way's processes."""
    if env is None:
        return session.env
    return {**session.peer_env, **({"BENCH_ONNX": str(onnx_model(session))} if env.name == "onnx" else {})}


def store_of(session: Session, name: str, way: Way, env: Environment | None) -> tuple[Path, dict[str, Any]]:
    """Return a way's store of the rows, made where it is missing, and what is said of the data."""
    folder, about = session.data(ROWS)
    store = session.scratch / "searched" / name.replace(" ", "-").replace(",", "")
    if not store.exists():
        store.parent.mkdir(parents=True, exist_ok=True)
        command = [python_of(env), str(PEERS / way.script), "build", str(store), str(folder)]
        subprocess.run(command, env=env_of(session, env), check=True, capture_output=True)
    return store, about


class Asked:
    """A process that answers a line with a line; the CPU seconds of each answer are its own and its children's."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.first: dict[str, Any] = {}
        self.last: dict[str, Any] = {}

    def ask(self, question: str | int) -> tuple[float, float]:
        """Return CPU and wall seconds."""
        assert self.process.stdin is not None
        cpu, wall = cpu_of(self.process.pid), time.perf_counter()
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        self.last = self._read()
        return cpu_of(self.process.pid) - cpu, time.perf_counter() - wall

    def _read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        raise RuntimeError(f"the process ended with {self.process.wait()}")


@contextmanager
def looped(command: list[str], env: dict[str, str]) -> Iterator[Asked]:
    """Start a process, wait until it is ready, and end it afterwards."""
    with subprocess.Popen(
        command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        asked = Asked(process)
        try:
            asked.first = asked._read()
            yield asked
        finally:
            process.kill()

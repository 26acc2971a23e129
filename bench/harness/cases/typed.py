"""A question in a process that is up: CPU seconds of each, quiet and next to processes that compute."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from harness.cases.searches import Asked, chosen, env_of, looped, python_of, store_of
from harness.corpus import questions
from harness.runs import OURS, PEERS, Session, busy, cpu_of

NAME = "peers_typed"
SERVED = "vecindex serve"
COUNT = 20


class Served(Asked):
    """A server that is asked over HTTP."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        super().__init__(process)
        self.url = url

    def ask(self, question: str | int) -> tuple[float, float]:
        """Return CPU and wall seconds."""
        body = json.dumps({"text": question, "k": 10}).encode()
        request = urllib.request.Request(f"{self.url}api/search", body, {"Content-Type": "application/json"})
        cpu, wall = cpu_of(self.process.pid), time.perf_counter()
        with urllib.request.urlopen(request, timeout=600) as answer:
            found = json.loads(answer.read())
        taken = cpu_of(self.process.pid) - cpu, time.perf_counter() - wall
        self.last = {"ids": [hit["id"] for hit in found["hits"]]}
        return taken


@contextmanager
def served(store: str, env: dict[str, str]) -> Iterator[Asked]:
    """Start `vecindex serve` on a free port."""
    command = [*OURS, "serve", "--db", store, "--port", "0"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            yield Served(process, process.stdout.readline().strip())
        finally:
            process.kill()


def run_all(session: Session, only: list[str] | None = None) -> None:
    """Ask all ways in turns, a question each, quiet and busy."""
    ways = chosen(NAME, session, only)
    count = COUNT if session.full else 6
    asked = questions(session.corpus, count + 2)
    cores = len(os.sched_getaffinity(0))
    if not any(session.is_due(NAME, name, part="busy") for name in (*ways, SERVED)):
        return
    with ExitStack() as stack:
        up: dict[str, Asked] = {}
        for name, (way, env) in ways.items():
            store, about = store_of(session, name, way, env)
            command = [python_of(env), str(PEERS / way.script), "loop", str(store)]
            up[name] = stack.enter_context(looped(command, env_of(session, env)))
            if name == "vecindex":
                up[SERVED] = stack.enter_context(served(str(store), session.env))
        for part, others in (("quiet", 0), ("busy", cores)):
            with busy(others):
                taken: dict[str, list[tuple[float, float]]] = {name: [] for name in up}
                found: dict[str, list[list[str]]] = {name: [] for name in up}
                for number, question in enumerate(asked):
                    for name, one in up.items():
                        cost = one.ask(question if part == "quiet" else f"well, {question}")
                        # The first two load what is left to load.
                        if number >= 2:
                            taken[name].append(cost)
                            found[name].append(one.last["ids"])
            for name, costs in taken.items():
                cpu, wall = zip(*costs, strict=True)
                session.put(
                    NAME,
                    name,
                    part=part,
                    rows=about["rows"],
                    data=about,
                    questions=count,
                    cpu_s=round(statistics.mean(cpu), 4),
                    wall_s=[round(value, 4) for value in wall],
                    ids=found[name],
                )

"""Runs of processes with what they used, in turns, and the rows that they become."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from harness.corpus import Corpus
from machine import machine

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "bench" / "results"
PEERS = Path(__file__).parent / "peers"
OURS = [sys.executable, "-m", "vecindex.cli.app"]


@dataclass(frozen=True, slots=True)
class Used:
    """What a process used: its own, and what it waited for of its children."""

    cpu_s: float
    wall_s: float
    peak_mb: float
    rc: int
    out: str
    err: str

    def values(self) -> dict[str, float]:
        """Return what goes into a row."""
        return {"cpu_s": round(self.cpu_s, 3), "wall_s": round(self.wall_s, 3), "peak_mb": round(self.peak_mb)}

    def last(self) -> dict[str, Any]:
        """Return the object of the last line that is one; an empty one for none."""
        for line in reversed(self.out.splitlines()):
            if line.startswith("{"):
                found: dict[str, Any] = json.loads(line)
                return found
        return {}


def run(
    command: Sequence[str], env: Mapping[str, str], kill_at_cpu_s: float | None = None, limit_s: float = 900
) -> Used:
    """Run a command and return what it used.

    With `kill_at_cpu_s` it gets SIGKILL, with all its children, once they have used so many CPU seconds: on a shared
    machine these say how far it is, and the clock does not.
    """
    begun = time.perf_counter()
    with subprocess.Popen(
        list(command),
        env=dict(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        said = ["", ""]
        readers = [
            threading.Thread(target=_read, args=(process.stdout, said, 0), daemon=True),
            threading.Thread(target=_read, args=(process.stderr, said, 1), daemon=True),
        ]
        over = threading.Event()
        watcher = threading.Thread(
            target=_watch, args=(process.pid, over, kill_at_cpu_s, begun + limit_s), daemon=True
        )
        for thread in (*readers, watcher):
            thread.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        over.set()
        process.returncode = os.waitstatus_to_exitcode(status)
        # A child that outlives it would keep the pipes open.
        _kill(process.pid)
        for reader in readers:
            reader.join(10)
    cpu = used.ru_utime + used.ru_stime
    return Used(cpu, wall, used.ru_maxrss * 1024 / 1e6, process.returncode, said[0], said[1])


def _watch(pid: int, over: threading.Event, kill_at_cpu_s: float | None, until: float) -> None:
    while not over.wait(0.02 if kill_at_cpu_s is not None else 1.0):
        late = time.perf_counter() > until
        if late or (kill_at_cpu_s is not None and cpu_of(pid) >= kill_at_cpu_s):
            _kill(pid)
            return


def cpu_of(pid: int) -> float:
    """Return the CPU seconds that a process and its children have used; 0 for one that is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
        return sum(one.cpu_times().user + one.cpu_times().system for one in family)
    except psutil.NoSuchProcess:
        return 0.0


def _read(stream: Any, said: list[str], at: int) -> None:
    said[at] = stream.read()


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def busy(processes: int) -> Iterator[None]:
    """Keep so many processes computing meanwhile, as another program would."""
    loop = "while True: sum(range(100_000))"
    others = [subprocess.Popen([sys.executable, "-c", loop]) for _ in range(processes)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


class OutOfTime(Exception):
    """The time of this call is over; the same run may go on in another one."""


@dataclass(slots=True)
class Session:
    """One run of the harness. It may be made in several calls: what has its row is not measured again.

    Attributes
    ----------
    scratch : a folder for all that is made; kept between the calls of a run.
    corpus : what texts and vectors come from.
    env : of our own processes; `peer_env` of those of others, without our source.
    full : the sizes of `make bench-full`.
    threads : of each process; None for as many as it takes.
    until : when nothing more is begun (`time.monotonic()`).
    """

    scratch: Path
    corpus: Corpus
    env: dict[str, str]
    full: bool = False
    threads: int | None = None
    rounds: int = 3
    seed: int = 0
    note: str | None = None
    until: float | None = None
    results: Path = RESULTS
    name: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    @property
    def peer_env(self) -> dict[str, str]:
        """Return the environment of a process of another tool."""
        return {key: value for key, value in self.env.items() if key != "PYTHONPATH"}

    def data(self, rows: int) -> tuple[Path, dict[str, Any]]:
        """Return a folder with the texts and vectors of so many rows, and what rows of results say of them."""
        folder = self.scratch / f"data-{rows}"
        if not (folder / "data.json").exists():
            command = [sys.executable, "-m", "harness.corpus", str(folder), str(rows)]
            command += ["--shared", str(self.corpus.texts.parent.parent)] if self.corpus.texts else []
            subprocess.run(command, check=True, cwd=ROOT / "bench", env=self.env)
        return folder, json.loads((folder / "data.json").read_text())

    def rows(self, case: str) -> list[dict[str, Any]]:
        """Return the rows of this run."""
        path = self.results / f"{case}.jsonl"
        found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [row for row in found if row["run"] == self.name]

    def is_due(self, case: str, way: str, **values: object) -> bool:
        """Return whether a row is still to be made; raise OutOfTime where it is due and the time is over."""
        wanted = {"way": way, **values}
        if any(all(row.get(key) == value for key, value in wanted.items()) for row in self.rows(case)):
            return False
        if self.until is not None and time.monotonic() > self.until:
            raise OutOfTime
        return True

    def put(self, case: str, way: str, **values: object) -> None:
        """Append a row to the results of a case, and print what is in it."""
        row = {"bench": case, "run": self.name, "way": way, **values}
        shown = ", ".join(f"{key} {value}" for key, value in values.items() if not isinstance(value, dict | list))
        print(f"{case}: {way}: {shown}", flush=True)
        row |= {"threads": self.threads, "seed": self.seed, "full": self.full}
        if self.note:
            row["note"] = self.note
        self.results.mkdir(parents=True, exist_ok=True)
        with (self.results / f"{case}.jsonl").open("a") as file:
            file.write(json.dumps({**row, **machine()}) + "\n")


def turns(ways: Iterable[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Yield rounds and ways; every other round begins at the other end, so that no way is always behind another.

    >>> list(turns("ab", 2))
    [(0, 'a'), (0, 'b'), (1, 'b'), (1, 'a')]
    """
    ordered = list(ways)
    for number in range(rounds):
        for way in ordered if number % 2 == 0 else ordered[::-1]:
            yield number, way

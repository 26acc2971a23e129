"""kill -9 at random moments of all that writes: nothing is lost, doubled or torn, and the same command goes on.

There are 5,000 of them, or VECINDEX_KILLS. `make test` has those of `test_crash_states` instead.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import vecindex
import writing
from writing import OPERATIONS, check, contents, same

pytestmark = pytest.mark.usefixtures("known_questions")


class Killer:
    """A process that forks one for each operation, so that all is imported when the clock starts."""

    def __init__(self) -> None:
        """Start it."""
        self._channel, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, writing.__file__, "killed", str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stderr=subprocess.DEVNULL)
        self._answers = self._channel.makefile(encoding="utf-8")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._answers.close()
        self._channel.close()

    def run(self, name: str, folder: Path, seconds: float | None) -> int:
        """Let an operation begin, and kill it after so many seconds; return how it ended."""
        self._channel.sendall(f"{name}\t{folder}\n".encode())
        child = int(self._answers.readline())
        if seconds is not None:
            time.sleep(seconds)
            # It is waited for by its parent alone, so at worst the number is that of a process that has just ended.
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return int(self._answers.readline())


class World:
    """Each operation's database before and after, and how long it takes."""

    def __init__(self, folder: Path, killer: Killer) -> None:
        """Make them all."""
        self.folder, self.killer = folder, killer
        self.known: dict[str, tuple[dict[str, Any] | None, dict[str, Any], float]] = {}
        for name, operation in OPERATIONS.items():
            before = folder / name / "before" / "db"
            before.mkdir(parents=True)
            operation.prepare(before)
            undisturbed = shutil.copytree(before, folder / name / "after" / "db")
            start = time.perf_counter()
            assert killer.run(name, undisturbed, None) == 0
            lasted = time.perf_counter() - start
            held = contents(before) if operation.readable else None
            self.known[name] = held, contents(undisturbed), lasted

    def kill(self, name: str, shares: Sequence[float]) -> int:
        """Kill an operation again and again, after shares of its time; check what is left each time, and end it.

        Returns how often it was killed before it came to its end.
        """
        before, after, lasted = self.known[name]
        operation, left, killed = OPERATIONS[name], self.folder / "left" / "db", 0
        shutil.rmtree(left.parent, ignore_errors=True)
        shutil.copytree(self.folder / name / "before" / "db", left)
        for share in shares:
            ended = self.killer.run(name, left, lasted * share)
            assert ended in (0, -signal.SIGKILL)
            if before is not None:
                check(left, before, after, operation.in_parts)
            if ended == 0:
                break
            killed += 1
        operation.run(left)
        same(contents(left), after)
        report = vecindex.open(left).doctor()
        assert report.sound, report.findings
        return killed


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    killer = Killer()
    yield World(tmp_path_factory.mktemp("kills"), killer)
    killer.close()


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_five_thousand_kills(world: World) -> None:
    dice, killed = random.Random(), dict.fromkeys(OPERATIONS, 0)
    while sum(killed.values()) < int(os.environ.get("VECINDEX_KILLS", "5000")):
        for name in OPERATIONS:
            killed[name] += world.kill(name, [dice.random() for _ in range(dice.randint(1, 8))])
        print(f"{sum(killed.values()):,} kills: {killed}", flush=True)  # also of a run that is stopped
    assert min(killed.values()) > 0

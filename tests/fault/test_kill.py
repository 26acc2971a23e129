"""kill -9 at random moments: after each one the table is whole, and running again loses and doubles nothing.

Ready-made vectors keep the model out: nearly all the time goes to commits and compactions, where a kill hurts.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import lancedb
import numpy as np
import pytest

import vecindex
from invariants import check

N, D, TXN = 10_000, 16, 50
KILLS, MOST = 4, 30
"""How often a run is killed, and the commits that each makes at most: so many that none comes to its end."""

# Stands still after some commits, until a line comes or standard input ends: however slow the other process is, it
# finds this one at work. Time cuts no transaction, so that each has as many rows.
HELD = """
import functools, math, os, sys
from vecindex.cli import app
from vecindex.verbs.ingest import commit, ingest

left, once = int(sys.argv.pop(1)), commit.Committer.commit

def commit_and_stop(self, ready):
    global left
    once(self, ready)
    left -= 1
    if left == 0:
        print("held", flush=True)
        os.read(0, 1)

commit.Committer.commit = commit_and_stop
ingest.Planner = functools.partial(ingest.Planner, every_s=math.inf)
app.main()
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("corpus")
    vectors = np.random.default_rng(1).normal(size=(N, D)).astype(np.float32)
    np.save(folder / "v.npy", vectors)
    with (folder / "rows.jsonl").open("w") as file:
        for i in range(N):
            file.write(json.dumps({"id": f"id-{i}", "text": f"text {i}", "n": i}) + "\n")
    return folder / "rows.jsonl", folder / "v.npy"


def command(database: Path, corpus: tuple[Path, Path], *more: str, held_after: int = 0) -> list[str]:
    rows, vectors = corpus
    return [
        *(sys.executable, "-c", HELD, str(held_after), "ingest", str(rows), "--db", str(database)),
        *("--vectors", str(vectors), "--model", "test/none", "--unverified", "--transaction-rows", str(TXN), *more),
    ]


def count(database: Path) -> int:
    try:
        return int(lancedb.connect(database).open_table("articles").count_rows())
    except (ValueError, RuntimeError):
        return 0


@contextmanager
def running(database: Path, corpus: tuple[Path, Path], commits: int) -> Iterator[subprocess.Popen[str]]:
    """Run an ingest that stands still after so many commits; kill it at the end of the block."""
    pipe, asked = subprocess.PIPE, command(database, corpus, held_after=commits)
    with subprocess.Popen(asked, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_held(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"


def shown_as_it_stops(process: subprocess.Popen[str]) -> str:
    """Return what was shown until the process has taken a signal, with the line that says so."""
    assert process.stderr is not None
    shown = ""
    while "stopping after" not in shown:
        line = process.stderr.readline()
        assert line, shown
        shown += line
    return shown


def test_sigkill_at_random_moments(tmp_path: Path, corpus: tuple[Path, Path]) -> None:
    database, dice = tmp_path / "db", random.Random()
    for _ in range(KILLS):
        begun = count(database)
        with running(database, corpus, MOST) as process:
            # Wait for the first commit of this run, then a random moment more.
            while count(database) <= begun:
                assert process.poll() is None
                time.sleep(0.01)
            time.sleep(dice.uniform(0.0, 0.4))
        assert process.returncode == -signal.SIGKILL
        rows = check(database, dimension=D, precomputed=True)
        assert len(rows) % TXN == 0, "a transaction is whole or absent"
        assert sorted(row["n"] for row in rows) == list(range(len(rows))), "nothing is missing before what is there"
    done = subprocess.run(command(database, corpus), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = check(database, dimension=D, precomputed=True)
    expected = np.load(corpus[1])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    stored = np.array([row["vector"] for row in sorted(rows, key=lambda row: row["n"])])
    np.testing.assert_allclose(stored, expected, atol=1e-6)
    assert not list(database.rglob(".tmp*")), "what the kills left is swept up"


def test_two_writers_at_once_are_told_apart(tmp_path: Path, corpus: tuple[Path, Path]) -> None:
    database = tmp_path / "db"
    with running(database, corpus, 1) as first:
        wait_until_held(first)
        second = subprocess.run(command(database, corpus), capture_output=True, text=True, check=False)
    assert second.returncode == 5
    assert f"process {first.pid}" in second.stderr
    assert "Traceback" not in second.stderr
    # The kernel released the dead writer's lock.
    third = subprocess.run(command(database, corpus, "--dry-run"), capture_output=True, text=True, check=False)
    assert third.returncode == 0, third.stderr
    with vecindex.open(database)._database().writer():
        pass


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_first_interrupt_finishes_its_transaction(tmp_path: Path, corpus: tuple[Path, Path], number: int) -> None:
    database = tmp_path / "db"
    with running(database, corpus, 3) as process:
        wait_until_held(process)
        process.send_signal(number)
        err = shown_as_it_stops(process) + process.communicate()[1]
    assert process.returncode == 130, err
    assert "stopping after the transaction in flight" in err
    assert "run the same command again" in err
    assert "Traceback" not in err
    rows = check(database, dimension=D, precomputed=True)
    assert 3 * TXN <= len(rows) < N
    assert len(rows) % TXN == 0


def test_second_interrupt_stops_at_once(tmp_path: Path, corpus: tuple[Path, Path]) -> None:
    database = tmp_path / "db"
    with running(database, corpus, 3) as process:
        wait_until_held(process)
        process.send_signal(signal.SIGINT)
        err = shown_as_it_stops(process)
        # The second arrives while the first one's transaction is in flight.
        process.send_signal(signal.SIGTERM)
        err += process.communicate()[1]
    assert process.returncode == 130, err
    assert "Stopped at once." in err
    assert "Traceback" not in err
    assert len(check(database, dimension=D, precomputed=True)) % TXN == 0

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
from pathlib import Path

import lancedb
import numpy as np
import pytest

import vecindex
from invariants import check

N, D, TXN = 10_000, 16, 50
KILLS = 4


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("corpus")
    vectors = np.random.default_rng(1).normal(size=(N, D)).astype(np.float32)
    np.save(folder / "v.npy", vectors)
    with (folder / "rows.jsonl").open("w") as file:
        for i in range(N):
            file.write(json.dumps({"id": f"id-{i}", "text": f"text {i}", "n": i}) + "\n")
    return folder / "rows.jsonl", folder / "v.npy"


def command(database: Path, corpus: tuple[Path, Path], *more: str) -> list[str]:
    rows, vectors = corpus
    return [
        *(sys.executable, "-m", "vecindex.cli.app", "ingest", str(rows), "--db", str(database)),
        *("--vectors", str(vectors), "--model", "test/none", "--unverified", "--transaction-rows", str(TXN), *more),
    ]


def count(database: Path) -> int:
    try:
        return int(lancedb.connect(database).open_table("articles").count_rows())
    except (ValueError, RuntimeError):
        return 0


def test_sigkill_at_random_moments(tmp_path: Path, corpus: tuple[Path, Path]) -> None:
    database, dice = tmp_path / "db", random.Random()
    killed_midway = 0
    for _ in range(KILLS):
        process = subprocess.Popen(command(database, corpus), stderr=subprocess.DEVNULL)
        begun = count(database)
        deadline = time.monotonic() + 60
        # Wait for the first commit of this run, then a random moment more.
        while process.poll() is None and count(database) <= begun and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(dice.uniform(0.0, 0.4))
        process.send_signal(signal.SIGKILL)
        if process.wait() == -signal.SIGKILL:
            killed_midway += 1
        rows = check(database, dimension=D, precomputed=True)
        assert len(rows) % TXN == 0, "a transaction is whole or absent"
        assert sorted(row["n"] for row in rows) == list(range(len(rows))), "nothing is missing before what is there"
        if len(rows) == N:
            break
    assert killed_midway >= 2
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
    first = subprocess.Popen(command(database, corpus), stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while count(database) == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        second = subprocess.run(command(database, corpus), capture_output=True, text=True, check=False)
    finally:
        first.kill()
        first.wait()
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
    process = subprocess.Popen(command(database, corpus), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while count(database) == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "stopping after the transaction in flight" in err
    assert "run the same command again" in err
    assert "Traceback" not in err
    rows = check(database, dimension=D, precomputed=True)
    assert 0 < len(rows) < N
    assert len(rows) % TXN == 0


def test_second_interrupt_stops_at_once(tmp_path: Path, corpus: tuple[Path, Path]) -> None:
    database = tmp_path / "db"
    process = subprocess.Popen(command(database, corpus), stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while count(database) == 0 and time.monotonic() < deadline:
        time.sleep(0.01)
    # Both at once: the second arrives while the first one's transaction is in flight.
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert len(check(database, dimension=D, precomputed=True)) % TXN == 0

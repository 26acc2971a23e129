"""Ingests on a Ray cluster into object storage, killed with -9: a worker, the driver, or all processes at once.

VECINDEX_CLUSTER_KILLS sets how many kills the slow test makes (36).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import lance
import psutil
import pytest

import invariants
import vecindex
from object_storage import Bucket, rows_file
from vecindex.store.database import Database
from vecindex.store.remote import orphans

KILLS = int(os.environ.get("VECINDEX_CLUSTER_KILLS", "36"))
VICTIMS = ("worker", "driver", "all")
VECTORS = ("--vector-field", "vector", "--model", "test/none", "--unverified")
OLD, ROWS, FROM = 150, 600, 50
UNIT, WAVE, WORKERS = 10, 60, 2
WAIT_S = 250


def command(db: str, rows: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "vecindex.cli.app", "ingest", str(rows), "--db", db, *VECTORS),
        *("--transaction-rows", str(UNIT), "--engine", "ray", "--worker-cores", "1", "--wave-rows", str(WAVE)),
    ]


def begun(bucket: Bucket, db: str, rows: Path) -> subprocess.Popen[str]:
    env = {**bucket.environment(), "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.Popen(command(db, rows), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def texts(db: str) -> dict[str, str]:
    """Return the text of each id; no id is there twice."""
    table = lance.dataset(f"{db}/articles.lance").to_table(columns=["id", "text"])
    found = dict(zip(*(table.column(name).to_pylist() for name in ("id", "text")), strict=True))
    assert len(found) == table.num_rows, "ids are unique"
    return found


def of(driver: psutil.Process) -> tuple[list[psutil.Process], list[psutil.Process]]:
    """Return the workers of a run that are at work, and all of its processes."""
    everyone = [driver, *driver.children(recursive=True)]
    at_work = []
    for one in everyone:
        with suppress(psutil.Error):
            if "IngestWorker" in " ".join(one.cmdline()):
                at_work.append(one)
    return at_work, everyone


def kill(process: subprocess.Popen[str], victim: str, dice: random.Random) -> None:
    """Wait until workers are there, then a random moment, and kill."""
    driver = psutil.Process(process.pid)
    deadline = time.monotonic() + WAIT_S
    while process.poll() is None and not of(driver)[0] and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(dice.uniform(0.2, 6.0))
    with suppress(psutil.Error):
        at_work, everyone = of(driver)
        victims = {"worker": dice.sample(at_work, min(1, len(at_work))), "driver": [driver], "all": everyone}
        for one in victims[victim]:
            with suppress(psutil.Error):
                one.send_signal(signal.SIGKILL)


def check_kill(
    bucket: Bucket, folder: Path, number: int, victim: str, dice: random.Random, *, on_ray: bool = True
) -> str:
    """Kill a run of new and changed rows, run it again where it ended, and check the table; return how it ended.

    It is run again `on_ray`, or in this process, which goes on from the same table and is quicker.
    """
    db = f"s3://{bucket.name}/kill{number}/db"
    first = rows_file(folder / "first.jsonl", range(OLD))
    how: dict[str, Any] = {"vector_field": "vector", "model": "test/none", "unverified": True}
    vecindex.open(db).ingest(str(first), **how)
    rows = rows_file(folder / "second.jsonl", range(FROM, ROWS), "second")
    process = begun(bucket, db, rows)
    kill(process, victim, dice)
    said, errors = process.communicate(timeout=WAIT_S)
    assert "Traceback" not in errors, errors
    assert said == ""
    before = texts(db)
    done = sum(text.startswith("second") for text in before.values())
    assert before.keys() >= {f"a{i}" for i in range(OLD)}, "no row is gone"
    if process.returncode == 0:
        outcome = "survived" if victim == "worker" else "too late"
    else:
        assert process.returncode == -signal.SIGKILL, errors
        assert victim != "worker"
        outcome = "before" if not done else "between"
        if on_ray:
            again = begun(bucket, db, rows)
            _, errors = again.communicate(timeout=WAIT_S)
            assert again.returncode == 0, errors
        else:
            vecindex.open(db).ingest(str(rows), **how)
    expected = {f"a{i}": f"{'first' if i < FROM else 'second'} {i}" for i in range(ROWS)}
    assert texts(db) == expected
    invariants.check(db, dimension=8, precomputed=True)  # type: ignore[arg-type]
    index = vecindex.open(db)
    index.optimize(older_than="0s")
    table = Database(db).articles("articles")
    assert orphans.orphans(table.lance, table.where, timedelta(0)) == []
    assert texts(db) == expected
    report = index.doctor()
    assert report.sound, report.findings
    return outcome


@pytest.mark.parametrize("victim", ["worker", pytest.param("driver", marks=pytest.mark.slow), "all"])
@pytest.mark.timeout(600)
def test_a_killed_run_loses_and_doubles_nothing(bucket: Bucket, tmp_path: Path, victim: str) -> None:
    check_kill(bucket, tmp_path, VICTIMS.index(victim), victim, random.Random(), on_ray=False)


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_killed_many_times(bucket: Bucket, tmp_path: Path) -> None:
    dice, ends = random.Random(3), Counter[tuple[str, str]]()
    for number in range(KILLS):
        victim = VICTIMS[number % len(VICTIMS)]
        ends[victim, check_kill(bucket, tmp_path, 100 + number, victim, dice)] += 1
        print(number, dict(ends), flush=True)
    assert sum(n for (_, end), n in ends.items() if end in ("between", "survived")) >= KILLS // 3

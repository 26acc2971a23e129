"""Two ingests at once into one bucket, and ingests that are killed there: no row is lost, none is there twice.

VECINDEX_RACES sets how many races the slow tests run (50), VECINDEX_REMOTE_KILLS how many kills (30).
"""

from __future__ import annotations

import os
import random
import signal
import time
from datetime import timedelta
from pathlib import Path

import pytest

import invariants
import vecindex
from object_storage import Bucket, rows_file
from racing import FIRST, IN_USE, OLD, SECOND, Ended, Racer, ingest, settle, texts
from vecindex.store.database import Database
from vecindex.store.remote import orphans

RACES = int(os.environ.get("VECINDEX_RACES", "50"))
KILLS = int(os.environ.get("VECINDEX_REMOTE_KILLS", "30"))


def race(bucket: Bucket, folder: Path, number: int, with_lease: bool) -> list[Ended]:
    """Let two processes ingest overlapping rows at once; look at the table, end what was refused, look again."""
    name = f"{bucket.name}/race{number}{'' if with_lease else 'n'}"
    one = Bucket(bucket.endpoint, name, bucket.settings)
    first = rows_file(folder / "first.jsonl", OLD)
    rows = [
        rows_file(folder / "a.jsonl", FIRST, "second"),
        rows_file(folder / "b.jsonl", SECOND, "second"),
    ]
    racers = [Racer(one, path, with_lease=with_lease) for path in rows]
    try:
        if number % 2:
            # Else both make the table.
            ingest(one.db, first)
        for racer in racers:
            racer.wait_until_ready()
        for racer in racers:
            racer.begin()
        ended = [racer.ended() for racer in racers]
    finally:
        for racer in racers:
            racer.process.kill()
            racer.process.wait()
    settle(one.db, rows, ended, had_rows=number % 2 == 1)
    return ended


@pytest.mark.parametrize("with_lease", [True, False], ids=["lease", "no lease"])
@pytest.mark.parametrize("number", range(2))
def test_two_ingests_at_once(bucket: Bucket, tmp_path: Path, number: int, with_lease: bool) -> None:
    race(bucket, tmp_path, number, with_lease)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("with_lease", [True, False], ids=["lease", "no lease"])
def test_two_ingests_at_once_many_times(bucket: Bucket, tmp_path: Path, with_lease: bool) -> None:
    refused, both, codes = 0, 0, []
    for number in range(RACES):
        ended = race(bucket, tmp_path, number, with_lease)
        codes.append([code for code, _ in ended])
        refused += sum(code == 5 for code, _ in ended)
        both += all(code == 0 for code, _ in ended)
        if with_lease:
            assert all(IN_USE in said for code, said in ended if code), ended
    print(f"\n{RACES} races: {refused} writers refused, both done in {both}; 0 duplicates, 0 lost")
    assert refused + both > 0


def kill(bucket: Bucket, folder: Path, number: int, seconds: float) -> int:
    """Kill an ingest of new and changed rows after so many seconds, run it again, and check what is left."""
    one = Bucket(bucket.endpoint, f"{bucket.name}/kill{number}", bucket.settings)
    ingest(one.db, rows_file(folder / "first.jsonl", range(150)))
    rows = rows_file(folder / "second.jsonl", range(50, 400), "second")
    racer = Racer(one, rows)
    racer.wait_until_ready()
    racer.begin()
    time.sleep(seconds)
    racer.process.send_signal(signal.SIGKILL)
    racer.process.communicate()
    before = texts(one.db)
    done = sum(text.startswith("second") for text in before.values())
    assert before.keys() >= {f"a{i}" for i in range(150)}, "no row is gone"
    # Its lease is taken at once: the process is known to be gone.
    ingest(one.db, rows)
    expected = {f"a{i}": f"{'first' if i < 50 else 'second'} {i}" for i in range(400)}
    assert texts(one.db) == expected
    invariants.check(one.db, dimension=8, precomputed=True)  # type: ignore[arg-type]
    index = vecindex.open(one.db)
    index.optimize(older_than="0s")
    table = Database(one.db).articles("articles")
    assert orphans.orphans(table.lance, table.where, timedelta(0)) == []
    assert texts(one.db) == expected
    report = index.doctor()
    assert report.sound, report.findings
    return done


def test_a_killed_ingest_goes_on(bucket: Bucket, tmp_path: Path) -> None:
    moments = random.Random(1)
    for number in range(2):
        kill(bucket, tmp_path, number, moments.uniform(0.1, 1.5))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_ingest_goes_on_many_times(bucket: Bucket, tmp_path: Path) -> None:
    moments = random.Random(2)
    done = [kill(bucket, tmp_path, 100 + number, moments.uniform(0.05, 2.5)) for number in range(KILLS)]
    between = sum(0 < rows < 350 for rows in done)
    print(f"\n{KILLS} kills: {between} in the middle of the work, {done.count(0)} before it, {done.count(350)} after")
    assert between >= KILLS // 4

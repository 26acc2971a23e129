"""Two ingests on Ray at once into one bucket, each a process with workers of its own.

VECINDEX_CLUSTER_RACES sets how many races the slow test runs (50).
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from object_storage import Bucket, in_environment, new_bucket, rows_file
from racing import FIRST, IN_USE, OLD, SECOND, Ended, RayRacer, ingest, settle

RACES = int(os.environ.get("VECINDEX_CLUSTER_RACES", "50"))


@pytest.fixture(scope="module")
def bucket(server: str) -> Iterator[Bucket]:
    with pytest.MonkeyPatch.context() as patch:
        yield in_environment(new_bucket(server), patch)


@pytest.fixture(scope="module")
def racers(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[RayRacer]]:
    started: list[RayRacer] = []
    try:
        for _ in range(2):
            started.append(RayRacer(bucket, tmp_path_factory.mktemp("ray")))
            started[-1].wait_until_ready()
        yield started
    finally:
        for one in started:
            one.close()


def race(bucket: Bucket, racers: list[RayRacer], folder: Path, number: int, *, with_lease: bool) -> list[Ended]:
    """Let both ingest overlapping rows at once; see that nothing is lost or doubled, also after the refused again."""
    db = f"s3://{bucket.name}/race{number}/db"
    rows = [rows_file(folder / f"{ids.start}.jsonl", ids, "second") for ids in (FIRST, SECOND)]
    had_rows = number % 2 == 1
    if had_rows:
        # Else both make the table.
        ingest(db, rows_file(folder / "first.jsonl", OLD))
    for racer, path in zip(racers, rows, strict=True):
        racer.prepare(db, path, with_lease=with_lease)
    for racer in racers:
        racer.begin()
    ended = [racer.ended() for racer in racers]
    settle(db, rows, ended, had_rows=had_rows)
    return ended


@pytest.mark.timeout(600)
def test_two_ingests_on_ray_at_once(bucket: Bucket, racers: list[RayRacer], tmp_path: Path) -> None:
    ended = race(bucket, racers, tmp_path, 1, with_lease=True)
    assert all(IN_USE in said for code, said in ended if code), ended


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_two_ingests_on_ray_at_once_many_times(bucket: Bucket, racers: list[RayRacer], tmp_path: Path) -> None:
    ends: Counter[str] = Counter()
    for number in range(10, 10 + RACES):
        with_lease = number % 4 < 2
        ended = race(bucket, racers, tmp_path, number, with_lease=with_lease)
        if with_lease:
            assert all(IN_USE in said for code, said in ended if code), ended
        refused = sum(code == 5 for code, _ in ended)
        ends[f"{'lease' if with_lease else 'no lease'}: {refused} refused"] += 1
        print(number, dict(ends), {" ".join(said.split()) for _, said in ended if said}, flush=True)
    print(f"\n{RACES} races on Ray: {dict(ends)}; 0 duplicates, 0 lost")
    assert any(not end.endswith(": 0 refused") for end in ends)

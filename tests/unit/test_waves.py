"""What a wave holds in memory: the rows that no worker has written yet, which are few."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from vecindex.cluster.pool import UNITS_A_WORKER
from vecindex.errors import StoreError
from vecindex.verbs.ingest.cluster.waves import WaveCommitter, _Wave

WORKERS = 3


class Pool:
    """Workers that write nothing until they are waited for; it counts the rows that it holds."""

    size = WORKERS

    def __init__(self, done_at_once: bool) -> None:
        self.done_at_once, self.jobs, self.most, self.lost = done_at_once, dict[int, int](), 0, False

    def submit(self, name: str, method: str, rows: pa.Table, *_: Any, group: str) -> int:
        number = int(name)
        self.jobs[number] = len(rows)
        self.most = max(self.most, sum(self.jobs.values()))
        return number

    def is_done(self, _: int) -> bool:
        return self.done_at_once

    def result(self, job: int) -> list[str]:
        rows = self.jobs.pop(job) - self.lost
        return [json.dumps({"physical_rows": rows, "job": job})]


def sent(pool: Pool, transactions: int) -> _Wave:
    """Send transactions of ten rows, each third of them replaced; return the wave when all are written."""
    committer = WaveCommitter.__new__(WaveCommitter)
    committer._pool, committer._wave = lambda: pool, _Wave()
    for number in range(transactions):
        committer._sent(str(number), pa.table({"id": [f"a{i}" for i in range(10)]}), "uri", 1, number % 3 == 0)
    committer._take(committer._wave, 0)
    return committer._wave


@pytest.mark.parametrize(("done_at_once", "most"), [(False, 10 * (UNITS_A_WORKER * WORKERS + 1)), (True, 10)])
def test_rows_are_held_until_they_are_written_and_few_are_on_the_way(done_at_once: bool, most: int) -> None:
    pool = Pool(done_at_once)
    wave = sent(pool, 100)
    assert (pool.most, pool.jobs, list(wave.sent)) == (most, {}, [])
    written = [[json.loads(piece)["job"] for piece in pieces] for pieces in (wave.instead, wave.new)]
    assert written == [list(range(0, 100, 3)), [i for i in range(100) if i % 3]]


def test_rows_that_were_not_written_end_the_wave() -> None:
    pool = Pool(False)
    pool.lost = True
    with pytest.raises(StoreError, match=r"A worker wrote 9 of 10 rows of a transaction; nothing of it was"):
        sent(pool, 1)

"""Which piece of work a dead worker is said to have died of."""

from __future__ import annotations

from vecindex.cluster.pool import OWN, SIDE, Job, blamed


def job(name: str, group: str) -> Job:
    return Job("do", (), group, name)


def test_a_write_is_blamed_only_where_no_text_is_at_work() -> None:
    write, later, first, second = job("w1", SIDE), job("w2", SIDE), job("t1", OWN), job("t2", OWN)
    jobs = [write, first, later, second]
    done: list[Job] = []
    for expected in (first, second, write, later, None):
        assert blamed(jobs, done.__contains__) is expected
        done += [] if expected is None else [expected]
    assert blamed([], done.__contains__) is None

"""The end of a request: who looks is stopped, and what is kept for others is not."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from tables import filled
from vecindex.core.limits import Limit, Stopped, left_s, look, looking, unlimited
from vecindex.serve.table.once import Once
from vecindex.store.search import nearest

OVER = "took too long, or nobody waits for it any more"


def test_without_a_limit_a_look_does_nothing() -> None:
    look()
    assert left_s() is None
    assert list(looking([1, 2])) == [1, 2]


def test_what_is_stopped_ends_at_the_next_step() -> None:
    limit, seen = Limit(60), list[int]()
    with limit.holding():
        assert 0 < (left_s() or 0) <= 60
        steps = looking([1, 2, 3])
        seen.append(next(steps))
        limit.stop()
        with pytest.raises(Stopped, match=OVER):
            next(steps)
        with unlimited():
            assert list(looking([4, 5])) == [4, 5]
        assert left_s() == 0
    assert seen == [1]
    look()


def test_a_search_of_the_store_ends_with_its_time(tmp_path: Path) -> None:
    table, vectors = filled(tmp_path, 5)
    limit = Limit(60)
    with limit.holding():
        assert nearest(table, vectors[:1], 1, ["id"], "year > 0")[0].rows[0].row["id"] == "a00000"
        limit.stop()
        with pytest.raises(Stopped, match=OVER):
            nearest(table, vectors[:1], 1, ["id"])
        with pytest.raises(Stopped, match=OVER):
            list(table.scan(["id"]))
        with pytest.raises(Stopped, match=OVER):
            list(table.scan_where(["id"], "year > 0"))


def test_who_waits_for_anothers_value_makes_it_when_that_one_is_stopped() -> None:
    made, first, begun = Once[str, int](2), Limit(60), threading.Event()
    found: list[object] = []

    def endless() -> int:
        begun.set()
        while True:
            look()

    def one() -> None:
        with first.holding(), pytest.raises(Stopped):
            made.get("a", endless)

    def other() -> None:
        found.append(made.get("a", lambda: 7))

    threads = [threading.Thread(target=one), threading.Thread(target=other)]
    threads[0].start()
    assert begun.wait(200)
    threads[1].start()
    waiting = Limit(0)
    with waiting.holding(), pytest.raises(Stopped, match=OVER):
        made.get("a", lambda: 8)
    first.stop()
    for thread in threads:
        thread.join(200)
    assert found == [7]

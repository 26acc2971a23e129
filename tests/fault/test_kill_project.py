"""kill -9 while a map is written: readers find the old map or the new one, and the same command goes on."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import vecindex
from tables import append, ids_in, make_table, map_xy, unit_vectors
from vecindex.store import maps as store
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.graph import GraphTable
from vecindex.store.maps import maps, put_map

N = 400
IDS = pa.array([f"a{i:05d}" for i in range(N)])
STEPS = ("sweep_map", "_add_columns", "_fill_columns", "_swap_columns", "sweep_map")

# Kills itself before or after the given call of the steps of `put_map`.
CHILD = """
import json, os, signal, sys
import numpy as np, pyarrow as pa
from vecindex.store import maps
from vecindex.store.database import Database

folder, when, place = sys.argv[1], int(sys.argv[2]), sys.argv[3]
calls = 0

def deadly(step):
    def call(*arguments):
        global calls
        here, calls = calls, calls + 1
        if here == when and place == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = step(*arguments)
        if here == when and place == "after":
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

for name in ("sweep_map", "_add_columns", "_fill_columns", "_swap_columns"):
    setattr(maps, name, deadly(getattr(maps, name)))
table = Database(folder).articles("articles")
ids = pa.array([i for b in table.scan(["id"]) for i in b.column(0).to_pylist()])
maps.put_map(table, "map", ids, np.full((len(ids), 2), 2.0), {"made": 2})
"""


def table_with_map(folder: Path, old: bool) -> ArticleTable:
    table = make_table(folder)
    append(table, unit_vectors(N))
    if old:
        put_map(table, "map", IDS, np.full((N, 2), 1.0), {"made": 1})
    return table


def seen(folder: Path) -> tuple[int | None, set[float]]:
    """Return which map a reader finds, and all coordinates on it."""
    table = Database(folder).articles("articles")
    found = maps(table)
    if not found:
        return None, set()
    return found["map"]["made"], set(map_xy(table, "map")[1].ravel().tolist())


class Killed(BaseException):
    """Ends a writer at once: `put_map` has nothing that would run then, so this is to a reader as good as a kill."""


def judge(folder: Path, when: int, place: str, old: bool) -> int | None:
    """Check what a reader finds after a kill there, and that the next writer clears up; return which map it was."""
    made, places = seen(folder)
    assert places == (set() if made is None else {float(made)}), (STEPS[when], place)
    swapped = when > 3 or (when, place) == (3, "after")
    assert made == (2 if swapped else 1 if old else None), (STEPS[when], place)
    table = Database(folder).articles("articles")
    put_map(table, "map", IDS, np.full((N, 2), 3.0), {"made": 3})
    assert seen(folder) == (3, {3.0})
    assert [name for name in table.schema.names if name.startswith("_")] == []
    assert ids_in(folder) == set(IDS.to_pylist())
    return made


@pytest.mark.parametrize("old", [True, False], ids=["replacing", "first"])
def test_ended_at_each_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool) -> None:
    outcomes = set()
    for when, place in itertools.product(range(len(STEPS)), ("before", "after")):
        folder = tmp_path / f"{when}{place}"
        table = table_with_map(folder, old)
        calls = itertools.count()

        def deadly(
            step: Callable[..., Any], when: int = when, place: str = place, calls: Iterator[int] = calls
        ) -> Callable[..., None]:
            def call(*arguments: Any) -> None:
                here = next(calls)
                if (here, place) == (when, "before"):
                    raise Killed
                step(*arguments)
                if (here, place) == (when, "after"):
                    raise Killed

            return call

        with monkeypatch.context() as patch:
            for name in set(STEPS):
                patch.setattr(store, name, deadly(getattr(store, name)))
            with pytest.raises(Killed, match=r"^$"):
                put_map(table, "map", IDS, np.full((N, 2), 2.0), {"made": 2})
        outcomes.add(judge(folder, when, place, old))
    assert outcomes == {1 if old else None, 2}, "both sides of the swap were met"


@pytest.mark.parametrize(("when", "place"), [(2, "after"), (3, "after")])
def test_killed_around_the_swap(tmp_path: Path, when: int, place: str) -> None:
    table_with_map(tmp_path, True)
    child = [sys.executable, "-c", CHILD, str(tmp_path), str(when), place]
    done = subprocess.run(child, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    judge(tmp_path, when, place, True)


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    folder, dice = tmp_path / "db", random.Random()
    table = make_table(folder)
    append(table, unit_vectors(N))
    vecindex.open(folder).project(method="pca")
    states = {maps(Database(folder).articles("articles"))["map"]["id"]}
    killed = 0
    for _ in range(4):
        command = [sys.executable, "-m", "vecindex.cli.app", "project", "--method", "pca", "--db", str(folder)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = Database(folder).articles("articles").lance.version
        deadline = time.monotonic() + 60
        # Wait for its first commit, then for a moment of those between the commits.
        while process.poll() is None and Database(folder).articles("articles").lance.version == before:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        time.sleep(dice.uniform(0.0, 0.05))
        process.send_signal(signal.SIGKILL)
        killed += process.wait() == -signal.SIGKILL
        table = Database(folder).articles("articles")
        about = maps(table)["map"]
        assert about["articles"] == N
        assert np.isfinite(map_xy(table, "map")[1]).all()
        states.add(about["id"])
    assert killed >= 2
    result = vecindex.open(folder).project(method="pca")
    assert result.action == "rebuilt"
    # The principal components do not change, so whichever map was there, nothing moved.
    assert result.moved is not None
    assert result.moved.p95 < 1e-6
    table = Database(folder).articles("articles")
    assert [name for name in table.schema.names if name.startswith("_")] == []


def test_interrupted_in_the_layout(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    table = make_table(folder)
    append(table, unit_vectors(2_000))
    vecindex.open(folder).project(method="pca")
    table = Database(folder).articles("articles")
    about, (_, places) = maps(table), map_xy(table, "map")
    for number in (signal.SIGINT, signal.SIGTERM):
        shutil.rmtree(folder / "_graph.articles.lance", ignore_errors=True)
        command = [
            *(
                sys.executable,
                "-u",
                "-c",
                "from vecindex.cli.app import main; main()",
                "project",
                "--db",
                str(folder),
            ),
            *("--iterations", "1000000", "--set", "finish_iterations=1000000"),
        ]
        # The first signal falls while numba compiles, in callbacks from C that swallow exceptions, or in an exec() of
        # text, after which `python -m` ends by the signal whatever became of the exception.
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "numba")}
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        wait_for_graph(folder, process)
        time.sleep(1.0)  # so that it is about the layout
        process.send_signal(number)
        _, told = process.communicate()
        assert process.returncode == 130, told
        assert "a map of that name that was there is as it was" in told
        assert "Traceback" not in told
        table = Database(folder).articles("articles")
        assert maps(table) == about
        np.testing.assert_array_equal(map_xy(table, "map")[1], places)
    assert GraphTable(Database(folder), "articles").load() is not None


def wait_for_graph(folder: Path, process: subprocess.Popen[str]) -> None:
    """Return once the neighbor graph is kept, which is as soon as it is made, just before the layout."""
    while GraphTable(Database(folder), "articles").load() is None:
        assert process.poll() is None
        time.sleep(0.05)


def test_the_lock_is_not_held_while_the_map_is_made(tmp_path: Path) -> None:
    folder = tmp_path / "db"
    table = make_table(folder)
    append(table, unit_vectors(2_000))
    command = [sys.executable, "-m", "vecindex.cli.app", "project", "--db", str(folder), "--iterations", "1000000"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, text=True)
    try:
        wait_for_graph(folder, process)
        # The lock was held to keep the graph, so at first it may be held still.
        removed = vecindex.open(folder).delete("a00000", wait=200)
        assert process.poll() is None, "it was still at work"
    finally:
        process.kill()
        process.wait()
    assert removed.deleted == 1

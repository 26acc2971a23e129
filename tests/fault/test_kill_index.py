"""kill -9 and a full disk while the index of the vectors is made: the table is whole, and a second run is right."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from test_disk_full import can_mount

import vecindex
from approximate import D, exact, found, indexed, names, stocked
from tables import append, make_table, unit_vectors
from vecindex.core.indexes.recall import Probe
from vecindex.store.database import Database
from vecindex.store.indexes.vector import about_index, vector_index

ROWS = 15_000
KILLS = 3

# Kills itself before or after one of the steps of making an index.
CHILD = """
import os, signal, sys
import vecindex
from vecindex.store.indexes import vector
from vecindex.verbs.index import index

folder, step, side = sys.argv[1:]
module = vector if step == "keep_about" else index

def deadly(name, call):
    def killing(*arguments):
        if side == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = call(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)
    return killing

setattr(module, step, deadly(step, getattr(module, step)))
vecindex.open(folder).build_index(type="IVF_PQ")
"""


def orphans(folder: Path) -> set[str]:
    """Return the folders of indexes that the latest version does not name."""
    indexes = folder / "articles.lance" / "_indices"
    data = Database(folder).articles("articles").lance.to_lance()
    named = {segment.uuid for one in data.describe_indices() for segment in one.segments}
    return {path.name for path in indexes.iterdir() if path.is_dir()} - named if indexes.exists() else set()


def assert_searches_are_right(folder: Path, vectors: np.ndarray) -> None:
    index = vecindex.open(folder)
    for query in unit_vectors(3, D, seed=5):
        assert [hit.id for hit in index.search(vector=query).hits] == exact(vectors, names(len(vectors)), query)


@pytest.mark.parametrize("old", [False, True], ids=["the first one", "in place of an old one"])
@pytest.mark.parametrize(
    ("step", "side", "made"),
    [
        ("keep_about", "before", False),
        ("make_vector_index", "before", False),
        ("make_vector_index", "after", True),
        ("measure", "before", True),
        ("measure", "after", True),
    ],
)
def test_killed_between_its_steps(tmp_path: Path, step: str, side: str, made: bool, old: bool) -> None:
    _, vectors = indexed(tmp_path, "IVF_SQ") if old else stocked(tmp_path)
    done = subprocess.run([sys.executable, "-c", CHILD, tmp_path, step, side], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    table = Database(tmp_path).articles("articles")
    there, about = vector_index(table), about_index(table)
    # What is kept is of the index that is there, or nothing is.
    assert about is None or (there is not None and about.type == there.type)
    assert (None if there is None else there.type) == ("IVF_PQ" if made else "IVF_SQ" if old else None)
    assert_searches_are_right(tmp_path, vectors)
    vecindex.open(tmp_path).build_index(type="IVF_PQ")
    table = Database(tmp_path).articles("articles")
    about = about_index(table)
    assert about is not None
    assert about.type == "IVF_PQ"
    query = unit_vectors(1, D, seed=5)[0]
    assert found(table, query, Probe(20, 40)) == exact(vectors, names(), query)


def test_killed_at_random_moments(tmp_path: Path) -> None:
    table = make_table(tmp_path, dimension=D)
    vectors = unit_vectors(ROWS, D)
    append(table, vectors, ids=names(ROWS))
    dice, killed = random.Random(), 0
    command = [sys.executable, "-m", "vecindex.cli.app", "index", "--type", "IVF_HNSW_SQ", "--db", str(tmp_path)]
    for _ in range(KILLS):
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert process.stderr is not None
        process.stderr.readline()  # it says that it begins
        time.sleep(dice.uniform(0.0, 1.5))
        process.kill()
        killed += process.wait() == -signal.SIGKILL
        process.stderr.close()
        assert_searches_are_right(tmp_path, vectors)
        assert vecindex.open(tmp_path).status().rows == ROWS
    # Where this process gets no core for long, the other one may come to its end.
    assert killed > 0
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    vecindex.open(tmp_path).optimize(older_than="0s")
    assert orphans(tmp_path) == set()
    assert not list(tmp_path.rglob(".tmp*"))
    table = Database(tmp_path).articles("articles")
    query = unit_vectors(1, D, seed=5)[0]
    assert found(table, query, Probe(123, 100)) == exact(vectors, names(ROWS), query)
    assert vecindex.open(tmp_path).doctor().sound


FULL = """
set -e
mount -t tmpfs -o size=$4 none "$1"
cp -r "$2"/. "$1"/
set +e
"$3" -m vecindex.cli.app index --type IVF_SQ --db "$1"
echo "first $?" >&2
"$3" -m vecindex.cli.app search --id a00003 -k 1 --no-text --db "$1"
mount -o remount,size=200m "$1"
"$3" -m vecindex.cli.app index --type IVF_SQ --db "$1"
echo "second $?" >&2
"$3" -m vecindex.cli.app search --id a00003 -k 1 --no-text --approximate --db "$1"
"""


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace for a small disk")
def test_the_disk_is_full(tmp_path: Path) -> None:
    source, mount = tmp_path / "source", tmp_path / "small"
    mount.mkdir()
    table = make_table(source, dimension=64)
    append(table, unit_vectors(8_000, 64), ids=names(8_000))
    used = sum(path.stat().st_size for path in source.rglob("*") if path.is_file())
    flags = ["-m"] if os.geteuid() == 0 else ["-rm"]
    done = subprocess.run(
        ["unshare", *flags, "bash", "-c", FULL, "bash", mount, source, sys.executable, str(used + 240_000)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "first 5" in done.stderr, done.stderr
    assert "No space left on the disk" in done.stderr
    assert "second 0" in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("1\t")]
    assert len(lines) == 2
    assert lines[0] == lines[1], "the same nearest article before and after"

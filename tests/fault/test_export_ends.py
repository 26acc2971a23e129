"""An export that ends in the middle: by kill -9, Ctrl-C, a fault or a full disk there is the old file or none."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import vecindex
from tables import append, filled, make_table, unit_vectors
from vecindex.errors import ConfigError, CorruptError
from vecindex.exports import vectors as npy
from vecindex.files import NewFile
from vecindex.store.articles import ArticleTable

NAMES = ["o.parquet", "o.jsonl", "o.csv.gz", "o.json", "o.npy"]

# Reads a row at a time, and waits after some of them, so that it stands in the middle of its file.
SLOW = """
import sys, time
from vecindex.store.articles import ArticleTable
from vecindex.cli import app

stream = ArticleTable.stream

def slow(self, columns, where=None, rows=1):
    for i, batch in enumerate(stream(self, columns, where, 1)):
        if i == 100:
            print("half", flush=True)
            time.sleep(600)
        yield batch

ArticleTable.stream = slow
app.main()
"""


def slow_export(folder: Path, name: str) -> subprocess.Popen[str]:
    """Start an export and return it when it stands in the middle."""
    command = [sys.executable, "-c", SLOW, "export", str(folder / name), "--db", str(folder / "db"), "--no-maps"]
    command += ["--yes"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    return process


def beside(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != "db")


@pytest.mark.parametrize("name", NAMES)
def test_killed_in_the_middle(tmp_path: Path, name: str) -> None:
    filled(tmp_path / "db", 200)
    (tmp_path / name).write_text("old")
    process = slow_export(tmp_path, name)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert (tmp_path / name).read_text() == "old"
    left = [file for file in beside(tmp_path) if file != name]
    assert len(left) == (2 if name == "o.npy" else 1), left
    assert all(file.startswith((f".{name}.", ".o.ids.json.")) and file.endswith(".part") for file in left), left
    # Nothing is in the way of the next one.
    report = vecindex.open(tmp_path / "db").export(tmp_path / name, maps=None if name == "o.npy" else ())
    assert report.rows == 200
    assert (tmp_path / name).read_bytes() != b"old"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("name", ["o.parquet", "o.npy"])
def test_stopped_in_the_middle(tmp_path: Path, name: str, number: signal.Signals) -> None:
    filled(tmp_path / "db", 200)
    process = slow_export(tmp_path, name)
    process.send_signal(number)
    _, told = process.communicate(timeout=200)
    assert process.returncode == 130, told
    assert f"Stopped before the export was complete; {tmp_path / name} is as it was before." in told
    assert "Traceback" not in told
    assert "Exception ignored" not in told
    assert beside(tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_of_the_store_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    filled(tmp_path / "db", 200)
    (tmp_path / name).write_text("old")
    stream = ArticleTable.stream

    def broken(self: ArticleTable, columns: list[str], where: str | None = None, rows: int = 1) -> Iterator[object]:
        for i, batch in enumerate(stream(self, columns, where, 50)):
            if i == 2:
                raise CorruptError("a file is missing")
            yield batch

    monkeypatch.setattr(ArticleTable, "stream", broken)
    with pytest.raises(CorruptError, match="a file is missing"):
        vecindex.open(tmp_path / "db").export(tmp_path / name, maps=None if name == "o.npy" else ())
    assert beside(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "old"


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk(tmp_path: Path, name: str) -> None:
    table = make_table(tmp_path / "db")
    noise = np.random.default_rng(0).integers(33, 126, (400, 1_000), dtype=np.uint8)
    append(table, unit_vectors(400), text=[row.tobytes().decode() for row in noise])
    (tmp_path / name).write_text("old")
    # What the kernel does at this size is what it does on a full disk, but for the number of the error.
    code = (
        "import resource, signal, sys; from vecindex.cli import app; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8_192, 8_192)); app.main()"
    )
    command = [sys.executable, "-c", code, "export", str(tmp_path / name), "--db", str(tmp_path / "db"), "-y"]
    done = subprocess.run(
        [*command, *([] if name == "o.npy" else ["--no-maps"])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert f"error: Cannot write {tmp_path / name}: File too large." in done.stderr
    assert "Name another file, in a folder that you may write to." in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert beside(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "old"


KILLED = """
import os, signal, sys, vecindex
from vecindex.files import NewFile
calls = iter(range(4))
names = ("set_aside", "set_aside", "put", "put")
def deadly(method):
    def run(self):
        if next(calls) == int(sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return method(self)
    return run
NewFile.put, NewFile.set_aside = deadly(NewFile.put), deadly(NewFile.set_aside)
vecindex.open(sys.argv[1]).export(sys.argv[2])
"""


@pytest.mark.parametrize("when", range(5))
def test_vectors_never_stand_beside_ids_of_others(tmp_path: Path, when: int) -> None:
    """Kill it before each of the four moves: there are vectors with their own ids, or no vectors."""
    table, _ = filled(tmp_path / "db", 3)
    vecindex.open(tmp_path / "db").export(tmp_path / "v.npy")
    append(table, unit_vectors(2, seed=3), ids=["n1", "n2"], txn=2)
    command = [sys.executable, "-c", KILLED, str(tmp_path / "db"), str(tmp_path / "v.npy"), str(when)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == (0 if when == 4 else -9), done.stderr
    there = [(tmp_path / name).exists() for name in ("v.npy", "v.ids.json")]
    assert there == [[True, True], [False, True], [False, False], [False, True], [True, True]][when]
    if there[0]:
        ids = json.loads((tmp_path / "v.ids.json").read_text())
        assert len(np.load(tmp_path / "v.npy")) == len(ids) == (5 if when == 4 else 3)


@pytest.mark.parametrize("when", range(2))
def test_an_error_between_the_two_leaves_the_old_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: int
) -> None:
    table, _ = filled(tmp_path / "db", 3)
    index = vecindex.open(tmp_path / "db")
    index.export(tmp_path / "v.npy")
    before = [(tmp_path / name).read_bytes() for name in ("v.npy", "v.ids.json")]
    append(table, unit_vectors(2, seed=3), ids=["n1", "n2"], txn=2)
    calls = iter(range(2))

    class Failing(NewFile):
        def put(self) -> None:
            if next(calls) == when:
                raise OSError(1, "Operation not permitted")
            super().put()

    monkeypatch.setattr(npy, "NewFile", Failing)
    with pytest.raises(ConfigError, match="Operation not permitted"):
        index.export(tmp_path / "v.npy")
    assert [(tmp_path / name).read_bytes() for name in ("v.npy", "v.ids.json")] == before
    assert beside(tmp_path) == ["v.ids.json", "v.npy"]


def test_what_replaces_a_private_file_is_private_all_along(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("old")
    path.chmod(0o600)
    new = NewFile(path)
    (part,) = tmp_path.glob(".mine.csv.*.part")
    assert part.stat().st_mode & 0o777 == 0o600
    new.discard()

"""An export that ends in the middle: by kill -9, Ctrl-C, a fault or a full disk there is the old file or none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
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
            time.sleep(60)
        yield batch

ArticleTable.stream = slow
app.main()
"""


def slow_export(folder: Path, name: str) -> subprocess.Popen[str]:
    """Start an export and return it when it stands in the middle."""
    command = [sys.executable, "-c", SLOW, "export", str(folder / name), "--db", str(folder / "db"), "--no-maps"]
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
    _, told = process.communicate(timeout=60)
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
    command = [sys.executable, "-c", code, "export", str(tmp_path / name), "--db", str(tmp_path / "db")]
    done = subprocess.run(
        [*command, *([] if name == "o.npy" else ["--no-maps"])], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    assert f"error: Cannot write {tmp_path / name}: File too large." in done.stderr
    assert "Name another file: vecindex export FILE" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert beside(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "old"


def test_vectors_never_stand_beside_ids_of_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the two renames at each place: new vectors with their ids, or none, but no old ones with new ids."""
    table, _ = filled(tmp_path / "db", 3)
    index = vecindex.open(tmp_path / "db")
    index.export(tmp_path / "v.npy")
    append(table, unit_vectors(2, seed=3), ids=["n1", "n2"], txn=2)

    class Killed(BaseException):
        pass

    seen = []
    for when in range(3):
        calls = iter(range(3))

        class Deadly(NewFile):
            def put(self, when: int = when, calls: Iterator[int] = calls) -> None:
                if next(calls) == when:
                    raise Killed
                super().put()

        monkeypatch.setattr(npy, "NewFile", Deadly)
        if when < 2:
            with pytest.raises(Killed, match=r"^$"):
                index.export(tmp_path / "v.npy")
        else:
            index.export(tmp_path / "v.npy")
        there = (tmp_path / "v.npy").exists()
        seen.append(there)
        assert not there or np.load(tmp_path / "v.npy").shape == (5, 8)
        assert (tmp_path / "v.ids.json").exists()
    assert seen == [False, False, True]
    assert beside(tmp_path) == ["v.ids.json", "v.npy"]


def test_a_place_where_nothing_can_be_written(tmp_path: Path) -> None:
    filled(tmp_path / "db", 3)
    (tmp_path / "v.ids.json").mkdir()
    with pytest.raises(ConfigError, match=r"Cannot write .*v.ids.json: it is not a plain file"):
        vecindex.open(tmp_path / "db").export(tmp_path / "v.npy")
    assert beside(tmp_path) == ["v.ids.json"]
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ConfigError, match="it is not a plain file"):
        vecindex.open(tmp_path / "db").export(tmp_path / "pipe.csv")


MEASURED = """
import resource, sys
import vecindex
index = vecindex.open(sys.argv[1])
index.export(sys.argv[2], columns="id", where="year = 1900", maps=())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
report = index.export(sys.argv[2], maps=(), **({"vectors": True} if "csv" not in sys.argv[2] else {}))
print(report.rows, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table of 400 MB: 40,000 texts of 10,000 characters."""
    folder = tmp_path_factory.mktemp("large") / "db"
    table = make_table(folder)
    for part in range(10):
        n = 4_000
        rows = range(part * n, (part + 1) * n)
        text = [f"{i:05d} " * 1_667 for i in rows]
        append(table, unit_vectors(n, seed=part), ids=[f"a{i:05d}" for i in rows], text=text, txn=part + 1)
    return folder


@pytest.mark.parametrize("name", ["o.parquet", "o.jsonl", "o.csv", "o.jsonl.gz"])
def test_memory_does_not_grow_with_the_table(large: Path, tmp_path: Path, name: str) -> None:
    command = [sys.executable, "-c", MEASURED, str(large), str(tmp_path / name)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows, grown_kb = map(int, done.stdout.split())
    assert rows == 40_000
    if name == "o.parquet":
        found = pq.ParquetFile(tmp_path / name)
        assert found.metadata.num_rows == 40_000
        assert found.schema_arrow.field("vector").type == pa.list_(pa.float32(), 8)
    assert grown_kb < 200_000, f"{grown_kb / 1e3:.0f} MB for a table of 400 MB"

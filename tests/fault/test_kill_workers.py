"""Processes that hash unchanged rows for an ingest: it ends the same with them, without them, and as they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vecindex
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.verbs.ingest.known import unchanged as unchanged_module
from vecindex.verbs.ingest.known.worker import PieceDigests, Worker

N, CHANGED = 40_000, 31_234


@dataclass
class Batches:
    """How many batches workers have parsed, and after how many they are killed."""

    tried: int = 0
    workers: list[Worker] = field(default_factory=list)
    parsed: int = 0
    fatal: int | None = None

    def after_one(self, worker: Worker) -> None:
        if self.parsed == self.fatal:
            worker._process.kill()


@pytest.fixture
def corpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[vecindex.Index, Path]:
    """A table of precomputed embeddings, and the file that it is of; one worker takes batches from early on."""
    path = tmp_path / "rows.parquet"
    vectors = np.random.default_rng(0).standard_normal((N, 4)).astype(np.float32)
    vector = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 4)
    texts = [f"text {i}" for i in range(N)]
    pq.write_table(pa.table({"id": [f"r{i}" for i in range(N)], "text": texts, "vector": vector}), path)
    index = vecindex.open(tmp_path / "db")
    assert index.ingest(path, vector_field="vector", model="four", unverified=True).added == N
    monkeypatch.setattr(unchanged_module, "threads_here", lambda: 2)
    monkeypatch.setattr(unchanged_module, "_MANY_ROWS", 4_000)
    monkeypatch.setattr(unchanged_module, "_BATCH_BYTES", 1)
    return index, path


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> Batches:
    """All batches go to a worker, even those that wait for it; what it has parsed is noted."""
    monkeypatch.setattr(Future, "cancel", lambda _: False)
    seen = Batches()

    class Watched(Worker):
        def __init__(self) -> None:
            seen.tried += 1
            super().__init__()
            seen.workers.append(self)
            seen.after_one(self)

        def digests(self, *given: Any) -> list[PieceDigests]:
            found = super().digests(*given)
            if None not in found:
                seen.parsed += 1
                seen.after_one(self)
            return found

    monkeypatch.setattr(unchanged_module, "Worker", Watched)
    return seen


def test_a_worker_takes_batches_and_is_ended(corpus: tuple[vecindex.Index, Path], batches: Batches) -> None:
    index, path = corpus
    report = index.ingest(path, vector_field="vector")
    assert (report.read, report.skipped, report.rejected) == (N, N, 0)
    assert (len(batches.workers), batches.parsed) == (1, 8)
    assert batches.workers[0]._process.returncode is not None


def test_a_changed_row_among_them_is_found(corpus: tuple[vecindex.Index, Path], batches: Batches) -> None:
    index, path = corpus
    table = pq.read_table(path)
    texts = table["text"].to_pylist()
    texts[CHANGED] = "another text"
    pq.write_table(table.set_column(1, "text", pa.array(texts)), path)
    report = index.ingest(path, vector_field="vector")
    assert (report.read, report.skipped, report.changed) == (N, N - 1, 1)
    assert batches.parsed == 8
    kept = Database(path.parent / "db").articles("articles").lance.to_lance()
    assert kept.to_table(filter=f"id = 'r{CHANGED}'")["text"].to_pylist() == ["another text"]


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_worker_is_killed(corpus: tuple[vecindex.Index, Path], batches: Batches, after: int) -> None:
    index, path = corpus
    batches.fatal = after
    report = index.ingest(path, vector_field="vector")
    assert (report.read, report.skipped, report.rejected) == (N, N, 0)
    assert (batches.tried, batches.parsed) == (1, after)
    assert batches.workers[0]._process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"])
def test_no_worker_can_start(
    corpus: tuple[vecindex.Index, Path], batches: Batches, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    index, path = corpus
    monkeypatch.setattr(sys, "executable", program)
    report = index.ingest(path, vector_field="vector")
    assert (report.read, report.skipped, report.rejected) == (N, N, 0)
    assert (batches.tried, batches.parsed) == (1, 0)


def test_a_run_that_fails_leaves_no_worker(
    corpus: tuple[vecindex.Index, Path], batches: Batches, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, path = corpus
    table = pq.read_table(path)
    texts = table["text"].to_pylist()
    texts[10_000:12_000] = [f"another {i}" for i in range(2_000)]
    pq.write_table(table.set_column(1, "text", pa.array(texts)), path)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(ArticleTable, "replace", broken)
    with pytest.raises(RuntimeError, match="broken") as found:
        index.ingest(path, vector_field="vector")
    # The error still holds all that it passed.
    assert found.value.__traceback__ is not None
    assert batches.tried == 1
    assert batches.workers[0]._process.returncode is not None


def test_a_worker_ends_where_its_process_is_killed() -> None:
    code = "import time; from vecindex.verbs.ingest.known.worker import Worker; w = Worker()\n"
    code += "print(w.digests([list], None), w._process.pid, flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        answer, pid = process.stdout.readline().rsplit(" ", 1)
        process.kill()
    assert answer == "[[]]"
    until = time.monotonic() + 200
    while _is_there(int(pid)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _is_there(int(pid))


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state.rsplit(")", 1)[1].split()[0] != "Z"

"""`ingest --watch` as a process: files that come whole, slowly, by a rename; kills; the end by Ctrl-C."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import vecindex
from vecindex.errors import TableNotFoundError

OWN = ["--vector-field", "v", "--model", "test/none", "--unverified"]


def lines(*numbers: int) -> str:
    return "".join(json.dumps({"id": f"r{i}", "text": f"text {i}", "v": [1.0, float(i)]}) + "\n" for i in numbers)


@contextmanager
def watching(folder: Path, database: Path) -> Iterator[subprocess.Popen[str]]:
    command = [
        sys.executable,
        "-m",
        "vecindex.cli.app",
        "ingest",
        str(folder),
        "--watch",
        "--db",
        str(database),
        *OWN,
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.1)


def ids(database: Path) -> list[str]:
    """Return the ids of the table, those that are there twice twice."""
    try:
        table = vecindex.open(database)._database().articles("articles")
    except TableNotFoundError:
        return []
    return sorted(i for ids, _ in table.known_rows() for i in ids)


def test_what_comes_is_there_once_also_after_a_kill(tmp_path: Path) -> None:
    folder, database = tmp_path / "in", tmp_path / "db"
    folder.mkdir()
    (folder / "first.jsonl").write_text(lines(1, 2))
    with watching(folder, database) as process:
        wait(lambda: ids(database) == ["r1", "r2"])
        (folder / "whole.jsonl").write_text(lines(3))
        # The first part ends in the middle of a row.
        with (folder / "slow.jsonl").open("w") as file:
            both = lines(4, 5)
            file.write(both[: len(both) - 20])
            file.flush()
            time.sleep(0.5)
            file.write(both[len(both) - 20 :])
        (tmp_path / "renamed").write_text(lines(6))
        (tmp_path / "renamed").rename(folder / "renamed.jsonl")
        wait(lambda: ids(database) == ["r1", "r2", "r3", "r4", "r5", "r6"])
        # Between the runs the lock is free.
        other = vecindex.open(database)._database()
        other.wait_s = 200
        with other.writer():
            pass
        (folder / "last.jsonl").write_text(lines(*range(7, 60)))
        time.sleep(1.0)
        process.kill()
    (folder / "first.jsonl").write_text(lines(1, 2, 60))
    everything = sorted(f"r{i}" for i in range(1, 61))
    with watching(folder, database) as process:
        wait(lambda: ids(database) == everything)
        # A row of what came before is changed, and a file that cannot be read ends nothing.
        (folder / "broken.parquet").write_text("no parquet")
        (folder / "whole.jsonl").write_text(lines(3).replace("text 3", "text three"))
        (folder / "more.jsonl").write_text(lines(61))
        wait(lambda: "r61" in ids(database))
        wait(lambda: "text three" in texts(database))
        process.send_signal(signal.SIGINT)
        _, shown = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in shown
    assert "broken.parquet row 0: cannot be read as Parquet" in " ".join(shown.split())
    assert f"watching {folder} for new and changed files; Ctrl-C ends" in " ".join(shown.split())
    assert shown.rstrip().endswith("stopped watching")
    assert ids(database) == sorted([*everything, "r61"])


def texts(database: Path) -> set[str]:
    table = vecindex.open(database)._database().articles("articles")
    return {text for batch in table.scan(["text"]) for text in batch.column(0).to_pylist()}

"""What a run leaves behind in its log, and on standard error where nobody watches."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tables import filled
from vecindex.store.database import Database

Run = Callable[..., Any]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
READY = ("--vector-field", "vector", "--unverified", "--model", "none")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of five rows, one of which is broken."""
    path = tmp_path / "rows.jsonl"
    rows = [json.dumps({"id": f"a-{n}", "text": "t", "vector": [1.0, float(n)]}) for n in range(4)]
    path.write_text("\n".join([*rows[:3], "{broken", rows[3]]))
    return path


def test_a_log_has_start_source_counts_commits_end_and_exit_code(run: Run, tmp_path: Path, source: Path) -> None:
    log = tmp_path / "run.log"
    done = run("--log-file", log, "ingest", source, "--db", tmp_path / "db", "--transaction-rows", 2, *READY)
    assert done.code == 6
    lines = log.read_text().splitlines()
    assert all(re.match(f"{TIME} (INFO|WARNING) vecindex", line) for line in lines)
    said = [re.sub(f"^{TIME} ", "", line) for line in lines]
    assert re.match(r"INFO vecindex: begins, vecindex [\d.]+: vecindex --log-file .* ingest ", said[0])
    assert f"INFO vecindex.verbs.ingest.ingest: source {source}" in said
    transactions = [line for line in said if ": transaction " in line]
    assert [line.split(": ", 1)[1] for line in transactions] == [
        f"transaction {n} of {tmp_path / 'db'}/articles: {rows} rows; {total} added and 0 changed so far"
        for n, rows, total in ((1, 2, 2), (2, 2, 4))
    ]
    assert any(line.startswith(f"INFO vecindex.store.lock: committed to {tmp_path / 'db'}/articles") for line in said)
    counts = "articles: 4 added, 0 changed, 0 unchanged, 1 rejected, 0 left out = 5 read; 4 rows in all"
    assert f"WARNING vecindex.said: {counts}" in said
    assert re.fullmatch(r"INFO vecindex: ends with exit code 6 after [\d.]+ s", said[-1])
    # A second run goes on in the same file.
    assert run("--log-file", log, "status", "--db", tmp_path / "none").code == 5
    assert re.search(r"ends with exit code 5 after [\d.]+ s\n$", log.read_text())
    assert "error: No table 'articles'" in log.read_text()


def test_verbose_shows_the_log(run: Run, tmp_path: Path, source: Path) -> None:
    shown = run("-v", "ingest", source, "--db", tmp_path / "db", *READY).err
    assert re.search(rf"^{TIME} INFO vecindex: begins", shown)
    assert re.search(r"ends with exit code 6 after [\d.]+ s\n$", shown)
    # Once, not again as a line of the log.
    assert shown.count("4 rows in all") == 1


def test_messages_have_the_time_where_nobody_watches(
    run: Run, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VECINDEX_TIMES")
    done = run("ingest", source, "--db", tmp_path / "db", *READY)
    assert re.search(
        rf"{TIME} articles: 4 added, 0 changed, 0 unchanged, 1 rejected, 0 left out = 5 read; 4 rows in all$",
        done.err,
        re.M,
    )
    # What belongs to it stands below it.
    assert "\n" + " " * len("2026-01-01T00:00:00Z ") + "  rejected 1: " in done.err
    assert run("--no-times", "status", "--db", tmp_path / "none").err.startswith("error: No table")
    # Data have none.
    assert run("status", "--db", tmp_path / "db").out.startswith("table        articles")


def test_quiet_shows_results_warnings_and_errors_only(run: Run, tmp_path: Path, source: Path) -> None:
    db = tmp_path / "db"
    good = tmp_path / "good.jsonl"
    good.write_text('{"id": "b", "text": "t", "vector": [1.0, 0.0]}\n')
    done = run("--quiet", "ingest", good, "--db", db, *READY)
    assert (done.code, done.out, done.err) == (0, "", "")
    bad = run("--quiet", "ingest", source, "--db", db, *READY)
    assert bad.code == 6
    counts, reason = bad.err.splitlines()
    assert counts == "articles: 4 added, 0 changed, 0 unchanged, 1 rejected, 0 left out = 5 read; 5 rows in all"
    assert reason.startswith("  rejected 1: ")
    assert run("--quiet", "status", "--db", db).out.startswith("table")
    assert run("--quiet", "status", "--table", "none", "--db", db).err.startswith("error: No table 'none'")
    both = run("--quiet", "-v", "status", "--db", db)
    assert (both.code, both.err.splitlines()[0]) == (2, "error: --quiet and --verbose exclude each other.")


def test_a_log_is_not_written_into_data(run: Run, tmp_path: Path, source: Path) -> None:
    db = tmp_path / "db"
    assert run("ingest", source, "--db", db, *READY).code == 6
    table = next((db / "articles.lance" / "data").glob("*.lance"))
    for data in (source, table):
        before = data.read_bytes()
        done = run("--log-file", data, "status", "--db", db)
        assert (done.code, data.read_bytes()) == (2, before)
        assert "this file holds something else than a log of vecindex." in " ".join(done.err.split())
    # One that is there and empty, and one in which others write as well.
    for name, text in (("empty.log", ""), ("shared.log", "2026-01-31T02:00:01Z INFO vecindex: begins\nmore\n")):
        (tmp_path / name).write_text(text)
        assert run("--log-file", tmp_path / name, "status", "--db", db).code == 0
        assert (tmp_path / name).read_text().startswith(text or "2")


def test_a_writer_waits_as_long_as_it_is_asked_to(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, 3)
    leave, entered = threading.Event(), threading.Event()

    def hold() -> None:
        with Database(tmp_path).writer():
            entered.set()
            leave.wait(250)

    other = threading.Thread(target=hold)
    other.start()
    assert entered.wait(200)
    done = run("tag", "t", "--db", tmp_path, "--wait", "0.3")
    assert done.code == 5
    assert "waiting up to 0.3 s for another writer (process " in done.err
    assert "--wait 0.3 was not long enough" in done.err
    # Without the handlers of the test runner, as in a process of its own.
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    quiet = run("--quiet", "tag", "t", "--db", tmp_path, "--wait", "0.1")
    assert quiet.err.startswith("error: Another process is writing to ")
    threading.Timer(0.5, leave.set).start()
    done = run("tag", "t", "--db", tmp_path, "--wait", "200")
    assert done.code == 0
    assert done.err.endswith("made: t\n")
    other.join()

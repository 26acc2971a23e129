"""A database that is read-only or somebody else's, a full temporary folder, low limits, a clock that goes back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import vecindex
from tables import unit_vectors

NOBODY = 65_534
COMMAND = [sys.executable, "-m", "vecindex.cli.app"]


def rows(n: int) -> list[dict[str, Any]]:
    return [{"id": f"i{i}", "text": f"text {i}", "vector": v.tolist()} for i, v in enumerate(unit_vectors(n))]


def ingest(folder: Path, made: list[dict[str, Any]]) -> Any:
    return vecindex.open(folder).ingest(made, vector_field="vector", model="t/n", unverified=True)


# -- read-only, and somebody else's ------------------------------------------------------------------------

# Reads all that can be read, then writes; as another user, on files that only their owner may write. What Python
# imports must be loaded before, for that user may not be allowed to read it.
READ_THEN_WRITE = """
import os, sys
import vecindex
from vecindex.errors import VecindexError

def use(folder):
    index = vecindex.open(folder)
    yield "rows", index.status().rows, len(index.search(id="i1", k=3).hits), index.doctor().sound
    rows = [{"id": "x", "text": "x", "vector": [1.0] * 8}]
    for write in (
        lambda: index.delete("i1"), lambda: index.tag("t1"), index.optimize, lambda: index.doctor(repair=True),
        lambda: index.ingest(rows, vector_field="vector", unverified=True),
    ):
        try:
            write()
            yield "written",
        except VecindexError as error:
            yield type(error).__name__, error.exit_code, error.message.replace(folder, "DB"), "|", error.hint
    yield "rows", index.status().rows

own, folder, uid = sys.argv[1], sys.argv[2], int(sys.argv[3])
done = list(use(own))
assert [line[0] for line in done] == ["rows", *["written"] * 5, "rows"], done
if uid:
    os.setgroups([]); os.setegid(uid); os.seteuid(uid)
for line in use(folder):
    print(*line)
"""


def run_there(folder: Path, uid: int = 0, wrap: tuple[str, ...] = ()) -> list[str]:
    own = shutil.copytree(folder, folder.with_name("own"))
    done = subprocess.run(
        [*wrap, sys.executable, "-c", READ_THEN_WRITE, str(own), str(folder), str(uid)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that other users reach too, as pytest's own are not."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize("lock_there", [False, True])
def test_files_of_another_user_are_read_and_not_written(reachable: Path, lock_there: bool) -> None:
    ingest(reachable / "db", rows(6))
    if not lock_there:
        (reachable / "db" / ".vecindex.lock").unlink()
    first, *writes, last = run_there(reachable / "db", NOBODY)
    assert (first, last) == ("rows 6 3 True", "rows 6")
    assert set(writes) == {
        "UnavailableError 5 No permission to read or write the database folder DB. | "
        "Check the owner and the permissions of the files, and run the same command again."
    }
    assert len(writes) == 5


def can_mount() -> bool:
    if os.geteuid() != 0:
        return False
    try:
        return subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace for a read-only disk")
def test_a_read_only_disk_is_read_and_not_written(tmp_path: Path) -> None:
    ingest(tmp_path / "db", rows(6))
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"'
    wrap = ("unshare", "-m", "sh", "-c", script, "sh", str(tmp_path / "db"))
    first, *writes, last = run_there(tmp_path / "db", 0, wrap)
    assert (first, last) == ("rows 6 3 True", "rows 6")
    assert len(writes) == 5
    for line in writes:
        assert line.startswith("UnavailableError 5 The disk is read-only: the database folder DB is on DB (")
        assert line.endswith("| Mount it for writing, or use a copy of the database on another disk.")


# -- limits ------------------------------------------------------------------------------------------------


def limited(folder: Path, limits: str, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", f'{limits}; exec "$@"', "sh", *COMMAND, *command, "--db", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


@pytest.mark.parametrize(
    "limits", ["ulimit -n 20", *(f"ulimit -v {kb}" for kb in (600_000, 720_000, 850_000, 900_000))]
)
def test_a_writer_under_a_low_limit_loses_nothing(tmp_path: Path, limits: str) -> None:
    ingest(tmp_path / "db", rows(6))
    done = limited(tmp_path / "db", limits, "delete", "i1", "-y")
    lines = done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    assert "damaged" not in done.stderr
    assert vecindex.open(tmp_path / "db").status().rows == (5 if done.returncode == 0 else 6)
    if done.returncode:
        assert lines[-2].startswith(("error: Too few file descriptors", "error: Not enough memory")), done.stderr
    assert vecindex.open(tmp_path / "db").doctor().sound


@pytest.mark.skipif(not can_mount(), reason="needs a mount namespace for a small disk")
def test_no_space_in_the_temporary_folder(tmp_path: Path) -> None:
    """Nothing of an ingest, a map or an export is kept there; the database's own disk has room."""
    small = tmp_path / "small"
    small.mkdir()
    (tmp_path / "v.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows(30)))
    script = 'mount -t tmpfs -o size=4k none "$TMPDIR" && echo full > "$TMPDIR/file" && exec "$@"'
    ingest = ["ingest", str(tmp_path / "v.jsonl"), "--db", str(tmp_path / "db")]
    options = ["--vector-field", "vector", "--model", "t/n", "--unverified"]
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "sh", *COMMAND, *ingest, *options],
        env={**os.environ, "TMPDIR": str(small)},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert vecindex.open(tmp_path / "db").status().rows == 30


# -- a clock that goes back ----------------------------------------------------------------------------------


def test_a_clock_that_goes_back_loses_no_row_and_no_version(tmp_path: Path) -> None:
    ingest(tmp_path, rows(4))
    index = vecindex.open(tmp_path)
    index.tag("t1")
    for path in tmp_path.rglob("*"):  # as if all of it had been written a day later than now
        later = datetime.now(UTC) + timedelta(days=1)
        os.utime(path, (later.timestamp(), later.timestamp()))
    assert ingest(tmp_path, rows(9)).added == 5
    index.delete("i3")
    index.optimize(older_than="0s")
    assert index.status().rows == 8
    assert [(tag.name, tag.rows) for tag in index.tag().tags] == [("t1", 4)]
    assert index.doctor().sound
    assert ingest(tmp_path, rows(9)).added == 1


def test_a_last_run_in_the_future_is_shown_as_it_is(tmp_path: Path) -> None:
    ingest(tmp_path, rows(4))
    table = vecindex.open(tmp_path)._database().articles("articles")
    later = (datetime.now(UTC) + timedelta(days=400)).isoformat()
    table.set_setting(last_run={**table.setting("last_run"), "ended_at": later})
    done = subprocess.run([*COMMAND, "status", "--db", str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert ingest(tmp_path, rows(6)).added == 2

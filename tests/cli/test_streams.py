"""Standard streams that are closed or full: what a command does is done, and it says what was not printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tables import filled
from vecindex.cli.streams import OutputError, _Notices, _Output
from vecindex.store.database import Database

FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
LOST = (
    "error: Standard output cannot be written: No space left on device.\n"
    "  Only what is printed there is lost; what the command changed in the database is done.\n"
)


def ended(command: str, redirected: str, unbuffered: str = "") -> tuple[int, str, str]:
    """Return the exit code, standard output and standard error of a command in a shell."""
    line = f"{sys.executable} -m vecindex.cli.app {command} {redirected}"
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, env=environment)
    return done.returncode, done.stdout, done.stderr


def tags(folder: Path) -> list[str]:
    return list(Database(folder).articles("articles").tags())


def test_closed_streams_are_no_fault(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    assert ended(f"tag one --db {tmp_path}", ">&- 2>&- <&-") == (0, "", "")
    assert tags(tmp_path) == ["one"]
    code, out, _ = ended(f"search --id a00001 -k 1 --no-text --db {tmp_path}", "2>&-")
    assert code == 0
    assert out.startswith("1\t")
    assert ended(f"tag one --db {tmp_path}", "2>&-")[0] == 2


@FULL
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_standard_output_is_named_and_the_command_is_done(tmp_path: Path, unbuffered: str) -> None:
    filled(tmp_path, 3)
    code, _, told = ended(f"tag two --json --db {tmp_path}", ">/dev/full", unbuffered)
    assert (code, told) == (1, LOST)
    assert tags(tmp_path) == ["two"]


@FULL
def test_an_export_that_cannot_be_written_is_not_done(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    command = f"export - --format csv --db {tmp_path}"
    code, _, told = ended(command, ">/dev/full")
    assert code == 2
    assert told == (
        "error: Standard output cannot be written: No space left on device.\n  Name a file, on a disk with space.\n"
    )
    assert ended(command, ">&-")[::2] == (2, "error: There is no standard output to write to.\n  Name a file.\n")


@FULL
def test_a_full_standard_error_ends_nothing(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    assert ended(f"--verbose --log-file /dev/full tag three --db {tmp_path}", "2>/dev/full")[::2] == (0, "")
    assert tags(tmp_path) == ["three"]
    assert ended(f"status --db {tmp_path}/none", "2>/dev/full")[0] == 5


@FULL
def test_what_each_stream_does_with_what_it_cannot_write() -> None:
    number = os.open("/dev/full", os.O_WRONLY)
    with pytest.raises(OutputError, match="No space left"):
        _Output(number, "w", closefd=False).write(b"abc")
    assert _Notices(number, "w", closefd=False).write(b"abc") == 3
    os.close(number)
    ours, theirs = os.pipe()
    os.close(ours)
    with pytest.raises(BrokenPipeError):
        _Output(theirs, "w", closefd=False).write(b"abc")
    assert _Notices(theirs, "w", closefd=False).write(b"abc") == 3
    os.close(theirs)

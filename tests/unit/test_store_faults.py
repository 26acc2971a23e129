"""What the store raises, by its cause: a file that cannot be read now is not a damaged one."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vecindex
from tables import filled
from vecindex.errors import (
    ConfigError,
    CorruptError,
    DiskFullError,
    LockedError,
    StoreError,
    UnavailableError,
    VecindexError,
)
from vecindex.objects.words import remote_fault
from vecindex.store.faults import translated
from vecindex.types import Rejected
from vecindex.verbs.cluster.machine import on_this_machine


class RustPanic(Exception):
    """As pyo3_async_runtimes names what a task of Rust's ended with."""


class PanicException(BaseException):
    """As pyo3 names a panic on the caller's thread."""


def caught(error: BaseException, where: str = "db/articles") -> VecindexError:
    with pytest.raises(VecindexError) as info, translated(where):
        raise error
    return info.value


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (RuntimeError("LanceError(IO): Too many open files (os error 24), /x.rs:1"), UnavailableError, "descriptors"),
        (
            PanicException('Os { code: 24, kind: Uncategorized, message: "Too many open files" }'),
            UnavailableError,
            "de",
        ),
        (OSError(errno.EMFILE, "Zu viele offene Dateien"), UnavailableError, "Too few file descriptors"),
        (
            RuntimeError("IO error: Permission denied (os error 13)"),
            UnavailableError,
            "No permission to read or write",
        ),
        (OSError("Generic LocalFileSystem error: Input/output error (os error 5)"), UnavailableError, "disk or its"),
        (
            OSError("Retryable commit conflict for version 18: This UpdateConfig transaction was preempted"),
            LockedError,
            "Another process has written to db/articles meanwhile",
        ),
        (MemoryError(), UnavailableError, "Not enough memory to open db/articles"),
        (
            ImportError("libarrow.so.2600: failed to map segment from shared object"),
            UnavailableError,
            "Not enough mem",
        ),
        (RuntimeError("write: No space left on device (os error 28)"), DiskFullError, "what was committed before is"),
        (
            RuntimeError("LanceError(IO): Generic memory error: Invalid range 0..9 for object"),
            CorruptError,
            "Invalid",
        ),
        (RuntimeError("Not found: db/articles.lance/data/1.lance"), CorruptError, "missing or da"),
        (ValueError("Invalid input, file does not appear to be a Lance file"), CorruptError, "missing or da"),
        (
            RuntimeError("Parser error: Arrow file does not contain correct footer"),
            CorruptError,
            "missing or damaged",
        ),
        (RuntimeError("something else"), StoreError, "The store failed on db/articles: something else"),
    ],
)
def test_the_cause_is_distinguished(error: BaseException, kind: type[StoreError], said: str) -> None:
    found = caught(error)
    assert type(found) is kind
    assert said in found.message
    assert found.hint
    assert found.exit_code == 5


def test_a_name_is_no_cause() -> None:
    found = caught(RuntimeError("Not found: db/out of memory/x.lance"), "db/out of memory")
    assert type(found) is CorruptError


def test_what_an_error_was_raised_for_is_its_cause() -> None:
    def load() -> None:
        try:
            raise ImportError("liblance.so: cannot allocate memory in static TLS block")
        except ImportError:
            raise ImportError("The lance library is required to use this function.")  # noqa: B904

    with pytest.raises(UnavailableError, match="Not enough memory"), translated("db"):
        load()


@pytest.mark.parametrize("panic", [RustPanic("rust future panicked: unknown error"), PanicException("index out of")])
def test_a_panic_without_a_cause_is_judged_by_what_the_process_has(
    panic: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = caught(panic)
    assert type(found) is CorruptError
    assert "broke off at db/articles" in found.message
    monkeypatch.setattr("vecindex.shortages._free_descriptors", lambda: 7)
    assert type(caught(panic)) is UnavailableError
    monkeypatch.setattr("vecindex.shortages._free_descriptors", lambda: 700)
    monkeypatch.setattr("vecindex.shortages._limit", lambda name: 1_000 if name == "RLIMIT_AS" else None)
    assert "Not enough memory" in caught(panic).message


def test_what_is_not_unicode_is_named(tmp_path: Path) -> None:
    odd = os.fsdecode(b"caf\xe9")
    filled(tmp_path / "db", 3)
    shutil.copytree(tmp_path / "db", tmp_path / odd)
    index = vecindex.open(tmp_path / "db")
    for ask in (
        lambda: index.search(id=odd),
        lambda: index.search(odd),
        lambda: index.search(id="a00001", where=f"id = '{odd}'"),
        lambda: index.delete(odd),
        lambda: index.delete(where=f"id = '{odd}'"),
        lambda: index.export(tmp_path / "x.csv", where=f"id = '{odd}'"),
        lambda: vecindex.open(tmp_path / odd).status(),
    ):
        with pytest.raises(ConfigError, match=r"udce9.* is not valid Unicode"):
            ask()


def test_an_import_that_is_missing_is_no_fault_of_the_store() -> None:
    with pytest.raises(ModuleNotFoundError), translated("db"):
        raise ModuleNotFoundError("No module named 'lance'")


def test_few_descriptors_are_not_called_damage(tmp_path: Path) -> None:
    from vecindex.store.database import Database
    from vecindex.store.rejects import RejectTable

    RejectTable(Database(tmp_path)).put("articles", "run", [("s", Rejected("s:1", "empty text"))])
    done = subprocess.run(
        ["sh", "-c", f"ulimit -n 9; exec {sys.executable} -m vecindex.cli.app status --db {tmp_path}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5
    message, hint = done.stderr.rsplit("error: ", 1)[1].splitlines()
    assert message.startswith(f"Too few file descriptors to open {tmp_path}")
    assert message.endswith("this process may have 9 files open.")
    assert "ulimit -n" in hint


_GET = "Generic S3 error: Error performing GET http://host:9/timeout/AccessDenied in 3ms, after 3 retries - "


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (_GET + "HTTP error: error sending request", "cannot be reached"),
        (_GET + "request or response body error: operation timed out", "cannot be reached"),
        ("ConnectTimeoutError Connect timeout on endpoint URL: 'https://host/timeout'", "cannot be reached"),
        (_GET + "Server returned non-2xx status code: 403 Forbidden: ", "refuses these keys"),
        (_GET + "<Error><Code>SlowDown</Code><Key>AccessDenied</Key></Error>", "failed or is too busy"),
        (_GET.replace("host:9/timeout", "169.254.169.254/latest/api"), "no keys for it were found"),
        (
            "LanceError(IO): Generic S3 error: Failed to resolve region for bucket AccessDenied",
            "region of the bucket is",
        ),
        (_GET + "status code: 404 Not Found: <Code>NoSuchKey</Code><Key>InvalidToken</Key>", None),
        ("Object at location connect error.csv not found: " + _GET, None),
        ("Table 'timeout' was not found", None),
    ],
)
def test_a_fault_is_known_by_what_is_said_and_not_by_names(said: str, words: str | None) -> None:
    fault = remote_fault(said, "s3://timeout/AccessDenied")
    assert fault is None if words is None else fault is not None and words in fault.what


def test_a_worker_names_its_machine_where_object_storage_fails_and_not_where_its_memory_does() -> None:
    said = _GET + "Server returned non-2xx status code: 403 Forbidden: "
    named = r"A worker on the machine .* s3://bucket/t: the store"
    with pytest.raises(UnavailableError, match=named) as lacking, on_this_machine("s3://bucket/t"):
        raise OSError(said)
    assert "the settings with which Ray was started there" in str(lacking.value.hint)
    with pytest.raises(UnavailableError, match=r"^Not enough memory") as lacking, on_this_machine("/a/folder"):
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
    assert "Ray" not in str(lacking.value)

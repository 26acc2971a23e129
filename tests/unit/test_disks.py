"""Disks without file locks or an atomic commit, read-only, full or gone: one true message that names the disk."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

import vecindex
from tables import filled
from vecindex.errors import DiskFullError, LockedError, StoreError, UnavailableError
from vecindex.files import write_whole
from vecindex.shortages import disk_of
from vecindex.store.faults import translated
from vecindex.store.lock import writing

OTHER_DISK = "Use a local disk or object storage (s3://, gs://, az://) for the database."


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let a folder be on a network disk."""
    mounts = [("/", "ext4"), (str(tmp_path), "nfs4"), (str(tmp_path / "other"), "tmpfs"), ("/", "overlay")]
    found = [SimpleNamespace(mountpoint=point, fstype=kind) for point, kind in mounts]
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: found)
    return tmp_path


def failing(number: int) -> Callable[..., Any]:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


def refused(folder: Path) -> StoreError:
    with pytest.raises(StoreError) as info, writing(folder):
        pass
    return info.value


def test_the_disk_of_a_path_is_the_last_one_mounted_at_the_longest_folder(network: Path) -> None:
    assert disk_of(network / "db" / "articles") == f"{network} (nfs4)"
    assert disk_of(Path("/elsewhere")) == "/ (overlay)"


def test_an_unknown_disk_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(psutil, "disk_partitions", lambda all: [])
    assert disk_of(tmp_path) is None
    monkeypatch.setattr(fcntl, "flock", failing(errno.ENOLCK))
    assert refused(tmp_path).message == f"The disk has no file locks: the database folder {tmp_path}."


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
@pytest.mark.parametrize("lock_file_there", [False, True])
def test_a_disk_without_file_locks_is_named(
    network: Path, monkeypatch: pytest.MonkeyPatch, number: int, lock_file_there: bool
) -> None:
    folder = network / "db"
    folder.mkdir()
    if lock_file_there:
        (folder / ".vecindex.lock").touch()
    monkeypatch.setattr(fcntl, "flock", failing(number))
    error = refused(folder)
    assert type(error) is UnavailableError
    assert error.message == f"The disk has no file locks: the database folder {folder} is on {network} (nfs4)."
    assert (error.hint, error.exit_code) == (OTHER_DISK, 5)


def test_an_older_filelock_says_otherwise_that_there_are_no_locks(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise NotImplementedError("FileSystem does not appear to support flock; use SoftFileLock instead")

    monkeypatch.setattr("filelock.FileLock.acquire", fail)
    assert refused(network / "db").message.startswith("The disk has no file locks: ")


@pytest.mark.parametrize(
    ("number", "kind", "message", "hint"),
    [
        (errno.ESTALE, UnavailableError, "The connection to a network disk was lost: {} is on {}.", "Mount the disk"),
        (errno.EIO, UnavailableError, "The disk or its connection failed: {} is on {}.", "Check the disk"),
        (errno.EROFS, UnavailableError, "The disk is read-only: {} is on {}.", "Mount it for writing"),
        (errno.ENOSPC, DiskFullError, "No space left on the disk of {}, {}; what was committed", "Free some"),
        (errno.EDQUOT, DiskFullError, "No space left on the disk of {}, {}; what was committed", "Free some"),
        (errno.EPERM, UnavailableError, "No permission to read or write {}", "Check the owner"),
        (errno.EMFILE, UnavailableError, "Too few file descriptors to open {}", "Raise the limit"),
        (errno.ELOOP, StoreError, "Cannot write to {}: Too many levels", "Name another folder."),
    ],
)
def test_why_a_folder_cannot_be_locked(
    network: Path, monkeypatch: pytest.MonkeyPatch, number: int, kind: type[StoreError], message: str, hint: str
) -> None:
    folder = network / "db"
    folder.mkdir()
    # Where the disk is read-only or full, the lock's file cannot be made; the rest shows at the lock.
    at_open = number in (errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ELOOP)
    monkeypatch.setattr(*((os, "open") if at_open else (fcntl, "flock")), failing(number))
    error = refused(folder)
    assert type(error) is kind
    assert error.message.startswith(message.format(f"the database folder {folder}", f"{network} (nfs4)"))
    assert str(error.hint).startswith(hint)


def test_a_lock_that_another_one_holds_is_no_fault_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So do some network disks say that the lock is taken.
    monkeypatch.setattr(fcntl, "flock", failing(errno.EACCES))
    assert type(refused(tmp_path)) is LockedError


def test_a_folder_below_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "Not a directory" in refused(tmp_path / "file" / "db").message


def test_a_disk_that_fails_during_the_work_does_not_hide_why_the_work_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work() -> None:
        with writing(tmp_path):
            monkeypatch.setattr(Path, "unlink", failing(errno.EIO))
            monkeypatch.setattr(fcntl, "flock", failing(errno.EIO))
            raise StoreError("the work")

    with pytest.raises(StoreError, match="the work"):
        work()


# As LanceDB 0.40 and Lance 14 say it while link(2) or rename(2) fails, the first one since 13.
UNSAFE = (
    "LanceDBError: not supported: the filesystem does not support an operation required for safe Lance commits (such "
    "as atomic rename). Object-storage mounts such as Mountpoint for Amazon S3 are not supported; use the native "
    "object-store URI (for example, s3://bucket/path) instead"
)
RENAME = (
    "LanceError(IO): Generic LocalFileSystem error: Unable to rename file: {}, /x/lance-table/src/io/commit.rs:1:5"
)
TAG = (
    "LanceError(IO): Generic LocalFileSystem error: Unable to copy file from /my db/articles.lance/_refs/tags/"
    "t.json.tmp.da05 to /my db/articles.lance/_refs/tags/t.json: {}, /x/lance-13.0.0/src/dataset/refs.rs:162:28"
)
WRITER = (
    "LanceError(IO): failed to shutdown local writer for db/articles.lance/_deletions/0-3-1.arrow: LanceError(IO): "
    "failed to persist temp file to /db/articles.lance/_deletions/0-3-1.arrow: {}, /x/src/object_writer.rs:767:17"
)


@pytest.mark.parametrize(
    "said",
    [
        UNSAFE,
        RENAME.format("Operation not permitted (os error 1)"),  # what FAT says of link(2)
        TAG.format("Operation not permitted (os error 1)"),
        TAG.format("Function not implemented (os error 38)"),
        WRITER.format("Operation not supported (os error 95)"),
    ],
)
def test_a_disk_without_an_atomic_commit_is_named(network: Path, said: str) -> None:
    where = f"{network}/db/articles"
    with pytest.raises(UnavailableError) as info, translated(where):
        raise RuntimeError(said)
    assert info.value.message == f"The disk cannot do what a database needs: {where} is on {network} (nfs4)."
    assert info.value.hint == OTHER_DISK


@pytest.mark.parametrize("said", ["Permission denied (os error 13)", "Operation not permitted (os error 1)"])
def test_a_file_of_somebody_else_is_a_question_of_permission(said: str) -> None:
    with (
        pytest.raises(UnavailableError, match="No permission to read or write /d/articles"),
        translated("/d/articles"),
    ):
        raise RuntimeError(WRITER.format(said))


def test_a_disk_that_became_read_only_is_named(network: Path) -> None:
    where = f"{network}/articles"
    with pytest.raises(UnavailableError) as info, translated(where):
        raise RuntimeError(RENAME.format("Read-only file system (os error 30)"))
    assert info.value.message == f"The disk is read-only: {where} is on {network} (nfs4)."


def test_a_folder_that_may_not_be_looked_into_is_a_question_of_permission(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "exists", failing(errno.EACCES))
    with pytest.raises(UnavailableError, match="No permission to read or write ") as info:
        vecindex.open(tmp_path / "db").status()
    assert info.value.exit_code == 5


def test_a_repair_on_a_disk_that_refuses_it_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, 5)
    index = vecindex.open(tmp_path)
    index.tag("t")
    tag = tmp_path / "articles.lance" / "_refs" / "tags" / "t.json"
    tag.write_bytes(b"")
    monkeypatch.setattr(Path, "rename", failing(errno.EROFS))
    with pytest.raises(UnavailableError, match=r"The disk is read-only: .*articles is on "):
        index.doctor(repair=True)
    assert tag.exists()


def test_a_file_is_written_to_a_disk_without_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", failing(errno.EINVAL))
    write_whole(tmp_path / "a.txt", "whole")
    assert (tmp_path / "a.txt").read_text() == "whole"
    monkeypatch.setattr(os, "fsync", failing(errno.EIO))
    with pytest.raises(vecindex.VecindexError, match="Cannot write"):
        write_whole(tmp_path / "b.txt", "lost")
    assert not (tmp_path / "b.txt").exists()

"""Files that are there whole or not at all: written next to their final name, and moved there by a rename.

And which folder a location names.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from vecindex.errors import ConfigError

_LOCAL_SCHEMES = ("file", "file-object-store")


def local_folder(uri: str) -> Path | None:
    """Return the folder that a database's location names, None for a remote one.

    >>> local_folder("file:///data/my%20db"), local_folder("s3://bucket/db")
    (PosixPath('/data/my db'), None)
    """
    scheme, separator, rest = uri.partition("://")
    if not separator:
        return home_of(uri)
    if scheme.lower() not in _LOCAL_SCHEMES:
        return None
    from urllib.request import url2pathname  # loads the HTTP client, which few starts need

    return Path(url2pathname(rest.removeprefix("localhost")))


def can_be_there(path: Path) -> bool:
    """Return whether a file can have this path: a name may be too long for any, or have a NUL in it."""
    try:
        path.stat()
    except ValueError:
        return False
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    return True


def is_there(path: str | Path) -> bool:
    """Return whether a path leads to anything; one that no file can have does not."""
    return can_be_there(Path(path)) and Path(path).exists()


def home_of(path: str) -> Path:
    """Return a path with a ~ at its beginning resolved; one of nobody's stays."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def is_folder(path: str | Path) -> bool:
    """Return whether a path leads to a folder; one that no file can have does not."""
    return is_there(path) and Path(path).is_dir()


class NewFile:
    """A file in the making, `.NAME.<random>.part` next to its final name, which `put` moves there.

    A file that was there keeps its permissions; where a link leads stays. A kill leaves the `.part`, which may be
    removed; every other end removes it.
    """

    def __init__(self, path: str | Path) -> None:
        """Open it. Raises OSError, also when something else than a plain file has the name."""
        self.there = Path(os.path.realpath(path))
        self._part = _part(self.there)
        self._old = self.there.stat() if self.there.exists() else None
        if self._old is not None and not self.there.is_file():
            # Renaming over a device or a pipe would remove it.
            raise OSError(None, "it is not a plain file")
        # A new file gets the permissions that the user's mask leaves; what replaces a private one is private too.
        mode = 0o666 if self._old is None else self._old.st_mode & 0o666
        handle = os.open(self._part, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        self.stream: BinaryIO = os.fdopen(handle, "w+b")

    def finish(self) -> None:
        """Bring all of it to the disk; nothing more can be written."""
        self.stream.flush()
        # Else a power cut after the rename could leave the name with nothing under it.
        flush_to_disk(self.stream.fileno())
        self.stream.close()
        if self._old is not None:
            self._part.chmod(self._old.st_mode & 0o777)

    def set_aside(self) -> Path | None:
        """Move the file that has the name to a `.part` next to it; return where, or None when there is none."""
        if not self.there.exists():
            return None
        aside = _part(self.there)
        self.there.replace(aside)
        return aside

    def put(self) -> None:
        """Move it to its name."""
        self._part.replace(self.there)

    def discard(self) -> None:
        """Remove it, unless it was moved to its name."""
        try:
            self.stream.close()
        except OSError:
            # What a full disk did not take cannot be written now either.
            pass
        finally:
            self._part.unlink(missing_ok=True)


def flush_to_disk(handle: int) -> None:
    """Bring what was written under a file number to the disk, where the disk can do that (fsync).

    Raises OSError where it failed, so that what was written may be lost.
    """
    try:
        os.fsync(handle)
    except OSError as error:
        # What has no fsync: some network and FUSE disks, and folders on a few of them.
        if error.errno not in (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP):
            raise


def flush_files(paths: Iterable[Path], top: Path) -> None:
    """Bring files to the disk, then the folders that name them, up to `top`; what is gone meanwhile is left out.

    Raises OSError where it failed.
    """
    folders: set[Path] = set()
    for path in paths:
        _flush_path(path)
        folders |= {folder for folder in path.parents if folder.is_relative_to(top)}
    # The deepest first: a folder is of no use that is not there itself.
    for folder in sorted(folders, key=lambda found: len(found.parts), reverse=True):
        _flush_path(folder)


def make_folder(folder: Path, durable: bool) -> None:
    """Make a folder and those above it, where they are missing; if `durable`, the names of these are on the disk.

    Raises OSError where it failed.
    """
    made = [path for path in (folder.absolute(), *folder.absolute().parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if durable:
        for path in made:
            with suppress(PermissionError):  # a folder of somebody else's that may not be read
                _flush_path(path.parent)


def _flush_path(path: Path) -> None:
    with suppress(FileNotFoundError):
        handle = os.open(path, os.O_RDONLY)
        try:
            flush_to_disk(handle)
        finally:
            os.close(handle)


class Unflushed:
    """The files below a folder that are new, or other ones, since the last `flush`."""

    def __init__(self, folder: Path) -> None:
        """Take a folder, which may not be there yet; what is in it now is not looked after."""
        self._folder = folder
        self._seen = _states(folder)

    def flush(self, last: str) -> None:
        """Bring what is new to the disk, those that match the pattern `last` after all others.

        Raises OSError where it failed.
        """
        now = _states(self._folder)
        new = [path for path, state in now.items() if self._seen.get(path) != state]
        for group in ([p for p in new if not p.match(last)], [p for p in new if p.match(last)]):
            flush_files(group, self._folder.parent)
        self._seen = now


def _states(folder: Path) -> dict[Path, tuple[int, int, int]]:
    """Return what distinguishes each file below a folder from one that takes its name later, or grows."""
    found = {}
    for path in folder.rglob("*"):
        with suppress(OSError):
            now = path.stat()
            if S_ISREG(now.st_mode):
                found[path] = now.st_ino, now.st_mtime_ns, now.st_size
    return found


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name[:40]}.{os.urandom(6).hex()}.part")


@contextmanager
def whole_file(path: str | Path) -> Iterator[BinaryIO]:
    """Give a stream to write a file to; it is there after the block, or, when the block fails, not at all.

    Raises ConfigError when it cannot be written.
    """
    made: NewFile | None = None
    try:
        made = NewFile(path)
        yield made.stream
        made.finish()
        made.put()
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        if made is not None:
            made.discard()


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written, and its size in bytes."""

    path: str
    bytes: int


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write bytes, or a text as UTF-8, next to the path and rename them into it: no half file is ever seen.

    A file that was there is replaced and keeps its permissions; where a link leads stays.

    Raises ConfigError when it cannot be written.
    """
    with whole_file(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def check_writable(path: str | Path) -> None:
    """Raise ConfigError where no file can be written, as far as its folder shows that; nothing is made."""
    try:
        there = Path(os.path.realpath(path))
        folder = there.parent
        if not can_be_there(there):
            number = errno.ENAMETOOLONG
        elif there.is_dir():
            number = errno.EISDIR
        elif not folder.is_dir():
            number = errno.ENOTDIR if folder.exists() else errno.ENOENT
        elif (there.is_file() or not there.exists()) and not os.access(folder, os.W_OK | os.X_OK):
            number = errno.EACCES
        else:
            return
    except OSError as error:
        raise not_written(path, error) from error
    raise not_written(path, OSError(number, os.strerror(number)))


def not_written(path: str | Path, error: OSError) -> ConfigError:
    """Return the error that says why a file cannot be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    where = "on a disk with space" if full else "in a folder that you may write to"
    return ConfigError(f"Cannot write {path}: {error.strerror or error}.", f"Name another file, {where}.")

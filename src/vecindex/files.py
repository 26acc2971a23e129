"""Files that are there whole or not at all: written next to their final name, and moved there by a rename."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from vecindex.errors import ConfigError


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
        os.fsync(self.stream.fileno())
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


def _part(path: Path) -> Path:
    return path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}.part")


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


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write bytes, or a text as UTF-8, next to the path and rename them into it: no half file is ever seen.

    A file that was there is replaced and keeps its permissions; where a link leads stays.

    Raises ConfigError when it cannot be written.
    """
    with whole_file(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def not_written(path: str | Path, error: OSError) -> ConfigError:
    """Return the error that says why a file cannot be written."""
    return ConfigError(
        f"Cannot write {path}: {error.strerror or error}.", "Name another file, in a folder that you may write to."
    )

"""Opens an input file as a stream of plain bytes, or of lines: local or remote, compressed or not.

Compression is known by the last extension (.gz, .bz2, .xz, .zst; files of several members, streams or frames
included) or, on standard input, by the first bytes. Data that ends too early, is damaged or unpacks without end (see
`unpack`) raises SourceError where it happens: everything before it has been handed out by then.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

from vecindex.errors import ConfigError, MissingExtraError, SourceError
from vecindex.masks import masked
from vecindex.messages import is_it
from vecindex.objects.requests import filesystem, is_known
from vecindex.objects.words import remote_fault
from vecindex.sources.base import MAX_ROW_BYTES
from vecindex.sources.unpack import FREE_BYTES, MAX_RATIO, Unpacked, endless

OVERLONG = f"line longer than {MAX_ROW_BYTES >> 20} MiB"
COMPRESSIONS = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}

_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_BUFFER_BYTES = 1 << 18
PIECE_BYTES = 1 << 19
"""Of lines that are read together: some hundred rows, so that one that is no usual row costs little."""
_NAMES_COMPARED = 10_000
_BOM = b"\xef\xbb\xbf"
_FOREIGN_BOMS = (b"\xff\xfe", b"\xfe\xff")
_HEAD_BYTES = 1 << 20
# Two of bzip2's blocks at their largest, of which nothing comes out before they are whole.
_HEAD_STORED_BYTES = 2 << 20


def is_url(argument: str) -> bool:
    """Return whether an argument is a URL for fsspec (s3://..., memory://..., simplecache::s3://...)."""
    return "://" in argument


def unpacked_path(name: str) -> PurePosixPath:
    """Return a file's name as a path, without the extension of a compression."""
    path = PurePosixPath(name)
    return path.with_suffix("") if path.suffix.lower() in COMPRESSIONS else path


def filesystem_of(url: str) -> tuple[Any, str]:
    """Return the fsspec filesystem of a URL and the path inside it.

    Raises MissingExtraError when the filesystem's package is not installed, SourceError when there is none.
    """
    import fsspec

    protocol = url.split("://", 1)[0]
    try:
        # As other programs do, by way of a proxy that the environment names.
        how = {"client_kwargs": {"trust_env": True}} if protocol in ("http", "https") else {}
        found, path = fsspec.core.url_to_fs(url, **how)
    except ImportError as error:
        if is_known(url):
            return _filesystem_of_objects(url)
        raise MissingExtraError(
            f"{url}: {protocol}:// needs a package that is not installed: {error}",
            "Install the package named above with pip, then run the same command again.",
        ) from error
    except ValueError as error:
        raise SourceError(
            f"{url}: {error}", "Check the part before '://' (s3, gs, http, file, memory, ...)."
        ) from error
    except Exception as error:  # each filesystem has its own errors, e.g. missing credentials
        raise not_listed(url, error, "reached") from error
    return found, path


def _filesystem_of_objects(url: str) -> tuple[Any, str]:
    try:
        return filesystem(url)
    except Exception as error:  # boto3, which reads profiles, has its own
        raise not_listed(url, error, "reached") from error


def not_listed(url: str, error: Exception, what: str = "listed") -> SourceError:
    """Return the error for a URL that cannot be listed: in words where the store's are known, and without a key."""
    fault = remote_fault(f"{type(error).__name__} {error}", url)
    if fault is not None:
        return SourceError(f"{url}: {fault.what}.", fault.hint)
    return SourceError(f"{url}: cannot be {what}: {error}", "Check the address and credentials.")


def standard_input(stdin: BinaryIO | None = None) -> InputFile:
    """Return standard input, or `stdin` instead, as a file. Raises ConfigError where it is closed."""
    stream = stdin if stdin is not None else getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise ConfigError("Standard input (-) is closed.", "Name a file, or send something to it.")
    return InputFile("stdin", stream=iter([stream]))


def count_lines(piece: bytes, is_whole: bool) -> int:
    """Return the lines that end in `piece`, and with a whole file also a last one without an end."""
    return piece.count(b"\n") + (is_whole and bool(piece) and not piece.endswith(b"\n"))


def read_lines(stream: BinaryIO, name: str) -> Iterator[tuple[int, bytes, bool]]:
    r"""Yield (line number from 1, line with its end, whole) for each line that ends in \n or the file.

    `whole` is False for a line over 64 MiB: only its beginning is given, the rest is passed over. A UTF-8
    byte order mark is dropped. Raises SourceError, with the line number, where the stream is damaged or
    when the file is UTF-16.
    """
    number = 1
    try:
        line = stream.readline(MAX_ROW_BYTES + 1)
        if line.startswith(_FOREIGN_BOMS):
            raise SourceError(
                f"{name}: found UTF-16 text, expected UTF-8",
                f"Convert it first: iconv -f UTF-16 -t UTF-8 {name} > converted",
            )
        line = line.removeprefix(_BOM)
        while line:
            whole = len(line) <= MAX_ROW_BYTES or line.endswith(b"\n")
            if not whole:
                line = line[:4096]
                _skip_line(stream)
            yield number, line, whole
            number += 1
            line = stream.readline(MAX_ROW_BYTES + 1)
    except SourceError as error:
        raise SourceError(f"{error.message} (in line {number})", error.hint) from error


def read_pieces(stream: io.BufferedReader, name: str) -> Iterator[tuple[int, bytes, bool]]:
    """Yield (number of the first line, lines with their ends, whole) for pieces of about half a MiB of whole lines.

    Together they are the lines that `read_lines` yields; one that is not whole is a piece of its own. Raises
    SourceError as `read_lines` does, after the lines before it.
    """
    number, rest = 1, b""
    for first in islice(read_lines(stream, name), 1):
        # It has what only the first line may have. It stays alone where it is not whole.
        if not first[2]:
            yield first
            number += 1
        else:
            rest = first[1]
    while True:
        piece, broken, is_end = _gathered(stream, rest)
        end = len(piece) if is_end else piece.rfind(b"\n") + 1
        if end:
            yield number, piece[:end], True
            number += piece.count(b"\n", 0, end)
        if broken is not None:
            raise SourceError(f"{broken.message} (in line {number})", broken.hint) from broken
        if is_end:
            return
        rest = piece[end:]
        if not end:
            yield number, *_long_line(stream, rest, name, number)
            number, rest = number + 1, b""


def _gathered(stream: io.BufferedReader, rest: bytes) -> tuple[bytes, SourceError | None, bool]:
    """Return the bytes that follow, what broke them off, and whether they are the last ones."""
    parts, size = [rest], len(rest)
    while size < PIECE_BYTES:
        try:
            # One reading at a time: what a failing one follows is not lost.
            part = stream.read1(PIECE_BYTES)
        except SourceError as error:
            return b"".join(parts), error, False
        if not part:
            return b"".join(parts), None, True
        parts.append(part)
        size += len(part)
    return b"".join(parts), None, False


def _long_line(stream: BinaryIO, begun: bytes, name: str, number: int) -> tuple[bytes, bool]:
    """Return a line that has begun, and whether it is whole."""
    try:
        line = begun + stream.readline(MAX_ROW_BYTES + 1 - len(begun))
        whole = len(line) <= MAX_ROW_BYTES or line.endswith(b"\n")
        if not whole:
            line = line[:4096]
            _skip_line(stream)
    except SourceError as error:
        raise SourceError(f"{error.message} (in line {number})", error.hint) from error
    return line, whole


def _skip_line(stream: BinaryIO) -> None:
    piece = stream.readline(1 << 20)
    while piece and not piece.endswith(b"\n"):
        piece = stream.readline(1 << 20)


@dataclass(frozen=True, slots=True)
class InputFile:
    """One input: a local path, a URL, or an open stream that can be read once (standard input)."""

    name: str
    """What the user calls it; it begins every location."""
    location: str = ""
    stream: Iterator[BinaryIO] | None = None
    """Gives an open stream, once: it can be read from start to end one time."""
    max_ratio: int = MAX_RATIO
    """How many times its stored bytes it may unpack to; see `unpack`."""
    archive: Path | None = None
    """The zip archive that `location` is a path inside of."""

    def __post_init__(self) -> None:
        """Show a URL without its secrets."""
        object.__setattr__(self, "name", masked(self.name))

    @property
    def base_name(self) -> str:
        """The last part of the path, without a URL's query."""
        if not is_url(self.location):
            return Path(self.location).name
        return PurePosixPath(masked(self.location).split("://", 1)[1].split("?")[0].split("#")[0]).name

    @property
    def compression(self) -> str | None:
        return COMPRESSIONS.get(PurePosixPath(self.base_name).suffix.lower())

    @property
    def local_path(self) -> Path | None:
        """The path when the bytes can be read from it as they are, else None."""
        if self.stream is not None or is_url(self.location) or self.compression or self.archive is not None:
            return None
        return Path(self.location)

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are there: nobody is still writing them, as into standard input or a named pipe."""
        if self.stream is not None:
            return False
        return self.archive is not None or is_url(self.location) or Path(self.location).is_file()

    def size_bytes(self) -> int | None:
        """Return the stored (compressed) size where it is known."""
        if self.stream is not None or self.archive is not None:
            return None
        try:
            if is_url(self.location):
                filesystem, path = filesystem_of(self.location)
                size = filesystem.size(path)
                return None if size is None else int(size)
            return Path(self.location).stat().st_size
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def rows_hint(self, count: Callable[[bytes, bool], int]) -> int | None:
        """Return about how many rows a local file has, judged by its beginning; exact if that is all of it.

        `count` returns the rows in a piece of unpacked bytes; its second argument says whether that is the whole
        file. Of the file at most 2 MiB are read as they are stored. None for a stream, a URL, or what cannot be read:
        that is an error where it is read.
        """
        path = Path(self.location)
        try:
            # Opening a named pipe would wait, and reading it would take its bytes away.
            if self.stream is not None or is_url(self.location) or self.archive or not path.is_file():
                return None
            with path.open("rb") as file:
                file_bytes, stored = os.fstat(file.fileno()).st_size, io.BytesIO(file.read(_HEAD_STORED_BYTES))
        except OSError:
            return None
        unpacked, ended = bytearray(), False
        stream = Unpacked(self.name, self.compression, stored)
        try:
            while not ended and len(unpacked) < _HEAD_BYTES:
                # More than a codec makes of one piece of its input: what it held back would be missed in the rate.
                piece = stream.read(_HEAD_BYTES if self.compression is None else 4 * _HEAD_BYTES) or b""
                unpacked += piece
                ended = not piece
        except SourceError:
            # Damaged, or longer than what was read of it.
            ended = False
        is_whole = ended and file_bytes == stored.tell()
        rows = count(bytes(unpacked), is_whole)
        if is_whole:
            return rows
        return round(rows * file_bytes / stored.tell()) if rows else None

    @contextmanager
    def open(self) -> Iterator[io.BufferedReader]:
        """Open the decompressed bytes for reading once from start to end.

        Raises SourceError when the file cannot be opened, or, while reading, where it is damaged.
        """
        with ExitStack() as stack:
            raw, compression = self._raw(stack), self.compression
            if self.stream is not None:
                buffered = io.BufferedReader(Unpacked(self.name, None, raw))
                compression = next((c for m, c in _MAGIC.items() if buffered.peek(6).startswith(m)), None)
                raw = buffered
            yield io.BufferedReader(Unpacked(self.name, compression, raw, self.max_ratio), _BUFFER_BYTES)

    @contextmanager
    def open_seekable(self) -> Iterator[IO[bytes]]:
        """Open the decompressed bytes for random access; compressed or streamed ones by way of the disk."""
        with ExitStack() as stack:
            if self.stream is None and not self.compression and self.archive is None:
                yield self._raw(stack)
                return
            copy = stack.enter_context(tempfile.TemporaryFile())
            with self.open() as stream:
                try:
                    shutil.copyfileobj(stream, copy)
                except OSError as error:
                    raise SourceError(
                        f"{self.name}: cannot be unpacked into {tempfile.gettempdir()}: {error}",
                        "Free some space there, or unpack the file yourself and name the unpacked one.",
                    ) from error
            copy.seek(0)
            yield copy

    def _raw(self, stack: ExitStack) -> IO[bytes]:
        if self.stream is not None:
            stream = next(self.stream, None)
            if stream is None:
                raise SourceError(
                    f"{self.name}: was read already, and cannot be read again", "Save it to a file and name that."
                )
            return stream  # not ours to close
        try:
            if self.archive is not None:
                return self._in_archive(self.archive, stack)
            if not is_url(self.location):
                return stack.enter_context(Path(self.location).open("rb"))
            filesystem, path = filesystem_of(self.location)
            opened: IO[bytes] = stack.enter_context(filesystem.open(path, "rb"))
        except (SourceError, MissingExtraError):
            raise
        except Exception as error:  # each filesystem has its own errors
            if is_url(self.location) and remote_fault(f"{type(error).__name__} {error}", self.location):
                raise not_listed(self.location, error) from error
            raise _unreadable(self.name, error) from error
        return opened

    def _in_archive(self, path: Path, stack: ExitStack) -> IO[bytes]:
        archive = stack.enter_context(zipfile.ZipFile(path))
        entry = archive.getinfo(self.location)
        # A reader of zip archives never gives more than the size that stands in its directory.
        if entry.file_size > max(FREE_BYTES, self.max_ratio * entry.compress_size):
            raise endless(self.name, entry.compress_size, "zip", entry.file_size, self.max_ratio)
        return stack.enter_context(archive.open(entry))


def like_it(path: str) -> str:
    """Return the question whether another name in a local file's folder is meant; nothing where none is like it."""
    if is_url(path):
        return ""
    try:
        names = [entry.name for entry in islice(Path(path).parent.iterdir(), _NAMES_COMPARED)]
    except (OSError, ValueError):
        return ""
    return is_it(Path(path).name, names)


def _unreadable(name: str, error: Exception) -> SourceError:
    if isinstance(error, FileNotFoundError):
        return SourceError(f"{name}: no such file", f"{like_it(name)}Check the path.")
    if isinstance(error, IsADirectoryError):
        return SourceError(f"{name}: found a folder, expected a file", "Name a file in it.")
    if isinstance(error, PermissionError):
        return SourceError(f"{name}: permission denied", "Make the file readable for this user.")
    return SourceError(
        f"{name}: cannot be opened: {error or type(error).__name__}", "Check the path and its storage."
    )

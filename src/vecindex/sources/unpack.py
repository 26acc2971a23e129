"""Unpacks gzip, bzip2, xz and zstd as a stream, and refuses what is made to unpack without end.

Texts pack to a third or a tenth of their length, and a log of one line to a hundredth. But a few bytes can be made to
unpack to as much as one likes. So data that are past `FREE_BYTES` and longer than `MAX_RATIO` times what is stored of
them end with a SourceError, wherever they come from. What was unpacked before that has been handed out.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from typing import IO, Any

from vecindex.errors import SourceError
from vecindex.messages import option, text

FREE_BYTES = 256 << 20
"""Unpacked bytes up to which nothing is refused."""
MAX_RATIO = 250
"""Unpacked bytes to a stored one."""

# zstd packs up to 128 KiB into 4 bytes, so one hostile piece of this size unpacks to 128 MiB at most.
_ZSTD_PIECE_BYTES = 4096
# The widest window that `zstd --long=31` writes; taken only by files that ask for it.
_ZSTD_WINDOW_BYTES = 1 << 31


class Unpacked(io.RawIOBase):
    """A raw stream of unpacked bytes whose faults are SourceErrors that say how far it got."""

    def __init__(self, name: str, compression: str | None, stored: IO[bytes], max_ratio: int = MAX_RATIO) -> None:
        """Take the file's name for messages, its compression, and the stream of what is stored."""
        self._name, self._compression, self._max_ratio = name, compression, max_ratio
        self._stored = _Counted(stored)
        self._read = _decompressor(stored if compression is None else self._stored, compression)
        self._done_bytes = 0

    @property
    def stored_bytes(self) -> int:
        """How many bytes of what is stored were read; 0 where nothing is unpacked."""
        return self._stored.n_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            piece = self._read(len(buffer))
        except SourceError:
            raise
        except Exception as error:  # four codecs and any filesystem, each with errors of its own
            raise self._fault(error) from error
        buffer[: len(piece)] = piece
        self._done_bytes += len(piece)
        if self._compression and self._done_bytes > max(FREE_BYTES, self._max_ratio * self._stored.n_bytes):
            raise endless(self._name, self._stored.n_bytes, self._compression, self._done_bytes, self._max_ratio)
        return len(piece)

    def _fault(self, error: Exception) -> SourceError:
        where = f"after {self._done_bytes:,} bytes"
        if not self._compression:
            return SourceError(
                f"{self._name}: reading failed {where}: {error}",
                "Check the disk or the connection; run it again.",
            )
        what = "ends too early" if isinstance(error, EOFError) else f"is damaged ({error})"
        return SourceError(
            f"{self._name}: the {self._compression} data {what}, {where} of unpacked data",
            "Copy or download the file again, then run the same command: rows already stored are skipped.",
        )


def endless(name: str, stored_bytes: int, compression: str, done_bytes: int, max_ratio: int) -> SourceError:
    """Return the error for data that unpack to too many bytes."""
    return SourceError(
        f"{name}: {stored_bytes:,} bytes of {compression} data unpack to more than {done_bytes:,}, expected at most "
        f"{max_ratio:,} times as many; it may be made to fill a disk",
        text(
            "If it is right, unpack it yourself and name the unpacked file; or, for an ingest, raise ",
            option("max_ratio"),
            ".",
        ),
    )


class _Counted:
    """A stream that counts what is read of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.n_bytes = 0

    def read(self, size: int = -1) -> bytes:
        piece = self._stream.read(size)
        self.n_bytes += len(piece)
        return piece

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _decompressor(raw: Any, compression: str | None) -> Callable[[int], bytes]:
    # read1, not read: read would lose the good bytes that stand before a fault in the same piece.
    if compression == "gzip":
        return gzip.GzipFile(fileobj=raw, mode="rb").read1
    if compression == "bzip2":
        return bz2.BZ2File(raw, "rb").read1
    if compression == "xz":
        return lzma.LZMAFile(raw, "rb").read1
    if compression == "zstd":
        return _ZstdReader(raw).read
    # A pipe's read waits for the whole piece; its read1 hands out what has come.
    read: Callable[[int], bytes] = getattr(raw, "read1", raw.read)
    return read


class _ZstdReader:
    """Unpacks all frames of a .zst file, and raises EOFError when the last one is truncated.

    The library's own stream reader takes a cut frame for the end of the file.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        import zstandard

        self._raw = raw
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES)
        self._frame: Any = None
        self._packed = b""
        self._ready = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end. Raises EOFError when the last frame is truncated."""
        while not self._ready:
            packed = self._packed or self._raw.read(_ZSTD_PIECE_BYTES)
            self._packed = b""
            if not packed:
                if self._frame is not None:
                    raise EOFError
                return b""
            if self._frame is None:
                self._frame = self._unpacker.decompressobj()
            self._ready = memoryview(self._frame.decompress(packed))
            if self._frame.eof:
                self._packed, self._frame = self._frame.unused_data, None
        piece, self._ready = bytes(self._ready[:size]), self._ready[size:]
        return piece

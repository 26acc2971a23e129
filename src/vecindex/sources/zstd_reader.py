"""Unpacks .zst files piece by piece, and notices when the last frame is truncated."""

from __future__ import annotations

from typing import IO, Any

# zstd packs up to 128 KiB into 4 bytes, so one hostile piece of this size unpacks to 128 MiB at most.
_PIECE_BYTES = 4096
# The widest window that `zstd --long=31` writes; taken only by files that ask for it.
_WINDOW_BYTES = 1 << 31


class ZstdReader:
    """Unpacks all frames of a .zst file, and raises EOFError when the last one is truncated.

    The library's own stream reader takes a cut frame for the end of the file.
    """

    def __init__(self, raw: IO[bytes]) -> None:
        import zstandard

        self._raw = raw
        self._unpacker = zstandard.ZstdDecompressor(max_window_size=_WINDOW_BYTES)
        self._frame: Any = None
        self._packed = b""
        self._ready = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, none at the end. Raises EOFError when the last frame is truncated."""
        while not self._ready:
            packed = self._packed or self._raw.read(_PIECE_BYTES)
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

"""What makes XML of others safe to read, as a stream."""

from __future__ import annotations

import pyexpat
from typing import BinaryIO
from xml.etree.ElementTree import ParseError

from vecindex.errors import SourceError
from vecindex.sources.base import MAX_ROW_BYTES

_SAFE_EXPAT = (2, 4, 1)


def check_expat(name: str) -> None:
    """Raise SourceError for an expat that unfolds entities without end."""
    if pyexpat.version_info < _SAFE_EXPAT:
        raise SourceError(
            f"{name}: found {pyexpat.EXPAT_VERSION}, expected 2.4.1 or newer to read XML safely",
            "Use a newer build of Python.",
        )


def broken(name: str, error: ParseError, after: str) -> SourceError:
    """Return the error for XML that breaks off after a page or row."""
    line, column = error.position
    return SourceError(
        f"{name}: broken XML at line {line}, column {column}, after {after}: {error}",
        "Copy or download the dump again, then run the same command: rows already stored are skipped.",
    )


class Pieces:
    """The bytes of a dump; ends with an error where a revision has none, for it would be held in memory whole."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        """Take the stream and the file's name, for messages."""
        self._stream, self._name = stream, name
        self.taken_bytes = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes."""
        piece = self._stream.read(size)
        self.taken_bytes += len(piece)
        if self.taken_bytes > MAX_ROW_BYTES:
            raise SourceError(
                f"{self._name}: found a page or a header longer than {MAX_ROW_BYTES >> 20} MiB",
                "Name a dump as MediaWiki writes it: no page of it is as long.",
            )
        return piece

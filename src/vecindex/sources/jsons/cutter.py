"""Cuts JSON into its elements while it is read, so that memory holds one of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BufferedReader

from vecindex.errors import SourceError
from vecindex.sources.base import MAX_ROW_BYTES

_PIECE_BYTES = 1 << 18
# A whole string, or a character that shapes the array; a quote that is left over begins a string that is truncated.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},"]', re.DOTALL)
_STRING_BODY = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)


class ArrayCutter:
    """Finds where the elements of the outermost array end, and nothing else: parsing is json's task."""

    def __init__(self, name: str, most_bytes: int = MAX_ROW_BYTES) -> None:
        """Take the file's name, for messages, and how long an element may be."""
        self._name, self._most_bytes = name, most_bytes
        self._buffer = b""
        self._start = 0  # of the current element
        self._scanned = 0  # everything before it is understood
        self._depth = 0
        self._in_string = False
        self._closed = False

    def elements(self, stream: BufferedReader) -> Iterator[bytes]:
        """Yield the elements as they are written. Raises SourceError for an array that has no end."""
        # read1, not read: the elements before a fault in the file are still to be handed out.
        index = 0
        while not self._closed and (piece := stream.read1(_PIECE_BYTES)):
            self._append(piece, index)
            for element in self._cut():
                yield element
                index += 1
        if not self._closed:
            raise SourceError(
                f"{self._name}: the JSON array ends too early, in element {index}",
                "Copy or download the file again, then run the same command: stored rows are skipped.",
            )
        rest = self._buffer[self._start :] + stream.read1(_PIECE_BYTES)
        if rest.strip():
            raise SourceError(
                f"{self._name}: found more data after the JSON array, which ends with element {index - 1}",
                "Check the brackets of that element, or write the rows as JSON lines.",
            )

    def _append(self, piece: bytes, index: int) -> None:
        self._buffer = self._buffer[self._start :] + piece
        self._scanned -= self._start
        self._start = 0
        if len(self._buffer) > self._most_bytes:
            raise SourceError(
                f"{self._name}[{index}]: found an element longer than {self._most_bytes >> 20} MiB",
                "Write the rows as JSON lines: a row that is too long is then left out and the rest is read.",
            )

    def _cut(self) -> Iterator[bytes]:
        buffer = self._buffer
        for match, character in self._shaping():
            if character in (b"[", b"{"):
                self._depth += 1
                if self._depth == 1:
                    self._start = match.end()
                continue
            if character in (b"]", b"}"):
                self._depth -= 1
            elif character != b"," or self._depth != 1:
                continue
            if self._depth <= 1 and (character == b"," or self._depth == 0):
                element = buffer[self._start : match.start()]
                self._start = match.end()
                # Nothing before the bracket: an empty array, or a comma after the last element.
                if character == b"," or element.strip():
                    yield element
            if self._depth == 0:
                self._closed = True
                return

    def _shaping(self) -> Iterator[tuple[re.Match[bytes], bytes]]:
        """Yield the characters that shape the text, outside of strings, as far as it is there."""
        if self._in_string and not self._leave_string(self._scanned):
            return
        for match in _TOKEN.finditer(self._buffer, self._scanned):
            character = match[0]
            if character == b'"':
                self._leave_string(match.end())
                return
            if len(character) == 1:
                yield match, character
        self._scanned = len(self._buffer)

    def _leave_string(self, begin: int) -> bool:
        """Scan on inside a string; return whether its end is in the buffer."""
        body = _STRING_BODY.match(self._buffer, begin)
        end = body.end() if body else begin
        self._in_string = end >= len(self._buffer) or self._buffer[end] != ord('"')
        self._scanned = end if self._in_string else end + 1
        return not self._in_string


class ObjectCutter(ArrayCutter):
    """Finds where objects end that stand one after the other, over several lines or not."""

    def elements(self, stream: BufferedReader) -> Iterator[bytes]:
        """Yield the objects as they are written. Raises SourceError for one that has no end."""
        index = 0
        while piece := stream.read1(_PIECE_BYTES):
            self._append(piece, index)
            for element in self._cut():
                yield element
                index += 1
        rest = self._buffer[self._start :].strip()
        if self._depth:
            raise SourceError(
                f"{self._name}: the JSON object ends too early, in element {index}",
                "Check its braces and quotes, or write the rows as JSON lines.",
            )
        if rest:
            yield rest

    def _cut(self) -> Iterator[bytes]:
        buffer = self._buffer
        for match, character in self._shaping():
            if character in (b"[", b"{"):
                self._depth += 1
            elif character in (b"]", b"}"):
                self._depth -= 1
                if self._depth <= 0:
                    self._depth = 0
                    # A comma between two of them belongs to neither.
                    element = buffer[self._start : match.end()].lstrip(b", \t\r\n")
                    self._start = match.end()
                    yield element

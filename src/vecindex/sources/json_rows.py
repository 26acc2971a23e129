"""JSON lines, and `.json` files of one array of objects or of JSON lines; UTF-8.

Location: "corpus.jsonl:12", lines counted from 1; "corpus.json[12]", elements counted from 0 as jq does.

Rejected: a line that is not UTF-8, not JSON, not an object, or longer than 64 MiB. Blank lines are not rows.
`NaN` and `Infinity`, which Python writes, are read as floats: `sources.articles` refuses them inside vectors.

An array is cut into its elements while it is read, so that memory holds one element (64 MiB at most) and
a faulty element is one Rejected. A file that is neither raises SourceError.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from io import BufferedReader, BytesIO
from typing import BinaryIO

from vecindex.errors import SourceError
from vecindex.sources.base import MAX_ROW_BYTES, Record, excerpt
from vecindex.sources.files import OVERLONG, count_lines, read_lines
from vecindex.sources.formats import FileSource, SourceFormat
from vecindex.types import Rejected

_PIECE_BYTES = 1 << 18
# A whole string, or a character that shapes the array; a quote that is left over begins a string that is truncated.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},"]', re.DOTALL)
_STRING_BODY = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_KINDS = {list: "array", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}


def read_json_lines(stream: BinaryIO, name: str) -> Iterator[Record | Rejected]:
    """Yield one item per line that is not blank."""
    for number, line, whole in read_lines(stream, name):
        if not whole:
            yield Rejected(f"{name}:{number}", OVERLONG, excerpt=excerpt(line))
        elif not line.isspace():
            yield parse_object(line, f"{name}:{number}")


def parse_object(raw: bytes, location: str) -> Record | Rejected:
    """Return the JSON object in `raw`, or why it is none."""
    try:
        value = json.loads(raw.decode("utf-8").rstrip())
    except UnicodeDecodeError as error:
        reason = f"not valid UTF-8 at byte {error.start + 1}"
    except json.JSONDecodeError as error:
        reason = f"not valid JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}"
        if (nul := raw.find(b"\0")) >= 0:
            reason = f"not valid JSON: NUL byte at byte {nul + 1}"
    except RecursionError:
        reason = "not usable JSON: nested too deeply"
    except ValueError as error:  # Python refuses numbers of over 4,300 digits
        reason = f"not usable JSON: {error}"
    else:
        if isinstance(value, dict):
            return Record(location, value)
        reason = f"found a JSON {_KINDS.get(type(value), 'value')}, expected an object"
    return Rejected(location, reason, excerpt=excerpt(raw))


def read_json(stream: BufferedReader, name: str) -> Iterator[Record | Rejected]:
    """Yield one item per element or line. Raises SourceError when the array is truncated or never was one."""
    beginning = stream.peek(4096).removeprefix(_BOM).lstrip()
    if beginning.startswith(b"["):
        for index, raw in enumerate(ArrayCutter(name).elements(stream)):
            yield parse_object(raw, f"{name}[{index}]")
        return
    if beginning.split(b"\n", 1)[0].strip() == b"{":
        raise SourceError(
            f"{name}: found one JSON object over several lines, expected an array of objects or one object a line",
            "Take the array out first, e.g. jq -c '.rows[]' FILE > rows.jsonl",
        )
    yield from read_json_lines(stream, name)


def _count_rows(piece: bytes, is_whole: bool) -> int:
    beginning = piece.removeprefix(_BOM)
    if not beginning.lstrip().startswith(b"["):
        return count_lines(piece, is_whole)
    rows = 0
    # Truncated at the end of the piece, the array ends with an error.
    with suppress(SourceError):
        for _ in ArrayCutter("").elements(BufferedReader(BytesIO(beginning))):
            rows += 1
    return rows


JSONL = SourceFormat(
    (".jsonl", ".ndjson"), lambda file, options: FileSource(file, read_json_lines, count_lines, options)
)
JSON = SourceFormat((".json",), lambda file, options: FileSource(file, read_json, _count_rows, options))


class ArrayCutter:
    """Finds where the elements of the outermost array end, and nothing else: parsing is json's task."""

    def __init__(self, name: str) -> None:
        self._name = name
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
        if len(self._buffer) > MAX_ROW_BYTES:
            raise SourceError(
                f"{self._name}[{index}]: found an element longer than {MAX_ROW_BYTES >> 20} MiB",
                "Write the rows as JSON lines: a row that is too long is then left out and the rest is read.",
            )

    def _cut(self) -> Iterator[bytes]:
        buffer = self._buffer
        if self._in_string and not self._leave_string(self._scanned):
            return
        for match in _TOKEN.finditer(buffer, self._scanned):
            character = buffer[match.start() : match.end()]
            if character == b'"':
                self._leave_string(match.end())
                return
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
        self._scanned = len(buffer)

    def _leave_string(self, begin: int) -> bool:
        """Scan on inside a string; return whether its end is in the buffer."""
        body = _STRING_BODY.match(self._buffer, begin)
        end = body.end() if body else begin
        self._in_string = end >= len(self._buffer) or self._buffer[end] != ord('"')
        self._scanned = end if self._in_string else end + 1
        return not self._in_string

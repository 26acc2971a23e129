"""JSON lines, arrays of objects, and objects one after the other over any number of lines.

Location: "corpus.jsonl:12", lines counted from 1; "corpus.json[12]", elements counted from 0 as jq does.

Action lines of bulk files, as Elasticsearch and Cirrus dumps have them, are not rows: the row after one gets its
`_id` where it has no id of its own.

Rejected: a line that is not UTF-8, not JSON, not an object, or longer than 64 MiB. Blank lines are not rows.
`NaN` and `Infinity`, which Python writes, are read as floats: `sources.articles` refuses them inside vectors.

Arrays and objects are divided while they are read, so that memory holds one element (64 MiB at most) and a faulty
element is one Rejected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from io import BufferedReader, BytesIO
from typing import Any, BinaryIO

from vecindex.errors import SourceError
from vecindex.sources.base import (
    MAX_ROW_BYTES,
    Block,
    Item,
    LeftOut,
    Record,
    Source,
    Unparsed,
    each,
    excerpt,
    parsed,
    simple_kinds,
)
from vecindex.sources.files import OVERLONG, InputFile, count_lines, read_lines, read_pieces
from vecindex.sources.formats import FileSource, ReadOptions, SourceFormat
from vecindex.sources.jsons.cutter import ArrayCutter, ObjectCutter
from vecindex.sources.sampling import RowStarts, line_starts
from vecindex.types import Rejected

MAX_WHOLE_BYTES = 1 << 30
"""A file of one object whose records are inside of it is held in memory whole."""

_BEGINNING_BYTES = 1 << 16
_LONG_LINE = 4096
_scan: Callable[[str, int], tuple[Any, int]] = vars(json.JSONDecoder())["scan_once"]
_ACTION_KEYS = frozenset(
    {"_id", "_index", "_type", "_routing", "routing", "version", "version_type", "retry_on_conflict"}
)
_UPDATE_KEYS = frozenset({"doc", "doc_as_upsert", "upsert", "detect_noop", "scripted_upsert"})
_DELETES = "delete"
_ID_KEYS = frozenset({"id", "_id", "page_id", "pageid"})
_FIRST_KEY = re.compile(rb'\[\s*\{\s*("(?:[^"\\]|\\.)*")\s*:', re.DOTALL)
_BOM = b"\xef\xbb\xbf"
_KINDS = {list: "array", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}


def read_json_lines(stream: BinaryIO, name: str) -> Iterator[Item]:
    """Yield one item per line that is not blank."""
    lines = _Lines(name)
    for number, line, whole in read_lines(stream, name):
        yield from lines.items(number, line, whole)


def read_json_pieces(stream: BufferedReader, name: str) -> Iterator[Unparsed]:
    """Yield what `read_json_lines` does, in pieces; rows that follow each other with the same fields are a block."""
    lines = _Lines(name)
    for number, raw, whole in read_pieces(stream, name):
        yield Unparsed(
            len(raw),
            partial(_blocks, raw, name, number) if whole else None,
            partial(lines.blocks, number, raw, whole),
            lines.stand_alone,
        )


def _blocks(raw: bytes, name: str, number: int) -> list[Item | Block] | None:
    """Return objects in lines as rows, those of one piece as a block where their fields are the same ones."""
    rows = parse_objects(raw)
    if rows is None:
        return None
    names = list(rows[0])
    if any(map(names.__ne__, map(list, rows))):
        return [Record(f"{name}:{at}", row) for at, row in enumerate(rows, number)]
    columns = dict(zip(names, map(list, zip(*map(dict.values, rows), strict=True)), strict=True))
    return [Block(f"{name}:", number, len(rows), columns, simple_kinds(columns))]


def parse_objects(raw: bytes) -> list[dict[str, Any]] | None:
    r"""Return the objects in lines, one in each; None where a line is something else, or may be an action.

    >>> parse_objects(b'{"a": 1, "b": 2}\n{"b": 3, "c": 4}'), parse_objects(b'{"a": 1, "b": 2}\n\n')
    ([{'a': 1, 'b': 2}, {'b': 3, 'c': 4}], None)
    """
    rows = []
    try:
        lines = raw.decode().split("\n")
        for line in lines if lines[-1] else lines[:-1]:
            row, end = _scan(line, 0)
            if type(row) is not dict or len(row) < 2 or not (end == len(line) or line[end:].isspace()):
                return None
            rows.append(row)
    except (ValueError, StopIteration, RecursionError):
        # `parse_object` says what is wrong.
        return None
    return rows


class _Lines:
    """Lines to items; `id_of_next` is what an action names for the row after it, None where none is waiting."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.id_of_next: str | None = None

    def stand_alone(self) -> bool:
        """Return whether the next row takes no id from an action before it."""
        return self.id_of_next is None

    def blocks(self, number: int, raw: bytes, whole: bool) -> Iterator[Item | Block]:
        """Yield the rows of lines, in blocks where that can be."""
        rows = _blocks(raw, self._name, number) if whole and self.stand_alone() else None
        if rows is not None:
            yield from rows
            return
        for at, line in enumerate(BytesIO(raw), number):
            yield from self.items(at, line, whole)

    def items(self, number: int, line: bytes, whole: bool) -> Iterator[Item]:
        """Yield the item of a line, if it has one."""
        if not whole:
            yield Rejected(f"{self._name}:{number}", OVERLONG, excerpt=excerpt(line))
        elif not line.isspace():
            row = parse_object(line, f"{self._name}:{number}")
            if isinstance(row, Record):
                named = _is_action(row.fields) if len(row.fields) == 1 else None
                if named is not None:
                    self.id_of_next = named
                    if _DELETES in row.fields:
                        # No row follows it.
                        self.id_of_next = None
                        yield LeftOut(row.location, "action of a bulk file that deletes")
                    return
                row = self._named(row)
            self.id_of_next = None
            yield row

    def _named(self, row: Record) -> Record:
        """Return a row with the id that the action before it names."""
        if (
            self.id_of_next is not None
            and isinstance(row.fields.get("doc"), dict)
            and row.fields.keys() <= _UPDATE_KEYS
        ):
            row = Record(row.location, row.fields["doc"])
        if self.id_of_next and not _ID_KEYS & row.fields.keys():
            row = Record(row.location, {"_id": self.id_of_next, **row.fields})
        return row


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


def read_json(
    stream: BufferedReader, name: str, most_bytes: int = MAX_ROW_BYTES, by_lines: bool = False
) -> Iterator[Item]:
    """Yield one item per element, object or line. Raises SourceError when an array or object is truncated.

    With `by_lines` a first line that is not known to its end is one row.
    """
    return each(parsed(_read(stream, name, most_bytes, by_lines, read_json_lines)))


def _read(
    stream: BufferedReader,
    name: str,
    most_bytes: int,
    by_lines: bool,
    read_by_lines: Callable[[BufferedReader, str], Iterator[Item | Block | Unparsed]],
) -> Iterator[Item | Block | Unparsed]:
    beginning = stream.peek(_BEGINNING_BYTES).removeprefix(_BOM).lstrip()
    if _is_one_array(beginning) and not (by_lines and b"\n" not in beginning and len(beginning) > _LONG_LINE):
        cutter = ArrayCutter(name, most_bytes)
    elif _spans_lines(beginning):
        cutter = ObjectCutter(name, most_bytes)
    else:
        yield from read_by_lines(stream, name)
        return
    _skip_bom(stream)
    for index, raw in enumerate(cutter.elements(stream)):
        yield parse_object(raw, f"{name}[{index}]")


def _is_one_array(beginning: bytes) -> bool:
    """Return whether a file is one array, and not a line with one after the other."""
    if not beginning.startswith(b"["):
        return False
    first, _, rest = beginning.partition(b"\n")
    if not rest.strip():
        return True
    try:
        json.loads(first)
    except ValueError:
        return True
    except RecursionError:
        return False
    return False


def _spans_lines(beginning: bytes) -> bool:
    """Return whether the first object of a file is not one line: it goes on, or another one follows it there."""
    lines = [line for line in beginning.split(b"\n", 3)[:3] if line.strip()]
    if not beginning.startswith(b"{") or (len(lines) < 2 and b"\n" not in beginning and len(beginning) > _LONG_LINE):
        return False
    # Of lines that are objects, the first may be a faulty one.
    if any(isinstance(parse_object(line, ""), Record) for line in lines[:2]):
        return False
    first = lines[0].strip()
    return first.endswith((b"{", b"[", b",")) or re.search(rb"\}\s*\{", first) is not None


def _skip_bom(stream: BufferedReader) -> None:
    if stream.peek(3).startswith(_BOM):
        stream.read(3)


def _is_action(fields: Mapping[str, Any]) -> str | None:
    """Return the id that an action line of a bulk file (Elasticsearch, Cirrus dumps) names; None for a row.

    >>> _is_action({"index": {"_type": "_doc", "_id": "290"}}), _is_action({"index": {}}), _is_action({"id": 1})
    ('290', '', None)
    """
    if len(fields) != 1:
        return None
    ((name, value),) = fields.items()
    if name not in ("index", "create", "update", _DELETES) or not isinstance(value, dict):
        return None
    if value and not _ACTION_KEYS.issuperset(value):
        return None
    return str(value.get("_id", ""))


def _count_rows(piece: bytes, is_whole: bool) -> int:
    beginning = piece.removeprefix(_BOM)
    is_array = _is_one_array(beginning.lstrip())
    if not is_array and not _spans_lines(beginning.lstrip()):
        return count_lines(piece, is_whole)
    rows = 0
    cutter = ArrayCutter("") if is_array else ObjectCutter("")
    # Truncated at the end of the piece, the array ends with an error.
    with suppress(SourceError):
        for _ in cutter.elements(BufferedReader(BytesIO(beginning))):
            rows += 1
    return rows


def _row_starts(head: bytes) -> RowStarts | None:
    """Return how the rows are found: lines, or elements that begin with the same key as the first one.

    A key is in quotes, which a string could only hold behind backslashes. So what looks like the beginning of such an
    element is one, unless rows hold objects that begin with that key too: of such an array nothing is found. Nor is
    it where an object takes several lines, or a line belongs to the one before it.
    """
    beginning = head.removeprefix(_BOM).lstrip()
    if not _is_one_array(beginning):
        first = parse_object(beginning.split(b"\n", 1)[0], "")
        is_action = isinstance(first, Record) and _is_action(first.fields) is not None
        return None if is_action or _spans_lines(beginning) else line_starts(head)
    key = _FIRST_KEY.match(beginning)
    if key is None:
        return None
    begins = re.compile(rb"\{\s*" + re.escape(key[1]) + rb"\s*:")
    elements = list[bytes]()
    with suppress(SourceError):
        elements.extend(ArrayCutter("").elements(BufferedReader(BytesIO(beginning))))
    if not elements or any(len(begins.findall(element)) > 1 for element in elements):
        return None
    after_comma = re.compile(rb",\s*(" + begins.pattern + rb")")
    return RowStarts(lambda data: (match.start(1) for match in after_comma.finditer(data)), b"]")


def _open(file: InputFile, options: ReadOptions, by_lines: bool) -> Source:
    most_bytes = MAX_WHOLE_BYTES if options.records else MAX_ROW_BYTES
    rows = partial(read_json, most_bytes=most_bytes, by_lines=by_lines)
    pieces = partial(_read, most_bytes=most_bytes, by_lines=by_lines, read_by_lines=read_json_pieces)
    return FileSource(file, rows, _count_rows, options, _row_starts, pieces)


JSONL = SourceFormat((".jsonl", ".ndjson"), partial(_open, by_lines=True))
JSON = SourceFormat((".json",), partial(_open, by_lines=False))

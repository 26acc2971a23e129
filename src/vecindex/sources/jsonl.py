"""JSON lines: one object a line, UTF-8. Location: "corpus.jsonl:12", lines counted from 1.

Rejected: a line that is not UTF-8, not JSON, not an object, or longer than 64 MiB. Blank lines are not rows.
`NaN` and `Infinity`, which Python writes, are read as floats: `sources.articles` refuses them inside vectors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO

from vecindex.sources.base import Record, excerpt
from vecindex.sources.files import count_lines
from vecindex.sources.formats import FileSource, SourceFormat
from vecindex.sources.lines import OVERLONG, read_lines
from vecindex.types import Rejected


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


FORMAT = SourceFormat((".jsonl", ".ndjson"), lambda file, _: FileSource(file, read_json_lines, count_lines))

_KINDS = {list: "array", str: "string", int: "number", float: "number", bool: "boolean", type(None): "null"}

"""The XML of Stack Exchange's dumps (Posts.xml, Comments.xml, ...). Location: "Posts.xml row 12", counted from 1.

A row is a <row> with attributes, which are its fields. The HTML in Body and AboutMe becomes plain text and Tags a
list; attributes that are whole numbers are numbers, but for the Id. XML is read as that of wikis is (see `wiki`).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from io import BufferedReader
from typing import Any

from vecindex.sources.base import Record
from vecindex.sources.formats import FileSource, SourceFormat
from vecindex.sources.texts.html import INSTALL, PACKAGE, plain_text
from vecindex.sources.xml.safe import Pieces, broken, check_expat

ROOTS = ("posts", "comments", "users", "tags", "posthistory", "badges", "votes", "postlinks")

_MARKUP = ("Body", "AboutMe")
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,17}")
_TAG = re.compile(r"[^<>|]+")


def read_rows(stream: BufferedReader, name: str) -> Iterator[Record]:
    """Yield one record per row. Raises SourceError where the XML is broken."""
    check_expat(name)
    n = 0
    root: ET.Element | None = None
    pieces: Any = Pieces(stream, name)
    try:
        for event, element in ET.iterparse(pieces, events=("start", "end")):
            if root is None:
                root = element
            elif event == "end" and element.tag == "row":
                n += 1
                pieces.taken_bytes = 0
                yield Record(f"{name} row {n}", {key: _value(key, value) for key, value in element.items()})
                root.clear()
    except ET.ParseError as error:
        raise broken(name, error, f"row {n}") from error


def _value(key: str, value: str) -> Any:
    if key in _MARKUP:
        return plain_text(value)[1]
    if key == "Tags":
        return _TAG.findall(value)
    if key != "Id" and _WHOLE.fullmatch(value):
        return int(value)
    return value


FORMAT = SourceFormat(
    (), lambda file, _: FileSource(file, read_rows), is_table=False, requires=PACKAGE, install=INSTALL
)

"""Formats that a file's name does not say: by its first bytes."""

from __future__ import annotations

import json
import re
from contextlib import suppress

from vecindex.errors import SourceError
from vecindex.sources.files import InputFile, unpacked_path
from vecindex.sources.formats import format_of
from vecindex.sources.xml.stackexchange import ROOTS

_FIRST_BYTES = 1 << 16
_NO_NAME = re.compile(r"(\.\d*)?")
"""The extensions of files that programs number: part-00000, wiki_00, out.0001."""
_ROOT = re.compile(rb"\s*(?:<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>|\s)*<(\w+)", re.DOTALL)


def format_found(file: InputFile) -> str | None:
    """Return the format of a file, None where nothing is known.

    The first bytes decide for a file without an extension (JSON, or what WikiExtractor writes) and for the kinds of
    XML. A file that cannot be opened has the format of its name: it is an error where it is read.
    """
    kind = format_of(file.base_name)
    # Spark and Hive mark their own files so: _SUCCESS, _metadata.
    is_marked = file.base_name.startswith("_")
    looks = kind == "wiki" or (
        kind is None and not is_marked and _NO_NAME.fullmatch(unpacked_path(file.base_name).suffix)
    )
    if not looks or file.stream is not None:
        return kind
    try:
        with file.open() as stream:
            first = stream.peek(_FIRST_BYTES).removeprefix(b"\xef\xbb\xbf")
    except SourceError:
        return kind
    if kind == "wiki":
        root = _ROOT.match(first)
        return "stackexchange" if root is not None and root[1].decode().lower() in ROOTS else kind
    if first.lstrip().startswith(b"<doc "):
        return "extracted"
    return "json" if _is_json(first.lstrip()) else None


def _is_json(first: bytes) -> bool:
    line = first.split(b"\n", 1)[0].strip()
    if line in (b"{", b"[", b"[{") and first.lstrip(b"[{ \r\n\t").startswith(b'"'):
        return True
    with suppress(ValueError, RecursionError):
        return line.startswith(b"{") and isinstance(json.loads(line), dict)
    return False

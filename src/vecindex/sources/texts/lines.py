"""One text a line, without ids: these are made of the texts. Location: "lines.txt:12".

Blank lines are not rows. Rejected: a line that is not valid UTF-8, has a NUL byte, or is longer than 64 MiB.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader

from vecindex.sources.base import Record, excerpt
from vecindex.sources.files import OVERLONG, count_lines, read_lines
from vecindex.sources.formats import FileSource, SourceFormat
from vecindex.types import Rejected


def read_texts(stream: BufferedReader, name: str) -> Iterator[Record | Rejected]:
    """Yield one item per line that is not blank."""
    for number, line, whole in read_lines(stream, name):
        location = f"{name}:{number}"
        if not whole:
            yield Rejected(location, OVERLONG, excerpt=excerpt(line))
        elif b"\0" in line:
            yield Rejected(location, "NUL byte", excerpt=excerpt(line))
        elif not line.isspace():
            try:
                yield Record(location, {"text": line.decode("utf-8").strip()})
            except UnicodeDecodeError as error:
                yield Rejected(location, f"not valid UTF-8 at byte {error.start + 1}", excerpt=excerpt(line))


FORMAT = SourceFormat((), lambda file, options: FileSource(file, read_texts, count_lines, options))

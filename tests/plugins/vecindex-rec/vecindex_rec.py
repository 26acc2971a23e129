"""Rows written as lines of "name: value" with a blank line between rows: a source format for vecindex."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from vecindex.sources.base import Record, excerpt
from vecindex.sources.files import InputFile
from vecindex.sources.formats import SourceFormat
from vecindex.types import Rejected


@dataclass(frozen=True)
class RecSource:
    file: InputFile

    @property
    def name(self) -> str:
        return self.file.name

    def count_hint(self) -> int | None:
        return None

    def read(self) -> Iterator[Record | Rejected]:
        row: list[bytes] = []
        with self.file.open() as stream:  # unpacked, wherever the file is
            for number, line in enumerate(chain(stream, [b"\n"]), 1):
                if line.strip():
                    row.append(line)
                elif row:
                    yield parsed(row, f"{self.name}:{number - len(row)}")
                    row = []


def parsed(row: list[bytes], location: str) -> Record | Rejected:
    fields: dict[str, str] = {}
    for line in row:
        name, colon, value = line.decode("utf-8", "replace").partition(":")
        if not colon:
            return Rejected(location, "a line without a colon", excerpt=excerpt(line))
        fields[name.strip()] = value.strip()
    return Record(location, fields)


FORMAT = SourceFormat(extensions=(".rec",), open=lambda file, options: RecSource(file))

"""What WikiExtractor writes as text: articles between <doc> and </doc>. Location: "wiki_00:12", of the <doc>.

Fields: the attributes of <doc> (id, url, title, ...) and text. The first line of an article is its title again and is
left out of the text. Rejected: an article without </doc>, one longer than 64 MiB, and text outside of all of them.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BufferedReader

from vecindex.sources.base import MAX_ROW_BYTES, Record, excerpt
from vecindex.sources.files import read_lines
from vecindex.sources.formats import FileSource, SourceFormat
from vecindex.types import Rejected

# What follows in the same line is text, in some versions.
_BEGIN = re.compile(r'<doc\s+(\w+=".*?")\s*>(?!.*?"\s*>\s*$)(.*)')
# A title may have quotes in it.
_ATTRIBUTE = re.compile(r'(\w+)="(.*?)"(?=\s+\w+="|\s*$)')
_END = "</doc>"


@dataclass(slots=True)
class _Part:
    """What stands between two tags: an article, or text outside of all where `fields` is None."""

    start: int
    fields: dict[str, str] | None
    lines: list[str] = field(default_factory=list)
    size: int = 0

    def add(self, line: str, number: int, is_whole: bool = True) -> None:
        """Take a line, and of a part that is too long nothing more; so is one with a line that is not whole."""
        if not self.lines and self.fields is None:
            self.start = number
        self.size += len(line) if is_whole else MAX_ROW_BYTES + 1
        if (self.lines and self.size <= MAX_ROW_BYTES) or (not self.lines and line.strip()):
            self.lines.append(line)

    def article(self, name: str) -> Record | Rejected:
        """Return the article that ended with </doc>."""
        fields = self.fields or {}
        text = "\n".join(self.lines).strip()
        if self.size > MAX_ROW_BYTES:
            return self.rejected(name, f"article longer than {MAX_ROW_BYTES >> 20} MiB")
        if any("\udc80" <= c <= "\udcff" for c in text):
            return self.rejected(name, "not valid UTF-8")
        first, _, rest = text.partition("\n")
        return Record(
            f"{name}:{self.start}", {**fields, "text": rest.strip() if first == fields.get("title") else text}
        )

    def rejected(self, name: str, reason: str) -> Rejected:
        """Return the part as rejected."""
        return Rejected(f"{name}:{self.start}", reason, (self.fields or {}).get("id"), excerpt("\n".join(self.lines)))

    def left_over(self, name: str) -> Iterator[Rejected]:
        """Yield a part that no </doc> ended, if there is anything in it."""
        if self.fields is not None:
            yield self.rejected(name, "article without </doc>")
        elif self.lines:
            yield self.rejected(name, "text outside of <doc>")


def read_articles(stream: BufferedReader, name: str) -> Iterator[Record | Rejected]:
    """Yield one item per article."""
    part = _Part(1, None)
    for number, raw, is_whole in read_lines(stream, name):
        line = raw.decode("utf-8", "surrogateescape").rstrip("\r\n")
        begin = _BEGIN.fullmatch(line)
        if begin is not None:
            yield from part.left_over(name)
            part = _Part(number, {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(begin[1])})
            line = begin[2].strip()
        if part.fields is not None and is_whole and line.rstrip().endswith(_END):
            part.add(line.rstrip().removesuffix(_END), number)
            yield part.article(name)
            part = _Part(number, None)
        else:
            part.add(line, number, is_whole)
    yield from part.left_over(name)


def _count(piece: bytes, is_whole: bool) -> int:
    return piece.count(b"</doc>")


FORMAT = SourceFormat((), lambda file, options: FileSource(file, read_articles, _count, options))

"""Plain texts, one article a file (.txt, .md). Location: the file's name.

id = the path inside the folder, with forward slashes; title = the file's name without its extension;
text = the content. Rejected: a file that is not UTF-8, cannot be read, or is longer than 64 MiB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vecindex.errors import SourceError
from vecindex.messages import option, text
from vecindex.sources.base import MAX_ROW_BYTES, Record, excerpt
from vecindex.sources.encodings import decoded, read_as
from vecindex.sources.files import InputFile, unpacked_path
from vecindex.sources.formats import Files, FolderReader, ReadOptions, SourceFormat
from vecindex.types import Rejected

_LINES = 3
"""Of fewer lines it is not asked whether each is a document."""


@dataclass(frozen=True, slots=True)
class TextSource:
    """Text files. `files` gives (id, file) pairs.

    `count` is how many there were when the source was opened, where that is known. `charset` returns the encoding
    that a file names itself.
    """

    name: str
    files: Files
    count: int | None = None
    options: ReadOptions = field(default_factory=ReadOptions)
    once: bool = False
    charset: Callable[[bytes], str | None] = lambda _: None

    def read(self) -> Iterator[Record | Rejected]:
        """Yield one item per file. Raises SourceError when the folder cannot be listed."""
        met: set[str] = set()
        for text_id, file in self.files():
            row = self._read_text(text_id, file, met)
            if self.count in (None, 1) and isinstance(row, Record):
                self._ask_about_lines(row)
            yield row

    def count_hint(self) -> int | None:
        return self.count

    def _ask_about_lines(self, row: Record) -> None:
        """Say how to read a single file that may hold a text a line."""
        lines = row.fields["text"].strip().split("\n")
        if len(lines) >= _LINES and all(line.strip() for line in lines):
            message = f"{row.location}: one document of {len(lines):,} lines; if each line is one: "
            self.options.notice(text(message, option("format", "lines")))

    def _named(self, raw: bytes) -> str | None:
        """Return the encoding that a file names, if it is one and fits."""
        name = self.charset(raw)
        try:
            return name if name is not None and raw.decode(name) is not None else None
        except (LookupError, UnicodeDecodeError):
            return None

    def _read_text(self, text_id: str, file: InputFile, met: set[str]) -> Record | Rejected:
        """Return the row of one file. What encodings were met other than UTF-8 is reported, each once."""
        raw = b""
        try:
            with file.open() as stream:
                raw = stream.read(MAX_ROW_BYTES + 1)
            if len(raw) > MAX_ROW_BYTES:
                reason = f"file longer than {MAX_ROW_BYTES >> 20} MiB"
            else:
                named = self.options.encoding or self._named(raw)
                content, encoding = decoded(raw, named)
                if encoding not in ("utf-8", "utf-8-sig", "utf-16", named) and encoding not in met:
                    met.add(encoding)
                    self.options.notice(read_as(file.name, encoding))
                return Record(file.name, {"id": text_id, "title": unpacked_path(text_id).stem, "text": content})
        except UnicodeDecodeError as error:
            reason = f"not valid {self.options.encoding or 'UTF-8'} at byte {error.start + 1}"
        except SourceError as error:  # one file is one row here, not the input as a whole
            reason = str(error.message).removeprefix(f"{file.name}: ")
        return Rejected(file.name, reason, text_id, excerpt(raw))


def _open_file(file: InputFile, options: ReadOptions) -> TextSource:
    return TextSource(
        file.name, lambda: [(file.base_name or file.name, file)], None, options, file.stream is not None
    )


def _open_all(name: str, files: Files, count: int, options: ReadOptions) -> tuple[TextSource, list[str]]:
    return TextSource(name, files, count, options), []


FORMAT = SourceFormat(
    (".txt", ".md"), _open_file, is_table=False, folder=FolderReader("texts", _open_all, one_row_each=True)
)

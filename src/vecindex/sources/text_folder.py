"""Plain texts, one article a file (.txt, .md). Location: the file's name.

id = the path inside the folder, with forward slashes; title = the file's name without its extension;
text = the content. Rejected: a file that is not UTF-8, cannot be read, or is longer than 64 MiB.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vecindex.errors import SourceError
from vecindex.sources.base import MAX_ROW_BYTES, Record, excerpt
from vecindex.sources.files import InputFile, unpacked_path
from vecindex.sources.formats import Files, FolderReader, ReadOptions, SourceFormat
from vecindex.types import Rejected


@dataclass(frozen=True, slots=True)
class TextSource:
    """Text files. `files` gives (id, file) pairs.

    `count` is how many there were when the source was opened, where that is known.
    """

    name: str
    files: Files
    count: int | None = None

    def read(self) -> Iterator[Record | Rejected]:
        """Yield one item per file. Raises SourceError when the folder cannot be listed."""
        for text_id, file in self.files():
            yield _read_text(text_id, file)

    def count_hint(self) -> int | None:
        return self.count


def _open_file(file: InputFile, _: ReadOptions) -> TextSource:
    return TextSource(file.name, lambda: [(file.base_name or file.name, file)])


def _open_all(name: str, files: Files, count: int, _: ReadOptions) -> tuple[TextSource, list[str]]:
    return TextSource(name, files, count), []


FORMAT = SourceFormat(
    (".txt", ".md"), _open_file, is_table=False, folder=FolderReader("texts", _open_all, one_row_each=True)
)


def _read_text(text_id: str, file: InputFile) -> Record | Rejected:
    raw = b""
    try:
        with file.open() as stream:
            raw = stream.read(MAX_ROW_BYTES + 1)
        if len(raw) > MAX_ROW_BYTES:
            reason = f"file longer than {MAX_ROW_BYTES >> 20} MiB"
        else:
            fields = {"id": text_id, "title": unpacked_path(text_id).stem, "text": raw.decode("utf-8-sig")}
            return Record(file.name, fields)
    except UnicodeDecodeError as error:
        reason = f"not valid UTF-8 at byte {error.start + 1}"
    except SourceError as error:  # one file is one row here, not the input as a whole
        reason = str(error.message).removeprefix(f"{file.name}: ")
    return Rejected(file.name, reason, text_id, excerpt(raw))

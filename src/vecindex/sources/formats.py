"""The formats of sources: what each is called, which extensions stand for it, and what opens it.

A new format is one module with a `SourceFormat` and one line in `FORMATS`; another package registers its own in the
entry point group `vecindex.sources` (docs/extending.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from io import BufferedReader
from typing import TypeVar

from vecindex.errors import MissingExtraError
from vecindex.plugins import PluginError, Registry
from vecindex.sources.base import Block, Item, Notice, Quoting, Source, Unparsed, parsed
from vecindex.sources.encodings import as_utf8
from vecindex.sources.files import InputFile, unpacked_path
from vecindex.sources.sampling import FindStarts

_T = TypeVar("_T")
Files = Callable[[], Iterable[tuple[str, InputFile]]]
"""Gives (path inside the folder, file), again at each call: no folder is ever listed whole."""


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a reader may need to know besides its file.

    Attributes
    ----------
    vector_field : the column with precomputed embeddings, if there is one.
    text_fields : are text even if all of their values look like numbers.
    encoding : of texts; None to find out.
    delimiter : between the fields of a delimited file; None to find out.
    quoting : how a delimited file uses quotes.
    header : whether a delimited file names its columns; None to find out.
    skipped : fields that are not kept; lists among them need not be read. It may grow while files are read.
    records : where the records are inside of what a table's rows are; see `jsons.nested`.
    notice : takes what the user should know of how a file is read.
    """

    vector_field: str | None = None
    text_fields: frozenset[str] = frozenset()
    encoding: str | None = None
    delimiter: str | None = None
    quoting: Quoting = "auto"
    header: bool | None = None
    skipped: Set[str] = frozenset()
    records: str | None = None
    notice: Notice = lambda _: None


@dataclass(frozen=True, slots=True)
class FileSource:
    """One file that is read from its beginning to its end.

    Attributes
    ----------
    rows : yields the rows of its open stream; its second argument is the file's name.
    count : as in `InputFile.rows_hint`; None where the rows of a piece cannot be counted.
    text : the options by which its encoding is found; None where it is no text, or says itself what it is in.
    starts : finds the rows of a stretch that is cut out of the file; None where that cannot be.
    in_pieces : yields what `rows` does, in blocks or unparsed where it can; None where each row is read by itself.
    """

    file: InputFile
    rows: Callable[[BufferedReader, str], Iterator[Item]]
    count: Callable[[bytes, bool], int] | None = None
    text: ReadOptions | None = None
    starts: FindStarts | None = None
    in_pieces: Callable[[BufferedReader, str], Iterator[Item | Block | Unparsed]] | None = None

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def once(self) -> bool:
        """Whether it can be read one time only."""
        return self.file.stream is not None

    @property
    def is_whole(self) -> bool:
        """Whether all rows are there: nobody is still writing them."""
        return self.file.is_whole

    def read(self) -> Iterator[Item]:
        """Yield one item per row. Raises SourceError as `rows` and `InputFile.open` do."""
        return self._read(self.rows)

    def blocks(self) -> Iterator[Item | Block]:
        """Yield the rows as `read` does, in blocks where it has them."""
        return parsed(self.pieces())

    def pieces(self) -> Iterator[Item | Block | Unparsed]:
        """Yield the rows as `blocks` does, unparsed where they can be parsed elsewhere."""
        # Rows that somebody is still writing do not wait for each other.
        return self._read(self.in_pieces if self.in_pieces is not None and self.is_whole else self.rows)

    def _read(self, rows: Callable[[BufferedReader, str], Iterator[_T]]) -> Iterator[_T]:
        with self.file.open() as stream:
            if self.text is not None:
                stream = as_utf8(stream, self.name, self.text.encoding, self.text.notice)
            yield from rows(stream, self.name)

    def count_hint(self) -> int | None:
        return None if self.count is None else self.file.rows_hint(self.count)


@dataclass(frozen=True, slots=True)
class FolderReader:
    """How several files of a format are read as one source.

    A folder is read so if it has no files of a format without a `FolderReader`.

    Attributes
    ----------
    label : what the files are called in a notice ("texts").
    open : takes the source's name, the files, their number and the options; returns the source and the names of files
        that it leaves out.
    one_row_each : each file is one row, so those that a glob matches are one source too.
    """

    label: str
    open: Callable[[str, Files, int, ReadOptions], tuple[Source, list[str]]]
    one_row_each: bool = False


@dataclass(frozen=True, slots=True)
class SourceFormat:
    """A format of input files, under the name by which it is registered.

    Attributes
    ----------
    extensions : those that stand for it, in lower case with their dots; a compression's (.gz, ...) may follow them.
        None for a format that must be named, or is known by the first bytes of a file (`recognize`).
    open : returns the source for one file. It opens the file only when the source is read.
    is_table : rows have named fields, to which a folder named like `lang=en` adds one.
    folder : how several files are one source; None where each is one by itself.
    requires, install : an optional module that must be importable, and the command that installs it.
    """

    extensions: tuple[str, ...]
    open: Callable[[InputFile, ReadOptions], Source]
    is_table: bool = True
    folder: FolderReader | None = None
    requires: str | None = None
    install: str | None = None


FORMATS = Registry(
    "format",
    "vecindex.sources",
    SourceFormat,
    {
        "jsonl": "vecindex.sources.jsons.rows:JSONL",
        "json": "vecindex.sources.jsons.rows:JSON",
        "csv": "vecindex.sources.delimited.source:CSV",
        "tsv": "vecindex.sources.delimited.source:TSV",
        "parquet": "vecindex.sources.arrow.files:PARQUET",
        "arrow": "vecindex.sources.arrow.files:ARROW",
        "xlsx": "vecindex.sources.sheets:FORMAT",
        "wiki": "vecindex.sources.xml.wiki:FORMAT",
        "stackexchange": "vecindex.sources.xml.stackexchange:FORMAT",
        "extracted": "vecindex.sources.texts.extracted:FORMAT",
        "lines": "vecindex.sources.texts.lines:FORMAT",
        # Before texts: a folder that holds both is read for its pickles.
        "pickle": "vecindex.sources.pickles.source:FORMAT",
        "html": "vecindex.sources.texts.html:FORMAT",
        "text": "vecindex.sources.texts.files:FORMAT",
    },
)


def usable_format(name: str) -> SourceFormat:
    """Return a format whose packages are installed.

    Raises UnknownNameError, PluginError, or MissingExtraError with the command that installs what is missing.
    """
    found = FORMATS[name]
    if found.requires is not None and find_spec(found.requires) is None:
        raise MissingExtraError(
            f"Reading the format {name} needs the package {found.requires}, which is not installed.", found.install
        )
    return found


def format_of(base_name: str) -> str | None:
    """Return the format that a file's extension stands for, a compression's (.gz, ...) left aside.

    Formats of other packages are loaded only for an extension that vecindex does not know itself.
    """
    extension = unpacked_path(base_name).suffix.lower()
    own = extensions(FORMATS.built_in)
    return own.get(extension) or extensions(FORMATS.names).get(extension) if extension else None


@cache
def extensions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the formats with these names by extension. Raises PluginError when two have the same one."""
    found: dict[str, str] = {}
    for name in names:
        for extension in FORMATS[name].extensions:
            if extension in found:
                first, second = (f"{n!r} ({FORMATS.package(n)})" for n in (found[extension], name))
                raise PluginError(
                    f"The extension {extension} stands for two formats: {first} and {second}.",
                    f"Uninstall one of them, e.g. pip uninstall {FORMATS.package(name)}",
                )
            found[extension] = name
    return found

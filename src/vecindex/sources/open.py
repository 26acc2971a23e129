"""Turns the user's arguments into sources.

Folders named like `lang=en`, as Hive, Spark and pyarrow write them, are each a column of the files below. The value
is text, for its type must not hang on which other folders there are; %20 and the like are decoded, and
`__HIVE_DEFAULT_PARTITION__` is None. A field of that name in the row itself comes first.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote

from vecindex.errors import ConfigError, SourceError
from vecindex.masks import masked
from vecindex.messages import Placeholder, command, option, text
from vecindex.sources.arrow.memory import memory_sources
from vecindex.sources.base import Block, Item, Notice, Record, Source, blocks_of, each
from vecindex.sources.expand import Folder, expand, glob_base
from vecindex.sources.files import InputFile, is_url, standard_input
from vecindex.sources.formats import (
    FORMATS,
    FolderReader,
    ReadOptions,
    SourceFormat,
    extensions,
    format_of,
    usable_format,
)
from vecindex.sources.jsons.nested import NestedSource
from vecindex.sources.layouts import Layout, layout_of
from vecindex.sources.recognize import format_found
from vecindex.sources.unpack import MAX_RATIO
from vecindex.sources.vectors import NpyVectors
from vecindex.types import SourceData

STDIN = "-"

_NAMED = 3
"""Files that a notice names; it counts the others."""
_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class PartitionedSource:
    """A source whose records get the fields that its folders are named for."""

    source: Source
    partition: Mapping[str, str | None]

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def once(self) -> bool:
        """Whether it can be read one time only."""
        return bool(getattr(self.source, "once", False))

    @property
    def is_whole(self) -> bool:
        """Whether all rows are there: nobody is still writing them."""
        return bool(getattr(self.source, "is_whole", False))

    def count_hint(self) -> int | None:
        return self.source.count_hint()

    def read(self) -> Iterator[Item]:
        """Yield the source's items with the fields added. Raises SourceError as the source does."""
        yield from each(self.blocks())

    def blocks(self) -> Iterator[Item | Block]:
        """Yield the source's items as `read` does, in blocks where it has them."""
        for item in blocks_of(self.source):
            # Those that the row lacks come after its own, where pandas puts them.
            if isinstance(item, Block):
                more = self._lacked(item.columns)
                # The name of a folder may be no Unicode.
                kinds = {n: str for n, v in more.items() if n.isascii() and (v is None or v.isascii())}
                yield item.having({n: [v] * item.rows for n, v in more.items()}, kinds)
            elif isinstance(item, Record):
                yield Record(item.location, {**item.fields, **self._lacked(item.fields)})
            else:
                yield item

    def _lacked(self, fields: Mapping[str, Any]) -> dict[str, str | None]:
        return {name: value for name, value in self.partition.items() if name not in fields}


def partition_of(inside: str) -> dict[str, str | None]:
    """Return the fields that the folders of a path are named for.

    >>> partition_of("lang=en/topic=sea%20birds/part-0.parquet")
    {'lang': 'en', 'topic': 'sea birds'}
    """
    fields: dict[str, str | None] = {}
    for folder in inside.split("/")[:-1]:
        name, equals, value = folder.partition("=")
        if equals and name:
            fields[unquote(name)] = None if value == _NULL else unquote(value)
    return fields


def open_sources(
    arguments: Sequence[SourceData],
    *,
    name: str | None = None,
    format: str | None = None,
    vector_field: str | None = None,
    vectors: str | Path | None = None,
    text_fields: Collection[str] = (),
    max_ratio: int = MAX_RATIO,
    stdin: BinaryIO | None = None,
    notice: Notice = lambda _: None,
    reading: ReadOptions = ReadOptions(),  # noqa: B008 (it is frozen)
) -> list[Source]:
    """Return the sources that the arguments name, in their order.

    An argument is a file, a glob (** for any depth), a folder, "-" for standard input, a URL that fsspec knows, or
    data in memory: Arrow data or an iterable of dicts, whose rejects are filed under `name`.

    A file's extension decides its format, under .gz, .bz2, .xz or .zst if need be; `format` overrules it, and decides
    for standard input (JSON lines by default). Of a folder the data files are taken, sorted by path; if it has none,
    the old pickles; if it has none of these either, its texts. What is left out of it is reported to `notice`, unless
    `format` chose. Folders below it that are named like `lang=en` add a field to the rows of tables.

    `text_fields` are read as text from CSV, too, whatever they look like; `reading` has what else readers should know
    (see `ReadOptions`). `max_ratio` bounds what compressed files
    may unpack to; see `unpack`.
    `vector_field` names a column of precomputed embeddings; `vectors` a .npy file of them alongside a single source,
    which then come under `vector_field` or "vector".

    Raises SourceError when an argument stands for nothing that can be read, ConfigError for options that do
    not go together, MissingExtraError when a format or a filesystem needs a package that is not installed.
    """
    if not arguments:
        raise ConfigError("no source given", "Name a file, a folder, a glob, a URL, or - for standard input.")
    paths = [os.fspath(a) if isinstance(a, str | os.PathLike) else None for a in arguments]
    if paths.count(STDIN) > 1:
        raise ConfigError("standard input (-) is named twice", "It can be read only once.")
    data = [argument for argument, path in zip(arguments, paths, strict=True) if path is None]
    in_memory = iter(memory_sources(data, name, vector_field))
    if format is not None:
        usable_format(format)
    options = replace(reading, vector_field=vector_field, text_fields=frozenset(text_fields), notice=notice)
    sources: list[Source] = []
    for path in paths:
        if path is None:
            sources.append(next(in_memory))
        elif path == STDIN:
            file = replace(standard_input(stdin), max_ratio=max_ratio)
            sources.append(usable_format(format or "jsonl").open(file, options))
        else:
            sources.extend(_open_argument(path, format, options, max_ratio))
    if vectors is not None:
        if len(sources) != 1:
            raise ConfigError(
                text(option("vectors", str(vectors)), f" is for one source, but the arguments name {len(sources)}"),
                text(
                    "Ingest each file with its own vectors, or put the vectors into a column (",
                    option("vector_field"),
                    ").",
                ),
            )
        sources = [_with_vectors(sources[0], Path(vectors), vector_field or "vector")]
    return sources


def _with_vectors(source: Source, path: Path, field: str) -> Source:
    if isinstance(source, PartitionedSource):
        # The vectors belong to the file's own rows.
        return PartitionedSource(_with_vectors(source.source, path, field), source.partition)
    return NpyVectors(source, path, field)


def _open_argument(argument: str, format: str | None, options: ReadOptions, max_ratio: int) -> list[Source]:
    sources: list[Source] = []
    gathered: dict[FolderReader, list[tuple[str, InputFile]]] = {}
    for found in expand(argument, max_ratio):
        inside = _inside(masked(argument), found.name)
        if isinstance(found, Folder):
            sources.extend(_open_folder(found, inside, format, options))
            continue
        kind = format or format_found(found)
        if kind is None:
            raise _unknown_format(found)
        reader = usable_format(kind)
        if reader.folder is not None and reader.folder.one_row_each:
            # Named itself, a file has its own name for an id, wherever it lies.
            gathered.setdefault(reader.folder, []).append((inside or found.base_name, found))
        else:
            sources.append(_open_file(found, reader, inside, options))
    # One source, not one for each of perhaps many thousand files.
    return sources + [
        reader.open(masked(argument), files.copy, len(files), options)[0] for reader, files in gathered.items()
    ]


def _inside(argument: str, name: str) -> str:
    """Return the path inside the fixed part of a glob; nothing for what is named itself."""
    # Spelled as the names are: of ./a/*.txt they are a/b.txt.
    pattern = argument if is_url(argument) else Path(argument).as_posix()
    return "" if name == argument else name.replace("\\", "/").removeprefix(glob_base(pattern)).lstrip("/")


def _open_file(
    file: InputFile, reader: SourceFormat, inside: str, options: ReadOptions, split: str | None = None
) -> Source:
    source = reader.open(file, options)
    if options.records is not None and reader.is_table:
        source = NestedSource(source, options.records)
    partition = {**partition_of(inside), **({} if split is None else {"split": split})} if reader.is_table else None
    return PartitionedSource(source, partition) if partition else source


@dataclass(slots=True)
class _Names:
    """How many files of a kind a folder has, and the first of their names: never all of them."""

    n: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.n += 1
        if len(self.first) < _NAMED:
            self.first.append(name)


def _open_folder(folder: Folder, prefix: str, format: str | None, options: ReadOptions) -> list[Source]:
    """Choose what of a folder is meant, in one walk that remembers the data files only."""
    data: list[tuple[str, InputFile, SourceFormat]] = []
    # Files that are read together, by format, in the order in which a folder is read for them.
    together = {kind: _Names() for kind in FORMATS.built_in if FORMATS[kind].folder is not None}
    others = _Names()
    for inside, file in folder.files():
        kind = format_found(file) if format is None else format_of(file.base_name)
        if kind is None or (format is not None and kind != format):
            others.add(inside)
        elif FORMATS[kind].folder is None:
            data.append((inside, file, usable_format(kind)))
        else:
            together.setdefault(kind, _Names()).add(inside)
    layout = layout_of([inside for inside, _, _ in data]) if format is None else Layout()
    if layout.questions:
        _report_questions(folder, layout, options.notice)
    data = [one for one in data if one[0] not in layout.questions | layout.metadata]
    chosen = None if data else next((kind for kind, names in together.items() if names.n), None)
    if data:
        label, left = "data files", [*together.values(), others]
        sources = [
            _open_file(file, reader, f"{prefix}/{inside}", options, layout.splits.get(inside))
            for inside, file, reader in data
        ]
    elif chosen is not None and (reader := usable_format(chosen).folder) is not None:
        n = together.pop(chosen).n
        source, unused = reader.open(folder.name, lambda: _of_format(folder, chosen), n, options)
        label, left = reader.label, [_Names(len(unused), unused), *together.values(), others]
        sources = [source]
    else:
        raise _nothing_in(folder, format, others)
    # With a format given, the user chose.
    if format is None:
        _report_left_out(folder, label, left, options.notice)
    return sources


def _report_questions(folder: Folder, layout: Layout, notice: Notice) -> None:
    found = sorted(layout.questions)
    shown = ", ".join(found[:_NAMED]) + (", ..." if len(found) > _NAMED else "")
    notice(
        text(
            f"{folder.name}: read for its corpus; {len(found):,} "
            f"{'file of questions or judgments is' if len(found) == 1 else 'files of questions or judgments are'} "
            f"left out ({shown}); questions are for ",
            command("overlap", questions=Placeholder("FILE")),
        )
    )


def _of_format(folder: Folder, kind: str) -> Iterable[tuple[str, InputFile]]:
    return ((inside, file) for inside, file in folder.files() if format_of(file.base_name) == kind)


def _report_left_out(folder: Folder, label: str, left: Sequence[_Names], notice: Notice) -> None:
    n, first = sum(names.n for names in left), [name for names in left for name in names.first][:_NAMED]
    if not n:
        return
    shown = ", ".join(first) + (", ..." if n > len(first) else "")
    notice(
        f"{folder.name}: {n:,} {'file is' if n == 1 else 'files are'} left out ({shown}), as the folder is read for "
        f"its {label}; name a file itself to read it"
    )


def _nothing_in(folder: Folder, format: str | None, others: _Names) -> SourceError:
    wanted = f"{format} files" if format else "files of a known format"
    return SourceError(
        f"{folder.name}: found {'no ' + wanted if others.n else 'an empty folder'}, expected {wanted}",
        text(f"{_known_extensions()} Name a file itself, with ", option("format"), ", if its extension is another."),
    )


def _unknown_format(file: InputFile) -> SourceError:
    return SourceError(
        f"{file.name}: no format has its extension",
        text(
            f"{_known_extensions()} For another name, add ",
            option("format"),
            f" with one of: {', '.join(FORMATS.names)}.",
        ),
    )


def _known_extensions() -> str:
    return f"Known extensions: {' '.join(extensions(FORMATS.names))}, also under .gz .bz2 .xz .zst."

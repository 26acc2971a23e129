"""Turns the user's arguments into sources."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from vecindex.errors import ConfigError, SourceError
from vecindex.sources.arrow import ArrowSource, ParquetSource
from vecindex.sources.base import Source
from vecindex.sources.delimited import DelimitedSource
from vecindex.sources.expand import Folder, expand, glob_base
from vecindex.sources.files import InputFile, is_url, standard_input
from vecindex.sources.formats import EXTENSIONS, FORMATS, format_of
from vecindex.sources.json_array import JsonSource
from vecindex.sources.jsonl import JsonlSource
from vecindex.sources.partitions import PartitionedSource, partition_of
from vecindex.sources.pickles import CHECKPOINT_NAME, EMBEDDINGS_NAME, REGISTRY_NAME, PicklesSource
from vecindex.sources.text_folder import TextSource
from vecindex.sources.vectors import VectorsBeside
from vecindex.sources.wiki_dump import WikiDumpSource

STDIN = "-"

_TABLES = frozenset({"jsonl", "json", "csv", "tsv", "parquet", "arrow"})
"""Formats of rows with named fields, to which a folder's name can add one."""

_NAMED = 3
"""Files that a notice names; it counts the others."""

Notice = Callable[[str], None]
"""Takes a line that the user should see."""


@dataclass(frozen=True, slots=True)
class _Options:
    format: str | None
    vector_field: str | None
    text_fields: frozenset[str]
    notice: Notice


@dataclass(slots=True)
class _Names:
    """How many files of a kind a folder has, and the first of their names: never all of them."""

    n: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        self.n += 1
        if len(self.first) < _NAMED:
            self.first.append(name)


def open_sources(
    arguments: Sequence[str],
    *,
    format: str | None = None,
    vector_field: str | None = None,
    vectors: str | None = None,
    text_fields: Collection[str] = (),
    stdin: BinaryIO | None = None,
    notice: Notice = lambda _: None,
) -> list[Source]:
    """Return the sources that the arguments name, in their order.

    An argument is a file, a glob (** for any depth), a folder, "-" for standard input, or a URL that fsspec
    knows. A file's format is told by its extension, under .gz, .bz2, .xz or .zst if need be; `format`
    overrules it, and tells that of standard input (JSON lines when left out). Of a folder the data files
    are taken, sorted by path; if it has none, the old pickles; if it has none of these either, its texts. What
    is left out of it is told to `notice`, unless `format` chose. Folders below it that are named like
    `lang=en` give the rows of tables a field.

    `text_fields` are read as text from CSV, too, whatever they look like.
    `vector_field` names a column of ready-made vectors; `vectors` a .npy file of them beside a single source,
    which then come under `vector_field` or "vector".

    Raises SourceError when an argument stands for nothing that can be read, ConfigError for options that do
    not go together, MissingExtraError when a format or a filesystem needs a package that is not installed.
    """
    if not arguments:
        raise ConfigError("no source given", "Name a file, a folder, a glob, a URL, or - for standard input.")
    if list(arguments).count(STDIN) > 1:
        raise ConfigError("standard input (-) is named twice", "It can be read only once.")
    if format is not None and format not in FORMATS:
        raise ConfigError(f"unknown format {format!r}", f"Known formats: {', '.join(FORMATS)}")
    options = _Options(format, vector_field, frozenset(text_fields), notice)
    sources: list[Source] = []
    for argument in arguments:
        if argument == STDIN:
            sources.append(_source(standard_input(stdin), format or "jsonl", options))
        else:
            sources.extend(_open_argument(argument, options))
    if vectors is not None:
        if len(sources) != 1:
            raise ConfigError(
                f"--vectors {vectors} is for one source, but the arguments name {len(sources)}",
                "Ingest each file with its own vectors, or put the vectors into a column (--vector-field).",
            )
        sources = [_with_vectors(sources[0], Path(vectors), vector_field or "vector")]
    return sources


def _with_vectors(source: Source, path: Path, field: str) -> Source:
    if isinstance(source, PartitionedSource):
        # The vectors stand beside the file's own rows.
        return PartitionedSource(_with_vectors(source.source, path, field), source.partition)
    return VectorsBeside(source, path, field)


def _open_argument(argument: str, options: _Options) -> list[Source]:
    sources: list[Source] = []
    texts: list[tuple[str, InputFile]] = []
    for found in expand(argument):
        inside = _inside(argument, found.name)
        if isinstance(found, Folder):
            sources.extend(_open_folder(found, inside, options))
            continue
        kind = options.format or format_of(found.base_name)
        if kind is None:
            raise _unknown_format(found)
        if kind == "text":
            # Named itself, a file has its own name for an id, wherever it lies.
            texts.append((inside or found.base_name, found))
        else:
            sources.append(_table(found, kind, inside, options))
    if texts:
        # One source, not one for each of perhaps many thousand files.
        sources.append(TextSource(argument, lambda: texts, len(texts)))
    return sources


def _inside(argument: str, name: str) -> str:
    """Return the path inside the fixed part of a glob; nothing for what is named itself."""
    # Spelled as the names are: of ./a/*.txt they are a/b.txt.
    pattern = argument if is_url(argument) else Path(argument).as_posix()
    return "" if name == argument else name.replace("\\", "/").removeprefix(glob_base(pattern)).lstrip("/")


def _table(file: InputFile, kind: str, inside: str, options: _Options) -> Source:
    source = _source(file, kind, options)
    partition = partition_of(inside) if kind in _TABLES else None
    return PartitionedSource(source, partition) if partition else source


def _source(file: InputFile, kind: str, options: _Options) -> Source:
    match kind:
        case "json":
            return JsonSource(file)
        case "csv":
            return DelimitedSource(file, ",", options.vector_field, options.text_fields)
        case "tsv":
            return DelimitedSource(file, "\t", options.vector_field, options.text_fields)
        case "parquet":
            return ParquetSource(file, options.vector_field)
        case "arrow":
            return ArrowSource(file, options.vector_field)
        case "wiki":
            return WikiDumpSource(file, options.notice)
        case "pickle":
            return PicklesSource(file.name, embeddings=file)
        case "text":
            return TextSource(file.name, lambda: [(file.base_name or file.name, file)])
        case _:
            return JsonlSource(file)


def _open_folder(folder: Folder, prefix: str, options: _Options) -> list[Source]:
    """Choose what of a folder is meant, in one walk that remembers the data files only."""
    data: list[tuple[str, InputFile, str]] = []
    pickles: dict[str, InputFile] = {}
    texts, others = _Names(), _Names()
    for inside, file in folder.files():
        kind = format_of(file.base_name)
        if kind is None or (options.format is not None and kind != options.format):
            others.add(inside)
        elif kind == "pickle":
            pickles[inside] = file
        elif kind == "text":
            texts.add(inside)
        else:
            data.append((inside, file, kind))
    if data:
        _tell_left_out(folder, "data files", [_names(pickles), texts, others], options)
        return [_table(file, kind, f"{prefix}/{inside}", options) for inside, file, kind in data]
    if pickles:
        taken = _old_pickles(folder, pickles, options.notice)
        unused = _names(name for name, file in pickles.items() if file not in taken.files)
        _tell_left_out(folder, "old pickles", [unused, texts, others], options)
        return [taken]
    if texts.n:
        _tell_left_out(folder, "texts", [others], options)
        return [TextSource(folder.name, lambda: _texts_of(folder), texts.n)]
    wanted = f"{options.format} files" if options.format else "files of a known format"
    raise SourceError(
        f"{folder.name}: found {'no ' + wanted if others.n else 'an empty folder'}, expected {wanted}",
        f"{_known_extensions()} Name a file itself, with --format, if its extension is another.",
    )


def _names(files: Iterable[str]) -> _Names:
    names = _Names()
    for file in files:
        names.add(file)
    return names


def _tell_left_out(folder: Folder, taken: str, left: Sequence[_Names], options: _Options) -> None:
    n, first = sum(names.n for names in left), [name for names in left for name in names.first][:_NAMED]
    # With a format given, the user chose.
    if not n or options.format is not None:
        return
    told = ", ".join(first) + (", ..." if n > len(first) else "")
    options.notice(
        f"{folder.name}: {n:,} {'file is' if n == 1 else 'files are'} left out ({told}), as the folder is read for "
        f"its {taken}; name a file itself to read it"
    )


def _texts_of(folder: Folder) -> Iterable[tuple[str, InputFile]]:
    return ((inside, file) for inside, file in folder.files() if format_of(file.base_name) == "text")


def _old_pickles(folder: Folder, pickles: dict[str, InputFile], notice: Notice) -> PicklesSource:
    def find(name: str) -> InputFile | None:
        return pickles.get(name) or pickles.get(f"embeddings/{name}")

    embeddings, checkpoint = find(EMBEDDINGS_NAME), find(CHECKPOINT_NAME)
    if embeddings is None and checkpoint is None:
        raise SourceError(
            f"{folder.name}: found pickles, but neither {EMBEDDINGS_NAME} nor {CHECKPOINT_NAME}",
            "Name the pickle that holds the vectors itself.",
        )
    return PicklesSource(folder.name, embeddings, find(REGISTRY_NAME), checkpoint, notice=notice)


def _unknown_format(file: InputFile) -> SourceError:
    return SourceError(
        f"{file.name}: its extension tells no format",
        f"{_known_extensions()} For another name, add --format with one of: {', '.join(FORMATS)}.",
    )


def _known_extensions() -> str:
    return f"Known extensions: {' '.join(EXTENSIONS)}, also under .gz .bz2 .xz .zst."

"""Files of ids."""

from __future__ import annotations

from typing import BinaryIO

from vecindex.errors import ConfigError, SourceError
from vecindex.sources.base import Record
from vecindex.sources.files import InputFile, read_lines, standard_input
from vecindex.sources.jsons.rows import parse_object


def no_ids(name: str) -> str:
    """Return that a file ("-" for standard input) has no ids."""
    return f"{'standard input' if name == '-' else name} holds no ids"


def some_ids(name: str, stdin: BinaryIO | None = None) -> list[str]:
    """Return the ids in a file, each once; as `read_ids`, and raises ConfigError where there is none at all."""
    ids = list(dict.fromkeys(read_ids(name, stdin)))
    if not ids:
        raise ConfigError(f"{no_ids(name)}, so no articles are named.", "Give one id a line.")
    return ids


def read_ids(name: str, stdin: BinaryIO | None = None) -> list[str]:
    """Return the ids in a file ("-" for standard input), one a line: as they are, or as JSON objects with an "id".

    Raises SourceError, with the line, where there is none.
    """
    ids = []
    source = standard_input(stdin) if name == "-" else InputFile(name, name)
    with source.open() as stream:
        for number, line, _ in read_lines(stream, source.name):
            location = f"{source.name}:{number}"
            if line.isspace():
                continue
            made = parse_object(line, location) if line.lstrip().startswith(b"{") else None
            found = made.fields.get("id") if isinstance(made, Record) else None
            if made is not None and not isinstance(found, str | int):
                raise SourceError(
                    f"{location}: no id in this line.", 'Give one id a line, as it is or as {"id": "..."}.'
                )
            try:
                ids.append(line.decode("utf-8").strip() if made is None else str(found))
            except UnicodeDecodeError as error:
                raise SourceError(f"{location}: not valid UTF-8 at byte {error.start + 1}.") from error
    return ids

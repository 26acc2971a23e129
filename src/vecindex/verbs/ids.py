"""Files of ids, and of ids with labels."""

from __future__ import annotations

import csv
import io
from typing import BinaryIO

from vecindex.errors import ConfigError, SourceError
from vecindex.sources.base import Record
from vecindex.sources.files import InputFile, read_lines, standard_input
from vecindex.sources.jsons.rows import parse_object

MAX_LABEL_CHARS = 200


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


def label_of(written: str) -> str:
    """Return a label with single spaces; ConfigError for more than 200 characters."""
    label = " ".join(written.split())
    if len(label) > MAX_LABEL_CHARS:
        raise ConfigError(f"A label has at most {MAX_LABEL_CHARS:,} characters, found {len(label):,}.")
    return label


def read_labels(name: str, stdin: BinaryIO | None = None) -> dict[str, str]:
    """Return the labels by id in a CSV file ("-" for standard input), whose header names `id` and `label`.

    Other columns are passed over, and lines without a label. Labels have single spaces.

    Raises SourceError, with the line, for another header, a line without an id, an id that has two labels, a label
    that is too long, and what is no CSV; ConfigError where there is no label at all.
    """
    source = standard_input(stdin) if name == "-" else InputFile(name, name)
    labels: dict[str, str] = {}
    with source.open() as stream:
        # Strict, since an open quotation mark would else make one label of all lines that follow.
        lines = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""), strict=True)
        try:
            header = next(lines, [])
            if "id" not in header or "label" not in header:
                raise SourceError(
                    f"{source.name}:1: no columns id and label (found: {', '.join(header)[:200] or 'nothing'}).",
                    "Begin the file with the line id,label",
                )
            at, label_at = header.index("id"), header.index("label")
            for line in lines:
                location = f"{source.name}:{lines.line_num}"
                if not line:
                    continue
                if len(line) <= max(at, label_at) or not line[at]:
                    raise SourceError(f"{location}: no id and label in this line.")
                try:
                    label = label_of(line[label_at])
                except ConfigError as error:
                    raise SourceError(f"{location}: {error.message}") from error
                if label and labels.setdefault(line[at], label) != label:
                    raise SourceError(
                        f"{location}: {line[at]!r} has two labels, {labels[line[at]]!r} and {label!r}.",
                        "An article has one label in a column.",
                    )
        except UnicodeDecodeError as error:
            raise SourceError(f"{source.name}: not valid UTF-8: {error.reason}.", "Save it as UTF-8.") from error
        except csv.Error as error:
            raise SourceError(f"{source.name}:{lines.line_num}: not readable as CSV: {error}.") from error
    if not labels:
        said = "standard input" if name == "-" else name
        raise ConfigError(f"{said} holds no labels, so no articles are named.", "Give an id and its label a line.")
    return labels

"""Labels of a live map: by column and id in Python, by column as a byte for each article on its page."""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vecindex.core.picture import LEVELS, NO_COLOR
from vecindex.errors import ConfigError
from vecindex.messages import counted
from vecindex.schema import LABEL_COLUMN
from vecindex.verbs.ids import MAX_LABEL_CHARS

_GZIP = 31
_DAMAGED = "The page's labels cannot be read"

Labels = dict[str, dict[str, str]]


def key_of(column: str) -> str:
    """Return the key of the coloring that a column of labels has on the page."""
    return f"labels:{column}"


def checked_labels(given: Any, ids: Mapping[str, int]) -> Labels:
    """Return labels by column and id, with single spaces, columns without any left out.

    Raises ConfigError for another form, a column or a label that the page could not have given, and ids that are not
    among `ids`.
    """
    checked: Labels = {}
    for column, of_column in given.items():
        if not isinstance(column, str) or not LABEL_COLUMN.fullmatch(column):
            raise ConfigError(
                f"A column of labels cannot be named {column!r}.",
                "Use small letters, digits and '_', a letter first, 60 characters at most.",
            )
        if not isinstance(of_column, Mapping):
            raise ConfigError(
                f"The labels of column {column!r} are a mapping of ids to labels, found {str(of_column)[:80]!r}.",
                f'For example: {{"{column}": {{"cell-001": "to read"}}}}',
            )
        found = {id: _checked(label) for id, label in of_column.items()}
        missing = [id for id in found if id not in ids]
        if missing:
            raise ConfigError(
                f"{counted(len(missing), 'labeled id is', 'labeled ids are')} not on the map: "
                f"{', '.join(repr(id) for id in missing[:3])}{', ...' if len(missing) > 3 else ''}."
            )
        if len(set(found.values())) > LEVELS:
            raise ConfigError(f"A column has at most {LEVELS} different labels on the page, {column!r} has more.")
        if found:
            checked[column] = found
    return checked


def _checked(label: Any) -> str:
    clean = " ".join(label.split()) if isinstance(label, str) else ""
    if not 0 < len(clean) <= MAX_LABEL_CHARS:
        raise ConfigError(f"A label is a text of 1 to {MAX_LABEL_CHARS} characters, found {str(label)[:80]!r}.")
    return clean


def packed_labels(labels: Labels, ids: Mapping[str, int]) -> dict[str, Any] | None:
    """Return checked labels in the form that the page reads and keeps; None without any."""
    if not labels:
        return None
    columns = []
    for column, of_column in labels.items():
        names = list(dict.fromkeys(of_column.values()))
        code = {name: at for at, name in enumerate(names)}
        codes = np.full(len(ids), NO_COLOR, dtype=np.uint8)
        for id, label in of_column.items():
            codes[ids[id]] = code[label]
        data = base64.b64encode(gzip.compress(codes.tobytes(), mtime=0)).decode()
        columns.append({"name": column, "names": names, "codes": data})
    return {"articles": len(ids), "columns": columns}


def unpacked_labels(values: Mapping[str, Any] | None, ids: Sequence[str]) -> Labels:
    """Return the labels that the page has sent, by column and id, in the order of `ids`.

    Raises ConfigError for what is no such form, or one of other articles.
    """
    labels: Labels = {}
    try:
        for one in [] if values is None else values["columns"]:
            column, names = str(one["name"]), [str(name) for name in one["names"]]
            # No more is unpacked than there can be.
            data = zlib.decompressobj(_GZIP).decompress(base64.b64decode(one["codes"], validate=True), len(ids) + 1)
            codes = np.frombuffer(data, dtype=np.uint8)
            if len(codes) != len(ids):
                raise ConfigError(f"{_DAMAGED}: they are not of {counted(len(ids), 'article')}.")
            rows = np.flatnonzero(codes != NO_COLOR)
            labels[column] = {ids[row]: names[codes[row]] for row in rows.tolist()}
    except (KeyError, TypeError, IndexError, binascii.Error, zlib.error) as error:
        raise ConfigError(f"{_DAMAGED}: {error}.") from error
    return {column: of_column for column, of_column in labels.items() if of_column}

"""Content hashes computed again from a table's columns, where these hold all that was hashed."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vecindex.core.identity import content_hash, same_text
from vecindex.schema import field_of
from vecindex.sources.fieldmap import parse_template
from vecindex.types import Fingerprint

if TYPE_CHECKING:
    import pyarrow as pa

_RENAMED = "src_"
# How a value that became text when it was stored may begin; a text that begins so may have been something else.
_CONVERTED = (*"0123456789-[{", "true", "false", "NaN", "Infinity")


@dataclass(slots=True)
class Rehash:
    """Compares stored hashes with those of the stored columns.

    The first half of a hash (the text that the model read) is compared when the template names only the title and
    the text. The second (title, text and the user's fields) is compared where the fields are stored as they came:
    a row that may hold converted values counts only if it agrees.

    Attributes
    ----------
    skipped : why nothing can be compared, or None.
    compared : rows whose text was compared.
    wrong_text, wrong_fields : ids of rows whose columns are not those that were hashed.
    agreeing : rows whose fields agree; with none at all, the fields' names must have been others.
    """

    skipped: str | None
    template: str | None
    extras: Mapping[str, str]
    """The names that the fields were hashed by, under those of their columns."""
    renamed: bool
    compared: int = 0
    agreeing: int = 0
    wrong_text: list[str] = field(default_factory=list)
    wrong_fields: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, stored: Fingerprint, extras: Sequence[pa.Field]) -> Rehash:
        """Return one for a table."""
        skipped = None
        if stored.pooling == "unknown":
            skipped = "precomputed vectors are part of the hashes"
        elif stored.chunking is not None:
            skipped = "an article in chunks is not stored in one piece"
        elif stored.text_template is not None and not _plain_template(stored.text_template):
            skipped = "the text template names other fields than title and text"
        # A column that does not record its field's name may have had another, if it looks like one of ours.
        renamed = any(field_of(f) is None and f.name.startswith(_RENAMED) for f in extras)
        names = {f.name: f.name if (field := field_of(f)) is None else field for f in extras}
        return cls(skipped, stored.text_template, names, renamed)

    def compare(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Compare some rows, given as their columns."""
        if self.skipped is not None:
            return
        for row in rows:
            # Without a count of tokens the vector was precomputed.
            if row["n_tokens"] is not None:
                self._compare(row)

    def _compare(self, row: Mapping[str, Any]) -> None:
        self.compared += 1
        read = self._read_text(row)
        whole = {field: row[column] for column, field in self.extras.items()}
        given = {name: value for name, value in whole.items() if value is not None}
        # A field that is null may have been there as null, or not at all.
        hashes = [content_hash(read, row["title"], row["text"], fields) for fields in (given, whole)]
        if not same_text(hashes[0], row["content_hash"]):
            self.wrong_text.append(row["id"])
        elif row["content_hash"] in hashes:
            self.agreeing += 1
        elif len(whole) - len(given) < 2 and not any(_may_be_converted(value) for value in given.values()):
            self.wrong_fields.append(row["id"])

    def _read_text(self, row: Mapping[str, Any]) -> str:
        if self.template is None:
            return str(row["text"])
        return "".join(literal + (row[name] or "" if name else "") for literal, name in parse_template(self.template))

    @property
    def fields_known(self) -> bool:
        """Whether the fields are stored under the names that they were hashed by."""
        return self.agreeing > 0 and not self.renamed


def _plain_template(template: str) -> bool:
    return all(name in (None, "title", "text") for _, name in parse_template(template))


def _may_be_converted(value: Any) -> bool:
    if isinstance(value, str):
        return value.startswith(_CONVERTED)
    if isinstance(value, float):
        return math.isnan(value) or value.is_integer()
    return isinstance(value, dt.datetime)

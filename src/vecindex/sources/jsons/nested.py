"""Records inside of other records: the paragraphs of the articles of one large object, as in SQuAD.

A path is names with dots between them; every list on the way is gone through. `*` stands for all names of an object:
each is the `id` of what it names. A record that is found gets the plain
values (texts, numbers, dates) of what it is inside of, unless it has a field of that name. A text that is found is a
record with the field `text`. Location: "squad.json[0] data[3].paragraphs[0]".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vecindex.sources.base import Item, LeftOut, Record, Source, excerpt
from vecindex.sources.fieldmap import TEXT_NAMES
from vecindex.types import Rejected

_PLAIN = (str, int, float, bool, dt.date)
_DEPTH = 3
_ALL = "*"
_WORDS_OF_A_TEXT = 3


@dataclass(frozen=True, slots=True)
class NestedSource:
    """The records at a path inside of the records of a source."""

    source: Source
    path: str

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def once(self) -> bool:
        """Whether it can be read one time only."""
        return bool(getattr(self.source, "once", False))

    def count_hint(self) -> int | None:
        # A record may hold any number of them.
        return None

    def read(self) -> Iterator[Item]:
        """Yield the records inside. Rejected: a record without the path, or one with neither objects nor texts there.

        A record whose lists on the way are empty is left out.
        """
        names = [name for name in self.path.replace("[]", "").replace("[*]", "").split(".") if name]
        for item in self.source.read():
            if not isinstance(item, Record):
                yield item
                continue
            n = 0
            for made in _inside(item.fields, names, f"{item.location} ", {}):
                yield made
                n += 1
            if not n:
                yield LeftOut(item.location, f"no records at {self.path}")


def _inside(value: Any, names: list[str], location: str, around: Mapping[str, Any]) -> Iterator[Record | Rejected]:
    if isinstance(value, list):
        for i, one in enumerate(value):
            yield from _inside(one, names, f"{location}[{i}]", around)
    elif not names:
        if isinstance(value, dict):
            yield Record(location.strip(), {**around, **value})
        elif isinstance(value, str):
            yield Record(location.strip(), {**around, "text": value})
        else:
            yield Rejected(location.strip(), "no object and no text", excerpt=excerpt(value))
    elif isinstance(value, Mapping) and names[0] == _ALL:
        for name, one in value.items():
            yield from _inside(one, names[1:], f"{location}.{name}", {**around, "id": name})
    elif isinstance(value, Mapping) and names[0] in value:
        plain = {name: one for name, one in value.items() if isinstance(one, _PLAIN)}
        dot = "" if location.endswith(" ") else "."
        yield from _inside(value[names[0]], names[1:], f"{location}{dot}{names[0]}", {**around, **plain})
    else:
        found = ", ".join(value) if isinstance(value, Mapping) else type(value).__name__
        yield Rejected(
            location.strip(), f"no field {names[0]!r} inside; found: {found[:200]}", excerpt=excerpt(value)
        )


def paths_of_records(fields: Mapping[str, Any], depth: int = _DEPTH) -> list[str]:
    """Return the paths inside of a record at which there are objects with a text, at most three names long.

    >>> paths_of_records({"data": [{"title": "T", "paragraphs": [{"context": "x", "qas": []}]}]})
    ['data.paragraphs']
    >>> paths_of_records({"_id": 1, "_source": {"text": "x"}})
    ['_source']
    >>> paths_of_records({"a": {"text": "x"}, "b": {"text": "y"}})
    ['*']
    """
    if len(fields) > 1 and all(_has_text(value) for value in fields.values()):
        return [_ALL]
    found = []
    for name, value in fields.items():
        first = value[0] if isinstance(value, list) and value else value
        if not isinstance(first, dict):
            continue
        if _has_text(first):
            found.append(name)
        elif depth > 1:
            found += [f"{name}.{path}" for path in paths_of_records(first, depth - 1)]
    return found


def _has_text(value: Any) -> bool:
    """Return whether a value is an object with a field of a text, or a text of some words."""
    if isinstance(value, str):
        return len(value.split()) >= _WORDS_OF_A_TEXT
    return isinstance(value, dict) and any(key.lower() in TEXT_NAMES for key in value)

"""Folders named like `lang=en`, as Hive, Spark and pyarrow write them: each is a column of the files below it.

The value is text, for its type must not hang on which other folders there are; %20 and the like are decoded, and
`__HIVE_DEFAULT_PARTITION__` is None. A field of that name in the row itself comes first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from vecindex.sources.base import Record, Source
from vecindex.types import Rejected

_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class PartitionedSource:
    """A source whose records get the fields that its folders are named for."""

    source: Source
    partition: Mapping[str, str | None]

    @property
    def name(self) -> str:
        return self.source.name

    def count_hint(self) -> int | None:
        return self.source.count_hint()

    def read(self) -> Iterator[Record | Rejected]:
        """Yield the source's items with the fields added. Raises SourceError as the source does."""
        for item in self.source.read():
            # Those that the row lacks come after its own, where pandas puts them.
            yield Record(item.location, {**item.fields, **self._lacked(item)}) if isinstance(item, Record) else item

    def _lacked(self, record: Record) -> dict[str, str | None]:
        return {name: value for name, value in self.partition.items() if name not in record.fields}


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

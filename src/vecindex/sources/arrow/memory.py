"""Data in memory: Arrow tables and streams, and iterables of dicts. Location: "<news> row 7", counted from 0.

Arrow data is whatever speaks the Arrow PyCapsule interface: pyarrow tables, record batches and readers, frames of
pandas and polars, relations of DuckDB. It is read by batches, an iterable row by row, both once: a reader or a
generator is empty afterwards.

In a dict None and NaN are missing values, as pandas writes them to Parquet. A `Rejected` stays one. Rejected too: a
name of a field that is not text, and an item that is neither a dict nor Arrow data, unless it is the first, for then
the data is of another kind.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from vecindex.errors import ConfigError, SourceError, VecindexError
from vecindex.sources.arrow.rows import records
from vecindex.sources.base import Item, Record, excerpt
from vecindex.types import Rejected

UNNAMED = "memory"


@dataclass(frozen=True, slots=True)
class MemorySource:
    """Arrow data or an iterable of dicts; a column named `vector_field` holds lists of numbers."""

    name: str
    data: Any
    vector_field: str | None = None
    once: ClassVar[bool] = True

    def read(self) -> Iterator[Item]:
        """Yield one item per row. Raises SourceError when the data cannot be read, or is of another kind."""
        done = 0
        try:
            for item in self._items():
                yield item
                done += 1
        except VecindexError:
            raise
        except Exception as error:  # the data's own code may raise anything
            raise self._unreadable(error, done) from error

    def count_hint(self) -> int | None:
        """Return the number of rows where the data knows it without being read."""
        for name in ("num_rows", "height"):  # pyarrow, polars
            if isinstance(n := getattr(self.data, name, None), int):
                return n
        has_length = isinstance(self.data, Sequence) or hasattr(self.data, "iloc")  # pandas
        return len(self.data) if has_length else None

    def _items(self) -> Iterator[Item]:
        if is_arrow(self.data):
            yield from self._arrow_rows(self.data, 0)
            return
        row = 0
        for item in self.data:
            found = self._arrow_rows(item, row) if is_arrow(item) else [self._item(item, row)]
            for made in found:
                yield made
                row += 1

    def _arrow_rows(self, data: Any, first: int) -> Iterator[Item]:
        return records(self.name, _batches(data), self.vector_field, self._unreadable, first)

    def _item(self, item: Any, row: int) -> Record | Rejected:
        if isinstance(item, Rejected):
            return item
        location = f"{self.name} row {row}"
        if not isinstance(item, Mapping):
            found = f"found a {type(item).__name__}, expected a dict or Arrow data"
            if not row:
                raise SourceError(f"{location}: {found}", "Name files by arguments of their own, not in a list.")
            return Rejected(location, found, excerpt=excerpt(item))
        strange = next((name for name in item if not isinstance(name, str)), None)
        if strange is not None:
            reason = f"name of a field: found {strange!r}, expected text"
            return Rejected(location, reason, excerpt=excerpt(dict(item)))
        # A copy: whoever yields the dict may change it afterwards.
        return Record(location, {name: None if _is_missing(value) else value for name, value in item.items()})

    def _unreadable(self, error: Exception, row: int) -> SourceError:
        detail = " ".join(str(error).split())[:300]
        return SourceError(
            f"{self.name} row {row}: cannot be read: {type(error).__name__}: {detail}",
            "Rows before it are stored. Data is read in a thread of its own, which some databases do not allow.",
        )


def memory_sources(data: Sequence[Any], name: str | None, vector_field: str | None) -> list[MemorySource]:
    """Return a source for each piece of data, called <name>, or <name:1> and so on if there are several.

    Raises ConfigError when a piece is neither Arrow data nor an iterable, or when there is only a name.
    """
    if name is not None and not data:
        raise ConfigError(
            f"the name {name!r} is for data in memory, but there is none", "Files have their own names."
        )
    for piece in data:
        is_rows = isinstance(piece, Iterable) and not isinstance(piece, Mapping | bytes | bytearray)
        if not is_rows and not is_arrow(piece):
            raise ConfigError(
                f"found a {type(piece).__name__} as a source, expected a path or data",
                "Data is an Arrow table or reader, a frame of pandas or polars, or an iterable of dicts.",
            )
    base = name or UNNAMED
    names = [f"<{base}>"] if len(data) == 1 else [f"<{base}:{i}>" for i in range(1, len(data) + 1)]
    return [MemorySource(called, piece, vector_field) for called, piece in zip(names, data, strict=True)]


def is_arrow(data: object) -> bool:
    """Return whether data speaks the Arrow PyCapsule interface."""
    return hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__")


def _batches(data: Any) -> Iterator[Any]:
    import pyarrow as pa

    if hasattr(data, "__arrow_c_stream__"):
        yield from pa.RecordBatchReader.from_stream(data)
    else:
        yield pa.record_batch(data)


def _is_missing(value: object) -> bool:
    """Return whether a value is NaN, of any float type, or one of pandas' own marks of a missing value."""
    if isinstance(value, float | np.floating):
        return bool(value != value)
    return type(value).__name__ in ("NaTType", "NAType")

"""What every source yields for each row of the input, in input order: a `Record`, a `Rejected` or a `LeftOut`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from vecindex.messages import Message
from vecindex.types import Rejected

Notice = Callable[[Message], None]
"""Takes a line that the user should see."""


@dataclass(frozen=True, slots=True)
class Record:
    """One row of the input as it was read.

    `location` says where it is, for people ("corpus.jsonl:12", "part-3.parquet row 7").
    `fields` holds the row's own names and values; the value of a vector field is a 1-D numpy array or a
    list of numbers. Nothing is renamed, checked or dropped here: that is `sources.articles`' task.
    """

    location: str
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One row of the input that is sound and no article, such as a redirect; `reason` is one of few."""

    location: str
    reason: str


Item = Record | Rejected | LeftOut
"""What a source yields for a row."""


class Source(Protocol):
    """A stream of rows. Reading it again starts again, except for standard input."""

    @property
    def name(self) -> str:
        """What the user called it; rejects are filed under this name."""
        ...

    def read(self) -> Iterator[Item]:
        """Yield one item per input row, in order, holding only a bounded part of the input in memory.

        Raises SourceError when the input as a whole cannot be read; a row that cannot is a `Rejected`.
        """
        ...

    def count_hint(self) -> int | None:
        """Return about how many rows there are where that is cheap to know, else None. Never reads it all."""
        ...


EXCERPT_CHARS = 200
"""Enough of a bad row to recognize it; the rejects table is not a second copy of the input."""

MAX_ROW_BYTES = 64 << 20
"""A longer row is a fault of the input (a missing line end, usually): it would only fill the memory."""


def excerpt(value: object) -> str:
    """Return the first 200 characters of a row, whatever bytes it holds."""
    if isinstance(value, bytes | bytearray):
        # A character takes 4 bytes at most, and a cut one at the end falls beyond the limit.
        value = bytes(value[: 4 * EXCERPT_CHARS]).decode("utf-8", "replace")
    text = value if isinstance(value, str) else repr(value)
    # A lone surrogate could not be stored.
    return text[:EXCERPT_CHARS].strip("\r\n").encode("utf-8", "replace").decode("utf-8")

"""What every source yields for each row of the input, in input order: a `Record`, a `Rejected` or a `LeftOut`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

from vecindex.messages import Message
from vecindex.types import Rejected

Notice = Callable[[Message], None]
"""Takes a line that the user should see."""


Quoting = Literal["auto", "csv", "none"]
"""How a delimited file uses quotes: strictly as csv does, not at all, or by what its lines show."""


_SIMPLE = {str, int, float, bool}


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


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of the input as columns, all of them records, which are made only where they are needed.

    Attributes
    ----------
    before : what precedes a row's number in its location.
    first : the number of the first row.
    rows : how many there are.
    columns : the values of each field, (rows,); of vectors an array (rows, d).
    kinds : the type of a column's values other than None, where it is `str`, `int`, `bool`, `float` or a date.
    """

    before: str
    first: int
    rows: int
    columns: Mapping[str, Any]
    kinds: Mapping[str, type]

    def record(self, row: int) -> Record:
        """Return a row, from 0 within the block."""
        return Record(f"{self.before}{self.first + row}", {name: one[row] for name, one in self.columns.items()})

    def records(self) -> Iterator[Record]:
        """Yield the rows."""
        names = list(self.columns)
        for row, cells in enumerate(zip(*self.columns.values(), strict=True), self.first):
            yield Record(f"{self.before}{row}", dict(zip(names, cells, strict=True)))

    def after(self, rows: int) -> Block:
        """Return the block without its first rows."""
        columns = {name: one[rows:] for name, one in self.columns.items()}
        return replace(self, first=self.first + rows, rows=self.rows - rows, columns=columns)

    def having(self, columns: Mapping[str, Any], kinds: Mapping[str, type]) -> Block:
        """Return the block with more columns, after its own."""
        return replace(self, columns={**self.columns, **columns}, kinds={**self.kinds, **kinds})


@dataclass(frozen=True, slots=True)
class Gathered(Block):
    """Rows that were read one by one, as columns too.

    Attributes
    ----------
    made : the rows, (rows,).
    """

    made: Sequence[Record] = ()

    def record(self, row: int) -> Record:
        """Return a row, from 0 within the block."""
        return self.made[row]

    def records(self) -> Iterator[Record]:
        """Yield the rows."""
        return iter(self.made)

    def after(self, rows: int) -> Block:
        """Return the block without its first rows."""
        columns = {name: one[rows:] for name, one in self.columns.items()}
        return replace(self, rows=self.rows - rows, columns=columns, made=self.made[rows:])


@dataclass(frozen=True, slots=True)
class Numbered(Block):
    """Rows that do not follow each other by one.

    Attributes
    ----------
    numbers : what the location of each row ends with, (rows,); `first` is that of the first.
    """

    numbers: Sequence[int] = ()

    def record(self, row: int) -> Record:
        """Return a row, from 0 within the block."""
        fields = {name: one[row] for name, one in self.columns.items()}
        return Record(f"{self.before}{self.numbers[row]}", fields)

    def records(self) -> Iterator[Record]:
        """Yield the rows."""
        return map(self.record, range(self.rows))

    def after(self, rows: int) -> Block:
        """Return the block without its first rows."""
        columns = {name: one[rows:] for name, one in self.columns.items()}
        return replace(self, rows=self.rows - rows, columns=columns, numbers=self.numbers[rows:])


@dataclass(frozen=True, slots=True)
class Unparsed:
    """Rows of the input as they are stored. They are parsed where they are needed, in this process or in another.

    Attributes
    ----------
    size : about how many bytes they take.
    parse : returns the rows where nothing but these bytes says what they are, else None. It can be pickled. None
        where it would take more than the bytes with it.
    items : yields the rows, as parsed after those before them: to be called once, in the order of the input.
    stands_alone : returns, once those before them are parsed, whether `parse` says what `items` does.
    """

    size: int
    parse: Callable[[], Sequence[Item | Block] | None] | None
    items: Callable[[], Iterator[Item | Block]]
    stands_alone: Callable[[], bool] = lambda: True


def simple_kinds(columns: Mapping[str, Sequence[Any]]) -> dict[str, type]:
    """Return the type of each column that has texts, numbers or truth values of one type, and None.

    >>> simple_kinds({"a": [1, None], "b": [1, "1"], "c": [None], "d": [[]]})
    {'a': <class 'int'>, 'c': <class 'str'>}
    """
    kinds = {name: set(map(type, column)) - {type(None)} for name, column in columns.items()}
    return {name: next(iter(kind), str) for name, kind in kinds.items() if len(kind) < 2 and kind <= _SIMPLE}


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


def blocks_of(source: Source) -> Iterator[Item | Block]:
    """Yield what a source reads, rows that it has as columns as blocks of them."""
    blocks = getattr(source, "blocks", None)
    return iter(source.read() if blocks is None else blocks())


def pieces_of(source: Source) -> Iterator[Item | Block | Unparsed]:
    """Yield what a source reads, rows that others may parse as they are stored."""
    pieces = getattr(source, "pieces", None)
    return blocks_of(source) if pieces is None else pieces()


def parsed(pieces: Iterable[Item | Block | Unparsed]) -> Iterator[Item | Block]:
    """Parse the rows that are not parsed yet."""
    for piece in pieces:
        if isinstance(piece, Unparsed):
            yield from piece.items()
        else:
            yield piece


def each(items: Iterable[Item | Block]) -> Iterator[Item]:
    """Yield the rows of blocks one by one."""
    for item in items:
        if isinstance(item, Block):
            yield from item.records()
        else:
            yield item


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

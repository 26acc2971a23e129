"""Parquet, Arrow IPC (file and stream) and Feather. Place: "part-3.parquet row 7".

Rows are counted from 0 across the file, as `table.slice(7, 1)` does. Reading goes by batches: memory holds
one, 4,096 rows of a Parquet file, or what the writer made one record batch of an IPC file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from vecindex.errors import SourceError, VecindexError
from vecindex.sources.base import Record, excerpt
from vecindex.sources.files import InputFile
from vecindex.types import Rejected

BATCH_ROWS = 4096


@dataclass(frozen=True, slots=True)
class _BadValue:
    """Stands for a value that has no Python form (broken UTF-8, a date beyond year 9999)."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Columnar:
    """What the two formats share: batches in, rows out."""

    file: InputFile
    vector_field: str | None = None

    @property
    def name(self) -> str:
        return self.file.name

    def read(self) -> Iterator[Record | Rejected]:
        """Yield one item per row.

        A column named `vector_field` (lists of numbers, of one length or not) is given as numpy rows.
        Raises SourceError when the file is not of the format, is cut or damaged, or has no such vectors.
        """
        import pyarrow as pa

        done = 0
        with ExitStack() as stack:
            try:
                for batch in self._batches(stack):
                    if not done:
                        self._check(batch.schema)
                    for begin in range(0, batch.num_rows, BATCH_ROWS):
                        piece = batch.slice(begin, BATCH_ROWS)
                        yield from self._rows(piece, done)
                        done += piece.num_rows
            except (pa.ArrowException, OSError, EOFError) as error:
                raise self._unreadable(error, done) from error

    def count_hint(self) -> int | None:
        return None

    def _batches(self, stack: ExitStack) -> Iterator[Any]:
        raise NotImplementedError

    def _unreadable(self, error: Exception, done: int) -> SourceError:
        detail = " ".join(str(error).split())[:300]
        return SourceError(
            f"{self.name} row {done}: cannot be read as {self._format()}: {detail}",
            "Check that the file is whole (copy or download it again), or name its format with --format.",
        )

    def _format(self) -> str:
        raise NotImplementedError

    def _check(self, schema: Any) -> None:
        names = list(schema.names)
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice or not names:
            found = f"column names used twice: {', '.join(twice)}" if twice else "no columns"
            raise SourceError(f"{self.name}: found {found}", "Write the file again with named columns.")
        if self.vector_field in names:
            _check_vector_type(self.name, self.vector_field, schema.field(self.vector_field).type)

    def _rows(self, batch: Any, first: int) -> Iterator[Record | Rejected]:
        names = batch.schema.names
        columns, faulty = [], False
        for name, column in zip(names, batch.columns, strict=True):
            values, has_bad = _vectors(column) if name == self.vector_field else _values(column)
            columns.append(values)
            faulty = faulty or has_bad
        prefix = f"{self.name} row "
        for row, cells in enumerate(zip(*columns, strict=True), first):
            fields = dict(zip(names, cells, strict=True))
            if faulty and (bad := [n for n, value in fields.items() if isinstance(value, _BadValue)]):
                reason = "; ".join(f"column {n!r}: {fields[n].reason}" for n in bad)
                rest = {n: value for n, value in fields.items() if n not in bad and n != self.vector_field}
                yield Rejected(f"{prefix}{row}", reason, excerpt=excerpt(rest))
            else:
                yield Record(f"{prefix}{row}", fields)


@dataclass(frozen=True, slots=True)
class ParquetSource(_Columnar):
    """A Parquet file."""

    def count_hint(self) -> int | None:
        """Return the exact number of rows, from the footer; None where it would take more than reading that."""
        import pyarrow as pa

        if self.file.stream is not None or self.file.compression:
            return None
        with ExitStack() as stack:
            try:
                return int(self._open(stack).metadata.num_rows)
            except (pa.ArrowException, OSError, VecindexError):
                return None

    def _open(self, stack: ExitStack) -> Any:
        import pyarrow.parquet as pq

        path = self.file.local_path
        opened = stack.enter_context(self.file.open_seekable()) if path is None else str(path)
        # Without a buffer size, a row group's columns would be read whole, however large.
        return stack.enter_context(pq.ParquetFile(opened, buffer_size=1 << 20, pre_buffer=False))

    def _batches(self, stack: ExitStack) -> Iterator[Any]:
        parquet = self._open(stack)
        self._check(parquet.schema_arrow)
        batches: Iterator[Any] = parquet.iter_batches(batch_size=BATCH_ROWS)
        return batches

    def _format(self) -> str:
        return "Parquet"


@dataclass(frozen=True, slots=True)
class ArrowSource(_Columnar):
    """An Arrow IPC file (which Feather version 2 is) or IPC stream, told apart by the first bytes."""

    def count_hint(self) -> int | None:
        """Return how many rows a local IPC file has, if all of its batches but the last are of one size."""
        import pyarrow as pa

        path = self.file.local_path
        try:
            if path is None or not path.is_file():
                return None
            with pa.memory_map(str(path), "r") as mapped:
                return _rows_by_batches(mapped)
        except (pa.ArrowException, OSError):
            return None

    def _batches(self, stack: ExitStack) -> Iterator[Any]:
        import pyarrow as pa

        with self.file.open() as stream:
            magic = stream.peek(6)[:6]
            if magic.startswith(b"FEA1"):
                raise SourceError(
                    f"{self.name}: found Feather version 1, expected version 2 (Arrow IPC)",
                    "Write it again with a current pandas: pandas.read_feather(old).to_feather(new).",
                )
            if magic != b"ARROW1":
                reader = stack.enter_context(pa.ipc.open_stream(stream))
                self._check(reader.schema)
                yield from reader
                return
            if self.file.stream is not None:
                # What was peeked at is lost to a second opening, so the copy is made from this one.
                raise SourceError(
                    f"{self.name}: found an Arrow IPC file, which needs random access",
                    "Name the file itself, or write an IPC stream (pyarrow.ipc.new_stream) to the pipe.",
                )
        path = self.file.local_path
        opened = stack.enter_context(self.file.open_seekable() if path is None else pa.memory_map(str(path), "r"))
        reader = stack.enter_context(pa.ipc.open_file(opened))
        self._check(reader.schema)
        for i in range(reader.num_record_batches):
            yield reader.get_batch(i)

    def _format(self) -> str:
        return "Arrow IPC"


def _rows_by_batches(mapped: Any) -> int | None:
    """Return the rows of a mapped IPC file, from its first and its last batch; None for a stream."""
    import pyarrow as pa

    if mapped.read_at(6, 0) != b"ARROW1":
        return None
    with pa.ipc.open_file(mapped) as reader:
        schema, n = reader.schema, reader.num_record_batches
    if not n or not len(schema):
        return 0
    # Batches may be compressed, and a batch is unpacked whole but for the fields that are left out.
    options = pa.ipc.IpcReadOptions(included_fields=[_narrowest(schema)])
    with pa.ipc.open_file(mapped, options=options) as reader:
        first, last = reader.get_batch(0).num_rows, reader.get_batch(n - 1).num_rows
    return int(first * (n - 1) + last)


def _narrowest(schema: Any) -> int:
    """Return the index of the field that takes the least to read, as far as the types tell."""

    def bits(i: int) -> float:
        try:
            return float(schema.field(i).type.bit_width)
        except ValueError:  # text, lists and others of no fixed width
            return math.inf

    return min(range(len(schema)), key=bits)


def _check_vector_type(name: str, field: str | None, kind: Any) -> None:
    import pyarrow as pa

    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise SourceError(
            f"{name}: column {field!r}: found type {kind}, expected lists of numbers",
            "Name another column with --vector-field, or leave the option out to embed the text.",
        )


def _vectors(column: Any) -> tuple[list[Any], bool]:
    """Return a list column as numpy rows (views; None for a null row), without making Python numbers."""
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    # flatten leaves null rows out, as the zero lengths do; a null inside a row becomes NaN.
    flat = column.flatten().to_numpy(zero_copy_only=False)
    bounds = pairwise(accumulate(lengths.tolist(), initial=0))
    present = np.asarray(column.is_valid())
    return [flat[a:b] if valid else None for (a, b), valid in zip(bounds, present, strict=True)], False


def _values(column: Any) -> tuple[list[Any], bool]:
    """Return a column's Python values, and whether any is a _BadValue."""
    import pyarrow as pa

    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        # Python's datetime ends at microseconds.
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            # Several times faster than to_pylist.
            return column.to_numpy(zero_copy_only=False).tolist(), False
        return column.to_pylist(), False
    except (pa.ArrowException, ValueError, OverflowError):
        return [_value(item) for item in column], True


def _value(item: Any) -> Any:
    import pyarrow as pa

    try:
        return item.as_py()
    except (pa.ArrowException, ValueError, OverflowError) as error:
        return _BadValue(f"{type(error).__name__}: {error}"[:200])

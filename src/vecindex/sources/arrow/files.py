"""Parquet, Arrow IPC (file and stream) and Feather. Location: "part-3.parquet row 7", see `rows`.

Reading goes by batches: memory holds one, 4,096 rows of a Parquet file, or what the writer made one record batch of
an IPC file.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Set
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, ClassVar

from vecindex.errors import SourceError, VecindexError
from vecindex.sources.arrow.rows import BATCH_ROWS, check_schema, pieces, records
from vecindex.sources.base import Block, Item, Unparsed, each, parsed
from vecindex.sources.files import InputFile
from vecindex.sources.formats import SourceFormat
from vecindex.sources.sampling import halving


@dataclass(frozen=True, slots=True)
class _ArrowFile:
    """What the two formats share: batches in, rows out."""

    kind: ClassVar[str]
    file: InputFile
    vector_field: str | None = None
    skipped: Set[str] = frozenset()

    @property
    def name(self) -> str:
        return self.file.name

    @property
    def once(self) -> bool:
        """Whether it can be read one time only."""
        return self.file.stream is not None

    @property
    def is_whole(self) -> bool:
        """Whether all rows are there: nobody is still writing them."""
        return self.file.is_whole

    def read(self) -> Iterator[Item]:
        """Yield one item per row.

        A column named `vector_field` (lists of numbers, of one length or not) is given as numpy rows.
        Raises SourceError when the file is not of the format, is truncated or damaged, or has no such vectors.
        """
        yield from each(self.blocks())

    def blocks(self) -> Iterator[Item | Block]:
        """Yield the rows as `read` does, in blocks where all are sound."""
        return parsed(self.pieces())

    def pieces(self) -> Iterator[Unparsed]:
        """Yield the rows as `blocks` does, those of a record batch unparsed."""
        if self.file.stream is None:
            with self.file.open():  # pyarrow's own messages for a missing file, or a folder, are long
                pass
        with ExitStack() as stack:
            batches = self._batches(stack)
            yield from pieces(self.name, batches, self.vector_field, self._unreadable, skipped=self.skipped)

    def spread(self, n: int, rows: int) -> Iterator[Item]:
        """Yield so many rows from each of `n` positions, which are even over the file; for one whose rows are known.

        The positions come in an order in which the first few are spread over the file, too.
        """
        with ExitStack() as stack:
            batches = self._batches_at(stack, n, rows)
            yield from records(self.name, batches, self.vector_field, self._unreadable, skipped=self.skipped)

    def _batches(self, stack: ExitStack) -> Iterator[Any]:
        raise NotImplementedError

    def _batches_at(self, stack: ExitStack, n: int, rows: int) -> Iterator[Any]:
        raise NotImplementedError

    def _unreadable(self, error: Exception, done: int) -> SourceError:
        detail = " ".join(str(error).split())[:300]
        return SourceError(
            f"{self.name} row {done}: cannot be read as {self.kind}: {detail}",
            "Check that the file is whole (copy or download it again), and that it is what its extension says.",
        )


@dataclass(frozen=True, slots=True)
class ParquetSource(_ArrowFile):
    """A Parquet file."""

    kind = "Parquet"

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
        check_schema(self.name, parquet.schema_arrow, self.vector_field)
        yield from parquet.iter_batches(batch_size=BATCH_ROWS)

    def _batches_at(self, stack: ExitStack, n: int, rows: int) -> Iterator[Any]:
        parquet = self._open(stack)
        check_schema(self.name, parquet.schema_arrow, self.vector_field)
        metadata = parquet.metadata
        positions = [i * metadata.num_rows // n for i in range(n)]
        groups, end = list[tuple[int, list[int]]](), 0
        for group in range(metadata.num_row_groups):
            begin, end = end, end + metadata.row_group(group).num_rows
            if inside := [position - begin for position in positions if begin <= position < end]:
                groups.append((group, inside))
        for i in halving(len(groups)):
            group, inside = groups[i]
            done = 0
            for batch in parquet.iter_batches(batch_size=BATCH_ROWS, row_groups=[group]):
                for at in inside:
                    if done <= at < done + batch.num_rows:
                        yield batch.slice(at - done, rows)
                done += batch.num_rows
                if done > inside[-1]:
                    break


@dataclass(frozen=True, slots=True)
class ArrowSource(_ArrowFile):
    """An Arrow IPC file (which Feather version 2 is) or IPC stream, recognized apart by the first bytes."""

    kind = "Arrow IPC"

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
                check_schema(self.name, reader.schema, self.vector_field)
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
        check_schema(self.name, reader.schema, self.vector_field)
        for i in range(reader.num_record_batches):
            yield reader.get_batch(i)

    def _batches_at(self, stack: ExitStack, n: int, rows: int) -> Iterator[Any]:
        import pyarrow as pa

        reader = stack.enter_context(pa.ipc.open_file(stack.enter_context(pa.memory_map(str(self.file.local_path)))))
        check_schema(self.name, reader.schema, self.vector_field)
        n_batches = reader.num_record_batches
        for i in halving(n):
            number, part = divmod(i * n_batches, n)
            batch = reader.get_batch(number)
            # Of a large batch several positions are taken, part / n through it.
            yield batch.slice(part * batch.num_rows // n, rows)


PARQUET = SourceFormat(
    (".parquet", ".pq"), lambda file, options: ParquetSource(file, options.vector_field, options.skipped)
)
ARROW = SourceFormat(
    (".arrow", ".feather", ".ipc"), lambda file, options: ArrowSource(file, options.vector_field, options.skipped)
)


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
    """Return the index of the field that takes the least to read, as far as the types say."""

    def bits(i: int) -> float:
        try:
            return float(schema.field(i).type.bit_width)
        except ValueError:  # text, lists and others of no fixed width
            return math.inf

    return min(range(len(schema)), key=bits)

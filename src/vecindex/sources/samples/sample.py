"""Samples of sources: all rows of small ones, some of the rows of large ones.

| Source | Rows of the sample |
|---|---|
| lines, CSV, JSON arrays, dumps | those of ranges of bytes, spread over the file |
| the same, compressed | likewise, over what is unpacked in the time that there is |
| Parquet, Arrow IPC files | those at positions spread over the file |
| a folder of texts | every so manieth file |
| all others | the first ones, as far as the time goes |

Of many files those are read in which every so manieth byte of all of them lies.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from itertools import islice

from vecindex.sources.arrow.files import ArrowSource, ParquetSource
from vecindex.sources.base import Item, Source
from vecindex.sources.files import InputFile
from vecindex.sources.formats import FileSource
from vecindex.sources.open import PartitionedSource
from vecindex.sources.samples.stretches import RANGE_BYTES, excerpt
from vecindex.sources.texts.files import TextSource

WHOLE_BYTES = 16 << 20
"""Unpacked, of all sources together; smaller ones are read whole."""
WHOLE_ROWS = 20_000
RANGES = 128
"""Ranges of bytes, or positions, of all sources together."""
_ROWS_EACH = 64
_TEXTS = 2_000
SECONDS = 2.0
"""For all sources together, where the time decides how much is read."""
# Texts, and columns of text, are stored in about a quarter of their length.
_PACKED = 4
_FILES = 64


@dataclass(slots=True)
class Sample:
    """A source of which some rows are read.

    Attributes
    ----------
    source : the whole of it.
    rows : yields the rows of the sample.
    scale : how many rows of the source stand behind each one; None where `total` says it, or nothing does.
    total : about how many rows the source has.
    spread : whether the rows are from its whole length; else they are the first ones.
    seconds : for how long rows are read.
    share : the part of all sources that is read, by their bytes; the others are taken to be like this one.
    n_read : rows read so far.
    ended : whether `rows` came to its end.
    """

    source: Source
    rows: Callable[[], Iterator[Item]]
    scale: float | None = None
    total: int | None = None
    spread: bool = True
    seconds: float | None = None
    share: float = 1.0
    n_read: int = 0
    ended: bool = False

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def once(self) -> bool:
        """Whether it can be read one time only."""
        return getattr(self.source, "once", False)

    def count_hint(self) -> int | None:
        return self.total

    def read(self) -> Iterator[Item]:
        """Yield the rows of the sample. Raises SourceError as the source does."""
        until = None if self.seconds is None else time.perf_counter() + self.seconds
        self.n_read, self.ended = 0, False
        for row in self.rows():
            self.n_read += 1
            yield row
            if until is not None and time.perf_counter() > until:
                return
        self.ended = True

    @property
    def is_whole(self) -> bool:
        """Whether every row was read."""
        return self.ended and self.weight == 1 and (self.scale == 1 or not self.spread)

    @property
    def weight(self) -> float | None:
        """How many rows stand behind each one that was read, those of sources that are not read included.

        None where nothing says how many there are.
        """
        if self.scale is not None:
            return self.scale / self.share
        if self.ended and not self.spread:
            return 1 / self.share
        if self.total is not None:
            return max(1.0, self.total / max(1, self.n_read)) / self.share
        return None


def samples(sources: Sequence[Source], n_rows: int | None) -> list[Source]:
    """Return samples of sources, which have about `n_rows` where that is known; all of the rows where these are few.

    Raises SourceError when a source cannot be opened.
    """
    sizes = [_bytes_of(source) for source in sources]
    known = [size for size in sizes if size is not None]
    total, n_unknown = sum(known), len(sizes) - len(known)
    if n_rows is not None and n_rows <= WHOLE_ROWS and total <= WHOLE_BYTES:
        return [whole(source) for source in sources]
    if total <= WHOLE_BYTES and n_rows is None:
        # What is no file has no size: a stream, or data in memory.
        return [
            whole(source) if size is not None else _sample(source, RANGES, SECONDS / n_unknown)
            for source, size in zip(sources, sizes, strict=True)
        ]
    chosen = _chosen(known)
    share = sum(known[i] for i in chosen) / max(1, total)
    seconds = SECONDS / (len(chosen) + n_unknown)
    made, number = list[Source](), -1
    for source, size in zip(sources, sizes, strict=True):
        number += size is not None
        if size is None:
            made.append(_sample(source, RANGES, seconds))
        elif number in chosen:
            made.append(sample := _sample(source, max(2, round(RANGES * size / (total * share))), seconds))
            if (inner := sample_of(sample)) is not None:
                inner.share = share
    return made


def sample_of(source: Source) -> Sample | None:
    """Return the sample that a source is, perhaps with fields of its folders; None for another source."""
    inner = _inside(source)
    return inner if isinstance(inner, Sample) else None


def whole(source: Source) -> Sample:
    """Return all rows of a source as a sample."""
    return Sample(source, source.read, scale=1)


def _inside(source: Source) -> Source:
    return _inside(source.source) if isinstance(source, PartitionedSource) else source


def _file_of(source: Source) -> InputFile | None:
    source = _inside(source)
    return source.file if isinstance(source, FileSource | ParquetSource | ArrowSource) else None


def _bytes_of(source: Source) -> int | None:
    """Return about how many bytes a file has, unpacked; None for what is no file."""
    file = _file_of(source)
    size = file.size_bytes() if file is not None else None
    if file is None or size is None:
        return None
    return size * _PACKED if file.compression or isinstance(_inside(source), ParquetSource) else size


def _chosen(sizes: Sequence[int]) -> set[int]:
    """Return the numbers of the files that are read: those with the first byte of each of 64 equal parts of all."""
    if len(sizes) <= _FILES:
        return set(range(len(sizes)))
    total, chosen, end, part = sum(sizes), set[int](), 0, 0
    for i, size in enumerate(sizes):
        end += size
        while part * total < end * _FILES:
            chosen.add(i)
            part += 1
    return chosen


def _sample(source: Source, n: int, seconds: float) -> Source:
    """Return a sample of a source: of about `n` ranges, or of what is read in so many seconds."""
    if isinstance(source, PartitionedSource):
        return PartitionedSource(_sample(source.source, n, seconds), source.partition)
    if isinstance(source, ParquetSource | ArrowSource):
        rows = source.count_hint()
        if rows is None:
            return _beginning(source, seconds)
        n = min(n, max(1, rows // _ROWS_EACH))
        return Sample(source, lambda: source.spread(n, _ROWS_EACH), total=rows, seconds=seconds)
    if isinstance(source, TextSource) and (count := source.count_hint()) is not None and count > _TEXTS:
        step = -(-count // _TEXTS)
        some = replace(source, files=lambda: islice(source.files(), 0, None, step))
        return Sample(source, some.read, total=count, seconds=seconds)
    if (
        isinstance(source, FileSource)
        and source.starts is not None
        and (size := source.file.size_bytes()) is not None
    ):
        n_ranges = n if source.file.compression else max(1, min(n, size // RANGE_BYTES))
        made = excerpt(source.file, source.starts, n_ranges, seconds)
        if made is not None:
            return Sample(source, partial(_read_excerpt, source, made.data), made.scale, spread=made.spread)
    return _beginning(source, seconds)


def _read_excerpt(source: FileSource, data: bytes) -> Iterator[Item]:
    return replace(source, file=replace(source.file, stream=iter([BytesIO(data)]))).read()


def _beginning(source: Source, seconds: float) -> Sample:
    return Sample(source, source.read, total=source.count_hint(), spread=False, seconds=seconds)

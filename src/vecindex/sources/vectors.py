"""Precomputed embeddings in a `.npy` file next to the records.

The file holds an (n, d) array of float16, float32, float64 or int8; it is mapped, not loaded. Vector i (from
0) belongs to row i of the input, rejected rows included and those that are no articles left aside, so that the two
files stay aligned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vecindex.errors import SourceError
from vecindex.messages import counted, option, text
from vecindex.sources.arrow.files import ParquetSource
from vecindex.sources.base import Block, Item, LeftOut, Record, Source, blocks_of, each

_DTYPES = ("float16", "float32", "float64", "int8")


@dataclass(frozen=True, slots=True)
class NpyVectors:
    """A source whose records get their vectors from a .npy file, under the name `field`."""

    source: Source
    npy_path: Path
    field: str = "vector"

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def once(self) -> bool:
        """Whether it can be read one time only."""
        return bool(getattr(self.source, "once", False))

    @property
    def is_whole(self) -> bool:
        """Whether all rows are there: nobody is still writing them."""
        return bool(getattr(self.source, "is_whole", False))

    def count_hint(self) -> int | None:
        return self.source.count_hint()

    def read(self) -> Iterator[Item]:
        """Yield the source's items with vectors added.

        Raises SourceError when the file is no such array, when there are fewer or more vectors than rows
        (before the first row where the source knows its length), or when a record has the field already.
        """
        yield from each(self.blocks())

    def blocks(self) -> Iterator[Item | Block]:
        """Yield the source's items as `read` does, in blocks where it has them."""
        vectors = open_vectors(self.npy_path)
        n = len(vectors)
        # Of all sources, only Parquet knows its exact length.
        rows = self.source.count_hint() if isinstance(self.source, ParquetSource) else None
        if rows not in (None, n):
            raise self._mismatch(n, f"{counted(rows, 'row')}")
        done = 0
        for item in blocks_of(self.source):
            if isinstance(item, Block):
                if done + item.rows <= n and self.field not in item.columns:
                    yield item.having({self.field: vectors[done : done + item.rows]}, {})
                    done += item.rows
                    continue
                # One of its rows is at fault.
                left: Iterable[Item] = item.records()
            else:
                left = (item,)
            for one in left:
                if isinstance(one, LeftOut):
                    yield one
                    continue
                if done == n:
                    raise self._mismatch(n, f"at least {counted(done + 1, 'row')} (the next is {one.location})")
                yield self._with_vector(one, vectors[done]) if isinstance(one, Record) else one
                done += 1
        if done < n:
            raise self._mismatch(n, f"{counted(done, 'row')}")

    def _with_vector(self, record: Record, vector: Any) -> Record:
        if self.field in record.fields:
            raise SourceError(
                f"{record.location}: has a field {self.field!r} already, and vectors come from {self.npy_path}",
                text(
                    "Give ",
                    option("vector_field", self.field),
                    " in place of ",
                    option("vectors"),
                    ", or name that field otherwise.",
                ),
            )
        return Record(record.location, {**record.fields, self.field: vector})

    def _mismatch(self, n: int, rows: str) -> SourceError:
        return SourceError(
            f"found {counted(n, 'vector')} in {self.npy_path}, but {rows} in {self.name}",
            "Each input row needs its vector, in the same order: are both files of the same corpus?",
        )


def open_vectors(path: Path) -> np.ndarray[Any, Any]:
    """Map an (n, d) array of numbers. Raises SourceError when the file holds anything else."""
    hint = "Write it with numpy.save(path, vectors): shape (rows, dimensions), " + ", ".join(_DTYPES) + "."
    try:
        vectors = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError as error:
        raise SourceError(
            f"{path}: no such file", text("Check the path given with ", option("vectors"), ".")
        ) from error
    except (OSError, ValueError, EOFError) as error:
        raise SourceError(f"{path}: cannot be read as a .npy array: {error}", hint) from error
    if not isinstance(vectors, np.ndarray):
        vectors.close()
        raise SourceError(f"{path}: found an .npz archive, expected a .npy array", hint)
    if vectors.ndim != 2 or vectors.dtype.name not in _DTYPES:
        found = f"shape {vectors.shape} of {vectors.dtype.name}"
        raise SourceError(f"{path}: found {found}, expected (rows, dimensions) of {', '.join(_DTYPES)}", hint)
    # A plain array over the mapping: rows of numpy.memmap cost several times more to make.
    return vectors.view(np.ndarray)

"""Columns of text that are longer than Arrow's plain kind of text can be: 2 GB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

# Offsets of a plain text column have 32 bits.
_MOST_BYTES = 2**31 - 1


def joined(parts: Sequence[pa.Array]) -> pa.Array:
    """Return arrays of text as one, of large texts (64-bit offsets) where the plain kind cannot hold them.

    >>> import pyarrow as pa
    >>> joined([pa.array(["a"]), pa.array(["b", None])]).to_pylist()
    ['a', 'b', None]
    """
    import pyarrow as pa

    if not parts:
        return pa.array([], pa.string())
    if sum(part.nbytes for part in parts) > _MOST_BYTES:
        parts = [part.cast(pa.large_string()) for part in parts]
    return pa.concat_arrays(parts)


def plain_chunks(texts: pa.Array) -> pa.ChunkedArray:
    """Return texts as a column of the plain kind, in as many pieces as it takes."""
    import pyarrow as pa

    if not pa.types.is_large_string(texts.type):
        return pa.chunked_array([texts])
    pieces = max(1, -(-texts.nbytes // (_MOST_BYTES // 2)))
    # A piece may hold longer texts than others do; half of the most leaves room.
    rows = max(1, -(-len(texts) // pieces))
    return pa.chunked_array(
        [texts.slice(at, rows).cast(pa.string()) for at in range(0, len(texts), rows)], type=pa.string()
    )


def of_one_kind(texts: pa.Array, others: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Return two arrays of text as ones of the same type: plain where both are."""
    import pyarrow as pa

    if texts.type == others.type:
        return texts, others
    return texts.cast(pa.large_string()), others.cast(pa.large_string())

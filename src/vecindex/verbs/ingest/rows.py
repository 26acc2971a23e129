"""Planned articles and their vectors become the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vecindex.core.identity import vector_hashes
from vecindex.core.vectors import F32, normalize, usable
from vecindex.messages import counted
from vecindex.schema import fits
from vecindex.types import Rejected
from vecindex.verbs.ingest.plan import Planned, rejected
from vecindex.verbs.ingest.user_columns import UserColumns

if TYPE_CHECKING:
    import pyarrow as pa

    from vecindex.sources.articles import Article


@dataclass(slots=True)
class Piece:
    """One row to be: an article, or the chunk of one."""

    planned: Planned
    chunk: int
    vector: F32 | None = None
    n_tokens: int | None = None
    truncated: bool | None = None
    unknown_frac: float | None = None


def misfits(articles: Sequence[Article], columns: UserColumns, dimension: int) -> list[Rejected | None]:
    """Return for each article why its own fields or its own vector do not fit the table, None where they do."""
    wrong = [_wrong_field(article, columns) for article in articles]
    fitting = [i for i, article in enumerate(articles) if article.vector is not None and wrong[i] is None]
    for i in fitting:
        if len(vector := given_vector(articles[i])) != dimension:
            reason = f"wrong vector: {counted(len(vector), 'value')}, the table has {dimension}"
            wrong[i] = rejected(articles[i], reason)
    fitting = [i for i in fitting if wrong[i] is None]
    if fitting:
        good = usable(normalize(np.stack([given_vector(articles[i]) for i in fitting])))
        for at in np.flatnonzero(~good):
            article = articles[fitting[at]]
            wrong[fitting[at]] = rejected(article, "wrong vector: too short to have a direction")
    return wrong


def given_vector(article: Article) -> F32:
    """Return the vector that an article came with, (d,)."""
    assert article.vector is not None, "all articles of the run come with vectors"
    return article.vector


def _wrong_field(article: Article, columns: UserColumns) -> Rejected | None:
    for name, value in article.extra.items():
        column = columns.of(name)
        if not fits(value, column)[0]:
            reason = f"wrong type: field {name!r} is {column.type} in the table, found {value!r:.80}"
            return rejected(article, reason)
    return None


def chunk_id(article_id: str, chunk: int) -> str:
    """Return the id of a chunk's row.

    >>> chunk_id("wiki-12", 3)
    'wiki-12#3'
    """
    return f"{article_id}#{chunk}"


def to_arrow(pieces: Sequence[Piece], columns: UserColumns, schema: pa.Schema, txn: int) -> pa.Table:
    """Return the pieces as a table of the given schema; every piece has its vector, every field its column."""
    import pyarrow as pa

    chunked = "article_id" in schema.names
    articles = [piece.planned.article for piece in pieces]
    extras = [{columns.of(k).name: v for k, v in article.extra.items()} for article in articles]
    values: dict[str, Any] = {
        "id": [chunk_id(a.id, p.chunk) if chunked else a.id for a, p in zip(articles, pieces, strict=True)],
        "content_hash": [piece.planned.hash for piece in pieces],
        "title": [article.title for article in articles],
        "text": [piece.planned.texts[piece.chunk] for piece in pieces],
        "article_id": [article.id for article in articles],
        "chunk": [piece.chunk for piece in pieces],
        "n_tokens": [piece.n_tokens for piece in pieces],
        "truncated": [piece.truncated for piece in pieces],
        "unknown_frac": [piece.unknown_frac for piece in pieces],
        "txn": [txn] * len(pieces),
        "ingested_at": [datetime.now(UTC)] * len(pieces),
    }
    number = schema.field("vector").type.value_type
    vectors = np.array([piece.vector for piece in pieces], dtype=np.dtype(f"f{number.bit_width // 8}"))
    if "vector_hash" in schema.names:
        values["vector_hash"] = vector_hashes(vectors.astype(np.float32))
    arrays = []
    for field in schema:
        if field.name == "vector":
            flat = pa.Array.from_buffers(number, vectors.size, [None, pa.py_buffer(vectors)])
            column: Any = pa.FixedSizeListArray.from_arrays(flat, type=field.type)
        elif field.name in values:
            column = _array(values[field.name], field.type)
        else:
            column = _array([fits(extra.get(field.name), field)[1] for extra in extras], field.type)
        arrays.append(column)
    return pa.Table.from_arrays(arrays, schema=schema)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """Return values, None for missing ones, as an array of a type.

    Of texts, numbers and times it is made here: before its first conversion of a value pyarrow imports pandas, which
    takes as long as all else of a small run.
    """
    import pyarrow as pa

    made = _buffers(values, kind)
    if made is None:
        return pa.array(values, kind)
    is_there = np.fromiter((value is not None for value in values), dtype=bool, count=len(values))
    valid = None if is_there.all() else _bits(is_there)
    return pa.Array.from_buffers(kind, len(values), [valid, *made])


def _buffers(values: Sequence[Any], kind: pa.DataType) -> list[Any] | None:
    """Return what an array of these values consists of, next to which of them are there; None for other types."""
    import pyarrow as pa

    if pa.types.is_string(kind):
        parts = [b"" if value is None else value.encode() for value in values]
        ends = np.cumsum([0, *map(len, parts)])
        return (
            list(map(pa.py_buffer, (ends.astype(np.int32), b"".join(parts))))
            if ends[-1] <= _MOST_TEXT_BYTES
            else None
        )
    if pa.types.is_boolean(kind):
        return [_bits(np.fromiter(map(bool, values), dtype=bool, count=len(values)))]
    if kind == pa.timestamp("us", tz="UTC") and {type(value) for value in values} <= {datetime, type(None)}:
        given = [0 if value is None else (value - _EPOCH) // _MICROSECOND for value in values]
        return [pa.py_buffer(np.array(given, dtype=np.int64))]
    if (number := _NUMBERS.get(str(kind))) is not None:
        with suppress(OverflowError):
            return [pa.py_buffer(np.array([0 if value is None else value for value in values], dtype=number))]
    return None


def _bits(flags: npt.NDArray[np.bool_]) -> Any:
    import pyarrow as pa

    return pa.py_buffer(np.packbits(flags, bitorder="little"))


# Arrow's own limit of an array of texts.
_MOST_TEXT_BYTES = 2**31 - 1
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
_NUMBERS = {"int32": np.int32, "int64": np.int64, "float": np.float32, "double": np.float64}

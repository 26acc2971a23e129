"""Planned articles and their vectors become the rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

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
    number = schema.field("vector").type.value_type.to_pandas_dtype()
    vectors = np.array([piece.vector for piece in pieces], dtype=number)
    if "vector_hash" in schema.names:
        values["vector_hash"] = vector_hashes(vectors.astype(np.float32))
    arrays = []
    for field in schema:
        if field.name == "vector":
            column: Any = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), type=field.type)
        elif field.name in values:
            column = pa.array(values[field.name], field.type)
        else:
            column = pa.array([fits(extra.get(field.name), field)[1] for extra in extras], field.type)
        arrays.append(column)
    return pa.Table.from_arrays(arrays, schema=schema)

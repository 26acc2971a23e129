"""Tables made directly in the store, with vectors of the test's choosing: no model is needed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from vecindex.core.identity import content_hash, vector_hashes
from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32
from vecindex.messages import Message
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import columns_and_positions
from vecindex.types import Chunking, Fingerprint, Silent

DIMENSION = 8
MODEL = "sentence-transformers/all-MiniLM-L6-v2"
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
OTHER_WEIGHTS = "5" * 64
"""Of no model here, so that nobody takes random vectors for the model's and compares them with its own."""


def unit_vectors(n: int, dimension: int = DIMENSION, seed: int = 0) -> F32:
    """Return random unit vectors (n, dimension)."""
    vectors = np.random.default_rng(seed).standard_normal((n, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def map_xy(table: ArticleTable, name: str) -> tuple[list[str], F64]:
    """Return the ids of all rows and their positions (n, 2) on a map, in table order; NaN outside the map."""
    (ids,), positions = columns_and_positions(table, ["id"], [name])
    return ids.to_pylist(), positions[name]


def fingerprint(dimension: int = DIMENSION, **changes: Any) -> Fingerprint:
    """Return a fingerprint as an ingest with MiniLM makes it, changed as told."""
    values: dict[str, Any] = {
        "model": MODEL,
        "weights": WEIGHTS,
        "revision": None,
        "dimension": dimension,
        "pooling": "Pooling(mean)+Normalize",
        "prompt": "",
        "max_tokens": 256,
        "text_template": None,
        "chunking": None,
    }
    return Fingerprint(**{**values, **changes})


def make_table(
    folder: Path,
    *,
    name: str = "articles",
    dimension: int = DIMENSION,
    settings: dict[str, Any] | None = None,
    **changes: Any,
) -> ArticleTable:
    """Return an empty table with the user's columns year (int64), topic (string) and share (double)."""
    extra = [pa.field("year", pa.int64()), pa.field("topic", pa.string()), pa.field("share", pa.float64())]
    table = Database(folder).create_articles(name, fingerprint(dimension, **changes), extra)
    if settings:
        table.set_setting(**settings)
    return table


def append(
    table: ArticleTable, vectors: F32, *, ids: Sequence[str] | None = None, txn: int = 1, **columns: Sequence[Any]
) -> None:
    """Add a row for each vector, as one transaction; a column that is not given is made up.

    In a table of chunks `ids` are those of the articles, and `chunk` numbers the rows.
    """
    n = len(vectors)
    names = list(ids) if ids is not None else [f"a{i:05d}" for i in range(n)]
    values: dict[str, Any] = {
        "title": [f"Title of {i}" for i in names],
        "text": [f"Text of {i}, about nothing." for i in names],
        "year": [1900 + i for i in range(n)],
        "topic": ["odd" if i % 2 else "it's even" for i in range(n)],
        "share": [i / 7 for i in range(n)],
        "n_tokens": [9] * n,
        "truncated": [False] * n,
        "unknown_frac": [0.0] * n,
        "txn": [txn] * n,
        "ingested_at": [dt.datetime.now(dt.UTC)] * n,
        **columns,
    }
    chunks = values.pop("chunk", None)
    if chunks is not None:
        values |= {"article_id": names, "chunk": chunks}
        names = [f"{a}#{c}" for a, c in zip(names, chunks, strict=True)]
    values["id"] = names
    own = ("year", "topic", "share")
    values.setdefault(
        "content_hash",
        [
            content_hash(text, title, text, {f: values[f][i] for f in own if values[f][i] is not None})
            for i, (text, title) in enumerate(zip(values["text"], values["title"], strict=True))
        ],
    )
    schema = table.schema
    kind = schema.field("vector").type
    flat = pa.array(np.ascontiguousarray(vectors, dtype=kind.value_type.to_pandas_dtype()).ravel())
    values["vector"] = pa.FixedSizeListArray.from_arrays(flat, type=kind)
    values.setdefault("vector_hash", vector_hashes(np.asarray(vectors, dtype=np.float32)))
    values |= {f.name: [None] * n for f in schema if (f.metadata or {}).get(b"vecindex:map")}
    arrays = [
        column if isinstance(column := values[field.name], pa.Array) else pa.array(column, field.type)
        for field in schema
    ]
    table.append(pa.Table.from_arrays(arrays, schema=schema))


def filled(folder: Path, n: int = 100, seed: int = 0, **changes: Any) -> tuple[ArticleTable, F32]:
    """Return a table of n articles a00000, a00001, ... and their vectors."""
    vectors = unit_vectors(n, seed=seed)
    table = make_table(folder, **{"weights": OTHER_WEIGHTS, **changes})
    append(table, vectors)
    return table, vectors


def ids_in(folder: Path, name: str = "articles") -> set[str]:
    """Return the ids of all rows, by a connection of its own."""
    return {i for batch in Database(folder).articles(name).scan(["id"]) for i in batch.column(0).to_pylist()}


def chunked_table(folder: Path, counts: Sequence[int], seed: int = 0) -> tuple[ArticleTable, F32, list[str]]:
    """Return a table with articles c000, c001, ... of so many chunks each, its vectors, and each row's article."""
    table = make_table(folder, chunking=Chunking(64, 8), weights=OTHER_WEIGHTS)
    articles = [f"c{i:03d}" for i, n in enumerate(counts) for _ in range(n)]
    vectors = unit_vectors(len(articles), seed=seed)
    append(table, vectors, ids=articles, chunk=[c for n in counts for c in range(n)])
    return table, vectors, articles


class Notices(Silent):
    """An observer that keeps the notices."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, message: Message) -> None:
        """Keep it, spelled for Python."""
        self.lines.append(str(message))

"""Tables with vectors and maps of our own making, and a model that looks its vectors up."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lance
import numpy as np
import pyarrow as pa

from vecindex.core.identity import vector_hashes
from vecindex.core.vectors import normalize
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Fingerprint


def fingerprint(dimension: int, **changes: Any) -> Fingerprint:
    values: dict[str, Any] = {
        "model": "planted",
        "weights": "0" * 64,
        "revision": None,
        "dimension": dimension,
        "pooling": "none",
        "prompt": "",
        "max_tokens": 256,
        "text_template": None,
        "chunking": None,
    }
    return Fingerprint(**{**values, **changes})


def make_table(
    database: Path,
    vectors: np.ndarray,
    ids: Sequence[str] | None = None,
    fields: dict[str, Sequence[str]] | None = None,
    truncated: bool = False,
) -> ArticleTable:
    """Return a table `articles` of these vectors, made in two commits."""
    n, d = vectors.shape
    ids = list(ids) if ids is not None else [f"a{i:05d}" for i in range(n)]
    fields = fields or {}
    extra = [pa.field(name, pa.string()) for name in fields]
    table = Database(database).create_articles("articles", fingerprint(d), extra)
    rows = pa.table(
        {
            "id": ids,
            "content_hash": [f"{i:016x}:{i:016x}" for i in range(n)],
            "title": [f"Title of {i}" for i in ids],
            "text": [f"Text of {i}" for i in ids],
            **{name: list(values) for name, values in fields.items()},
            "n_tokens": pa.array([5] * n, pa.int32()),
            "truncated": [truncated] * n,
            "unknown_frac": pa.array([0.0] * n, pa.float32()),
            "vector": pa.FixedSizeListArray.from_arrays(pa.array(normalize(vectors).ravel()), d),
            "vector_hash": vector_hashes(normalize(vectors)),
            "txn": pa.array([1] * n, pa.int64()),
            "ingested_at": pa.array([dt.datetime.now(dt.UTC)] * n, pa.timestamp("us", tz="UTC")),
        }
    ).cast(table.schema)
    table.append(rows.slice(0, n // 2))
    table.append(rows.slice(n // 2))
    return table


def put_map(
    database: Path, name: str, ids: Sequence[str], xy: np.ndarray, about: dict[str, Any] | None = None
) -> None:
    """Store a map: columns NAME_x and NAME_y whose fields say what they are. NaN is put as null."""
    table = Database(database).articles("articles")
    columns = [f"{name}_x", f"{name}_y"]
    table.add_columns([pa.field(c, pa.float32()) for c in columns])
    told = json.dumps(about or {"method": "planted"})
    for column in columns:
        table.lance.update_field_metadata({"path": column, "metadata": {"vecindex:map": told}})
    values = {c: pa.array(xy[:, i].astype(np.float32), from_pandas=True) for i, c in enumerate(columns)}
    data = lance.dataset(str(database / "articles.lance"))
    data.merge_insert("id").when_matched_update_all().write_mode("rewrite_columns").execute(
        pa.table({"id": list(ids), **values})
    )


class KnownModel:
    """Stands in for the model: gives each text its planted vector, and counts how often it was asked."""

    def __init__(self, vectors: dict[str, np.ndarray], prompt: str | None = "") -> None:
        self.known = vectors
        self.asked: list[str] = []
        self.prompt = prompt

    def query_prompt(self, stored: Fingerprint, options: Any) -> str | None:
        return self.prompt if options.get("prompt") is None else options["prompt"]

    def embed(self, texts: Sequence[str], *_: Any) -> np.ndarray:
        self.asked += texts
        return normalize(np.stack([self.known[text] for text in texts]))

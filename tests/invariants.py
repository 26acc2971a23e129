"""What must hold of a table after anything that may have happened to it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import lancedb
import numpy as np

from vecindex.core.identity import content_hash, vector_hashes


def read(database: Path, table: str = "articles") -> list[dict[str, Any]]:
    """Return all rows, by LanceDB alone."""
    return lancedb.connect(database).open_table(table).search().limit(10_000_000).to_list()


def check(
    database: Path, table: str = "articles", *, dimension: int = 384, precomputed: bool = False
) -> list[dict[str, Any]]:
    """Assert the invariants of an unchunked table without template or own fields renamed; return its rows."""
    rows = read(database, table)
    own = {
        "id",
        "content_hash",
        "title",
        "text",
        "n_tokens",
        "truncated",
        "unknown_frac",
        "vector",
        "vector_hash",
        "txn",
        "ingested_at",
    }
    ids = [row["id"] for row in rows]
    assert len(ids) == len(set(ids)), "ids are unique"
    for row in rows:
        vector = np.asarray(row["vector"], dtype=np.float64)
        assert vector.shape == (dimension,)
        assert np.isfinite(vector).all()
        assert math.isclose(float(vector @ vector), 1.0, abs_tol=1e-4)
        assert row["vector_hash"] == vector_hashes(np.array([row["vector"]], dtype=np.float32))[0]
        assert row["txn"] >= 1
        if not precomputed:
            extra = {key: value for key, value in row.items() if key not in own and value is not None}
            assert row["content_hash"] == content_hash(row["text"], row["title"], row["text"], extra)
            assert row["n_tokens"] > 0
            assert row["truncated"] == (row["n_tokens"] > 256)
            assert 0 <= row.get("unknown_frac", 0) < 1
    return rows

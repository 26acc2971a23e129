"""The rows of a table under examination, batch by batch, in about 30 bytes of memory a row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vecindex.core.identity import id_digest
from vecindex.core.vectors import F32
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.verbs.upkeep.rehash import Rehash

if TYPE_CHECKING:
    import pyarrow as pa

UNIT_TOLERANCE = 1e-3
_HASH = re.compile(r"[0-9a-f]{16}:[0-9a-f]{16}")


class Examiner:
    """Takes all rows of a table and says which are not as they should be.

    Attributes
    ----------
    bad_vectors : ids by what is wrong with the vector: null, not finite, zero, not of unit length.
    bad_hashes, no_txn, no_id : ids (or how many rows have none).
    articles_of : the article of each row with a bad vector.
    """

    def __init__(self, table: ArticleTable) -> None:
        """Take the table; its rows come by `examine`."""
        stored = table.fingerprint
        self.rows = 0
        self.chunked = stored.chunking is not None
        self.bad_vectors: dict[str, list[str]] = defaultdict(list)
        self.bad_hashes: list[str] = []
        self.no_txn: list[str] = []
        self.no_id = 0
        self.articles_of: dict[str, str] = {}
        self.rehash = Rehash.of(stored, table.extra_columns)
        self._table = table
        self._dimension = stored.dimension
        self._ids: list[npt.NDArray[np.uint64]] = []
        self._articles: list[npt.NDArray[np.uint64]] = []
        self._chunks: list[npt.NDArray[np.int32]] = []

    def examine(self, batch: pa.RecordBatch) -> None:
        """Take some rows, with all columns."""
        self.rows += len(batch)
        rows = batch.drop_columns(["vector"]).to_pylist()
        ids = [row["id"] or "" for row in rows]
        self.no_id += sum(not i for i in ids)
        self._ids.append(_digests(ids))
        self._examine_vectors(batch, rows)
        for row in rows:
            if not _HASH.fullmatch(row["content_hash"] or ""):
                self.bad_hashes.append(row["id"])
            if row["txn"] is None or row["ingested_at"] is None:
                self.no_txn.append(row["id"])
        if self.chunked:
            self._articles.append(_digests([row["article_id"] or "" for row in rows]))
            self._chunks.append(np.array([row["chunk"] for row in rows], dtype=np.int32))
        self.rehash.compare(rows)

    def _examine_vectors(self, batch: pa.RecordBatch, rows: list[dict[str, Any]]) -> None:
        column = batch.column("vector")
        there = np.asarray(column.is_valid())
        kinds = np.full(len(batch), "", dtype="U20")
        kinds[~there] = "null"
        kinds[there] = _faults(as_matrix(column.drop_null(), self._dimension))
        for i in np.flatnonzero(kinds != ""):
            row = rows[i]
            self.bad_vectors[str(kinds[i])].append(row["id"])
            self.articles_of[row["id"]] = row["article_id"] if self.chunked else row["id"]

    def duplicate_ids(self) -> list[str]:
        """Return the ids that more than one row has, in order."""
        found = _repeated(np.concatenate(self._ids)) if self._ids else set()
        seen: dict[str, int] = defaultdict(int)
        if found:
            for ids in self._column("id"):
                for i in ids:
                    if int(_digests([i])[0]) in found:
                        seen[i] += 1
        return sorted(i for i, n in seen.items() if n > 1)

    def incomplete_articles(self) -> list[str]:
        """Return the articles whose chunks are not exactly 0, 1, ..., n - 1, in order."""
        if not self._chunks or not self.chunked:
            return []
        articles, chunks = np.concatenate(self._articles), np.concatenate(self._chunks)
        order = np.lexsort((chunks, articles))
        articles, chunks = articles[order], chunks[order]
        starts = np.flatnonzero(np.concatenate([[True], articles[1:] != articles[:-1]]))
        expected = np.arange(len(chunks)) - np.repeat(starts, np.diff(np.append(starts, len(chunks))))
        bad = {int(a) for a in np.unique(articles[chunks != expected])}
        if not bad:
            return []
        return sorted({i for ids in self._column("article_id") for i in ids if int(_digests([i])[0]) in bad})

    def _column(self, name: str) -> Iterator[list[str]]:
        for batch in self._table.scan([name]):
            yield batch.column(0).to_pylist()


def _digests(ids: list[str]) -> npt.NDArray[np.uint64]:
    """Return 64-bit digests, shape (n,): different ids may share one, equal ids always do."""
    joined = b"".join(id_digest(i)[:8] for i in ids)
    return np.frombuffer(joined, dtype=np.uint64)


def _repeated(digests: npt.NDArray[np.uint64]) -> set[int]:
    ordered = np.sort(digests)
    return {int(d) for d in ordered[1:][ordered[1:] == ordered[:-1]]}


def _faults(vectors: F32) -> npt.NDArray[np.str_]:
    """Return what is wrong with each vector, "" for nothing; shape (n,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    return np.select(
        [~np.isfinite(vectors).all(axis=1), norms == 0, np.abs(norms - 1) > UNIT_TOLERANCE],
        ["not finite", "zero", "not of unit length"],
        default="",
    )

"""The rows of a table under examination, batch by batch, in about 30 bytes of memory a row."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vecindex.core.identity import content_hash, id_digest, same_text, vector_hashes
from vecindex.core.vectors import F32
from vecindex.schema import field_of, is_label
from vecindex.sources.fieldmap import parse_template
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.types import Fingerprint

if TYPE_CHECKING:
    import pyarrow as pa

UNIT_TOLERANCE = 1e-3
SAMPLE = 16
"""Texts that are embedded again."""
CHANGED = "changed since it was committed"
_HASH = re.compile(r"[0-9a-f]{16}:[0-9a-f]{16}")
_RENAMED = "src_"
# How a value that became text when it was stored may begin; a text that begins so may have been something else.
_CONVERTED = (*"0123456789-[{", "true", "false", "NaN", "Infinity")


class Examiner:
    """Takes all rows of a table and says which are not as they should be.

    Attributes
    ----------
    bad_vectors : ids by what is wrong with the vector: null, not finite, zero, not of unit length, or changed.
    bad_hashes, no_txn, no_id : ids (or how many rows have none).
    articles_of : the article of each row with a bad vector.
    hashed : how many rows keep a hash of their vector.
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
        self.hashed = 0
        self.rehash = Rehash(stored, [one for one in table.extra_columns if not is_label(one)])
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
        kinds = np.full(len(batch), "", dtype="U40")
        kinds[~there] = "null"
        vectors = as_matrix(column.drop_null(), self._dimension)
        kinds[there] = _faults(vectors)
        if "vector_hash" in batch.schema.names:
            stored = [row["vector_hash"] for row, has_vector in zip(rows, there, strict=True) if has_vector]
            self.hashed += sum(one is not None for one in stored)
            pairs = zip(stored, vector_hashes(vectors), strict=True)
            changed = np.array([was not in (None, now) for was, now in pairs], dtype=bool)
            kinds[np.flatnonzero(there)[changed & (kinds[there] == "")]] = CHANGED
        for i in np.flatnonzero(kinds != ""):
            row = rows[i]
            self.bad_vectors[str(kinds[i])].append(row["id"])
            self.articles_of[row["id"]] = row["article_id"] if self.chunked else row["id"]

    def duplicate_ids(self) -> list[str]:
        """Return the ids that more than one row has, in order."""
        ordered = np.sort(np.concatenate([_digests([]), *self._ids]))
        found = set(ordered[1:][ordered[1:] == ordered[:-1]].tolist())
        if not found:
            return []
        seen = Counter(i for ids in self._column("id") for i in ids if int(_digests([i])[0]) in found)
        return sorted(i for i, n in seen.items() if n > 1)

    def incomplete_articles(self) -> list[str]:
        """Return the articles whose chunks are not exactly 0, 1, ..., n - 1, in order."""
        if not self._chunks:
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


def _faults(vectors: F32) -> npt.NDArray[np.str_]:
    """Return what is wrong with each vector, "" for nothing; shape (n,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    return np.select(
        [~np.isfinite(vectors).all(axis=1), norms == 0, np.abs(norms - 1) > UNIT_TOLERANCE],
        ["not finite", "zero", "not of unit length"],
        default="",
    )


class Rehash:
    """Content hashes computed again from a table's columns, where these hold all that was hashed.

    The first half of a hash (the text that the model read) is compared when the template names only the title and
    the text. The second (title, text and the user's fields) is compared where the fields are stored as they came:
    a row that may hold converted values counts only if it agrees.

    Attributes
    ----------
    skipped : why nothing can be compared, or None.
    compared : rows whose text was compared.
    wrong_text, wrong_fields : ids of rows whose columns are not those that were hashed.
    agreeing : rows whose fields agree; with none at all, the fields' names must have been others.
    sample : texts as the model read them, by id: of the rows with the smallest hashes, which is as good as drawn.
    """

    def __init__(self, stored: Fingerprint, extras: Sequence[pa.Field]) -> None:
        """Take what made the vectors, and the columns of the user's fields."""
        self.compared = self.agreeing = 0
        self.wrong_text: list[str] = []
        self.wrong_fields: list[str] = []
        self._drawn: list[tuple[str, str, str]] = []
        template = stored.text_template
        self._parts: tuple[tuple[str, str | None], ...] = (
            (("", "text"),) if template is None else parse_template(template)
        )
        self.skipped: str | None = None
        if stored.pooling == "unknown":
            self.skipped = "precomputed vectors are part of the hashes"
        elif stored.chunking is not None:
            self.skipped = "an article in chunks is not stored in one piece"
        elif any(name not in (None, "title", "text") for _, name in self._parts):
            self.skipped = "the text template names other fields than title and text"
        # The names that the fields were hashed by, under those of their columns.
        self._names = {f.name: f.name if (field := field_of(f)) is None else field for f in extras}
        # A column that does not record its field's name may have had another, if it looks like one of ours.
        self._renamed = any(field_of(f) is None and f.name.startswith(_RENAMED) for f in extras)

    def compare(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Compare some rows, given as their columns."""
        if self.skipped is not None:
            return
        for row in rows:
            # Without a count of tokens the vector was precomputed.
            if row["n_tokens"] is not None:
                self._compare(row)

    def _compare(self, row: Mapping[str, Any]) -> None:
        self.compared += 1
        read = "".join(literal + (row[name] or "" if name else "") for literal, name in self._parts)
        whole = {field: row[column] for column, field in self._names.items()}
        given = {name: value for name, value in whole.items() if value is not None}
        # A field that is null may have been there as null, or not at all.
        hashes = [content_hash(read, row["title"], row["text"], fields) for fields in (given, whole)]
        if not same_text(hashes[0], row["content_hash"]):
            self.wrong_text.append(row["id"])
            return
        self._draw(row["content_hash"], row["id"], read)
        if row["content_hash"] in hashes:
            self.agreeing += 1
        elif len(whole) - len(given) < 2 and not any(_may_be_converted(value) for value in given.values()):
            self.wrong_fields.append(row["id"])

    def _draw(self, content_hash: str, row_id: str, read: str) -> None:
        if len(self._drawn) < SAMPLE or content_hash < self._drawn[-1][0]:
            self._drawn = sorted([*self._drawn, (content_hash, row_id, read)])[:SAMPLE]

    @property
    def sample(self) -> dict[str, str]:
        """See above."""
        return {row_id: read for _, row_id, read in self._drawn}

    @property
    def fields_known(self) -> bool:
        """Whether the fields are stored under the names that they were hashed by."""
        return self.agreeing > 0 and not self._renamed


def _may_be_converted(value: Any) -> bool:
    if isinstance(value, str):
        return value.startswith(_CONVERTED)
    if isinstance(value, float):
        return math.isnan(value) or value.is_integer()
    return isinstance(value, dt.datetime)

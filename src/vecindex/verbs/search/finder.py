"""The nearest rows of one table, each article once or each chunk, by vector or hybrid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from vecindex.core.indexes.recall import Probe
from vecindex.core.vectors import F32, normalize
from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, command, text
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.search import Found, Nearest, by_fulltext, nearest
from vecindex.verbs.search.options import RRF
from vecindex.verbs.search.result import Hit

SNIPPET_CHARS = 300
HYBRID_DEPTH = 100
"""Rows taken by vector and by words before they are fused, at least."""
_BLOCK = 64
PAD = 16
"""Rows fetched beyond k, so that a run of equal distances at the end is seen whole and cut by id."""
_CHUNKS_PER_ARTICLE = 4
# More rows than these are asked for only where the table has them: the store makes room for what it is asked for.
_MANY = 10_000
# Beyond every cosine distance, which is 2 at most.
_FAR = 3.0


@dataclass(frozen=True, slots=True)
class Query:
    """A query with its unit vector (d,), the condition that hits meet, and the article that is none of them."""

    text: str | None
    id: str | None
    vector: F32
    where: str | None
    without: str | None = None


class Source(Protocol):
    """What gives the nearest rows in place of a scan: vectors in memory, or what was found before."""

    def nearest(
        self, table: ArticleTable, queries: F32, limit: int, columns: Sequence[str], where: str | None
    ) -> list[Nearest] | None:
        """Return what `store.search.nearest` does; None where that is to be asked."""
        ...


def first_limit(k: int, grouped: bool) -> int:
    """Return how many rows are asked for at first, where k are wanted, or k articles of several rows each."""
    return k * (_CHUNKS_PER_ARTICLE if grouped else 1) + PAD


class Finder:
    """Finds rows in one table, each article once or each chunk."""

    def __init__(
        self,
        table: ArticleTable,
        k: int,
        *,
        by: str,
        text: str,
        fields: bool = True,
        reads_texts: bool = False,
        fusion: Fusion | None = None,
        probe: Probe | None = None,
        source: Source | None = None,
    ) -> None:
        """Take the table, and how many hits of what kind are wanted; see `Index.search`.

        Without `fields` the user's own columns are left out; with `reads_texts` the rows bring their texts, whatever
        hits show of them. With `probe` the index of the vectors is searched so; without, all rows are, unless
        `source` gives the nearest.
        """
        self.table, self.k, self.text, self.probe, self._source = table, k, text, probe, source
        self.fusion = fusion or Fusion()
        self.chunked = table.fingerprint.chunking is not None
        self.grouped = self.chunked and by == "article"
        self.key = "article_id" if self.chunked else "id"
        self.extras = [f.name for f in table.extra_columns] if fields else []
        self.columns = ["id", "title", *self.extras]
        self.columns += ["article_id"] if self.chunked else []
        self.columns += ["text"] if text != "none" or reads_texts else []

    def by_vector(self, queries: Sequence[Query], k: int) -> list[list[Found]]:
        """Return the k nearest rows of each query, ordered by (dist, id), ties at the end cut by id."""
        found: list[list[Found]] = [[] for _ in queries]
        by_condition: dict[str | None, list[int]] = {}
        for i, query in enumerate(queries):
            by_condition.setdefault(query.where, []).append(i)
        for where, pending in by_condition.items():
            for at in range(0, len(pending), _BLOCK):
                block = pending[at : at + _BLOCK]
                vectors = np.stack([queries[i].vector for i in block])
                without = [queries[i].without for i in block]
                for i, rows in zip(block, self._closed(vectors, k, where, without, self.probe), strict=True):
                    found[i] = rows
        return found

    def _closed(
        self, vectors: F32, k: int, where: str | None, without: Sequence[str | None], probe: Probe | None
    ) -> list[list[Found]]:
        """Fetch deeper until each query's k-th row is certain: a farther one was seen, or the table ended.

        Where the partitions of an index that are searched hold too few rows, twice as many are.
        """
        limit = first_limit(k, self.grouped)
        done: dict[int, list[Found]] = {}
        open_ones = list(range(len(vectors)))
        while open_ones:
            if limit > _MANY:
                # Counted each time: another process may add rows meanwhile; one more than there are shows the end.
                limit = min(limit, self.table.count() + 1)
            for i, near in zip(open_ones, self._nearest(vectors[open_ones], limit, where, probe), strict=True):
                # Left out here and not by a condition, for which the ids of all rows would be read.
                ranked = self._once_each([row for row in near.rows if row.row[self.key] != without[i]])
                ended = math.isinf(near.beyond)
                if ended and len(ranked) < k and (wider := self._wider(probe, where, len(near.rows))) is not None:
                    done[i] = self._closed(vectors[i : i + 1], k, where, without[i : i + 1], wider)[0]
                elif ended or (len(ranked) >= k and _dist(ranked[k - 1]) < near.beyond):
                    done[i] = ranked[:k]
            open_ones = [i for i in open_ones if i not in done]
            limit *= 4
        return [done[i] for i in range(len(vectors))]

    def _nearest(self, vectors: F32, limit: int, where: str | None, probe: Probe | None) -> list[Nearest]:
        if self._source is not None and probe is None:
            found = self._source.nearest(self.table, vectors, limit, self.columns, where)
            if found is not None:
                return found
        return nearest(self.table, vectors, limit, self.columns, where, probe)

    def _wider(self, probe: Probe | None, where: str | None, seen: int) -> Probe | None:
        """Return how to search more of the index than gave `seen` rows; None where that is all, or Lance does it."""
        if probe is None or where is not None:
            return None
        rows = self.table.count()
        return replace(probe, nprobes=2 * probe.nprobes) if seen < rows and probe.nprobes < rows else None

    def _once_each(self, rows: list[Found]) -> list[Found]:
        """Keep the first row of each article where articles are asked for."""
        if not self.grouped:
            return rows
        best: dict[str, Found] = {}
        for found in rows:
            best.setdefault(found.row["article_id"], found)
        return list(best.values())

    def by_words(self, queries: Sequence[Query], k: int) -> list[list[Found]]:
        """Return the k rows of each query that match its words best (BM25), ordered by (-relevance, id)."""
        rows = max(1, self.table.count())
        return [self._worded(query, k, rows) for query in queries]

    def _worded(self, query: Query, k: int, most: int) -> list[Found]:
        """Fetch deeper until there are k articles, or no more rows that match."""
        limit = min(most, k * (_CHUNKS_PER_ARTICLE if self.grouped else 1))
        while True:
            rows = by_fulltext(self.table, query.text or "", limit, self.columns, query.where)
            ranked = self._once_each(rows)
            if len(ranked) >= k or len(rows) < limit or limit >= most:
                return ranked[:k]
            limit = min(most, 4 * limit)

    def hybrid(self, queries: Sequence[Query]) -> list[list[Found]]:
        """Return the k best rows of each query by reciprocal rank fusion of vectors and words."""
        depth = max(HYBRID_DEPTH, self.k)
        return self.fused(self.by_vector(queries, depth), self.by_words(queries, depth))

    def fused(self, near: Sequence[list[Found]], worded: Sequence[list[Found]]) -> list[list[Found]]:
        """Return the k best rows of each query, given the lists by vector and by words."""
        key = "article_id" if self.grouped else "id"
        pairs = zip(near, worded, strict=True)
        return [fuse(one, other, key, self.fusion)[: self.k] for one, other in pairs]

    def hit(self, rank: int, found: Found) -> Hit:
        """Return a row as the user sees it."""
        row = found.row
        text = row.get("text")
        return Hit(
            rank=rank,
            id=row["id"],
            article_id=row["article_id"] if self.chunked else row["id"],
            title=row["title"],
            text=None if text is None or self.text == "none" else snippet(text) if self.text == "snippet" else text,
            dist=found.dist,
            relevance=found.relevance,
            score=found.score,
            fields={name: row[name] for name in self.extras},
        )


def more_like(table: ArticleTable, row_id: str, where: str | None) -> Query:
    """Return the query for "more like this": the stored vector, its article left out.

    An article in chunks stands for the mean of its chunks' vectors; the id of a chunk for that chunk's.

    Raises ConfigError where there is no such article.
    """
    chunked = table.fingerprint.chunking is not None
    key = "article_id" if chunked else "id"
    rows = table.rows_by_id([row_id], [key, "vector"], key)
    if chunked and not rows.num_rows:
        rows = table.rows_by_id([row_id], [key, "vector"], "id")
    if not rows.num_rows:
        raise ConfigError(
            f"{table.where} has no article {row_id!r}.",
            text("Ids are shown by: ", command("search", Placeholder('"TEXT"'))),
        )
    stored = as_matrix(rows.column("vector").combine_chunks(), table.fingerprint.dimension)
    vector = normalize(stored.mean(axis=0, keepdims=True))[0]
    return Query(None, row_id, vector, where, rows.column(key)[0].as_py())


def _dist(found: Found) -> float:
    """Return the distance by which a row is ordered: those found by their words alone come after all others."""
    return _FAR if found.dist is None else found.dist


@dataclass(frozen=True, slots=True)
class Fusion:
    """How two rankings are fused: the share of the words, 0 to 1, and the constant k of reciprocal rank fusion."""

    words: float = 0.5
    k: int = RRF


def fuse(near: Sequence[Found], worded: Sequence[Found], key: str, fusion: Fusion = Fusion()) -> list[Found]:
    """Return the rows of both lists, each once with its `relevance`: the sum of 1 / (60 + rank), ranks from 1.

    With another share w of the words, 2 (1 - w) and 2 w stand for 1; with another k, k for 60. Ordered by relevance,
    higher first, then by distance (rows without one last), then by id.

    >>> near = [Found({"id": "a"}, dist=0.1), Found({"id": "b"}, dist=0.2)]
    >>> [(f.row["id"], round(f.relevance, 4)) for f in fuse(near, [Found({"id": "b"})], "id")]
    [('b', 0.0325), ('a', 0.0164)]
    """
    first: dict[str, Found] = {}
    relevance: dict[str, float] = {}
    for ranking, share in ((near, 1 - fusion.words), (worded, fusion.words)):
        for rank, found in enumerate(ranking, 1):
            name = found.row[key]
            first.setdefault(name, found)
            relevance[name] = relevance.get(name, 0.0) + 2 * share / (fusion.k + rank)
    order = sorted(first, key=lambda name: (-relevance[name], _dist(first[name]), first[name].row["id"]))
    return [replace(first[name], relevance=relevance[name]) for name in order]


def snippet(text: str) -> str:
    """Return the beginning of a text on one line.

    >>> snippet("Two  lines\\nof text")
    'Two lines of text'
    """
    line = " ".join(text[: 2 * SNIPPET_CHARS].split())
    return line if len(line) <= SNIPPET_CHARS else line[: SNIPPET_CHARS - 1].rstrip() + "…"

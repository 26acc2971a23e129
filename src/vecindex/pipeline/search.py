"""Similarity search: by text, by an article already there, by words as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from vecindex.core.vectors import F32, normalize, usable
from vecindex.errors import ConfigError, LockedError, StoreError
from vecindex.pipeline.queries import ModelOptions, Question, QuestionModel, read_questions
from vecindex.store.articles import ArticleTable, as_matrix, isin
from vecindex.store.database import Database
from vecindex.store.search import Row, by_words, check_condition, index_words, nearest, words_indexed
from vecindex.types import Answer, Hit, Observer, Rejected, SearchResult, Silent

SNIPPET_CHARS = 300
RRF = 60
"""The constant of reciprocal rank fusion: the first of a list gives 1/61, the tenth 1/70 (Cormack et al. 2009)."""
HYBRID_DEPTH = 100
"""Rows taken by vector and by words before they are fused, at least."""
_BLOCK = 64
# Rows fetched beyond k, so that a run of equal distances at the end is seen whole and cut by id.
_PAD = 16
_CHUNKS_PER_ARTICLE = 4
_TEXTS = ("snippet", "full", "none")


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """What to search for, where, and what to give back; see `Index.search`."""

    texts: Sequence[str] = ()
    file: str | None = None
    ids: Sequence[str] = ()
    vectors: npt.ArrayLike | None = None
    k: int = 10
    where: str | None = None
    hybrid: bool = False
    by: str = "article"
    text: str = "snippet"
    at: str | None = None
    model: ModelOptions = field(default_factory=ModelOptions)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        given = [bool(len(self.texts)), self.file is not None, bool(len(self.ids)), self.vectors is not None]
        if sum(given) != 1:
            raise ConfigError(
                f"A search needs one of a text, --file and --id; found {sum(given)} of them.",
                'For example: vecindex search "how do cells make energy"',
            )
        if self.k < 1:
            raise ConfigError(f"-k must be at least 1, found {self.k}.")
        if any(not text.strip() for text in self.texts):
            raise ConfigError("The text to search for is empty.", 'For example: vecindex search "how do cells make energy"')
        if self.by not in ("article", "chunk"):
            raise ConfigError(f"--by is article or chunk, found {self.by!r}.")
        if self.text not in _TEXTS:
            raise ConfigError(f"text is one of {', '.join(_TEXTS)}, found {self.text!r}.")
        if self.hybrid and (self.ids or self.vectors is not None):
            raise ConfigError("--hybrid needs words to search for.", "Give a text, or leave --hybrid out.")


@dataclass(frozen=True, slots=True)
class _Query:
    """A query with its vector, and the condition that holds for it alone."""

    text: str | None
    id: str | None
    vector: F32
    where: str | None


def search(
    database: Database,
    name: str,
    options: SearchOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stdin: BinaryIO | None = None,
) -> SearchResult:
    """Return the nearest rows to each query; see `Index.search`."""
    observer = observer or Silent()
    table = database.articles(name, options.at)
    if options.where is not None:
        check_condition(table, options.where)
    texts, rejected = _texts(options, stdin)
    if not table.count(options.where):
        kind = "meets the condition" if options.where and table.count() else "is in it yet"
        observer.notice(f"{table.where}: no row {kind}")
        answers = [Answer(q.text, q.id, ()) for q in texts] or [Answer(None, i, ()) for i in options.ids]
        return _result(name, options, answers, rejected)
    queries = _queries(table, options, texts, model, observer)
    if options.hybrid:
        _ready_words(database, table, options.at, observer)
    finder = _Finder(table, options)
    found = finder.hybrid(queries) if options.hybrid else finder.by_vector(queries, options.k)
    answers = [
        Answer(query.text, query.id, tuple(finder.hit(i, row) for i, row in enumerate(rows, 1)))
        for query, rows in zip(queries, found, strict=True)
    ]
    return _result(name, options, answers, rejected)


def _result(name: str, options: SearchOptions, answers: Sequence[Answer], rejected: Sequence[Rejected]) -> SearchResult:
    return SearchResult(
        name, options.k, options.by, options.hybrid, options.where, options.at, tuple(answers), tuple(rejected)
    )


def _texts(options: SearchOptions, stdin: BinaryIO | None) -> tuple[list[Question], list[Rejected]]:
    if options.file is not None:
        return read_questions(options.file, stdin)
    return [Question(text) for text in options.texts], []


def _queries(
    table: ArticleTable, options: SearchOptions, texts: Sequence[Question], model: QuestionModel, observer: Observer
) -> list[_Query]:
    stored = table.fingerprint
    if options.vectors is not None:
        vectors = normalize(np.atleast_2d(np.asarray(options.vectors, dtype=np.float32)))
        if vectors.shape[1] != stored.dimension or not usable(vectors).all():
            raise ConfigError(
                f"The vectors to search for have shape {vectors.shape}, expected (n, {stored.dimension}), finite and not zero."
            )
        return [_Query(None, None, vector, options.where) for vector in vectors]
    if options.ids:
        return [_more_like(table, row_id, options.where) for row_id in options.ids]
    vectors = model.embed([q.text for q in texts], stored, table.where, options.model, observer)
    return [_Query(q.text, q.id, vector, options.where) for q, vector in zip(texts, vectors, strict=True)]


def _more_like(table: ArticleTable, row_id: str, where: str | None) -> _Query:
    """Return the query for "more like this": the stored vector, its article left out.

    An article in chunks stands for the mean of its chunks' vectors; the id of a chunk for that chunk's.
    """
    chunked = table.fingerprint.chunking is not None
    key = "article_id" if chunked else "id"
    rows = table.rows_by_id([row_id], [key, "vector"], key)
    if chunked and not rows.num_rows:
        rows = table.rows_by_id([row_id], [key, "vector"], "id")
    if not rows.num_rows:
        raise ConfigError(f"{table.where} has no article {row_id!r}.", "Ids are told by vecindex search --json.")
    stored = as_matrix(rows.column("vector").combine_chunks(), table.fingerprint.dimension)
    others = f"NOT ({isin(key, rows.column(key).to_pylist()[:1])})"
    vector = normalize(stored.mean(axis=0, keepdims=True))[0]
    return _Query(None, row_id, vector, f"({where}) AND {others}" if where else others)


def _ready_words(database: Database, table: ArticleTable, at: str | None, observer: Observer) -> None:
    """Index the words at the first use; where that cannot be, the search goes through all texts instead."""
    if words_indexed(table):
        return
    reason = "a tagged version cannot be changed"
    if at is None:
        try:
            with database.writer():
                observer.notice(f"indexing the words of {table.where}, once")
                index_words(table)
                return
        except LockedError:
            reason = "another process is writing"
        except StoreError as error:
            reason = error.message
    observer.notice(f"the words of {table.where} have no index ({reason}), so all its texts are read: slower, same hits")


class _Finder:
    """Finds rows in one table, each article once or each chunk."""

    def __init__(self, table: ArticleTable, options: SearchOptions) -> None:
        self.table, self.options = table, options
        self.chunked = table.fingerprint.chunking is not None
        self.grouped = self.chunked and options.by == "article"
        self.extras = [f.name for f in table.extra_columns]
        self.columns = ["id", "title", *self.extras]
        self.columns += ["article_id"] if self.chunked else []
        self.columns += [] if options.text == "none" else ["text"]

    def by_vector(self, queries: Sequence[_Query], k: int) -> list[list[Row]]:
        """Return the k nearest rows of each query, ordered by (dist, id), ties at the end cut by id."""
        found: list[list[Row]] = [[] for _ in queries]
        by_condition: dict[str | None, list[int]] = {}
        for i, query in enumerate(queries):
            by_condition.setdefault(query.where, []).append(i)
        for where, pending in by_condition.items():
            for at in range(0, len(pending), _BLOCK):
                block = pending[at : at + _BLOCK]
                vectors = np.stack([queries[i].vector for i in block])
                for i, rows in zip(block, self._closed(vectors, k, where), strict=True):
                    found[i] = rows
        return found

    def _closed(self, vectors: F32, k: int, where: str | None) -> list[list[Row]]:
        """Fetch deeper until each query's k-th row is certain: a farther one was seen, or the table ended."""
        most = self.table.count() + 1
        limit = k * (_CHUNKS_PER_ARTICLE if self.grouped else 1) + _PAD
        done: dict[int, list[Row]] = {}
        open_ones = list(range(len(vectors)))
        while open_ones:
            limit = min(limit, most)
            for i, rows in zip(
                open_ones, nearest(self.table, vectors[open_ones], limit, self.columns, where), strict=True
            ):
                ranked = self._once_each(rows)
                ended = len(rows) < limit
                if ended or (len(ranked) >= k and ranked[k - 1]["dist"] < rows[-1]["dist"]):
                    done[i] = ranked[:k]
            open_ones = [i for i in open_ones if i not in done]
            limit *= 4
        return [done[i] for i in range(len(vectors))]

    def _once_each(self, rows: list[Row]) -> list[Row]:
        """Keep the first row of each article where articles are asked for."""
        if not self.grouped:
            return rows
        best: dict[str, Row] = {}
        for row in rows:
            best.setdefault(row["article_id"], row)
        return list(best.values())

    def hybrid(self, queries: Sequence[_Query]) -> list[list[Row]]:
        """Return the k best rows of each query by reciprocal rank fusion of vectors and words."""
        depth = max(HYBRID_DEPTH, self.options.k)
        fused = []
        for query, near in zip(queries, self.by_vector(queries, depth), strict=True):
            limit = min(depth * (_CHUNKS_PER_ARTICLE if self.grouped else 1), self.table.count())
            worded = by_words(self.table, query.text or "", limit, self.columns, query.where)
            fused.append(fuse(near, self._once_each(worded)[:depth], self._key)[: self.options.k])
        return fused

    @property
    def _key(self) -> str:
        return "article_id" if self.grouped else "id"

    def hit(self, rank: int, row: Row) -> Hit:
        """Return a row as the user sees it."""
        text = row.get("text")
        return Hit(
            rank=rank,
            id=row["id"],
            article_id=row["article_id"] if self.chunked else row["id"],
            title=row["title"],
            text=snippet(text) if text is not None and self.options.text == "snippet" else text,
            dist=row.get("dist"),
            relevance=row.get("relevance"),
            fields={name: row[name] for name in self.extras},
        )


def fuse(near: Sequence[Row], worded: Sequence[Row], key: str) -> list[Row]:
    """Return the rows of both lists, each once with its `relevance`: the sum of 1 / (60 + rank), ranks from 1.

    Ordered by relevance, higher first, then by distance (rows without one last), then by id.

    >>> near = [{"id": "a", "dist": 0.1}, {"id": "b", "dist": 0.2}]
    >>> [(r["id"], round(r["relevance"], 4)) for r in fuse(near, [{"id": "b", "words": 9.0}], "id")]
    [('b', 0.0325), ('a', 0.0164)]
    """
    rows: dict[str, Row] = {}
    for ranking in (near, worded):
        for rank, row in enumerate(ranking, 1):
            kept = rows.setdefault(row[key], {**row, "relevance": 0.0})
            kept["relevance"] += 1 / (RRF + rank)
    far = 3.0
    return sorted(rows.values(), key=lambda row: (-row["relevance"], row.get("dist", far), row["id"]))


def snippet(text: str) -> str:
    """Return the beginning of a text on one line.

    >>> snippet("Two  lines\\nof text")
    'Two lines of text'
    """
    line = " ".join(text[: 2 * SNIPPET_CHARS].split())
    return line if len(line) <= SNIPPET_CHARS else line[: SNIPPET_CHARS - 1].rstrip() + "…"

"""Similarity search: by text, by an article already there, by words as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from vecindex.core.vectors import normalize, usable
from vecindex.errors import ConfigError, StoreError
from vecindex.options import ModelOptions
from vecindex.store.articles import ArticleTable, as_matrix, isin
from vecindex.store.database import Database
from vecindex.store.search import check_condition, has_fulltext_index, make_fulltext_index
from vecindex.types import Answer, Observer, Rejected, SearchResult, Silent
from vecindex.verbs.questions.model import Question, QuestionModel, read_questions
from vecindex.verbs.search.finder import Finder, Query

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
            raise ConfigError(
                "The text to search for is empty.", 'For example: vecindex search "how do cells make energy"'
            )
        if self.by not in ("article", "chunk"):
            raise ConfigError(f"--by is article or chunk, found {self.by!r}.")
        if self.text not in _TEXTS:
            raise ConfigError(f"text is one of {', '.join(_TEXTS)}, found {self.text!r}.")
        if self.hybrid and (self.ids or self.vectors is not None):
            raise ConfigError("--hybrid needs words to search for.", "Give a text, or leave --hybrid out.")


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
    finder = Finder(table, options.k, by=options.by, text=options.text)
    found = finder.hybrid(queries) if options.hybrid else finder.by_vector(queries, options.k)
    answers = [
        Answer(query.text, query.id, tuple(finder.hit(i, row) for i, row in enumerate(rows, 1)))
        for query, rows in zip(queries, found, strict=True)
    ]
    return _result(name, options, answers, rejected)


def _result(
    name: str, options: SearchOptions, answers: Sequence[Answer], rejected: Sequence[Rejected]
) -> SearchResult:
    return SearchResult(
        name, options.k, options.by, options.hybrid, options.where, options.at, tuple(answers), tuple(rejected)
    )


def _texts(options: SearchOptions, stdin: BinaryIO | None) -> tuple[list[Question], list[Rejected]]:
    if options.file is not None:
        return read_questions(options.file, stdin)
    return [Question(text) for text in options.texts], []


def _queries(
    table: ArticleTable, options: SearchOptions, texts: Sequence[Question], model: QuestionModel, observer: Observer
) -> list[Query]:
    stored = table.fingerprint
    if options.vectors is not None:
        vectors = normalize(np.atleast_2d(np.asarray(options.vectors, dtype=np.float32)))
        if vectors.shape[1] != stored.dimension or not usable(vectors).all():
            raise ConfigError(
                f"The vectors to search for have shape {vectors.shape}, expected (n, {stored.dimension}), finite and "
                "not zero."
            )
        return [Query(None, None, vector, options.where) for vector in vectors]
    if options.ids:
        return [_more_like(table, row_id, options.where) for row_id in options.ids]
    vectors = model.embed([q.text for q in texts], stored, table.where, options.model, observer)
    return [Query(q.text, q.id, vector, options.where) for q, vector in zip(texts, vectors, strict=True)]


def _more_like(table: ArticleTable, row_id: str, where: str | None) -> Query:
    """Return the query for "more like this": the stored vector, its article left out.

    An article in chunks stands for the mean of its chunks' vectors; the id of a chunk for that chunk's.
    """
    chunked = table.fingerprint.chunking is not None
    key = "article_id" if chunked else "id"
    rows = table.rows_by_id([row_id], [key, "vector"], key)
    if chunked and not rows.num_rows:
        rows = table.rows_by_id([row_id], [key, "vector"], "id")
    if not rows.num_rows:
        raise ConfigError(
            f"{table.where} has no article {row_id!r}.", 'Ids are told by: vecindex search "TEXT" --json'
        )
    stored = as_matrix(rows.column("vector").combine_chunks(), table.fingerprint.dimension)
    others = f"NOT ({isin(key, rows.column(key).to_pylist()[:1])})"
    vector = normalize(stored.mean(axis=0, keepdims=True))[0]
    return Query(None, row_id, vector, f"({where}) AND {others}" if where else others)


def _ready_words(database: Database, table: ArticleTable, at: str | None, observer: Observer) -> None:
    """Index the words at the first use.

    Without the index LanceDB would go through all texts, but by whole words and with stop words: other hits.
    """
    if has_fulltext_index(table):
        return
    if at is not None:
        raise ConfigError(
            f"The words of {table.where} were not indexed yet when it was tagged {at!r}.",
            f"Leave --hybrid out; or search the latest version with it once, then: vecindex tag {at} --move",
        )
    try:
        with database.writer():
            observer.notice(f"indexing the words of {table.count():,} rows of {table.where}, once")
            make_fulltext_index(table)
    except StoreError as error:
        raise type(error)(
            f"The words of {table.where} are not indexed yet, and cannot be now. {error.message}",
            "Leave --hybrid out, or try again later.",
        ) from error

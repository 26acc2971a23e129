"""Similarity search: by text, by an article already there, hybrid."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import BinaryIO, TypeVar

import numpy as np

from vecindex.core.indexes.recall import Probe
from vecindex.core.questions import Question
from vecindex.core.texts.languages import NAMES
from vecindex.core.vectors import normalize, usable
from vecindex.errors import ConfigError, CorruptError, LockedError, StoreError, UnavailableError
from vecindex.messages import Message, Placeholder, Text, command, counted, option, text
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.faults import is_unicode, not_unicode
from vecindex.store.lock import UNKNOWN
from vecindex.store.maintenance import mend_fulltext_index
from vecindex.store.search import (
    STEMMED,
    WITHOUT_BLANKS,
    Found,
    check_condition,
    fulltext_fault,
    fulltext_language,
    has_fulltext_index,
    likely_language,
    make_fulltext_index,
)
from vecindex.types import Observer, Rejected, Silent
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import no_question, rows
from vecindex.verbs.search.approximate import approximation, damaged, suggest_index
from vecindex.verbs.search.finder import Finder, Fusion, Query, more_like
from vecindex.verbs.search.options import SearchOptions, checked_search, ids_of, ranker_asked
from vecindex.verbs.search.rankers import MEANING, WORDS, Ranker
from vecindex.verbs.search.reorder import Spread, reranked, spread
from vecindex.verbs.search.result import Answer, SearchResult
from vecindex.verbs.search.warm import Warm

T = TypeVar("T")

_MAKING = ", making the full-text index"
NAME = Placeholder("NAME")
WITHOUT_HYBRID = text("Leave ", option("hybrid"), " out")
"""How to search without a full-text index."""
_POOL = 50
"""Hits of which those are taken that differ, at least."""
_WAIT_S = 0.1
_GAP_S = 10.0
"""How long a lock may be held by nobody known: its holder's note comes after the lock, and goes before it."""


def search(
    database: Database,
    name: str,
    query: str | Sequence[str] | None,
    options: SearchOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stdin: BinaryIO | None = None,
    read_only: bool = False,
    warm: Warm | None = None,
) -> SearchResult:
    """Return the nearest rows to each query; see `Index.search`. `read_only` leaves a damaged index as it is.

    `warm` holds vectors, and the table for searches of its index, from search to search; None opens and reads both.
    """
    given = [] if query is None else [query] if isinstance(query, str) else list(query)
    options = checked_search(given, options)
    observer = observer or Silent()
    held = warm is not None and options["approximate"]
    table = warm.table(database, name, options["at"]) if warm and held else database.articles(name, options["at"])
    for query_text in given:
        if not is_unicode(query_text):
            raise not_unicode(query_text, table.where)
    matching = None if warm is None or options["where"] is None else warm.matching(table, options["where"])
    if options["where"] is not None and matching is None:
        check_condition(table, options["where"])
    texts, rejected = _texts(given, options, stdin)
    matching = table.count(options["where"]) if matching is None else matching
    near = approximation(table, options, matching, observer)
    if matching:
        queries = _queries(table, options, texts, model, observer)
        probe = None if near is None else near.probe
        mark = time.process_time()
        found, finder = _found(database, table, options, queries, model, observer, read_only, probe, warm)
        if near is None and not read_only and options["at"] is None and str(ranker_asked(options)) == MEANING:
            suggest_index(table, 1_000 * (time.process_time() - mark) / len(queries), observer)
        answers = [
            Answer(query.text, query.id, tuple(finder.hit(i, row) for i, row in enumerate(rows, 1)))
            for query, rows in zip(queries, found, strict=True)
        ]
    else:
        kind = "meets the condition" if options["where"] and table.count() else "is in it yet"
        observer.notice(f"{table.where}: no row {kind}")
        answers = [Answer(q.text, _given_id(q), ()) for q in texts] or [Answer(None, i, ()) for i in ids_of(options)]
    return SearchResult(
        name,
        options["k"],
        options["by"],
        options["hybrid"],
        options["where"],
        options["at"],
        tuple(answers),
        tuple(rejected),
        str(ranker_asked(options)),
        near,
    )


def _found(
    database: Database,
    table: ArticleTable,
    options: SearchOptions,
    queries: Sequence[Query],
    model: QuestionModel,
    observer: Observer,
    read_only: bool,
    probe: Probe | None,
    warm: Warm | None,
) -> tuple[list[list[Found]], Finder]:
    """Return the rows of each query, and the finder that shows them."""
    ranker, k = ranker_asked(options), options["k"]
    without = text("Leave ", option(ranker.base), " out")
    if ranker.by_words:
        with_full_text_index(database, table, options["at"], options["language"], observer, without)
    depth = depth_of(ranker, k, options["rerank_depth"])
    finder = Finder(
        table,
        depth,
        by=options["by"],
        text=options["text"],
        reads_texts=ranker.rerank,
        fusion=Fusion(options["words_weight"], options["rrf_k"]),
        probe=probe,
        source=warm,
    )
    if ranker.base == MEANING:
        lists = _searched(finder, lambda: finder.by_vector(queries, depth))
    else:
        find = partial(finder.by_words, queries, depth) if ranker.base == WORDS else partial(finder.hybrid, queries)
        writable = None if read_only else database
        lists = _searched(finder, lambda: mending(table, find, writable, options["at"], observer, without))
    if options["rerank"] is not None:
        lists = reranked(model.reranker(options["rerank"], options), queries, lists, options["rerank_depth"])
    if ranker.diverse:
        lists = spread(table, lists, Spread(depth, k, options["diversity"]))
    return [rows[:k] for rows in lists], finder


def depth_of(ranker: Ranker, k: int, rerank_depth: int) -> int:
    """Return how many hits a search of k looks at: those that are reranked, and those of which some are chosen."""
    return max(k, rerank_depth if ranker.rerank else 0, max(_POOL, 5 * k) if ranker.diverse else 0)


def _searched(finder: Finder, search: Callable[[], list[list[Found]]]) -> list[list[Found]]:
    """Return what a search gives; where it is the index of the vectors that is damaged, the error says so."""
    try:
        return search()
    except StoreError as error:
        ours = None if finder.probe is None else damaged(finder.table, error)
        if ours is None:
            raise
        raise ours from error


def _texts(
    given: Sequence[str], options: SearchOptions, stdin: BinaryIO | None
) -> tuple[list[Question], list[Rejected]]:
    """Return the queries in their order, repeated ones too, and the rows of their file that hold none."""
    file = options["file"]
    if file is None:
        return [found for found in rows(given) if isinstance(found, Question)], []
    found = list(rows(file, stdin))
    texts = [item for item in found if isinstance(item, Question)]
    rejected = [item for item in found if isinstance(item, Rejected)]
    if not texts:
        raise no_question(str(file), rejected)
    return texts, rejected


def _queries(
    table: ArticleTable, options: SearchOptions, texts: Sequence[Question], model: QuestionModel, observer: Observer
) -> list[Query]:
    stored = table.fingerprint
    if options["vector"] is not None:
        vectors = normalize(np.atleast_2d(np.asarray(options["vector"], dtype=np.float32)))
        if vectors.shape[1] != stored.dimension or not usable(vectors).all():
            raise ConfigError(
                f"The vectors to search for have shape {vectors.shape}, expected (n, {stored.dimension}), finite and "
                "not zero."
            )
        return [Query(None, None, vector, options["where"]) for vector in vectors]
    if ids_of(options):
        return [more_like(table, row_id, options["where"]) for row_id in ids_of(options)]
    if options["words"]:
        nothing = np.empty(0, dtype=np.float32)
        return [Query(q.text, _given_id(q), nothing, options["where"]) for q in texts]
    vectors = model.embed([q.text for q in texts], stored, table.where, options, observer)
    return [Query(q.text, _given_id(q), vector, options["where"]) for q, vector in zip(texts, vectors, strict=True)]


def _given_id(question: Question) -> str | None:
    return question.id if question.named else None


def mending(
    table: ArticleTable,
    find: Callable[[], T],
    database: Database | None,
    at: str | None,
    observer: Observer,
    without: Text = WITHOUT_HYBRID,
) -> T:
    """Search by words, after making the full-text index again where its files are damaged.

    Not without a database to write to. The index holds nothing but what is in the texts, so nothing is lost with it.
    """
    try:
        return find()
    except UnavailableError:
        raise
    except StoreError as error:
        fault = fulltext_fault(table)
        if fault is None:
            raise
        if database is None or at is not None:
            raise CorruptError(
                f"The full-text index of {table.where} is damaged: {fault}.",
                text("Make it again: ", command("optimize"))
                if at is None
                else text(without, ", or search the latest version."),
            ) from error
        with database.writer():
            mend_fulltext_index(table, observer.notice)
        return find()


def _make_once(database: Database, table: ArticleTable, language: str | None, observer: Observer) -> None:
    """Make the full-text index, or wait for another search that makes it. Raises LockedError for other writers."""
    waits, until = False, time.monotonic() + _GAP_S
    while not _is_made(table, language):
        try:
            with database.writer(_MAKING):
                if not _is_made(table, language):
                    chosen = language or likely_language(table)
                    observer.notice(_making(table, chosen))
                    make_fulltext_index(table, chosen)
        except LockedError as error:
            if _MAKING in str(error):
                until = time.monotonic() + _GAP_S
                if not waits:
                    observer.notice(f"waiting for the full-text index of {table.where}, which another search makes")
                    waits = True
            elif f"({UNKNOWN})" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_WAIT_S)


def _is_made(table: ArticleTable, language: str | None) -> bool:
    """Return whether there is a full-text index, and in the language that was asked for."""
    return has_fulltext_index(table) and language in (None, fulltext_language(table))


def _making(table: ArticleTable, language: str) -> Message:
    """Return the line on a full-text index that is made: how its words are read, and how to have it otherwise."""
    how = "characters and pairs of them" if language in WITHOUT_BLANKS else "words as they stand"
    how = "stems of words" if language in STEMMED else how
    return text(
        f"making the full-text index of {counted(table.count(), 'row')} of {table.where}, once, as ",
        f"{NAMES.get(language, 'another language')} ({how}); for another language: ",
        option("language", NAME),
    )


def with_full_text_index(
    database: Database,
    table: ArticleTable,
    at: str | None,
    language: str | None,
    observer: Observer,
    without: Text = WITHOUT_HYBRID,
) -> None:
    """Make the full-text index at its first use; `without` says how to do without it, for messages.

    Without the index LanceDB would go through all texts, but by whole words and with stop words: other hits.
    """
    if _is_made(table, None if at is not None else language):
        return
    if at is not None:
        raise ConfigError(
            f"{table.where} had no full-text index yet when it was tagged {at!r}.",
            text(
                without,
                "; or search the latest version with it once, then: ",
                command("tag", at, move=True),
            ),
        )
    try:
        _make_once(database, table, language, observer)
    except StoreError as error:
        raise type(error)(
            text(f"The full-text index of {table.where} is missing, and cannot be made now. ", error.message),
            text(without, ", or try again later."),
        ) from error

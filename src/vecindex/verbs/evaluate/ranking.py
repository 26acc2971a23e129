"""The hits of questions in one table, by each ranker, judged: the part that `evaluate` and `compare` share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from vecindex.cluster.engine import Workers
from vecindex.core.questions import Question, QuestionSet
from vecindex.core.vectors import F32
from vecindex.messages import Text, option, text
from vecindex.options import ModelOptions, checked
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.search import Found
from vecindex.types import Observer, Stage
from vecindex.verbs.evaluate.asked import Asked
from vecindex.verbs.evaluate.measures import SHOWN
from vecindex.verbs.evaluate.texts import holds, normalized
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.vectors import question_vectors
from vecindex.verbs.search.approximate import approximation
from vecindex.verbs.search.finder import Finder, Fusion, Query, Source, first_limit
from vecindex.verbs.search.options import RankOptions, SearchOptions
from vecindex.verbs.search.rankers import APPROXIMATE, EXACT, HYBRID, MEANING, WORDS, Ranker
from vecindex.verbs.search.reorder import Spread, reranked, spread
from vecindex.verbs.search.search import mending, with_full_text_index

_BLOCK = 64
"""Questions whose hits, with all that is fetched of them, are in memory at a time."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """The hits of each question by one ranker.

    Attributes
    ----------
    ids : article ids of each question's hits, the best first.
    grades : {article: grade}: the judgments, or the hits that hold an answer's text.
    shown : the first 10 of each.
    laps : the seconds that each block of questions took.
    """

    ranker: Ranker
    ids: list[list[str]] = field(default_factory=list)
    grades: list[dict[str, int]] = field(default_factory=list)
    shown: list[list[Found]] = field(default_factory=list)
    laps: list[float] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """The seconds that ranking took."""
        return sum(self.laps)


@dataclass(frozen=True, slots=True)
class Searched:
    """A table that questions are asked of.

    Attributes
    ----------
    at : the tag that it is read at.
    model : that has the reranker.
    options : how to rank.
    named : the option that names the ranker, for messages.
    workers : that find the nearest by vectors; None for this process.
    held : the vectors in memory, in this process; None for those on the disk.
    """

    database: Database
    table: ArticleTable
    at: str | None
    model: QuestionModel
    options: RankOptions
    named: str = "rankers"
    workers: Workers | None = None
    held: Source | None = None

    @property
    def without(self) -> Text:
        """How to do without an index, for messages."""
        return text("Give ", option(self.named, MEANING))


def vectors_of(
    database: Database,
    asked: Asked,
    table: ArticleTable,
    options: ModelOptions,
    model: QuestionModel,
    observer: Observer,
) -> tuple[F32, float]:
    """Return the questions' unit vectors (q, d), and the seconds that it took; equal texts are embedded once."""
    began = time.perf_counter()
    numbers: dict[str, int] = {}
    of_question = [numbers.setdefault(one.text, len(numbers)) for one in asked.questions]
    first: dict[str, Question] = {}
    for one in asked.questions:
        first.setdefault(one.text, one)
    distinct = QuestionSet(asked.name, tuple(first.values()))
    vectors, _ = question_vectors(database, distinct, table.fingerprint, table.where, options, model, observer)
    return vectors[of_question], time.perf_counter() - began


def ranked(
    searched: Searched,
    asked: Asked,
    rankers: Sequence[Ranker],
    depth: int,
    vectors: F32,
    observer: Observer,
) -> list[Ranking]:
    """Return the hits of each question by each ranker, `depth` at most; see `Finder` for their order.

    `vectors` (q, d) of the questions may be of no length where no ranker needs them.

    What two rankers need is searched once, and counts in the time of both. Memory is the hits of 64 questions with
    what is fetched of them, and the ids of all.
    """
    key = "article_id" if searched.table.fingerprint.chunking is not None else "id"
    answers = [[normalized(one) for one in question.answer_texts] for question in asked.questions]
    found = {str(ranker): Ranking(ranker) for ranker in rankers}
    wanted = Wanted(depth, reads_texts=asked.by_texts)
    for part in hits_of(searched, asked.questions, rankers, wanted, vectors, observer):
        one = found[str(part.ranker)]
        one.laps.append(part.seconds)
        for number, hits in enumerate(part.lists, part.at):
            keys = [hit.row[key] for hit in hits]
            one.ids.append(keys)
            one.shown.append([_without_text(hit) for hit in hits[:SHOWN]])
            judged = asked.grades[number]
            if asked.by_texts:
                judged = {k: int(holds(_passage(hit), answers[number])) for k, hit in zip(keys, hits, strict=True)}
            one.grades.append(judged)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which hits are wanted of each question.

    Attributes
    ----------
    depth : how many, at most.
    by : "article" or "chunk", which differ in a table of chunks only.
    pool : the first hits of which those are taken that differ; None for all.
    reads_texts : they bring their texts.
    """

    depth: int
    by: str = "article"
    pool: int | None = None
    reads_texts: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """The hits of a few questions by one ranker: the number of the first question, and the seconds that it took."""

    at: int
    ranker: Ranker
    lists: list[list[Found]]
    seconds: float


def hits_of(
    searched: Searched,
    questions: Sequence[Question],
    rankers: Sequence[Ranker],
    wanted: Wanted,
    vectors: F32,
    observer: Observer,
) -> Iterator[Part]:
    """Yield the hits of 64 questions at a time by each ranker; see `ranked`."""
    table, depth, by = searched.table, wanted.depth, wanted.by
    if any(ranker.by_words for ranker in rankers):
        language = searched.options["language"]
        with_full_text_index(searched.database, table, searched.at, language, observer, searched.without)
    reads_texts = wanted.reads_texts or any(ranker.rerank for ranker in rankers)
    finder = Finder(
        table,
        depth,
        by=by,
        text="none",
        fields=False,
        reads_texts=reads_texts,
        fusion=Fusion(searched.options["words_weight"], searched.options["rrf_k"]),
        source=_source(searched, rankers, wanted, vectors, observer),
    )
    near = None
    if any(ranker.base == APPROXIMATE for ranker in rankers):
        asked_for = checked(SearchOptions, SearchOptions(approximate=True, at=searched.at))
        found_by = approximation(table, asked_for, table.count(), observer, text(searched.without, "."))
        probe = None if found_by is None else found_by.probe
        near = Finder(table, depth, by=by, text="none", fields=False, reads_texts=reads_texts, probe=probe)
    queries = [Query(one.text, one.id, vectors[i], None) for i, one in enumerate(questions)]
    for at in range(0, len(queries), _BLOCK):
        observer.stage(Stage("ranking", at, len(queries)))
        block = _Block(searched, finder, near or finder, queries[at : at + _BLOCK], wanted.pool or depth, observer)
        for ranker in rankers:
            lists, seconds = block.ranked(ranker)
            yield Part(at, ranker, lists, seconds)
    observer.stage(Stage("ranking", len(queries), len(queries)))


def _source(
    searched: Searched, rankers: Sequence[Ranker], wanted: Wanted, vectors: F32, observer: Observer
) -> Source | None:
    """Return what has workers find the nearest rows, where there are any, or has the vectors; None for a scan."""
    if searched.workers is None:
        return searched.held
    if not any(ranker.base in EXACT for ranker in rankers):
        return None
    from vecindex.verbs.cluster.hits import FoundByWorkers

    grouped = searched.table.fingerprint.chunking is not None and wanted.by == "article"
    limit = first_limit(wanted.depth, grouped)
    return FoundByWorkers(searched.database, searched.table, vectors, limit, searched.workers, observer)


class _Block:
    """A few questions, and what was found of them already."""

    def __init__(
        self,
        searched: Searched,
        finder: Finder,
        near: Finder,
        queries: Sequence[Query],
        pool: int,
        observer: Observer,
    ) -> None:
        self._searched, self._finder, self._queries, self._observer = searched, finder, queries, observer
        self._near, self._pool = near, pool
        self._lists: dict[str, tuple[list[list[Found]], float]] = {}

    def ranked(self, ranker: Ranker) -> tuple[list[list[Found]], float]:
        """Return the hits of each question, and the seconds that they took, or would take alone."""
        here, options = self._searched, self._searched.options
        if ranker.diverse:
            before, seconds = self.ranked(replace(ranker, diverse=False))
            began = time.perf_counter()
            lists = spread(here.table, before, Spread(self._pool, self._pool, options["diversity"]))
            return lists, seconds + time.perf_counter() - began
        if not ranker.rerank:
            return self._base(ranker.base)
        name = str(ranker)
        if name not in self._lists:
            before, seconds = self._base(ranker.base)
            assert options["rerank"] is not None, "checked with the rankers"
            reranker = here.model.reranker(options["rerank"], options)
            began = time.perf_counter()
            lists = reranked(reranker, self._queries, before, options["rerank_depth"])
            self._lists[name] = lists, seconds + time.perf_counter() - began
        return self._lists[name]

    def _base(self, name: str) -> tuple[list[list[Found]], float]:
        if name not in self._lists:
            before = 0.0
            if name == HYBRID:
                near, near_s = self._base(MEANING)
                worded, worded_s = self._base(WORDS)
                before = near_s + worded_s
            began = time.perf_counter()
            if name == MEANING:
                lists = self._finder.by_vector(self._queries, self._finder.k)
            elif name == APPROXIMATE:
                lists = self._near.by_vector(self._queries, self._near.k)
            elif name == WORDS:
                lists = self._by_words()
            else:
                lists = self._finder.fused(near, worded)
            self._lists[name] = lists, before + time.perf_counter() - began
        return self._lists[name]

    def _by_words(self) -> list[list[Found]]:
        here, finder = self._searched, self._finder
        find = partial(finder.by_words, self._queries, finder.k)
        return mending(here.table, find, here.database, here.at, self._observer, here.without)


def _passage(found: Found) -> str:
    return f"{found.row['title'] or ''} {found.row['text'] or ''}"


def _without_text(found: Found) -> Found:
    return replace(found, row={k: v for k, v in found.row.items() if k != "text"})

"""How many of a question's neighbors survive on each stored map, and why the others do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

import numpy as np

from vecindex.config import GOAL
from vecindex.core.anchors import about_with_questions
from vecindex.core.overlap import chance_level, snap_floor
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError, CorruptError
from vecindex.messages import Message, command, join, option, percent, text
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import damaged_maps, maps, no_such_map
from vecindex.types import Observer, Silent
from vecindex.verbs.clock import Clock
from vecindex.verbs.overlap.causes.experiments import Experiment, weighed
from vecindex.verbs.overlap.causes.verdicts import NOTHING_TO_DO, Cause, Verdict
from vecindex.verbs.overlap.ceiling import articles_share, in_words, with_cliques
from vecindex.verbs.overlap.diagnose import diagnose
from vecindex.verbs.overlap.explain import Explainer, cheap_experiments
from vecindex.verbs.overlap.facts import Facts
from vecindex.verbs.overlap.measure import (
    Placed,
    Space,
    VectorsOf,
    map_overlap,
    place_all,
    rows_looked_up,
    space_facts,
    vectors_by_row,
)
from vecindex.verbs.overlap.metrics import further_metrics
from vecindex.verbs.overlap.options import DEPTH, OverlapOptions, check_enough, checked_overlap
from vecindex.verbs.overlap.result import MapOverlap, OverlapResult
from vecindex.verbs.overlap.rows import article_topics, question_rows, topic_column
from vecindex.verbs.overlap.what_if import NestedSearch, what_if_corpus
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import Questions, read
from vecindex.verbs.questions.vectors import question_vectors
from vecindex.verbs.reader import TableReader
from vecindex.verbs.scores.fidelity import DEPTH as OWN_DEPTH
from vecindex.verbs.scores.fidelity import Fidelity, FidelitySearch

TYPED = "typed"
NO_MAP = text(
    "Measuring overlap needs a map. Make one: ",
    command("project"),
    ". Until then the figures are those of embedding space alone.",
)


def overlap(
    database: Database,
    name: str,
    questions: Questions | None,
    options: OverlapOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stdin: BinaryIO | None = None,
) -> OverlapResult:
    """Return how many of the questions' neighbors survive on each stored map; see `Index.overlap`."""
    options = checked_overlap(questions, options)
    observer = observer or Silent()
    clock = Clock()
    k, seed = options["k"], options["seed"]
    table = database.articles(name, options["at"])
    about = _wanted_maps(table, options["map"], observer)
    topics = topic_column(table, options["topic_field"])
    asked = _asked(database, table, questions, options, model, observer, stdin)
    texts = [q.text for q in asked.set.questions]
    about = {map_name: about_with_questions(one, texts) for map_name, one in about.items()}
    clock.lap("questions")
    reader = TableReader(table, list(about), options["by"])
    check_enough(table.where, reader.n, k, "rows" if reader.articles is None else "articles")
    planes = {map_name: Plane(reader.positions[map_name], reader.articles) for map_name in about}
    nested = explainer = None
    if options["what_if"] is not None:
        nested = NestedSearch(asked.vectors[: len(texts)], reader.n, min(DEPTH, reader.n), seed, reader.articles)
    if options["explain"]:
        # What the model has to report was reported when it embedded the questions.
        made = model.embed
        explainer = Explainer(
            reader, asked.set, lambda texts: made(texts, table.fingerprint, table.where, options, Silent()), seed
        )
    clock.lap("preparing")
    others = [part for part in (nested, explainer) if part is not None]
    space, typed, fidelity = _search(reader, asked, planes, options, others)
    clock.lap("neighbors")
    if planes:
        space, *rest = with_cliques(database, reader, [space] if typed is None else [space, typed], observer)
        typed = rest[0] if rest else None
        clock.lap("cliques")
    placed = {map_name: place_all(plane, space) for map_name, plane in planes.items()}
    placed_typed = {map_name: place_all(plane, typed) for map_name, plane in planes.items()} if typed else {}
    shown = [space.near, *(near for both in placed.values() for p in both for near in (p.near, p.true))]
    space = replace(space, article_topics=article_topics(reader, topics, space, shown))
    if typed is not None:
        shown += [typed.near, *(near for both in placed_typed.values() for p in both for near in (p.near, p.true))]
    vectors_of = vectors_by_row(*reader.vectors(rows_looked_up(space, shown)))
    placed = _with_values(placed, space, vectors_of)
    facts = space_facts(space, vectors_of)
    if explainer is not None:
        facts = explainer.facts(facts, space)
    measured = []
    for map_name, plane in planes.items():
        padding, kept, share = options["bbox_padding"], fidelity.get(map_name), articles_share(space, plane)
        one = map_overlap(map_name, about[map_name], plane, placed[map_name], space, facts, padding, kept, share)
        measured.append(one)
        clock.lap(f"map {map_name}")
    measured.sort(key=_best_first)
    rows = question_rows(reader, space, placed)
    typed_row = None
    if typed is not None:
        (typed_row,) = question_rows(reader, typed, _with_values(placed_typed, typed, vectors_of))
    clock.lap("rows")
    experiments: list[Experiment] = []
    if measured:
        experiments += cheap_experiments(measured[0], space, placed[measured[0].name], vectors_of)
    if explainer is not None:
        experiments += explainer.experiments(reader, space, facts, planes[measured[0].name] if measured else None)
    clock.lap("experiments")
    causes = measured[0].causes if measured else diagnose(Facts(k, space.n, len(space.vectors), facts))
    causes = weighed(causes, experiments)
    if measured:
        # The experiments were made on the best map.
        measured[0] = replace(measured[0], causes=causes)
    what_if = None
    if nested is not None:
        in_order = {found.name: planes[found.name] for found in measured}
        what_if = what_if_corpus(reader, space, nested, in_order, placed, topics)
    clock.lap("what if")
    return OverlapResult(
        table=name,
        questions_name=asked.set.name,
        questions=len(asked.set.questions),
        topics=len({t for t in asked.set.topics or [] if t is not None}),
        articles=reader.n,
        k=k,
        model=table.fingerprint.model,
        chance=chance_level(k, reader.n),
        snap_floor=snap_floor(k),
        padding=options["bbox_padding"],
        seed=seed,
        embedded=asked.embedded,
        space=facts,
        maps=tuple(measured),
        rows=rows,
        causes=causes,
        verdict=_verdict(measured, causes, space, options["by"]),
        ceiling=in_words(measured, facts.clique_ceiling, len(texts), k, options["by"]),
        next=_next(measured, causes),
        rejected=asked.set.rejected,
        duplicates=asked.set.duplicates,
        seconds=clock.laps,
        by=options["by"],
        typed=typed_row,
        what_if=what_if,
        experiments=tuple(experiments),
        metrics=further_metrics(),
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """The questions that are measured, and one that was typed next to them, which is shown but counts in no figure.

    `vectors` (q, d) holds theirs, that of the typed one last; `embedded` is how many of these had to be made.
    """

    set: QuestionSet
    typed: QuestionSet | None
    vectors: F32
    embedded: int


def _asked(
    database: Database,
    table: ArticleTable,
    questions: Questions | None,
    options: OverlapOptions,
    model: QuestionModel,
    observer: Observer,
    stdin: BinaryIO | None,
) -> _Asked:
    """Return the questions to measure; without any, the one that is typed."""
    question = options["question"]
    asked = read([question or ""], name=TYPED) if questions is None else read(questions, stdin)
    typed = _typed(asked, question)
    found = [
        question_vectors(database, one, table.fingerprint, table.where, options, model, observer)
        for one in (asked, typed)
        if one is not None
    ]
    return _Asked(asked, typed, np.concatenate([vectors for vectors, _ in found]), sum(made for _, made in found))


def _typed(asked: QuestionSet, question: str | None) -> QuestionSet | None:
    """Return the question as a set of its own, or None when it is one of those asked, by its id or its text."""
    if question is None or any(question == q.id or question.strip() == q.text for q in asked.questions):
        return None
    if len(question.split()) < 2:
        # More likely an id with a slip of the pen than a question of one word.
        some = ", ".join(q.id for q in asked.questions[:5])
        raise ConfigError(
            f"No question has the id {question!r}, and a text has several words.",
            text(f"Ids there: {some}, ... A single word is asked without ", option("questions"), "."),
        )
    return read([question], name=TYPED)


def _wanted_maps(table: ArticleTable, name: str | None, observer: Observer) -> dict[str, Any]:
    there = maps(table)
    if name is None:
        for error in damaged_maps(table).values():
            observer.notice(join(" ", [error.message, *([error.hint] if error.hint else [])]))
        return there
    if name not in there:
        without = text("Leave ", option("map"), " out for the figures of embedding space.")
        raise no_such_map(table, name, "Name one of them." if there else without)
    return {name: there[name]}


def _search(
    reader: TableReader,
    asked: _Asked,
    planes: Mapping[str, Plane],
    options: OverlapOptions,
    others: Sequence[NestedSearch | Explainer],
) -> tuple[Space, Space | None, dict[str, Fidelity]]:
    """Find the neighbors of the questions and of sampled articles in one pass over the vectors; `others` join in.

    Return them, those of a question that was typed next to the others, and how faithful the maps are.
    """
    rng = np.random.default_rng(options["seed"])
    sample = np.sort(rng.permutation(reader.rows)[: options["sample"]])
    sample, sample_vectors = reader.vectors(sample)
    # One more than counts, as `settled` wants.
    depth = max(1, min(max(OWN_DEPTH, options["k"]) + 1, reader.n - 1))
    questions = ExactSearch(asked.vectors, min(DEPTH, reader.n), articles=reader.articles)
    own = ExactSearch(sample_vectors, depth, without=sample, articles=reader.articles)
    shared = own if reader.articles is None else None
    faithful = FidelitySearch(sample, sample_vectors, planes, options["k"], reader.vectors, options["seed"], shared)
    try:
        for rows, block in reader.blocks():
            questions.add(rows, block)
            own.add(rows, block)
            faithful.add(rows, block)
            for other in others:
                other.add(rows, block)
    except ValueError as error:
        raise CorruptError(f"{reader.table.where}: {error}.", text("Find the rows: ", command("doctor"))) from error
    near, own_near, q = questions.result(), own.result(), len(asked.set.questions)
    answers, absent = reader.answers(asked.set)
    space = Space(
        asked=asked.set,
        n=reader.n,
        k=options["k"],
        seed=options["seed"],
        vectors=asked.vectors[:q],
        near=near.take(np.arange(q)),
        sample=sample,
        sample_vectors=sample_vectors,
        sample_near=own_near,
        answers=answers,
        answers_absent=absent,
        truncated=reader.table.count("truncated") / reader.rows,
        look_up=reader.vectors,
        articles=reader.articles,
    )
    typed = None
    if asked.typed is not None:
        none: list[Any] = [np.empty(0, np.int64)]
        typed = replace(
            space, asked=asked.typed, vectors=asked.vectors[q:], near=near.take(np.array([q])), answers=none
        )
    return space, typed, faithful.result()


def _with_values(
    placed: Mapping[str, Sequence[Placed]], space: Space, vectors_of: VectorsOf
) -> dict[str, list[Placed]]:
    return {name: [p.with_values(space, vectors_of) for p in both] for name, both in placed.items()}


def _best_first(found: MapOverlap) -> tuple[Any, ...]:
    # A map that was anchored to these very questions says nothing of maps, so it does not stand for them.
    recall = np.nan_to_num(found.self_recall.mean)
    return "anchored_note" in found.about, -found.search.overlap.mean, -recall, found.name


def _verdict(measured: Sequence[MapOverlap], causes: Sequence[Verdict], space: Space, by: str) -> str:
    cause = causes[0].cause
    if not measured:
        return f"There is no map to measure overlap on. In embedding space, {cause.meaning}."
    mean, k = measured[0].search.overlap.mean, space.k
    whose = "Of the question's" if len(space.vectors) == 1 else f"On average {k * mean:.1f} of a question's"
    how_many = f" {k * mean:.0f}" if len(space.vectors) == 1 else ""
    on = f'on the map "{measured[0].name}"' if len(measured) > 1 else "on the map"
    kept = f"{whose} {k} nearest {by}s{how_many} are still its nearest {on}"
    why = "Nothing is wrong." if cause is Cause.HEALTHY else f"Main cause: {cause.meaning}."
    return f"{kept} ({percent(mean)}, goal {percent(GOAL)}). {why}"


def _next(measured: Sequence[MapOverlap], causes: Sequence[Verdict]) -> tuple[Message, ...]:
    advice: list[Message] = [] if measured else [NO_MAP]
    return (*advice, *(v.remedy for v in causes if v.remedy != NOTHING_TO_DO))

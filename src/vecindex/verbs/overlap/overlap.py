"""How many of a question's neighbors survive on each stored map, and why the others do not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from vecindex.config import GOAL
from vecindex.core.anchors import about_with_questions
from vecindex.core.neighbors import NO_ROW, Neighbors
from vecindex.core.overlap import chance_level, snap_floor
from vecindex.core.questions import Question, QuestionSet, worst_first
from vecindex.core.vectors import F32
from vecindex.errors import CorruptError
from vecindex.messages import Message, command, join, option, text
from vecindex.neighbors.exact import ExactSearch, refuse_unusable
from vecindex.neighbors.plane import Plane
from vecindex.options import ModelOptions, changed, fields_of
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.graph import GraphTable
from vecindex.store.maps import damaged_maps, maps, no_such_map
from vecindex.types import Observer, Silent
from vecindex.verbs.clock import Clock
from vecindex.verbs.languages import unknown_line, unknown_rows
from vecindex.verbs.overlap.advice.answer import Measured, answer, verdict
from vecindex.verbs.overlap.advice.remembered import remember, remembered
from vecindex.verbs.overlap.advice.situation import Situation
from vecindex.verbs.overlap.advice.why import why
from vecindex.verbs.overlap.asking.asked import Asked, read_asked
from vecindex.verbs.overlap.causes.experiments import Experiment, weighed
from vecindex.verbs.overlap.causes.verdicts import NOTHING_TO_DO, Verdict
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
from vecindex.verbs.overlap.options import DEPTH, OverlapOptions, check_enough, check_memory_of, checked_overlap
from vecindex.verbs.overlap.question import QuestionRow
from vecindex.verbs.overlap.ranked.lists import ranked_ids, with_hits
from vecindex.verbs.overlap.ranked.measure import name_of, ranked_facts, ranked_on_map, with_maps
from vecindex.verbs.overlap.result import MapOverlap, OverlapResult
from vecindex.verbs.overlap.rows import article_topics, question_rows, topic_column
from vecindex.verbs.overlap.what_if import NestedSearch, what_if_corpus
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import Questions
from vecindex.verbs.reader import TableReader
from vecindex.verbs.scores.fidelity import DEPTH as OWN_DEPTH
from vecindex.verbs.scores.fidelity import Fidelity, FidelitySearch
from vecindex.verbs.the_map import digests_of, kind_of, made_for, the_map

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
    goal: float = GOAL,
) -> OverlapResult:
    """Return how many of the questions' neighbors survive on each stored map; see `Index.overlap`.

    `goal` is the share from which on nothing needs a cause.
    """
    options, ranker = checked_overlap(questions, options)
    observer = observer or Silent()
    clock = Clock()
    k, seed = options["k"], options["seed"]
    table = database.articles(name, options["at"])
    there = maps(table)
    stored = _wanted_maps(table, there, options["map"], observer)
    topics = topic_column(table, options["topic_field"])
    asked = read_asked(database, table, questions, options, model, observer, stdin)
    hits = ranked_ids(database, table, asked, ranker, options, model, observer)
    texts = [one.text for one in asked.set.questions]
    q = len(texts)
    about = {map_name: about_with_questions(one, texts) for map_name, one in stored.items()}
    situation = _situation(table, questions, options, there, texts)
    chosen = the_map(stored, situation.asked, options["map"]) if stored else None
    clock.lap("questions")
    check_memory_of(table.count(), len(about), GraphTable(database, name).exists(), options, observer)
    _warn_of_unknown(table, observer)
    reader = TableReader(table, list(about), options["by"])
    check_enough(table.where, reader.n, k, "row" if reader.articles is None else "article")
    planes = {map_name: Plane(reader.positions[map_name], reader.articles) for map_name in about}
    nested = None
    if options["what_if"] is not None:
        nested = NestedSearch(asked.vectors[:q], reader.n, min(DEPTH, reader.n), seed, reader.articles)
    explainer = _explainer(reader, asked.set, options, model) if options["explain"] else None
    clock.lap("preparing")
    others = [part for part in (nested, explainer) if part is not None]
    far = _by_workers(database, reader, asked.vectors, options, observer)
    space, typed, fidelity = _search(reader, asked, planes, options, others, far)
    by_vectors, space, typed = space, *with_hits(space, typed, hits, reader)
    clock.lap("neighbors")
    if planes:
        space, *rest = with_cliques(database, reader, [space] if typed is None else [space, typed], observer)
        typed = rest[0] if rest else None
        clock.lap("cliques")
    placed = {map_name: place_all(plane, space) for map_name, plane in planes.items()}
    placed_typed = {map_name: place_all(plane, typed) for map_name, plane in planes.items()} if typed else {}
    shown = [
        space.near,
        space.nearest,
        *(near for both in placed.values() for p in both for near in (p.near, p.true)),
    ]
    space = replace(space, article_topics=article_topics(reader, topics, space, shown))
    if typed is not None:
        shown += [typed.near, *(near for both in placed_typed.values() for p in both for near in (p.near, p.true))]
    vectors_of = vectors_by_row(*reader.vectors(rows_looked_up(space, shown)))
    placed = _with_values(placed, space, vectors_of)
    facts = space_facts(space, vectors_of)
    ranked = ranked_facts(space, str(ranker))
    if explainer is not None:
        facts = explainer.facts(facts, space)
        remember(database, name, situation.asked, options, facts, reader.n, observer)
    else:
        facts, known = remembered(database, name, situation.asked, options, facts, reader.n)
        situation = replace(situation, explained=known)
    measured = []
    for map_name, plane in planes.items():
        padding, kept, share = options["bbox_padding"], fidelity.get(map_name), articles_share(space, plane)
        one = map_overlap(map_name, about[map_name], plane, placed[map_name], space, padding, kept, share)
        one = replace(one, ranked=ranked_on_map(space, by_vectors, plane, placed[map_name][0]))
        one = replace(one, kind=str(kind_of(stored[map_name])), for_these=made_for(stored[map_name], situation.asked))
        here = replace(situation, worst=_worst(space, placed[map_name][0]))
        about_it = Facts(k, space.n, q, facts, one, here, ranked)
        measured.append(replace(one, causes=diagnose(about_it, goal)))
        clock.lap(f"map {map_name}")
    measured.sort(key=lambda one: (chosen is None or one.name != chosen.name, *_best_first(one)))
    rows = question_rows(reader, space, placed, vectors_of)
    typed_row = None
    if typed is not None:
        (typed_row,) = question_rows(reader, typed, _with_values(placed_typed, typed, vectors_of), vectors_of)
    clock.lap("rows")
    experiments: list[Experiment] = []
    if measured:
        experiments += cheap_experiments(measured[0], space, placed[measured[0].name], vectors_of)
    if explainer is not None:
        experiments += explainer.experiments(reader, space, facts, planes[measured[0].name] if measured else None)
    clock.lap("experiments")
    causes = measured[0].causes if measured else diagnose(Facts(k, space.n, q, facts, None, situation, ranked), goal)
    causes = weighed(causes, experiments)
    if measured:
        # The experiments were made on the map.
        measured[0] = replace(measured[0], causes=causes)
    what_if = None
    if nested is not None:
        in_order = {found.name: planes[found.name] for found in measured}
        what_if = what_if_corpus(reader, space, nested, in_order, placed, topics)
    clock.lap("what if")
    if measured:
        situation = replace(situation, worst=_worst(space, placed[measured[0].name][0]))
    found = Measured(measured, chosen, causes, situation, q, k, options["by"], goal, name_of(ranked))
    explained = partial(_with_why, found=found)
    return OverlapResult(
        table=name,
        questions_name=asked.set.name,
        questions=q,
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
        rows=tuple(explained(row) for row in rows),
        causes=causes,
        verdict=verdict(found),
        ceiling=in_words(measured, facts.clique_ceiling, q, k, options["by"], found.ranker),
        next=_next(measured, causes),
        rejected=asked.set.rejected,
        duplicates=asked.set.duplicates,
        seconds=clock.laps,
        by=options["by"],
        typed=None if typed_row is None else explained(typed_row),
        what_if=what_if,
        experiments=tuple(experiments),
        metrics=further_metrics(),
        map=chosen,
        answer=answer(found),
        ranked=with_maps(ranked, measured),
    )


def _warn_of_unknown(table: ArticleTable, observer: Observer) -> None:
    if lost := unknown_rows(table):
        observer.warning(unknown_line(lost, table.count()))


def _explainer(reader: TableReader, asked: QuestionSet, options: OverlapOptions, model: QuestionModel) -> Explainer:
    table, made = reader.table, model.embed

    def embed(texts: Sequence[str]) -> F32:
        # What the model has to report was reported when it embedded the questions.
        return made(texts, table.fingerprint, table.where, options, Silent())

    return Explainer(reader, asked, embed, options["seed"])


def _situation(
    table: ArticleTable,
    questions: Questions | None,
    options: OverlapOptions,
    there: Mapping[str, Any],
    texts: list[str],
) -> Situation:
    """Return what advice can name, and what was done already."""
    given, model = changed(OverlapOptions, options), fields_of(ModelOptions)
    file = str(questions) if isinstance(questions, str | Path) and str(questions) != "-" else None
    alone = ("question", "at", "explain", "engine", "worker_cores", *model)
    return Situation(
        table=table.name,
        questions=file,
        typed=options["question"] if questions is None else None,
        model={name: value for name, value in given.items() if name in model},
        asking={name: value for name, value in given.items() if name not in alone},
        maps=there,
        asked=digests_of(texts),
        columns=frozenset(name.lower() for name in table.schema.names),
        explained=options["explain"],
        past=options["at"],
    )


def _with_why(row: QuestionRow, found: Measured) -> QuestionRow:
    others = [one.name for one in found.maps[1:] if one.for_these]
    name = None if found.chosen is None else found.chosen.name
    for_these = bool(found.maps) and found.maps[0].for_these
    return replace(row, why=why(row, found.k, found.by, name, for_these, others, found.ranker))


def _worst(space: Space, placed: Placed) -> Question:
    """Return the question that keeps least, of those with hits: another one has nothing to look at."""
    none = space.near.rows[:, 0] == NO_ROW
    every = zip(none.tolist(), placed.values["overlap"], space.nearest.dist[:, 0], space.asked.questions, strict=True)
    return min(every, key=lambda one: (one[0], *worst_first(one[1], one[2], one[3].id)))[3]


def _wanted_maps(
    table: ArticleTable, there: Mapping[str, Any], name: str | None, observer: Observer
) -> Mapping[str, Any]:
    if name is None:
        for error in damaged_maps(table).values():
            observer.notice(join(" ", [error.message, *([error.hint] if error.hint else [])]))
        return there
    if name not in there:
        without = text("Leave ", option("map"), " out for the figures of embedding space.")
        raise no_such_map(table, name, "Name one of them." if there else without)
    return {name: there[name]}


def _by_workers(
    database: Database, reader: TableReader, vectors: F32, options: OverlapOptions, observer: Observer
) -> Neighbors | None:
    """Return the neighbors of questions as workers find them; None where this process is to."""
    from vecindex.cluster.engine import workers_of
    from vecindex.verbs.cluster.blocks import nearest_by_workers

    if (workers := workers_of(options)) is None:
        return None
    with _vectors_sound(reader):
        return nearest_by_workers(database, reader, vectors, min(DEPTH, reader.n), workers, observer)


@contextmanager
def _vectors_sound(reader: TableReader) -> Iterator[None]:
    """Say of a vector that is not finite where it is."""
    try:
        yield
    except ValueError as error:
        raise CorruptError(f"{reader.table.where}: {error}.", text("Find the rows: ", command("doctor"))) from error


def _search(
    reader: TableReader,
    asked: Asked,
    planes: Mapping[str, Plane],
    options: OverlapOptions,
    others: Sequence[NestedSearch | Explainer],
    near: Neighbors | None = None,
) -> tuple[Space, Space | None, dict[str, Fidelity]]:
    """Find the neighbors of the questions and of sampled articles in one pass over the vectors; `others` join in.

    `near` are those of the questions, where they are found already.

    Return them, those of a question that was typed next to the others, and how faithful the maps are.
    """
    rng = np.random.default_rng(options["seed"])
    sample = np.sort(rng.permutation(reader.rows)[: options["sample"]])
    sample, sample_vectors = reader.vectors(sample)
    # One more than counts, as `settled` wants.
    depth = max(1, min(max(OWN_DEPTH, options["k"]) + 1, reader.n - 1))
    questions = ExactSearch(asked.vectors, min(DEPTH, reader.n), articles=reader.articles)
    with _vectors_sound(reader):
        refuse_unusable(sample_vectors)
        own = ExactSearch(sample_vectors, depth, without=sample, articles=reader.articles)
        shared = own if reader.articles is None else None
        faithful = FidelitySearch(
            sample, sample_vectors, planes, options["k"], reader.vectors, options["seed"], shared
        )
        for rows, block in reader.blocks():
            if near is None:
                questions.add(rows, block)
            own.add(rows, block)
            faithful.add(rows, block)
            for other in others:
                other.add(rows, block)
    near, own_near, q = near or questions.result(), own.result(), len(asked.set.questions)
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
    # A map that was anchored to some of these questions says nothing of maps, so it comes after them.
    recall = np.nan_to_num(found.self_recall.mean)
    return "anchored_note" in found.about, -found.search.overlap.mean, -recall, found.name


def _next(measured: Sequence[MapOverlap], causes: Sequence[Verdict]) -> tuple[Message, ...]:
    advice: list[Message] = [] if measured else [NO_MAP]
    advice += [v.remedy for v in causes if v.remedy != NOTHING_TO_DO]
    # Two causes may have the same remedy.
    return tuple(dict.fromkeys(advice))

"""How many of a question's neighbors survive on each stored map, and why the others do not."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np

from vecindex.core.anchors import about_with_questions
from vecindex.core.neighbors import NO_ROW
from vecindex.core.nulls import bootstrap_mean
from vecindex.core.overlap import chance_level, overlap_at_k, snap_floor
from vecindex.errors import ConfigError, CorruptError
from vecindex.messages import Message, command, option, text
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import maps
from vecindex.types import Observer, Silent
from vecindex.verbs.clock import Clock
from vecindex.verbs.overlap.asked import Asked, asked_questions
from vecindex.verbs.overlap.causes.tree import diagnose
from vecindex.verbs.overlap.causes.verdicts import NOTHING_TO_DO, Verdict
from vecindex.verbs.overlap.explain import Embed
from vecindex.verbs.overlap.extras import Collector, Extras, with_weighed_causes
from vecindex.verbs.overlap.measure import (
    Lookup,
    Placed,
    Space,
    facts_of,
    map_agreement,
    own_lists,
    place_all,
    placement_figures,
    rows_looked_up,
    self_curves,
    space_facts,
)
from vecindex.verbs.overlap.options import DEPTH, OverlapOptions, checked_overlap
from vecindex.verbs.overlap.question_result import QuestionRow
from vecindex.verbs.overlap.result import MapOverlap, OverlapResult, SpaceFacts
from vecindex.verbs.overlap.rows import question_rows
from vecindex.verbs.overlap.topics import article_topics, topic_column
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import Questions
from vecindex.verbs.reader import OverlapReader
from vecindex.verbs.scores.evenness import map_evenness
from vecindex.verbs.scores.fidelity import DEPTH as OWN_DEPTH
from vecindex.verbs.scores.fidelity import Fidelity, FidelitySearch

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
    table = database.articles(name, options["at"])
    about = _wanted_maps(table, options["map"])
    topics = topic_column(table, options["topic_field"])
    asked = asked_questions(database, table, questions, options, model, observer, stdin)
    about = {name: about_with_questions(told, [q.text for q in asked.set.questions]) for name, told in about.items()}
    clock.lap("questions")
    reader = OverlapReader(table, list(about), options["by"])
    if reader.n < options["k"]:
        raise ConfigError(
            text(
                f"{table.where} has {reader.n:,} {'rows' if reader.articles is None else 'articles'}, fewer than ",
                option("k", options["k"]),
            ),
            text("Ingest articles, or give a smaller ", option("k"), "."),
        )
    planes = {map_name: Plane(reader.places[map_name], reader.articles) for map_name in about}
    extras = Extras(
        reader,
        asked,
        options["seed"],
        embed=_embedder(table, options, model) if options["explain"] else None,
        what_if=options["what_if"] is not None,
        topics=topics,
    )
    clock.lap("preparing")
    space, typed, fidelity = _search(reader, asked, planes, options, extras.collectors)
    clock.lap("neighbors")
    placed = {map_name: place_all(plane, space) for map_name, plane in planes.items()}
    shown = [space.near, *(p.near for both in placed.values() for p in both)]
    space = replace(space, article_topics=article_topics(reader, topics, space, shown))
    lookup = Lookup(*reader.vectors(rows_looked_up(space, [p for both in placed.values() for p in both])))
    facts = extras.facts(space_facts(space, lookup), space)
    measured = []
    for map_name, plane in planes.items():
        told, found = about[map_name], fidelity.get(map_name)
        measured.append(_map(map_name, told, plane, placed[map_name], space, facts, lookup, options, found))
        clock.lap(f"map {map_name}")
    # A map that was anchored to these very questions says nothing of maps, so it does not stand for them.
    measured.sort(
        key=lambda m: (
            "anchored_note" in m.about,
            -m.search.overlap.mean,
            -np.nan_to_num(m.self_recall.mean),
            m.name,
        )
    )
    rows = question_rows(reader, space, placed)
    typed_row = _typed_row(reader, typed, planes)
    clock.lap("rows")
    experiments = extras.experiments(measured[0] if measured else None, space, facts, planes, placed, lookup)
    clock.lap("experiments")
    causes = measured[0].causes if measured else diagnose(facts_of(space, facts))
    measured, causes = with_weighed_causes(measured, causes, experiments)
    what_if = extras.what_if(measured, space, planes, placed)
    clock.lap("what if")
    return OverlapResult(
        table=name,
        questions_name=asked.set.name,
        questions=len(asked.set.questions),
        topics=len({t for t in asked.set.topics or [] if t is not None}),
        articles=reader.n,
        k=options["k"],
        model=table.fingerprint.model,
        chance=chance_level(options["k"], reader.n),
        snap_floor=snap_floor(options["k"]),
        padding=options["bbox_padding"],
        seed=options["seed"],
        embedded=asked.embedded,
        space=facts,
        maps=tuple(measured),
        rows=rows,
        causes=causes,
        verdict=_verdict(measured, causes, options["k"], options["by"]),
        next=_next(measured, causes),
        rejected=asked.set.rejected,
        duplicates=asked.set.duplicates,
        seconds=clock.laps,
        by=options["by"],
        typed=typed_row,
        what_if=what_if,
        experiments=tuple(experiments),
    )


def _embedder(table: ArticleTable, options: OverlapOptions, model: QuestionModel) -> Embed:
    """Return what turns texts into vectors as it did the questions; what there is to tell was told then."""
    return lambda texts: model.embed(texts, table.fingerprint, table.where, options, Silent())


def _wanted_maps(table: ArticleTable, name: str | None) -> dict[str, Any]:
    there = maps(table)
    if name is None:
        return there
    if name not in there:
        raise ConfigError(
            f"{table.where} has no map {name!r} (maps there: {', '.join(there) or 'none'}).",
            text("Leave ", option("map"), " out for the figures of embedding space.")
            if not there
            else "Name one of them.",
        )
    return {name: there[name]}


def _search(
    reader: OverlapReader,
    asked: Asked,
    planes: Mapping[str, Plane],
    options: OverlapOptions,
    others: Sequence[Collector],
) -> tuple[Space, Space | None, dict[str, Fidelity]]:
    """Find the neighbors of the questions and of sampled articles in one pass over the vectors; `others` join in.

    Return them, those of a question that was typed beside the others, and how faithful the maps are.
    """
    rng = np.random.default_rng(options["seed"])
    sample = np.sort(rng.permutation(reader.rows)[: options["sample"]])
    sample, sample_vectors = reader.vectors(sample)
    depth = max(1, min(max(OWN_DEPTH, options["k"]), reader.n - 1))
    questions = ExactSearch(asked.all_vectors, min(DEPTH, reader.n), articles=reader.articles)
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
        raise CorruptError(f"{reader.table.where}: {error}.", text("Look closer: ", command("doctor"))) from error
    near, own_near, q = questions.result(), own.result(), len(asked.vectors)
    answers, absent = reader.answers(asked.set)
    space = Space(
        asked=asked.set,
        n=reader.n,
        k=options["k"],
        seed=options["seed"],
        vectors=asked.vectors,
        near=near.take(np.arange(q)),
        sample=sample,
        sample_vectors=sample_vectors,
        sample_near=own_near,
        answers=answers,
        answers_absent=absent,
        truncated=reader.table.count("truncated") / reader.rows,
        articles=reader.articles,
    )
    typed = None
    if asked.typed is not None:
        none: list[Any] = [np.empty(0, np.int64)]
        typed = replace(
            space, asked=asked.typed, vectors=asked.all_vectors[q:], near=near.take(np.array([q])), answers=none
        )
    return space, typed, faithful.result()


def _typed_row(reader: OverlapReader, typed: Space | None, planes: Mapping[str, Plane]) -> QuestionRow | None:
    if typed is None:
        return None
    return question_rows(reader, typed, {name: place_all(plane, typed) for name, plane in planes.items()})[0]


def _map(
    name: str,
    about: Any,
    plane: Plane,
    placed: Sequence[Placed],
    space: Space,
    facts: SpaceFacts,
    lookup: Lookup,
    options: OverlapOptions,
    fidelity: Fidelity | None,
) -> MapOverlap:
    search, median = (placement_figures(p, space, plane, lookup, options["bbox_padding"]) for p in placed)
    targets = space.near.rows[:, : space.k]
    outside = float(np.isnan(plane.xy[targets[targets != NO_ROW], 0]).mean())
    agrees = map_agreement(space, plane)
    near, found = own_lists(space, plane)
    recall = bootstrap_mean(overlap_at_k(near, found, min(space.k, near.shape[1])), seed=space.seed)
    by_k, soft = self_curves(space, near, found)
    known = facts_of(space, facts, search, recall.mean, agrees, outside)
    return MapOverlap(
        name=name,
        about=about if isinstance(about, dict) else {"about": about},
        articles=plane.n_articles,
        outside=space.n - plane.n_articles,
        targets_outside=outside,
        self_recall=recall,
        self_by_k=by_k,
        self_soft=soft,
        fidelity=fidelity,
        agreement=agrees,
        evenness=map_evenness(plane, space.seed) if len(plane) > 1 else None,
        search=search,
        median=median,
        causes=diagnose(known),
    )


def _verdict(measured: Sequence[MapOverlap], causes: Sequence[Verdict], k: int, by: str) -> str:
    if not measured:
        return f"no map to measure overlap on; in embedding space: {causes[0].cause}"
    best = measured[0]
    found = best.search.overlap
    kept = f"{found.mean:.0%} of the {k} nearest {by}s stay nearest on map {best.name}"
    if math.isnan(found.low):
        return f"{kept}, of one question: {causes[0].cause}"
    return (
        f"{kept} ({found.low:.0%} to {found.high:.0%}); {best.search.enough.mean:.0%} of the questions keep enough: "
        f"{causes[0].cause}"
    )


def _next(measured: Sequence[MapOverlap], causes: Sequence[Verdict]) -> tuple[Message, ...]:
    advice: list[Message] = [] if measured else [NO_MAP]
    return (*advice, *(v.remedy for v in causes if v.remedy != NOTHING_TO_DO))

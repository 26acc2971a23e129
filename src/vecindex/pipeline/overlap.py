"""How many of a question's neighbors survive on each stored map, and why the others do not."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from vecindex.core.anchors import told_with_questions
from vecindex.core.causes import Verdict, diagnose
from vecindex.core.geometry import PADDING
from vecindex.core.neighbors import NO_ROW, Neighbors
from vecindex.core.nulls import SEED, bootstrap_mean
from vecindex.core.overlap import (
    chance_level,
    overlap_at_k,
    rank_weighted_overlap,
    reciprocal_overlap,
    snap_floor,
    soft_overlap,
)
from vecindex.core.questions import QuestionSet
from vecindex.core.space import answer_recall, percentiles, reciprocal_rank
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError, CorruptError
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.pipeline.explain import Embed
from vecindex.pipeline.overlap_extras import Collector, Extras, with_weighed_causes
from vecindex.pipeline.overlap_measure import (
    DEPTH,
    Lookup,
    Placed,
    Space,
    facts_of,
    map_agreement,
    map_evenness,
    place_all,
    placement_figures,
    rows_looked_up,
    self_recall,
    space_facts,
)
from vecindex.pipeline.overlap_reader import OverlapReader
from vecindex.pipeline.overlap_result import (
    MapOverlap,
    Near,
    OverlapResult,
    QuestionOnMap,
    QuestionRow,
    SpaceFacts,
)
from vecindex.pipeline.queries import ModelOptions, QuestionModel
from vecindex.pipeline.questions import question_vectors, questions_from_texts, read_question_set
from vecindex.pipeline.what_if import CORPUS, TOPIC_FIELD
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import maps
from vecindex.types import Observer, Silent

NO_MAP = (
    "Measuring overlap needs a map: vecindex project makes one. Until then the figures are those of embedding space "
    "alone."
)


@dataclass(frozen=True, slots=True)
class OverlapOptions:
    """What to measure; see `Index.overlap`."""

    file: str | None = None
    texts: Sequence[str] = ()
    k: int = 5
    map: str | None = None
    padding: float = PADDING
    sample: int = 1_000
    seed: int = SEED
    at: str | None = None
    model: ModelOptions = field(default_factory=ModelOptions)
    what_if: str | None = None
    explain: bool = False
    topic_field: str = TOPIC_FIELD

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if (self.file is None) == (not self.texts):
            raise ConfigError("overlap needs questions: a file, or texts.", "Add --questions FILE.")
        if not 1 <= self.k <= DEPTH:
            raise ConfigError(f"-k must be from 1 to {DEPTH}, found {self.k}.")
        if self.padding < 0:
            raise ConfigError(f"--bbox-padding must not be negative, found {self.padding}.")
        if self.sample < 1:
            raise ConfigError(f"--sample must be at least 1, found {self.sample}.")
        if self.what_if not in (None, CORPUS):
            raise ConfigError(f"--what-if knows {CORPUS} only, found {self.what_if!r}.", f"--what-if {CORPUS}")


def overlap(
    database: Database,
    name: str,
    options: OverlapOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stdin: BinaryIO | None = None,
) -> OverlapResult:
    """Return how many of the questions' neighbors survive on each stored map; see `Index.overlap`."""
    observer = observer or Silent()
    clock = _Clock()
    table = database.articles(name, options.at)
    about = _wanted_maps(table, options.map)
    asked = questions_from_texts(options.texts) if options.file is None else read_question_set(options.file, stdin)
    about = {name: told_with_questions(told, [q.text for q in asked.questions]) for name, told in about.items()}
    vectors, embedded = question_vectors(
        database, asked, table.fingerprint, table.where, options.model, model, observer
    )
    clock.lap("questions")
    reader = OverlapReader(table, list(about))
    if reader.n < options.k:
        raise ConfigError(
            f"{table.where} has {reader.n:,} rows, fewer than -k {options.k}.",
            "Ingest articles, or give a smaller -k.",
        )
    extras = Extras(
        reader,
        asked,
        vectors,
        options.seed,
        embed=_embedder(table, options, model) if options.explain else None,
        what_if=options.what_if is not None,
        topic_field=options.topic_field,
    )
    clock.lap("preparing")
    space = _search(reader, asked, vectors, options, extras.collectors)
    clock.lap("neighbors")
    planes = {map_name: Plane(reader.places[map_name]) for map_name in about}
    placed = {map_name: place_all(plane, space) for map_name, plane in planes.items()}
    lookup = Lookup(*reader.vectors(rows_looked_up(space, [p for both in placed.values() for p in both])))
    facts = extras.facts(space_facts(space, lookup), space)
    measured = []
    for map_name, plane in planes.items():
        measured.append(_map(map_name, about[map_name], plane, placed[map_name], space, facts, lookup, options))
        clock.lap(f"map {map_name}")
    # A map that was anchored to these very questions says nothing of maps, so it does not stand for them.
    measured.sort(key=lambda m: ("anchored_note" in m.about, -m.search.overlap.mean, m.name))
    rows = _rows(reader, space, placed)
    clock.lap("rows")
    experiments = extras.experiments(measured[0] if measured else None, space, facts, planes, placed, lookup)
    clock.lap("experiments")
    causes = measured[0].causes if measured else diagnose(facts_of(space, facts))
    measured, causes = with_weighed_causes(measured, causes, experiments)
    what_if = extras.what_if(measured, space, planes, placed)
    clock.lap("what if")
    return OverlapResult(
        table=name,
        questions_name=asked.name,
        questions=len(asked.questions),
        topics=len({t for t in asked.topics or [] if t is not None}),
        articles=reader.n,
        k=options.k,
        model=table.fingerprint.model,
        chance=chance_level(options.k, reader.n),
        snap_floor=snap_floor(options.k),
        padding=options.padding,
        seed=options.seed,
        embedded=embedded,
        space=facts,
        maps=tuple(measured),
        rows=rows,
        causes=causes,
        verdict=_verdict(measured, causes, options.k),
        next=_next(measured, causes),
        rejected=asked.rejected,
        duplicates=asked.duplicates,
        seconds=clock.laps,
        what_if=what_if,
        experiments=tuple(experiments),
    )


class _Clock:
    """Wall seconds of each part."""

    def __init__(self) -> None:
        self._mark = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self._mark = now - self._mark, now


def _embedder(table: ArticleTable, options: OverlapOptions, model: QuestionModel) -> Embed:
    """Return what turns texts into vectors as it did the questions; what there is to tell was told then."""
    return lambda texts: model.embed(texts, table.fingerprint, table.where, options.model, Silent())


def _wanted_maps(table: ArticleTable, name: str | None) -> dict[str, Any]:
    there = maps(table)
    if name is None:
        return there
    if name not in there:
        raise ConfigError(
            f"{table.where} has no map {name!r} (maps there: {', '.join(there) or 'none'}).",
            "Leave --map out for the figures of embedding space." if not there else "Name one of them.",
        )
    return {name: there[name]}


def _search(
    reader: OverlapReader, asked: QuestionSet, vectors: F32, options: OverlapOptions, others: Sequence[Collector]
) -> Space:
    """Find the neighbors of the questions and of sampled articles in one pass over the vectors; `others` join in."""
    rng = np.random.default_rng(options.seed)
    sample = np.sort(rng.permutation(reader.n)[: options.sample])
    sample, sample_vectors = reader.vectors(sample)
    questions = ExactSearch(vectors, min(DEPTH, reader.n))
    articles = ExactSearch(sample_vectors, max(1, min(options.k, reader.n - 1)), without=sample)
    try:
        for rows, block in reader.blocks():
            questions.add(rows, block)
            articles.add(rows, block)
            for other in others:
                other.add(rows, block)
    except ValueError as error:
        raise CorruptError(f"{reader.table.where}: {error}.", "Look closer: vecindex doctor") from error
    answers, absent = reader.answers(asked)
    return Space(
        asked=asked,
        n=reader.n,
        k=options.k,
        seed=options.seed,
        vectors=vectors,
        near=questions.result(),
        sample=sample,
        sample_vectors=sample_vectors,
        sample_near=articles.result(),
        answers=answers,
        answers_absent=absent,
        truncated=reader.table.count("truncated") / reader.n,
    )


def _map(
    name: str,
    about: Any,
    plane: Plane,
    placed: Sequence[Placed],
    space: Space,
    facts: SpaceFacts,
    lookup: Lookup,
    options: OverlapOptions,
) -> MapOverlap:
    search, median = (placement_figures(p, space, plane, lookup, options.padding) for p in placed)
    targets = space.near.rows[:, : space.k]
    outside = float(np.isnan(plane.xy[targets[targets != NO_ROW], 0]).mean())
    agrees = map_agreement(space, plane)
    recall = bootstrap_mean(self_recall(space, plane), seed=space.seed)
    known = facts_of(space, facts, search, recall.mean, agrees, outside)
    return MapOverlap(
        name=name,
        about=about if isinstance(about, dict) else {"about": about},
        articles=len(plane),
        outside=space.n - len(plane),
        targets_outside=outside,
        self_recall=recall,
        agreement=agrees,
        evenness=map_evenness(plane, space.seed) if len(plane) > 1 else None,
        search=search,
        median=median,
        causes=diagnose(known),
    )


def _rows(reader: OverlapReader, space: Space, placed: dict[str, list[Placed]]) -> tuple[QuestionRow, ...]:
    k, near = space.k, space.near
    shown = [near.first(k), *(p.near.first(k) for both in placed.values() for p in both)]
    titles = reader.titles(np.concatenate([n.rows.ravel() for n in shown]))
    percentile = percentiles(near.dist[:, 0], space.sample_near.dist[:, 0])
    recall = answer_recall(near.rows, space.answers, k)
    ranks = reciprocal_rank(near.rows, space.answers)
    on_maps = {name: {p.rule: _on_map(reader, space, p, titles) for p in both} for name, both in placed.items()}
    return tuple(
        QuestionRow(
            id=question.id,
            text=question.text,
            topic=question.topic,
            nearest_dist=float(near.dist[i, 0]),
            nearest_percentile=float(percentile[i]),
            answers_recall=None if np.isnan(recall[i]) else float(recall[i]),
            answers_reciprocal_rank=None if np.isnan(ranks[i]) else float(ranks[i]),
            neighbors=_near(reader, near, i, k, titles),
            maps={name: {rule: found[i] for rule, found in rules.items()} for name, rules in on_maps.items()},
        )
        for i, question in enumerate(space.asked.questions)
    )


def _on_map(
    reader: OverlapReader, space: Space, placed: Placed, titles: dict[int, str | None]
) -> list[QuestionOnMap]:
    k, targets, found = space.k, space.near.rows, placed.near.rows
    values = overlap_at_k(targets, found, k)
    weighted = rank_weighted_overlap(targets, found, k)
    softs = {depth: soft_overlap(targets, found, k, depth) for depth in space.withins}
    backs = {depth: reciprocal_overlap(targets, found, k, depth) for depth in space.withins}
    return [
        QuestionOnMap(
            x=None if np.isnan(x) else float(x),
            y=None if np.isnan(y) else float(y),
            overlap=float(values[i]),
            rank_weighted=float(weighted[i]),
            soft={depth: float(v[i]) for depth, v in softs.items()},
            reciprocal={depth: float(v[i]) for depth, v in backs.items()},
            neighbors=_near(reader, placed.near, i, k, titles),
        )
        for i, (x, y) in enumerate(placed.xy)
    ]


def _near(reader: OverlapReader, near: Neighbors, i: int, k: int, titles: dict[int, str | None]) -> tuple[Near, ...]:
    return tuple(
        Near(rank, reader.ids[int(row)].as_py(), titles[int(row)], float(dist))
        for rank, (row, dist) in enumerate(zip(near.rows[i, :k], near.dist[i, :k], strict=True), 1)
        if row != NO_ROW
    )


def _verdict(measured: Sequence[MapOverlap], causes: Sequence[Verdict], k: int) -> str:
    if not measured:
        return f"no map to measure overlap on; in embedding space: {causes[0].cause}"
    best = measured[0]
    found = best.search.overlap
    return (
        f"{found.mean:.0%} of the {k} nearest articles stay nearest on map {best.name} "
        f"({found.low:.0%} to {found.high:.0%}); {best.search.enough.mean:.0%} of the questions keep enough: "
        f"{causes[0].cause}"
    )


def _next(measured: Sequence[MapOverlap], causes: Sequence[Verdict]) -> tuple[str, ...]:
    advice = [] if measured else [NO_MAP]
    return (*advice, *(v.remedy for v in causes if v.remedy != "Nothing to do."))

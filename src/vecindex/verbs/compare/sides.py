"""One of the tables that are compared: opened, asked all questions, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.nulls import mean_of_shares
from vecindex.errors import ConfigError
from vecindex.messages import option, text
from vecindex.store.maintenance import usage
from vecindex.store.maps import maps
from vecindex.types import Observer
from vecindex.verbs.compare.named import Opened
from vecindex.verbs.compare.options import CompareOptions
from vecindex.verbs.compare.result import ComparedTable, MapFigure
from vecindex.verbs.evaluate.asked import Asked
from vecindex.verbs.evaluate.evaluate import check_known, known_articles, measures_of
from vecindex.verbs.evaluate.ranking import Ranking, Searched, ranked, vectors_of
from vecindex.verbs.overlap.options import OverlapOptions
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.search.rankers import Ranker

_K_ON_MAP = 5


@dataclass(frozen=True, slots=True)
class Side:
    """A table with its hits and its measures (q,) of each question."""

    opened: Opened
    there: set[str]
    ranking: Ranking
    values: dict[str, F64]
    embed_s: float


def check_models(sides: list[Opened], options: CompareOptions) -> None:
    """Raise ConfigError where one model or prompt is named for tables of different ones."""
    weights = {one.table.fingerprint.weights for one in sides}
    named = next((name for name in ("model", "prompt") if options[name] is not None), None)
    if named is not None and len(weights) > 1:
        raise ConfigError(
            text(option(named), " holds for one model, and these tables are of different ones."),
            text("Leave it out: each table is asked by its own model, behind that model's own prompt."),
        )


def asked_of(
    one: Opened,
    asked: Asked,
    ranker: Ranker,
    options: CompareOptions,
    model: QuestionModel,
    observer: Observer,
) -> Side:
    """Return what a table finds for each question."""
    database = one.database
    observer.notice(f"asking {one.name}")
    there = known_articles(one.table)
    check_known(asked, there, one.table)
    vectors, embed_s = np.empty((len(asked.questions), 0), dtype=np.float32), 0.0
    if ranker.by_meaning:
        vectors, embed_s = vectors_of(database, asked, one.table, options, model, observer)
    searched = Searched(database, one.table, one.at, model, options, named="ranker")
    (ranking,) = ranked(searched, asked, [ranker], options["depth"], vectors, observer)
    return Side(one, there, ranking, measures_of(ranking, asked, options["min_grade"]), embed_s)


def described(
    side: Side,
    first: Side,
    asked: Asked,
    options: CompareOptions,
    model: QuestionModel,
    observer: Observer,
) -> ComparedTable:
    """Return what made a table, what it costs and what it reaches."""
    one, table = side.opened, side.opened.table
    made, rows, disk = table.fingerprint, table.count(), usage(table, one.database.folder)
    last = table.setting("last_run") or {}
    return ComparedTable(
        name=one.name,
        table=one.table_name,
        database=one.database.uri,
        at=one.at,
        model=made.model,
        dimension=made.dimension,
        prompt=made.prompt,
        max_tokens=made.max_tokens,
        chunking=None if made.chunking is None else str(made.chunking),
        rows=rows,
        articles=len(side.there),
        only_here=len(side.there - first.there),
        lacks=len(first.there - side.there),
        truncated_frac=table.count("truncated") / rows,
        live_bytes=disk.live_bytes,
        embed_s=side.embed_s,
        rank_s=side.ranking.seconds,
        texts_per_s=last.get("texts_per_s") or (last.get("last_rate") or {}).get("texts_per_s"),
        measures={name: mean_of_shares(v, seed=options["seed"]) for name, v in side.values.items()},
        map=_map_figure(side, asked, options, model, observer) if options["maps"] else None,
    )


def _map_figure(
    side: Side, asked: Asked, options: CompareOptions, model: QuestionModel, observer: Observer
) -> MapFigure | None:
    """Return the overlap on the table's map; None without a map, or with too few articles."""
    if not maps(side.opened.table) or len(side.there) < _K_ON_MAP:
        return None
    questions = [{"id": one.id, "text": one.text} for one in asked.questions]
    wanted: OverlapOptions = {"k": _K_ON_MAP, "at": side.opened.at, "seed": options["seed"]}
    for name in ("model", "prompt", "device", "trust_remote_code"):
        wanted[name] = options[name]
    found = overlap(side.opened.database, side.opened.table_name, questions, wanted, model, observer)
    if found.map is None or found.best is None:
        return None
    return MapFigure(found.map.name, found.map.reason, _K_ON_MAP, found.best.search.overlap)

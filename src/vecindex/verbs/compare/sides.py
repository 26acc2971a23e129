"""One of the tables that are compared: opened, asked all questions, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.nulls import bootstrap_mean
from vecindex.errors import ConfigError, TableNotFoundError
from vecindex.messages import Placeholder, command, option, text
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maintenance import usage
from vecindex.store.maps import maps
from vecindex.types import Observer
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
class Opened:
    """A table by the name that it was given, table@tag; a second one of a name has its number behind it."""

    name: str
    table_name: str
    at: str | None
    table: ArticleTable


@dataclass(frozen=True, slots=True)
class Side:
    """A table with its hits and its measures (q,) of each question."""

    opened: Opened
    there: set[str]
    ranking: Ranking
    values: dict[str, F64]
    embed_s: float


def opened(database: Database, names: list[str] | tuple[str, ...]) -> list[Opened]:
    """Return the tables; raises TableNotFoundError or ConfigError where there is no such table or tag."""
    found: list[Opened] = []
    for name in names:
        table_name, at = split(database, name)
        again = sum(one.name.split(" (")[0] == name for one in found)
        shown = f"{name} ({again + 1})" if again else name
        found.append(Opened(shown, table_name, at, database.articles(table_name, at)))
    empty = next((one for one in found if not one.table.count()), None)
    if empty is not None:
        raise ConfigError(
            f"{empty.table.where} holds no rows.", text("Fill it: ", command("ingest", Placeholder("SOURCE")))
        )
    return found


def split(database: Database, name: str) -> tuple[str, str | None]:
    """Return the table and the tag that a name stands for; a table whose own name has an @ wins."""
    table, at, tag = name.rpartition("@")
    if not at or name in database.article_tables():
        return name, None
    if not table or not tag:
        raise TableNotFoundError(f"{name!r} is no table and no tag of one.", "Give TABLE, or TABLE@TAG.")
    return table, tag


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
    database: Database,
    one: Opened,
    asked: Asked,
    ranker: Ranker,
    options: CompareOptions,
    model: QuestionModel,
    observer: Observer,
) -> Side:
    """Return what a table finds for each question."""
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
    database: Database,
    side: Side,
    first: Side,
    asked: Asked,
    options: CompareOptions,
    model: QuestionModel,
    observer: Observer,
) -> ComparedTable:
    """Return what made a table, what it costs and what it reaches."""
    one, table = side.opened, side.opened.table
    made, rows, disk = table.fingerprint, table.count(), usage(table, database.folder)
    last = table.setting("last_run") or {}
    return ComparedTable(
        name=one.name,
        table=one.table_name,
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
        measures={name: bootstrap_mean(v, seed=options["seed"]) for name, v in side.values.items()},
        map=_map_figure(database, side, asked, options, model, observer) if options["maps"] else None,
    )


def _map_figure(
    database: Database, side: Side, asked: Asked, options: CompareOptions, model: QuestionModel, observer: Observer
) -> MapFigure | None:
    """Return the overlap on the table's map; None without a map, or with too few articles."""
    if not maps(side.opened.table) or len(side.there) < _K_ON_MAP:
        return None
    questions = [{"id": one.id, "text": one.text} for one in asked.questions]
    wanted: OverlapOptions = {"k": _K_ON_MAP, "at": side.opened.at, "seed": options["seed"]}
    for name in ("model", "prompt", "device", "trust_remote_code"):
        wanted[name] = options[name]
    found = overlap(database, side.opened.table_name, questions, wanted, model, observer)
    if found.map is None or found.best is None:
        return None
    return MapFigure(found.map.name, found.map.reason, _K_ON_MAP, found.best.search.overlap)

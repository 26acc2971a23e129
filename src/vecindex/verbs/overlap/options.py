"""What a user may ask of `overlap`."""

from __future__ import annotations

from typing import Annotated, Literal

from vecindex.config import SEED
from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, command, counted, option, text
from vecindex.options import Engine, Memory, Option, WorkerCores, checked
from vecindex.types import Observer
from vecindex.verbs.bounds import check_memory, held_bytes
from vecindex.verbs.evaluate.options import one_ranker
from vecindex.verbs.search.options import RankOptions
from vecindex.verbs.search.rankers import APPROXIMATE, MEANING, RANKERS, Ranker

DEPTH = 100
"""Neighbors of a question that are looked at, at most."""


class OverlapOptions(RankOptions, total=False):
    """What to measure, and how."""

    question: Annotated[
        str | None,
        Option("Show one question's neighbors in both spaces, side by side.", metavar="ID|TEXT"),
    ]
    k: Annotated[int, Option("Neighbors.", default=5, flag="-k", at_least=1, at_most=DEPTH)]
    map: Annotated[str | None, Option("One stored map [default: all]", metavar="NAME")]
    by: Annotated[Literal["article", "chunk"], Option("In a table of chunks: article or chunk.", default="article")]
    topic_field: Annotated[str | None, Option("Column with the articles' topics [default: topic]", metavar="NAME")]
    bbox_padding: Annotated[
        float,
        Option("How far the questions' box reaches beyond them, as a share of its sides.", default=0.5, at_least=0),
    ]
    sample: Annotated[int, Option("Articles drawn for the figures of articles.", default=500, at_least=1)]
    ranker: Annotated[
        str,
        Option(
            "Whose first hits are the true neighbors: meaning, words, hybrid; with +rerank or +diverse.",
            default=MEANING,
            metavar="NAME",
        ),
    ]
    seed: Annotated[int, Option("Of that draw and of the intervals.", default=SEED, at_least=0)]
    engine: Engine
    worker_cores: WorkerCores
    at: Annotated[str | None, Option("Measure the table as it was tagged.", metavar="TAG")]
    what_if: Annotated[
        Literal["corpus"] | None,
        Option("Measure against samples of the articles too: would more help?", metavar="corpus"),
    ]
    memory: Memory
    explain: Annotated[
        bool, Option("Run the experiments too that need the model and more time.", default=False, flag="--explain")
    ]


def checked_overlap(questions: object, options: OverlapOptions) -> tuple[OverlapOptions, Ranker | None]:
    """Return all options with their defaults, and the ranker, None for the nearest by vectors.

    Raises ConfigError for what makes no sense.
    """
    options = checked(OverlapOptions, options)
    check_engine(options)
    question = options["question"]
    if questions is None and question is None:
        raise ConfigError(
            "overlap needs questions: a file, or texts.",
            text("Add ", option("questions", Placeholder("FILE")), ", or ", option("question", "how do cells die")),
        )
    if question is not None and not question.strip():
        raise ConfigError(
            text(option("question"), " is empty."), text("For example: ", option("question", "how do cells die"))
        )
    return options, _checked_ranker(options)


def check_engine(options: OverlapOptions) -> None:
    """Raise ConfigError for an engine that is none, and for options that need one."""
    from vecindex.cluster.engine import checked_engine

    checked_engine(options, "worker_cores")


_EXACT = tuple(name for name in RANKERS if name != APPROXIMATE)


def _checked_ranker(options: OverlapOptions) -> Ranker | None:
    ranker = one_ranker(options["ranker"], options, _EXACT)
    if ranker.base == APPROXIMATE:
        raise ConfigError(
            text(option("ranker", str(ranker)), ": overlap is measured on exact lists alone."),
            text("What an index loses is measured by ", command("index"), "."),
        )
    if str(ranker) == MEANING:
        return None
    for name in ("what_if", "explain"):
        if options[name]:
            raise ConfigError(
                text(option(name, options[name]), " experiments with distances of vectors, which do not rank here."),
                text("Leave it out, or leave ", option("ranker"), " out."),
            )
    return ranker


# Of a row: its id in two orders, its lists in the neighbor graph where one is stored, and its position on a map.
_FIXED_BYTES, _ROW_BYTES, _GRAPH_BYTES, _MAP_BYTES = 150_000_000, 150, 200, 150


def check_memory_of(rows: int, maps: int, has_graph: bool, options: OverlapOptions, observer: Observer) -> None:
    """Raise ConfigError where measuring so many rows on so many maps needs more memory than the options allow.

    Vectors are read a part at a time. What is kept of each row is its id, its position on each map, and where it is
    in a tree of these positions; and the neighbor graph, where one is stored.
    """
    needed = held_bytes() + _FIXED_BYTES + rows * (_ROW_BYTES + _GRAPH_BYTES * has_graph + _MAP_BYTES * maps)
    what = f"Measuring {counted(rows, 'row')} on {maps:,} {'map' if maps == 1 else 'maps'}"
    one = text("measure one map: ", option("map", Placeholder("NAME")))
    fewer = one if maps > 1 else text("search without a map: ", command("search"))
    check_memory(needed, options["memory"], what, fewer, observer)


def check_enough(
    where: str, found: int, k: int, what: str = "article", many: str = "", remedy: str = "Ingest articles"
) -> None:
    """Raise ConfigError where a table (`where`) has fewer than k of what is counted: `what`, of several `many`."""
    if found < k:
        raise ConfigError(
            text(f"{where} has {counted(found, what, many)}, fewer than ", option("k", k), "."),
            text(f"{remedy}, or give a smaller ", option("k"), "."),
        )

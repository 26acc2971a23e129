"""What a user may ask of `evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

from vecindex.config import SEED
from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, option, text
from vecindex.options import Engine, Option, WorkerCores, checked
from vecindex.verbs.search.options import RankOptions, check_steps, language_code
from vecindex.verbs.search.rankers import EXACT, HYBRID, MEANING, RANKERS, Ranker, ranker_of, with_steps

if TYPE_CHECKING:
    from vecindex.cluster.engine import Workers

DEPTH = 100
"""Hits of a question that are ranked and judged, at least: recall@100 needs them."""

Judgments = str | Path | Mapping[str, Mapping[str, int]] | None
"""Judgments as a user gives them: a file, or in Python {question id: {article id: grade}}."""


class JudgmentOptions(TypedDict, total=False):
    """What questions are judged by."""

    qrels: Annotated[
        Judgments,
        Option("Judgments: TREC qrels, BEIR TSV or JSON [default: qrels/ of the folder, else `answers`]"),
    ]
    answers_text: Annotated[
        bool,
        Option("Judge a passage by whether it holds an answer's text.", default=False, flag="--answers-text"),
    ]
    min_grade: Annotated[
        int, Option("The lowest grade that counts as relevant where grades do not count.", default=1, at_least=1)
    ]
    depth: Annotated[int, Option("Hits that are ranked and judged.", default=DEPTH, at_least=DEPTH, at_most=1_000)]
    seed: Annotated[int, Option("Of the intervals.", default=SEED, at_least=0)]


class JudgedOptions(JudgmentOptions, RankOptions, total=False):
    """What questions are judged by, and how hits are ranked."""


class EvaluateOptions(JudgedOptions, total=False):
    """What to judge by, how to rank, and what to judge."""

    rankers: Annotated[
        str,
        Option(
            "How to rank, several by commas: meaning, approximate, words, hybrid, words+rerank.",
            default="meaning",
            metavar="NAMES",
        ),
    ]
    at: Annotated[str | None, Option("Evaluate the table as it was tagged.", metavar="TAG")]
    against: Annotated[
        str | None,
        Option("Compare with the table as it was tagged; exit 1 when it fell by more than the noise.", metavar="TAG"),
    ]
    engine: Engine
    worker_cores: WorkerCores


def checked_evaluate(questions: object, options: EvaluateOptions) -> tuple[EvaluateOptions, list[Ranker]]:
    """Return all options with their defaults, and the rankers; raises ConfigError for what makes no sense."""
    options = checked(EvaluateOptions, options)
    check_judged(questions, options)
    rankers = rankers_of(options)
    workers_of(options, rankers)
    return options, rankers


def workers_of(options: EvaluateOptions, rankers: Sequence[Ranker]) -> Workers | None:
    """Return the workers that the options name, None for this process; raises ConfigError where they do nothing."""
    from vecindex.cluster import engine

    workers = engine.workers_of(options)
    if workers is not None and not any(ranker.base in EXACT for ranker in rankers):
        raise ConfigError(
            text(option("engine"), " has no effect on ", option("rankers", options["rankers"]), "."),
            text("Workers compare vectors: ", option("rankers", MEANING), " and ", option("rankers", HYBRID), "."),
        )
    return workers


def check_judged(questions: object, options: JudgmentOptions) -> None:
    """Raise ConfigError where nothing is asked, or judged in two ways."""
    if questions is None:
        raise ConfigError(
            "Questions with known answers are needed: a file, or a folder as BEIR has it.",
            text("Add ", option("questions", Placeholder("FILE")), "."),
        )
    if options["answers_text"] and options["qrels"] is not None:
        raise ConfigError(
            text(option("answers_text"), " and ", option("qrels"), " are two ways to judge."),
            "Leave one of them out.",
        )


def rankers_of(options: EvaluateOptions) -> list[Ranker]:
    """Return the rankers that were asked for, each once; raises ConfigError for an unknown name."""
    options["language"] = language_code(options["language"])
    names = [name.strip() for name in options["rankers"].split(",") if name.strip()]
    if not names:
        raise ConfigError(text(option("rankers"), " names no ranker."), f"There are: {', '.join(RANKERS)}.")
    found = [ranker_of(name, "rankers") for name in names]
    _check_reranker(found, "rankers", options)
    found = with_steps(found, options["rerank"] is not None, options["diverse"])
    check_steps(options, found)
    return found


def one_ranker(name: str, options: RankOptions, known: Sequence[str] = RANKERS) -> Ranker:
    """Return the one ranker that was asked for, with the steps that were.

    Raises ConfigError for an unknown name; the message offers the `known` ones.
    """
    options["language"] = language_code(options["language"])
    found = ranker_of(name, "ranker", known)
    _check_reranker([found], "ranker", options)
    found = Ranker(found.base, found.rerank or options["rerank"] is not None, found.diverse or options["diverse"])
    check_steps(options, [found])
    return found


def _check_reranker(rankers: list[Ranker], named: str, options: RankOptions) -> None:
    if options["rerank"] is None and any(one.rerank for one in rankers):
        name = next(str(one) for one in rankers if one.rerank)
        raise ConfigError(
            text("A reranker is needed for ", option(named, name), "."),
            text("Name a cross-encoder: ", option("rerank", Placeholder("MODEL"))),
        )

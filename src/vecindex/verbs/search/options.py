"""What a user may ask of `search`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from vecindex.core.texts.languages import NAMES, OTHER, code_of
from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, command, option, text
from vecindex.options import ModelOptions, Option, checked
from vecindex.verbs.search.rankers import HYBRID, MEANING, WORDS, Ranker

RERANK_DEPTH, DIVERSITY, WORDS_WEIGHT = 50, 0.3, 0.5
RRF = 60
"""The constant of reciprocal rank fusion: the first of a list gives 1/61, the tenth 1/70 (Cormack et al. 2009)."""

_EXAMPLE = text("For example: ", command("search", "how do cells make energy"))


class RankOptions(ModelOptions, total=False):
    """How hits are ranked."""

    words_weight: Annotated[
        float,
        Option(
            "Share of the words in a hybrid ranking, 0 to 1.",
            default=WORDS_WEIGHT,
            metavar="F",
            at_least=0,
            at_most=1,
        ),
    ]
    rrf_k: Annotated[
        int, Option("Constant of reciprocal rank fusion; a larger one levels the ranks.", default=RRF, at_least=1)
    ]
    rerank: Annotated[
        str | None,
        Option("Let a cross-encoder (folder or name) order the first hits.", metavar="MODEL", by_a_folder=False),
    ]
    rerank_depth: Annotated[int, Option("Hits that it orders.", default=RERANK_DEPTH, at_least=1, at_most=1_000)]
    diverse: Annotated[
        bool, Option("Leave near-duplicates out, and bring hits that differ.", default=False, flag="--diverse")
    ]
    diversity: Annotated[
        float,
        Option("Weight of the difference for it, 0 to 1.", default=DIVERSITY, metavar="F", at_least=0, at_most=1),
    ]
    language: Annotated[
        str | None, Option("Language of the full-text index, such as de [default: as it is, else guessed]")
    ]


class SearchOptions(RankOptions, total=False):
    """What to search for besides texts, where, and what to give back."""

    id: Annotated[
        str | Sequence[str] | None,
        Option("Find more like this article; needs no model.", metavar="ID"),
    ]
    file: Annotated[
        str | Path | None,
        Option("Queries: JSON lines or array, CSV, TSV or text; - for standard input.", metavar="FILE"),
    ]
    vector: Any
    """Vectors (q, d) of the table's kind, of any length; for Python only."""
    k: Annotated[int, Option("Hits for each query.", default=10, flag="-k", at_least=1)]
    where: Annotated[str | None, Option('Condition on the columns, e.g. "year > 1990".', metavar="SQL")]
    hybrid: Annotated[
        bool, Option("Hybrid search: BM25 over the words, fused with the vectors.", default=False, flag="--hybrid")
    ]
    words: Annotated[bool, Option("Rank by the words alone (BM25); needs no model.", default=False, flag="--words")]
    by: Annotated[Literal["article", "chunk"], Option("In a table of chunks: article or chunk.", default="article")]
    approximate: Annotated[
        bool,
        Option(
            "Search the index of the vectors; some of the nearest may be missing.",
            default=False,
            flag="--approximate",
        ),
    ]
    recall: Annotated[
        float | None,
        Option(
            "With approximate: recall@10 to be set up for [default: 0.95]", metavar="SHARE", at_least=0, at_most=1
        ),
    ]
    text: Annotated[
        Literal["snippet", "full", "none"],
        Option("Whether hits bring the beginning of their text, all of it, or none.", default="snippet", flag=""),
    ]
    at: Annotated[str | None, Option("Search the table as it was tagged.", metavar="TAG")]


def checked_search(queries: Sequence[str], options: SearchOptions) -> SearchOptions:
    """Return all options with their defaults; raises ConfigError for what makes no sense."""
    options = checked(SearchOptions, options)
    by_example = [bool(ids_of(options)), options["vector"] is not None]
    given = [bool(queries), options["file"] is not None, *by_example]
    if sum(given) != 1:
        raise ConfigError(
            text(
                "A search needs one of a text, ",
                option("file"),
                " and ",
                option("id"),
                f"; found {sum(given)} of them.",
            ),
            _EXAMPLE,
        )
    if any(not query.strip() for query in queries):
        raise ConfigError("The text to search for is empty.", _EXAMPLE)
    if options["hybrid"] and options["words"]:
        raise ConfigError(
            text(option("hybrid"), " and ", option("words"), " exclude each other."), "Give one of them."
        )
    for name in ("hybrid", "words", "rerank"):
        if options[name] and any(by_example):
            raise ConfigError(
                text(option(name), " needs words to search for."),
                text("Give a text, or leave ", option(name), " out."),
            )
    if options["approximate"] and options["words"]:
        raise ConfigError(
            text(option("approximate"), " and ", option("words"), " exclude each other: words have an index anyway."),
            text("Leave ", option("approximate"), " out."),
        )
    if options["recall"] is not None and not options["approximate"]:
        raise ConfigError(
            text(option("recall"), " is that of an approximate search; an exact one finds all."),
            text("Add ", option("approximate", True), "."),
        )
    check_steps(options, [ranker_asked(options)])
    options["language"] = _checked_language(options)
    return options


def check_steps(options: RankOptions, rankers: Sequence[Ranker]) -> None:
    """Raise ConfigError for a setting of a step that none of the rankers has: it would make no difference.

    Raises ModelError for a reranker that is not there, before the work whose hits it is to order.
    """
    if options["rerank"] is not None:
        from vecindex.embed.rerank.cross_encoder import check_reranker

        check_reranker(options["rerank"])
    for name, given, default in (
        ("words_weight", options["words_weight"], WORDS_WEIGHT),
        ("rrf_k", options["rrf_k"], RRF),
    ):
        if given != default and not any(one.base == HYBRID for one in rankers):
            raise ConfigError(
                text(option(name), " is that of a hybrid ranking, and there is none."),
                "Rank by hybrid, or leave it out.",
            )
    if options["rerank_depth"] != RERANK_DEPTH and not any(one.rerank for one in rankers):
        raise ConfigError(
            text(option("rerank_depth"), " is that of a reranker, and there is none."),
            text("Name a cross-encoder: ", option("rerank", Placeholder("MODEL"))),
        )
    if options["diversity"] != DIVERSITY and not any(one.diverse for one in rankers):
        raise ConfigError(
            text(option("diversity"), " is the weight in a diverse ranking, and this one is not."),
            text("Add ", option("diverse", True), "."),
        )


def ranker_asked(options: SearchOptions) -> Ranker:
    """Return how hits are ranked."""
    base = HYBRID if options["hybrid"] else WORDS if options["words"] else MEANING
    return Ranker(base, options["rerank"] is not None, options["diverse"])


def _checked_language(options: SearchOptions) -> str | None:
    """Return the code of the language that was asked for; raises ConfigError where it makes no difference."""
    if options["language"] is not None and not options["hybrid"] and not options["words"]:
        raise ConfigError(
            text(option("language"), " is that of the full-text index, which only a search by words uses."),
            text("Add ", option("hybrid", True), "."),
        )
    return language_code(options["language"])


def language_code(language: str | None) -> str | None:
    """Return the code of a language that was asked for; raises ConfigError for one that is not known here."""
    if language is None:
        return None
    if language.strip().lower() == OTHER:
        return OTHER
    code = code_of(language)
    if code is None:
        known = ", ".join(f"{name} ({code})" for code, name in NAMES.items())
        raise ConfigError(f"{language!r} is not a language known here.", f"There are: {known}, and {OTHER}.")
    return code


def ids_of(options: SearchOptions) -> list[str]:
    """Return the articles to search from."""
    ids = options["id"]
    return [] if ids is None else [ids] if isinstance(ids, str) else list(ids)

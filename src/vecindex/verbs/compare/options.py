"""What a user may ask of `compare`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, command, text
from vecindex.options import Option, checked
from vecindex.verbs.evaluate.options import JudgedOptions, check_judged, one_ranker
from vecindex.verbs.search.rankers import Ranker

MOST_TABLES = 8


class CompareOptions(JudgedOptions, total=False):
    """What to judge by, and how to rank."""

    ranker: Annotated[
        str, Option("How to rank: meaning, approximate, words, hybrid; with +rerank or +diverse.", default="meaning")
    ]
    maps: Annotated[
        bool,
        Option("Measure the overlap of the tables' maps too.", default=True, flag="--maps/--no-maps"),
    ]


def checked_compare(
    tables: Sequence[str], questions: object, options: CompareOptions
) -> tuple[CompareOptions, Ranker]:
    """Return all options with their defaults, and the ranker; raises ConfigError for what makes no sense."""
    options = checked(CompareOptions, options)
    if not 2 <= len(tables) <= MOST_TABLES:
        example = command("compare", Placeholder("A"), Placeholder("B"), questions=Placeholder("FILE"))
        raise ConfigError(
            f"From 2 to {MOST_TABLES} tables can be compared, found {len(tables)}.", text("For example: ", example)
        )
    if twice := sorted({name for name in tables if list(tables).count(name) > 1 and len(tables) > 2}):
        raise ConfigError(f"{twice[0]} is named twice.", "Name each table once.")
    check_judged(questions, options)
    return options, one_ranker(options["ranker"], options)

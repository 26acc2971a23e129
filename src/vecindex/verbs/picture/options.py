"""What to show on a page or in a picture of a map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from vecindex.errors import ConfigError
from vecindex.messages import option, text
from vecindex.options import ModelOptions, Option
from vecindex.verbs.lens.options import SIZE, SIZES
from vecindex.verbs.overlap.options import DEPTH

SNIPPET = 120
NEAR = 10
MOST_TOPICS = 24
PAGE_BYTES = 30_000_000
"""A page with beginnings of texts is kept below this, for a browser has to read it whole."""
LONGEST_SNIPPET = 1_000


class MapOptions(ModelOptions, total=False):
    """What to show."""

    map: Annotated[
        str | Sequence[str] | None,
        Option(
            "A stored map; a page shows several side by side, with the articles of the first [default: one laid out "
            "for the questions, else the newest neutral one]",
            metavar="NAME",
        ),
    ]
    k: Annotated[int, Option("Nearest articles of each question.", default=5, flag="-k", at_least=1, at_most=DEPTH)]
    title: Annotated[str | None, Option("What the page or the picture is called [default: the table's name]")]
    color: Annotated[
        str | None,
        Option(
            "Colored first by: topic, density, truncated, question_distance, or a column [default: topic]",
            metavar="KEY",
        ),
    ]
    fields: Annotated[
        Sequence[str] | None,
        Option("A column to color by [default: all that are fit for it]", flag="--field", metavar="NAME"),
    ]
    topics: Annotated[
        int | None,
        Option(
            "Topics on the coarsest level, 0 for none [default: by size]",
            metavar="N",
            at_least=0,
            at_most=MOST_TOPICS,
        ),
    ]
    topics_by: Annotated[
        str | None,
        Option(
            "Topics are the values of this column; or named by words alone: words [default: named by a column that "
            "explains them, else by words]",
            metavar="COLUMN",
        ),
    ]
    topics_file: Annotated[
        str | None,
        Option("A CSV with your names for the topics; `map` writes it where there is none.", metavar="FILE.csv"),
    ]
    snippet: Annotated[
        int | None,
        Option(
            f"Snippet length in characters, 0 for none [default: {SNIPPET}, if that fits {PAGE_BYTES // 10**6} MB]",
            metavar="N",
            at_least=0,
            at_most=LONGEST_SNIPPET,
        ),
    ]
    near: Annotated[
        int,
        Option(
            "Nearest articles by embedding of each article in a page, as far as there is room; 0 for none.",
            default=NEAR,
            metavar="N",
            at_least=0,
            at_most=NEAR,
        ),
    ]
    lens_size: Annotated[
        int,
        Option(
            f"Articles in the lens of a question, from {SIZES[0]}; 0 for none.",
            default=SIZE,
            metavar="N",
            at_least=0,
            at_most=SIZES[1],
        ),
    ]
    seed: Annotated[int, Option("Of the topics and the lenses.", default=0, at_least=0)]
    at: Annotated[str | None, Option("Show the table as it was tagged.", metavar="TAG")]


def check_topics(options: MapOptions) -> None:
    """Raise ConfigError for options about topics where there are to be none."""
    if options["topics"] == 0 and (unused := [n for n in ("topics_by", "topics_file") if options.get(n) is not None]):
        raise ConfigError(
            text(option(unused[0]), " is about the topics, and ", option("topics", 0), " leaves them out."),
            "Leave one of them out.",
        )


def check_lens_size(size: int, least: int = 0) -> None:
    """Raise ConfigError for a size between none and the smallest lens, or below `least`."""
    if size < SIZES[0] and (size or least):
        none = "" if least else "0 or "
        raise ConfigError(text(option("lens_size"), f" is {none}from {SIZES[0]} to {SIZES[1]}, found {size}."))

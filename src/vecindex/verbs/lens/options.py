"""What a user may ask of a lens."""

from __future__ import annotations

from typing import Annotated, Literal

from vecindex.options import ModelOptions, Option

SIZE = 50
SIZES = (30, 100)
"""How many articles a lens has, and may have; fewer where the table has no more."""
Kind = Literal["text", "question", "article"]
"""What a question can be: a text, the id of a stored question, the id of an article."""


class LensOptions(ModelOptions, total=False):
    """Which articles to lay out around a question."""

    k: Annotated[
        int, Option("Articles around the question.", default=SIZE, flag="-k", at_least=SIZES[0], at_most=SIZES[1])
    ]
    kind: Annotated[
        Kind | None,
        Option("What the question is: text, question (the id of a stored one) or article [default: the first found]"),
    ]
    where: Annotated[str | None, Option('Condition on the columns, e.g. "year > 1990".', metavar="SQL")]
    seed: Annotated[int, Option("Of the layout.", default=0, at_least=0)]
    at: Annotated[str | None, Option("Read the table as it was tagged.", metavar="TAG")]

"""What a user may ask of `explore`: what its steps need, declared by these."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from vecindex.config import GOAL
from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, option, text
from vecindex.options import Option, QuestionPrompt, checked
from vecindex.verbs.ingest.options import SourceOptions
from vecindex.verbs.project.options import DEFAULT_NAME, AnchorStrength, MapSeed


class ExploreOptions(SourceOptions, total=False):
    """How sources are read and embedded, and what is made of them."""

    out: Annotated[str | Path | None, Option("Folder for the pages; None writes none.", flag="")]
    goal: Annotated[
        float,
        Option(
            "Share of a question's 5 nearest articles to keep; below it a map is laid out for the questions.",
            default=GOAL,
            at_least=0,
            at_most=1,
        ),
    ]
    map: Annotated[str, Option("The map that is made and kept up to date.", default=DEFAULT_NAME, metavar="NAME")]
    strength: AnchorStrength
    seed: MapSeed
    question_prompt: QuestionPrompt


def checked_explore(questions: object, options: ExploreOptions) -> ExploreOptions:
    """Return all options with their defaults; raises ConfigError for what makes no sense."""
    if questions is not None and str(questions) == "-":
        raise ConfigError(
            "Several steps read the questions, so they cannot come from standard input.",
            text("Save them to a file: ", option("questions", Placeholder("FILE"))),
        )
    if options.get("map") == "":
        raise ConfigError("A map cannot be named ''.", text("Leave ", option("map"), " out, or give it a name."))
    return checked(ExploreOptions, options)

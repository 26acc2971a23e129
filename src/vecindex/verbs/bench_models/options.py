"""What a user may ask of `bench-models`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from vecindex.errors import ConfigError
from vecindex.files import is_folder
from vecindex.messages import Placeholder, option, text
from vecindex.options import Device, Option, TrustRemoteCode, checked
from vecindex.verbs.compare.options import MOST_TABLES
from vecindex.verbs.evaluate.options import JudgmentOptions, check_judged


class BenchModelsOptions(JudgmentOptions, total=False):
    """Which models, on how many articles, and what to judge by."""

    models: Annotated[
        str | Sequence[str],
        Option("Models to compare, by commas: names or folders.", default=(), metavar="NAMES"),
    ]
    sample: Annotated[
        int, Option("Articles to embed by each model; judged ones are always among them.", default=5_000, at_least=10)
    ]
    id_field: Annotated[str | None, Option("Field with the id [default: found by its name]")]
    text_field: Annotated[str | None, Option("Field with the text [default: found by its name]")]
    device: Device
    trust_remote_code: TrustRemoteCode


def checked_bench_models(
    sources: Sequence[object], questions: object, options: BenchModelsOptions
) -> tuple[BenchModelsOptions, list[str]]:
    """Return all options with their defaults, and the models; raises ConfigError for what makes no sense."""
    options = checked(BenchModelsOptions, options)
    if not sources:
        raise ConfigError("no source given", "Name a file, a folder, a glob, or a URL.")
    check_judged(questions, options)
    named = options["models"]
    given = [named] if isinstance(named, str) else list(named)
    # A folder may have a comma in its name.
    names = [part for name in given for part in ([name] if is_folder(name) else name.split(","))]
    models = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not 2 <= len(models) <= MOST_TABLES:
        raise ConfigError(
            f"From 2 to {MOST_TABLES} models can be compared, found {len(models)}.",
            text("Name them: ", option("models", Placeholder("A,B"))),
        )
    return options, models

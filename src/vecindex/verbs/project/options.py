"""What a user may ask of `project`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from vecindex.errors import ConfigError
from vecindex.maps.methods import (
    DEFAULT_METHOD,
    DEFAULT_STRENGTH,
    METHODS,
    Setting,
    Value,
    checked_settings,
    settings_for,
)
from vecindex.messages import OptionName, Placeholder, option, text
from vecindex.options import Durable, Engine, Memory, ModelOptions, Option, WorkerCores, checked, fields_of
from vecindex.verbs.bounds import allowed_bytes

DEFAULT_NAME = "map"
ANCHORED_NAME = "anchored"
"""Of a map that is anchored, unless another one is given."""
IMPORTED_NAME = "imported"
"""Of a map made elsewhere, unless another one is given."""
MIN_ARTICLES = 3
SAMPLE = 5_000

ANCHORING = {"sweeps": Setting(6, "times that an article which matters to a question may move", 1)}
"""The settings of an anchored map."""

_LAYOUT = ("method", "fresh", "focus", "focus_size", "layout_rows", "memory", "engine", "worker_cores")
"""Options of a map that is laid out from its vectors."""

MapSeed = Annotated[
    int, Option("The same one gives the same map on the same machine.", default=0, at_least=0, at_most=2**31 - 1)
]
AnchorStrength = Annotated[
    Literal["gentle", "strong"],
    Option(
        "Of anchoring. gentle: three of a question's five, few articles move; strong: all five.",
        default=DEFAULT_STRENGTH,
    ),
]

Files = str | Path | Sequence[str | Path]
"""A file of questions ("-" for standard input), or several."""


class ProjectOptions(ModelOptions, total=False):
    """What to make, and how."""

    method: Annotated[
        str | None, Option(f"{', '.join(METHODS.built_in)}, or a package's own [default: {DEFAULT_METHOD}]")
    ]
    seed: MapSeed
    settings: Annotated[
        Mapping[str, Any] | None,
        Option("Settings of the method, or of anchoring, by name.", flag="--set", metavar="SETTING=VALUE"),
    ]
    update: Annotated[bool, Option("Only place new rows; nothing on the map moves.", default=False, flag="--update")]
    fresh: Annotated[
        bool, Option("Neither begin from the map of that name nor align with it.", default=False, flag="--fresh")
    ]
    drop: Annotated[bool, Option("Remove the map.", default=False, flag="--drop")]
    focus: Annotated[str | Path | None, Option("Map only the articles nearest to these questions.", metavar="FILE")]
    focus_size: Annotated[
        int | None, Option("How many articles a focus map shows.", metavar="M", at_least=MIN_ARTICLES)
    ]
    anchor: Annotated[
        bool,
        Option("Derive a map with the questions' nearest articles around them.", default=False, flag="--anchor"),
    ]
    base: Annotated[
        str | None,
        Option("The map that an anchored one is derived from [default: NAME, or map]", flag="--from", metavar="MAP"),
    ]
    strength: AnchorStrength
    controls: Annotated[
        bool,
        Option(
            "Also anchor maps that show what this one is worth: held-out questions, shuffled neighbors, the other "
            "strength.",
            default=True,
            flag="--controls/--no-controls",
        ),
    ]
    columns: Annotated[
        str | None,
        Option("The columns with x and y of a map made elsewhere: of its file, else of the table.", metavar="X,Y"),
    ]
    id_field: Annotated[str | None, Option("Field with the id, in a file of positions [default: recognized]")]
    layout_rows: Annotated[
        int | None,
        Option(
            "Lay out a sample of so many articles, and place the others [default: all that fit]",
            metavar="N",
            at_least=MIN_ARTICLES,
        ),
    ]
    memory: Memory
    engine: Engine
    worker_cores: WorkerCores
    durable: Durable
    sample: Annotated[int, Option("Articles drawn for the scores; all are candidates.", default=SAMPLE, at_least=1)]


def checked_project(questions: Sequence[str], options: ProjectOptions, positions: bool = False) -> ProjectOptions:
    """Return all options with their defaults; raises ConfigError for what makes no sense.

    `questions` are the files to anchor to; `positions` says whether a map's positions are given. The settings are
    checked by `method_settings` or `anchor_settings`.
    """
    options = checked(ProjectOptions, options)
    if options["update"] and options["drop"]:
        raise ConfigError(text(_UPDATE, " and ", _DROP, " exclude each other."), "Give one of them.")
    if options["update"] or options["drop"]:
        mode = _UPDATE if options["update"] else _DROP
        named = [f"The setting {name}" for name in options["settings"] or ()]
        _refuse([*_given(options, _LAYOUT), *named], mode, "which lays nothing out")
    if positions or options["columns"] is not None:
        named = [f"The setting {name}" for name in options["settings"] or ()]
        mode = option("positions") if positions else option("columns")
        others = _given(options, ("update", "drop", "anchor", *_LAYOUT))
        _refuse([*others, *named], mode, "which takes a map as it is")
    elif options["id_field"] is not None:
        raise ConfigError(
            text(option("id_field"), " means nothing without ", option("positions"), "."),
            text("Add ", option("positions", Placeholder("FILE")), ", or leave it out."),
        )
    if options["anchor"]:
        if not questions:
            raise ConfigError(
                text(_ANCHOR, " needs the questions to anchor the map to."),
                text("For example: ", _ANCHOR, " ", option("questions", Placeholder("FILE"))),
            )
        others = _given(options, ("update", "drop", *_LAYOUT))
        _refuse(others, _ANCHOR, "which derives a map from one that is there")
        anchor_settings(options["settings"])
        return options
    for alone in [*([option("questions")] if questions else []), *_given(options, ("base", "strength", "controls"))]:
        raise ConfigError(
            text(alone, " means nothing without ", _ANCHOR, "."), text("Add ", _ANCHOR, ", or leave it out.")
        )
    method_settings(options)
    if (options["focus"] is None) != (options["focus_size"] is None):
        raise ConfigError(
            text(option("focus"), " and ", option("focus_size"), " belong together."),
            text("For example: ", option("focus", Placeholder("FILE")), " and ", option("focus_size", 10_000)),
        )
    if options["focus"] is not None:
        _refuse(_given(options, ("layout_rows", "memory")), option("focus"), "whose articles are all laid out")
    allowed_bytes(options["memory"])
    _check_engine(options)
    return options


def _check_engine(options: ProjectOptions) -> None:
    """Raise ConfigError for an engine that is none, and for cores of workers without one."""
    from vecindex.cluster.engine import checked_engine

    checked_engine(options, "worker_cores")


_UPDATE, _DROP, _ANCHOR = (option(name, True) for name in ("update", "drop", "anchor"))


def _given(options: ProjectOptions, names: Iterable[str]) -> list[OptionName]:
    """Return those of some options that are not at their defaults; a switch with its value."""
    fields, values = fields_of(ProjectOptions), dict(options)
    found = [(name, values[name]) for name in names if values[name] != fields[name].option.default]
    return [option(name, value if isinstance(value, bool) else None) for name, value in found]


def _refuse(given: Sequence[OptionName | str], mode: OptionName, why: str) -> None:
    for first in given:
        raise ConfigError(
            text(first, " means nothing with ", mode, f", {why}."), text("Leave it out, or leave out ", mode, ".")
        )


def method_of(options: ProjectOptions) -> str:
    """Return the method, or the default one."""
    return options["method"] or DEFAULT_METHOD


def method_settings(options: ProjectOptions) -> dict[str, Value]:
    """Return all settings of the method; see `maps.methods.settings_for`."""
    return settings_for(method_of(options), options["settings"] or {})


def anchor_settings(given: Mapping[str, Any] | None) -> dict[str, Value]:
    """Return all settings of anchoring: those given, checked, and the defaults of the others. Values may be texts.

    >>> anchor_settings({"sweeps": "10"})
    {'sweeps': 10}
    """
    given = given or {}
    for name in given:
        if name not in ANCHORING:
            raise ConfigError(f"Anchoring has no setting {name!r}.", f"It has: {', '.join(ANCHORING)}.")
    return checked_settings("anchoring", ANCHORING, given)

"""Messages as this run of the command line writes them."""

from __future__ import annotations

import typer

from vecindex.messages import Message, Part, Text, as_text
from vecindex.spelling import CommandLine

_RUN = CommandLine()
_as_json = False


def begin(verb: str | None) -> None:
    """Begin a run of a command."""
    global _as_json
    _as_json = False
    _RUN.verb = verb or ""
    _RUN.given.clear()


def remember(context: typer.Context, parameter: typer.CallbackParam, value: str | None) -> str | None:
    """Keep an option that was given on the command line; a variable of the environment holds for what comes next."""
    source = context.get_parameter_source(str(parameter.name))
    if value is not None and source is not None and source.name == "COMMANDLINE":
        _RUN.given[str(parameter.name)] = value
    return value


def remember_json(value: bool) -> bool:
    """Keep whether the result is wanted as JSON, which holds for a failure too."""
    global _as_json
    _as_json = value
    return value


def as_json() -> bool:
    """Return whether the result is wanted as JSON, as far as the command line was read."""
    return _as_json


def spelled(message: Message) -> str:
    """Return a message with its options and commands as they are typed."""
    return as_text(message).spelled(_RUN)


def spelled_part(part: Part) -> str:
    """Return one part of a message as it is typed."""
    return Text((part,)).spelled(_RUN)

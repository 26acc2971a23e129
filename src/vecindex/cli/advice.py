"""Advice that can be followed as it stands: its commands name the database and the table that were named."""

from __future__ import annotations

import re
import shlex

import typer

_VERBS = "ingest|search|project|map|overlap|export|serve|status|delete|optimize|tag|doctor"
# Not where a sentence goes on with the command as its subject.
_COMMAND = re.compile(rf"\bvecindex ({_VERBS})\b(?! (?:of|the|it|its|tells|places|makes|moves|removes|drops)\b)")
_named: dict[str, str] = {}


def remember(context: typer.Context, parameter: typer.CallbackParam, value: str | None) -> str | None:
    """Keep an option that was given on the command line; a variable of the environment holds for what comes next."""
    source = context.get_parameter_source(str(parameter.name))
    if value is not None and source is not None and source.name == "COMMANDLINE":
        _named[parameter.opts[0]] = value
    return value


def forget() -> None:
    """Begin another command."""
    _named.clear()


def completed(text: str) -> str:
    """Return a text with `--db` and `--table` in its commands where this command was given them."""
    given = "".join(f" {option} {shlex.quote(value)}" for option, value in _named.items() if option not in text)
    return _COMMAND.sub(lambda found: found.group(0) + given, text)

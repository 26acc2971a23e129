"""How front ends write what messages name; see `messages`."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

from vecindex.messages import Command, OptionName, Placeholder
from vecindex.options import ModelOptions, fields_of

_OPTIONS = {
    "adopt": "tables.options:AdoptOptions",
    "annotate": "upkeep.options:AnnotateOptions",
    "bench-models": "bench_models.options:BenchModelsOptions",
    "build_index": "index.options:BuildIndexOptions",
    "compare": "compare.options:CompareOptions",
    "delete": "upkeep.options:DeleteOptions",
    "evaluate": "evaluate.options:EvaluateOptions",
    "explore": "explore.options:ExploreOptions",
    "export": "export.options:ExportOptions",
    "index": "index.options:BuildIndexOptions",
    "ingest": "ingest.options:IngestOptions",
    "map": "picture.options:MapOptions",
    "overlap": "overlap.options:OverlapOptions",
    "project": "project.options:ProjectOptions",
    "reembed": "tables.options:ReembedOptions",
    "search": "search.options:SearchOptions",
}
"""The options class of each verb, below `verbs`; imported when a message names one of its options."""
TYPED = {"lens": ("map", "--lens"), "write_topics": ("map", "--topics-file")}
"""Verbs that the command line has as an option of another one."""
NAMED = {"build_index": "index"}
"""Verbs that the command line has under another name."""


class CommandLine:
    """Options as they are typed, commands that can be copied.

    Attributes
    ----------
    verb : the command that runs, whose options messages name.
    given : options that every command is completed with: the database and the table that this run is for.
    """

    def __init__(self, verb: str = "", given: Mapping[str, str] | None = None) -> None:
        """Take the command that runs and what completes others."""
        self.verb = verb
        self.given = dict(given or {})

    def option(self, option: OptionName) -> str:
        """Return `--by`, or `--by chunk`."""
        return " ".join(_words(self.verb, option.name, option.value))

    def command(self, command: Command) -> str:
        """Return `vecindex VERB ...`; an argument that looks like an option stands behind all of them, after `--`."""
        verb = NAMED.get(command.verb, command.verb)
        head, arguments = TYPED.get(verb, (verb,)), [_word(value) for value in command.arguments]
        more = {name: value for name, value in self.given.items() if name not in command.options}
        options: list[str] = []
        for name, value in {**command.options, **more}.items():
            options += _words(command.verb, name, value)
        # A single dash is standard input, and what an option takes may begin with one.
        dashed = command.verb not in TYPED and any(len(one) > 1 and one.startswith("-") for one in arguments)
        rest = [*options, "--", *arguments] if dashed else [*arguments, *options]
        return " ".join(["vecindex", *head, *rest])


class JsonApi(CommandLine):
    """Fields of a request; commands as the person who runs the server types them."""

    def option(self, option: OptionName) -> str:
        """Return `"by"`, or `"by": "chunk"`; an option of the server's start as it is typed: `--model DIR`."""
        import json

        if option.name in fields_of(ModelOptions):
            return super().option(option)
        value = option.value
        if value is None:
            return f'"{option.name}"'
        return f'"{option.name}": ' + (
            value.name if isinstance(value, Placeholder) else json.dumps(value, default=str)
        )


class LivePage(JsonApi):
    """Fields of the live page by what stands next to them; a value as it is typed there."""

    _SHOWN: ClassVar = {
        "where": "“Show only articles where”",
        "text": "“Ask a question”",
        "label": "“Label”",
        "column": "“Column”",
        "clear": "“Remove label”",
    }

    def option(self, option: OptionName) -> str:
        """Return `“Column”`; of a value that is typed, this alone."""
        if isinstance(option.value, str):
            return option.value
        return self._SHOWN.get(option.name) or super().option(option)


def flag_of(verb: str, name: str, value: Any = None) -> str:
    """Return the flag of a verb's option on the command line, by its name in Python; a switch's, for its value.

    >>> flag_of("overlap", "topic_field"), flag_of("overlap", "k"), flag_of("project", "controls", False)
    ('--topic-field', '-k', '--no-controls')
    """
    if name == "chunk" and value is not None and not isinstance(value, bool):
        return "--chunk-tokens"  # in Python one argument, on the command line a switch and a number
    declared = None
    if verb in _OPTIONS:
        module, _, name_of_class = _OPTIONS[verb].partition(":")
        kind = getattr(import_module(f"vecindex.verbs.{module}"), name_of_class)
        field = fields_of(kind).get(name)
        declared = None if field is None else field.option.flag
    if not declared:
        return "--" + name.replace("_", "-")
    return declared.split()[0].split("/")[-1 if value is False else 0]


def _words(verb: str, name: str, value: Any) -> list[str]:
    flag = flag_of(verb, name, value)
    if value is None or isinstance(value, bool):
        return [flag]
    if value == ():
        return ["--no-" + name.replace("_", "-")]
    if isinstance(value, Mapping):
        return [word for key, one in value.items() for word in (flag, _word(f"{key}={one}"))]
    if isinstance(value, list | tuple):
        return [word for one in value for word in (flag, _word(one))]
    return [flag, _word(value)]


def _word(value: Any) -> str:
    return value.name if isinstance(value, Placeholder) else shlex.quote(str(value))

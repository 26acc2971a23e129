"""Options of the commands: those that many share, and those that are made of a verb's options class."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer

from vecindex.cli.spelling import remember, remember_json
from vecindex.options import Field, fields_of, signature_of

Db = Annotated[
    str | None,
    typer.Option(
        "--db", metavar="DIR", callback=remember, help="Database folder or URI [default: $VECINDEX_DB or ./db]"
    ),
]
Table = Annotated[str, typer.Option("--table", "-t", metavar="NAME", callback=remember, help="Table of articles.")]
Json = Annotated[
    bool, typer.Option("--json", callback=remember_json, help="Print the result as JSON on standard output.")
]

NEVER_BY_A_FOLDER: set[str] = set()
"""Options that no file of settings sets which merely lies in the working folder."""

F = TypeVar("F", bound=Callable[..., None])


def options_of(kind: Any) -> Callable[[F], F]:
    """Give a command an option for each field of an options class, in place of its `**options`.

    A parameter of the command's own under a field's name stands for it.
    """

    def decorate(function: F) -> F:
        fields = fields_of(kind)
        NEVER_BY_A_FOLDER.update(name for name, field in fields.items() if not field.option.by_a_folder)
        signature = signature_of(function, kind)
        hints = inspect.get_annotations(function, eval_str=True)
        parameters = []
        for parameter in signature.parameters.values():
            field = fields.get(parameter.name)
            if parameter.name in hints:
                annotation = hints[parameter.name]
            elif field is not None and field.option.flag != "" and not _is_mapping(field.type):
                annotation = Annotated[_plain_type(field.type), _typer_option(field)]
            else:
                continue  # not for the command line, or given by parameters of the command's own
            parameters.append(parameter.replace(annotation=annotation, kind=inspect.Parameter.KEYWORD_ONLY))
        function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        function.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
        return function

    return decorate


def is_typed(context: typer.Context, name: str) -> bool:
    """Return whether an option of the command that runs stands on its command line, not only in a settings file."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _typer_option(field: Field) -> Any:
    about = field.option
    if about.argument:
        return typer.Argument(metavar=about.metavar, help=about.help)
    flag = about.flag or "--" + field.name.replace("_", "-")
    help_text = about.help
    if _plain_type(field.type) == list[str] | None:
        help_text = re.sub(r"(?=\.$| \[|(?<![.\]])$)", "; may be repeated", help_text, count=1)
        if about.metavar is not None and "," in about.metavar:
            return typer.Option(*flag.split(), metavar=about.metavar, help=help_text, callback=_divided)
    return typer.Option(*flag.split(), metavar=about.metavar, help=help_text)


def _divided(values: list[str] | None) -> list[str] | None:
    """Return the names that each use of an option gives, divided by commas; in Python a name may have one."""
    return None if values is None else [name for value in values for name in value.split(",")]


def _plain_type(declared: Any) -> Any:
    """Return what a shell can give for a declared type: a list, a number, a switch or a text, or nothing."""
    members = get_args(declared) if get_origin(declared) in (Union, UnionType) else (declared,)
    kinds = [_kind(member) for member in members if member is not NoneType]
    kind = next((k for k in (list[str], bool, int, float) if k in kinds), str)
    return kind | None if NoneType in members or kind == list[str] else kind


def _is_mapping(declared: Any) -> bool:
    return any(get_origin(member) is Mapping for member in (declared, *get_args(declared)))


def _kind(member: Any) -> Any:
    if get_origin(member) is Literal:
        return str
    if isinstance(get_origin(member), type) and issubclass(get_origin(member), Sequence):
        return list[str]
    return member

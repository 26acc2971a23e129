"""Options declared once: a TypedDict a verb, whose fields say how the front ends offer them.

    class SearchOptions(ModelOptions, total=False):
        k: Annotated[int, Option("Hits for each query.", default=10, flag="-k", at_least=1)]

`Index` takes them as `**options: Unpack[SearchOptions]`, the command line makes its options of them, the JSON API its
requests, and `checked` fills in the defaults and refuses what is out of bounds.
"""

from __future__ import annotations

import difflib
import inspect
import numbers
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypedDict, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from vecindex.errors import ConfigError
from vecindex.messages import is_it, option, text

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Option:
    """How a field is offered.

    Attributes
    ----------
    help : one sentence.
    default : what holds when the option is left out.
    flag : on the command line, where it is not `--name`; several are separated by blanks; "" offers none.
    metavar : what stands for the value in the command line's help.
    at_least, at_most : bounds of a number, themselves allowed.
    argument : a positional argument of the command line.
    by_a_folder : whether a file of settings may set it that merely lies in the working folder, as it came with it.
    """

    help: str
    default: Any = None
    flag: str | None = None
    metavar: str | None = None
    at_least: float | None = None
    at_most: float | None = None
    argument: bool = False
    by_a_folder: bool = True


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an options class: its name, its type without the annotation, and how it is offered."""

    name: str
    type: Any
    option: Option

    @property
    def choices(self) -> tuple[str, ...]:
        """The values that a Literal type allows; empty for another type."""
        members = [self.type, *get_args(self.type)]
        return tuple(value for member in members if get_origin(member) is Literal for value in get_args(member))


Device = Annotated[str, Option("auto, cpu, cuda, cuda:N or mps.", default="auto")]
Durable = Annotated[
    bool,
    Option("Bring each commit to the disk (fsync) [default: $VECINDEX_DURABLE]", default=False, flag="--durable"),
]
Wait = Annotated[
    float, Option("Seconds to wait for another writer of the database.", default=0.0, metavar="SECONDS", at_least=0)
]
Memory = Annotated[
    str | None, Option("Memory that the run may take, such as 4GB [default: what there is]", metavar="SIZE")
]
TrustRemoteCode = Annotated[
    bool,
    Option(
        "Run code that the model brings along.",
        default=False,
        flag="--trust-remote-code/--no-trust-remote-code",
        by_a_folder=False,
    ),
]
Engine = Annotated[
    str | None,
    Option(
        "Workers that compute: ray, or ray:ADDRESS of a cluster [default: this process]",
        metavar="ENGINE",
        by_a_folder=False,
    ),
]
WorkerCores = Annotated[
    int | None, Option("Cores of each worker of an engine [default: 4; with a GPU 1]", at_least=1)
]
QuestionPrompt = Annotated[str | None, Option("Put before every question [default: the model's own]")]


class ModelOptions(TypedDict, total=False):
    """Where the model that embeds questions is, and how it runs."""

    model: Annotated[str | None, Option("Where the table's model is now, if elsewhere.")]
    prompt: QuestionPrompt
    device: Device
    trust_remote_code: TrustRemoteCode


@cache
def fields_of(kind: Any) -> dict[str, Field]:
    """Return the fields of an options class that the front ends offer, by name; the model's come last."""
    hints, models = _hints(kind), _hints(ModelOptions)
    shared = [name for name, hint in models.items() if hints.get(name) == hint]
    order = [name for name in hints if name not in shared] + shared
    found = {}
    for name in order:
        if get_origin(hints[name]) is Annotated:
            declared, *notes = get_args(hints[name])
            about = next((note for note in notes if isinstance(note, Option)), None)
            if about is not None:
                found[name] = Field(name, declared, about)
    return found


@cache
def _hints(kind: Any) -> dict[str, Any]:
    """Return the declared kinds of an options class; to resolve them costs more than to declare the class."""
    return get_type_hints(kind, include_extras=True)


def _bare(hint: Any) -> Any:
    """Return a declared kind without what is noted of it."""
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def changed(kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of a class's options that are not at their defaults."""
    fields = fields_of(kind)
    return {name: values[name] for name in fields if name in values and values[name] != fields[name].option.default}


def checked(kind: type[T], given: T) -> T:
    """Return all options of a class: those given, checked for kinds, bounds and choices, and the others' defaults.

    None stands for the default. Raises ConfigError, naming the option as the caller wrote it.
    """
    fields = fields_of(cast("Any", kind))
    values = dict(cast("Mapping[str, Any]", given))
    known = _hints(cast("Any", kind))
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = text("Is it ", option(near[0]), "?") if near else f"There are: {', '.join(fields)}."
            raise ConfigError(text("There is no ", option(name), "."), hint)
    for name, field in fields.items():
        if values.get(name) is not None:
            values[name] = expected(name, values[name], field.type)
            _check_bounds(field, values[name])
    defaults = dict.fromkeys(known) | {name: field.option.default for name, field in fields.items()}
    return cast("T", defaults | {name: value for name, value in values.items() if value is not None})


def _check_bounds(field: Field, value: Any) -> None:
    about, name = field.option, option(field.name)
    if value == about.default:
        return
    if field.choices and value not in field.choices:
        near = is_it(value, field.choices).strip() if isinstance(value, str) else ""
        raise ConfigError(text(name, f" is {_listed(field.choices)}, found {value!r}."), near or None)
    low, high = about.at_least, about.at_most
    if low is None and high is None:
        return
    if low is not None and high is not None and not low <= value <= high:
        raise ConfigError(text(name, f" must be from {_figure(low)} to {_figure(high)}, found {_figure(value)}."))
    if low is not None and not value >= low:
        raise ConfigError(text(name, f" must be at least {_figure(low)}, found {_figure(value)}."))
    if high is not None and not value <= high:
        raise ConfigError(text(name, f" must be at most {_figure(high)}, found {_figure(value)}."))


def _figure(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _listed(values: tuple[str, ...]) -> str:
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} or {values[-1]}"


def signature_of(function: Any, kind: Any) -> inspect.Signature:
    """Return a function's signature with the fields of an options class in place of its `**options`."""
    own = inspect.signature(function)
    kept = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    taken = {p.name for p in kept}
    hints = _hints(kind)
    fields = fields_of(kind)
    more = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=fields[name].option.default if name in fields else None,
            annotation=_bare(hints[name]),
        )
        for name in [*fields, *(n for n in hints if n not in fields)]
        if name not in taken
    ]
    return own.replace(parameters=[*kept, *more])


F = TypeVar("F", bound=Callable[..., Any])


def options_shown(kind: Any) -> Callable[[F], F]:
    """Let `help()` and notebooks show a method's `**options` one by one, with what each means."""

    def decorate(function: F) -> F:
        function.__signature__ = signature_of(function, kind)  # type: ignore[attr-defined]
        lines = [f"{name} : {field.option.help}" for name, field in fields_of(kind).items()]
        about = "\n        Options\n        -------\n        " + "\n        ".join(lines) + "\n        "
        function.__doc__ = (function.__doc__ or "").rstrip() + "\n" + about
        return function

    return decorate


_MOST = 2**63 - 1
"""No figure that an option takes is larger, and the libraries below count in 64 bits."""
_WORDS: dict[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path",
    timedelta: "a timedelta",
    NoneType: "",
}


def expected(name: str, value: T, kind: Any) -> T:
    """Return the value of an argument, whole numbers of other libraries as Python's.

    Raises ConfigError, naming the argument as the caller wrote it, when it is not of the kind that is declared.
    """
    if not fits(value, kind):
        words = list(dict.fromkeys(word for member in _members(kind) if (word := _word(member))))
        found = f"found {_shown(value)} ({type(value).__name__})"
        raise ConfigError(text(option(name), f" is {' or '.join(words)}, {found}."))
    if isinstance(value, numbers.Integral) and not isinstance(value, int):
        return int(value)  # type: ignore[return-value]
    return value


def fits(value: Any, kind: Any) -> bool:
    """Return whether a value is of a declared kind.

    >>> fits(3, float), fits(True, int), fits("a", str | None), fits(["a", 1], list[str])
    (True, False, True, False)
    """
    return any(_fits(value, member) for member in _members(kind))


def _members(kind: Any) -> tuple[Any, ...]:
    """Return the kinds of a union, or the one."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _fits(value: Any, kind: Any) -> bool:
    origin = get_origin(kind)
    if kind is Any or (origin is Literal):
        # Words are checked, and named, by who declares them.
        return True
    if kind is bool:
        return isinstance(value, bool) or (type(value).__module__, type(value).__name__.rstrip("_")) == (
            "numpy",
            "bool",
        )
    if kind is int:
        return isinstance(value, numbers.Integral) and not isinstance(value, bool) and abs(int(value)) <= _MOST
    if kind is float:
        return isinstance(value, numbers.Real) and not isinstance(value, bool)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        key, item = get_args(kind)
        return isinstance(value, Mapping) and _all_fit(value, key) and _all_fit(value.values(), item)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _is_list(value) and _all_fit(value, get_args(kind)[0])
    return isinstance(value, PathLike if kind is Path else kind)


def _is_list(value: Any) -> bool:
    """Return whether a value holds several: a list or tuple, a set, or an array or a series of another library."""
    return isinstance(value, Collection) and not isinstance(value, str | bytes | bytearray | Mapping)


def _all_fit(values: Any, kind: Any) -> bool:
    return all(fits(value, kind) for value in values)


def _word(kind: Any) -> str:
    origin = get_origin(kind)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping of names"
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return "several in a list"
    return _WORDS.get(kind, str(kind))


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."

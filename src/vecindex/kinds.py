"""Whether a value is of the kind that an argument declares: no type checker has seen what a caller gives."""

from __future__ import annotations

import numbers
from collections.abc import Collection, Mapping, Sequence
from os import PathLike
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from vecindex.errors import ConfigError
from vecindex.messages import option, text

T = TypeVar("T")

_MOST = 2**63 - 1
"""No figure that an option takes is larger, and the libraries below count in 64 bits."""
_WORDS: dict[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Path: "a path",
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
        return isinstance(value, bool)
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

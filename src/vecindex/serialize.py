"""Results as plain values: one way for all of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

from vecindex.messages import Text

Spell = Callable[[Text], str]
"""How a front end writes a message; `str` spells it for Python."""


def plain(value: Any, spell: Spell = str) -> Any:
    """Return a value as JSON can hold it: dataclasses as objects, keys as text, NaN and infinity as null.

    A dataclass may list fields in `json_names` that JSON has under another, released name.

    >>> plain({1: (0.5, float("nan"))})
    {'1': [0.5, None]}
    """
    if isinstance(value, Text):
        return spell(value)
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item, spell) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, spell) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = getattr(value, "json_names", {})
        return {names.get(f.name, f.name): plain(getattr(value, f.name), spell) for f in dataclasses.fields(value)}
    return value


class Result:
    """What a verb returns: a frozen dataclass that gives plain values."""

    __slots__ = ()

    def to_dict(self, spell: Spell = str) -> dict[str, Any]:
        """Return plain values, for JSON; what is not a number is null. `spell` writes the messages in it."""
        values: dict[str, Any] = plain(self, spell)
        return values

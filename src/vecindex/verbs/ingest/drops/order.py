"""What makes one version of a row newer than another."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

_YES = frozenset(("true", "t", "yes", "y", "1"))
_NO = frozenset(("", "false", "f", "no", "n", "0"))


class Kind(IntEnum):
    """What can be compared with its like only."""

    NUMBER = 0
    TIME = 1
    TEXT = 2


class Order(NamedTuple):
    """A value by which versions of a row are ordered: higher is newer."""

    kind: Kind
    value: Any


def order_of(value: Any) -> Order | None:
    """Return what a field's value says of a row's age, None for no value.

    A date is its first instant; a time without a zone is UTC. Text that reads as a number or as an ISO date or time
    is one; other text is ordered by its code points.

    >>> order_of("2024-03-01") < order_of("2024-03-01T00:00:01Z"), order_of("9") < order_of(10.5)
    (True, True)
    >>> order_of(" "), order_of("v2")
    (None, Order(kind=<Kind.TEXT: 2>, value='v2'))
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dt.datetime):
        return Order(Kind.TIME, value if value.tzinfo else value.replace(tzinfo=dt.UTC))
    if isinstance(value, dt.date):
        return Order(Kind.TIME, dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return None if math.isnan(value) else Order(Kind.NUMBER, value)
    if isinstance(value, Decimal):
        value = str(value)
    if isinstance(value, str) and value.strip():
        return _order_of_text(value.strip())
    return None


def _order_of_text(value: str) -> Order:
    for read in (int, float):
        try:
            number = read(value)
        except ValueError:
            continue
        if math.isfinite(number):
            return Order(Kind.NUMBER, number)
    try:
        return order_of(dt.datetime.fromisoformat(value)) or Order(Kind.TEXT, value)
    except ValueError:
        return Order(Kind.TEXT, value)


def as_json(order: Order) -> str:
    """Return an order as it is stored."""
    return json.dumps([int(order.kind), order.value.isoformat() if order.kind is Kind.TIME else order.value])


def from_json(stored: str) -> Order:
    """Return an order that was stored.

    >>> from_json(as_json(order_of("2024-03-01"))) == order_of("2024-03-01")
    True
    """
    kind, value = json.loads(stored)
    return Order(Kind(kind), dt.datetime.fromisoformat(value) if kind == Kind.TIME else value)


def is_deletion(value: Any) -> bool | None:
    """Return whether a field's value says that the row is deleted, None where it says neither.

    True, another number than 0, the words yes and true, and a time (of the deletion) say so.

    >>> [is_deletion(value) for value in (True, "no", None, "2024-03-01", 0, "perhaps")]
    [True, False, False, True, False, None]
    """
    if isinstance(value, str) and value.strip().lower() in _YES | _NO:
        return value.strip().lower() in _YES
    if isinstance(value, bool | np.bool_):
        return bool(value)
    order = order_of(value)
    if order is None:
        return False
    if order.kind is Kind.TEXT:
        return None
    return order.kind is Kind.TIME or order.value != 0

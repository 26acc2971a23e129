"""The columns of a delimited file: their types, by their first values, and the values of a row."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from vecindex.messages import counted
from vecindex.sources.base import Record, excerpt
from vecindex.sources.delimited.lines import Row
from vecindex.sources.fieldmap import is_text_name
from vecindex.sources.formats import ReadOptions
from vecindex.types import Rejected

SAMPLE_ROWS = 1000

_INT = re.compile(r"0|-?[1-9][0-9]{0,18}")
_LONG_INT = re.compile(r"-?[1-9][0-9]{18,}")
_FLOAT = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, what its values are to be, and what makes them of text."""

    name: str
    expected: str
    convert: Callable[[str], Any] | None


def columns_of(header: Sequence[str], sample: Sequence[Row], options: ReadOptions) -> list[Column]:
    """Return the columns of a header, typed by the good rows among the first ones."""
    good = [row.values for row in sample if not row.fault and len(row.values) == len(header)]
    columns = []
    for i, name in enumerate(header):
        if name == options.vector_field:
            columns.append(Column(name, "a JSON array of numbers", _to_list))
        elif name in options.text_fields or is_text_name(name):
            columns.append(Column(name, "str", None))
        else:
            columns.append(_infer(name, [values[i] for values in good if values[i]]))
    return columns


def record_of(row: Row, columns: Sequence[Column], name: str) -> Record | Rejected:
    """Return the values of a row by the names of its columns, or why it has none; `name` is that of the file."""
    reason = row.fault
    if reason is None and len(row.values) != len(columns):
        reason = f"found {counted(len(row.values), 'field')}, expected {len(columns)}"
    if reason is None:
        fields: dict[str, Any] = {}
        for column, value in zip(columns, row.values, strict=True):
            try:
                fields[column.name] = column.convert(value) if value and column.convert else value or None
            except (ValueError, RecursionError):
                reason = f"column {column.name!r}: found {value[:80]!r}, expected {column.expected}"
                break
        else:
            return Record(f"{name}:{row.line}", fields)
    return Rejected(f"{name}:{row.location}", reason, excerpt=excerpt(row.head))


def _infer(name: str, values: list[str]) -> Column:
    if any(_LONG_INT.fullmatch(value) and not _fits_64_bits(value) for value in values):
        # As a float it would lose its last digits, and two ids might become one.
        return Column(name, "str", None)
    for kind, convert in (("int", _to_int), ("float", _to_float)):
        try:
            for value in values:
                convert(value)
        except ValueError:
            continue
        if values:
            return Column(name, f"{kind}, as in the first {counted(SAMPLE_ROWS, 'row')}", convert)
    return Column(name, "str", None)


def _to_int(value: str) -> int:
    if not (_INT.fullmatch(value) and _fits_64_bits(value)):
        raise ValueError(value)
    return int(value)


def _fits_64_bits(whole: str) -> bool:
    return len(whole) <= 20 and -(2**63) <= int(whole) < 2**63


def _to_float(value: str) -> float:
    if not _FLOAT.fullmatch(value):
        raise ValueError(value)
    return float(value)


def _to_list(value: str) -> list[Any]:
    parsed = json.loads(value)
    if not isinstance(parsed, list):
        raise ValueError(value)
    return parsed

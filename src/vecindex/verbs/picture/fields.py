"""The user's own columns as colorings of a map, read in one scan with bounded memory."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, NO_ROW, Rows
from vecindex.core.picture import Coloring
from vecindex.core.texts.short import distinct, short_names
from vecindex.errors import ConfigError
from vecindex.messages import is_it, option, text
from vecindex.notebook import clean
from vecindex.schema import is_label
from vecindex.store.articles import ArticleTable
from vecindex.verbs.picture.coloring import MOST_NAMES, categories, flags, numbers, unclear_steps
from vecindex.verbs.picture.topic_fields import FieldValues

if TYPE_CHECKING:
    import pyarrow as pa

# A column of more different texts is no set of categories; one that was asked for is read up to the second number.
_MOST_VALUES = 5_000
_MOST_ASKED = 200_000
# Below so many different texts a column is one of categories; else when its most frequent ones make up so much.
_FEW_VALUES = 200
_COVERED = 0.6
_NAME_LENGTH = 60
_DAY_US = 86_400e6
_DAY_S = 86_400.0
# Texts are dates where so many of them are: a year and a month at least, in ISO 8601.
_DATES = 0.99
_ISO = re.compile(r"\s*\d{4}-\d{2}(?:-\d{2}(?:[T ]\S+)?)?\s*$")


def field_readers(
    table: ArticleTable, names: Sequence[str] | None, shown: int, topics_by: str | None = None
) -> dict[str, FieldReader]:
    """Return what reads the columns to color by: those that are named, or all that may be fit for it.

    `topics_by` is a column of texts that is read too, however many values it has.

    Raises ConfigError for a column that is not there or holds what has no color, such as lists or bytes.
    """
    # Labels are shown however few there are.
    kinds = {f.name: _kind(f, names is not None or is_label(f)) for f in table.extra_columns}
    fit = {name: kind for name, kind in kinds.items() if kind is not None}
    for name in names or ():
        if name not in fit:
            raise ConfigError(
                f"{table.where} has no column {name!r} to color by (columns there: {', '.join(fit) or 'none'}).",
                text("Name another with ", option("fields"), "."),
            )
    readers = {name: fit[name](name, shown) for name in (fit if names is None else names)}
    if topics_by is not None:
        texts = sorted(f.name for f in table.extra_columns if _is_text(f.type))
        if topics_by not in texts:
            raise ConfigError(
                f"{_no_topics(table, topics_by)} (columns to make topics of: {', '.join(texts) or 'none'}).",
                text(is_it(topics_by, texts), "Leave ", option("topics_by"), " out, or name another."),
            )
        readers[topics_by] = TextField(topics_by, shown, asked=True)
    return readers


def no_values(name: str, map_name: str, asked_by: str) -> ConfigError:
    """Return the error of a column that an option names and that has no value in any article on a map."""
    return ConfigError(
        f'{name!r} has no value in any article on the map "{map_name}".',
        text("Leave ", option(asked_by), " out, or name another column."),
    )


_PER_ARTICLE = ("id", "article_id", "title", "text")
"""Columns of every table whose values differ for nearly every article."""


def _no_topics(table: ArticleTable, name: str) -> str:
    """Return why no topics can be made of a column."""
    if name in _PER_ARTICLE:
        return f"{name!r} makes no topics: it differs for nearly every article"
    for field in table.schema:
        if field.name == name:
            return f"{name!r} makes no topics: it holds {field.type}, and topics are made of a column of texts"
    return f"{table.where} has no column {name!r} to make topics of"


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))


def _kind(field: Any, asked: bool) -> Callable[[str, int], FieldReader] | None:
    """Return what makes a reader of a column, from its name and how many articles are shown; None for no color."""
    import pyarrow as pa

    kind = field.type
    if pa.types.is_boolean(kind):
        return BooleanField
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return partial(NumberField, dates=True)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return partial(NumberField, whole=pa.types.is_integer(kind))
    if _is_text(kind):
        return partial(TextField, asked=asked)
    return None


class FieldReader:
    """A column that is read in parts, into values (m,) in the picture's order."""

    def __init__(self, name: str, values: npt.NDArray[Any]) -> None:
        """Take the column's name, and the values of articles that have none."""
        self.name = name
        self.key = f"field:{name}"
        self.values = values

    def add(self, at: Rows, column: pa.Array) -> None:
        """Take values (b,) of articles with their indices in the picture's order, NO_ROW for one not shown."""
        there = at != NO_ROW
        self.values[at[there]] = self._read(column)[there]

    def _read(self, column: pa.Array) -> npt.NDArray[Any]:
        raise NotImplementedError

    @property
    def is_empty(self) -> bool:
        """Whether no article that is shown has a value."""
        return not (self.values >= 0).any()

    def result(self) -> Coloring | None:
        """Return the coloring; None where it would show nothing."""
        raise NotImplementedError


class NumberField(FieldReader):
    """A column of numbers, or of dates, which become days since 1970 with a fraction."""

    def __init__(self, name: str, shown: int, dates: bool = False, whole: bool = False) -> None:
        """See `FieldReader`."""
        super().__init__(name, np.full(shown, np.nan))
        self._dates = dates
        self._whole = whole
        self._nonfinite = False
        self._stored: npt.DTypeLike = np.float64

    def _read(self, column: pa.Array) -> F64:
        import pyarrow as pa

        if self._dates:
            column = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
        if pa.types.is_floating(column.type):
            self._stored = column.type.to_pandas_dtype()
        # Large whole numbers are rounded, which no color shows.
        values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
        self._nonfinite |= int((~np.isfinite(values)).sum()) > column.null_count
        return values

    @property
    def is_empty(self) -> bool:
        """See `FieldReader`."""
        return not np.isfinite(self.values).any()

    def result(self) -> Coloring | None:
        """See `FieldReader`."""
        if self._dates:
            return numbers(self.key, self.name, self.values / _DAY_US, unit="date")
        found = numbers(self.key, self.name, self.values, scale=None, whole=self._whole)
        if found is None:
            return None
        unclear = unclear_steps(found, self.values, self._stored)
        return replace(found, nonfinite=self._nonfinite, unclear=unclear)


class BooleanField(FieldReader):
    """A column of yes and no."""

    def __init__(self, name: str, shown: int) -> None:
        """See `FieldReader`."""
        super().__init__(name, np.full(shown, -1, dtype=np.int64))

    def _read(self, column: pa.Array) -> Rows:
        import pyarrow as pa

        return np.asarray(column.cast(pa.int8()).fill_null(-1).to_numpy(zero_copy_only=False))

    def result(self) -> Coloring | None:
        """See `FieldReader`."""
        return flags(self.key, self.name, self.values, ("yes", "no"))


class TextField(FieldReader):
    """A column of texts, each different one a category; given up where there are too many of them.

    Where nearly all are dates in ISO 8601, as JSON lines and CSV have them, it is a column of dates.
    """

    def __init__(self, name: str, shown: int, asked: bool) -> None:
        """Take whether the user asked for it: then it is shown, however many different values there are."""
        super().__init__(name, np.full(shown, -1, dtype=np.int64))
        self._asked = asked
        self._given_up = False
        self._codes: dict[str, int] = {}
        self._days: F64 | None = np.full(shown, np.nan)
        self._dated = self._texts = 0

    def add(self, at: Rows, column: pa.Array) -> None:
        """See `FieldReader`."""
        if self._days is not None:
            self._add_dates(at, column)
        if not self._given_up:
            super().add(at, column)
            if self._given_up:
                self.values = self.values[:0]

    def _add_dates(self, at: Rows, column: pa.Array) -> None:
        import pyarrow as pa

        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        days = np.array([days_of(value) for value in coded.dictionary.to_pylist()] + [np.nan])
        codes = coded.indices.fill_null(len(coded.dictionary)).to_numpy(zero_copy_only=False)
        found = days[codes]
        there = at != NO_ROW
        self._texts += len(column) - column.null_count
        self._dated += int(np.isfinite(found).sum())
        if self._dated < _DATES * self._texts:
            self._days = None
        elif self._days is not None:
            self._days[at[there]] = found[there]

    @property
    def is_empty(self) -> bool:
        """See `FieldReader`."""
        return not self._given_up and super().is_empty

    @property
    def _is_dates(self) -> bool:
        return self._days is not None and self._dated > 0

    def _read(self, column: pa.Array) -> Rows:
        import pyarrow as pa

        coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
        most = _MOST_ASKED if self._asked else _MOST_VALUES
        known = np.full(len(coded.dictionary) + 1, -1, dtype=np.int64)
        for i, value in enumerate(coded.dictionary.to_pylist()):
            if value is not None and len(self._codes) < most:
                self._codes.setdefault(str(value), len(self._codes))
            if value is not None:
                # Beyond the limit a value counts as one of a kind that is never named.
                known[i] = self._codes.get(str(value), most)
        self._given_up = len(self._codes) >= most and not self._asked
        codes: Rows = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        return known[codes]

    def categories(self) -> FieldValues | None:
        """Return the values as categories; None where they are given up, or there are none."""
        if self._given_up or not (self.values >= 0).any():
            return None
        return FieldValues(self.name, _names_of(list(self._codes)), np.minimum(self.values, len(self._codes)))

    def result(self) -> Coloring | None:
        """See `FieldReader`."""
        if self._is_dates and self._days is not None:
            return numbers(self.key, self.name, self._days, unit="date")
        found = self.categories()
        if found is None:
            return None
        which = found.which
        count = np.bincount(which[which >= 0], minlength=len(self._codes) + 1)
        different = int((count > 0).sum())
        covered = np.sort(count)[::-1][:MOST_NAMES].sum() / count.sum()
        # Values that hardly come twice are names of articles and no categories.
        many = different > count.sum() / 2 or (different > _FEW_VALUES and covered < _COVERED)
        if not self._asked and (different < 2 or many):
            return None
        made = categories(self.key, self.name, found.names, which)
        as_they_are = {name for name, value in zip(found.names, self._codes, strict=False) if name == value}
        return replace(made, renamed=tuple(i for i, name in enumerate(made.names) if name not in as_they_are))


def _names_of(values: Sequence[str]) -> list[str]:
    r"""Return a name for each value, all of them different, and one more for values that are not read.

    >>> _names_of(["New\u00a0York", "New York", " "])
    ['New York (2)', 'New York', '(blank)', 'further values']
    """
    lines = short_names([clean(value) for value in values], _NAME_LENGTH)
    names = [line or ("(blank)" if value else "") for line, value in zip(lines, values, strict=True)]
    names.append("further values")
    # A value that is a name itself keeps it.
    order = sorted(range(len(names)), key=lambda i: i == len(values) or names[i] != values[i])
    found = dict(zip(order, distinct([names[i] for i in order]), strict=True))
    return [found[i] for i in range(len(names))]


def days_of(value: str | None) -> float:
    """Return a date in ISO 8601 as days since 1970-01-01 in UTC; NaN for another text.

    >>> days_of("1970-01-02"), days_of("1970-02"), days_of("1970-01-01T12:00:00+00:00"), days_of("1970")
    (1.0, 31.0, 0.5, nan)
    """
    if value is None or not _ISO.match(value):
        return math.nan
    text = value.strip()
    try:
        found = dt.datetime.fromisoformat(text if len(text) > 7 else f"{text}-01")
    except ValueError:
        return math.nan
    return (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).timestamp() / _DAY_S

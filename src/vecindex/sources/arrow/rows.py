"""Record batches to records, wherever the batches come from. Location: "NAME row 7".

Rows are counted from 0 over all batches, as `table.slice(7, 1)` does. Memory holds the batches that whoever reads
keeps, and of each at most 4,096 rows at a time become Python values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import date
from functools import partial
from itertools import accumulate, pairwise
from typing import Any

import numpy as np

from vecindex.errors import SourceError
from vecindex.messages import option, text
from vecindex.sources.base import Block, Item, Record, Unparsed, each, excerpt, parsed
from vecindex.types import Rejected

BATCH_ROWS = 4096


@dataclass(frozen=True, slots=True)
class _BadValue:
    """Stands for a value that has no Python form (broken UTF-8, a date beyond year 9999, damage)."""

    reason: str


Fault = Callable[[Exception, int], SourceError]
"""Makes the error for data that cannot be read, from what pyarrow says and the number of the row."""


def records(
    name: str,
    batches: Iterable[Any],
    vector_field: str | None,
    fault: Fault,
    first: int = 0,
    skipped: Set[str] = frozenset(),
) -> Iterator[Item]:
    """Yield one item per row of the record batches, as `pieces` does."""
    return each(parsed(pieces(name, batches, vector_field, fault, first, skipped)))


def pieces(
    name: str,
    batches: Iterable[Any],
    vector_field: str | None,
    fault: Fault,
    first: int = 0,
    skipped: Set[str] = frozenset(),
) -> Iterator[Unparsed]:
    """Yield record batches of at most 4,096 rows, which become blocks where all rows are sound.

    The first row is number `first`. Lists in columns that are `skipped` are null. A column named `vector_field`
    (lists of numbers, of one length or not) is given as numpy rows. Raises SourceError when it holds anything else,
    when columns have no names of their own, or, made by `fault`, for damaged data.
    """
    import pyarrow as pa

    done, checked = first, None
    try:
        for batch in batches:
            if batch.schema is not checked:
                check_schema(name, batch.schema, vector_field)
                checked = batch.schema
            for begin in range(0, batch.num_rows, BATCH_ROWS):
                piece = _without_lists(batch.slice(begin, BATCH_ROWS), skipped - {vector_field})
                parse = partial(_rows, name, piece, vector_field, done)
                # Not `nbytes`, which follows positions that nobody has checked. A part is pickled as the whole.
                size = batch.get_total_buffer_size()
                yield Unparsed(
                    size, parse if len(piece) == len(batch) else None, partial(_or_fault, parse, fault, done)
                )
                done += piece.num_rows
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:  # the last one from a column's name
        raise fault(error, done) from error


def _or_fault(rows: Callable[[], Iterable[Item | Block]], fault: Fault, first: int) -> Iterator[Item | Block]:
    import pyarrow as pa

    try:
        yield from rows()
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        raise fault(error, first) from error


def _without_lists(batch: Any, skipped: Set[str | None]) -> Any:
    """Return a batch with nulls for the lists that nobody wants: to make Python values of them takes longest."""
    import pyarrow as pa

    def is_list(kind: Any) -> bool:
        return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))

    for i, field in enumerate(batch.schema):
        if field.name in skipped and is_list(field.type):
            batch = batch.set_column(i, field.name, pa.nulls(len(batch)))
    return batch


def check_schema(name: str, schema: Any, vector_field: str | None) -> None:
    """Raise SourceError unless every column has a name of its own and the vectors are lists of numbers."""
    import pyarrow as pa

    names = list(schema.names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice or not names:
        found = f"column names used twice: {', '.join(twice)}" if twice else "no columns"
        raise SourceError(f"{name}: found {found}", "Give each column a name of its own.")
    if vector_field not in names:
        return
    kind = schema.field(vector_field).type
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not is_list or not (pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)):
        raise SourceError(
            f"{name}: column {vector_field!r}: found type {kind}, expected lists of numbers",
            text("Name another column with ", option("vector_field"), ", or leave it out to embed the text."),
        )


def _rows(name: str, batch: Any, vector_field: str | None, first: int) -> list[Item | Block]:
    names = batch.schema.names
    columns, faulty = [], False
    for column_name, column in zip(names, batch.columns, strict=True):
        if not _is_sound(column):
            values, has_bad = [_checked_value(column.slice(row, 1)) for row in range(len(column))], True
        else:
            values, has_bad = _vectors(column) if column_name == vector_field else _values(column)
        columns.append(values)
        faulty = faulty or has_bad
    prefix = f"{name} row "
    if not faulty:
        kinds = {n: kind for n, c in zip(names, batch.columns, strict=True) if (kind := _kind(c.type)) is not None}
        return [Block(prefix, first, batch.num_rows, dict(zip(names, columns, strict=True)), kinds)]
    rows: list[Item | Block] = []
    for row, cells in enumerate(zip(*columns, strict=True), first):
        fields = dict(zip(names, cells, strict=True))
        if bad := [n for n, value in fields.items() if isinstance(value, _BadValue)]:
            reason = "; ".join(f"column {n!r}: {fields[n].reason}" for n in bad)
            rest = {n: value for n, value in fields.items() if n not in bad and n != vector_field}
            rows.append(Rejected(f"{prefix}{row}", reason, excerpt=excerpt(rest)))
        else:
            rows.append(Record(f"{prefix}{row}", fields))
    return rows


def _kind(kind: Any) -> type | None:
    """Return the type of the Python values of an Arrow type, None but for simple ones."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    tests: tuple[tuple[Callable[[Any], bool], type], ...] = (
        (lambda k: types.is_string(k) or types.is_large_string(k) or types.is_string_view(k), str),
        # Some unsigned ones of 64 bits are beyond what a column holds.
        (lambda k: types.is_integer(k) and not types.is_uint64(k), int),
        (types.is_boolean, bool),
        (lambda k: types.is_floating(k) and not types.is_float16(k), float),
        (lambda k: types.is_date(k) or types.is_timestamp(k), date),
        (types.is_null, str),
    )
    return next((found for is_one, found in tests if is_one(kind)), None)


def _is_sound(column: Any) -> bool:
    """Return whether a column's bytes are what its type says.

    Arrow reads a file without looking: a position that leads nowhere is met when the value is made, and then ends the
    process.
    """
    import pyarrow as pa

    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _checked_value(one: Any) -> Any:
    """Return the value of an array of one row as `_value` does; a _BadValue where its bytes are damaged."""
    import pyarrow as pa

    kind = one.type
    try:
        if pa.types.is_list(kind) or pa.types.is_large_list(kind):
            # Of the values of all rows, those of this one: another one's may be broken.
            one.validate()
            one.flatten().validate(full=True)
        elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
            # Broken UTF-8 is named where the value is made.
            one.view(pa.binary() if pa.types.is_string(kind) else pa.large_binary()).validate(full=True)
        else:
            one.validate(full=True)
        return _value(one[0])
    except pa.ArrowInvalid as error:
        return _BadValue(f"damaged: {error}"[:200])


def _vectors(column: Any) -> tuple[Any, bool]:
    """Return a list column as numpy rows (views; None for a null row), without making Python numbers.

    Rows of one length are those of an array (n, d).
    """
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    # flatten leaves null rows out, as the zero lengths do; a null inside a row becomes NaN.
    flat = column.flatten().to_numpy(zero_copy_only=False)
    if not column.null_count and len(lengths) and lengths[0] and (lengths == lengths[0]).all():
        return flat.reshape(len(lengths), -1), False
    bounds = pairwise(accumulate(lengths.tolist(), initial=0))
    present = np.asarray(column.is_valid())
    return [flat[a:b] if valid else None for (a, b), valid in zip(bounds, present, strict=True)], False


def _values(column: Any) -> tuple[list[Any], bool]:
    """Return a column's Python values, and whether any is a _BadValue."""
    import pyarrow as pa

    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if pa.types.is_dictionary(kind):
        # Not dictionary_decode, which has no kernel for the string views of polars.
        words = column.dictionary
        words = words.cast(pa.large_string()) if pa.types.is_string_view(words.type) else words
        column = words.take(column.indices)
        kind = column.type
    if pa.types.is_string_view(kind):
        column, kind = column.cast(pa.large_string()), pa.large_string()
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        # Python's datetime ends at microseconds.
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    try:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            # Several times faster than to_pylist.
            return column.to_numpy(zero_copy_only=False).tolist(), False
        return column.to_pylist(), False
    except (pa.ArrowException, ValueError, OverflowError):
        return [_value(item) for item in column], True


def _value(item: Any) -> Any:
    import pyarrow as pa

    try:
        return item.as_py()
    except (pa.ArrowException, ValueError, OverflowError) as error:
        return _BadValue(f"{type(error).__name__}: {error}"[:200])

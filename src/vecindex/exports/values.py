"""Arrow values as JSON and CSV hold them."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


def decoded(column: pa.Array) -> pa.Array:
    """Return a dictionary column as the values it stands for; others as they are."""
    import pyarrow as pa

    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def finite(column: pa.Array) -> pa.Array:
    """Return a column of floats as float64 with null for NaN and infinity, which JSON does not have.

    A float32 becomes the float64 of its shortest decimal, 0.1 and not 0.10000000149; read as float32 it is the same.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kept = pc.if_else(pc.is_finite(column), column, None)
    if pa.types.is_float64(column.type):
        return kept
    return kept.cast(pa.string()).cast(pa.float64())


def json_values(column: pa.Array) -> list[Any]:
    """Return a column as plain values for JSON: times in ISO 8601, null for what is not a number."""
    import pyarrow as pa

    column = decoded(column)
    kind = column.type
    if pa.types.is_floating(kind):
        return list(finite(column).to_pylist())
    values: list[Any] = column.to_pylist()
    if pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return values
    return [json_value(value) for value in values]


def json_value(value: Any) -> Any:
    """Return a value as JSON can hold it.

    >>> json_value({"a": [float("nan"), dt.date(2020, 1, 2)]})
    {'a': [None, '2020-01-02']}
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [json_value(item) for item in value]
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    if isinstance(value, dt.datetime):
        text = value.isoformat()
        return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else str(value)


def csv_column(column: pa.Array) -> pa.Array:
    """Return a column as the CSV writer takes it: numbers, booleans, dates and texts; lists and the like as JSON."""
    import pyarrow as pa

    column = decoded(column)
    kind = column.type
    simple = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_date32)
    if any(test(kind) for test in simple):
        return column
    texts = [None if value is None else _cell(json_value(value)) for value in column.to_pylist()]
    return pa.array(texts, pa.string())


def _cell(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def lists_of_numbers(column: pa.Array) -> list[str]:
    """Return a column of vectors, all of one length, as JSON texts; numbers as in `finite`.

    Many times as quick as one Python number for each value.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = column.flatten()
    texts = pc.if_else(pc.is_finite(flat), flat, None).cast(pa.string()).fill_null("null")
    width = column.type.list_size
    rows = pa.FixedSizeListArray.from_arrays(texts, width).cast(pa.list_(pa.string()))
    return [f"[{text}]" for text in pc.binary_join(rows, ",").to_pylist()]

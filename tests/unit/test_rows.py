"""The user's own fields: their columns, types and misfits."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from vecindex.schema import column_name, fits, infer_fields


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, None, 2], pa.int64()),
        ([1, 2.5], pa.float64()),
        ([True, False], pa.bool_()),
        ([True, 1], pa.string()),
        (["a", None], pa.string()),
        ([None, None], pa.string()),
        ([["a"], ["b", "c"]], pa.list_(pa.string())),
        ([1, "a"], pa.string()),
        ([dt.date(2020, 1, 1)], pa.date32()),
        ([dt.datetime(2020, 1, 1, tzinfo=dt.UTC)], pa.timestamp("us", tz="UTC")),
    ],
)
def test_inferred_types(values: list[Any], expected: pa.DataType) -> None:
    (field,) = infer_fields([{"x": value} for value in values])
    assert field.type == expected
    assert field.nullable


@pytest.mark.parametrize(
    ("kind", "value", "ok", "stored"),
    [
        (pa.int64(), 3, True, 3),
        (pa.int64(), True, False, True),
        (pa.int64(), "3", False, "3"),
        (pa.int64(), 3.0, False, 3.0),
        (pa.float64(), 3, True, 3.0),
        (pa.float64(), True, False, True),
        (pa.string(), 3, True, "3"),
        (pa.string(), True, True, "true"),
        (pa.string(), ["a", "é"], True, '["a", "é"]'),
        (pa.bool_(), 1, False, 1),
        (pa.list_(pa.string()), "a", False, "a"),
        (pa.date32(), dt.datetime(2020, 1, 1), False, dt.datetime(2020, 1, 1)),  # noqa: DTZ001
        (pa.int64(), None, True, None),
    ],
)
def test_what_fits_a_column(kind: pa.DataType, value: Any, ok: bool, stored: Any) -> None:
    assert fits(value, pa.field("x", kind)) == (ok, stored)


def test_column_names_never_hide_ours() -> None:
    assert column_name("txn") == "src_txn"
    assert column_name("_rowid") == "src_rowid"
    assert column_name("a.b") == "a_b"

"""The user's own fields: their columns, types and misfits."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from vecindex.schema import FIELD_KEY, column_name, field_of, fits, infer_fields
from vecindex.verbs.ingest.rows import _array
from vecindex.verbs.ingest.user_columns import UserColumns


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


_T = pa.timestamp("us", tz="UTC")
_EAST = dt.timezone(dt.timedelta(hours=5))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["a", None, "ü🧬", "", *"bcdefgh"], pa.string()),
        ([None, None], pa.string()),
        ([], pa.string()),
        ([True, None, False] * 5, pa.bool_()),
        ([1, None, -(2**63), 2**63 - 1], pa.int64()),
        ([1, None], pa.int32()),
        ([0.5, None, 1e300, 1], pa.float64()),
        ([0.1, None], pa.float32()),
        ([dt.datetime(1969, 12, 31, 1, 2, 3, 4, tzinfo=_EAST), None, dt.datetime(9999, 1, 1, tzinfo=dt.UTC)], _T),
        ([["a"], None], pa.list_(pa.string())),
        ([dt.date(2020, 1, 1), None], pa.date32()),
    ],
)
def test_arrays_are_those_of_pyarrow(values: list[Any], kind: pa.DataType) -> None:
    found, expected = _array(values, kind), pa.array(values, kind)
    found.validate(full=True)
    assert found.equals(expected)
    assert (found.type, found.null_count) == (expected.type, expected.null_count)


def test_a_number_that_no_column_holds_is_refused_by_pyarrow() -> None:
    with pytest.raises(OverflowError, match="too large"):
        _array([2**70], pa.int64())


def test_column_names_never_hide_ours() -> None:
    assert column_name("txn") == "src_txn"
    assert column_name("_rowid") == "src_rowid"
    assert column_name("a.b") == "a_b"


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("query_index", "src_query_index"),
        ("Query_Index", "src_Query_Index"),
        ("_distance", "src_distance"),
        ("ID", "src_ID"),
        ("Text", "src_Text"),
        ("", "unnamed"),
        ("  ", "unnamed"),
        # Renamed twice over: Lance takes no dot, and an underscore in front is ours.
        (".a", "src_a"),
        ("_a.b", "src_a_b"),
        ("a`b", "a_b"),
        ("a\0b", "a_b"),
        ("dist", "dist"),
        ("Year", "Year"),
    ],
)
def test_names_that_cannot_be_columns(field: str, column: str) -> None:
    assert column_name(field) == column


def names(columns: UserColumns, *fields: str) -> list[str]:
    return [columns.of(field).name for field in fields]


FIELDS = {"a.b": 1, "a_b": "two", "_x": 1, "src_x": 2, "Foo": 1.5, "foo": True, "FOO": None, "": 1, "unnamed": 2}


@pytest.mark.parametrize("turn", range(len(FIELDS)))
def test_fields_of_one_column_are_kept_apart_whatever_their_order(turn: int) -> None:
    order = [*FIELDS][turn:] + [*FIELDS][:turn]
    columns = UserColumns()
    made = columns.extend([{name: FIELDS[name]} for name in order])
    assert names(columns, *FIELDS) == [
        *("src_a_b", "a_b", "src_src_x", "src_x"),
        *("src_src_Foo", "foo", "src_FOO", "src_unnamed", "unnamed"),
    ]
    assert [field_of(column) for column in made] == order
    assert columns.of("a.b").type == pa.int64()
    assert columns.of("a_b").type == pa.string()
    assert columns.of("foo").type == pa.bool_()
    assert len({column.name.lower() for column in made}) == len(FIELDS)


def test_a_later_field_does_not_take_the_column_of_another() -> None:
    columns = UserColumns()
    first = columns.extend([{"a.b": 1}])
    # In a later transaction, and in a later run that knows the table alone.
    for later in (columns, UserColumns(first)):
        (fresh,) = later.extend([{"a_b": "two", "a.b": 3}])
        assert (fresh.name, fresh.type, fresh.metadata) == ("src_a_b", pa.string(), {FIELD_KEY: b"a_b"})
        assert names(later, "a.b", "a_b") == ["a_b", "src_a_b"]


def test_columns_that_do_not_tell_their_fields_go_on_as_they_were_begun() -> None:
    old = [pa.field(name, pa.int64()) for name in ("ID", "query_index", "a_b", "src_txn")]
    columns = UserColumns(old)
    assert columns.extend([{"ID": 1, "query_index": 2, "a.b": 3, "txn": 4}]) == []
    assert names(columns, "ID", "query_index", "a.b", "txn") == ["ID", "query_index", "a_b", "src_txn"]
    assert [column.name for column in columns.extend([{"a_b": 5}])] == ["src_a_b"]


def test_a_field_never_stands_in_a_map() -> None:
    columns = UserColumns([pa.field("flat_x", pa.float32(), metadata={b"vecindex:map": b"{}"})])
    assert [column.name for column in columns.extend([{"flat_x": 1.5, "Flat_X": 2.5}])] == [
        "src_flat_x",
        "src_src_Flat_X",
    ]

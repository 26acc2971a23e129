"""Which column of a table each of the user's fields stands in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from vecindex.schema import (
    FIELD_KEY,
    MAP_KEY,
    OWN_COLUMNS,
    RESERVED,
    column_name,
    field_of,
    infer_fields,
    is_label,
    unrecorded_name,
)

if TYPE_CHECKING:
    import pyarrow as pa


class UserColumns:
    """The columns of the user's fields, each field in one of its own.

    No two columns differ in letter case alone, for an SQL condition might take one for the other. Every column that
    is made here records its field's name, so that the field stands in it in every later run too.
    A column of labels holds no field: one of its name gets another column.
    """

    def __init__(self, schema: Iterable[pa.Field] = ()) -> None:
        """Take the columns of the table, all of them; none for a table that is not made yet."""
        columns = list(schema)
        self._taken = {*RESERVED, *(column.name.lower() for column in columns)}
        self._of: dict[str, pa.Field] = {}
        self._unrecorded: dict[str, pa.Field] = {}
        for column in columns:
            if column.name in OWN_COLUMNS or MAP_KEY in (column.metadata or {}) or is_label(column):
                continue
            field = field_of(column)
            if field is None:
                self._unrecorded[column.name] = column
            else:
                self._of[field] = column

    def of(self, field: str) -> pa.Field:
        """Return the column of a field that `extend` has seen, or that the table has."""
        return self._of[field]

    def find(self, field: str) -> pa.Field | None:
        """Return the column of a field, None where there is none yet."""
        return self._of.get(field) or self._unrecorded.get(unrecorded_name(field))

    def extend(self, rows: Iterable[Mapping[str, Any]]) -> list[pa.Field]:
        """Give every field of these rows its column; return the columns that the table lacks, typed by these rows.

        Which field gets which column does not depend on the order of the rows, only on what fields they have and
        what columns there are.
        """
        fresh = {field.name: field for field in infer_fields(rows) if field.name not in self._of}
        made = {name: self._settle(field) for name, field in sorted(fresh.items(), key=lambda item: _turn(item[0]))}
        # Columns stand in the order of the fields, whoever chose first.
        return [column for name in fresh if (column := made[name]) is not None]

    def _settle(self, field: pa.Field) -> pa.Field | None:
        """Give a field its column; return it where the table lacks it."""
        old = self._unrecorded.pop(unrecorded_name(field.name), None)
        if old is not None:
            # The table was made before columns recorded their fields: it goes on as it was begun.
            self._of[field.name] = old
            return None
        name = column_name(field.name)
        while name.lower() in self._taken:
            name = f"src_{name}"
        self._taken.add(name.lower())
        self._of[field.name] = field.with_name(name).with_metadata({FIELD_KEY: field.name.encode()})
        return self._of[field.name]


def _turn(field: str) -> tuple[bool, bool, str]:
    """Return what orders fields that want one column: first the one of that name, in small letters before others.

    >>> sorted(["a.b", "A_b", "a_b"], key=_turn)
    ['a_b', 'A_b', 'a.b']
    """
    return column_name(field) != field, field != field.lower(), field

"""Which rows were deleted by a drop, so that an older version that comes later does not bring one back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vecindex.core.conditions import isin
from vecindex.store.database import DELETED_PREFIX, AuxiliaryTable
from vecindex.store.remote.commits import upsert


class DeletedRows(AuxiliaryTable):
    """The ids of rows that drops have deleted from an articles table, each with the age of its deletion as JSON."""

    prefix = DELETED_PREFIX

    def put(self, ages: Mapping[str, str]) -> None:
        """Keep the ages of some ids' deletions, in place of older ones, as one commit. The caller holds the lock."""
        import pyarrow as pa

        if not ages:
            return
        rows = pa.table({"id": pa.array(ages, pa.string()), "age": pa.array(ages.values(), pa.string())})

        def put(handle: Any) -> None:
            if handle is None:
                self._database.create_table(self.name, rows)
            else:
                upsert(handle, self.where, rows)

        self._change(put)

    def of(self, ids: Sequence[str]) -> dict[str, str]:
        """Return the ages of the deletions of those ids that were deleted."""

        def look(handle: Any) -> dict[str, str]:
            found = handle.to_lance().to_table(columns=["id", "age"], filter=isin("id", ids))
            return dict(zip(found["id"].to_pylist(), found["age"].to_pylist(), strict=True))

        return self._read(look, {}) if ids else {}

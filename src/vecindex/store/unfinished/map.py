"""The table that keeps what is done of a map until the map is written: which rows were brought where, and by what."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vecindex.core.neighbors import F64, Rows
from vecindex.schema import stored_json
from vecindex.store.database import UNFINISHED_PREFIX, AuxiliaryTable
from vecindex.store.faults import translated

if TYPE_CHECKING:
    import pyarrow as pa

ABOUT_KEY = b"vecindex:unfinished"
FORMAT = "1"
_COLUMNS = ("stage", "part", "row", "x", "y")


@dataclass(frozen=True, slots=True)
class Part:
    """What one piece of work did: its stage and its number in it, its rows (m,) and where they are then, (m, 2)."""

    stage: int
    number: int
    rows: Rows
    xy: F64


class UnfinishedMap(AuxiliaryTable):
    """What is done of one map of an articles table: of the map that was begun last."""

    prefix = UNFINISHED_PREFIX
    replaced_whole = True

    def load(self) -> tuple[dict[str, Any], list[Part]] | None:
        """Return what the map was begun with, and its parts in the order of the work; None for nothing."""

        def look(handle: Any) -> tuple[dict[str, Any], list[Part]] | None:
            about = _about(handle.schema)
            return None if about is None else (about, _parts(handle.to_lance().to_table(columns=list(_COLUMNS))))

        return self._read(look, None)

    def about(self) -> dict[str, Any] | None:
        """Return what the map was begun with; None for nothing."""
        return self._read(lambda handle: _about(handle.schema), None)

    def begin(self, about: Mapping[str, Any], parts: Sequence[Part]) -> None:
        """Keep a map's first parts in place of all that is there, as one commit. The caller holds the writer lock.

        `about` are plain values; its "key" says which map it is.
        """
        kept = {ABOUT_KEY: json.dumps({**about, "format": FORMAT}).encode()}
        rows = _rows(parts).replace_schema_metadata(kept)
        self._change(lambda there: self._database.create_table(self.name, rows, overwrite=there is not None))

    def add(self, key: str, parts: Sequence[Part]) -> bool:
        """Keep more parts, as one commit; return whether the map of that key is still the one that is kept.

        The caller holds the writer lock.
        """

        def add(handle: Any) -> bool:
            about = None if handle is None else _about(handle.schema)
            if about is None or about["key"] != key:
                return False
            handle.add(_rows(parts).replace_schema_metadata(handle.schema.metadata))
            return True

        return self._change(add)

    def remove_stale(self, version: str) -> bool:
        """Remove what is kept of another version of the articles than this snapshot; return whether there was any.

        The caller holds the writer lock.
        """
        about = self.about()
        if not self.exists() or (about is not None and about.get("table") == version):
            return False
        self.remove()
        return True

    def remove(self, key: str | None = None) -> None:
        """Remove what is kept, of any map or of that one only. The caller holds the writer lock."""
        about = self.about()
        if self.exists() and (key is None or (about is not None and about["key"] == key)):
            with translated(self.where):
                self._database.drop_table(self.name)


def _about(schema: pa.Schema) -> dict[str, Any] | None:
    raw = (schema.metadata or {}).get(ABOUT_KEY)
    if raw is None or any(name not in schema.names for name in _COLUMNS):
        return None
    about = stored_json(raw, "What is stored with an unfinished map")
    return dict(about) if isinstance(about, Mapping) and about.get("format") == FORMAT and "key" in about else None


def _rows(parts: Sequence[Part]) -> pa.Table:
    import pyarrow as pa

    sizes = [len(part.rows) for part in parts]
    xy = np.concatenate([part.xy for part in parts])
    return pa.table(
        [
            np.repeat(np.array([part.stage for part in parts], dtype=np.int32), sizes),
            np.repeat(np.array([part.number for part in parts], dtype=np.int32), sizes),
            np.concatenate([part.rows for part in parts]),
            np.ascontiguousarray(xy[:, 0]),
            np.ascontiguousarray(xy[:, 1]),
        ],
        names=list(_COLUMNS),
    )


def _parts(rows: pa.Table) -> list[Part]:
    """Return the parts, of which those that lie next to each other in the table with one stage and number are one."""
    stage, number, row, x, y = (rows.column(name).to_numpy() for name in _COLUMNS)
    starts = np.flatnonzero(np.diff(stage, prepend=-1).astype(bool) | np.diff(number, prepend=-1).astype(bool))
    ends = np.append(starts[1:], len(row))
    return [
        Part(int(stage[at]), int(number[at]), row[at:end], np.stack([x[at:end], y[at:end]], axis=1))
        for at, end in zip(starts, ends, strict=True)
    ]

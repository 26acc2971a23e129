"""What an export wrote."""

from __future__ import annotations

from dataclasses import dataclass

from vecindex.serialize import Result
from vecindex.verbs.export.neighbors import NeighborsFrom


@dataclass(frozen=True, slots=True)
class ExportReport(Result):
    """What an export wrote.

    Attributes
    ----------
    out : the file, or "-" for standard output; `ids_out` the file with the ids of vectors, else None.
    format, tool : see `Index.export`.
    version : of the table that was read.
    ids, not_found : the file of ids, and those in it that no row of the table has.
    rows : rows written, of those that the table holds (`of`).
    outside : rows left out since they are not on the map; they are left out for embedding-atlas only.
    columns : their names in the file. `maps` are those whose coordinates are among them, `placed` the one whose
        coordinates are called x and y.
    bytes : of the file; None where it went to standard output.
    neighbors : where the neighbors of an export for embedding-atlas come from.
    """

    table: str
    at: str | None
    version: int
    out: str
    ids_out: str | None
    format: str
    tool: str | None
    where: str | None
    ids: str | None
    not_found: tuple[str, ...]
    rows: int
    of: int
    outside: int
    columns: tuple[str, ...]
    maps: tuple[str, ...]
    placed: str | None
    neighbors: NeighborsFrom | None
    bytes: int | None
    seconds: float

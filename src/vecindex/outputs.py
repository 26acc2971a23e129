"""The verbs of an `Index` that hand the table on: to files for other tools, to pages for readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

if TYPE_CHECKING:
    from vecindex.pipeline.export_result import ExportReport
    from vecindex.store.database import Database
    from vecindex.types import Observer


class Outputs:
    """What `vecindex.Index` hands on; not made by itself."""

    table: str

    def _database(self) -> Database:
        raise NotImplementedError

    def export(
        self,
        out: str | Path,
        *,
        format: Literal["parquet", "jsonl", "csv", "json", "npy"] | None = None,
        tool: Literal["embedding-atlas", "viewer"] | None = None,
        columns: str | Sequence[str] | None = None,
        where: str | None = None,
        maps: str | Sequence[str] | None = None,
        vectors: bool = False,
        k: int | None = None,
        at: str | None = None,
        observer: Observer | None = None,
        stdout: BinaryIO | None = None,
    ) -> ExportReport:
        """Write rows of the table to a file for other tools, streamed; the file is there whole or not at all.

        Parameters
        ----------
        out : a file; one that is there is replaced. "-" writes jsonl, csv or json to `stdout`.
        format : None for what the ending tells. `json` is an array of objects with id, title, x, y and the fields;
            `npy` holds the vectors alone, with the ids beside them.
        tool : "embedding-atlas" for a Parquet file with x, y, text and neighbors; "viewer" is what `json` gives.
        columns : columns in this order; None for id, title, text, the user's own, and the lengths.
        where : an SQL condition on the columns, which the rows meet.
        maps : maps whose places are given; None for all, () for none; x and y are of the first.
        vectors : give the vectors too; not in csv.
        k : neighbors for embedding-atlas; None for 15.
        at : a tag, to export the table as it was.

        Raises
        ------
        ConfigError, StoreError
            What was there under the name is untouched.
        """
        from vecindex.pipeline.export import ExportOptions, export

        options = ExportOptions(
            out=str(out),
            format=format,
            tool=tool,
            columns=None if columns is None else listed(columns),
            where=where,
            maps=None if maps is None else listed(maps),
            vectors=vectors,
            k=k,
            at=at,
        )
        return export(self._database(), self.table, options, observer, stdout)


def listed(values: str | Sequence[str]) -> tuple[str, ...]:
    """Return one text or several as a tuple."""
    return (values,) if isinstance(values, str) else tuple(values)

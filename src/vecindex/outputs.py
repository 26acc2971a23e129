"""The verbs of an `Index` that hand the table on: to files for other tools, to pages for readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, Unpack

from vecindex.options import options_shown
from vecindex.verbs.picture.options import MapOptions

if TYPE_CHECKING:
    from vecindex.store.database import Database
    from vecindex.types import Observer
    from vecindex.verbs.export.result import ExportReport
    from vecindex.verbs.picture.result import MapResult
    from vecindex.verbs.questions.model import QuestionModel
    from vecindex.verbs.questions.reader import Questions


class Outputs:
    """What `vecindex.Index` hands on; not made by itself."""

    table: str

    def _database(self) -> Database:
        raise NotImplementedError

    def _question_model(self) -> QuestionModel:
        raise NotImplementedError

    @options_shown(MapOptions)
    def map(
        self,
        questions: Questions | None = None,
        *,
        observer: Observer | None = None,
        stdin: BinaryIO | None = None,
        **options: Unpack[MapOptions],
    ) -> MapResult:
        """Return a stored map as it is shown: `result.write("map.html")` makes a page of it, or a .png or .svg.

        `questions`, a file ("-" for standard input) or a list of texts, are placed on the map as by `overlap`.
        Topics are found again from the vectors, exactly the same ones for the same table and seed. Memory is bounded
        by the page's content: positions, titles, ids and beginnings of texts.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
        """
        from vecindex.verbs.picture.picture import map_picture

        model = self._question_model()
        return map_picture(self._database(), self.table, questions, options, model, observer, stdin)

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
        from vecindex.verbs.export.export import ExportOptions, export

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

"""The verbs of an `Index` that hand the table on: to files for other tools, to pages for readers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Unpack

from vecindex.options import options_shown
from vecindex.verbs.export.options import ExportOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from vecindex.store.database import Database
    from vecindex.types import Observer
    from vecindex.verbs.export.result import ExportReport
    from vecindex.verbs.picture.result import MapResult
    from vecindex.verbs.questions.model import QuestionModel


class Outputs:
    """What `vecindex.Index` hands on; not made by itself."""

    table: str
    _questions: QuestionModel | None

    def _database(self) -> Database:
        raise NotImplementedError

    def map(
        self,
        questions: str | Path | Sequence[str] | None = None,
        *,
        map: str | None = None,
        k: int = 5,
        color: str | None = None,
        fields: Sequence[str] | None = None,
        snippet: int | None = None,
        topics: int | None = None,
        seed: int = 0,
        at: str | None = None,
        model: str | None = None,
        prompt: str | None = None,
        device: str = "auto",
        trust_remote_code: bool = False,
        observer: Observer | None = None,
        stdin: BinaryIO | None = None,
    ) -> MapResult:
        """Return a stored map as it is shown: `result.write("map.html")` makes a page of it, or a .png or .svg.

        Topics are found anew from the vectors, exactly the same ones for the same table and seed. Memory is bounded
        by the page's content: places, titles, ids and beginnings of texts.

        Parameters
        ----------
        questions : a file ("-" for standard input), or a list of texts, to be placed on the map as by `overlap`.
        map : a stored map; None for the best by its own scores, one that is not anchored if there is one.
        k : nearest articles of each question.
        color : what is shown first: "topic" (the default), "density", "truncated", "question_distance" (with
            questions), or the name of a column.
        fields : columns to color by; None for all with few different values, and all numbers and dates.
        snippet : signs of each text's beginning; None for 120, or fewer where the page would be above 30 MB.
        topics : how many on the coarsest level; None for about 0.8 log2 of the number of articles, 0 for none.
        seed : of the clusters.
        at : a tag, to show the table as it was.
        model, prompt, device, trust_remote_code : for the questions, as in `search`.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
        """
        from vecindex.options import ModelOptions
        from vecindex.verbs.picture.options import MapOptions
        from vecindex.verbs.picture.picture import map_picture
        from vecindex.verbs.questions.model import QuestionModel

        self._questions = self._questions or QuestionModel()
        is_file = questions is not None and isinstance(questions, str | Path)
        options = MapOptions(
            map=map,
            file=str(questions) if is_file else None,
            texts=() if is_file or questions is None else tuple(str(q) for q in questions),  # type: ignore[union-attr]
            k=k,
            color=color,
            fields=None if fields is None else tuple(fields),
            snippet=snippet,
            topics=topics,
            seed=seed,
            at=at,
            model=ModelOptions(model=model, prompt=prompt, device=device, trust_remote_code=trust_remote_code),
        )
        return map_picture(self._database(), self.table, options, self._questions, observer, stdin)

    def vectors(self, *, where: str | None = None, at: str | None = None) -> pa.RecordBatchReader:
        """Return the ids and vectors of the rows as an Arrow stream, little of it in memory at a time.

        `read_all()` makes a table of it; polars and DuckDB take it as it is. Columns: id, of chunks also article_id,
        and vector: unit vectors as fixed-size lists of float32 or float16. Rows are in the order of the table.

        Parameters
        ----------
        where : an SQL condition on the columns, which the rows meet.
        at : a tag, to read the table as it was.

        Raises
        ------
        ConfigError, StoreError
        """
        from vecindex.verbs.export.arrow import read_vectors

        return read_vectors(self._database(), self.table, where, at)

    def positions(self, map: str | None = None, *, where: str | None = None, at: str | None = None) -> pa.Table:
        """Return the positions of the rows on a stored map as an Arrow table; rows outside it are left out.

        Columns: id, of chunks also article_id, x and y, in the order of the table.

        Parameters
        ----------
        map : a stored map; None for the one that `map` shows.
        where, at : as in `vectors`.

        Raises
        ------
        ConfigError, StoreError
        """
        from vecindex.verbs.export.arrow import read_positions

        return read_positions(self._database(), self.table, map, where, at)

    @options_shown(ExportOptions)
    def export(
        self,
        out: str | Path,
        *,
        observer: Observer | None = None,
        stdout: BinaryIO | None = None,
        **options: Unpack[ExportOptions],
    ) -> ExportReport:
        """Write rows of the table to a file for other tools, streamed; the file is written whole or not at all.

        A file named `out` is replaced; "-" writes jsonl, csv or json to `stdout`. Without `columns` the file has id,
        title, text, the user's own, and the lengths. `json` is an array of objects with id, title, x, y and the
        fields; `npy` holds the vectors alone, with the ids in a file next to it. `maps` may be (); where coordinates
        are called x and y, they are those of the first. For embedding-atlas the file has x, y, text and neighbors.

        Raises
        ------
        ConfigError, StoreError
            An existing file of that name is untouched.
        """
        from vecindex.verbs.export.export import export

        return export(self._database(), self.table, str(out), options, observer, stdout)

"""The rows of an export by their ids, from a file."""

from __future__ import annotations

from vecindex.core.conditions import isin
from vecindex.core.identity import id_as_written
from vecindex.store.articles import ArticleTable
from vecindex.verbs.ids import read_ids


class WantedIds:
    """The ids that an export is asked for.

    Attributes
    ----------
    file : where they come from; "-" for standard input.
    asked : how many different ones there are.
    condition : that a row has one of them, in SQL.
    not_found : those that no row of the table has.
    """

    def __init__(self, file: str, table: ArticleTable) -> None:
        """Read the file. In a table of chunks, an article's id stands for all of its chunks.

        Raises SourceError, with the line, where the file cannot be read.
        """
        self.file = file
        self._table = table
        self._columns = ["id"] if table.fingerprint.chunking is None else ["id", "article_id"]
        ids = list(dict.fromkeys(read_ids(file)))
        self.asked = len(ids)
        self.condition = self._condition(ids)
        there = self._there(self.condition)
        # An id that cannot be seen may come as it was printed.
        read = {i: i if i in there else id_as_written(i) or i for i in ids}
        meant = [read[i] for i in ids if read[i] != i]
        if meant:
            again = self._condition(meant)
            there |= self._there(again)
            self.condition = f"{self.condition} OR {again}"
        self.not_found = tuple(i for i in ids if read[i] not in there)

    @property
    def none_found(self) -> bool:
        """Whether there are ids, and no row of any of them."""
        return 0 < self.asked == len(self.not_found)

    def and_where(self, where: str | None) -> str:
        """Return the condition of these ids, and of a user's."""
        return f"({self.condition})" if where is None else f"({where}) AND ({self.condition})"

    def _condition(self, ids: list[str]) -> str:
        return " OR ".join(isin(column, ids) for column in self._columns)

    def _there(self, condition: str) -> set[str]:
        batches = self._table.scan(self._columns, condition)
        return {i for batch in batches for column in batch.columns for i in column.to_pylist()}

"""The hits of a ranker as neighbors: rows of the table, in the order of the ranks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from vecindex.core.neighbors import NO_ROW, Neighbors, Rows
from vecindex.errors import CorruptError
from vecindex.messages import counted
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Observer
from vecindex.verbs.evaluate.ranking import Searched, Wanted, hits_of
from vecindex.verbs.overlap.asking.asked import Asked
from vecindex.verbs.overlap.measure import Space
from vecindex.verbs.overlap.options import DEPTH, OverlapOptions
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.reader import TableReader
from vecindex.verbs.search.rankers import Ranker
from vecindex.verbs.search.search import depth_of


def ranked_ids(
    database: Database,
    table: ArticleTable,
    asked: Asked,
    ranker: Ranker | None,
    options: OverlapOptions,
    model: QuestionModel,
    observer: Observer,
) -> list[list[str]]:
    """Return the ids of the rows of each question's first hits, 100 at most; the first k are those of `search`.

    Without a ranker there are none; the typed question is the last. Of diverse hits there are as many as a search for
    k chooses from. Where articles are counted, each is there once, by its best chunk. The full-text index is made
    where it is missing, so this comes before a version is read.
    """
    if ranker is None:
        return []
    questions = [*asked.set.questions, *(asked.typed.questions if asked.typed else ())]
    pool = depth_of(ranker, options["k"], options["rerank_depth"])
    wanted = Wanted(max(DEPTH, pool), options["by"], pool)
    searched = Searched(database, table, options["at"], model, options, named="ranker")
    found: list[list[str]] = []
    for part in hits_of(searched, questions, [ranker], wanted, asked.vectors, observer):
        found += [[hit.row["id"] for hit in hits[:DEPTH]] for hits in part.lists]
    return found


def with_hits(
    space: Space, typed: Space | None, ids: Sequence[Sequence[str]], reader: TableReader
) -> tuple[Space, Space | None]:
    """Return the spaces with a ranker's hits as the neighbors `near`, and those by vectors as `meant`.

    Without hits they are as they were. The `dist` of a hit is its rank, so no two are equally near and none comes in
    from beyond the list.
    """
    if not ids:
        return space, typed
    lists = _rows(ids, reader)
    q = len(space.near)
    return _ranked(space, lists[:q]), None if typed is None else _ranked(typed, lists[q:])


def _ranked(space: Space, lists: Sequence[Rows]) -> Space:
    rows = np.full(space.near.rows.shape, NO_ROW, dtype=np.int64)
    dist = np.full(rows.shape, np.inf)
    for i, numbers in enumerate(lists):
        n = min(len(numbers), space.near.k)
        rows[i, :n], dist[i, :n] = numbers[:n], np.arange(1.0, n + 1)
    return replace(space, near=Neighbors(rows, dist), meant=space.near)


def _rows(ids: Sequence[Sequence[str]], reader: TableReader) -> list[Rows]:
    import pyarrow as pa
    import pyarrow.compute as pc

    flat = pa.array([key for one in ids for key in one], reader.ids.type)
    found = pc.index_in(flat, value_set=reader.ids)
    if found.null_count:
        lost = counted(found.null_count, "hit is", "hits are")
        raise CorruptError(
            f"{reader.table.where} was changed while it was searched: {lost} not in it.", "Run the command again."
        )
    numbers = found.to_numpy().astype(np.int64)
    return np.split(numbers, np.cumsum([len(one) for one in ids])[:-1])

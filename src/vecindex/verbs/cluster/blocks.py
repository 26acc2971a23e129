"""The nearest articles of many questions, by workers that search a block of the table each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

from vecindex.cluster.connection import check_address, connected, require_ray
from vecindex.cluster.engine import Engine
from vecindex.cluster.pool import Job, Pool, in_order
from vecindex.core.neighbors import Neighbors, Rows
from vecindex.core.vectors import F32
from vecindex.messages import text
from vecindex.neighbors.exact import ExactSearch, merged
from vecindex.store.articles import as_matrix
from vecindex.store.database import Database
from vecindex.store.local import import_lance
from vecindex.types import Observer
from vecindex.verbs.reader import TableReader

_FEWEST_ROWS = 8_192
_MOST_ROWS = 262_144
_BLOCKS_A_WORKER = 4
_READ_ROWS = 1_024


@dataclass(frozen=True, slots=True)
class _Search:
    """What all blocks are searched for: the version of the table, and the arguments of `ExactSearch`."""

    uri: str
    version: int
    dimension: int
    queries: F32
    k: int
    articles: Rows | None


class BlockWorker:
    """A process on a cluster that searches."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._search: _Search | None = None
        self._data: Any = None

    def begin(self, search: _Search) -> str:
        """Open the table; return the id of this machine."""
        import ray

        self._search = search
        self._data = import_lance().dataset(search.uri, version=search.version)
        return str(ray.get_runtime_context().get_node_id())

    def search(self, start: int, rows: Rows) -> Neighbors:
        """Return the nearest of the rows from a position on, which have these numbers (b,)."""
        search = self._search
        assert search is not None, "it has begun"
        found = ExactSearch(search.queries, search.k, articles=search.articles)
        scanner = self._data.scanner(
            columns=["vector"], offset=start, limit=len(rows), batch_size=_READ_ROWS, scan_in_order=True
        )
        at = 0
        for batch in scanner.to_batches():
            found.add(rows[at : at + len(batch)], as_matrix(batch.column("vector"), search.dimension))
            at += len(batch)
        if at != len(rows):
            raise ValueError(f"{at} of {len(rows)} rows could be read")
        return found.result()


def nearest_by_workers(
    database: Database,
    reader: TableReader,
    queries: F32,
    k: int,
    engine: Engine,
    cores: int | None,
    observer: Observer,
) -> Neighbors:
    """Return the k nearest articles of queries (q, d): what one `ExactSearch` over the whole table gives.

    Memory is O(q k) and the numbers of the rows of the blocks on their way.

    Raises MissingExtraError and ConfigError where there is no cluster, ValueError for a vector that is not finite.
    """
    require_ray()
    check_address(engine)
    version = reader.table.lance.to_lance()
    search = _Search(version.uri, version.version, queries.shape[1], queries, k, reader.articles)
    with connected(engine) as cluster:
        cluster.check_reach(database.uri, database.folder)
        pool = Pool(cluster, BlockWorker, search, cluster.room(cores), lambda: False, observer.notice)
        try:
            size = min(_MOST_ROWS, max(_FEWEST_ROWS, -(-reader.rows // (_BLOCKS_A_WORKER * pool.size))))

            def jobs() -> Iterator[Job]:
                for start in range(0, reader.rows, size):
                    rows = reader.row_numbers(start, min(start + size, reader.rows))
                    yield pool.submit(text(f"the rows {start:,} to {start + len(rows):,}"), "search", start, rows)

            parts: Iterator[Neighbors] = in_order(jobs(), pool)
            return reduce(lambda one, other: merged(one, other, k, reader.articles), parts)
        finally:
            pool.close()

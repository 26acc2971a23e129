"""The nearest articles of many questions, by workers that search a block of the table each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np

from vecindex.cluster.connection import Cluster, check_address, connected, require_ray
from vecindex.cluster.engine import Workers
from vecindex.cluster.pool import Job, Pool, in_order
from vecindex.core.neighbors import Neighbors, Rows
from vecindex.core.vectors import F32
from vecindex.messages import text
from vecindex.neighbors.exact import ExactSearch, merged
from vecindex.store.articles import as_matrix
from vecindex.store.database import Database
from vecindex.store.local import import_lance
from vecindex.types import Observer
from vecindex.verbs.cluster.machine import on_this_machine

_FEWEST_ROWS = 8_192
_MOST_ROWS = 262_144
_BLOCKS_A_WORKER = 4
_READ_ROWS = 1_024


class NumberedRows(Protocol):
    """The rows of one version of a table, numbered; a `TableReader` is some.

    Attributes
    ----------
    rows : how many there are.
    articles : (rows,) the number of each row's article where articles are searched for; None where each row counts.
    """

    @property
    def rows(self) -> int: ...

    @property
    def articles(self) -> Rows | None: ...

    def row_numbers(self, start: int, stop: int) -> Rows:
        """Return the numbers of the rows from one position of the scan to another."""
        ...

    def opened(self) -> Any:
        """Return the version as a Lance dataset."""
        ...


@dataclass(frozen=True, slots=True)
class RowsAsScanned:
    """The rows of one version of a table, a Lance dataset: each has its position in the scan as its number."""

    data: Any
    rows: int
    articles: Rows | None = None

    def row_numbers(self, start: int, stop: int) -> Rows:
        """Return the positions themselves."""
        return np.arange(start, stop)

    def opened(self) -> Any:
        """Return the dataset."""
        return self.data


@contextmanager
def connected_to(workers: Workers) -> Iterator[Cluster]:
    """Connect to the workers' cluster inside the block, or start it.

    Raises MissingExtraError and ConfigError where there is none.
    """
    require_ray()
    check_address(workers.engine)
    with connected(workers.engine) as cluster:
        yield cluster


@contextmanager
def reached(workers: Workers | None) -> Iterator[None]:
    """Stay connected to the cluster inside the block, so that several searches need one start of Ray at most."""
    if workers is None:
        yield
        return
    with connected_to(workers):
        yield


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
        with on_this_machine(search.uri):
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
        at, batches = 0, iter(scanner.to_batches())
        while (batch := self._next(batches)) is not None:
            found.add(rows[at : at + len(batch)], as_matrix(batch.column("vector"), search.dimension))
            at += len(batch)
        if at != len(rows):
            raise ValueError(f"{at} of {len(rows)} rows could be read")
        return found.result()

    def _next(self, batches: Iterator[Any]) -> Any:
        assert self._search is not None, "it has begun"
        with on_this_machine(self._search.uri):
            return next(batches, None)


def nearest_by_workers(
    database: Database, reader: NumberedRows, queries: F32, k: int, workers: Workers, observer: Observer
) -> Neighbors:
    """Return the k nearest rows, or articles, of queries (q, d): what one `ExactSearch` over the whole table gives.

    Memory is O(q k) and the numbers of the rows of the blocks on their way.

    Raises MissingExtraError and ConfigError where there is no cluster, ValueError for a vector that is not finite.
    """
    version = reader.opened()
    search = _Search(version.uri, version.version, queries.shape[1], queries, k, reader.articles)
    with connected_to(workers) as cluster:
        cluster.check_reach(database.uri, database.folder)
        pool = Pool(cluster, BlockWorker, search, cluster.room(workers.cores), lambda: False, observer.notice)
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

"""One question after another, asked of one version of a table that is kept loaded; nothing is written.

What is found equals what `overlap` finds for the same question.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vecindex.core.limits import in_turn, looking
from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows, counted
from vecindex.core.overlap import found_in, overlap_at_k
from vecindex.core.placement import place_by_search
from vecindex.core.texts.joined import joined, of_one_kind
from vecindex.core.vectors import F32
from vecindex.errors import CorruptError
from vecindex.messages import Placeholder, command, text
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.neighbors.ties import settled
from vecindex.store.articles import ArticleTable
from vecindex.store.held.pieces import View
from vecindex.store.maps import maps, no_such_map
from vecindex.store.search import check_condition
from vecindex.verbs.lens.layout import Layout, laid_out
from vecindex.verbs.lens.options import SIZES
from vecindex.verbs.map_rows import index_of
from vecindex.verbs.overlap.options import check_enough
from vecindex.verbs.reader import TableReader
from vecindex.verbs.search.warm import Warm

Mask = npt.NDArray[np.bool_]

_NONE = Neighbors(np.empty((1, 0), np.int64), np.empty((1, 0)))
_NOWHERE = np.full(2, np.nan)


@dataclass(frozen=True, slots=True)
class Neighbor:
    """An article near to a question or to another article.

    Attributes
    ----------
    id : of the row: of the chunk in a table of chunks. `article_id` is its article's.
    dist : cosine distance in embedding space, the map's unit on a map; lower is closer.
    kept : it is among the k nearest in both spaces.
    """

    rank: int
    id: str
    article_id: str
    title: str | None
    dist: float
    kept: bool


@dataclass(frozen=True, slots=True)
class Around:
    """What lies around a question or an article: its neighbors in embedding space and on a map, nearest first.

    Attributes
    ----------
    x, y : the position on the map, in the map's unit; None without one.
    overlap : share of the k nearest in embedding space that are among the k nearest on the map, 0 to 1, higher is
        better; None without a map, or where the article is outside it.
    articles : how many articles were candidates.
    """

    k: int
    x: float | None
    y: float | None
    overlap: float | None
    nearest: tuple[Neighbor, ...]
    on_map: tuple[Neighbor, ...]
    articles: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question (d,), the rows that count, and its nearest articles among them (1, depth)."""

    vector: F32
    among: Mask | None
    near: Neighbors


class LoadedTable:
    """A version of a table with what each question needs: ids, positions, trees of the maps, and vectors if they fit.

    Memory is that of the ids, 16 bytes a row and map, a tree of each map asked for, and the vectors up to the budget
    of `Warm`. May be used by several threads at once.
    """

    def __init__(self, table: ArticleTable, warm: Warm | None = None) -> None:
        """Read the ids and positions; `warm` holds the vectors, which each question reads without one."""
        self.table = table
        self.about = maps(table)
        self.reader = TableReader(table, list(self.about))
        self._warm = warm
        self._held: View | None = None
        # Whether the vectors in memory were all looked at, and are finite.
        self._are_finite = False
        self._last: _Asked | None = None
        self._planes: dict[str, Plane] = {}
        self._lock = threading.Lock()

    def release(self) -> None:
        """Give the memory of the vectors back; later questions read them from the store."""
        with self._lock:
            self._held = self._warm = None
            self._are_finite = False

    def check_map(self, name: str) -> None:
        """Raise ConfigError, naming the maps that there are, where there is no such map."""
        if name not in self.about:
            raise no_such_map(self.table, name, text("Make one: ", command("project", Placeholder("NAME"))))

    def rows_where(self, where: str) -> Mask:
        """Return which rows meet an SQL condition, (rows,); ConfigError with the columns where it does not work."""
        check_condition(self.table, where)
        found = [batch.column("id") for batch in self.table.scan_where(["id"], where)]
        mask = np.zeros(self.reader.rows, dtype=np.bool_)
        if found:
            mask[index_of(joined(found), self.reader.ids)] = True
        return mask

    def rows_of(self, ids: Sequence[str]) -> Rows:
        """Return the rows of these ids, NO_ROW for one that is not there."""
        import pyarrow as pa
        import pyarrow.compute as pc

        # A table of the few ids, not of all: that would take longer than all else of a question.
        wanted, there = of_one_kind(pa.array(ids, pa.string()), self.reader.ids)
        rows = np.flatnonzero(pc.is_in(there, value_set=wanted).to_numpy(zero_copy_only=False))
        at = index_of(wanted, there.take(pa.array(rows)))
        return np.append(rows, NO_ROW)[at]  # of one that is not there the last

    def around_question(self, vector: F32, k: int, map_name: str | None, among: Mask | None = None) -> Around:
        """Return what lies around a question, given as a unit vector (d,), at its best position on the map.

        `among` (rows,), from `rows_where`, says which rows count, in embedding space and on the map; None for all.

        Raises ConfigError for a map that is not there, or fewer than k candidates.
        """
        candidates = self._enough(among, k)
        near = self._nearest_to_question(vector, k + 1, among)
        if map_name is None:
            return self._around(near.first(k), _NONE, _NOWHERE, candidates)
        plane = self._plane(map_name, among)
        at = place_by_search(near.first(k).rows, plane.xy, plane.nearest, self.reader.articles)
        near, found = settled(near, plane.nearest(at, k), at, plane, vector[None], self.reader.vectors)
        return self._around(near.first(k), found, at[0], candidates)

    def lens_of_question(self, vector: F32, k: int, among: Mask | None = None) -> tuple[Around, Layout]:
        """Return the k nearest articles of a question, or as many as there are, and where they lie on its lens.

        Raises ConfigError where there is no candidate.
        """
        candidates = self._enough(among, 1)
        near = self._nearest_to_question(vector, min(k, candidates), among)
        rows = near.rows[0]
        layout = laid_out(self._vectors(rows), near.dist[0])
        return self._around(near, _NONE, _NOWHERE, candidates), layout

    def lens_of_article(self, row: int, k: int) -> tuple[Around, Layout]:
        """Return the k nearest other articles of a row, or as many as there are, and where they lie around it.

        Raises ConfigError where there is no other article.
        """
        itself = np.array([row])
        candidates = self._candidates(None) - 1
        check_enough(self.table.where, candidates, 1, "other article")
        near = self._nearest(self.reader.vectors(itself)[1], min(k, candidates), None, itself)
        layout = laid_out(self._vectors(near.rows[0]), near.dist[0])
        return self._around(near, _NONE, _NOWHERE, candidates), layout

    def around_article(self, row: int, k: int, map_name: str | None) -> Around:
        """Return what lies around the article of a row, without itself, where it lies on the map."""
        candidates = self._candidates(None) - 1
        k = min(k, max(1, candidates))
        itself = np.array([row])
        vector = self.reader.vectors(itself)[1]
        near = self._nearest(vector, k + 1, None, itself)
        if map_name is None:
            return self._around(near.first(k), _NONE, _NOWHERE, candidates)
        plane = self._plane(map_name)
        at = plane.xy[itself]
        near, found = settled(near, plane.nearest(at, k, itself), at, plane, vector, self.reader.vectors)
        return self._around(near.first(k), found, at[0], candidates)

    def _enough(self, among: Mask | None, k: int) -> int:
        """Return how many candidates there are; raises ConfigError for fewer than k."""
        candidates = self._candidates(among)
        if among is None:
            check_enough(self.table.where, candidates, k)
        else:
            what, many, remedy = (
                "article that meets the condition",
                "articles that meet the condition",
                "Widen the condition",
            )
            check_enough(self.table.where, candidates, k, what, many, remedy)
        return candidates

    def _candidates(self, among: Mask | None) -> int:
        if among is None:
            return self.reader.n
        if self.reader.articles is None:
            return int(among.sum())
        return len(np.unique(self.reader.articles[among]))

    def _nearest_to_question(self, vector: F32, k: int, among: Mask | None) -> Neighbors:
        """Return the k nearest articles of a question (1, k).

        The last question's are kept, and more of them than were asked for: its lens is asked for next.
        """
        last = self._last
        if last is None or last.near.k < k or last.among is not among or not np.array_equal(last.vector, vector):
            self._last = last = _Asked(vector, among, self._nearest(vector[None], max(k, SIZES[1]), among))
        return last.near.first(k)

    def _nearest(self, vectors: F32, depth: int, among: Mask | None, without: Rows | None = None) -> Neighbors:
        held = self._in_memory()
        known = held is not None and self._are_finite
        search = ExactSearch(vectors, depth, without=without, articles=self.reader.articles, are_finite=known)
        try:
            for rows, block in looking(self.reader.blocks() if held is None else self.reader.held_blocks(held)):
                if among is None:
                    search.add(rows, block)
                else:
                    search.add(rows[among[rows]], block[among[rows]])
            self._are_finite = known or (held is not None and among is None)
        except ValueError as error:
            raise CorruptError(f"{self.table.where}: {error}.", text("Find the rows: ", command("doctor"))) from error
        return search.result()

    def _in_memory(self) -> View | None:
        """Return the vectors in memory, read at the first question; None where they do not fit."""
        with in_turn(self._lock):
            if self._held is None and self._warm is not None:
                self._held = self._warm.view(self.table, self.table.lance.to_lance())
            return self._held

    def _vectors(self, rows: Rows) -> F32:
        """Return the vectors (m, d) of these rows, in their order."""
        held = self._held
        if held is not None:
            return self.reader.held_vectors(held, rows)
        wanted, back = np.unique(rows, return_inverse=True)
        return self.reader.vectors(wanted)[1][back]

    def _plane(self, name: str, among: Mask | None = None) -> Plane:
        self.check_map(name)
        xy = self.reader.positions[name]
        if among is not None:
            return Plane(np.where(among[:, None], xy, np.nan), self.reader.articles)
        with in_turn(self._lock):
            if name not in self._planes:
                self._planes[name] = Plane(xy, self.reader.articles)
            return self._planes[name]

    def _around(self, near: Neighbors, found: Neighbors, at: F64, candidates: int) -> Around:
        """Return neighbors in embedding space (1, k) and on the map (1, k), of what lies at a position (2,)."""
        titles = self.reader.values(np.concatenate([near.rows[0], found.rows[0]]), "title")
        mine, theirs = (counted(one.rows, self.reader.articles) for one in (near, found))
        known = bool(np.isfinite(at).all())

        def listed(these: Neighbors, kept: Mask) -> tuple[Neighbor, ...]:
            entries = enumerate(zip(these.rows[0].tolist(), these.dist[0], kept[0], strict=True), 1)
            return tuple(
                Neighbor(
                    rank=rank,
                    id=self.reader.ids[row].as_py(),
                    article_id=self.reader.name(row)[0],
                    title=titles.get(row),
                    dist=float(far),
                    kept=bool(is_kept),
                )
                for rank, (row, far, is_kept) in entries
                if row != NO_ROW
            )

        return Around(
            k=near.k,
            x=float(at[0]) if known else None,
            y=float(at[1]) if known else None,
            overlap=float(overlap_at_k(mine, theirs, near.k)[0]) if known else None,
            nearest=listed(near, found_in(mine, theirs)),
            on_map=listed(found, found_in(theirs, mine)),
            articles=candidates,
        )

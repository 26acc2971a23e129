"""One question after another, asked of one version of a table that is kept loaded; nothing is written.

What is found equals what `overlap` finds for the same question.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.identity import question_hash
from vecindex.core.neighbors import NO_ROW, Neighbors, Rows, counted
from vecindex.core.overlap import found_in, overlap_at_k
from vecindex.core.placement import place_by_search
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError, CorruptError
from vecindex.messages import Placeholder, command, option, text
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.options import ModelOptions
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import maps
from vecindex.store.questions import QuestionTable
from vecindex.store.search import check_condition
from vecindex.types import Observer
from vecindex.verbs.overlap.options import DEPTH
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.reader import TableReader

HELD_BYTES = 512 << 20
"""Vectors that take no more than this are kept in memory after the first question; else each question reads them."""

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Neighbor:
    """An article near to a question or to another article.

    Attributes
    ----------
    id : of the row: of the chunk in a table of chunks. `article_id` is its article's.
    dist : cosine distance in embedding space, the map's unit on a map; lower is closer.
    kept : it is among the k nearest in both spaces.
    on_map : it has a position on the map.
    """

    rank: int
    id: str
    article_id: str
    title: str | None
    dist: float
    kept: bool
    on_map: bool


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

    map: str | None
    k: int
    x: float | None
    y: float | None
    overlap: float | None
    nearest: tuple[Neighbor, ...]
    on_map: tuple[Neighbor, ...]
    articles: int


class LoadedTable:
    """A version of a table with what each question needs: ids, positions, trees of the maps, and vectors if they fit.

    Memory is that of the ids, 16 bytes a row and map, a tree of each map asked for, and the vectors up to
    `held_bytes`. May be used by several threads at once.
    """

    def __init__(self, table: ArticleTable, held_bytes: int = HELD_BYTES, by: str = "article") -> None:
        """Read the ids and positions; `by` is as in `Index.overlap`."""
        self.about = maps(table)
        self.reader = TableReader(table, list(self.about), by)
        self._held_bytes = held_bytes
        self._held: list[tuple[Rows, F32]] | None = None
        self._planes: dict[str, Plane] = {}
        self._lock = threading.Lock()

    @property
    def table(self) -> ArticleTable:
        """The table, at its version."""
        return self.reader.table

    def release(self) -> None:
        """Give the memory of the vectors back; later questions read them from the store."""
        with self._lock:
            self._held, self._held_bytes = None, 0

    def check_map(self, name: str) -> None:
        """Raise ConfigError, naming the maps that there are, where there is no such map."""
        if name not in self.about:
            raise ConfigError(
                f"{self.table.where} has no map {name!r} (maps there: {', '.join(self.about) or 'none'}).",
                text("Make one: ", command("project", Placeholder("NAME"))),
            )

    def rows_where(self, where: str) -> Mask:
        """Return which rows meet an SQL condition, (rows,); ConfigError with the columns where it does not work."""
        import pyarrow as pa
        import pyarrow.compute as pc

        check_condition(self.table, where)
        found = [batch.column("id") for batch in self.table.scan(["id"], f"({where})")]
        mask = np.zeros(self.reader.rows, dtype=np.bool_)
        if found:
            rows = pc.index_in(pa.concat_arrays(found), value_set=self.reader.ids)
            mask[rows.to_numpy(zero_copy_only=False).astype(np.int64)] = True
        return mask

    def rows_of(self, ids: Sequence[str]) -> Rows:
        """Return the rows of these ids, NO_ROW for one that is not there."""
        import pyarrow as pa
        import pyarrow.compute as pc

        found = pc.index_in(pa.array(ids, pa.string()), value_set=self.reader.ids)
        return np.asarray(pc.fill_null(found, NO_ROW).to_numpy(zero_copy_only=False).astype(np.int64))

    def around_question(self, vector: F32, k: int, map_name: str | None, among: Mask | None = None) -> Around:
        """Return what lies around a question, given as a unit vector (d,), at its best position on the map.

        `among` (rows,), from `rows_where`, says which rows count, in embedding space and on the map; None for all.

        Raises ConfigError for a map that is not there, or fewer than k candidates.
        """
        candidates = self._candidates(among)
        self._check_k(k, candidates, among is not None)
        near = self._nearest(vector[None], min(DEPTH, candidates), among)
        if map_name is None:
            return self._around(None, k, near, None, np.full(2, np.nan), candidates)
        plane = self._plane(map_name, among)
        xy = place_by_search(near.rows[:, :k], plane.xy, plane.nearest, self.reader.articles)
        return self._around(map_name, k, near, plane.nearest(xy, k), xy[0], candidates)

    def around_article(self, row: int, k: int, map_name: str | None) -> Around:
        """Return what lies around the article of a row, without itself, where it lies on the map."""
        candidates = self._candidates(None) - 1
        k = min(k, max(1, candidates))
        itself = np.array([row])
        near = self._nearest(self.reader.vectors(itself)[1], k, None, itself)
        if map_name is None:
            return self._around(None, k, near, None, np.full(2, np.nan), candidates)
        plane = self._plane(map_name)
        xy = plane.xy[row]
        return self._around(map_name, k, near, plane.nearest(xy, k, itself), xy, candidates)

    def _check_k(self, k: int, candidates: int, chosen: bool) -> None:
        if not 1 <= k <= DEPTH:
            raise ConfigError(text(option("k"), f" must be from 1 to {DEPTH}, found {k}."))
        if candidates < k:
            meet = " that meet the condition" if chosen else ""
            raise ConfigError(
                text(f"{self.table.where} has {candidates:,} articles{meet}, fewer than ", option("k", k), "."),
                text(
                    "Widen the condition" if chosen else "Ingest articles", ", or give a smaller ", option("k"), "."
                ),
            )

    def _candidates(self, among: Mask | None) -> int:
        if among is None:
            return self.reader.n
        if self.reader.articles is None:
            return int(among.sum())
        return len(np.unique(self.reader.articles[among]))

    def _nearest(self, vectors: F32, depth: int, among: Mask | None, without: Rows | None = None) -> Neighbors:
        search = ExactSearch(vectors, depth, without=without, articles=self.reader.articles)
        try:
            for rows, block in self._blocks():
                if among is None:
                    search.add(rows, block)
                else:
                    search.add(rows[among[rows]], block[among[rows]])
        except ValueError as error:
            raise CorruptError(f"{self.table.where}: {error}.", text("Find the rows: ", command("doctor"))) from error
        return search.result()

    def _blocks(self) -> Iterator[tuple[Rows, F32]]:
        held = self._held
        if held is not None:
            yield from held
            return
        if self.reader.rows * self.table.fingerprint.dimension * 4 > self._held_bytes:
            yield from self.reader.blocks()
            return
        with self._lock:
            held = self._held
            if held is None and self._held_bytes:
                held = self._held = [(rows, block.copy()) for rows, block in self.reader.blocks()]
        yield from held if held is not None else self.reader.blocks()

    def _plane(self, name: str, among: Mask | None = None) -> Plane:
        self.check_map(name)
        xy = self.reader.positions[name]
        if among is not None:
            return Plane(np.where(among[:, None], xy, np.nan), self.reader.articles)
        with self._lock:
            if name not in self._planes:
                self._planes[name] = Plane(xy, self.reader.articles)
            return self._planes[name]

    def _around(
        self, name: str | None, k: int, near: Neighbors, found: Neighbors | None, at: Any, candidates: int
    ) -> Around:
        articles = self.reader.articles
        nearest = near.rows[0, :k]
        mapped = np.empty(0, np.int64) if found is None else found.rows[0, :k]
        titles = self.reader.titles(np.concatenate([nearest, mapped]))
        known = bool(np.isfinite(at).all())
        mine, theirs = counted(nearest[None], articles), counted(mapped[None], articles)
        overlap = float(overlap_at_k(mine, theirs, k)[0]) if found is not None and known else None
        there = None if name is None else np.isfinite(self.reader.positions[name]).all(axis=1)

        def listed(rows: Rows, dist: Any, others: Rows) -> tuple[Neighbor, ...]:
            kept = (
                found_in(counted(rows[None], articles), others)[0]
                if len(rows) and others.size
                else [False] * len(rows)
            )
            return tuple(
                Neighbor(
                    rank=rank,
                    id=self.reader.ids[int(row)].as_py(),
                    article_id=self.reader.name(int(row))[0],
                    title=titles.get(int(row)),
                    dist=float(far),
                    kept=bool(is_kept),
                    on_map=there is not None and bool(there[row]),
                )
                for rank, (row, far, is_kept) in enumerate(zip(rows, dist, kept, strict=True), 1)
                if row != NO_ROW
            )

        return Around(
            map=name,
            k=k,
            x=float(at[0]) if known else None,
            y=float(at[1]) if known else None,
            overlap=overlap,
            nearest=listed(nearest, near.dist[0, :k], theirs),
            on_map=() if found is None else listed(mapped, found.dist[0, :k], mine),
            articles=candidates,
        )


def vector_of_question(
    database: Database,
    table: ArticleTable,
    text: str,
    model: QuestionModel,
    options: ModelOptions,
    observer: Observer,
) -> F32:
    """Return the unit vector (d,) of a question: from the table `questions` if it is kept there, else made now.

    Nothing is kept. Raises ModelError when it must be made and the model is not available, or is not the table's.
    """
    stored = table.fingerprint
    prompt = model.query_prompt(stored, options)
    questions = QuestionTable(database)
    prompt = questions.own_prompt(stored) if prompt is None else prompt
    key = question_hash(text, stored, prompt)
    known = questions.vectors([key])
    if key in known:
        return known[key]
    return np.asarray(model.embed([text], stored, table.where, options, observer)[0], dtype=np.float32)

"""What the steps of one run of `project` share: where they read and write, and the one way to report a map."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np

from vecindex.core.neighbors import F64, Rows
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import F32
from vecindex.errors import LockedError, StoreError
from vecindex.messages import command, text
from vecindex.serialize import plain
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import FormerPositions, columns_and_positions, maps, put_map
from vecindex.types import Observer
from vecindex.verbs.clock import Clock
from vecindex.verbs.graph import GraphOrigin
from vecindex.verbs.map_rows import MapRows, content_of, same_rows
from vecindex.verbs.map_state import FORMAT, library_versions, new_identity, why_due
from vecindex.verbs.project.options import ProjectOptions
from vecindex.verbs.project.result import ProjectResult
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import Questions, read
from vecindex.verbs.questions.vectors import question_vectors
from vecindex.verbs.scores.scores import MapScores

_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class RowCounts:
    """How many rows are on a map and outside it, and how many are gone and new since it was begun."""

    articles: int
    outside: int
    gone: int
    new: int


@dataclass(frozen=True, slots=True)
class Run:
    """One run on a table; `options` are checked and complete."""

    database: Database
    table: ArticleTable
    options: ProjectOptions
    model: QuestionModel
    observer: Observer
    stdin: BinaryIO | None = None
    clock: Clock = field(default_factory=Clock)

    @property
    def seed(self) -> int:
        """Of all that is random."""
        return self.options["seed"]

    def questions(self, source: Questions) -> tuple[QuestionSet, F32]:
        """Return the questions of a file with their unit vectors (q, d)."""
        asked, table = read(source, self.stdin), self.table
        vectors, _ = question_vectors(
            self.database, asked, table.fingerprint, table.where, self.options, self.model, self.observer
        )
        return asked, vectors

    def about(
        self,
        rows: MapRows,
        method: str | None,
        settings: Mapping[str, Any],
        scores: MapScores,
        *,
        graph: GraphOrigin | None = None,
        rebuilt: Mapping[str, Any] | None = None,
        focus: Any = None,
        anchors: Mapping[str, Any] | None = None,
        sampled: Any = None,
    ) -> dict[str, Any]:
        """Return what is stored with a new map: plain values.

        Parameters
        ----------
        rebuilt : the map that it replaces, and how far its articles moved.
        focus : what a focus map leaves out; `anchors` what an anchored map is anchored to.
        sampled : what was laid out where that was a sample, and what the others keep.
        """
        about: dict[str, Any] = plain(
            {
                "format": FORMAT,
                **new_identity(),
                "method": method,
                "settings": settings,
                "seed": self.seed,
                "anchored": anchors is not None,
                "table_version": rows.version,
                "graph": graph,
                "scores": scores,
                "seconds": self.clock.laps,
                "versions": library_versions(),
                "rebuilt": rebuilt,
                "focus": focus,
                "placed": [],
            }
            | ({} if anchors is None else {"anchors": anchors})
            | ({} if sampled is None else {"sampled": sampled})
        )
        return about

    def write(
        self, name: str, rows: MapRows, on_map: Rows | None, xy: F64, about: dict[str, Any], replaces: Any
    ) -> RowCounts:
        """Store a map as soon as no other process is writing.

        Rows that are gone or whose vector changed meanwhile are left out, as are new ones.

        Parameters
        ----------
        on_map, xy : which of the rows are on it, None for all, and their positions (len(on_map), 2).
        about : what is stored with it; "articles" is put in.
        replaces : what was stored with the map of that name when this one was begun; None where there was none.

        Raises StoreError when someone else wrote that map meanwhile, or the table was made again by another model.
        """
        import pyarrow as pa

        on_map = np.arange(len(rows)) if on_map is None else on_map
        with writer_when_free(self.database, self.observer):
            self.clock.lap("waiting")
            table = self.database.articles(rows.table.name)
            _refuse_changed(table, rows, name, replaces)
            (ids, hashes), _ = columns_and_positions(table, ["id", "content_hash"], [])
            there = same_rows(rows.ids, rows.contents, ids, content_of(hashes)) >= 0
            kept = there[on_map] & np.isfinite(xy).all(axis=1)
            articles = int(kept.sum())
            put_map(table, name, rows.ids.take(pa.array(on_map[kept])), xy[kept], {**about, "articles": articles})
            self.forget_former(name)
            self.clock.lap("write")
        gone = int((~there).sum())
        return RowCounts(articles, len(ids) - articles, gone, max(0, len(ids) - len(there) + gone))

    def forget_former(self, name: str) -> None:
        """Drop the former positions on a map that was written again or dropped. The caller holds the writer lock."""
        FormerPositions(self.database, self.table.name, self.observer.notice).forget(name)

    def result(self, name: str, action: str, about: Mapping[str, Any] | None, written: RowCounts) -> ProjectResult:
        """Return what every run reports of a map, from what is stored with it; None for a map that is dropped."""
        stored = about or {}
        return ProjectResult(
            table=self.table.name,
            name=name,
            action=action,
            method=stored.get("method"),
            settings=dict(stored.get("settings") or {}),
            seed=stored.get("seed"),
            anchored=bool(stored.get("anchored")),
            articles=written.articles,
            outside=written.outside,
            gone=written.gone,
            new=written.new,
            due=why_due(about, written.articles + written.outside, written.outside),
            seconds=self.clock.laps,
        )


@contextmanager
def writer_when_free(database: Database, observer: Observer) -> Iterator[None]:
    """Hold the writer lock inside the block; wait for whoever has it, and say so.

    A map may have taken long to make, and an ingest may hold the lock as long again; neither should be lost.
    """
    reported = False
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(database.writer())
                break
            except LockedError as error:
                if not reported:
                    observer.notice(text(error.message, " The map waits and is then written."))
                    reported = True
                time.sleep(_POLL_S)
        yield


def _refuse_changed(table: ArticleTable, rows: MapRows, name: str, replaces: Any) -> None:
    if table.fingerprint != rows.table.fingerprint:
        raise StoreError(
            f"{table.where} was made again by another model while its map was made.", "Run the command again."
        )
    now = maps(table).get(name)
    if now != replaces:
        raise StoreError(
            f"Another process wrote map {name!r} of {table.where} while this one was made.",
            text("Look at it (", command("status"), "), and run the command again if this one is still wanted."),
        )

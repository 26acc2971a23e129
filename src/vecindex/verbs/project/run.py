"""What the steps of one run of `project` share: where they read and write, and the one way to report a map."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from vecindex.core.neighbors import F64
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import F32
from vecindex.serialize import plain
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Observer
from vecindex.verbs.clock import Clock
from vecindex.verbs.graph import GraphOrigin
from vecindex.verbs.map_rows import MapRows
from vecindex.verbs.map_state import FORMAT, library_versions, new_identity, why_due
from vecindex.verbs.project.options import ProjectOptions
from vecindex.verbs.project.result import ProjectResult
from vecindex.verbs.project.write import RowCounts, write_map, writer_when_free
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import Questions, read
from vecindex.verbs.questions.vectors import question_vectors
from vecindex.verbs.scores.scores import MapScores


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
    ) -> dict[str, Any]:
        """Return what is stored with a new map: plain values.

        Parameters
        ----------
        rebuilt : the map that it replaces, and how far its articles moved.
        focus : what a focus map leaves out; `anchors` what an anchored map is anchored to.
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
        )
        return about

    def write(self, name: str, rows: MapRows, positions: F64, about: dict[str, Any], replaces: Any) -> RowCounts:
        """Store a map as soon as no other process is writing; see `write_map`."""
        with writer_when_free(self.database, self.observer):
            self.clock.lap("waiting")
            written = write_map(self.database, rows, name, positions, about, replaces)
            self.clock.lap("write")
        return written

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

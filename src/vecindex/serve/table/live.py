"""The table as the server has it: its latest version in memory, pictures of its maps, and questions asked of it."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from vecindex.core.limits import unlimited
from vecindex.core.neighbors import NO_ROW
from vecindex.core.picture import Extent, MapPicture
from vecindex.core.vectors import F32
from vecindex.embed.models import cache_folder
from vecindex.errors import ConfigError, StoreError
from vecindex.messages import option, text
from vecindex.reports.map.payload import payload
from vecindex.serve.answers import Refused
from vecindex.serve.table.kept_maps import Drawn, KeptMaps, name_of
from vecindex.serve.table.once import Once
from vecindex.serve.table.relabeled import relabeled
from vecindex.serve.table.served import Notes, Served
from vecindex.serve.table.shared_model import SharedModel
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.faults import translated
from vecindex.store.maps import maps, no_such_map
from vecindex.verbs.lens.layout import Layout
from vecindex.verbs.overlap.live import Around, LoadedTable, Mask
from vecindex.verbs.picture.alongside.maps import others_of
from vecindex.verbs.picture.options import MapOptions
from vecindex.verbs.picture.picture import map_picture
from vecindex.verbs.questions.reader import read
from vecindex.verbs.questions.vectors import question_vectors
from vecindex.verbs.search.warm import Warm
from vecindex.verbs.the_map import Digests, TheMap, digests_of, the_map

_SNAPSHOTS = 2
"""Versions kept in memory: the latest, and the one that pages still show which have not been reloaded."""
_PICTURES = 4
_QUESTIONS = 1_000
_FILTERS = 16


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A version of the table, in memory. `name` names it in requests."""

    name: str
    version: int
    loaded: LoadedTable
    filters: Once[str, Mask]


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture of a map as it is served.

    Attributes
    ----------
    sections : compressed (gzip).
    rows : (m,) row in the table of each row of the sections; `on_map` (rows,) the reverse, NO_ROW off the map.
    """

    header: dict[str, object]
    sections: dict[str, bytes]
    extent: Extent
    rows: npt.NDArray[np.int64]
    on_map: npt.NDArray[np.int64]


class Live:
    """What all requests share. Every method may be called by several threads at once."""

    def __init__(self, served: Served) -> None:
        """Open nothing yet."""
        self.served = served
        self.model = SharedModel()
        self.warm = Warm(first=0)
        self._kept_maps = KeptMaps(cache_folder() / "maps")
        self._lock = threading.Lock()
        self._database: Database | None = None
        self._seen: tuple[int, str] | None = None
        self._snapshots = Once[str, Snapshot](_SNAPSHOTS)
        self._pictures = Once[tuple[str, str], Shown](_PICTURES)
        self._vectors = Once[tuple[str, str], F32](_QUESTIONS)
        self._relabeled: dict[str, tuple[str, str]] = {}

    def check(self) -> None:
        """Raise what would be wrong with every request: no such table or map, or questions that cannot be read."""
        table = self.table()
        if self.served.map is not None and self.served.map not in maps(table):
            hint = text("Name one of them, or leave ", option("map"), " out.")
            raise no_such_map(table, self.served.map, hint)
        if self.served.questions is not None:
            read(self.served.questions)

    # -- the table ----------------------------------------------------------------------------------------

    def database(self) -> Database:
        """Return the database."""
        with self._lock:
            self._database = self._database or Database(self.served.uri)
            return self._database

    def table(self) -> ArticleTable:
        """Return the table, opened again at its latest version.

        Raises TableNotFoundError or another StoreError.
        """
        database = self.database()
        try:
            table = database.articles(self.served.table)
            found = table.version, table.snapshot(database.folder)
        except Exception:
            self._forget()
            raise
        with self._lock:
            before, self._seen = self._seen, found
        if before is not None and found[0] <= before[0] and found != before:
            # Another table stands where ours was, and the connection may hold files of the old one by their names.
            self._forget()
            return self.database().articles(self.served.table)
        return table

    def _forget(self) -> None:
        with self._lock:
            self._database = None

    def latest(self) -> tuple[str, ArticleTable]:
        """Return the name of the latest edition, and the table at it."""
        table = self.table()
        return table.snapshot(self.database().folder), table

    def snapshot(self, name: str | None = None) -> Snapshot:
        """Return the latest edition, or the one of that name while it is kept.

        Raises Refused (409) for one that is not kept any more.
        """
        if name is not None and self._snapshots.known(name):
            return self._snapshots.get(name, self._outdated)
        latest, table = self.latest()
        if name not in (None, latest):
            self._outdated()
        return self._snapshots.get(latest, lambda: self._opened(latest, table))

    def _opened(self, name: str, table: ArticleTable) -> Snapshot:
        for older in self._snapshots.values():
            older.loaded.release()
        # What it makes is kept for others; who waits for it has a limit all the same.
        with unlimited():
            return Snapshot(name, table.version, LoadedTable(table, self.warm), Once(_FILTERS))

    def _outdated(self) -> Snapshot:
        raise Refused(409, "The table has changed since the map was read.", "Read the map again: reload the page.")

    def default_map(self, table: ArticleTable) -> TheMap | None:
        """Return the map to show first, and why: see `verbs.the_map`; None without a map."""
        there = maps(table)
        if not there:
            return None
        return the_map(there, self._asked, self.served.map if self.served.map in there else None)

    @cached_property
    def _asked(self) -> Digests:
        """The questions that the server was started with."""
        given = self.served.questions
        return digests_of(() if given is None else (one.text for one in read(given).questions))

    def map_of(self, at: Snapshot, name: str) -> str:
        """Return the name of a map; Refused (404) where there is none of that name."""
        try:
            at.loaded.check_map(name)
        except ConfigError as error:
            raise Refused(404, error.message, error.hint) from error
        return name

    # -- maps ---------------------------------------------------------------------------------------------

    def shown(self, at: Snapshot, name: str) -> Shown:
        """Return a map's picture, made at the first request of this snapshot."""
        self.map_of(at, name)
        return self._pictures.get((at.name, name), lambda: self._kept_picture(at, name))

    def _kept_picture(self, at: Snapshot, name: str) -> Shown:
        with unlimited():
            return self._picture(at, name)

    def _picture(self, at: Snapshot, name: str) -> Shown:
        drawn = self._with_labels(at, name)
        kept_as = self._kept_as(at, name) if drawn is None else None
        drawn = drawn or (None if kept_as is None else self._kept_maps.get(kept_as))
        if drawn is None:
            drawn = self._drawn(at, name)
            if kept_as is not None:
                self._kept_maps.put(kept_as, drawn)
        rows = at.loaded.rows_of(json.loads(gzip.decompress(drawn.sections["ids"])))
        on_map = np.full(at.loaded.reader.rows, NO_ROW, dtype=np.int64)
        on_map[rows] = np.arange(len(rows))
        return Shown({**drawn.header, "edition": at.name}, {**drawn.sections}, drawn.extent, rows, on_map)

    def relabeled(self, before: str, version: int | None, after: str, column: str) -> bool:
        """Learn that labels of a column are all that differs between two snapshots; return whether that is known.

        `version` is the one that the labels were given to, which another writer may have made after `before`.
        """
        # Another request may let go of a snapshot at any time.
        if (before, version) not in [(one.name, one.version) for one in self._snapshots.values()]:
            return False
        self._relabeled[after] = before, column
        for old in list(self._relabeled)[:-_PICTURES]:
            self._relabeled.pop(old, None)
        return True

    def _with_labels(self, at: Snapshot, name: str) -> Drawn | None:
        """Return the picture of the snapshot before labels were given, with them; None where it is not kept."""
        before, column = self._relabeled.get(at.name, ("", ""))
        if not self._pictures.known((before, name)):
            return None
        old = self._pictures.get((before, name), lambda: self._kept_picture(self.snapshot(before), name))
        return relabeled(old.header, old.sections, old.extent, old.on_map, at.loaded, column)

    def _kept_as(self, at: Snapshot, name: str) -> str | None:
        """Return the name under which a picture is kept; None where a version's number is all that is known of it."""
        folder, questions = self.database().folder, self.served.questions
        if folder is None or "-" not in at.name:
            return None
        try:
            asked = None if questions is None else hashlib.blake2b(Path(questions).read_bytes()).hexdigest()
        except OSError:
            return None
        return name_of(
            table=str(folder.resolve() / self.served.table),
            edition=at.name,
            map=name,
            questions=[questions, asked],
            model=dict(self.served.model),
        )

    def _drawn(self, at: Snapshot, name: str) -> Drawn:
        picture = self._picture_of(at, name)
        header, sections = payload(picture)
        # A page's ids are cleaned for HTML; these never stand in HTML, and must lead to the articles.
        sections["ids"] = json.dumps(list(picture.ids), separators=(",", ":")).encode("ascii")
        # Quick rather than small: the bytes go to the same machine.
        return Drawn(header, {k: gzip.compress(data, 2, mtime=0) for k, data in sections.items()}, picture.extent)

    def _picture_of(self, at: Snapshot, name: str) -> MapPicture:
        """Draw a map of this very version, by a handle of its own; Refused (409) where it is not there any more."""
        served, database = self.served, self.database()
        table = database.articles(served.table)
        try:
            with translated(table.where):
                table.lance.checkout(at.version)
        except StoreError:
            if at.version not in table.versions():
                self._outdated()
            raise
        if table.snapshot(database.folder) != at.name:
            # A table made again has the number too, of another state.
            self._outdated()
        options = cast("MapOptions", {**served.model, "map": [name, *others_of(maps(table), name)], "lens_size": 0})
        return map_picture(
            database, served.table, served.questions, options, self.model, table=table, for_page=False
        ).picture

    def matching(self, at: Snapshot, where: str) -> Mask:
        """Return which rows of the table meet an SQL condition; ConfigError where it does not work."""
        return at.filters.get(where, lambda: at.loaded.rows_where(where))

    # -- questions ----------------------------------------------------------------------------------------

    def ask(self, at: Snapshot, text: str, k: int, map_name: str | None, where: str | None, notes: Notes) -> Around:
        """Return what lies around a question; its vector is made once."""
        vector = self._vector(at, text, notes)
        among = None if where is None else self.matching(at, where)
        return at.loaded.around_question(vector, k, map_name, among)

    def ask_alongside(
        self, at: Snapshot, text: str, k: int, shown: Shown, where: str | None, notes: Notes
    ) -> dict[str, tuple[Around, Extent]]:
        """Return what lies around a question on the maps alongside a shown one, and what each of them shows."""
        others = cast("list[dict[str, Any]]", shown.header["alongside"])
        extents = {one["map"]: Extent(**one["extent"]) for one in others}
        return {name: (self.ask(at, text, k, name, where, notes), extent) for name, extent in extents.items()}

    def lens(self, at: Snapshot, text: str, k: int, where: str | None, notes: Notes) -> tuple[Around, Layout]:
        """Return a question's nearest articles, and where they lie on its lens."""
        vector = self._vector(at, text, notes)
        among = None if where is None else self.matching(at, where)
        return at.loaded.lens_of_question(vector, k, among)

    def _vector(self, at: Snapshot, text: str, notes: Notes) -> F32:
        """Return the vector (d,) of a question, made once."""
        text = text.strip()
        if not text:
            raise ConfigError("The question is empty.", "For example: how do cells make energy")
        table = at.loaded.table
        stored, options, model = table.fingerprint, self.served.model, self.model

        def made() -> F32:
            database, asked = self.database(), read([text])
            vectors, _ = question_vectors(database, asked, stored, table.where, options, model, notes, keep=False)
            return np.asarray(vectors[0])

        return self._vectors.get((repr(stored), text), made)

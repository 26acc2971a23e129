"""What is done of a map of a sample, kept while the map is made, so that a run which was stopped is gone on with."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from vecindex.core.neighbors import F64, Rows
from vecindex.core.vectors import F32
from vecindex.errors import LockedError
from vecindex.maps.methods import Settings
from vecindex.messages import counted
from vecindex.serialize import plain
from vecindex.store.unfinished.map import Part, UnfinishedMap
from vecindex.verbs.graph import GraphOrigin
from vecindex.verbs.map_rows import MapRows
from vecindex.verbs.map_state import library_versions
from vecindex.verbs.project.align import Moved
from vecindex.verbs.project.options import method_of
from vecindex.verbs.project.run import Run

LAID_OUT, PLACED, COPIED, POLISHED = 0, 1, 2, 3
"""Stages of a part: the sample, others among it, those of them next to an article, and from 3 the passes of the
polish."""
EVERY_S = 30.0
"""What is done is stored at most so often: each time is a commit, for which no other process may be writing."""


@dataclass(frozen=True, slots=True)
class Begun:
    """What an earlier run has laid out of the same map.

    Attributes
    ----------
    laid_out, xy : the rows of the sample (m,) in the order of the layout, and their positions (m, 2).
    graph, moved : where its neighbor graph came from, and how far its articles moved; None where there is none.
    """

    laid_out: Rows
    xy: F64
    graph: GraphOrigin | None
    moved: Moved | None


@dataclass(slots=True)
class Done:
    """What is done of a map beyond the layout of its sample.

    Attributes
    ----------
    placed : rows and positions of what was placed; `copies` says how many of them lie next to an article.
    tiles : under the number of a pass and of a tile, its rows and where they were moved to.
    """

    placed: list[tuple[Rows, F64]] = field(default_factory=list)
    copies: int = 0
    tiles: dict[tuple[int, int], tuple[Rows, F64]] = field(default_factory=dict)


class Unfinished:
    """What is kept of one map: for the same rows of one version, method, settings, seed, size and map before.

    All of it is stored in the order in which it was done, so what is there is what one run has done up to a moment.
    What cannot be stored now, because another process is writing, is stored with what comes next.
    """

    def __init__(self, run: Run, name: str, rows: MapRows, size: int, settings: Settings, old: Any) -> None:
        """Take the map's run, its name, all rows, how many are laid out, the settings, and the map it replaces."""
        self.done = Done()
        self._run = run
        self._table = UnfinishedMap(run.database, run.table.name, run.observer.notice)
        self._about: dict[str, Any] = {
            "table": run.table.snapshot(run.database.folder),
            "name": name,
            "rows": len(rows),
            "laid_out": size,
        }
        start = old.get("id") if isinstance(old, Mapping) and not run.options["fresh"] else None
        made_by = [run.table.fingerprint.to_dict(), method_of(run.options), settings, run.seed, start]
        same = json.dumps(plain([self._about, made_by, library_versions()]), sort_keys=True)
        self._about["key"] = hashlib.blake2b(same.encode(), digest_size=16).hexdigest()
        self._pending: list[Part] = []
        self._begun = False
        self._lost = False
        self._stored_at = time.monotonic()

    def load(self) -> Begun | None:
        """Return what a run that was stopped has laid out, None without one; what it did beyond is then in `done`.

        `check` must be asked whether it is of these vectors.
        """
        # Of another map it may have millions of rows.
        about = self._table.about()
        found = self._table.load() if about is not None and about["key"] == self._about["key"] else None
        if found is None or not found[1] or found[1][0].stage != LAID_OUT:
            return None
        self._about, (first, *others) = found
        for part in others:
            if part.stage >= POLISHED:
                self.done.tiles[part.stage - POLISHED, part.number] = part.rows, part.xy
            else:
                self.done.placed.append((part.rows, part.xy))
                self.done.copies += len(part.rows) if part.stage == COPIED else 0
        self._begun = True
        graph, moved = self._about["graph"], self._about["moved"]
        return Begun(
            first.rows,
            first.xy,
            None if graph is None else GraphOrigin(**graph),
            None if moved is None else Moved(**moved),
        )

    def check(self, vectors: F32) -> bool:
        """Return whether what was loaded is of these vectors (m, d), those of the sample in the order of its layout.

        If so, a notice says what is done. If not, it is forgotten, and the map is begun.
        """
        done = self.done
        if self._about["vectors"] != _digest(vectors):
            self.done, self._begun = Done(), False
            return False
        placed = sum(len(rows) for rows, _ in done.placed)
        steps = f"{counted(len(vectors), 'article')} laid out, {placed:,} placed"
        polished = f", {counted(len(done.tiles), 'tile')} polished" if done.tiles else ""
        self._run.observer.notice(f"going on from the run that was stopped: {steps}{polished}")
        return True

    def begin(self, vectors: F32, layout: Begun) -> None:
        """Keep the layout of a sample, and that it is of these vectors (m, d), in its order."""
        self._about |= {
            "vectors": _digest(vectors),
            "graph": None if layout.graph is None else asdict(layout.graph),
            "moved": None if layout.moved is None else asdict(layout.moved),
        }
        self._pending.append(Part(LAID_OUT, 0, layout.laid_out, layout.xy))
        self.store()

    def keep(self, stage: int, number: int, rows: Rows, xy: F64) -> None:
        """Keep what a piece of work did: positions (m, 2) of some rows (m,); stored when it is time."""
        if self._lost:
            return
        self._pending.append(Part(stage, number, rows, xy))
        if time.monotonic() >= self._stored_at + EVERY_S:
            self.store()

    def store(self) -> None:
        """Store what is kept so far, unless another process is writing, or has begun another map of the table."""
        if not self._pending or self._lost:
            return
        try:
            with self._run.database.writer():
                if self._begun:
                    self._lost = not self._table.add(self._about["key"], self._pending)
                else:
                    self._table.begin(self._about, self._pending)
                    self._begun = True
        except LockedError:
            return
        finally:
            self._stored_at = time.monotonic()
        self._pending = []

    def forget(self) -> None:
        """Remove what is kept, for the map is stored. If another process is writing, it stays until `optimize`."""
        self._pending = []
        try:
            with self._run.database.writer():
                self._table.remove(self._about["key"])
        except LockedError:
            return


def _digest(vectors: F32) -> str:
    return hashlib.blake2b(np.ascontiguousarray(vectors).data, digest_size=16).hexdigest()

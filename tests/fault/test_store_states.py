"""A table is what a plain dict is, whatever is done to it and in whatever order: a state machine by Hypothesis.

`make test` runs a few short ones, `make soak` two thousand of 50 steps, or as many as VECINDEX_STATE_RUNS
says.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

import vecindex
from vecindex.core.vectors import normalize
from vecindex.store.database import Database

VECTORS = normalize(np.random.default_rng(5).normal(size=(12, 6)).astype(np.float32))
IDS = st.sampled_from([f"r{i}" for i in range(12)] + ["it's", "ünï", "a#1"])
TAGS = st.sampled_from(["one", "two"])


@dataclass(frozen=True)
class Article:
    """A row as its source has it; `vector` is a number of VECTORS."""

    text: str
    year: int
    vector: int


ARTICLES = st.builds(Article, st.sampled_from(["cells", "stars", "laws"]), st.integers(0, 2), st.integers(0, 11))
SOURCES = st.lists(st.tuples(IDS, ARTICLES), min_size=1, max_size=8, unique_by=lambda row: row[0])


class Store(RuleBasedStateMachine):
    """A database beside a dict."""

    begun = 0
    """How many of these runs there were."""

    @initialize()
    def begin(self) -> None:
        """Make an empty folder."""
        Store.begun += 1
        if Store.begun % 50 == 0:
            print(f"{Store.begun:,} runs", flush=True)  # also of a soak that is stopped
        self.folder = Path(tempfile.mkdtemp(prefix="vecindex-states-"))
        self.rows: dict[str, Article] = {}
        self.tags: dict[str, dict[str, Article]] = {}
        self.on_map: set[str] = set()
        self.made = False
        self.reopen()

    def teardown(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @rule()
    def reopen(self) -> None:
        """Open the database anew, as another process would."""
        self.index = vecindex.open(self.folder / "db")

    @rule(rows=SOURCES, prune=st.booleans(), transaction=st.integers(1, 4))
    def ingest(self, rows: list[tuple[str, Article]], prune: bool, transaction: int) -> None:
        """Ingest some rows, and perhaps say that there are no others."""
        new = {row_id for row_id, _ in rows if row_id not in self.rows}
        same = {row_id for row_id, row in rows if self.rows.get(row_id) == row}
        gone = set(self.rows) - {row_id for row_id, _ in rows} if prune else set()
        report = self.index.ingest(
            [{"id": i, "text": a.text, "year": a.year, "v": VECTORS[a.vector]} for i, a in rows],
            vector_field="v",
            model="test/none",
            unverified=True,
            prune=prune,
            transaction_rows=transaction,
        )
        counts = (report.added, report.skipped, report.changed, report.rejected, report.pruned)
        assert counts == (len(new), len(same), len(rows) - len(new) - len(same), 0, len(gone))
        self.made = True
        moved = {i for i, a in rows if i in self.rows and self.rows[i] != a}
        self.rows = {i: a for i, a in self.rows.items() if i not in gone} | dict(rows)
        self.on_map -= gone | moved

    @precondition(lambda self: self.made)
    @rule(ids=st.lists(IDS, min_size=1, max_size=4, unique=True))
    def delete(self, ids: list[str]) -> None:
        """Delete rows by id, some of which may not be there."""
        there = set(ids) & set(self.rows)
        assert self.index.delete(*ids).deleted == len(there)
        self.rows = {i: a for i, a in self.rows.items() if i not in there}
        self.on_map -= there

    @precondition(lambda self: self.made)
    @rule(name=TAGS)
    def tag(self, name: str) -> None:
        """Let a tag name what is there now."""
        self.index.tag(name, move=name in self.tags)
        self.tags[name] = dict(self.rows)

    @precondition(lambda self: self.tags)
    @rule(data=st.data())
    def untag(self, data: st.DataObject) -> None:
        """Delete a tag."""
        name = data.draw(st.sampled_from(sorted(self.tags)))
        self.index.tag(name, delete=True)
        del self.tags[name]

    @precondition(lambda self: self.made)
    @rule(older_than=st.sampled_from(["0s", "1h"]))
    def optimize(self, older_than: str) -> None:
        """Compact the table and remove its old versions."""
        report = self.index.optimize(older_than=older_than)
        assert set(report.tags) == set(self.tags)

    @precondition(lambda self: len(self.rows) >= 4)
    @rule(update=st.booleans())
    def project(self, update: bool) -> None:
        """Make a map, or bring it up to date."""
        if update and len(self.on_map) < 4:
            return
        self.index.project("map", update=True) if update else self.index.project("map", method="pca")
        self.on_map = set(self.rows)

    @precondition(lambda self: self.rows)
    @rule(data=st.data())
    def search(self, data: st.DataObject) -> None:
        """Search for more like an article, and sort by hand."""
        asked = data.draw(st.sampled_from(sorted(self.rows)))
        hits = self.index.search(id=asked, k=20).answers[0].hits
        dist = {i: 1 - float(VECTORS[a.vector] @ VECTORS[self.rows[asked].vector]) for i, a in self.rows.items()}
        assert {hit.id for hit in hits} == set(self.rows) - {asked}
        np.testing.assert_allclose([hit.dist for hit in hits], [dist[hit.id] for hit in hits], atol=1e-5)
        assert [hit.dist for hit in hits] == sorted(hit.dist for hit in hits)

    @precondition(lambda self: self.made)
    @rule()
    def examine(self) -> None:
        """Let the doctor look at all of it."""
        report = self.index.doctor()
        assert report.sound, report.findings

    @invariant()
    def same_rows(self) -> None:
        """Compare what is stored with the dict, tagged states too."""
        if not self.made:
            return
        database = Database(self.folder / "db")
        assert stored(database) == self.rows
        for name, rows in self.tags.items():
            assert stored(database, name) == rows
        if self.on_map:
            placed = self.index.positions("map").to_pylist()
            assert {row["id"] for row in placed if row["x"] is not None} == self.on_map


def stored(database: Database, tag: str | None = None) -> dict[str, Article]:
    """Return the rows of a table as the dict has them; each id once, each vector whole."""
    table = database.articles("articles", tag)
    rows: list[dict[str, Any]] = [r for b in table.scan(["id", "text", "year", "vector"]) for r in b.to_pylist()]
    found = {}
    for row in rows:
        near = VECTORS @ np.array(row["vector"], dtype=np.float32)
        assert near.max() > 1 - 1e-6
        found[row["id"]] = Article(row["text"], row["year"], int(near.argmax()))
    assert len(found) == len(rows)
    return found


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Store,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@pytest.mark.timeout(600)
def test_a_table_is_what_a_dict_is() -> None:
    run(8, 20)


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_a_table_is_what_a_dict_is_two_thousand_times() -> None:
    run(int(os.environ.get("VECINDEX_STATE_RUNS", "2000")), 50)

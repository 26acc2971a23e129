"""An ingest on a Ray cluster: the table, the report and the rejects of the run in one process."""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import vecindex
from clusters import MODEL, RAY, assert_same_tables, counts, installed_encoder, rejects_of, rows_of, running_ray
from object_storage import Bucket, rows_file
from tables import Notices
from vecindex.cluster import pool
from vecindex.cluster.engine import Engine, Workers
from vecindex.errors import ConfigError, LockedError, ModelError, UnavailableError
from vecindex.store.database import Database
from vecindex.types import Silent
from vecindex.verbs.cluster import blocks
from vecindex.verbs.ingest.cluster import flight
from vecindex.verbs.ingest.cluster.worker import Model
from vecindex.verbs.reader import TableReader

WORDS = [f"word{i}" for i in range(60)]
KINDS: dict[str, dict[str, Any]] = {
    "plain": {"model": MODEL, "max_tokens": 12},
    "chunks": {"model": MODEL, "chunk": 8, "chunk_overlap": 2},
    "template": {"model": MODEL, "text_template": "{title}: {text}", "prune": True},
    "vectors": {"model": "test/none", "vector_field": "v", "unverified": True, "store": "float16"},
    "drop": {"model": MODEL, "newer": "day", "deleted_field": "gone"},
    "later": {"model": MODEL, "deleted_field": "gone"},
}


@pytest.fixture(scope="module", autouse=True)
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with running_ray(installed_encoder(tmp_path_factory.mktemp("encoder"))):
        yield


def random_row(dice: random.Random, kind: str, ids: int) -> dict[str, Any]:
    """Return a row, sound or not: new, changed, doubled, too long, without words, empty, of a wrong type."""
    row: dict[str, Any] = {"id": f"a{dice.randrange(ids)}"}
    if kind in ("drop", "later"):
        row["day"] = dice.randrange(40)
        if dice.random() < 0.15:
            return {**row, "gone": True}
    shape = dice.random()
    words = dice.choices(WORDS, k=dice.choice([1, 2, 5, 20, 40]))
    row["text"] = "" if shape < 0.03 else "?!" if shape < 0.08 else " ".join(words)
    if dice.random() < 0.3:
        # Equal texts are embedded once.
        row["text"] = " ".join(WORDS[: dice.randrange(1, 5)])
    row["title"] = dice.choice(["One", "Two", None])
    if dice.random() < 0.5:
        row["n"] = "many" if dice.random() < 0.1 else dice.randrange(3)
    if dice.random() < 0.1:
        row[dice.choice(["late", "later"])] = dice.random()
    if kind == "vectors":
        row["v"] = [1.0, 2.0] if dice.random() < 0.05 else [dice.gauss(0, 1) for _ in range(3)]
    return row


SLOW = ("template", "later")
"""Kinds that the ordinary tests leave out: each costs five CPU seconds."""


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.slow if kind in SLOW else ()) for kind in KINDS]
)
def test_both_engines_give_the_same_table(tmp_path: Path, kind: str) -> None:
    dice = random.Random(kind)
    # Two workers for one kind; a worker costs a second to start, and two units are on their way to one, too.
    ray = {**RAY, "worker_cores": 1 if kind == "plain" else 2}
    for run in range(2):
        rows = [random_row(dice, kind, 150) for _ in range(260)]
        options = {**KINDS[kind], "transaction_rows": dice.choice([7, 20])}
        one, other = (
            vecindex.open(tmp_path / name).ingest(rows, name="rows", **options, **more)
            for name, more in (("here", {}), ("there", {**ray, "wave_rows": dice.choice([1, 50, 1_000])}))
        )
        if kind in ("drop", "later"):
            # Which versions are met before a newer one fails depends on how far reading is ahead.
            assert one.unaccounted == other.unaccounted == 0
        else:
            assert counts(one) == counts(other), (kind, run)
            assert rejects_of(tmp_path / "here") == rejects_of(tmp_path / "there")
        assert one.rows_in_table == len(rows_of(tmp_path / "there"))
        assert_same_tables(tmp_path / "here", tmp_path / "there")
    found = [[one.check for one in vecindex.open(tmp_path / name).doctor().findings] for name in ("here", "there")]
    assert found[0] == found[1]


def test_a_run_with_nothing_new_starts_no_worker(tmp_path: Path) -> None:
    rows = [{"id": f"a{i}", "text": f"word{i} word"} for i in range(10)]
    first = vecindex.open(tmp_path).ingest(rows, model=MODEL, **RAY)
    version = Database(tmp_path).articles("articles").version
    again = vecindex.open(tmp_path).ingest(rows, **RAY)
    assert (first.added, again.added, again.skipped) == (10, 0, 10)
    assert Database(tmp_path).articles("articles").version == version


def test_a_text_that_ends_its_worker_once_is_embedded_by_another(tmp_path: Path) -> None:
    rows = [{"id": f"a{i}", "text": f"word{i} word"} for i in range(60)]
    rows[30]["text"] = "deadlyonce"
    seen = Notices()
    report = vecindex.open(tmp_path).ingest(rows, model=MODEL, transaction_rows=5, observer=seen, **RAY)
    assert (report.added, report.rejected, len(rows_of(tmp_path))) == (60, 0, 60)
    assert "a worker has died (1 so far); what it was at is done again" in seen.lines


def test_a_text_that_ends_each_worker_ends_the_run_in_words(tmp_path: Path) -> None:
    rows = [{"id": f"a{i}", "text": f"word{i} word"} for i in range(60)]
    rows[30]["text"] = "deadly"
    said = r"A worker died each time at 5 texts from <rows> row 30 on: 3 in a row\. Ray says: \w"
    with pytest.raises(ModelError, match=said):
        vecindex.open(tmp_path).ingest(rows, name="rows", model=MODEL, transaction_rows=5, **RAY)
    # All transactions before it are there, none after it.
    assert rows_of(tmp_path).keys() == {f"a{i}" for i in range(30)}


def test_a_cluster_without_room_is_refused(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "word"}]
    with pytest.raises(ConfigError, match="no room for a worker: one needs 3 cores of a machine, all of them have 2"):
        vecindex.open(tmp_path).ingest(rows, model=MODEL, engine="ray", worker_cores=3)
    assert not Database(tmp_path).has("articles") or not rows_of(tmp_path)


def test_a_machine_with_other_weights_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": "a", "text": "word"}]

    def expected(*arguments: Any) -> Model:
        return Model(*arguments[:2], "0" * 64, *arguments[3:])

    monkeypatch.setattr(flight, "Model", expected)
    with pytest.raises(ModelError, match=f"The machine {re.escape(socket.gethostname())} has other weights of"):
        vecindex.open(tmp_path).ingest(rows, model=MODEL, **RAY)


def test_a_cluster_whose_cores_are_taken_is_not_waited_for_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    monkeypatch.setattr(pool, "_READY_S", 2.0)
    monkeypatch.setattr(pool, "_NOTICE_S", 0.5)
    seen = Notices()

    class Other:
        def there(self) -> bool:
            return True

    other = ray.remote(num_cpus=2)(Other).remote()
    try:
        assert ray.get(other.there.remote())
        with pytest.raises(ConfigError, match="no room for a worker: one needs 1 core of a machine"):
            vecindex.open(tmp_path).ingest([{"id": "a", "text": "word"}], model=MODEL, observer=seen, **RAY)
    finally:
        ray.kill(other)
    assert "no worker has begun yet: the cluster's cores may be taken by others" in seen.lines


def test_workers_that_have_no_settings_of_the_store_are_named(bucket: Bucket, tmp_path: Path) -> None:
    """Ray was started before they were set."""
    rows = rows_file(tmp_path / "a.jsonl", range(20))
    how: dict[str, Any] = {"vector_field": "vector", "model": "test/none", "unverified": True}
    index = vecindex.open(bucket.db)
    named = f"A worker on the machine {socket.gethostname()} could not read or write: {bucket.db}/articles"
    with pytest.raises(UnavailableError, match=re.escape(named)) as refused:
        index.ingest(rows, **how, **RAY)
    assert "the settings with which Ray was started there" in str(refused.value.hint)
    assert index.ingest(rows, **how).added == 20
    reader = TableReader(Database(bucket.db).articles("articles"), [])
    asked, workers = np.eye(8, dtype=np.float32)[:2], Workers(Engine(), 1)
    with pytest.raises(UnavailableError, match=re.escape(named)):
        blocks.nearest_by_workers(Database(bucket.db), reader, asked, 3, workers, Silent())


def test_a_foreign_commit_ends_the_run_and_doubles_nothing(tmp_path: Path) -> None:
    """As where the lease of a run was lost: another process adds ids of the wave before it is committed."""
    rows = [{"id": f"a{i}", "text": f"word{i}", "v": [1.0, float(i)]} for i in range(40)]
    how: dict[str, Any] = {"vector_field": "v", "model": "test/none", "unverified": True, "transaction_rows": 10}
    vecindex.open(tmp_path).ingest(rows[:10], **how)

    def foreign() -> Iterator[dict[str, Any]]:
        yield from rows[:30]
        table = Database(tmp_path).articles("articles")
        other = table.rows_by_id(["a9"], table.schema.names)
        ids = pa.array(["a25"])
        table.lance.add(other.set_column(other.schema.get_field_index("id"), other.schema.field("id"), ids))
        yield from rows[30:]

    with pytest.raises(LockedError, match="30 ready rows were not added"):
        vecindex.open(tmp_path).ingest(foreign(), **how, **RAY)
    assert rows_of(tmp_path).keys() == {f"a{i}" for i in range(10)} | {"a25"}
    # The same again goes on from what is there.
    report = vecindex.open(tmp_path).ingest(rows, **how, **RAY)
    assert (report.added, report.changed, report.skipped) == (29, 1, 10)
    assert {row["text"] for row in rows_of(tmp_path).values()} == {f"word{i}" for i in range(40)}

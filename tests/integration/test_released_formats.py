"""Databases that released formats left are opened, used and brought to the present one by today's code.

`tests/databases/format-N.tar.gz` holds a database and its source: 12 articles with vectors of 8 values in
transactions of 5, one rejected row, the tag `first`, then `a3` deleted and a map by pca. Format 1 was written by
vecindex 0.1.0.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import pytest

import vecindex
from vecindex.core.identity import vector_hashes
from vecindex.errors import ConfigError
from vecindex.schema import FORMAT
from vecindex.store.database import Database

DATABASES = Path(__file__).resolve().parents[1] / "databases"
OLD = sorted(DATABASES.glob("format-*.tar.gz"))
IDS = {f"a{i}" for i in range(12)} - {"a3"}


@pytest.fixture(params=OLD, ids=lambda path: path.name.removesuffix(".tar.gz"))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    with tarfile.open(request.param) as packed:
        packed.extractall(tmp_path, filter="data")
    return tmp_path


def vectors_of(folder: Path) -> dict[str, list[float]]:
    ids, vectors = Database(folder).articles("articles").vectors()
    return dict(zip(ids, vectors.tolist(), strict=True))


def test_each_format_before_the_present_one_is_kept() -> None:
    assert [path.name for path in OLD] == [f"format-{n}.tar.gz" for n in range(1, int(FORMAT))]


def test_it_is_read(old: Path) -> None:
    index = vecindex.open(old / "db")
    status = index.status()
    assert (status.rows, status.rejected, status.tags) == (11, 1, {"first": 7})
    assert set(status.maps) == {"map"}
    assert {hit.id for hit in index.search(id="a1", k=11).answers[0].hits} == IDS - {"a1"}
    assert index.search(id="a3", k=1, at="first").answers[0].hits
    assert index.positions("map").num_rows == 11
    assert index.doctor().sound


def test_it_is_written_and_brought_to_the_present_format(old: Path) -> None:
    index, before = vecindex.open(old / "db"), vectors_of(old / "db")
    report = index.ingest(old / "s.jsonl", vector_field="v", model="test/none", unverified=True)
    assert (report.added, report.changed, report.skipped, report.rejected) == (1, 0, 11, 1)
    assert Database(old / "db").articles("articles").metadata()["vecindex:format"] == "1"
    assert index.optimize(older_than="0s").vectors_hashed == 12
    table = Database(old / "db").articles("articles")
    assert table.metadata()["vecindex:format"] == FORMAT
    after = vectors_of(old / "db")
    assert set(after) == IDS | {"a3"}
    assert {row_id: after[row_id] for row_id in before} == before
    stored = {row["id"]: row["vector_hash"] for row in table.lance.to_arrow().to_pylist()}
    assert stored == dict(zip(after, vector_hashes(np.array(list(after.values()), np.float32)), strict=True))
    again = index.ingest(old / "s.jsonl", vector_field="v", model="test/none", unverified=True)
    assert (again.added, again.changed, again.skipped) == (0, 0, 12)
    assert index.project("map", update=True).articles == 12
    assert index.doctor().sound


def test_a_later_format_is_refused(old: Path) -> None:
    Database(old / "db").articles("articles").set_setting(format=int(FORMAT) + 1)
    with pytest.raises(ConfigError, match=rf"storage format {int(FORMAT) + 1}; this vecindex reads 1 to {FORMAT}"):
        vecindex.open(old / "db").search(id="a1")

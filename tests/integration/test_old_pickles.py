"""The three pickles of old become a table: verified, joined by what is embedded now, and never run."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import vecindex
from invariants import check, read
from vecindex.errors import SourceError

ARTICLES = [
    {"id": "1", "title": "Cell", "text": "The cell is the basic unit of life."},
    {"id": "2", "title": "Star", "text": "A star is a ball of plasma held together by gravity."},
    {"id": "3", "title": "Law", "text": "Law is a set of rules enforced by institutions."},
]


@pytest.fixture
def vectors(tmp_path: Path) -> np.ndarray:
    source = tmp_path / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in ARTICLES))
    vecindex.open(tmp_path / "fresh").ingest(source)
    return np.array([row["vector"] for row in read(tmp_path / "fresh")], dtype=np.float32)


def test_three_pickles_become_a_table(tmp_path: Path, vectors: np.ndarray) -> None:
    folder = tmp_path / "old"
    (folder / "embeddings").mkdir(parents=True)
    embedded = {"embeddings": vectors[:2] * 3, "ids": ["1", "2"]}
    (folder / "embeddings" / "wikipedia_embeddings.pkl").write_bytes(pickle.dumps(embedded))
    registry = {row["id"]: {"title": row["title"], "text": row["text"]} for row in ARTICLES}
    (folder / "article_registry.pkl").write_bytes(pickle.dumps(registry))
    checkpoint = [{**ARTICLES[2], "embedding": vectors[2]}]
    (folder / "current_checkpoint.pkl").write_bytes(pickle.dumps(checkpoint))
    index = vecindex.open(tmp_path / "db")
    report = index.ingest(folder, model="all-MiniLM-L6-v2")
    assert (report.added, report.rejected) == (3, 0)
    rows = {row["id"]: row for row in check(tmp_path / "db", precomputed=True)}
    assert [rows[a["id"]]["title"] for a in ARTICLES] == ["Cell", "Star", "Law"]
    np.testing.assert_allclose([rows[a["id"]]["vector"] for a in ARTICLES], vectors, atol=1e-6)
    assert index.ingest(folder, model="all-MiniLM-L6-v2").skipped == 3


def test_a_hostile_pickle_is_refused_without_running(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (marker,))

    (tmp_path / "wikipedia_embeddings.pkl").write_bytes(pickle.dumps({"embeddings": Hostile(), "ids": ["1"]}))
    with pytest.raises(SourceError, match="pathlib"):
        vecindex.open(tmp_path / "db").ingest(tmp_path / "wikipedia_embeddings.pkl", model="all-MiniLM-L6-v2")
    assert not marker.exists()
    assert not (tmp_path / "db" / "articles.lance").exists()

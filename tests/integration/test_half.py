"""Vectors stored as float16: half the bytes, and how little search and overlap change."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import vecindex
from invariants import read
from vecindex.core.identity import vector_hashes
from vecindex.core.vectors import row_cosines
from vecindex.errors import ConfigError
from vecindex.store.database import Database
from vecindex.store.maps import put_map


@pytest.fixture(scope="module")
def both(sample: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the sample in float32 and in float16."""
    folder = tmp_path_factory.mktemp("both")
    vecindex.open(folder, "full").ingest(*sample)
    assert vecindex.open(folder, "half").ingest(*sample, store="float16").added == 264
    return folder


def test_half_the_bytes_and_nearly_the_same_vectors(both: Path) -> None:
    tables = {name: Database(both).articles(name) for name in ("full", "half")}
    assert tables["half"].schema.field("vector").type == pa.list_(pa.field("item", pa.float16()), 384)
    assert [vecindex.open(both, name).status().numbers for name in tables] == ["float32", "float16"]
    (ids, full), (same_ids, half) = (tables[name].vectors() for name in ("full", "half"))
    assert half.dtype == np.float32
    order, other = np.argsort(ids), np.argsort(same_ids)
    assert row_cosines(full[order], half[other]).min() > 1 - 1e-6
    row = read(both, "half")[0]
    assert row["vector_hash"] == vector_hashes(np.array([row["vector"]], dtype=np.float32))[0]
    assert vecindex.open(both, "half").doctor().sound


def test_search_and_overlap_change_little(both: Path, sample: list[Path]) -> None:
    questions = sample[0].parent / "questions-cell-biology.jsonl"
    found = {}
    for name in ("full", "half"):
        index = vecindex.open(both, name)
        answers = index.search(file=questions, k=10).answers
        found[name] = [[hit.id for hit in answer.hits] for answer in answers]
    kept = [len(set(a) & set(b)) / 10 for a, b in zip(found["full"], found["half"], strict=True)]
    assert np.mean(kept) > 0.99
    # One map for both: what of a question's neighbors it keeps.
    ids, _ = Database(both).articles("full").vectors()
    xy = np.random.default_rng(1).standard_normal((len(ids), 2))
    shares = []
    for name in ("full", "half"):
        put_map(Database(both).articles(name), "map", pa.array(ids), xy, {"method": "local"})
        shares.append(vecindex.open(both, name).overlap(questions).maps[0].search.overlap.mean)
    assert shares[0] == pytest.approx(shares[1], abs=0.01)


def test_it_goes_on_as_it_was_begun(tmp_path: Path) -> None:
    rows = [{"id": "a", "text": "The cell is the unit of life."}, {"id": "b", "text": "A star is a ball of plasma."}]
    index = vecindex.open(tmp_path)
    index.ingest(rows, store="float16")
    with pytest.raises(ConfigError, match="stores vectors as float16, asked for float32"):
        index.ingest(rows, store="float32")
    xy = np.array([[0.0, 1.0], [2.0, 3.0]])
    put_map(Database(tmp_path).articles("articles"), "map", pa.array(["a", "b"]), xy, {"method": "local"})
    # Another title leaves the vector, its hash and its position.
    before = {row["id"]: row for row in read(tmp_path, "articles")}
    assert index.ingest([{**rows[0], "title": "Cell"}, rows[1]]).changed == 1
    after = {row["id"]: row for row in read(tmp_path, "articles")}
    for column in ("vector", "vector_hash", "map_x", "map_y"):
        assert after["a"][column] == before["a"][column]
    assert index.search("what is a star", k=1).hits[0].id == "b"
    index.export(tmp_path / "vectors.npy")
    assert np.load(tmp_path / "vectors.npy").dtype == np.float32
    assert json.loads((tmp_path / "vectors.ids.json").read_text())

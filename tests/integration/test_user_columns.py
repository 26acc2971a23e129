"""Fields of every name are stored, found again, and never taken for what vecindex or LanceDB call so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import vecindex
from tables import DIMENSION, Notices, append, fingerprint, unit_vectors
from vecindex.store.database import Database

# All that a search calls a value of its own, here or in LanceDB.
HOSTILE: dict[str, Any] = {
    "query_index": 7,
    "dist": "12 km",
    "words": "many",
    "relevance": "none",
    "_distance": 3.5,
    "_score": 4,
    "_relevance_score": 5,
    "_rowid": 6,
    "rank": "last",
}
STORED = {
    "src_query_index": 7,
    "dist": "12 km",
    "words": "many",
    "relevance": "none",
    "src_distance": 3.5,
    "src_score": 4,
    "src_relevance_score": 5,
    "src_rowid": 6,
    "rank": "last",
}


def ingest(folder: Path, rows: list[dict[str, Any]], **options: Any) -> vecindex.Index:
    """Return the index of a database into which these rows went, with vectors of their own."""
    vectors = unit_vectors(len(rows))
    lines = [
        json.dumps({"id": f"a{i}", "text": f"Text {i}", **row, "vec": vector.tolist()})
        for i, (row, vector) in enumerate(zip(rows, vectors, strict=True))
    ]
    file = folder / "rows.jsonl"
    file.write_text("\n".join(lines))
    index = vecindex.open(folder / "db")
    options = {"vector_field": "vec", "model": "some/model", "unverified": True, **options}
    report = index.ingest(file, **options)
    assert (report.rejected, report.reject_reasons) == (0, {})
    return index


def stored(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the user's columns of each row, by id; columns without a value are left out."""
    table = Database(folder / "db").articles("articles")
    own = [column.name for column in table.extra_columns]
    rows = [row for batch in table.scan(["id", *own]) for row in batch.to_pylist()]
    return {row["id"]: {name: row[name] for name in own if row[name] is not None} for row in rows}


@pytest.mark.parametrize("several", [False, True])
def test_fields_called_like_a_search_s_own_values(tmp_path: Path, several: bool) -> None:
    index = ingest(tmp_path, [HOSTILE, HOSTILE, HOSTILE])
    queries = unit_vectors(3)[: 2 if several else 1]
    answers = index.search(vector=queries, k=3).answers
    assert [answer.hits[0].id for answer in answers] == ["a0", "a1"][: len(queries)]
    for answer in answers:
        assert [hit.fields for hit in answer.hits] == [STORED] * 3
        assert answer.hits[0].dist == pytest.approx(0, abs=1e-6)
        assert [hit.rank for hit in answer.hits] == [1, 2, 3]


def test_fields_called_like_a_hybrid_search_s_own_values(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"id": f"a{i}", "text": text, **HOSTILE} for i, text in enumerate(["A quokkabird.", "A star."])]
    file.write_text("\n".join(map(json.dumps, rows)))
    index = vecindex.open(tmp_path / "db")
    index.ingest(file)
    hits = index.search("quokkabird", hybrid=True, k=2).hits
    assert [(hit.id, hit.relevance) for hit in hits] == [
        ("a0", pytest.approx(2 / 61)),
        ("a1", pytest.approx(1 / 62)),
    ]
    assert [hit.fields for hit in hits] == [STORED, STORED]
    assert all(isinstance(hit.dist, float) for hit in hits)


@pytest.mark.parametrize("several", [False, True])
def test_a_table_made_before_names_were_reserved_is_searched(tmp_path: Path, several: bool) -> None:
    extra = [pa.field("query_index", pa.int64()), pa.field("dist", pa.string())]
    table = Database(tmp_path).create_articles("articles", fingerprint(), extra)
    vectors = unit_vectors(4)
    append(table, vectors, query_index=[9, 8, 7, 6], dist=["12 km"] * 4)
    answers = vecindex.open(tmp_path).search(vector=vectors[2:] if several else vectors[2], k=1).answers
    assert [(a.hits[0].id, a.hits[0].fields) for a in answers] == [
        ("a00002", {"query_index": 7, "dist": "12 km"}),
        ("a00003", {"query_index": 6, "dist": "12 km"}),
    ][: len(answers)]
    assert len(answers) == (2 if several else 1)


def test_fields_of_one_column_are_both_stored(tmp_path: Path) -> None:
    notices = Notices()
    rows: list[dict[str, Any]] = [{"a.b": 1, "a_b": "two"}, {"_x": 1, "src_x": 2}, {"Foo": 1, "foo": "one"}]
    ingest(tmp_path, rows, observer=notices)
    assert stored(tmp_path) == {
        "a0": {"src_a_b": 1, "a_b": "two"},
        "a1": {"src_src_x": 1, "src_x": 2},
        "a2": {"src_Foo": 1, "foo": "one"},
    }
    told = "fields stored under other names: 'a.b' as 'src_a_b', '_x' as 'src_src_x', 'Foo' as 'src_Foo'"
    assert [line for line in notices.lines if "names" in line] == [told]


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"a.b": 1}, {"a_b": "two"}, {"_x": 1}, {"src_x": 2}]
    found = []
    for name, order in (("one", rows), ("other", rows[::-1])):
        (tmp_path / name).mkdir()
        ingest(tmp_path / name, order)
        found.append(sorted(map(str, stored(tmp_path / name).values())))
    assert found[0] == found[1] == ["{'a_b': 'two'}", "{'src_a_b': 1}", "{'src_src_x': 1}", "{'src_x': 2}"]


def test_a_later_run_keeps_fields_in_their_columns(tmp_path: Path) -> None:
    index = ingest(tmp_path, [{"a.b": 1, "ID": "x"}])
    # What else rewrites the table leaves the names with it.
    index.ingest(tmp_path / "rows.jsonl", vector_field="vec", model="some/model", unverified=True)
    index.tag("before")
    index.optimize(older_than="0s")
    ingest(tmp_path, [{"a.b": 2, "a_b": "two", "ID": "y"}, {"a_b": "three"}])
    assert stored(tmp_path) == {"a0": {"a_b": 2, "src_ID": "y", "src_a_b": "two"}, "a1": {"src_a_b": "three"}}
    # Also where the colliding field comes in a later transaction of the same run.
    ingest(tmp_path, [{"C.d": 1}, {"c_d": 2}, {"C.d": 3, "c_d": 4}], transaction_rows=1)
    assert stored(tmp_path) == {"a0": {"C_d": 1}, "a1": {"src_c_d": 2}, "a2": {"C_d": 3, "src_c_d": 4}}


def test_an_earlier_table_s_columns_are_used_further(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    extra = [pa.field("ID", pa.string()), pa.field("a_b", pa.int64())]
    made = fingerprint(384, weights="unknown", pooling="unknown", model="some/model")
    Database(tmp_path / "db").create_articles("articles", made, extra)
    table = Database(tmp_path / "db").articles("articles")
    append(table, unit_vectors(1, 384), ids=["old"], ID=["o"], a_b=[1])
    vector = np.eye(1, 384)[0].tolist()
    file.write_text(json.dumps({"id": "new", "text": "New", "ID": "n", "a.b": 2, "vec": vector}))
    report = vecindex.open(tmp_path / "db").ingest(file, vector_field="vec", unverified=True)
    assert (report.added, report.rejected) == (1, 0)
    assert stored(tmp_path) == {"old": {"ID": "o", "a_b": 1}, "new": {"ID": "n", "a_b": 2}}


def test_an_empty_name(tmp_path: Path) -> None:
    index = ingest(tmp_path, [{"": 1, "unnamed": "mine"}, {"": 2}])
    assert stored(tmp_path) == {"a0": {"src_unnamed": 1, "unnamed": "mine"}, "a1": {"src_unnamed": 2}}
    assert index.search(vector=np.ones(DIMENSION), where="src_unnamed = 2").hits[0].id == "a1"
    (tmp_path / "alone").mkdir()
    ingest(tmp_path / "alone", [{"": 1}])
    assert stored(tmp_path / "alone") == {"a0": {"unnamed": 1}}


def test_a_condition_on_our_column_is_not_taken_for_the_user_s(tmp_path: Path) -> None:
    index = ingest(tmp_path, [{"ID": "a1", "Text": "mine"}, {"ID": "a0"}, {"Text": "yours", "Topic": 1, "topic": 2}])
    assert stored(tmp_path)["a0"] == {"src_ID": "a1", "src_Text": "mine"}
    assert stored(tmp_path)["a2"] == {"src_Text": "yours", "src_Topic": 1, "topic": 2}
    for where, gone in (("ID = 'a0'", "a0"), ("src_ID = 'a0'", "a1"), ("Topic = 2", "a2")):
        assert index.delete(where=where).deleted == 1, where
        assert gone not in stored(tmp_path)


def test_signs_that_lance_does_not_take(tmp_path: Path) -> None:
    index = ingest(tmp_path, [{"a`b": 1, "a\0b": 2, "a.b": 3, "new\nline": 4, "two words": 5, "é": 6}])
    fields = {"src_src_a_b": 1, "a_b": 2, "src_a_b": 3, "new\nline": 4, "two words": 5, "é": 6}
    assert stored(tmp_path) == {"a0": fields}
    assert index.search(vector=np.ones(DIMENSION)).hits[0].fields == fields
    ingest(tmp_path, [{"a`b": 10, "a\0b": 20, "a.b": 30}])
    assert stored(tmp_path) == {"a0": {"src_src_a_b": 10, "a_b": 20, "src_a_b": 30}}


def test_the_doctor_knows_the_fields_by_their_own_names(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    rows = [{"a.b": "one", "a_b": "two", "ID": "x"}, {"a_b": "three"}, {"a.b": "four"}]
    file.write_text("\n".join(json.dumps({"id": f"a{i}", "text": f"Text {i}", **r}) for i, r in enumerate(rows)))
    index = vecindex.open(tmp_path / "db")
    index.ingest(file)
    found = {check.name: (check.outcome, check.note) for check in index.doctor().checks}
    assert found["fields"] == ("ok", "3 hashes agree")

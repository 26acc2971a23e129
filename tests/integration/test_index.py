"""The index of the vectors: what it finds is measured, and searches that use it are as good as they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from approximate import D, N, exact, found, indexed, names, stocked
from tables import DIMENSION, Notices, append, chunked_table, filled, fingerprint, make_table, unit_vectors
from vecindex.core.indexes.recall import Curve, Measured, Probe
from vecindex.core.questions import Question, QuestionSet
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError, LockedError, StoreError, TableNotFoundError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.indexes.vector import (
    TYPES,
    about_index,
    drop_vector_index,
    keep_about,
    make_vector_index,
    rows_not_indexed,
    vector_index,
)
from vecindex.store.maintenance import maintain
from vecindex.store.questions import QuestionTable
from vecindex.verbs.index.measure import measure
from vecindex.verbs.index.result import IndexReport
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.search.finder import Finder, Query


def articles(folder: Path) -> ArticleTable:
    return Database(folder).articles("articles")


def curve_of(report: IndexReport) -> Curve:
    assert report.curve is not None
    return report.curve


# -- made and measured ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
def test_with_all_partitions_and_all_rows_compared_it_is_exact(tmp_path: Path, kind: Any) -> None:
    table, vectors = indexed(tmp_path, kind)
    there, about = vector_index(table), about_index(table)
    assert there is not None
    assert about is not None
    assert (there.type, there.rows, about.partitions) == (kind, N, 1 if kind == "IVF_PQ" else 20)
    assert there.bytes > N * D / 4
    for query in unit_vectors(20, D, seed=3):
        assert found(table, query, Probe(20, N // 10)) == exact(vectors, names(), query)


@pytest.mark.parametrize("kind", ["IVF_RQ", "IVF_SQ"])
def test_the_recall_is_what_a_recount_by_hand_gives(tmp_path: Path, kind: Any) -> None:
    table, vectors = stocked(tmp_path)
    # Rows in the middle are gone, so that a row's number is not its id's.
    gone = {f"a{i:05d}" for i in range(40, 90)}
    table.delete_ids(sorted(gone))
    kept = [i for i in range(N) if names()[i] not in gone]
    ids, vectors = [names()[i] for i in kept], vectors[kept]
    curve = curve_of(vecindex.open(tmp_path).build_index(type=kind))
    assert (curve.rows, curve.queries, curve.questions, curve.k) == (350, 350, 0, 10)
    assert len(curve.points) >= 3
    for point in (curve.points[0], curve.points[-1]):
        shares = []
        for own, query in zip(ids, vectors, strict=True):
            right = [one for one in exact(vectors, ids, query, 11) if one != own][:10]
            hits = [one for one in found(table, query, point.probe, 26) if one != own][:10]
            shares.append(len(set(right) & set(hits)) / 10)
        assert point.recall == pytest.approx(np.mean(shares), abs=1e-12)
        assert point.cpu_ms > 0
    assert curve.points[0].recall < 0.96
    assert curve.points[-1].recall >= 0.98


def test_stored_questions_are_measured_too_and_the_lower_recall_is_expected(tmp_path: Path) -> None:
    table, vectors = stocked(tmp_path)
    asked = QuestionSet("q.txt", tuple(Question(str(i), f"question {i}") for i in range(30)))
    of_questions = unit_vectors(30, D, seed=8)
    questions = QuestionTable(Database(tmp_path))
    made = table.fingerprint
    questions.put(questions.rows(asked, [f"h{i}" for i in range(30)], of_questions, made, None, own=True))
    # Of another model, in a space of its own: left out.
    other = QuestionSet("other.txt", asked.questions)
    foreign = replace(made, weights="4" * 64)
    questions.put(questions.rows(other, [f"o{i}" for i in range(30)], of_questions, foreign, None, own=True))
    curve = curve_of(vecindex.open(tmp_path).build_index(type="IVF_RQ"))
    assert (curve.queries, curve.questions) == (N, 30)
    first = curve.points[0]
    shares = [
        len(set(exact(vectors, names(), query)) & set(found(table, query, first.probe, 26)[:10])) / 10
        for query in of_questions
    ]
    assert first.recall_questions == pytest.approx(np.mean(shares), abs=1e-12)
    assert first.expected == pytest.approx(min(first.recall, np.mean(shares)), abs=1e-12)


def test_it_is_kept_with_the_table_and_made_again_in_place_of_the_old_one(tmp_path: Path) -> None:
    indexed(tmp_path, "IVF_SQ")
    report = vecindex.open(tmp_path).build_index(type="IVF_RQ")
    table = articles(tmp_path)
    there, about = vector_index(table), about_index(table)
    assert there is not None
    assert about is not None
    assert (there.type, about.type, report.action) == ("IVF_RQ", "IVF_RQ", "made")
    assert len(table.lance.to_lance().describe_indices()) == 1
    assert about.curve == report.curve
    assert (report.rows, report.rows_indexed, report.partitions, report.index_bytes) == (N, N, 20, there.bytes)
    assert report.exact_ms is not None
    assert report.exact_ms > 0


def test_float16_and_a_dimension_of_no_type_s_liking(tmp_path: Path) -> None:
    table = Database(tmp_path).create_articles("articles", fingerprint(30), [], half=True)
    table = make_table(tmp_path, name="other", dimension=30)
    vectors = unit_vectors(300, 30)
    append(table, vectors)
    vecindex.open(tmp_path, "other").build_index(type="IVF_PQ")
    assert found(table, vectors[7], Probe(17, 30))[0] == "a00007"


def test_measured_again_after_the_table_grew(tmp_path: Path) -> None:
    table, _ = indexed(tmp_path)
    append(table, unit_vectors(50, D, seed=7), ids=[f"b{i}" for i in range(50)])
    report = vecindex.open(tmp_path).build_index(measure=True)
    assert (report.action, report.rows, report.rows_indexed, curve_of(report).queries) == ("measured", 450, 400, 450)
    about = about_index(articles(tmp_path))
    assert about is not None
    assert (about.rows, about.partitions, about.type) == (450, 20, "IVF_SQ")


def test_one_of_another_name_is_replaced(tmp_path: Path) -> None:
    stocked(tmp_path)
    data = Database(tmp_path).articles("articles").lance.to_lance()
    data.create_index("vector", "IVF_FLAT", name="mine", metric="l2", num_partitions=4)
    assert vecindex.open(tmp_path).build_index(type="IVF_SQ").type == "IVF_SQ"
    there = Database(tmp_path).articles("articles").lance.to_lance().describe_indices()
    assert [(one.name, one.index_type) for one in there] == [("vector_idx", "IVF_SQ")]


def test_dropped(tmp_path: Path) -> None:
    table, vectors = indexed(tmp_path)
    report = vecindex.open(tmp_path).build_index(drop=True)
    assert (report.action, report.type, report.curve) == ("dropped", None, None)
    table = articles(tmp_path)
    assert vector_index(table) is None
    assert about_index(table) is None
    assert found(table, vectors[3], Probe(1, 1)) == exact(vectors, names(), vectors[3])
    with pytest.raises(ConfigError, match="no index of its vectors, so none can be removed"):
        vecindex.open(tmp_path).build_index(drop=True)


def test_a_curve_whose_index_is_gone_promises_nothing(tmp_path: Path) -> None:
    table, vectors = indexed(tmp_path)
    data = table.lance.to_lance()
    for one in data.describe_indices():
        data.drop_index(one.name)
    index = vecindex.open(tmp_path)
    with pytest.raises(ConfigError, match="has no index of its vectors"):
        index.search(vector=vectors[0], approximate=True)
    assert index.build_index(drop=True).action == "dropped"
    assert about_index(articles(tmp_path)) is None


def test_an_index_is_dropped_after_its_curve(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = indexed(tmp_path)

    def stopped(*_: Any) -> None:
        raise RuntimeError("stopped")

    monkeypatch.setattr("vecindex.store.indexes.vector._names", stopped)
    with pytest.raises(StoreError, match="stopped"):
        drop_vector_index(table)
    table = articles(tmp_path)
    assert about_index(table) is None
    assert vector_index(table) is not None


@pytest.mark.parametrize(("n", "stale"), [(200, False), (201, True)])
def test_a_curve_of_other_rows_is_stale(tmp_path: Path, n: int, stale: bool) -> None:
    table, vectors = indexed(tmp_path)
    table.delete_ids(names(n))
    append(table, unit_vectors(n, D, seed=7), ids=[f"b{i}" for i in range(n)], txn=2)
    index, notices = vecindex.open(tmp_path), Notices()
    index.optimize()
    state = index.status().vector_index
    assert state is not None
    why = "201 of its 400 rows came or changed since its recall was measured"
    assert (state.rows_not_indexed, state.stale) == (0, why if stale else None)
    advice = f"The index of the vectors: {why}; to mend that: index.build_index(measure=True)"
    assert (advice in map(str, index.status().next)) == stale
    recall = state.curve.best.expected if state.curve else None
    index.search(vector=vectors[0], approximate=True, recall=recall, observer=notices)
    assert notices.lines[0].endswith(f"{why}: index.build_index(measure=True)") == stale
    index.build_index(measure=True)
    state = index.status().vector_index
    assert state is not None
    assert state.stale is None


@pytest.mark.parametrize(("n", "stale"), [(200, False), (201, True)])
def test_a_curve_of_rows_that_are_gone_is_stale(tmp_path: Path, n: int, stale: bool) -> None:
    table, _ = indexed(tmp_path)
    table.delete_ids(names(n))
    state = vecindex.open(tmp_path).status().vector_index
    assert state is not None
    assert state.stale == ("201 of its 400 rows were deleted since its recall was measured" if stale else None)
    vecindex.open(tmp_path).build_index(measure=True)
    state = vecindex.open(tmp_path).status().vector_index
    assert state is not None
    assert state.stale is None


# -- refused ----------------------------------------------------------------------------------------------


def test_what_cannot_be_made_or_measured_is_said(tmp_path: Path) -> None:
    filled(tmp_path, 300)
    index = vecindex.open(tmp_path)
    with pytest.raises(ConfigError, match="has 300 rows, so an exact search is quick"):
        index.build_index()
    with pytest.raises(ConfigError, match="no index whose recall could be measured"):
        index.build_index(measure=True)
    with pytest.raises(ConfigError, match=r"type= and drop= exclude each other"):
        index.build_index(type="IVF_SQ", drop=True)
    with pytest.raises(ConfigError, match=r"type= is IVF_SQ, IVF_RQ, IVF_PQ or IVF_HNSW_SQ, found 'IVF_XQ'"):
        index.build_index(type="IVF_XQ")  # type: ignore[arg-type]
    with pytest.raises(TableNotFoundError, match="No table 'none'"):
        vecindex.open(tmp_path, "none").build_index()
    assert vector_index(articles(tmp_path)) is None


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    filled(tmp_path, 300)
    with Database(tmp_path).writer(), pytest.raises(LockedError, match="Another process is writing"):
        vecindex.open(tmp_path).build_index(type="IVF_SQ")


def test_the_lock_is_held_until_it_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stocked(tmp_path)
    held = []

    def meanwhile(*given: Any) -> Curve:
        with pytest.raises(LockedError, match=r"making the index of the vectors"), Database(tmp_path).writer():
            pass
        held.append(True)
        return measure(*given)

    monkeypatch.setattr("vecindex.verbs.index.index.measure", meanwhile)
    vecindex.open(tmp_path).build_index(type="IVF_SQ")
    assert held == [True]
    with Database(tmp_path).writer():
        pass


def test_searches_that_it_cannot_serve_are_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, vectors = filled(tmp_path, 300)
    index = vecindex.open(tmp_path)
    with pytest.raises(ConfigError, match="no index of its vectors; of 300 rows an exact search is quick"):
        index.search(vector=vectors[0], approximate=True)
    with pytest.raises(ConfigError, match=r"recall= is that of an approximate search"):
        index.search(vector=vectors[0], recall=0.9)
    with pytest.raises(ConfigError, match=r"recall= must be from 0 to 1, found 1.5"):
        index.search(vector=vectors[0], approximate=True, recall=1.5)
    monkeypatch.setattr("vecindex.verbs.search.approximate.FEW_ROWS", 100)
    with pytest.raises(ConfigError, match=r"has no index of its vectors\.") as refused:
        index.search(vector=vectors[0], approximate=True)
    assert str(refused.value.hint) == "Make it: index.build_index()"
    table.lance.to_lance().create_index("vector", "IVF_SQ", metric="cosine", num_partitions=4)
    with pytest.raises(ConfigError, match=r"What the index of .* finds was not measured") as refused:
        index.search(vector=vectors[0], approximate=True)
    assert str(refused.value.hint) == "Measure it: index.build_index(measure=True)"
    index.build_index(measure=True)
    assert index.search(vector=vectors[0], approximate=True).hits[0].id == "a00000"


def test_an_index_of_another_model_s_vectors_is_not_searched(tmp_path: Path) -> None:
    import json

    table, vectors = indexed(tmp_path)
    changed = fingerprint(D, weights="7" * 64).to_dict()
    table.put_provenance({"vecindex:fingerprint": json.dumps(changed)})
    with pytest.raises(ConfigError, match="made of vectors of another model"):
        vecindex.open(tmp_path).search(vector=vectors[0], approximate=True)
    state = vecindex.open(tmp_path).status().vector_index
    assert state is not None
    assert state.stale == "it was made of vectors of another model"


# -- searched ---------------------------------------------------------------------------------------------


def with_curve(table: ArticleTable, *points: Measured) -> None:
    """Let the table know its index by another curve."""
    about = about_index(table)
    assert about is not None
    keep_about(table, replace(about, curve=replace(about.curve, points=points)))


def test_a_search_takes_its_settings_from_the_curve_and_says_what_to_expect(tmp_path: Path) -> None:
    table, vectors = indexed(tmp_path)
    with_curve(table, Measured(2, 1, 0.9, None, 1.0), Measured(20, 40, 0.97, None, 3.0))
    index, notices = vecindex.open(tmp_path), Notices()
    result = index.search(vector=unit_vectors(3, D, seed=3), approximate=True, observer=notices)
    assert notices.lines == ["approximate: recall@10 0.97 expected, measured on 400 held-out rows"]
    near = result.approximate
    assert near is not None
    assert (near.recall, near.k, near.queries, near.questions, near.nprobes, near.refine) == (
        0.97,
        10,
        400,
        0,
        20,
        40,
    )
    for query, answer in zip(unit_vectors(3, D, seed=3), result.answers, strict=True):
        assert [hit.id for hit in answer.hits] == exact(vectors, names(), query)
        # Distances are those of the stored vectors, not of their codes.
        assert [hit.dist for hit in answer.hits] == pytest.approx(
            [1 - float(vectors[names().index(hit.id)] @ query) for hit in answer.hits], abs=2e-6
        )
    quick = index.search(vector=vectors[0], approximate=True, recall=0.9).approximate
    assert quick is not None
    assert (quick.nprobes, quick.refine) == (2, 1)
    assert index.search(vector=vectors[0]).approximate is None


def test_a_recall_that_was_not_reached_is_refused_with_the_best(tmp_path: Path) -> None:
    table, vectors = indexed(tmp_path)
    with_curve(table, Measured(2, 1, 0.9, None, 1.0), Measured(8, 3, 0.9385, None, 3.0))
    index = vecindex.open(tmp_path)
    with pytest.raises(ConfigError, match=r"recall=0.99 is not reached by this IVF_SQ index") as refused:
        index.search(vector=vectors[0], approximate=True, recall=0.99)
    assert "the best measured recall@10 is 0.939 (8 probes, refine factor 3)" in str(refused.value.message)
    assert str(refused.value.hint) == "Ask for less, recall=0.93; or leave approximate= out."
    with pytest.raises(ConfigError, match=r"A recall of 0\.95 is not reached"):
        index.search(vector=vectors[0], approximate=True)
    assert index.search(vector=vectors[0], approximate=True, recall=0.93).hits[0].id == "a00000"


def test_what_was_not_measured_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, vectors = indexed(tmp_path)
    monkeypatch.setattr("vecindex.verbs.search.approximate.FEW_ROWS", 100)
    index, notices = vecindex.open(tmp_path), Notices()
    result = index.search(vector=vectors[0], k=50, where="year < 2200", approximate=True, observer=notices)
    assert len(result.hits) == 50
    (line,) = notices.lines
    assert line.endswith("recall@50 was not measured, and is usually lower; no condition was measured")
    notices = Notices()
    index.search(vector=vectors[0], k=3, approximate=True, observer=notices)
    assert notices.lines[0].endswith("recall@3 was not measured, and is usually higher")


def test_exact_stays_exact_with_an_index(tmp_path: Path) -> None:
    _, vectors = indexed(tmp_path, "IVF_PQ")
    queries = unit_vectors(40, D, seed=5)
    result = vecindex.open(tmp_path).search(vector=queries)
    for query, answer in zip(queries, result.answers, strict=True):
        assert [hit.id for hit in answer.hits] == exact(vectors, names(), query)


def test_a_condition_is_met_by_all_hits_and_there_are_k_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, vectors = indexed(tmp_path)
    with_curve(table, Measured(1, 1, 0.96, None, 1.0))
    index, notices, query = vecindex.open(tmp_path), Notices(), unit_vectors(1, D, seed=4)[0]
    few = index.search(vector=query, where="year < 1915", approximate=True, observer=notices)
    assert few.approximate is None
    assert notices.lines == ["15 rows meet the condition: so few are searched exactly"]
    assert [hit.id for hit in few.hits] == exact(vectors[:15], names(15), query)
    monkeypatch.setattr("vecindex.verbs.search.approximate.FEW_ROWS", 5)
    # One list of 20 rows cannot hold all of these: more are searched until there are enough.
    found = index.search(vector=query, where="year < 1915", approximate=True)
    assert found.approximate is not None
    assert [hit.id for hit in found.hits] == exact(vectors[:15], names(15), query)


def test_rows_that_were_added_changed_or_deleted_since(tmp_path: Path) -> None:
    table, vectors = indexed(tmp_path)
    fresh = unit_vectors(30, D, seed=9)
    append(table, fresh, ids=[f"b{i:02d}" for i in range(30)], txn=2)
    assert rows_not_indexed(table) == 30
    probe = Probe(1, 1)
    assert all(found(table, query, probe)[0] == f"b{i:02d}" for i, query in enumerate(fresh))
    table.delete_ids(["b03", "a00007"])
    assert "b03" not in found(table, fresh[3], Probe(20, 40))
    assert "a00007" not in found(table, vectors[7], Probe(20, 40))
    # An article that changed: found where it is now, and no more where it was.
    rows = table.rows_by_id(["a00011"], table.schema.names)
    at = rows.schema.get_field_index("vector")
    other = make_table(tmp_path / "spare", dimension=D)
    append(other, unit_vectors(1, D, seed=77), ids=["a00011"])
    table.replace(rows.set_column(at, rows.schema.field(at), other.lance.to_arrow().column("vector")))
    assert found(table, unit_vectors(1, D, seed=77)[0], probe)[0] == "a00011"
    near_old = found(table, vectors[11], Probe(20, 60), 20)
    ids, now = table.vectors()
    assert near_old == exact(now, ids, vectors[11], 20)


def test_added_rows_are_taken_in_by_optimize_and_once_they_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, _ = indexed(tmp_path)
    append(table, unit_vectors(30, D, seed=9), ids=[f"b{i:02d}" for i in range(30)], txn=2)
    maintain(table)
    assert rows_not_indexed(table) == 30
    report = vecindex.open(tmp_path).optimize()
    assert (report.rows_indexed, rows_not_indexed(articles(tmp_path))) == (30, 0)
    again = vecindex.open(tmp_path).optimize()
    # What an index holds is merged apart from what it does not hold.
    assert (again.rows_indexed, again.fragments_before, again.fragments_after) == (0, 2, 1)
    append(table, unit_vectors(30, D, seed=10), ids=[f"c{i:02d}" for i in range(30)], txn=3)
    monkeypatch.setattr("vecindex.store.indexes.vector.TAKE_IN_ROWS", 30)
    maintain(table)
    assert rows_not_indexed(table) == 0
    ids, vectors = table.vectors()
    for query in unit_vectors(10, D, seed=11):
        assert found(table, query, Probe(20, 46)) == exact(vectors, ids, query)


def test_a_tag_has_the_index_of_its_time(tmp_path: Path) -> None:
    _, vectors = stocked(tmp_path)
    index = vecindex.open(tmp_path)
    index.tag("without")
    index.build_index(type="IVF_SQ")
    index.tag("with")
    index.build_index(drop=True)
    index.delete("a00005")
    index.optimize(older_than="0s")
    result = index.search(vector=vectors[5], approximate=True, at="with")
    assert result.hits[0].id == "a00005"
    assert result.approximate is not None
    with pytest.raises(ConfigError, match="no index of its vectors when it was tagged 'without'"):
        index.search(vector=vectors[5], approximate=True, at="without")
    state = index.status(at="with").vector_index
    assert state is not None
    assert (state.type, state.rows) == ("IVF_SQ", N)
    assert index.status().vector_index is None


def test_in_a_table_of_chunks_each_article_comes_once(tmp_path: Path) -> None:
    _, vectors, owners = chunked_table(tmp_path, [1 + i % 7 for i in range(100)])
    index = vecindex.open(tmp_path)
    curve = curve_of(index.build_index(type="IVF_SQ"))
    assert curve.rows == len(vectors) == 395
    query = unit_vectors(1, DIMENSION, seed=6)[0]
    result = index.search(vector=query, approximate=True, recall=curve.best.expected)
    assert len({hit.article_id for hit in result.hits}) == 10
    dist = 1 - vectors @ query
    best = {owner: min(d for d, o in zip(dist, owners, strict=True) if o == owner) for owner in owners}
    right = sorted(best, key=lambda owner: (best[owner], owner))[:10]
    assert [hit.article_id for hit in result.hits] == right
    by_chunk = index.search(vector=query, approximate=True, recall=curve.best.expected, by="chunk")
    assert [hit.dist for hit in by_chunk.hits] == pytest.approx(sorted(dist)[:10], abs=2e-6)


@pytest.mark.parametrize("chunked", [False, True])
def test_more_partitions_are_searched_where_too_few_hold_k_rows(tmp_path: Path, chunked: bool) -> None:
    if chunked:
        table, vectors, _ = chunked_table(tmp_path, [2] * 200)
    else:
        table, vectors = stocked(tmp_path)
    # Of 20 partitions one holds some 20 rows.
    make_vector_index(table, "IVF_SQ", 20, None)
    queries = [Query(None, None, vectors[i], None) for i in (3, 7)]
    finder = Finder(table, 150, by="article", text="none", probe=Probe(1, 1))
    assert [len(hits) for hits in finder.by_vector(queries, 150)] == [150, 150]
    everything = finder.by_vector(queries[:1], 1_000)[0]
    assert len(everything) == (200 if chunked else N)
    narrow = finder.by_vector([replace(queries[0], where="year < 1910")], 150)[0]
    assert len(narrow) == (5 if chunked else 10)


def test_more_like_this_leaves_the_article_itself_out(tmp_path: Path) -> None:
    table, vectors = indexed(tmp_path)
    with_curve(table, Measured(20, 40, 0.99, None, 1.0))
    result = vecindex.open(tmp_path).search(id="a00010", approximate=True)
    others = [i for i in range(N) if i != 10]
    assert [hit.id for hit in result.hits] == exact(vectors[others], [names()[i] for i in others], vectors[10])


def test_a_hybrid_search_takes_its_vectors_from_the_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = indexed(tmp_path)
    with_curve(table, Measured(20, 40, 0.99, None, 1.0))
    query: F32 = unit_vectors(1, D, seed=12)
    monkeypatch.setattr(QuestionModel, "embed", lambda *_: query)
    index, notices = vecindex.open(tmp_path), Notices()
    found = index.search("text of a00123", hybrid=True, approximate=True, observer=notices)
    assert found.hits == index.search("text of a00123", hybrid=True).hits
    assert found.approximate is not None
    assert any(line.startswith("approximate: recall@10 0.99 expected") for line in notices.lines)


def test_an_index_is_suggested_once_where_an_exact_search_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, vectors = stocked(tmp_path)
    monkeypatch.setattr("vecindex.verbs.search.approximate.FEW_ROWS", 100)
    index, notices = vecindex.open(tmp_path), Notices()
    index.search(vector=vectors[0], observer=notices)
    assert notices.lines == []
    monkeypatch.setattr("vecindex.verbs.search.approximate.SLOW_MS", 0)
    index.search(vector=vectors[0], observer=notices)
    index.search(vector=vectors[0], observer=notices)
    (line,) = notices.lines
    assert line.startswith("an exact search of 400 rows takes 0.")
    assert "an index would pay after about " in line
    assert line.endswith('index.build_index(); then: index.search("TEXT", approximate=True)')

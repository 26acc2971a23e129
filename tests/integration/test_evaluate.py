"""`evaluate` on tables whose right answers are known, on the sample, and on a public collection."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import ir_measures
import numpy as np
import pytest
from ir_measures import AP, RR, R, Success, nDCG

import vecindex
from approximate import names, stocked
from tables import OTHER_WEIGHTS, Notices, append, chunked_table, make_table, unit_vectors
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError, SourceError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.search import nearest
from vecindex.verbs.evaluate.result import EvaluateResult
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.search import finder
from vecindex.verbs.search.approximate import approximation
from vecindex.verbs.search.result import Approximation

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ROOT / "examples" / "questions-cell-biology.jsonl"
THEIRS = {
    nDCG @ 10: "ndcg@10",
    R @ 10: "recall@10",
    R @ 100: "recall@100",
    RR @ 10: "mrr@10",
    AP: "map",
    Success @ 1: "success@1",
    Success @ 5: "success@5",
    Success @ 10: "success@10",
}


@pytest.fixture
def database(sample_db: Path, tmp_path: Path) -> Path:
    """A copy of the sample's database."""
    return shutil.copytree(sample_db, tmp_path / "db")


def asks(monkeypatch: pytest.MonkeyPatch, vectors: F32) -> None:
    """Let question i have row i of the vectors."""
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: vectors[[int(text) for text in texts]])


def known_table(folder: Path) -> F32:
    """Make a table of 8 articles, one along each axis, and return questions 0 to 7 near to one each.

    Question i is nearest to article i, then to i + 1, and so on round.
    """
    table = make_table(folder, weights=OTHER_WEIGHTS)
    append(table, np.eye(8, dtype=np.float32), ids=list("abcdefgh"), text=[f"word{i} same" for i in range(8)])
    weights = np.array([[8 - (j - i) % 8 for j in range(8)] for i in range(8)], dtype=np.float32)
    return weights / np.linalg.norm(weights, axis=1, keepdims=True)


def test_a_second_evaluation_finds_the_vectors_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks(monkeypatch, known_table(tmp_path))
    questions = [{"id": str(i), "text": str(i), "answers": ["abcdefgh"[i]]} for i in range(8)]
    scans: list[int] = []

    def counted(table: ArticleTable, queries: F32, *rest: Any) -> Any:
        scans.append(len(queries))
        return nearest(table, queries, *rest)

    monkeypatch.setattr(finder, "nearest", counted)
    index = vecindex.open(tmp_path)
    first = index.evaluate(questions[:3])
    assert scans == [3]
    assert not index._warm().held_bytes
    again = [index.evaluate(questions[:3]), index.evaluate(questions)]
    assert scans == [3]
    assert index._warm().held_bytes == 8 * 8 * 4
    assert again[0].items == first.items
    assert again[0].rankers[0].measures == first.rankers[0].measures
    assert again[1].rankers[0].measures["success@1"].mean == 1


def test_figures_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks(monkeypatch, known_table(tmp_path))
    # Question 0 finds a first, question 1 finds b first, then c: its right one.
    result = vecindex.open(tmp_path).evaluate(
        [{"id": "x", "text": "0"}, {"id": "y", "text": "1"}, {"id": "z", "text": "2"}],
        qrels={"x": {"a": 3, "b": 1}, "y": {"c": 1, "b": 0}, "w": {"a": 1}},
    )
    figures = {name: of.mean for name, of in result.rankers[0].measures.items()}
    assert figures == pytest.approx(
        {
            "ndcg@10": (1 + 1 / math.log2(3)) / 2,
            "recall@10": 1,
            "recall@100": 1,
            "mrr@10": 0.75,
            "map": 0.75,
            "success@1": 0.5,
            "success@5": 1,
            "success@10": 1,
            "holes@10": 0.75,
        }
    )
    counts = result.judged_by
    assert (counts.judgments, counts.relevant, counts.without, counts.unknown_questions) == (4, 3, 1, 1)
    assert [item.rankers["meaning"].first_relevant for item in result.items] == [1, 2]
    assert [(hit.id, hit.grade) for hit in result.items[1].rankers["meaning"].hits[:3]] == [
        ("b", 0),
        ("c", 1),
        ("d", None),
    ]
    notes = " ".join(result.notes)
    assert "1 question has no judgment" in notes
    assert "1 judged question is not among the questions" in notes
    assert "75 % of the first 10 hits by meaning were never judged" in notes


def test_ties_are_judged_in_the_order_that_search_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # All are equally near; trec_eval alone would order them from z to a.
    table = make_table(tmp_path, weights=OTHER_WEIGHTS)
    append(table, np.ones((5, 8), dtype=np.float32) / math.sqrt(8), ids=list("abxyz"))
    asks(monkeypatch, np.ones((1, 8), dtype=np.float32) / math.sqrt(8))
    index = vecindex.open(tmp_path)
    result = index.evaluate([{"id": "q", "text": "0"}], qrels={"q": {"a": 1}})
    assert [hit.id for hit in result.items[0].rankers["meaning"].hits] == list("abxyz")
    assert result.rankers[0].measures["mrr@10"].mean == 1


def test_a_chunked_article_is_its_best_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, vectors, articles = chunked_table(tmp_path, [3, 1, 4, 2])
    query = unit_vectors(1, seed=7)
    asks(monkeypatch, query)
    result = vecindex.open(tmp_path).evaluate([{"id": "q", "text": "0"}], qrels={"q": {"c002": 1}})
    dist = 1 - vectors.astype(np.float64) @ query[0]
    best: dict[str, tuple[float, int]] = {}
    for row, article in enumerate(articles):
        best[article] = min(best.get(article, (9.0, 0)), (float(dist[row]), row))
    order = sorted(best, key=lambda article: best[article])
    hits = result.items[0].rankers["meaning"].hits
    assert [hit.id for hit in hits] == order
    assert result.by_chunks
    assert result.articles == 4
    assert result.rankers[0].measures["mrr@10"].mean == pytest.approx(1 / (1 + order.index("c002")))
    assert all(hit.chunk is not None and hit.chunk.startswith(f"{hit.id}#") for hit in hits)


def test_questions_of_equal_text_are_judged_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks(monkeypatch, known_table(tmp_path))
    asked = [{"id": "x", "text": "0"}, {"id": "y", "text": "0"}, {"id": "y", "text": "3"}]
    result = vecindex.open(tmp_path).evaluate(asked, qrels={"x": {"a": 1}, "y": {"b": 1}})
    assert [item.rankers["meaning"].measures["mrr@10"] for item in result.items] == [1, 0.5]
    assert [one.reason for one in result.rejected] == ["duplicate id: texts:2 has it too"]


def test_a_second_run_loads_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks(monkeypatch, known_table(tmp_path))
    index = vecindex.open(tmp_path)
    asked: list[dict[str, Any]] = [{"id": "x", "text": "0", "answers": ["a"]}]
    first = index.evaluate(asked)
    monkeypatch.setattr(QuestionModel, "embed", lambda *_: pytest.fail("the model was asked"))
    assert index.evaluate(asked).rankers[0].measures == first.rankers[0].measures


def apart(result: EvaluateResult, name: str, answers: list[list[str]], grades: dict[str, dict[str, int]]) -> None:
    """Assert that a ranker's means are those of ir-measures, given what `search` returns."""
    run = {
        item.id: {key: -float(i) for i, key in enumerate(ids)}
        for item, ids in zip(result.items, answers, strict=True)
    }
    theirs = ir_measures.calc_aggregate(list(THEIRS), grades, run)
    for measure, mine in THEIRS.items():
        assert result.ranker(name).measures[mine].mean == pytest.approx(theirs[measure], abs=1e-12)


def test_the_sample_as_search_ranks_it(database: Path) -> None:
    index = vecindex.open(database)
    result = index.evaluate(QUESTIONS, rankers="meaning,words,hybrid")
    grades = {q["id"]: dict.fromkeys(q["answers"], 1) for q in map(json.loads, QUESTIONS.open(encoding="utf-8"))}
    assert result.questions == len(grades) == 40
    assert result.judged_by.form == "answers"
    for name, more in (("meaning", {}), ("hybrid", {"hybrid": True})):
        found = index.search(file=QUESTIONS, k=100, text="none", **more)
        apart(result, name, [[hit.id for hit in answer.hits] for answer in found.answers], grades)
    meaning = result.ranker("meaning").measures["ndcg@10"]
    assert meaning.low < meaning.mean < meaning.high
    assert meaning.mean > result.ranker("words").measures["ndcg@10"].mean
    table = result.to_arrow()
    assert table.num_rows == 3 * 40
    assert (
        float(np.mean(table.column("ndcg@10").to_numpy()[:1]))
        == result.items[0].rankers["meaning"].measures["ndcg@10"]
    )


def test_texts_of_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks(monkeypatch, known_table(tmp_path))
    asked = [
        {"id": "x", "text": "0", "answers": ["Word1"]},
        {"id": "y", "text": "1", "answer": "the word1!"},
        {"id": "z", "text": "2"},
    ]
    result = vecindex.open(tmp_path).evaluate(asked, answers_text=True)
    assert {name: of.mean for name, of in result.rankers[0].measures.items()} == {
        "mrr@10": 0.75,
        "success@1": 0.5,
        "success@5": 1,
        "success@10": 1,
    }
    assert result.judged_by.form == "answer texts"
    assert (result.judged_by.without, result.items[0].relevant) == (1, None)
    assert "This is weaker" in result.notes[0]


def test_what_the_table_lacks_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks(monkeypatch, known_table(tmp_path))
    result = vecindex.open(tmp_path).evaluate(
        [{"id": "x", "text": "0"}, {"id": "y", "text": "1"}], qrels={"x": {"a": 1, "no": 1, "nay": 0}, "y": {"b": 0}}
    )
    counts = result.judged_by
    assert (counts.unknown_articles, counts.unknown_relevant, counts.none_relevant) == (2, 1, 1)
    assert result.rankers[0].measures["recall@10"].mean == 0.25
    assert result.items[0].missing == 1
    assert "1 relevant article is not in the table" in " ".join(result.notes)
    assert "1 question has no relevant article" in " ".join(result.notes)


@pytest.mark.parametrize(
    ("asked", "options", "kind", "told"),
    [
        (None, {}, ConfigError, "Questions with known answers are needed"),
        ([{"id": "x", "text": "0"}], {}, ConfigError, "has no judgments: no question has `answers`"),
        ([{"id": "x", "text": "0"}], {"answers_text": True}, ConfigError, "holds no text of an answer"),
        (
            [{"id": "x", "text": "0"}],
            {"answers_text": True, "qrels": {"x": {"a": 1}}},
            ConfigError,
            "two ways to judge",
        ),
        (
            [{"id": "x", "text": "0"}],
            {"qrels": {"y": {"a": 1}}},
            SourceError,
            "its ids are 'y', those of the questions 'x'",
        ),
        ([{"id": "x", "text": "0"}], {"qrels": {"a": {"x": 1}}}, SourceError, "columns seem to be swapped"),
        (["0"], {"qrels": {"x": {"a": 1}}}, SourceError, "The questions have no ids of their own"),
        (
            [{"id": "x", "text": "0"}],
            {"qrels": {"x": {"1": 1}}},
            ConfigError,
            "No article that mapping judges is in",
        ),
        ([{"id": "x", "text": "0"}], {"qrels": {"x": {"00a": 1}}}, ConfigError, "differ by zeros"),
        ([{"id": "a", "text": "0"}], {"qrels": {"a": {"q": 1}}}, ConfigError, "columns seem to be swapped"),
        ([{"id": "x", "text": "0"}], {"rankers": "meaning,fuzzy"}, ConfigError, "'fuzzy' is no way to rank"),
        ([{"id": "x", "text": "0"}], {"rankers": ","}, ConfigError, "names no ranker"),
        ([{"id": "x", "text": "0"}], {"rrf_k": 5}, ConfigError, "is that of a hybrid ranking, and there is none"),
        ([{"id": "x", "text": "0"}], {"rerank_depth": 5}, ConfigError, "is that of a reranker, and there is none"),
        ([{"id": "x", "text": "0"}], {"diversity": 0.9}, ConfigError, "the weight in a diverse ranking"),
        ([{"id": "x", "text": "0"}], {"depth": 50}, ConfigError, "must be from 100 to 1,000"),
        ([], {}, SourceError, "No question in texts"),
    ],
)
def test_wrong_inputs(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    asked: Any,
    options: dict[str, Any],
    kind: type[Exception],
    told: str,
) -> None:
    asks(monkeypatch, known_table(tmp_path))
    with pytest.raises(kind, match=told):
        vecindex.open(tmp_path).evaluate(asked, **options)


def test_an_empty_table(tmp_path: Path) -> None:
    make_table(tmp_path)
    with pytest.raises(ConfigError, match="holds no rows"):
        vecindex.open(tmp_path).evaluate([{"id": "x", "text": "0", "answers": ["a"]}])


def test_an_unknown_tag_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known_table(tmp_path)
    monkeypatch.setattr(QuestionModel, "embed", lambda *_: pytest.fail("the questions were embedded"))
    with pytest.raises(ConfigError, match="has no tag 'nope'"):
        vecindex.open(tmp_path).evaluate([{"id": "x", "text": "0", "answers": ["a"]}], against="nope")


def test_by_words_alone_needs_no_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known_table(tmp_path)
    monkeypatch.setattr(QuestionModel, "embed", lambda *_: pytest.fail("the model was asked"))
    asked = [{"id": "x", "text": "word3", "answers": ["d"]}, {"id": "y", "text": "zebra", "answers": ["a"]}]
    result = vecindex.open(tmp_path).evaluate(asked, rankers="words")
    assert [item.rankers["words"].first_relevant for item in result.items] == [1, None]
    assert result.rankers[0].found_none == 1
    assert result.rankers[0].measures["ndcg@10"].mean == 0.5


def test_a_tagged_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asks(monkeypatch, known_table(tmp_path))
    index = vecindex.open(tmp_path)
    index.tag("before")
    index.delete("a", confirm=None)
    asked = [{"id": "x", "text": "0", "answers": ["a"]}]
    assert (
        index.evaluate([*asked, {"id": "y", "text": "1", "answers": ["b"]}], at="before")
        .rankers[0]
        .measures["mrr@10"]
        .mean
        == 1
    )
    with pytest.raises(ConfigError, match="No article that"):
        index.evaluate(asked)


def test_the_index_of_the_vectors_is_a_ranker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, vectors = stocked(tmp_path)
    queries = vectors + 0.9 * unit_vectors(len(vectors), vectors.shape[1], seed=5)
    asks(monkeypatch, queries / np.linalg.norm(queries, axis=1, keepdims=True))
    index, asked = vecindex.open(tmp_path), [{"id": i, "text": str(i), "answers": [names()[i]]} for i in range(20)]
    with pytest.raises(ConfigError, match="has no index of its vectors") as refused:
        index.evaluate(asked, rankers="approximate")
    assert str(refused.value.hint) == "Give rankers='meaning'."
    index.build_index(type="IVF_RQ")
    result = index.evaluate(asked, rankers="meaning,approximate")
    found = index.search([str(i) for i in range(20)], approximate=True, k=100)
    for item, answer in zip(result.items, found.answers, strict=True):
        assert [hit.id for hit in item.rankers["approximate"].hits] == [hit.id for hit in answer.hits[:10]]
    # Six partitions of 20 lack some of the neighbors: so it is the index that is searched, as it is set up.
    monkeypatch.setattr(
        "vecindex.verbs.evaluate.ranking.approximation",
        lambda *given: replace(cast("Approximation", approximation(*given)), nprobes=6),
    )
    few = index.evaluate(asked, rankers="meaning,approximate")
    assert few.rankers[0].measures == result.rankers[0].measures
    hits = [(one.rankers["meaning"].hits, one.rankers["approximate"].hits) for one in few.items]
    assert any([hit.id for hit in exact] != [hit.id for hit in near] for exact, near in hits)


def many(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[list[dict[str, Any]], F32]:
    """Make a table in which question i finds article i first, and return the questions and the articles' vectors."""
    vectors = unit_vectors(40)
    append(make_table(folder, weights=OTHER_WEIGHTS), vectors)
    asks(monkeypatch, vectors)
    return [{"id": f"q{i}", "text": str(i), "answers": [f"a{i:05d}"]} for i in range(20)], vectors


def test_a_fall_by_more_than_the_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, _ = many(tmp_path, monkeypatch)
    index = vecindex.open(tmp_path)
    index.tag("good")
    same = index.evaluate(asked, against="good").against
    assert same is not None
    assert (same.measure, same.means, same.fell) == ("ndcg@10", {"meaning": 1.0}, ())
    found = same.differences["meaning"]
    assert (found.mean, found.low, found.high, found.p, found.p_adjusted) == (0, 0, 0, 1, 1)
    # One article less is noise, ten are not.
    index.delete("a00003")
    one = index.evaluate(asked, against="good").against
    assert one is not None
    assert (one.differences["meaning"].mean, one.differences["meaning"].less, one.fell) == (-0.05, 1, ())
    index.delete(*(f"a{i:05d}" for i in range(4, 13)))
    ten = index.evaluate(asked, against="good").against
    assert ten is not None
    assert (ten.differences["meaning"].mean, ten.differences["meaning"].less) == (-0.5, 10)
    assert ten.differences["meaning"].p == 2 / 2**10
    assert ten.fell == ("meaning",)
    with pytest.raises(ConfigError, match="has no tag 'bad'"):
        index.evaluate(asked, against="bad")


def test_status_shows_the_last_evaluation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, vectors = many(tmp_path, monkeypatch)
    index = vecindex.open(tmp_path)
    assert index.status().evaluated is None
    index.evaluate(asked)
    first = index.status().evaluated
    assert first is not None
    assert (first["measure"], first["rankers"], first["questions"]) == ("ndcg@10", {"meaning": 1.0}, 20)
    assert (first["rows"], first["changed_since"]) == (40, False)
    index.evaluate(asked[:10])
    second = index.status().evaluated
    assert second is not None
    assert (second["questions"], second["judgments_hash"] == first["judgments_hash"]) == (10, False)
    index.tag("then")
    append(Database(tmp_path).articles("articles"), vectors[:1], ids=["more"], txn=2)
    index.evaluate(asked, at="then")
    third = index.status().evaluated
    assert third is not None
    assert (third["questions"], third["changed_since"]) == (10, True)
    index.project(method="pca")
    index.evaluate(list(reversed(asked)))
    index.project("other", method="pca")
    fourth = index.status().evaluated
    assert fourth is not None
    assert (fourth["judgments_hash"], fourth["changed_since"]) == (first["judgments_hash"], False)


@pytest.mark.parametrize("model", [OTHER_WEIGHTS, "1" * 64])
def test_an_evaluation_of_a_former_table_is_not_that_of_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    asked, vectors = many(tmp_path, monkeypatch)
    index = vecindex.open(tmp_path)
    index.evaluate(asked)
    table = Database(tmp_path).articles("articles")
    rows, txn = table.count(), table.last_txn()
    shutil.rmtree(tmp_path / "articles.lance")
    again = make_table(tmp_path, weights=model)
    append(again, vectors[::-1].copy(), txn=txn)
    assert (again.count(), again.last_txn()) == (rows, txn)
    evaluated = vecindex.open(tmp_path).status().evaluated
    assert evaluated is not None
    assert evaluated["changed_since"]
    assert "state" not in evaluated


def test_an_evaluation_waits_for_no_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, _ = many(tmp_path, monkeypatch)
    index = vecindex.open(tmp_path)
    index.evaluate(asked)
    notices = Notices()
    with Database(tmp_path).writer():
        result = index.evaluate(asked[:5], observer=notices)
    assert result.rankers[0].measures["ndcg@10"].mean == 1
    assert any(line.startswith("the evaluation is not kept for the status: ") for line in notices.lines)


@pytest.mark.shared
def test_a_public_collection_from_its_folder(tmp_path: Path, shared_data: Path) -> None:
    folder = shared_data / "cranfield"
    rows = [json.loads(line) for line in (folder / "corpus.jsonl").open(encoding="utf-8")]
    ids = [row["_id"] for row in rows if row["text"].strip()]
    table = make_table(tmp_path, weights=OTHER_WEIGHTS)
    append(table, unit_vectors(len(ids)), ids=ids, text=[row["text"] for row in rows if row["text"].strip()])
    notices = Notices()
    index = vecindex.open(tmp_path)
    result = index.evaluate(folder, rankers="words", observer=notices)
    assert "questions of queries.jsonl, judged by qrels/test.tsv" in notices.lines
    assert (result.questions, result.judged_by.judgments, result.judged_by.relevant) == (225, 1837, 1612)
    assert (result.judged_by.form, result.judged_by.without) == ("beir", 0)
    grades: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        question, article, grade = line.split("\t")
        grades.setdefault(question, {})[article] = int(grade)
    words = index.evaluate(folder, rankers="words", depth=1_000)
    assert words.ranker("words").measures["ndcg@10"].mean == result.ranker("words").measures["ndcg@10"].mean
    assert 0.3 < result.ranker("words").measures["ndcg@10"].mean < 0.5

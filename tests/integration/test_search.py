"""Search against brute force, and every way to ask."""

from __future__ import annotations

import io
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from static_models import offline_folder
from tables import (
    DIMENSION,
    OTHER_WEIGHTS,
    WEIGHTS,
    Notices,
    append,
    chunked_table,
    filled,
    fingerprint,
    make_table,
    unit_vectors,
)
from vecindex.core.vectors import F32
from vecindex.embed.encoder import Encoder
from vecindex.errors import ConfigError, LockedError, ModelError, SourceError, StoreError, TableNotFoundError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.search import Found, Nearest, nearest
from vecindex.verbs.search.finder import Finder, Query, fuse, snippet
from vecindex.verbs.search.result import Answer, Hit, SearchResult

ROUNDING = 2e-6
"""What the store's float32 distances may differ from float64 by."""


def brute_force(vectors: F32, ids: list[str], query: F32, k: int) -> tuple[list[str], list[float]]:
    """Return the ids and cosine distances of the k nearest, in float64: slow and obvious."""
    dist = 1 - vectors.astype(np.float64) @ query.astype(np.float64)
    order = sorted(range(len(ids)), key=lambda i: (dist[i], ids[i]))[:k]
    return [ids[i] for i in order], [float(dist[i]) for i in order]


def assert_nearest(found: list[tuple[str, float | None]], ids: list[str], dist: list[float]) -> None:
    """Assert that (id, dist) pairs are the expected ones; neighbours closer than float32 can tell may swap."""
    assert [d for _, d in found] == pytest.approx(dist, abs=ROUNDING)
    edges = [i for i in range(1, len(dist)) if dist[i] - dist[i - 1] > 2 * ROUNDING]
    for first, last in itertools.pairwise([0, *edges, len(dist)]):
        assert {i for i, _ in found[first:last]} == set(ids[first:last])


def pairs(answer: Answer | SearchResult, by: str = "id") -> list[tuple[str, float | None]]:
    return [(getattr(hit, by), hit.dist) for hit in answer.hits]


def ids_of(result: SearchResult) -> list[str]:
    return [hit.id for hit in result.hits]


# -- by vector --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 7, 300])
def test_hits_are_those_of_brute_force(tmp_path: Path, k: int) -> None:
    _, vectors = filled(tmp_path, 300)
    ids = [f"a{i:05d}" for i in range(300)]
    queries = unit_vectors(70, seed=5)  # more than one block of queries
    result = vecindex.open(tmp_path).search(vector=queries, k=k)
    assert len(result.answers) == 70
    for query, answer in zip(queries, result.answers, strict=True):
        expected_ids, expected_dist = brute_force(vectors, ids, query, k)
        assert_nearest(pairs(answer), expected_ids, expected_dist)
        assert [hit.rank for hit in answer.hits] == list(range(1, k + 1))


def test_queries_at_once_give_what_each_gives_alone(tmp_path: Path) -> None:
    filled(tmp_path)
    queries = unit_vectors(5, seed=2)
    index = vecindex.open(tmp_path)
    together = index.search(vector=queries, k=4)
    alone = [index.search(vector=query, k=4) for query in queries]
    assert [answer.hits for answer in together.answers] == [result.hits for result in alone]


def test_length_of_the_query_does_not_matter(tmp_path: Path) -> None:
    filled(tmp_path)
    query = unit_vectors(1, seed=2)
    index = vecindex.open(tmp_path)
    assert ids_of(index.search(vector=query * 250)) == ids_of(index.search(vector=query))


def test_equal_distances_at_the_cut_go_to_the_smaller_ids(tmp_path: Path) -> None:
    # 60 rows with one vector, more than a fetch brings, stored with the largest id first.
    table = make_table(tmp_path)
    one, others = unit_vectors(1, seed=1), unit_vectors(40, seed=2)
    append(table, np.repeat(one, 60, axis=0), ids=[f"t{i:02d}" for i in reversed(range(60))])
    append(table, others, ids=[f"o{i:02d}" for i in range(40)], txn=2)
    hits = vecindex.open(tmp_path).search(vector=one, k=10).hits
    assert [hit.id for hit in hits] == [f"t{i:02d}" for i in range(10)]
    assert {hit.dist for hit in hits} == {hits[0].dist}
    assert hits[0].dist == pytest.approx(0, abs=1e-6)
    assert min(hit.dist or 0.0 for hit in hits) >= 0


def test_an_index_of_the_vectors_is_passed_by(tmp_path: Path) -> None:
    from lancedb.index import IvfFlat

    table, vectors = filled(tmp_path, 1_000)
    table.lance.create_index("vector", config=IvfFlat(distance_type="cosine", num_partitions=200))
    ids = [f"a{i:05d}" for i in range(1_000)]
    for query in unit_vectors(5, seed=3):
        assert_nearest(
            pairs(vecindex.open(tmp_path).search(vector=query, k=50)), *brute_force(vectors, ids, query, 50)
        )


def test_a_column_of_vectors_of_the_user_is_not_searched(tmp_path: Path) -> None:
    import pyarrow as pa

    table, vectors = filled(tmp_path, 50)
    table.add_columns([pa.field("a_vector", pa.list_(pa.float32(), DIMENSION))])
    query = unit_vectors(1, seed=3)[0]
    ids = [f"a{i:05d}" for i in range(50)]
    assert ids_of(vecindex.open(tmp_path).search(vector=query, k=5)) == brute_force(vectors, ids, query, 5)[0]


def test_fewer_rows_than_asked_for(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    index = vecindex.open(tmp_path)
    assert len(index.search(vector=unit_vectors(1), k=10).hits) == 3
    assert len(index.search(vector=unit_vectors(1), k=10**12).hits) == 3


def test_a_hit_has_the_row_s_columns(tmp_path: Path) -> None:
    _, vectors = filled(tmp_path, 5)
    hit = vecindex.open(tmp_path).search(vector=vectors[3], k=1).hits[0]
    assert hit == Hit(
        rank=1,
        id="a00003",
        article_id="a00003",
        title="Title of a00003",
        text="Text of a00003, about nothing.",
        dist=hit.dist,
        relevance=None,
        fields={"year": 1903, "topic": "odd", "share": 3 / 7},
    )


def test_texts_are_begun_whole_or_left_out(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    text = "word \n" * 200
    append(table, unit_vectors(1), text=[text])
    index = vecindex.open(tmp_path)
    assert index.search(vector=unit_vectors(1), text="full").hits[0].text == text
    assert index.search(vector=unit_vectors(1), text="none").hits[0].text is None
    begun = index.search(vector=unit_vectors(1)).hits[0].text
    assert begun is not None
    assert len(begun) == 300
    assert begun.startswith("word word word")
    assert begun.endswith("…")


def test_snippet_of_exactly_the_limit_is_whole() -> None:
    assert snippet("x" * 300) == "x" * 300
    assert snippet("x" * 301) == "x" * 299 + "…"


def test_numbers_that_json_lacks_become_null(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    append(table, unit_vectors(3), share=[float("nan"), float("inf"), 0.5])
    values = vecindex.open(tmp_path).search(vector=unit_vectors(1), k=3).to_dict()
    json.dumps(values, allow_nan=False)
    shares = {hit["id"]: hit["fields"]["share"] for hit in values["answers"][0]["hits"]}
    assert shares == {"a00000": None, "a00001": None, "a00002": 0.5}


# -- conditions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("year >= 1990", range(90, 100)),
        ("topic = 'it''s even' AND year < 1904", [0, 2]),
        ("id IN ('a00007', 'a00008') OR year = 1901", [1, 7, 8]),
    ],
)
def test_hits_meet_the_condition(tmp_path: Path, where: str, kept: list[int]) -> None:
    _, vectors = filled(tmp_path)
    rows = list(kept)
    query = unit_vectors(1, seed=9)[0]
    expected, _ = brute_force(vectors[rows], [f"a{i:05d}" for i in rows], query, 10)
    assert ids_of(vecindex.open(tmp_path).search(vector=query, where=where)) == expected


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("nope = 1", "No field named nope"),
        ("year >", "Expected: an expression"),
        ("year = 'x'", "could not convert"),
        ("true; DROP TABLE articles", "found: ;"),
        ("true); DROP TABLE articles", "it ends early"),
        ("year > 1990) OR (year < 5", "it ends early"),
        ("true) -- and more", "it has a comment"),
        ("year", "does not return a boolean"),
        ("", "Expected: an expression"),
        ("shout(topic) = 'A'", "it calls shout, which a condition may not"),
        ("max(year) > 1", "it calls max, which a condition may not"),
        ("year = (SELECT 1)", "a function that a condition on single rows cannot have"),
        ("year > ?", "a placeholder for a value"),
        ("$1 = 1", "a placeholder for a value"),
        ("year > :1", "a placeholder for a value"),
        ("INT 1", "LanceDB cannot work it out"),
    ],
)
def test_a_wrong_condition_is_told_with_the_columns(tmp_path: Path, where: str, told: str) -> None:
    filled(tmp_path)
    with pytest.raises(ConfigError, match=told) as caught:
        vecindex.open(tmp_path).search(vector=unit_vectors(1), where=where)
    assert "year (int64), topic (string)" in str(caught.value)
    assert ".rs:" not in str(caught.value)


def test_a_condition_that_some_rows_cannot_meet(tmp_path: Path) -> None:
    filled(tmp_path)
    with pytest.raises(ConfigError, match=r"every row of .*: Divide by zero error\.") as caught:
        vecindex.open(tmp_path).search(vector=unit_vectors(1), where="year / 0 > 1")
    assert ".rs:" not in str(caught.value)


def test_signs_within_a_text_are_no_places_for_values(tmp_path: Path) -> None:
    filled(tmp_path)
    found = vecindex.open(tmp_path).search(vector=unit_vectors(1), where="topic <> 'why? it''s $1'")
    assert found.hits


def test_a_condition_that_nothing_meets(tmp_path: Path) -> None:
    filled(tmp_path)
    notices = Notices()
    result = vecindex.open(tmp_path).search("anything", where="year > 3000", observer=notices)
    assert result.answers[0].query == "anything"
    assert result.hits == ()
    assert notices.lines == [f"{tmp_path}/articles: no row meets the condition"]


# -- articles and chunks ----------------------------------------------------------------------------------


def slow_articles(vectors: F32, articles: list[str], query: F32, k: int) -> tuple[list[str], list[float]]:
    """Return the k nearest articles by their nearest chunk, and their distances."""
    best: dict[str, float] = {}
    for article, vector in zip(articles, vectors, strict=True):
        dist = float(1 - vector.astype(np.float64) @ query.astype(np.float64))
        best[article] = min(dist, best.get(article, 9.0))
    ranked = sorted(best.items(), key=lambda item: (item[1], item[0]))[:k]
    return [article for article, _ in ranked], [dist for _, dist in ranked]


@pytest.mark.parametrize("k", [1, 5, 20, 50])
def test_each_article_once_with_its_nearest_chunk(tmp_path: Path, k: int) -> None:
    _, vectors, articles = chunked_table(tmp_path, [1, 9, 3, 200, 2, 40] * 5)
    index = vecindex.open(tmp_path)
    for query in unit_vectors(3, seed=4):
        found = pairs(index.search(vector=query, k=k), "article_id")
        assert_nearest(found, *slow_articles(vectors, articles, query, k))


def test_an_article_with_all_the_near_chunks_does_not_hide_the_others(tmp_path: Path) -> None:
    from vecindex.types import Chunking

    # 500 chunks of one article nearer than any chunk of the three others: several times what a first fetch brings.
    table = make_table(tmp_path, chunking=Chunking(64, 8))
    near = np.eye(DIMENSION, dtype=np.float32)[:1] + 0.01 * unit_vectors(500, seed=1)
    far = -np.eye(DIMENSION, dtype=np.float32)[:1] + 0.01 * unit_vectors(3, seed=2)
    vectors = np.concatenate([near, far])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    append(table, vectors, ids=["big"] * 500 + ["x", "y", "z"], chunk=[*range(500), 0, 0, 0])
    result = vecindex.open(tmp_path).search(vector=np.eye(DIMENSION)[0], k=3)
    assert result.hits[0].article_id == "big"
    assert {hit.article_id for hit in result.hits[1:]} < {"x", "y", "z"}
    assert len(result.hits) == 3


def test_by_chunk_gives_every_row(tmp_path: Path) -> None:
    _, vectors, articles = chunked_table(tmp_path, [4, 4, 4])
    query = vectors[5]
    hits = vecindex.open(tmp_path).search(vector=query, k=12, by="chunk").hits
    assert len(hits) == 12
    assert hits[0].id == "c001#1"
    assert hits[0].article_id == "c001"
    assert {hit.article_id for hit in hits} == set(articles)


def test_more_like_an_article_leaves_it_out(tmp_path: Path) -> None:
    _, vectors = filled(tmp_path)
    ids = [f"a{i:05d}" for i in range(100)]
    result = vecindex.open(tmp_path).search(id=["a00042", "a00007"], k=10)
    assert [answer.id for answer in result.answers] == ["a00042", "a00007"]
    for row, answer in zip((42, 7), result.answers, strict=True):
        others = [i for i in range(100) if i != row]
        assert_nearest(pairs(answer), *brute_force(vectors[others], [ids[i] for i in others], vectors[row], 10))


def test_a_twin_of_the_article_is_kept(tmp_path: Path) -> None:
    table = make_table(tmp_path)
    append(table, np.repeat(unit_vectors(1), 2, axis=0), ids=["it's", "twin"])
    hits = vecindex.open(tmp_path).search(id="it's").hits
    assert [hit.id for hit in hits] == ["twin"]
    assert hits[0].dist == pytest.approx(0, abs=1e-6)


def test_more_like_with_a_condition(tmp_path: Path) -> None:
    filled(tmp_path, 10)
    found = vecindex.open(tmp_path).search(id="a00004", where="year < 1903 OR year = 1904")
    assert set(ids_of(found)) == {"a00000", "a00001", "a00002"}


def test_an_article_in_chunks_is_the_mean_of_them(tmp_path: Path) -> None:
    _, vectors, articles = chunked_table(tmp_path, [3, 5, 2, 6])
    index = vecindex.open(tmp_path)
    mean = vectors[:3].mean(axis=0)
    mean /= np.linalg.norm(mean)
    others = [i for i, article in enumerate(articles) if article != "c000"]
    left = [articles[i] for i in others]
    assert_nearest(pairs(index.search(id="c000"), "article_id"), *slow_articles(vectors[others], left, mean, 10))
    chunk = index.search(id="c000#1")
    assert_nearest(pairs(chunk, "article_id"), *slow_articles(vectors[others], left, vectors[1], 10))


def test_more_like_an_unknown_article(tmp_path: Path) -> None:
    filled(tmp_path)
    with pytest.raises(ConfigError, match="has no article 'nobody'"):
        vecindex.open(tmp_path).search(id="nobody")


# -- wrong input ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "found 0 of them"),
        ({"query": "x", "id": "y"}, "found 2 of them"),
        ({"query": "x", "k": 0}, "k= must be at least 1, found 0"),
        ({"query": "x", "k": -3}, "found -3"),
        ({"query": " \n"}, "The text to search for is empty"),
        ({"query": ["x", ""]}, "The text to search for is empty"),
        ({"query": "x", "words_weight": 0.7}, "words_weight= is that of a hybrid ranking, and there is none"),
        ({"query": "x", "words": True, "rrf_k": 10}, "rrf_k= is that of a hybrid ranking, and there is none"),
        ({"query": "x", "rerank_depth": 5}, "rerank_depth= is that of a reranker, and there is none"),
        ({"query": "x", "diversity": 0.9}, "diversity= is the weight in a diverse ranking, and this one is not"),
        ({"query": "x", "by": "page"}, "by= is article or chunk, found 'page'"),
        ({"query": "x", "text": "some"}, "text= is snippet, full or none"),
        ({"id": "a00001", "hybrid": True}, "hybrid= needs words"),
        ({"vector": [1.0, 2.0]}, r"have shape \(1, 2\), expected \(n, 8\)"),
        ({"vector": [0.0] * 8}, "finite and not zero"),
        ({"vector": [float("nan")] * 8}, "finite and not zero"),
        ({"query": "x", "at": "nope"}, r"has no tag 'nope' \(tags there: none\)"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, asked: dict, told: str) -> None:  # type: ignore[type-arg]
    filled(tmp_path)
    with pytest.raises(ConfigError, match=told):
        vecindex.open(tmp_path).search(**asked)


def test_an_unknown_table_names_those_there(tmp_path: Path) -> None:
    filled(tmp_path)
    with pytest.raises(TableNotFoundError, match=r"No table 'other' in .* \(tables there: articles\)"):
        vecindex.open(tmp_path, "other").search("x")
    with pytest.raises(TableNotFoundError, match=r"\(tables there: none\)"):
        vecindex.open(tmp_path / "nowhere").search("x")
    assert not (tmp_path / "nowhere").exists()


def test_an_empty_table_gives_no_hits_and_says_so(tmp_path: Path) -> None:
    make_table(tmp_path)
    notices = Notices()
    result = vecindex.open(tmp_path).search(["one", "two"], observer=notices)
    assert [(a.query, a.hits) for a in result.answers] == [("one", ()), ("two", ())]
    assert notices.lines == [f"{tmp_path}/articles: no row is in it yet"]


# -- with the model ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sample_index(sample_db: Path) -> vecindex.Index:
    """One index for all tests that read, so that the model is loaded once."""
    return vecindex.open(sample_db)


def test_a_text_finds_its_article(sample_index: vecindex.Index) -> None:
    result = sample_index.search("what part of the cell makes energy", k=3)
    assert result.hits[0].id == "cell-001"
    assert result.hits[0].title == "Mitochondrion"
    assert 0.3 < (result.hits[0].dist or 0) < 0.6
    assert result.hits[0].fields == {"topic": "cell biology"}


def test_distances_of_texts_are_those_of_the_model(sample_index: vecindex.Index, sample_db: Path) -> None:
    from sentence_transformers import SentenceTransformer

    from vecindex.embed.models import find_model

    texts = ["why do plants wilt", "the price of wheat in the middle ages"]
    model = SentenceTransformer(str(find_model("all-MiniLM-L6-v2").folder), device="cpu")
    queries = model.encode(texts, normalize_embeddings=True)
    ids, matrix = Database(sample_db).articles("articles").vectors()
    result = sample_index.search(texts, k=5)
    assert [answer.query for answer in result.answers] == texts
    for query, answer in zip(queries, result.answers, strict=True):
        expected, dist = brute_force(matrix, ids, query, 5)
        assert [hit.id for hit in answer.hits] == expected
        assert [hit.dist for hit in answer.hits] == pytest.approx(dist, abs=1e-4)


def test_the_model_is_loaded_once(sample_index: vecindex.Index, monkeypatch: pytest.MonkeyPatch) -> None:
    sample_index.search("once")

    def load(*_: object) -> Encoder:
        raise AssertionError("loaded again")

    for name in ("load", "load_light"):
        monkeypatch.setattr(f"vecindex.verbs.questions.model.{name}", load)
    assert sample_index.search("twice").hits
    with pytest.raises(AssertionError, match="loaded again"):
        vecindex.open(sample_index.uri).search("another index")


def test_a_prompt_goes_before_every_query(sample_index: vecindex.Index) -> None:
    with_prompt = sample_index.search("energy", prompt="about plants: ", k=3)
    assert ids_of(with_prompt) == ids_of(sample_index.search("about plants: energy", k=3))
    assert ids_of(with_prompt) != ids_of(sample_index.search("energy", k=3))


def test_a_long_query_is_cut_with_a_notice(sample_index: vecindex.Index) -> None:
    notices = Notices()
    assert sample_index.search("cell " * 400, observer=notices).hits
    assert notices.lines == ["1 question was truncated: longer than the 256 tokens that the model reads"]


def test_queries_from_a_file(sample_index: vecindex.Index, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    lines = [
        b'{"id": 7, "question": "what part of the cell makes energy"}',
        b"",
        b'{"question": "  "}',
        b"what is this",
        b'{"text": "\xff"}',
        b'{"query": "why do plants wilt", "text": null}',
        b'["a list"]',
        b'{"text": "\\ud800"}',
    ]
    file.write_bytes(b"\n".join(lines))
    result = sample_index.search(file=file, k=1)
    assert [(a.id, a.query) for a in result.answers] == [
        ("7", "what part of the cell makes energy"),
        (None, "why do plants wilt"),
    ]
    assert result.answers[0].hits[0].id == "cell-001"
    assert [(r.location, r.reason) for r in result.rejected] == [
        (f"{file}:3", "question is empty"),
        (f"{file}:4", "not valid JSON: Expecting value at character 1"),
        (f"{file}:5", "not valid UTF-8 at byte 11"),
        (f"{file}:7", "found a JSON array, expected an object"),
        (f"{file}:8", "the text or the id is not valid Unicode"),
    ]


def test_queries_from_standard_input_may_be_plain(sample_index: vecindex.Index) -> None:
    stdin = io.BytesIO(b'what part of the cell makes energy\n{"text": "why do plants wilt"}\n\xff\n')
    result = sample_index.search(file="-", k=1, stdin=stdin)
    assert [a.query for a in result.answers] == ["what part of the cell makes energy", "why do plants wilt"]
    assert [(r.location, r.reason) for r in result.rejected] == [("stdin:3", "not valid UTF-8 at byte 1")]


def test_a_file_without_a_query(sample_index: vecindex.Index, tmp_path: Path) -> None:
    (tmp_path / "q.jsonl").write_text('{"title": "x"}\n')
    with pytest.raises(
        SourceError, match=r"No question in .*q.jsonl \(the first row refused: .*q.jsonl:1, no text in"
    ):
        sample_index.search(file=tmp_path / "q.jsonl")
    (tmp_path / "q.txt").write_text("\n")
    with pytest.raises(SourceError, match=r"No question in .*q.txt\."):
        sample_index.search(file=tmp_path / "q.txt")
    with pytest.raises(SourceError, match="no such file"):
        sample_index.search(file=tmp_path / "missing.txt")


def test_another_model_s_weights_are_refused(tmp_path: Path) -> None:
    table = make_table(tmp_path, dimension=384, weights="0" * 64)
    append(table, unit_vectors(2, 384))
    with pytest.raises(ModelError, match="is not the model that made the vectors"):
        vecindex.open(tmp_path).search("x")


def test_another_pooling_is_refused(tmp_path: Path) -> None:
    table = make_table(tmp_path, dimension=384, pooling="Pooling:abc")
    append(table, unit_vectors(2, 384))
    with pytest.raises(ModelError, match="pools its token vectors otherwise"):
        vecindex.open(tmp_path).search("x")


def test_a_model_that_is_not_there_is_told(tmp_path: Path) -> None:
    filled(tmp_path, 3, model=str(tmp_path / "gone"), weights=OTHER_WEIGHTS)
    with pytest.raises(ModelError, match="No model folder at") as raised:
        vecindex.open(tmp_path).search("x")
    hint = str(raised.value.hint)
    assert f"The same weights (SHA-256 {OTHER_WEIGHTS[:12]}...) are enough, in whatever folder they are now" in hint
    assert hint.endswith("model=DIR")


def test_a_folder_that_was_moved_is_replaced_by_a_package_with_the_same_weights(tmp_path: Path) -> None:
    folder = shutil.copytree(offline_folder(), tmp_path / "mine")
    index = vecindex.open(tmp_path / "db")
    index.ingest([{"id": "a", "text": "The cell is the unit of life."}], model=str(folder))
    assert index.status().fingerprint.model == str(folder)
    folder.rename(tmp_path / "moved")
    assert vecindex.open(tmp_path / "db").search("the unit of life", k=1).hits[0].id == "a"
    assert index.ingest([{"id": "b", "text": "A star is a ball of plasma."}]).added == 1
    # The folder where it is now is as good.
    assert index.ingest([{"id": "c", "text": "A law is a rule."}], model=str(tmp_path / "moved")).added == 1
    assert vecindex.open(tmp_path / "db").search("a rule", k=1, model=str(tmp_path / "moved")).hits[0].id == "c"
    outcomes = {check.name: check.outcome for check in index.doctor().checks}
    assert outcomes["vectors of the model"] == "ok"


def test_a_table_of_another_dimension_is_told(tmp_path: Path) -> None:
    filled(tmp_path, 3, model=str(tmp_path / "gone"), weights=WEIGHTS)
    with pytest.raises(ModelError, match=r"makes vectors of 384 values, .* holds vectors of 8"):
        vecindex.open(tmp_path).search("x", model="all-MiniLM-L6-v2")


def test_unverified_vectors_are_searched_with_a_notice(tmp_path: Path) -> None:
    table = make_table(tmp_path, dimension=384, weights="unknown", pooling="unknown", max_tokens=0)
    append(table, unit_vectors(5, 384))
    notices = Notices()
    assert len(vecindex.open(tmp_path).search("x", observer=notices).hits) == 5
    assert "were taken unverified as those of sentence-transformers/all-MiniLM-L6-v2" in notices.lines[0]


def test_documents_behind_a_prompt_call_for_one(tmp_path: Path) -> None:
    table = make_table(tmp_path, dimension=384, prompt="passage: ")
    append(table, unit_vectors(2, 384))
    index, notices = vecindex.open(tmp_path), Notices()
    index.search("x", observer=notices)
    assert "behind the prompt 'passage: '" in notices.lines[0]
    told = Notices()
    index.search("x", prompt="query: ", observer=told)
    assert told.lines == []


# -- words ------------------------------------------------------------------------------------------------


@pytest.fixture
def words_db(sample_db: Path, tmp_path: Path) -> Path:
    """A copy of the sample that may be written to."""
    return Path(shutil.copytree(sample_db, tmp_path / "db"))


def add_article(database: Path, row_id: str, text: str, title: str = "A note") -> None:
    """Append an article with a random vector and the sample's one own field."""
    import datetime as dt

    import pyarrow as pa

    table = Database(database).articles("articles")
    row = {
        "id": row_id,
        "content_hash": "0" * 16 + ":" + "0" * 16,
        "title": title,
        "text": text,
        "topic": "notes",
        "n_tokens": 5,
        "truncated": False,
        "vector": unit_vectors(1, 384, seed=len(row_id))[0],
        "vector_hash": None,
        "txn": 9,
        "ingested_at": dt.datetime.now(dt.UTC),
    }
    table.append(pa.Table.from_pylist([row], schema=table.schema))


def test_a_rare_word_is_found_and_the_vectors_alone_miss_it(words_db: Path, sample_index: vecindex.Index) -> None:
    add_article(words_db, "note-1", "Nothing of note but a quokkabird.")
    index = vecindex.open(words_db)
    index._questions = sample_index._questions  # the loaded model
    assert "note-1" not in ids_of(index.search("quokkabird sighting", k=5))
    notices = Notices()
    first = index.search("quokkabird sighting", k=5, hybrid=True, observer=notices)
    (line,) = notices.lines
    assert line.startswith(
        f"making the full-text index of 265 rows of {words_db}/articles, once, as English (stems of words)"
    )
    hit = next(hit for hit in first.hits if hit.id == "note-1")
    assert hit.relevance == pytest.approx(1 / 61, abs=1e-9) or hit.dist is not None
    assert [h.relevance for h in first.hits] == sorted((h.relevance for h in first.hits), reverse=True)  # type: ignore[type-var]

    add_article(words_db, "note-2", "Much the same, but with a wombatfish in it.")
    quiet = Notices()
    newer = index.search("wombatfish", k=5, hybrid=True, observer=quiet)
    assert "note-2" in ids_of(newer), "rows that the index does not hold yet are found"
    assert "note-2" in ids_of(index.search("wombatfishes", k=5, hybrid=True)), "by their stems, too"
    assert quiet.lines == []
    index.optimize()
    assert "note-2" in ids_of(index.search("wombatfish", k=5, hybrid=True))
    assert "note-1" in ids_of(index.search("quokkabirds", k=5, hybrid=True)), "by its stem"
    only = index.search("wombatfish quokkabird", k=5, hybrid=True, where="id <> 'note-1'")
    assert "note-1" not in ids_of(only)
    assert "note-2" in ids_of(only)


def test_a_word_of_the_title_is_found(words_db: Path, sample_index: vecindex.Index) -> None:
    add_article(words_db, "note-3", "Nothing to see.", title="Snarkology")
    index = vecindex.open(words_db)
    index._questions = sample_index._questions
    assert "note-3" in ids_of(index.search("snarkology", k=3, hybrid=True))


@pytest.mark.parametrize("k", [1, 4, 5, 100])
def test_by_words_an_article_of_many_chunks_does_not_hide_the_others(tmp_path: Path, k: int) -> None:
    from vecindex.types import Chunking

    # Of 264 matching chunks the 200 shortest, which match best, are of one article.
    table = make_table(tmp_path, chunking=Chunking(64, 8))
    owners = ["big"] * 200 + [name for name in "abcd" for _ in range(16)] + ["other"]
    texts = ["a membrane"] * 200 + ["a membrane in a far longer text, of which the word is a part"] * 64 + ["nothing"]
    append(table, unit_vectors(265), ids=owners, chunk=[*range(265)], title=[""] * 265, text=texts)
    index = vecindex.open(tmp_path)
    hits = index.search("membrane", words=True, k=k).hits
    assert hits[0].article_id == "big"
    assert len({hit.article_id for hit in hits}) == len(hits) == min(k, 5)
    assert "other" not in {hit.article_id for hit in hits}
    queries = [Query("membrane", None, np.empty(0, dtype=np.float32), None)]
    assert len(Finder(table, 5, by="article", text="none").by_words(queries, 5)[0]) == 5
    assert len(index.search("membrane", words=True, k=300, by="chunk").hits) == 264


def test_words_cannot_be_indexed_while_another_writes(words_db: Path, sample_index: vecindex.Index) -> None:
    index = vecindex.open(words_db)
    index._questions = sample_index._questions
    with (
        Database(words_db).writer(),
        pytest.raises(LockedError, match=r"is missing, and cannot be made now\. Another process is writing to"),
    ):
        index.search("quokkabird", hybrid=True)
    index.tag("early")
    with pytest.raises(ConfigError, match="had no full-text index yet when it was tagged 'early'"):
        index.search("quokkabird", hybrid=True, at="early")
    assert index.search("quokkabird", hybrid=True).hits
    with Database(words_db).writer():
        assert index.search("quokkabird", hybrid=True).hits, "an index that is there needs no lock"


def test_words_that_match_nothing_leave_the_vectors(words_db: Path, sample_index: vecindex.Index) -> None:
    index = vecindex.open(words_db)
    index._questions = sample_index._questions
    for text in ("the of and", "???", 'AND ( "', "细胞"):
        hits = index.search(text, k=4, hybrid=True).hits
        assert [hit.id for hit in hits] == ids_of(sample_index.search(text, k=4)), text
        assert [hit.relevance for hit in hits] == pytest.approx([1 / 61, 1 / 62, 1 / 63, 1 / 64])


def test_fusing_by_hand() -> None:
    # What a row's own columns are called makes no difference.
    near = [Found({"id": i, "dist": "far"}, dist=d) for i, d in (("a", 0.1), ("b", 0.2), ("c", 0.3))]
    worded = [Found({"id": i, "relevance": 7}) for i in "cd"]
    fused = [(found.row["id"], found.relevance, found.dist) for found in fuse(near, worded, "id")]
    assert fused == [
        ("c", pytest.approx(1 / 63 + 1 / 61), 0.3),
        ("a", pytest.approx(1 / 61), 0.1),
        ("b", pytest.approx(1 / 62), 0.2),
        ("d", pytest.approx(1 / 62), None),
    ]


def test_hybrid_search_of_chunks_gives_articles_once(tmp_path: Path) -> None:
    from vecindex.types import Chunking

    table = make_table(tmp_path, dimension=384, chunking=Chunking(64, 8), weights="unknown", pooling="unknown")
    texts = ["plain words", "plain words and a quokkabird", "more quokkabird words", "plain again"]
    append(table, unit_vectors(4, 384), ids=["x", "x", "x", "y"], chunk=[0, 1, 2, 0], text=texts)
    index = vecindex.open(tmp_path)
    hits = index.search("quokkabird", hybrid=True).hits
    assert sorted(hit.article_id for hit in hits) == ["x", "y"]
    assert hits[0].article_id == "x"
    assert len(index.search("quokkabird", hybrid=True, by="chunk").hits) == 4


# -- at a tag ---------------------------------------------------------------------------------------------


def test_a_tag_is_searched_as_it_was(tmp_path: Path) -> None:
    table, vectors = filled(tmp_path, 20)
    index = vecindex.open(tmp_path)
    index.tag("before")
    table.delete("id = 'a00003'")
    append(table, vectors[3:4], ids=["newer"], txn=2)
    assert ids_of(index.search(vector=vectors[3], k=1)) == ["newer"]
    assert ids_of(index.search(vector=vectors[3], k=1, at="before")) == ["a00003"]
    with pytest.raises(ConfigError, match=r"has no tag 'after' \(tags there: before\)"):
        index.search(vector=vectors[3], at="after")


def test_a_damaged_table_is_told(tmp_path: Path) -> None:
    filled(tmp_path)
    for file in (tmp_path / "articles.lance" / "data").iterdir():
        file.write_bytes(b"")
    with pytest.raises(StoreError, match="missing or damaged"):
        vecindex.open(tmp_path).search(vector=unit_vectors(1))


def test_fingerprints_of_the_tests_are_those_of_the_model(sample_db: Path) -> None:
    assert Database(sample_db).articles("articles").fingerprint == fingerprint(384)


def test_rows_that_come_meanwhile_do_not_keep_it_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, vectors = filled(tmp_path, 5)
    looks: list[int] = []

    def beside_a_writer(there: ArticleTable, *how: Any) -> list[Nearest]:
        if not looks:
            append(there, unit_vectors(7, seed=3), ids=[f"new{i}" for i in range(7)], txn=2)
        looks.append(how[1])
        assert len(looks) < 10
        return nearest(there, *how)

    monkeypatch.setattr("vecindex.verbs.search.finder.nearest", beside_a_writer)
    (answer,) = Finder(table, 10, by="article", text="none").by_vector([Query(None, None, vectors[0], None)], 10)
    assert (answer[0].row["id"], len(answer)) == ("a00000", 10)

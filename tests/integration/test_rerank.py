"""Search and evaluate alike: by words, reranked by a cross-encoder that is trained here, and diverse."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from cross_encoders import trained, untrained
from servers import running
from tables import OTHER_WEIGHTS, append, filled, make_table
from vecindex.embed.rerank.cross_encoder import load_reranker
from vecindex.errors import ConfigError, ModelError
from vecindex.serve.table.served import Served
from vecindex.verbs.questions.model import QuestionModel

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ROOT / "examples" / "questions-cell-biology.jsonl"
STEPS = 120


@pytest.fixture(scope="module")
def reranker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder that has seen the sample's questions with their right articles, and with others."""
    texts = {}
    for file in sorted((ROOT / "examples").glob("articles-*.jsonl")):
        for line in file.open(encoding="utf-8"):
            row = json.loads(line)
            texts[row["id"]] = f"{row['title']}. {row['text']}"
    asked = [json.loads(line) for line in QUESTIONS.open(encoding="utf-8")]
    right = [(one["question"], texts[key]) for one in asked for key in one["answers"]]
    return trained(tmp_path_factory.mktemp("cross-encoder"), right, list(texts.values()), STEPS)


@pytest.fixture
def database(sample_db: Path, tmp_path: Path) -> Path:
    return shutil.copytree(sample_db, tmp_path / "db")


def test_hits_are_in_the_order_of_the_model(database: Path, reranker: Path) -> None:
    from sentence_transformers import CrossEncoder

    index, query = vecindex.open(database), "what part of the cell makes energy"
    first = index.search(query, k=30, text="full")
    found = index.search(query, k=30, text="none", rerank=str(reranker), rerank_depth=20)
    assert (found.ranker, found.hits[0].text) == ("meaning+rerank", None)
    # The library itself, by its own way to load and to score.
    pairs = [
        (query, hit.text if (hit.text or "").startswith(hit.title or "") else f"{hit.title}. {hit.text}")
        for hit in first.hits[:20]
    ]
    import torch

    scores = CrossEncoder(str(reranker)).predict(pairs, activation_fn=torch.nn.Identity())
    order = sorted(range(20), key=lambda i: -scores[i])
    assert [hit.id for hit in found.hits] == [first.hits[i].id for i in order] + [h.id for h in first.hits[20:]]
    assert [hit.score for hit in found.hits[:20]] == pytest.approx([float(scores[i]) for i in order], abs=1e-4)
    assert {hit.score for hit in found.hits[20:]} == {None}
    assert [hit.dist for hit in found.hits[:20]] == [first.hits[i].dist for i in order]


def test_a_model_that_has_seen_the_answers_finds_more_of_them(database: Path, reranker: Path, tmp_path: Path) -> None:
    index, other = vecindex.open(database), str(untrained(tmp_path))
    random = index.evaluate(QUESTIONS, rankers="words+rerank", rerank=other, rerank_depth=100)
    result = index.evaluate(QUESTIONS, rankers="words", rerank=str(reranker), rerank_depth=100)
    assert [one.name for one in result.rankers] == ["words", "words+rerank"]
    assert result.rankers[1].measures["mrr@10"].mean > random.rankers[0].measures["mrr@10"].mean + 0.2
    # As search gives them.
    question = result.items[0]
    found = index.search(question.text, words=True, rerank=str(reranker), rerank_depth=100)
    assert [hit.id for hit in question.rankers["words+rerank"].hits] == [hit.id for hit in found.hits]
    assert [hit.score for hit in question.rankers["words+rerank"].hits] == [hit.score for hit in found.hits]


def test_the_model_is_loaded_once(database: Path, reranker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    def counted(*given: Any) -> Any:
        loaded.append(given)
        return load_reranker(*given)

    monkeypatch.setattr("vecindex.embed.rerank.cross_encoder.load_reranker", counted)
    index = vecindex.open(database)
    for query in ("one", "two"):
        index.search(query, k=2, rerank=str(reranker))
    assert len(loaded) == 1


def test_a_missing_reranker_is_refused_before_the_work(
    sample_db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QuestionModel, "embed", lambda *_: pytest.fail("the questions were embedded"))
    monkeypatch.setitem(sys.modules, "torch", None)
    index, missing = vecindex.open(sample_db), {"rerank": str(tmp_path / "nowhere")}
    for ask in (
        lambda: index.search("cells", **missing),
        lambda: index.evaluate(str(QUESTIONS), **missing),
        lambda: index.overlap(str(QUESTIONS), **missing),
        lambda: index.compare("articles", "articles", questions=str(QUESTIONS), **missing),
    ):
        with pytest.raises(ModelError, match=r"No reranker: No model folder at .*nowhere"):
            ask()


def test_wrong_models(tmp_path: Path, sample_db: Path) -> None:
    index = vecindex.open(sample_db)
    with pytest.raises(ModelError, match=r"No reranker: No model folder at .*nowhere"):
        index.search("cells", rerank=str(tmp_path / "nowhere"))
    with pytest.raises(ModelError, match="No reranker: The model cross-encoder/none is not on this machine"):
        index.search("cells", rerank="none")
    with pytest.raises(ModelError, match="gives 3 scores for a pair, expected 1"):
        index.search("cells", rerank=str(untrained(tmp_path, labels=3)))
    (tmp_path / "broken").mkdir()
    shutil.copytree(tmp_path / "reranker", tmp_path / "broken", dirs_exist_ok=True)
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ModelError, match="does not load"):
        index.search("cells", rerank=str(tmp_path / "broken"))


def test_batches_that_need_too_much_memory_are_halved(reranker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_reranker(str(reranker))
    pairs = [("a question", f"passage {i} " * (i % 7 + 1)) for i in range(40)]
    whole = model.scores(pairs)
    predict, sizes = model._model.predict, []

    def small(some: list[tuple[str, str]], **more: Any) -> Any:
        if len(some) > 8:
            raise RuntimeError("CUDA out of memory")
        sizes.append(len(some))
        return predict(some, **more)

    monkeypatch.setattr(model._model, "predict", small)
    assert model.scores(pairs) == pytest.approx(whole, abs=1e-5)
    assert set(sizes) == {8}


def test_words_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QuestionModel, "embed", lambda *_: pytest.fail("the model was asked"))
    table = make_table(tmp_path, weights=OTHER_WEIGHTS)
    texts = ["apple apple pear", "apple", "plum", "cherry"]
    append(table, np.eye(8, dtype=np.float32)[:4], ids=list("abcd"), text=texts, title=["x"] * 4)
    index = vecindex.open(tmp_path)
    found = index.search("apple", words=True)
    assert {hit.id for hit in found.hits} == {"a", "b"}
    assert (found.ranker, found.hybrid) == ("words", False)
    assert all(hit.dist is None and hit.relevance for hit in found.hits)
    assert found.hits[0].relevance >= found.hits[1].relevance
    assert [hit.id for hit in index.search("plum", words=True, where="id <> 'c'").hits] == []
    assert index.search(["plum", "cherry"], words=True).answers[1].hits[0].id == "d"


def test_diverse_hits(tmp_path: Path) -> None:
    table = make_table(tmp_path, weights=OTHER_WEIGHTS)
    axes = np.eye(8, dtype=np.float32)
    query = axes[0]
    rows = [
        0.9 * axes[0] + 0.43589 * axes[1],  # a, the nearest
        0.899 * axes[0] + 0.43795 * axes[1],  # b, nearly the same as a
        0.85 * axes[0] + 0.3 * axes[1] + 0.43301 * axes[2],  # c, much like a: 0.896
        0.7 * axes[0] + 0.71414 * axes[3],  # d, unlike the others
    ]
    append(table, np.array([row / np.linalg.norm(row) for row in rows]), ids=list("abcd"))
    index = vecindex.open(tmp_path)
    assert [hit.id for hit in index.search(vector=query, k=3).hits] == ["a", "b", "c"]
    # Without a weight only near-duplicates go. With half: d gains 0.35 - 0.315, c 0.425 - 0.448.
    assert [hit.id for hit in index.search(vector=query, k=3, diverse=True, diversity=0.0).hits] == ["a", "c", "d"]
    found = index.search(vector=query, k=3, diverse=True, diversity=0.5)
    assert [hit.id for hit in found.hits] == ["a", "d", "c"]
    assert [hit.rank for hit in found.hits] == [1, 2, 3]
    assert found.ranker == "meaning+diverse"


def test_diverse_rankings_are_those_of_search(database: Path) -> None:
    index = vecindex.open(database)
    result = index.evaluate(QUESTIONS, rankers="meaning,hybrid", diverse=True)
    assert [one.name for one in result.rankers] == ["meaning", "hybrid", "meaning+diverse", "hybrid+diverse"]
    question = result.items[3]
    found = index.search(question.text, k=20, diverse=True)  # looks at 100, as evaluate does
    assert [hit.id for hit in question.rankers["meaning+diverse"].hits] == [hit.id for hit in found.hits[:10]]


def test_the_server_reranks_by_the_model_that_it_was_started_with(database: Path, reranker: Path) -> None:
    query = "what part of the cell makes energy"
    vecindex.open(database).search(query, words=True)  # makes the full-text index
    with running(Served(str(database), "articles", rerank=str(reranker))) as client:
        for more in ({"rerank": True}, {"words": True, "rerank": True}, {"diverse": True}):
            got = client("/api/search", {"text": query, "k": 5, **more})
            assert got.status == 200, got.json
            given: dict[str, Any] = {**more, "rerank": str(reranker) if "rerank" in more else None}
            found = vecindex.open(database).search(query, k=5, **given)
            assert [(hit["id"], hit["score"]) for hit in got.json["hits"]] == [(h.id, h.score) for h in found.hits]
    with running(Served(str(database), "articles")) as client:
        got = client("/api/search", {"text": query, "rerank": True})
        assert (got.status, got.json["error"]) == (409, "The server was started without a reranker.")
        assert got.json["next"].startswith("Start it with one: vecindex serve --rerank MODEL ")
        assert client("/api/search", {"text": query, "rerank": str(reranker)}).status == 422


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"id": "a00001", "words": True}, "words= needs words to search for"),
        ({"id": "a00001", "rerank": "x"}, "rerank= needs words to search for"),
        ({"query": "x", "words": True, "hybrid": True}, "exclude each other"),
        ({"query": "x", "hybrid": True, "words_weight": 1.5}, "words_weight= must be from 0 to 1"),
        ({"query": "x", "diverse": True, "diversity": -1.0}, "diversity= must be from 0 to 1"),
        ({"query": "x", "language": "de"}, "only a search by words uses"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, options: dict[str, Any], told: str) -> None:
    filled(tmp_path, 5)
    with pytest.raises(ConfigError, match=told):
        vecindex.open(tmp_path).search(options.pop("query", None), **options)


def test_a_ranker_without_its_model(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    with pytest.raises(ConfigError, match="Name a cross-encoder: rerank=MODEL"):
        vecindex.open(tmp_path).evaluate([{"id": "x", "text": "0", "answers": ["a00001"]}], rankers="meaning+rerank")

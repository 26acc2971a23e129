"""The lens of a question: which articles it holds, what it is asked by, and what its figures mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from planted import KnownModel, make_table
from tables import chunked_table, filled, unit_vectors
from vecindex.errors import ConfigError
from vecindex.store.database import Database
from vecindex.verbs.lens.lens import lens
from vecindex.verbs.lens.result import LensResult
from vecindex.verbs.overlap.overlap import overlap


def made(folder: Path, vectors: np.ndarray, known: dict[str, np.ndarray]) -> tuple[Any, Any]:
    """Return a database of these articles and a model that knows these questions."""
    make_table(folder / "db", vectors)
    return Database(folder / "db"), KnownModel(known)


def ids(result: LensResult) -> list[str]:
    return [article.id for article in result.articles]


def test_a_typed_question_has_its_nearest_around_it(tmp_path: Path) -> None:
    vectors = unit_vectors(200, 12)
    question = vectors[7] + 0.3 * vectors[8]
    database, model = made(tmp_path, vectors, {"what is it": question})
    found = lens(database, "articles", "  what is it ", {"k": 40}, model)
    dist = 1 - vectors.astype(np.float64) @ (question / np.linalg.norm(question))
    nearest = np.argsort(dist, kind="stable")[:40]
    assert ids(found) == [f"a{i:05d}" for i in nearest]
    assert [a.dist for a in found.articles] == pytest.approx(dist[nearest], abs=1e-6)
    assert [a.rank for a in found.articles] == list(range(1, 41))
    assert (found.kind, found.question, found.id, found.k) == ("text", "what is it", None, 40)
    assert found.articles[0].title == f"Title of a{nearest[0]:05d}"
    # Nothing is written: the question is embedded again.
    assert model.asked == ["what is it"]
    assert lens(database, "articles", "what is it", {"k": 40}, model).articles == found.articles
    assert model.asked == ["what is it"] * 2


def test_its_figures_are_those_of_its_positions(tmp_path: Path) -> None:
    vectors = unit_vectors(120, 12)
    database, model = made(tmp_path, vectors, {"q": vectors[3]})
    found = lens(database, "articles", "q", {}, model)
    assert len(found.articles) == 50
    xy = np.array([[a.x, a.y] for a in found.articles])
    far = np.hypot(*xy.T)
    dist = np.array([a.dist for a in found.articles])
    assert (far[0], far[-1]) == (pytest.approx(0.25), pytest.approx(1))
    assert far == pytest.approx(0.25 + 0.75 * (dist - dist[0]) / (dist[-1] - dist[0]), abs=1e-4)
    assert found.overlap == 1.0
    assert found.tied == 0
    shown = np.array([int(a.id[1:]) for a in found.articles])
    sims = vectors[shown].astype(np.float64) @ vectors[shown].T.astype(np.float64)
    np.fill_diagonal(sims, -np.inf)
    near = np.argsort(-sims, axis=1)[:, :5]
    assert [list(a.near) for a in found.articles] == (near + 1).tolist()
    between = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))
    np.fill_diagonal(between, np.inf)
    kept = [len(set(a) & set(b)) / 5 for a, b in zip(near, np.argsort(between, axis=1)[:, :5], strict=True)]
    assert found.mutual_recall == pytest.approx(np.mean(kept))
    assert found.summary.startswith("5 of its 5 nearest are its 5 nearest here; an article keeps ")


def test_equally_near_ones_beyond_the_fifth_are_counted(tmp_path: Path) -> None:
    vectors = unit_vectors(60, 12)
    vectors[:, :2] *= 0.1
    # The nearest, then seven that are the same, of which four are among the five nearest.
    vectors[3] = np.eye(12)[0]
    vectors[10:17] = np.eye(12)[0] + np.eye(12)[1]
    database, model = made(tmp_path, vectors, {"q": np.eye(12)[0] + 0.2 * np.eye(12)[1]})
    found = lens(database, "articles", "q", {}, model)
    assert ids(found)[:8] == ["a00003", *(f"a{i:05d}" for i in range(10, 17))]
    assert (found.overlap, found.tied) == (1.0, 3)
    assert "5 of its 5 nearest are its 5 nearest here (3 more are as near as the fifth)" in found.summary


def test_a_stored_question_is_asked_by_its_id(tmp_path: Path) -> None:
    vectors = unit_vectors(60, 12)
    database, model = made(tmp_path, vectors, {"what is five": vectors[5], "what is a00009": vectors[9]})
    lines = [{"id": "q5", "question": "what is five"}, {"id": "a00009", "question": "what is a00009"}]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    overlap(database, "articles", str(tmp_path / "q.jsonl"), {}, model)
    model.asked.clear()
    found = lens(database, "articles", "q5", {"k": 30}, model)
    assert (found.kind, found.question, found.id) == ("question", "what is five", "q5")
    assert ids(found)[0] == "a00005"
    # A question comes before an article of the same id, unless the caller says what it is.
    assert lens(database, "articles", "a00009", {}, model).kind == "question"
    article = lens(database, "articles", "a00009", {"kind": "article"}, model)
    assert (article.kind, article.question, article.name) == ("article", None, "a00009")
    assert "a00009" not in ids(article)
    assert model.asked == []
    (tmp_path / "other.jsonl").write_text(json.dumps({"id": "q5", "question": "what is a00009"}), encoding="utf-8")
    overlap(database, "articles", str(tmp_path / "other.jsonl"), {}, model)
    with pytest.raises(ConfigError, match=r"Several sets of questions have a question 'q5': other\.jsonl, q\.jsonl"):
        lens(database, "articles", "q5", {}, model)


def test_from_python_by_an_article(tmp_path: Path) -> None:
    _, vectors = filled(tmp_path, 100)
    index = vecindex.open(tmp_path)
    found = index.lens("a00004", k=30)
    nearest = [i for i in np.argsort(-(vectors @ vectors[4]), kind="stable") if i != 4][:30]
    assert ids(found) == [f"a{i:05d}" for i in nearest]
    assert ids(found) == [hit.id for hit in index.search(id="a00004", k=30).hits]
    table = found.to_arrow()
    assert table.column_names == ["rank", "id", "article_id", "title", "dist", "x", "y", "near"]
    assert table.column("near")[0].as_py() == list(found.articles[0].near)
    even = index.lens("a00004", where="year % 2 = 0", seed=1)
    assert {int(one[1:]) % 2 for one in ids(even)} == {0}
    assert "a00004" in index.lens("a00005")._repr_html_()


def test_an_article_in_chunks_is_there_once(tmp_path: Path) -> None:
    _, vectors, _ = chunked_table(tmp_path, [3, 1, 2, 4] * 10)
    found = vecindex.open(tmp_path).lens("c000")
    assert len(found.articles) == 39
    assert len({a.article_id for a in found.articles}) == 39
    assert all(a.id.startswith(a.article_id) for a in found.articles)
    assert len(vectors) == 100


@pytest.mark.parametrize("n", [2, 3, 8])
def test_a_small_table(tmp_path: Path, n: int) -> None:
    filled(tmp_path, n)
    found = vecindex.open(tmp_path).lens("a00000")
    assert len(found.articles) == n - 1
    assert found.overlap == 1.0
    assert (found.mutual_recall is None) == (n == 2)


@pytest.mark.parametrize(
    ("question", "options", "message"),
    [
        ("  ", {}, "The question is empty"),
        ("a00001", {"k": 20}, "k= must be from 30 to 100, found 20"),
        ("nobody", {"kind": "article"}, "has no article 'nobody'"),
        ("nobody", {"kind": "question"}, "No stored question has the id 'nobody'"),
        ("a00001", {"kind": "other"}, "kind= is text, question or article, found 'other'"),
        ("a00001", {"where": "year > 3000"}, "no article meets the condition"),
        ("a00001", {"where": "year >"}, "The condition of where= does not work"),
        ("a\ud800", {}, "is not valid Unicode"),
        (7, {}, "question= is a text, found 7"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, question: Any, options: Any, message: str) -> None:
    filled(tmp_path, 10)
    with pytest.raises(ConfigError, match=message):
        vecindex.open(tmp_path).lens(question, **options)


def test_the_only_article_has_no_lens(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    with pytest.raises(ConfigError, match="has no other article than 'a00000'"):
        vecindex.open(tmp_path).lens("a00000")

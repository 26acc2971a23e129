"""`compare` on tables that differ in a known way."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest

import vecindex
from pages import Page
from tables import OTHER_WEIGHTS, append, make_table, unit_vectors
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError, TableNotFoundError
from vecindex.verbs.questions.model import QuestionModel

N, Q, D = 120, 60, 16
Run = Callable[..., Any]


def noisy(vectors: F32, noise: float, seed: int) -> F32:
    """Return the vectors with noise, of unit length."""
    found = vectors + noise * unit_vectors(len(vectors), D, seed=seed)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> F32:
    """The questions' vectors: question i is article i."""
    vectors = unit_vectors(N, D)
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: vectors[[int(text) for text in texts]])
    return vectors


def table(folder: Path, name: str, vectors: F32, ids: list[str] | None = None) -> None:
    made = make_table(folder, name=name, dimension=D, weights=OTHER_WEIGHTS)
    append(made, vectors, ids=ids or [f"a{i}" for i in range(len(vectors))])


QUESTIONS = [{"id": f"q{i}", "text": str(i)} for i in range(Q)]
QRELS = {f"q{i}": {f"a{i}": 1} for i in range(Q)}


def test_a_table_against_itself(tmp_path: Path, asked: F32) -> None:
    table(tmp_path, "one", noisy(asked, 1.5, 1))
    result = vecindex.open(tmp_path).compare("one", "one", questions=QUESTIONS, qrels=QRELS)
    assert [one.name for one in result.tables] == ["one", "one (2)"]
    (pair,) = result.pairs
    for found in pair.differences.values():
        assert (found.mean, found.low, found.high, found.p, found.equal) == (0, 0, 0, 1, Q)
    assert (pair.overlap.mean, pair.same_first) == (1, 1)
    assert pair.rbo.mean == pytest.approx(1)
    assert "do not differ at any question" in result.verdict


def test_the_order_of_rows_makes_no_difference(tmp_path: Path, asked: F32) -> None:
    vectors, order = noisy(asked, 1.5, 1), np.random.default_rng(0).permutation(N)
    table(tmp_path, "one", vectors)
    table(tmp_path, "other", vectors[order], [f"a{i}" for i in order])
    (pair,) = vecindex.open(tmp_path).compare("one", "other", questions=QUESTIONS, qrels=QRELS).pairs
    assert pair.differences["ndcg@10"].mean == 0
    assert pair.rbo.mean == pytest.approx(1)


def test_shuffled_vectors_find_less(tmp_path: Path, asked: F32) -> None:
    table(tmp_path, "one", noisy(asked, 1.0, 1))
    table(tmp_path, "other", noisy(asked, 1.0, 1)[np.random.default_rng(0).permutation(N)])
    result = vecindex.open(tmp_path).compare("one", "other", questions=QUESTIONS, qrels=QRELS)
    found = result.pairs[0].differences["ndcg@10"]
    assert found.high < -0.3
    assert result.verdict.startswith("other finds less than one: ndcg@10 ")
    assert result.pairs[0].overlap.mean < 0.3


def test_a_planted_improvement_is_found_and_a_hand_made_difference_is_right(tmp_path: Path, asked: F32) -> None:
    table(tmp_path, "worse", noisy(asked, 2.5, 1))
    table(tmp_path, "better", noisy(asked, 1.0, 2))
    result = vecindex.open(tmp_path).compare("worse", "better", questions=QUESTIONS, qrels=QRELS)
    (pair,) = result.pairs
    found = pair.differences["ndcg@10"]
    assert found.low > 0
    assert found.p_adjusted < 0.01
    assert result.verdict.startswith("better finds more than worse")
    by_question = [
        item.tables["better"].measures["ndcg@10"] - item.tables["worse"].measures["ndcg@10"] for item in result.items
    ]
    assert found.mean == pytest.approx(np.mean(by_question))
    assert [item.differences["better"] for item in result.items] == pytest.approx(by_question)
    assert found.more == sum(value > 0 for value in by_question)
    largest = [abs(value) for value in by_question]
    assert largest == sorted(largest, reverse=True)


def test_three_tables_a_tag_and_other_articles(tmp_path: Path, asked: F32) -> None:
    table(tmp_path, "one", noisy(asked, 1.5, 1))
    table(tmp_path, "few", noisy(asked, 1.5, 2)[:100])
    index = vecindex.open(tmp_path, "one")
    index.tag("before")
    index.delete("a0", "a1", "a2")
    result = vecindex.open(tmp_path).compare("one@before", "one", "few", questions=QUESTIONS, qrels=QRELS)
    assert [(one.name, one.at, one.articles, one.only_here, one.lacks) for one in result.tables] == [
        ("one@before", "before", N, 0, 0),
        ("one", None, N - 3, 0, 3),
        ("few", None, 100, 0, 20),
    ]
    assert [pair.first for pair in result.pairs] == ["one@before"] * 2
    least = min(pair.differences["ndcg@10"].p for pair in result.pairs)
    assert min(pair.differences["ndcg@10"].p_adjusted for pair in result.pairs) == pytest.approx(min(1, 2 * least))
    assert any("lacks 20 of its articles" in note for note in result.notes)
    assert result.to_arrow().num_rows == 3 * Q


def test_without_judgments(tmp_path: Path, asked: F32) -> None:
    table(tmp_path, "one", noisy(asked, 0.5, 1))
    table(tmp_path, "other", noisy(asked, 0.5, 2))
    result = vecindex.open(tmp_path).compare("one", "other", questions=["0", "1", "2"])
    assert (result.measure, result.judged_by, result.pairs[0].differences) == (None, None, {})
    assert "only judgments can show" in result.verdict
    assert [item.relevant for item in result.items] == [None] * 3
    alike = [item.rbo["other"] for item in result.items]
    assert alike == sorted(alike)
    assert Page(result.to_html()).text.count("not judged") > 0


def test_maps_are_compared(tmp_path: Path, asked: F32) -> None:
    table(tmp_path, "one", asked)
    table(tmp_path, "other", noisy(asked, 0.5, 2))
    vecindex.open(tmp_path, "one").project(method="pca")
    index = vecindex.open(tmp_path)
    result = index.compare("one", "other", questions=QUESTIONS, qrels=QRELS)
    figure = result.tables[0].map
    assert figure is not None
    alone = vecindex.open(tmp_path, "one").overlap([one["text"] for one in QUESTIONS])
    assert figure.overlap.mean == alone.maps[0].search.overlap.mean
    assert (figure.name, result.tables[1].map) == ("map", None)
    assert index.compare("one", "other", questions=QUESTIONS, qrels=QRELS, maps=False).tables[0].map is None


@pytest.mark.parametrize(
    ("tables", "options", "kind", "told"),
    [
        (("one",), {}, ConfigError, "From 2 to 8 tables can be compared, found 1"),
        (("one",) * 9, {}, ConfigError, "found 9"),
        (("one", "other", "one"), {}, ConfigError, "one is named twice"),
        (("one", "none"), {}, TableNotFoundError, "No table 'none'"),
        (("one", "one@then"), {}, ConfigError, "has no tag 'then'"),
        (("one", "@then"), {}, TableNotFoundError, "is no table and no tag of one"),
        (("one", "other"), {"questions": None}, ConfigError, "Questions with known answers are needed"),
        (("one", "other"), {"ranker": "best"}, ConfigError, "ranker=: 'best' is no way to rank"),
        (("one", "other"), {"model": "x"}, ConfigError, "holds for one model"),
        (("one", "other"), {"prompt": "query: "}, ConfigError, "holds for one model"),
        (("one", "other"), {"qrels": {"q0": {"b": 1}}}, ConfigError, "No article that mapping judges"),
    ],
)
def test_wrong_inputs(
    tmp_path: Path, asked: F32, tables: tuple[str, ...], options: dict[str, Any], kind: type[Exception], told: str
) -> None:
    table(tmp_path, "one", asked)
    append(make_table(tmp_path, name="other", dimension=D, weights="6" * 64), asked)
    with pytest.raises(kind, match=told):
        vecindex.open(tmp_path).compare(*tables, **{"questions": QUESTIONS, "qrels": QRELS, **options})


@pytest.mark.slow
def test_known_truth_in_200_runs(tmp_path: Path, asked: F32) -> None:
    held = found = 0
    for run in range(200):
        folder = tmp_path / str(run)
        table(folder, "one", noisy(asked, 2.0, 3 * run + 1))
        table(folder, "alike", noisy(asked, 2.0, 3 * run + 2))
        table(folder, "better", noisy(asked, 1.2, 3 * run + 3))
        result = vecindex.open(folder).compare("one", "alike", "better", questions=QUESTIONS, qrels=QRELS)
        alike, better = (pair.differences["ndcg@10"] for pair in result.pairs)
        held += alike.low <= 0 <= alike.high
        found += better.low > 0 and better.p_adjusted < 0.05
    print(f"interval holds 0: {held} of 200; planted improvement found: {found} of 200")
    assert held >= 181  # at 95 % fewer would come about once in 500 times
    assert found >= 190


def test_a_table_copied_to_another_folder_does_not_differ(tmp_path: Path, asked: F32) -> None:
    table(tmp_path / "db", "articles", noisy(asked, 1.5, 1))
    vecindex.open(tmp_path / "db").tag("before")
    copytree(tmp_path / "db", tmp_path / "old" / "db")
    vecindex.open(tmp_path / "db").delete("a0")
    other = f"{tmp_path}/old/db/articles@before"
    result = vecindex.open(tmp_path / "db").compare("articles@before", other, questions=QUESTIONS, qrels=QRELS)
    assert [(one.name, one.database, one.table, one.at) for one in result.tables] == [
        ("articles@before", str(tmp_path / "db"), "articles", "before"),
        (other, str(tmp_path / "old" / "db"), "articles", "before"),
    ]
    (pair,) = result.pairs
    assert [found.mean for found in pair.differences.values()] == [0] * len(pair.differences)
    assert (pair.overlap.mean, pair.same_first, result.tables[1].articles) == (1, 1, N)


def test_figures_are_those_of_one_database(tmp_path: Path, asked: F32) -> None:
    for folder, name, noise in (("db", "one", 2.5), ("db", "other", 1.0), ("apart", "one", 1.0)):
        table(tmp_path / folder, name, noisy(asked, noise, int(noise)))
    for folder, name in (("db", "other"), ("apart", "one")):
        vecindex.open(tmp_path / folder, name).project(method="pca")
    index = vecindex.open(tmp_path / "db")
    together, apart = (
        index.compare("one", other, questions=QUESTIONS, qrels=QRELS, ranker=ranker)
        for other, ranker in (("other", "hybrid"), (f"{tmp_path}/apart/one", "hybrid"))
    )
    assert apart.pairs[0].differences == together.pairs[0].differences
    assert apart.pairs[0].differences["ndcg@10"].mean > 0.05
    assert (apart.pairs[0].rbo, apart.pairs[0].overlap) == (together.pairs[0].rbo, together.pairs[0].overlap)
    assert apart.tables[1].measures == together.tables[1].measures
    assert (apart.tables[1].map, apart.tables[1].live_bytes is None) == (together.tables[1].map, False)
    assert together.tables[1].map is not None
    assert apart.verdict.startswith(f"{tmp_path}/apart/one finds more than one: ")
    found = Page(apart.to_html())
    facts = next(rows for rows in found.tables if rows[1][0] == "database")
    assert facts[1][1:] == [str(tmp_path / "db"), str(tmp_path / "apart")]
    assert ["database"] not in [row[:1] for rows in Page(together.to_html()).tables for row in rows]
    assert not (tmp_path / "db" / "apart").exists()


def test_the_runs_own_database_is_not_made(tmp_path: Path, asked: F32) -> None:
    for folder in ("a", "b"):
        table(tmp_path / folder, "one", noisy(asked, 1.5, 1))
    result = vecindex.open(tmp_path / "none").compare(
        f"{tmp_path}/a/one", f"{tmp_path}/b/one", questions=QUESTIONS, qrels=QRELS
    )
    assert result.pairs[0].differences["map"].equal == Q
    assert not (tmp_path / "none").exists()


def test_a_wrong_name_of_another_database_says_what_is_there(tmp_path: Path, asked: F32) -> None:
    table(tmp_path / "db", "one", asked)
    table(tmp_path / "old", "two", asked)
    make_table(tmp_path / "old", name="empty", dimension=D, weights=OTHER_WEIGHTS)
    (tmp_path / "file").write_text("x")
    (tmp_path / "bare").mkdir()
    old = tmp_path / "old"
    listed = f"Name one of its tables: {old}/empty, {old}/two."
    how = "Another database's table is named by its folder or URI: ../old/articles, s3://bucket/db/articles."
    for name, said, hint in (
        (f"{old}/twi", f"No table 'twi' in {old} (tables there: empty, two).", listed),
        (f"{old}/twi@then", f"No table 'twi' in {old} (tables there: empty, two).", listed),
        (f"{old}", f"{old} is a database, not a table.", listed),
        (f"{old}/", f"{old}/ is a database, not a table.", listed),
        (f"{tmp_path}/nowhere/two", f"No table {tmp_path}/nowhere/two: there is no folder {tmp_path}/nowhere.", how),
        (f"{tmp_path}/bare/two", f"No table 'two' in {tmp_path}/bare (tables there: none).", how),
        (f"{tmp_path}/file/two", f"{tmp_path}/file is a file, not a database folder.", "Name a folder."),
        (
            f"{old}/empty",
            f"{old}/empty holds no rows.",
            f"Fill it: vecindex.open({str(old)!r}, 'empty').ingest(SOURCE)",
        ),
    ):
        with pytest.raises((TableNotFoundError, ConfigError), match=re.escape(said)) as caught:
            vecindex.open(tmp_path / "db").compare("one", name, questions=QUESTIONS, qrels=QRELS)
        assert (str(caught.value.message), str(caught.value.hint)) == (said, hint)

"""`bench_models` on static models, one of which reads the first words only: which is found, and what is embedded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import vecindex
from static_models import save_static
from tables import Notices
from vecindex.errors import ConfigError, Interrupted, ModelError, SourceError
from vecindex.store.database import Database
from vecindex.verbs.bench_models.bench_models import _tables

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ROOT / "examples" / "questions-cell-biology.jsonl"
ARTICLES = [str(path) for path in sorted((ROOT / "examples").glob("articles-*.jsonl"))]
JUDGED = {key for line in QUESTIONS.open(encoding="utf-8") for key in json.loads(line)["answers"]}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A static model, and the same one reading no more than three tokens of a text."""
    folder = tmp_path_factory.mktemp("models")
    return str(save_static(folder / "whole")), str(save_static(folder / "short", cut=3))


def ids_in(folder: Path, table: str) -> set[str]:
    return {key for batch in Database(folder).articles(table).scan(["id"]) for key in batch.column(0).to_pylist()}


def test_the_better_model_is_recommended(tmp_path: Path, models: tuple[str, str]) -> None:
    whole, short = models
    index, notices = vecindex.open(tmp_path), Notices()
    result = index.bench_models(*ARTICLES, questions=QUESTIONS, models=[short, whole], sample=120, observer=notices)
    assert result.recommended == whole
    assert [one.name for one in result.models] == [short, whole]
    assert [one.table for one in result.models] == ["bench-short", "bench-whole"]
    assert result.compared.tables[0].name == "bench-whole", "the best one is compared with the others"
    (pair,) = result.compared.pairs
    assert pair.differences["ndcg@10"].high < 0
    assert result.reasons[1].startswith(f"{short} finds less: -")
    # The sample: all judged articles, and others up to 120, the same ones for each model.
    sample = result.sample
    assert (sample.articles, sample.of, sample.judged, sample.missing) == (120, 264, len(JUDGED), 0)
    drawn = ids_in(tmp_path, "bench-whole")
    assert len(drawn) == 120
    assert drawn >= JUDGED
    assert ids_in(tmp_path, "bench-short") == drawn
    assert "120 of 264 articles" in result.limits[0]
    assert any(line.startswith("120 of 264 articles") for line in notices.lines)
    # The figures are those of an evaluation of its table.
    alone = vecindex.open(tmp_path, "bench-whole").evaluate(QUESTIONS)
    assert result.models[1].mean == alone.rankers[0].measures["ndcg@10"].mean


def test_a_second_run_embeds_nothing_and_another_sample_only_what_is_new(
    tmp_path: Path, models: tuple[str, str]
) -> None:
    index = vecindex.open(tmp_path)
    how: dict[str, Any] = {"questions": QUESTIONS, "models": ",".join(models)}
    first = index.bench_models(*ARTICLES, sample=100, **how)
    assert [one.embedded for one in first.models] == [100, 100]
    before = ids_in(tmp_path, "bench-whole")
    second = index.bench_models(*reversed(ARTICLES), sample=100, **how)
    assert [one.embedded for one in second.models] == [0, 0]
    assert ids_in(tmp_path, "bench-whole") == before
    more = index.bench_models(*ARTICLES, sample=110, **how)
    assert [one.embedded for one in more.models] == [10, 10]
    assert ids_in(tmp_path, "bench-whole") > before
    other = index.bench_models(*ARTICLES, sample=100, seed=7, **how)
    drawn = ids_in(tmp_path, "bench-whole")
    assert (len(drawn), drawn != before, drawn >= JUDGED) == (100, True, True)
    assert other.sample.articles == 100


def test_a_stopped_run_goes_on(tmp_path: Path, models: tuple[str, str]) -> None:
    index, stop = vecindex.open(tmp_path), vecindex.Stop()
    stop.request()
    how: dict[str, Any] = {"questions": QUESTIONS, "models": list(models), "sample": 50}
    with pytest.raises(Interrupted, match="Stopped while the sample was embedded by"):
        index.bench_models(*ARTICLES, stop=stop, **how)
    assert index.bench_models(*ARTICLES, **how).sample.articles == max(50, len(JUDGED))


def test_models_that_are_alike(tmp_path: Path, models: tuple[str, str]) -> None:
    whole, _ = models
    twin = save_static(tmp_path / "twin" / "whole")
    result = vecindex.open(tmp_path / "db").bench_models(
        *ARTICLES, questions=QUESTIONS, models=[whole, str(twin)], sample=60
    )
    assert [one.table for one in result.models] == ["bench-whole", "bench-whole-2"]
    assert result.models[0].mean == result.models[1].mean
    assert "is not shown to be worse: +0.000 (+0.000 to +0.000)." in " ".join(result.reasons)


def test_names_of_tables() -> None:
    assert list(_tables(["BAAI/bge-small", "/x/y z/", "../bge-small", "..."]).values()) == [
        "bench-bge-small",
        "bench-y-z",
        "bench-bge-small-2",
        "bench-model",
    ]


@pytest.mark.parametrize(
    ("sources", "options", "kind", "told"),
    [
        ([], {}, ConfigError, "no source given"),
        (ARTICLES, {"models": "one"}, ConfigError, "From 2 to 8 models can be compared, found 1"),
        (ARTICLES, {"questions": None}, ConfigError, "Questions with known answers are needed"),
        (ARTICLES, {"questions": ["a text"]}, ConfigError, "has no judgments"),
        (["/nowhere.jsonl"], {}, SourceError, "nowhere"),
        (
            ARTICLES,
            {"questions": [{"text": "q", "answers": ["x"]}]},
            ConfigError,
            "No judged article is in",
        ),
        (ARTICLES, {"models": "/nowhere/model,/nowhere/other"}, ModelError, "No model folder"),
    ],
)
def test_wrong_inputs(
    tmp_path: Path,
    models: tuple[str, str],
    sources: list[str],
    options: dict[str, Any],
    kind: type[Exception],
    told: str,
) -> None:
    with pytest.raises(kind, match=told):
        vecindex.open(tmp_path).bench_models(*sources, **{"questions": QUESTIONS, "models": list(models), **options})

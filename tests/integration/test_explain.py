"""`--explain`: pseudo-questions with the real model on the sample, and the other experiments on planted tables."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from planted import KnownModel, make_table, put_map
from reference.nearest import nearest
from vecindex.core.overlap import distinct_ratio
from vecindex.core.vectors import normalize
from vecindex.store import articles as store
from vecindex.store.database import Database
from vecindex.verbs.overlap.causes.experiments import Experiment, Outcome
from vecindex.verbs.overlap.diagnose import Cause, Confidence
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.overlap.result import OverlapResult
from vecindex.verbs.reader import TableReader

N, Q, D = 300, 40, 16
QUESTIONS = Path(__file__).resolve().parents[2] / "examples/questions-cell-biology.jsonl"
EXAM = (
    "It is nine o'clock on a rainy Monday in the examination hall, and a 34-year-old candidate, who has slept badly "
    "and left her umbrella on the bus, turns over the third sheet: {}. Which one of the options A to E would the "
    "committee accept, given that it allows a single choice, deducts half a mark for each wrong one, and hears no "
    "appeals afterwards? Her neighbor coughs, the clock ticks, and the invigilator walks slowly past the windows, "
    "where the buses stop and the children of the school next door are shouting."
)
GERMAN = (
    "welcher teil der zelle erzeugt energie",
    "wie werden zellen kaputte proteine und anderen abfall los",
    "warum welken pflanzen wenn man das giessen vergisst",
    "warum brauchen zellen eine membran",
    "wie gelangt zucker in die zellen hinein",
    "wie ziehen sich muskeln zusammen",
    "wie senden nervenzellen nachrichten",
    "was verursacht das down-syndrom",
)


def by_name(found: OverlapResult, name: str) -> Experiment:
    return next(e for e in found.experiments if e.name == name)


def asked(folder: Path, wording: str = "{}") -> str:
    """Return a file of the sample's questions, reworded, without their answers."""
    rows = [json.loads(line) for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps({"question": wording.format(row["question"])}) + "\n" for row in rows))
    return str(file)


@pytest.fixture(scope="module")
def sample_copy(sample_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shutil.copytree(sample_db, tmp_path_factory.mktemp("copy") / "db")


@pytest.fixture(scope="module")
def without_cells(sample_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shutil.copytree(sample_db, tmp_path_factory.mktemp("without") / "db")
    assert vecindex.open(folder).delete(where="topic = 'cell biology'").deleted == 96
    return folder


def test_a_missing_topic_is_told_from_wording(without_cells: Path, tmp_path: Path) -> None:
    # Questions on cells against articles on everything else: far, while articles worded like them are near.
    index = vecindex.open(without_cells)
    before = index.overlap(asked(tmp_path))
    assert before.causes[0].cause is Cause.COVERAGE_OR_STYLE
    assert before.space.pseudo_percentile is None
    found = index.overlap(asked(tmp_path), explain=True)
    assert found.space.nearest_percentile > 95
    assert found.space.pseudo_percentile is not None
    assert found.space.pseudo_percentile < 50
    assert (found.causes[0].cause, found.causes[0].confidence) == (Cause.COVERAGE, Confidence.HIGH)
    assert by_name(found, "pseudo-questions").outcome is Outcome.REFUTES
    # What was found is known from then on, and with other articles no more.
    after = index.overlap(asked(tmp_path))
    assert (after.causes[0].cause, after.experiments) == (Cause.COVERAGE, before.experiments)
    assert after.space.pseudo_percentile == found.space.pseudo_percentile
    assert after.answer is not None
    assert "the experiments" in after.answer.done
    index = vecindex.open(shutil.copytree(without_cells, tmp_path / "db"))
    index.delete(after.rows[0].neighbors[0].id)
    assert index.overlap(asked(tmp_path)).space.pseudo_percentile is None


def test_a_style_gap_is_told_from_a_missing_topic(sample_copy: Path, tmp_path: Path) -> None:
    # The same questions where their articles are, buried in an examination: stored articles are as far, so worded.
    index = vecindex.open(sample_copy)
    plain = index.overlap(asked(tmp_path), explain=True)
    assert plain.space.nearest_percentile < 50
    assert plain.space.pseudo_percentile is not None
    assert plain.space.pseudo_percentile < 50
    found = index.overlap(asked(tmp_path, EXAM), explain=True)
    assert found.space.nearest_percentile > 90
    assert found.space.pseudo_percentile is not None
    assert found.space.pseudo_percentile > 90
    assert found.causes[0].cause is Cause.STYLE


def test_another_language_is_not_decided(without_cells: Path) -> None:
    found = vecindex.open(without_cells).overlap(GERMAN, explain=True)
    experiment = by_name(found, "pseudo-questions")
    assert experiment.figures["words known to the articles"] < 0.4
    assert experiment.outcome is Outcome.UNDECIDED
    assert found.space.pseudo_percentile is None
    assert found.causes[0].cause is Cause.COVERAGE_OR_STYLE


def test_pseudo_questions_are_not_kept(sample_copy: Path, tmp_path: Path) -> None:
    index = vecindex.open(sample_copy)
    index.overlap(asked(tmp_path))
    table = Database(sample_copy).connection.open_table("questions")
    rows = table.count_rows()
    first = index.overlap(asked(tmp_path), explain=True)
    assert table.count_rows() == rows
    assert index.overlap(asked(tmp_path), explain=True).experiments == first.experiments


# -- planted ------------------------------------------------------------------------------------------------------


class AnyModel(KnownModel):
    """Knows the questions, and gives every other text a vector near that of the article it names."""

    def __init__(self, vectors: dict[str, np.ndarray], articles: np.ndarray) -> None:
        super().__init__(vectors)
        self.articles = articles

    def embed(self, texts: Any, *_: Any) -> np.ndarray:
        for text in texts:
            if text not in self.known:
                numbers = [int(word[1:]) for word in text.split() if word[1:].isdigit() and word[0] == "a"]
                self.known[text] = self.articles[numbers[0]] if numbers else np.ones(self.articles.shape[1])
        return super().embed(texts)


def ask(
    folder: Path, articles: np.ndarray, questions: np.ndarray, xy: np.ndarray | None = None, **options: Any
) -> OverlapResult:
    ids = [f"a{i:05d}" for i in range(len(articles))]
    make_table(folder / "db", articles, ids)
    if xy is not None:
        put_map(folder / "db", "m", ids, xy)
    known = {f"question {i}": vector for i, vector in enumerate(questions)}
    model: Any = AnyModel(known, articles)
    return overlap(Database(folder / "db"), "articles", list(known), {**options}, model)


def on_a_sheet(xy: np.ndarray) -> np.ndarray:
    vectors = np.zeros((len(xy), D))
    vectors[:, :2], vectors[:, 2] = 2 * xy, 1.0
    return normalize(vectors)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_hubs_are_proved_by_csls(tmp_path: Path, rng: np.random.Generator) -> None:
    common = np.eye(64)[0] * 1.5
    articles = common + rng.normal(size=(N, 64)) / 4
    articles[:5] = common + rng.normal(size=(5, 64)) / 40
    articles = normalize(articles)
    questions = normalize(common + rng.normal(size=(Q, 64)) / 4)
    found = ask(tmp_path, articles, questions, explain=True, sample=N)
    experiment = by_name(found, "ranked by CSLS")
    assert experiment.outcome is Outcome.SUPPORTS
    assert found.causes[0].cause is Cause.HUBS
    assert found.causes[0].confidence is Confidence.HIGH
    # Against the formula over whole matrices.
    rows, dist = nearest(questions, articles, 100)
    own = articles.astype(float) @ articles.T.astype(float)
    np.fill_diagonal(own, -np.inf)
    density = np.sort(own, axis=1)[:, ::-1][:, :10].mean(axis=1)
    order = np.argsort(density[rows] - 2 * (1 - dist), axis=1, kind="stable")
    ranked = np.take_along_axis(rows, order, axis=1)
    assert experiment.figures["distinct_ratio by CSLS"] == pytest.approx(distinct_ratio(ranked, 5), abs=0.01)


def test_no_hubs_are_refuted(tmp_path: Path, rng: np.random.Generator) -> None:
    xy = rng.random((N, 2)) * 2 - 1
    found = ask(tmp_path, on_a_sheet(xy), on_a_sheet(rng.random((Q, 2)) * 2 - 1), xy, explain=True)
    assert by_name(found, "ranked by CSLS").outcome is Outcome.REFUTES
    assert by_name(found, "the same vectors by PCA").outcome is not Outcome.SUPPORTS
    assert by_name(found, "near-duplicates merged").outcome is Outcome.REFUTES
    assert found.causes[0].cause is Cause.HEALTHY


def test_a_shuffled_map_is_proved_by_pca(tmp_path: Path, rng: np.random.Generator) -> None:
    xy = rng.random((N, 2)) * 2 - 1
    articles = on_a_sheet(xy)
    found = ask(tmp_path, articles, on_a_sheet(rng.random((Q, 2)) * 2 - 1), rng.permutation(xy), explain=True)
    experiment = by_name(found, "the same vectors by PCA")
    assert found.causes[0].cause is Cause.STALE_MAP
    assert experiment.outcome is Outcome.SUPPORTS
    # A sheet bent a little: two components hold it nearly whole.
    assert experiment.figures["agreement by PCA"] > 0.95
    assert experiment.figures["self_recall by PCA"] > 0.5


def test_near_duplicates_are_proved_without_asking(tmp_path: Path, rng: np.random.Generator) -> None:
    xy = np.repeat(rng.random((N // 30, 2)) * 2 - 1, 30, axis=0)
    articles = normalize(on_a_sheet(xy) + 1e-4 * rng.normal(size=(N, D)))
    questions = normalize(on_a_sheet(xy[::30]) + 1e-2 * rng.normal(size=(N // 30, D)))
    found = ask(tmp_path, articles, questions, xy + 0.001 * rng.normal(size=(N, 2)))
    assert by_name(found, "near-duplicates merged").outcome is Outcome.SUPPORTS
    assert {e.name for e in found.experiments} == {
        "near-duplicates merged",
        "best position against the median baseline",
        "cohesion of the true neighbors against the overlap",
    }


def test_broad_questions_are_proved_by_the_correlation(tmp_path: Path, rng: np.random.Generator) -> None:
    # Every other question asks for two or three distant things at once, and has its neighbors in as many places.
    xy = rng.random((N, 2)) * 2 - 1
    articles = np.zeros((N, N + 3))
    articles[:, :3] = 0.05 * on_a_sheet(xy)[:, :3]
    articles[np.arange(N), 3 + np.arange(N) // 5 * 5] = 1.0
    articles = normalize(articles)
    groups = N // 5
    questions = []
    for i in range(Q):
        mixed = rng.choice(groups, 5 if i % 2 else 1, replace=False)
        questions.append(articles[mixed * 5].sum(axis=0))
    places = np.repeat(rng.random((groups, 2)), 5, axis=0) + 1e-4 * rng.random((N, 2))
    found = ask(tmp_path, articles, normalize(np.stack(questions)), places)
    experiment = by_name(found, "cohesion of the true neighbors against the overlap")
    assert experiment.outcome is Outcome.SUPPORTS
    assert experiment.figures["rank correlation"] > 0.6


def test_answers_that_are_not_found_are_not_healthy(tmp_path: Path, rng: np.random.Generator) -> None:
    xy = rng.random((N, 2)) * 2 - 1
    articles, questions = on_a_sheet(xy), on_a_sheet(rng.random((Q, 2)) * 2 - 1)
    ids = [f"a{i:05d}" for i in range(N)]
    make_table(tmp_path / "db", articles, ids)
    put_map(tmp_path / "db", "m", ids, xy)
    known: Any = KnownModel({f"question {i}": v for i, v in enumerate(questions)})
    far = nearest(questions, articles, N)[0][:, -1]
    for name, answers, cause in (
        ("wrong", far, Cause.ANSWERS),
        ("right", nearest(questions, articles, 1)[0][:, 0], Cause.HEALTHY),
    ):
        file = tmp_path / f"{name}.csv"
        file.write_text("question,answers\n" + "".join(f"question {i},{ids[a]}\n" for i, a in enumerate(answers)))
        found = overlap(Database(tmp_path / "db"), "articles", str(file), {}, known)
        assert found.causes[0].cause is cause
        assert found.maps[0].search.overlap.mean > 0.6


def test_explaining_reads_the_vectors_once_more_and_depends_on_no_block(
    tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    xy = rng.random((N, 2)) * 2 - 1
    questions = on_a_sheet(rng.random((Q, 2)) * 2 - 1)
    passes: list[int] = []
    blocks = TableReader.blocks
    monkeypatch.setattr(TableReader, "blocks", lambda self: (passes.append(1), blocks(self))[1])
    first = ask(tmp_path / "a", on_a_sheet(xy), questions, xy, explain=True)
    # One of them is for the ceiling, which the table has no graph for.
    assert len(passes) == 3
    monkeypatch.setattr(store, "_SCAN_ROWS", 37)
    again = ask(tmp_path / "b", on_a_sheet(xy), questions, xy, explain=True)
    for one, other in zip(first.experiments, again.experiments, strict=True):
        assert (one.name, one.outcome) == (other.name, other.outcome)
        assert list(one.figures.values()) == pytest.approx(list(other.figures.values()), abs=1e-6)

"""Hostile inputs of evaluate, compare, bench-models and overlap by a ranker: one message, one exit code, no file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tables import OTHER_WEIGHTS, append, make_table, unit_vectors
from vecindex.verbs.questions.model import QuestionModel

Run = Callable[..., Any]
N, D = 120, 8

FILES: dict[str, str | bytes] = {
    "q.jsonl": '{"id": "q1", "question": "what 1", "answers": ["a1"]}\n{"id": "q2", "question": "what 2"}\n',
    "none.jsonl": '{"id": "q1", "question": "what 1"}\n',
    "empty.jsonl": "",
    "blank.jsonl": "\n\n",
    "bytes.jsonl": bytes(range(256)),
    "other.jsonl": '{"x": 1}\n',
    "answers.jsonl": '{"id": "q1", "question": "what 1", "answers": [1, null]}\n',
    "nan.jsonl": '{"id": "q1", "question": "what 1", "answers": {"a1": NaN}}\n',
    "nan.tsv": "q1\ta1\tnan\n",
    "inf.tsv": "q1\ta1\tinf\n",
    "half.tsv": "q1\ta1\t1.5\n",
    "huge.tsv": "q1\ta1\t99999999999999999999\n",
    "word.tsv": "q1\ta1\tgood\n",
    "two.tsv": "q1\ta1\n",
    "five.tsv": "q1 0 a1 1 more\n",
    "head.tsv": "query-id\tcorpus-id\tscore\n",
    "swapped.tsv": "a1\tq1\t1\n",
    "articles.tsv": "q1\tnope\t1\n",
    "long.tsv": "q1\t" + "x" * 100_000 + "\t1\n",
    "nul.tsv": "q1\t\0\t1\n",
    "questions.tsv": "zz\ta1\t1\n",
    "latin.tsv": "q1\tcaf\u00e9\t1\n".encode("latin-1"),
    "list.json": "[1, 2]",
    "deep.json": "[" * 100_000,
    "true.json": '{"q1": {"a1": true}}',
    "nan.json": '{"q1": {"a1": NaN}}',
    "null.json": '{"q1": null}',
    "text.json": '"x"',
}
REFUSED: list[tuple[str, int, str]] = [
    *((f"evaluate -q q.jsonl --qrels {name}", 3, "no whole number") for name in ("nan.tsv", "inf.tsv", "half.tsv")),
    ("evaluate -q q.jsonl --qrels huge.tsv", 3, "beyond 1,000"),
    ("evaluate -q q.jsonl --qrels word.tsv", 3, "'good' is no whole number"),
    ("evaluate -q q.jsonl --qrels two.tsv", 3, "a line of 2 columns"),
    ("evaluate -q q.jsonl --qrels five.tsv", 3, "a line of 5 columns"),
    ("evaluate -q q.jsonl --qrels head.tsv", 3, "No judgment in head.tsv"),
    ("evaluate -q q.jsonl --qrels swapped.tsv", 3, "The columns seem to be swapped"),
    ("evaluate -q q.jsonl --qrels articles.tsv", 2, "their ids are 'nope'"),
    ("evaluate -q q.jsonl --qrels long.tsv", 2, "No article that long.tsv judges"),
    ("evaluate -q q.jsonl --qrels nul.tsv", 2, "No article that nul.tsv judges"),
    ("evaluate -q q.jsonl --qrels questions.tsv", 3, "its ids are 'zz'"),
    ("evaluate -q q.jsonl --qrels latin.tsv", 3, "not valid UTF-8"),
    ("evaluate -q q.jsonl --qrels list.json", 3, "expected an object"),
    ("evaluate -q q.jsonl --qrels deep.json", 3, "found no JSON"),
    ("evaluate -q q.jsonl --qrels true.json", 3, "no whole number"),
    ("evaluate -q q.jsonl --qrels nan.json", 3, "no whole number"),
    ("evaluate -q q.jsonl --qrels null.json", 3, "expected an object of grades"),
    ("evaluate -q q.jsonl --qrels text.json", 3, "expected an object"),
    ("evaluate -q q.jsonl --qrels nowhere.tsv", 3, "no such file"),
    ("evaluate -q q.jsonl --qrels .", 3, "found a folder"),
    ("evaluate -q q.jsonl --qrels -", 3, "No judgment in stdin"),
    ("evaluate -q none.jsonl", 2, "has no judgments"),
    *((f"evaluate -q {name}.jsonl", 3, "No question in") for name in ("empty", "blank", "bytes", "other")),
    ("evaluate -q answers.jsonl", 3, "answers is not a list of ids"),
    ("evaluate -q nan.jsonl", 3, "answers is not a list of ids"),
    ("evaluate -q nowhere.jsonl", 3, "no such file"),
    ("evaluate", 2, "Questions with known answers are needed"),
    *((f"evaluate -q q.jsonl --depth {n}", 2, "--depth must be from 100 to 1,000") for n in (-1, 1, 99_999_999)),
    ("evaluate -q q.jsonl --min-grade 0", 2, "--min-grade must be at least 1"),
    ("evaluate -q q.jsonl --seed -1", 2, "--seed must be at least 0"),
    ("evaluate -q q.jsonl --seed 99999999999999999999999", 2, "--seed is a whole number"),
    ("evaluate -q q.jsonl --rankers ,", 2, "names no ranker"),
    ("evaluate -q q.jsonl --rankers words+words", 2, "is no way to rank"),
    ("evaluate -q q.jsonl --rankers meaning+rerank", 2, "A reranker is needed"),
    ("evaluate -q q.jsonl --words-weight 0.9", 2, "is that of a hybrid ranking"),
    ("evaluate -q q.jsonl --words-weight nan --rankers hybrid", 2, "must be from 0 to 1"),
    ("evaluate -q q.jsonl --at nope", 2, "has no tag 'nope'"),
    ("evaluate -q q.jsonl --against nope", 2, "has no tag 'nope'"),
    ("evaluate -q q.jsonl --table nope", 5, "No table 'nope'"),
    *((f"evaluate -q q.jsonl --fail-under {s}", 2, "--fail-under") for s in ("map", "map=nan", "foo=0.5", "map=2")),
    ("evaluate -q q.jsonl --html no/folder.html", 2, "Cannot write no/folder.html"),
    ("evaluate -q q.jsonl --html q.jsonl", 2, "is the file that the questions are read from"),
    ("evaluate -q q.jsonl --csv /dev/full", 2, "No space left on device"),
    ("compare articles -q q.jsonl", 2, "From 2 to 8 tables can be compared, found 1"),
    ("compare articles nope -q q.jsonl", 5, "or make it: vecindex ingest SOURCE --table nope --db db"),
    ("compare articles@ other -q q.jsonl", 5, "is no table and no tag of one"),
    ("compare articles@nope other -q q.jsonl", 2, "has no tag 'nope'"),
    ("compare articles other articles -q q.jsonl", 2, "articles is named twice"),
    ("compare ../articles other -q q.jsonl", 5, "No table 'articles' in .. (tables there: none)"),
    ("compare db other -q q.jsonl", 5, "db is a database, not a table"),
    ("compare no/db/articles other -q q.jsonl", 5, "No table no/db/articles: there is no folder no/db"),
    ("compare articles other -q q.jsonl --html q.jsonl/no", 2, "Cannot write q.jsonl/no"),
    ("compare articles other -q empty.jsonl", 3, "No question in"),
    ("compare articles other -q q.jsonl --ranker meaning,words", 2, "is no way to rank"),
    ("compare articles other -q q.jsonl --qrels articles.tsv", 2, "No article that articles.tsv judges"),
    ("compare articles foreign -q q.jsonl", 2, "No article that q.jsonl judges"),
    ("bench-models q.jsonl -q q.jsonl --models a --into bm", 2, "From 2 to 8 models can be compared"),
    (
        "bench-models q.jsonl -q q.jsonl --models all-MiniLM-L6-v2,/nowhere --into bm",
        4,
        "No model folder at",
    ),
    ("bench-models q.jsonl -q q.jsonl --models a,b --sample 5 --into bm", 2, "--sample must be at least 10"),
    ("bench-models q.jsonl -q none.jsonl --models a,b --into bm", 4, "is not on this machine"),
    (
        "overlap -q q.jsonl --ranker nope",
        2,
        "There are: meaning, words, hybrid, each perhaps with",
    ),
    ("compare articles other -q q.jsonl --ranker nope", 2, "There are: meaning, words, hybrid, approximate, each"),
    ("overlap -q q.jsonl --html no/folder.html", 2, "Cannot write no/folder.html"),
    ("overlap -q q.jsonl --ranker approximate", 2, "measured on exact lists alone"),
    ("overlap -q q.jsonl --ranker hybrid --explain", 2, "experiments with distances of vectors"),
    ("overlap -q q.jsonl --ranker hybrid --what-if corpus", 2, "experiments with distances of vectors"),
    ("overlap -q q.jsonl --ranker words -k 101", 2, "-k must be from 1 to 100"),
    ("overlap -q q.jsonl --ranker words+rerank", 2, "A reranker is needed"),
    ("overlap -q q.jsonl --ranker hybrid --map nope", 2, "has no map 'nope'"),
    ("overlap -q q.jsonl --rrf-k 9", 2, "is that of a hybrid ranking"),
    ("overlap -q q.jsonl --ranker words --seed -1", 2, "--seed must be at least 0"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files and a database of three tables; one of them has other ids."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, data in FILES.items():
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    for number, name in enumerate(("articles", "other", "foreign")):
        table = make_table(folder / "db", name=name, dimension=D, weights=OTHER_WEIGHTS)
        prefix = "z" if name == "foreign" else "a"
        append(table, unit_vectors(N, D, seed=number), ids=[f"{prefix}{i}" for i in range(N)])
    return folder


@pytest.mark.parametrize(("typed", "code", "message"), [pytest.param(*one, id=one[0]) for one in REFUSED])
def test_it_is_refused_in_one_message(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, typed: str, code: int, message: str
) -> None:
    vectors = unit_vectors(N, D)
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: vectors[: len(texts)])
    monkeypatch.chdir(folder)
    before = {path.name for path in folder.iterdir()}
    database = [] if "--into" in typed else ["--db", "db"]
    done = run(*typed.split(), *database)
    assert done.code == code, done.err
    # Only what no look at the folder shows is found after the measurement, which is then printed.
    assert done.out == "" or "/dev/full" in typed
    assert message in done.err
    assert done.err.count("error: ") == 1
    assert "Warning" not in done.err
    assert len(done.err) < 3_000
    assert {path.name for path in folder.iterdir()} - before <= {"bm"}


def test_there_are_many() -> None:
    assert len(REFUSED) >= 60


@pytest.mark.parametrize("name", ["negative", "double", "zeros", "mark"])
def test_odd_judgments_that_mean_something_are_taken(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    lines = {
        "negative": "q1\ta1\t-1\nq1\ta0\t2\n",
        "double": "q1\ta1\t1\nq1\ta1\t2\n",
        "zeros": "q1\ta1\t0\n",
        "mark": "\ufeffq1\ta1\t1\r\n",
    }
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: unit_vectors(N, D)[: len(texts)])
    monkeypatch.chdir(folder)
    Path("odd.tsv").write_text(lines[name], encoding="utf-8")
    done = run("evaluate", "-q", "q.jsonl", "--qrels", "odd.tsv", "--db", "db", "--json")
    assert done.code == 0, done.err
    found = done.json["judged_by"]
    assert (found["judgments"], found["relevant"]) == {"negative": (2, 1), "zeros": (1, 0)}.get(name, (1, 1))
    assert ("judged again with another grade" in " ".join(done.json["notes"])) is (name == "double")


def test_a_question_whose_words_match_nothing_is_measured(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import vecindex

    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: unit_vectors(N, D)[: len(texts)])
    monkeypatch.chdir(folder)
    vecindex.open("db", "other").project(method="pca")
    done = run("overlap", "--question", "zzqq xxyy", "--ranker", "words", "--table", "other", "--db", "db", "--json")
    assert done.code == 0, done.err
    assert "Warning" not in done.err
    (one,) = done.json["maps"]
    assert (one["search"]["overlap"]["mean"], one["targets_outside"], done.json["ranked"]["short"]) == (0, 0, 1)

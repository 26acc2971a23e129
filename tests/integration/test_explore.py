"""`explore`: the chain of verbs, what a second run does again, what each change brings, and kills in each step."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from tables import Notices
from vecindex.core.vectors import normalize
from vecindex.errors import ConfigError, Interrupted, LockedError, SourceError
from vecindex.store.database import Database
from vecindex.store.maps import maps
from vecindex.verbs.explore.result import ExploreResult
from vecindex.verbs.questions.model import QuestionModel

D, N = 16, 120


def clusters(n: int = N, seed: int = 0) -> np.ndarray:
    """Return unit vectors (n, D) in clusters of ten."""
    rng = np.random.default_rng(seed)
    return normalize(np.repeat(rng.normal(size=(-(-n // 10), D)), 10, axis=0)[:n] + 0.5 * rng.normal(size=(n, D)))


def between(first: int) -> np.ndarray:
    """Return eight questions near to articles of theirs, each between two of a cluster."""
    found: np.ndarray = clusters()[first:80:10] + clusters()[first + 1 : 81 : 10]
    return found


class World:
    """A corpus with vectors of its own, a file of questions with planted ones, a database and a folder for pages."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.known = folder, dict[str, list[float]]()
        self.articles, self.questions = folder / "articles.jsonl", folder / "questions.jsonl"
        self.seen: list[str] = []

    def corpus(self, vectors: np.ndarray, first: str = "a") -> None:
        rows = [{"id": f"{first}{i:03d}", "text": f"text {i}", "v": v.tolist()} for i, v in enumerate(vectors)]
        self.articles.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def ask(self, vectors: np.ndarray, name: str = "question") -> None:
        """Write a question for each vector."""
        texts = [f"{name} number {i}" for i in range(len(vectors))]
        self.known |= dict(zip(texts, normalize(vectors).tolist(), strict=True))
        self.questions.write_text(
            "".join(json.dumps({"id": f"q{i}", "text": text}) + "\n" for i, text in enumerate(texts))
        )
        (self.folder / "known.json").write_text(json.dumps(self.known))

    @property
    def how(self) -> dict[str, Any]:
        return {"vector_field": "v", "unverified": True, "model": "planted", "out": self.folder / "pages"}

    def explore(self, questions: bool = True, **options: Any) -> ExploreResult:
        seen = Notices()
        try:
            return vecindex.open(self.folder / "db").explore(
                self.articles,
                questions=self.questions if questions else None,
                observer=seen,
                **{**self.how, **options},
            )
        finally:
            self.seen = [line for line in seen.lines if line.startswith("step")]

    def ids_of_maps(self) -> dict[str, str]:
        """Return what distinguishes each state of each map."""
        return {name: about["id"] for name, about in maps(Database(self.folder / "db").articles("articles")).items()}


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: np.array([made.known[t] for t in texts]))
    made.corpus(clusters())
    made.ask(between(0))
    return made


def did(result: ExploreResult) -> tuple[int, str | None, str | None]:
    """Return the vectors that were stored, and what was done to both maps."""
    return (
        result.ingest.vectors,
        None if result.project is None else result.project.action,
        None if result.anchor is None else result.anchor.action,
    )


def test_a_missed_goal_anchors_a_map_and_a_second_run_does_nothing_again(world: World) -> None:
    first = world.explore(goal=1.0)
    assert (did(first), first.met, first.anchored) == ((N, "made", "made"), False, "anchored")
    assert [line.split(": ")[0] for line in world.seen] == [f"step {i} of 5" for i in range(1, 6)]
    assert first.overlap is not None
    assert first.anchor is not None
    assert first.anchor.anchor is not None
    on_map, on_anchored = (
        next(m for m in first.overlap.maps if m.name == name).search.overlap for name in ("map", "anchored")
    )
    held_out = first.anchor.anchor.held_out
    assert held_out is not None
    summary = first.summary
    assert summary.kept == (
        f"On average {5 * on_map.mean:.1f} of a question's 5 nearest articles are still its nearest on the map "
        f'"map": {100 * on_map.mean:.0f} %. The goal of 100 % is missed.'
    )
    kept = f"{5 * on_anchored.mean:.1f} of 5 ({100 * on_anchored.mean:.0f} %)"
    assert summary.done == (
        f'Added {N} rows; made the map "map"; laid out the map "anchored" for these questions; it keeps {kept}.'
    )
    assert str(summary.expect).startswith(
        f'Other questions: on the map "anchored" {100 * held_out.overlap.mean:.0f} %, as questions kept that were '
        'held out of the layout; on the map "map" if they are like these, '
    )
    assert str(summary.command).startswith("index.overlap(questions=")
    pages = world.folder / "pages"
    assert first.page_file is not None
    assert first.report_file is not None
    assert (first.page_file.path, first.report_file.path) == (str(pages / "map.html"), str(pages / "overlap.html"))
    assert first.page_file.bytes == (pages / "map.html").stat().st_size
    assert first.page.picture.map == "anchored"
    assert len(first.page.picture.questions) == 8
    assert "anchored" in (pages / "overlap.html").read_text()

    there = world.ids_of_maps()
    (pages / "map.html").unlink()
    again = world.explore(goal=1.0)
    assert (did(again), again.met, again.anchored) == ((0, None, None), False, "anchored")
    assert again.overlap is not None
    assert (again.ingest.skipped, again.overlap.embedded) == (N, 0)
    assert world.ids_of_maps() == there
    assert again.summary.kept == summary.kept
    assert again.summary.expect == summary.expect
    assert str(again.summary.done).startswith(
        'No row was new; the map "map" holds all rows and stayed; the map "anch'
    )
    assert (pages / "map.html").exists(), "the pages are written in each run"


def test_a_goal_that_is_met_needs_no_other_map(world: World) -> None:
    found = world.explore(goal=0.0)
    assert (did(found), found.met, found.anchored) == ((N, "made", None), True, None)
    assert list(world.ids_of_maps()) == ["map"]
    assert world.seen[3] == "step 4 of 5: the goal is met, so no map is laid out for the questions"
    assert str(found.summary.kept).endswith("The goal of 0 % is met.")
    assert str(found.summary.expect).startswith('Other questions: on the map "map" if they are like these, ')
    assert found.page.picture.map == "map"


def test_each_change_brings_what_it_needs(world: World) -> None:
    world.explore(goal=1.0)
    # A row that is new and one that changed: both are placed, and the map is not made again.
    world.corpus(np.concatenate([clusters()[:-1], clusters(2, seed=9)]))
    changed = world.explore(goal=1.0)
    assert (did(changed), changed.ingest.added, changed.ingest.changed) == ((2, "updated", "rebuilt"), 1, 1)
    assert changed.project is not None
    assert changed.project.placed is not None
    assert changed.project.placed.articles == 2
    assert str(changed.summary.done).startswith("Added 1 row, changed 1 row; placed 2 rows")
    assert 'placed 2 rows on the map "map", where nothing else moved' in str(changed.summary.done)
    # Another strength, and other questions: only the anchored map is made again.
    assert did(world.explore(goal=1.0, strength="gentle")) == (0, None, "rebuilt")
    world.ask(between(5), "other question")
    assert did(world.explore(goal=1.0, strength="gentle")) == (0, None, "rebuilt")
    assert did(world.explore(goal=1.0, strength="gentle")) == (0, None, None)
    # Rows that are gone: nothing is due, and what is left is measured.
    world.corpus(np.concatenate([clusters()[:-1], clusters(1, seed=9)]))
    pruned = world.explore(goal=1.0, strength="gentle", prune=True)
    assert (did(pruned), pruned.ingest.pruned) == ((0, None, None), 1)
    assert str(pruned.summary.done).startswith("No row was new, removed 1 row; ")


def test_without_questions_it_makes_the_map(world: World) -> None:
    found = world.explore(questions=False)
    assert (did(found), found.met, found.overlap) == ((N, "made", None), None, None)
    assert [line.split(": ")[0] for line in world.seen] == [f"step {i} of 3" for i in (1, 2, 3)]
    assert found.project is not None
    assert found.project.scores is not None
    recall = found.project.scores.recall[5]
    assert recall is not None
    kept = f'Of an article\'s 5 nearest others, {5 * recall.mean:.1f} are its nearest on the map "map"'
    assert str(found.summary.kept).startswith(kept)
    assert (found.summary.cause, found.summary.expect) == (None, None)
    assert "questions=QUESTIONS" in str(found.summary.command)
    assert not (world.folder / "pages" / "overlap.html").exists()


def test_one_question(world: World) -> None:
    world.ask(between(0)[:1])
    found = world.explore(goal=1.0)
    assert did(found) == (N, "made", "made")
    assert found.summary.expect == (
        'Other questions: on the map "anchored" not known, for no questions were held out when the map was laid out; '
        'on the map "map" not known from so few questions.'
    )
    assert str(found.summary.kept).startswith("Of the question's 5 nearest articles ")


def test_questions_without_near_articles_get_no_map(world: World) -> None:
    corpus = clusters()
    corpus[:, D // 2 :] = 0
    world.corpus(normalize(corpus))
    world.ask(np.eye(D)[-4:] + 0.1 * corpus[:4])
    found = world.explore(goal=1.0)
    assert (did(found), found.met, found.anchored) == ((N, "made", None), False, None)
    assert "topic is missing" in str(found.summary.cause)
    assert str(found.summary.done).endswith(
        "no map was laid out for the questions, which would not help: the questions' topic is missing, or their "
        "wording is too different."
    )
    assert str(found.summary.command) == f"index.overlap(questions='{world.questions}', explain=True)"


def test_three_articles_are_mapped_and_not_measured(world: World) -> None:
    world.corpus(clusters(3))
    found = world.explore()
    assert (did(found), found.met, found.overlap) == ((3, "made", None), None, None)
    assert found.summary.kept == (
        "Nothing is measured: the table has 3 articles, and all of them are among the 5 nearest of every question."
    )
    assert str(found.summary.command) == f"index.search(file='{world.questions}')"
    assert len(found.page.picture.questions) == 8


def test_where_chance_keeps_much_it_says_so(world: World) -> None:
    world.corpus(clusters(10))
    assert str(world.explore(goal=0.0).summary.kept).endswith("is met. Chance alone keeps 50 %.")


def test_sources_without_a_row(world: World) -> None:
    world.articles.write_text("")
    with pytest.raises(SourceError, match=r"^There is nothing to map: the sources hold no rows\.$"):
        world.explore()
    world.articles.write_text('{"id": "a", "text": 5, "v": [1]}\n' * 2)
    with pytest.raises(SourceError, match=r"all 2 rows were rejected\.\nSee why: index\.status\([^\n]*\)$"):
        world.explore()


def test_a_field_that_takes_a_column_of_the_map_leads_to_another_name(world: World) -> None:
    rows = [{"id": f"a{i}", "text": f"text {i}", "v": v.tolist(), "map_x": i} for i, v in enumerate(clusters(20))]
    world.articles.write_text("".join(json.dumps(row) + "\n" for row in rows))
    with pytest.raises(ConfigError, match="has a column 'map_x' of its own, so no map can be named 'map'") as refused:
        world.explore(questions=False)
    hint = str(refused.value.hint)
    assert re.search(r"^Choose another name: index\.explore\(.*articles\.jsonl'.*map=NAME\)$", hint)
    assert world.explore(questions=False, map="mine").map == "mine"


def test_a_fault_of_a_step_says_what_goes_on(world: World) -> None:
    again = rf"Then go on: index\.explore\('{world.articles}', questions='{world.questions}', .*goal=0\.9\)$"
    world.corpus(clusters(2))
    with pytest.raises(ConfigError, match=r"has 2 rows; a map needs at least 3\.") as failed:
        world.explore(goal=0.9)
    assert "go on" not in str(failed.value), "the same command would end the same way"
    with Database(world.folder / "db").writer(), pytest.raises(LockedError, match=again):
        world.explore(goal=0.9)
    world.questions.write_text("")
    with pytest.raises(SourceError, match=r"No question in questions\.jsonl"):
        world.explore()
    assert world.seen == [], "the questions are read before anything is embedded"
    with pytest.raises(ConfigError, match="cannot come from standard input"):
        vecindex.open(world.folder / "db").explore(world.articles, questions="-")
    (world.folder / "file").write_text("")
    with pytest.raises(ConfigError, match=r"out='.*file/pages': no such folder can be made: Not a directory"):
        world.explore(questions=False, out=world.folder / "file" / "pages")


def test_neither_database_nor_pages_lie_in_a_source(world: World, tmp_path: Path) -> None:
    (tmp_path / "texts").mkdir()
    within, elsewhere = vecindex.open(tmp_path / "texts" / "db"), vecindex.open(tmp_path / "db")
    with pytest.raises(
        ConfigError, match=r"^The database .*/texts/db lies in the source .*/texts, so that a later run"
    ):
        within.explore(tmp_path / "texts")
    with pytest.raises(ConfigError, match=r"^The folder for the pages .*/texts/pages lies in the source .*/texts, "):
        elsewhere.explore(world.articles, tmp_path / "texts", out=tmp_path / "texts" / "pages")
    for pattern in ("**", "texts/**/*", "*/d?/**", "texts/**/*.lance"):
        with pytest.raises(ConfigError, match=r"^The database .*/texts/db lies in the source .*\*"):
            within.explore(str(tmp_path / pattern))
    with pytest.raises(ConfigError, match=r"^The folder for the pages .* lies in the source .*/\*\.html, "):
        elsewhere.explore(str(tmp_path / "**" / "*.html"), out=tmp_path / "texts" / "pages")
    # Nothing of a database or of the pages is called so.
    with pytest.raises(SourceError, match="no file matches"):
        within.explore(str(tmp_path / "texts" / "**" / "*.jsonl"), out=tmp_path / "texts")
    assert list((tmp_path / "texts").iterdir()) == []


def test_a_hidden_database_is_in_no_pattern_but_one_of_hidden_files(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / ".mine" / "db")
    with pytest.raises(SourceError, match="no file matches"):
        index.explore(str(tmp_path / "**"))
    for pattern in (".mine/**", ".m*"):
        with pytest.raises(ConfigError, match="lies in the source"):
            index.explore(str(tmp_path / pattern))


def test_a_map_of_another_kind_is_refused(world: World) -> None:
    world.explore(goal=1.0)
    with pytest.raises(ConfigError, match=r"Map 'anchored' of .* is anchored to questions\.jsonl \(8 questions\); "):
        world.explore(map="anchored")
    other = world.explore(map="mine", goal=1.0)
    assert (did(other), other.anchored) == ((0, "made", "made"), "mine_anchored")
    assert did(world.explore(goal=1.0)) == (0, None, None)


def test_a_stop_ends_it_after_a_transaction(world: World) -> None:
    stop = vecindex.Stop()
    stop.request()
    with pytest.raises(Interrupted, match="Stopped after a transaction"):
        world.explore(stop=stop)
    assert did(world.explore(goal=0.0)) == (N, "made", None)


# Kills itself before or after a given call of a function.
CHILD = """
import json, os, signal, sys
from importlib import import_module
from pathlib import Path
import numpy as np
import vecindex
from vecindex.verbs.questions.model import QuestionModel

folder, module, name, call, place = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]
known = json.loads((folder / "known.json").read_text())
QuestionModel.embed = lambda self, texts, *_: np.array([known[t] for t in texts])
owner = import_module(module)
if "." in name:
    kind, name = name.split(".")
    owner = getattr(owner, kind)
step, calls = getattr(owner, name), 0

def deadly(*arguments, **options):
    global calls
    calls += 1
    if calls == call and place == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    result = step(*arguments, **options)
    if calls == call and place == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(owner, name, deadly)
vecindex.open(folder / "db").explore(
    folder / "articles.jsonl", questions=folder / "questions.jsonl", vector_field="v", unverified=True,
    model="planted", out=folder / "pages", goal=1.0, transaction_rows=50,
)
"""
CHAIN = "vecindex.verbs.explore.explore"
KILLS = [
    ("vecindex.store.articles", "ArticleTable.append", 2, "after"),
    ("vecindex.store.maps", "_swap_columns", 1, "before"),
    (CHAIN, "project", 1, "after"),
    (CHAIN, "overlap", 1, "after"),
    ("vecindex.store.maps", "_swap_columns", 1, "before"),
    (CHAIN, "project", 1, "after"),
    (CHAIN, "map_picture", 1, "after"),
    ("vecindex.verbs.overlap.result", "OverlapResult.write_html", 1, "before"),
]
"""In the ingest; before and after the map; after it is measured; before and after the anchored one; in the pages."""


# Nine processes.
@pytest.mark.timeout(1800)
def test_killed_in_each_step_it_goes_on_where_it_was(world: World) -> None:
    found = []
    for kill in KILLS:
        command = [sys.executable, "-c", CHILD, str(world.folder), *map(str, kill)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, (kill, done.stderr)
        rows = Database(world.folder / "db").articles("articles").count()
        pages = sorted(p.name for p in (world.folder / "pages").iterdir() if not p.name.startswith("."))
        found.append((rows, sorted(world.ids_of_maps()), pages))
    assert found == [
        (100, [], []),
        (N, [], []),
        (N, ["map"], []),
        (N, ["map"], []),
        (N, ["map"], []),
        (N, ["anchored", "map"], []),
        (N, ["anchored", "map"], []),
        (N, ["anchored", "map"], ["map.html"]),
    ]
    there = world.ids_of_maps()
    last = world.explore(goal=1.0)
    assert (did(last), last.ingest.skipped) == ((0, None, None), N)
    assert world.ids_of_maps() == there
    assert (world.folder / "pages" / "overlap.html").exists()

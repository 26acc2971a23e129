"""kill -9 while a map of a sample is placed and polished: the same command goes on, and gives the very same map."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from tables import Notices, append, make_table, map_xy
from vecindex.core.vectors import normalize
from vecindex.errors import LockedError
from vecindex.store.database import Database
from vecindex.store.unfinished.map import Part, UnfinishedMap
from vecindex.verbs.project.result import ProjectResult
from vecindex.verbs.project.sample import sampled, unfinished

D, N, LAID_OUT = 16, 900, 200
QUICK = {"early_iterations": 60, "iterations": 60, "finish_iterations": 30}
PLACED_AT_ONCE = 250

# Kills itself after it has stored for the time given, with all that is done so far.
CHILD = """
import os, signal, sys
import vecindex
from vecindex.verbs.project.sample import sampled, unfinished

folder, last = sys.argv[1], int(sys.argv[2])
unfinished.EVERY_S, sampled._PLACED = 0.0, {placed}
store, times = unfinished.Unfinished.store, 0

def deadly(kept):
    global times
    store(kept)
    times += 1
    if times == last:
        os.kill(os.getpid(), signal.SIGKILL)

unfinished.Unfinished.store = deadly
vecindex.open(folder).project("map", layout_rows={laid_out}, settings={quick}, **eval(sys.argv[3]))
"""


def planted() -> np.ndarray:
    """Return unit vectors around 90 directions; the last 20 repeat the first, one for one."""
    rng = np.random.default_rng(0)
    found = normalize(np.repeat(rng.normal(size=(90, D)), 10, axis=0) + 0.25 * rng.normal(size=(N, D)))
    found[-20:] = found[:20]
    return found.astype(np.float32)


def killed(folder: Path, times: int, **options: Any) -> None:
    """Run the command on a copy of a table until it has stored so often, and kill it there."""
    code = CHILD.format(placed=PLACED_AT_ONCE, laid_out=LAID_OUT, quick=QUICK)
    child = [sys.executable, "-c", code, str(folder), str(times), repr(options)]
    done = subprocess.run(child, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


def project(folder: Path, notices: Notices | None = None, **options: Any) -> ProjectResult:
    given = {"layout_rows": LAID_OUT, "settings": QUICK, **options}
    return vecindex.open(folder).project("map", observer=notices, **given)


def places(folder: Path) -> np.ndarray:
    return map_xy(Database(folder).articles("articles"), "map")[1]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, np.ndarray, ProjectResult]:
    """A table without a map, the positions of one that nothing interrupted, and its result."""
    folder = tmp_path_factory.mktemp("world")
    append(make_table(folder / "db", dimension=D), planted())
    shutil.copytree(folder / "db", folder / "whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sampled, "_PLACED", PLACED_AT_ONCE)
        result = project(folder / "whole")
    return folder / "db", places(folder / "whole"), result


def test_nothing_is_kept_of_a_map_that_is_stored(world: Any) -> None:
    folder, whole, result = world
    assert np.isfinite(whole).all()
    assert result.sampled.copies > 5
    assert not UnfinishedMap(Database(folder.parent / "whole"), "articles").exists()


# Stored first is the layout, then what is placed, without and with those next to an article; then tile after tile.
@pytest.mark.parametrize(
    ("times", "done"),
    [(2, "384 placed"), (6, "700 placed, 3 tiles polished"), (13, "700 placed, 10 tiles polished")],
)
def test_killed_and_begun_again(
    world: Any, tmp_path: Path, times: int, done: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, whole, result = world
    shutil.copytree(folder, tmp_path / "db")
    killed(tmp_path / "db", times)
    about, parts = UnfinishedMap(Database(tmp_path / "db"), "articles").load()
    assert (about["name"], about["rows"], about["laid_out"], len(parts[0].rows)) == ("map", N, LAID_OUT, LAID_OUT)
    monkeypatch.setattr("vecindex.verbs.graph.knn_graph", lambda *_, **__: pytest.fail("it was laid out before"))
    notices = Notices()
    again = project(tmp_path / "db", notices)
    assert f"going on from the run that was stopped: 200 articles laid out, {done}" in notices.lines
    np.testing.assert_array_equal(places(tmp_path / "db"), whole)
    assert (again.scores, again.sampled) == (result.scores, result.sampled)
    assert (again.graph, again.forecast) == (result.graph, None)
    assert not UnfinishedMap(Database(tmp_path / "db"), "articles").exists()


class Stopped(BaseException):
    """Ends a run at once: nothing would be done then, so this is to the next run as good as a kill."""


@pytest.fixture
def stopped(tmp_path: Path) -> Path:
    """A table with a run of `pca` on it that was stopped when all others were placed."""
    append(make_table(tmp_path, dimension=D), planted())
    stop(tmp_path)
    return tmp_path


def stop(folder: Path, **options: Any) -> None:
    """Stop a run of `pca` where it begins to measure the map."""

    def ends(*_: Any) -> None:
        raise Stopped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("vecindex.verbs.project.project.measure", ends)
        with pytest.raises(Stopped, match=r"^$"):
            by_pca(folder, **options)


def by_pca(folder: Path, **options: Any) -> tuple[ProjectResult, bool]:
    """Make a map; return the result, and whether it went on from a run that was stopped."""
    notices = Notices()
    result = vecindex.open(folder).project(
        "map", observer=notices, **{"method": "pca", "layout_rows": LAID_OUT, **options}
    )
    return result, any("going on from" in line for line in notices.lines)


def test_a_run_goes_on_from_one_of_the_very_same_map_only(stopped: Path) -> None:
    for other in ({"seed": 1}, {"layout_rows": LAID_OUT - 1}, {"method": "tsne", "settings": {"iterations": 30}}):
        result, went_on = by_pca(stopped, **other)
        assert (result.articles, went_on) == (N, False)
        vecindex.open(stopped).project("map", drop=True)
    # What was kept has been replaced by that of the other runs, which then ended.
    assert by_pca(stopped)[1] is False
    assert not UnfinishedMap(Database(stopped), "articles").exists()


def test_a_table_that_has_changed_begins_again(stopped: Path) -> None:
    assert UnfinishedMap(Database(stopped), "articles").exists()
    vecindex.open(stopped).delete("a00003")
    result, went_on = by_pca(stopped)
    assert (result.articles, went_on) == (N - 1, False)


def test_other_vectors_in_the_same_version_begin_again(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unfinished, "_digest", lambda vectors: f"other {vectors.shape}")
    assert by_pca(stopped)[1] is False


def test_what_is_stale_is_noted_by_doctor_and_removed_by_optimize(stopped: Path) -> None:
    index = vecindex.open(stopped)
    assert not any("stopped run" in str(note) for note in index.doctor().notes)
    index.delete("a00003")
    notes = [str(note) for note in index.doctor().notes]
    assert any("What a stopped run had done of the map 'map' is of another version" in note for note in notes)
    report = index.optimize()
    assert any("what a stopped run had done of a map was of another version" in str(note) for note in report.notes)
    assert not UnfinishedMap(Database(stopped), "articles").exists()
    assert not (stopped / "_unfinished.articles.lance").exists()
    assert not any("stopped run" in str(note) for note in index.doctor().notes)


def test_a_rebuild_goes_on_with_how_far_its_articles_moved(tmp_path: Path) -> None:
    append(make_table(tmp_path, dimension=D), planted())
    by_pca(tmp_path, method="tsne", settings={"iterations": 30})
    shutil.copytree(tmp_path, tmp_path / "other")
    whole, _ = by_pca(tmp_path / "other")
    stop(tmp_path)
    again, went_on = by_pca(tmp_path)
    assert went_on
    assert whole.moved is not None
    assert (again.moved, again.scores) == (whole.moved, whole.scores)
    np.testing.assert_array_equal(places(tmp_path), places(tmp_path / "other"))


def test_what_cannot_be_kept_while_another_process_writes_is_kept_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append(make_table(tmp_path, dimension=D), planted())
    begin, tries = UnfinishedMap.begin, []

    def refused_once(*arguments: Any) -> None:
        tries.append(len(arguments[2]))
        if len(tries) == 1:
            raise LockedError("Another process is writing.", "Wait.")
        begin(*arguments)

    monkeypatch.setattr(UnfinishedMap, "begin", refused_once)
    stop(tmp_path)
    assert tries == [1, 3]
    assert by_pca(tmp_path)[1] is True


def test_the_parts_of_one_map_are_not_added_to_those_of_another(tmp_path: Path) -> None:
    append(make_table(tmp_path, dimension=D), planted()[:3])
    kept, database = UnfinishedMap(Database(tmp_path), "articles"), Database(tmp_path)
    with database.writer():
        assert kept.add("key", []) is False
        kept.begin({"key": "one"}, [Part(0, 0, np.arange(2), np.zeros((2, 2)))])
        assert kept.add("another", [Part(1, 0, np.arange(2), np.ones((2, 2)))]) is False
        assert kept.add("one", [Part(1, 0, np.array([4]), np.array([[1.5, -2.25]]))]) is True
        about, parts = kept.load()
        assert about["key"] == "one"
        assert [(part.stage, part.rows.tolist(), part.xy.tolist()) for part in parts] == [
            (0, [0, 1], [[0.0, 0.0], [0.0, 0.0]]),
            (1, [4], [[1.5, -2.25]]),
        ]
        kept.remove("another")
        assert kept.exists()
        kept.remove("one")
        assert not kept.exists()

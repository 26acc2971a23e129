"""The stored neighbor graph: used again while it holds, extended after changes, never used where it is not right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from tables import Notices, append, fingerprint, make_table, unit_vectors
from vecindex.core.neighbors import NO_ROW
from vecindex.errors import ConfigError
from vecindex.store.database import Database
from vecindex.store.graph import GraphTable
from vecindex.verbs.project.result import ProjectResult

N, D = 200, 16
QUICK = {"early_iterations": 5, "iterations": 5, "finish_iterations": 5}


def table_of(folder: Path, vectors: np.ndarray, **changes: Any) -> None:
    append(make_table(folder, dimension=vectors.shape[1], **changes), vectors)


def quick(folder: Path, observer: Notices | None = None) -> ProjectResult:
    """Make a map with hardly a layout: the graph is what counts."""
    return vecindex.open(folder).project(settings=QUICK, observer=observer)  # type: ignore[arg-type]


def graph_is_right(folder: Path) -> None:
    """Assert that the stored graph holds each row of the table with its true neighbors."""
    ids, vectors = Database(folder).articles("articles").vectors()
    stored = GraphTable(Database(folder), "articles").load()
    assert stored is not None
    names = stored.ids.to_pylist()
    assert sorted(names) == sorted(ids)
    place = {name: i for i, name in enumerate(ids)}
    order = np.array([place[name] for name in names])
    sims = vectors[order].astype(np.float64) @ vectors[order].T
    np.fill_diagonal(sims, -np.inf)
    k = stored.graph.k
    kth = -np.sort(-sims, axis=1)[:, k - 1]
    found = [row[row != NO_ROW] for row in stored.graph.rows]
    assert all(len(row) == min(k, len(ids) - 1) for row in found)
    right = [float((sims[i, row] >= kth[i] - 1e-5).mean()) for i, row in enumerate(found)]
    assert float(np.mean(right)) >= 0.99


def test_it_is_made_once(tmp_path: Path) -> None:
    table_of(tmp_path, unit_vectors(N, D))
    first = quick(tmp_path)
    assert first.graph is not None
    assert (first.graph.how, first.graph.searched) == ("made", N)
    graph_is_right(tmp_path)
    again = quick(tmp_path)
    assert again.graph is not None
    assert (again.graph.how, again.graph.searched, again.graph.recall) == ("stored", 0, first.graph.recall)
    assert vecindex.open(tmp_path).project("flat", method="pca").graph is None


def test_it_is_extended_after_new_rows(tmp_path: Path) -> None:
    table_of(tmp_path, unit_vectors(N, D))
    quick(tmp_path)
    append(Database(tmp_path).articles("articles"), unit_vectors(30, D, seed=1), ids=[f"b{i}" for i in range(30)])
    found = quick(tmp_path).graph
    assert found is not None
    assert (found.how, found.searched) == ("extended", 30)
    graph_is_right(tmp_path)
    again = quick(tmp_path).graph
    assert again is not None
    assert again.how == "stored"


def test_it_follows_removed_and_changed_rows(tmp_path: Path) -> None:
    table_of(tmp_path, unit_vectors(N, D))
    quick(tmp_path)
    table = Database(tmp_path).articles("articles")
    vecindex.open(tmp_path).delete("a00003")
    vecindex.open(tmp_path).delete("a00010")
    # The same id with another text and vector.
    append(table, unit_vectors(1, D, seed=7), ids=["a00010"], text=["Quite another text."])
    found = quick(tmp_path).graph
    assert found is not None
    assert found.how == "extended"
    # The changed row, and those whose lists held it or the removed one.
    assert 1 < found.searched < N // 2
    graph_is_right(tmp_path)


def test_a_new_title_changes_nothing(tmp_path: Path) -> None:
    vectors = unit_vectors(N, D)
    table_of(tmp_path, vectors)
    quick(tmp_path)
    vecindex.open(tmp_path).delete("a00005")
    table = Database(tmp_path).articles("articles")
    append(table, vectors[5:6], ids=["a00005"], title=["Another title"])
    found = quick(tmp_path).graph
    assert found is not None
    assert found.how == "stored"


def test_it_is_made_anew_where_most_is_new(tmp_path: Path) -> None:
    table_of(tmp_path, unit_vectors(N, D))
    quick(tmp_path)
    append(Database(tmp_path).articles("articles"), unit_vectors(N, D, seed=1), ids=[f"b{i}" for i in range(N)])
    found = quick(tmp_path).graph
    assert found is not None
    assert (found.how, found.searched) == ("made", 2 * N)
    graph_is_right(tmp_path)


def test_it_is_made_anew_for_more_neighbors_and_serves_fewer(tmp_path: Path) -> None:
    table_of(tmp_path, unit_vectors(N, D))
    quick(tmp_path)
    index = vecindex.open(tmp_path)
    more = index.project("wide", method="tsne", settings={"perplexity": 20, "iterations": 5, "early_iterations": 5})
    assert more.graph is not None
    assert (more.graph.how, more.graph.k) == ("made", 60)
    again = quick(tmp_path).graph
    assert again is not None
    assert (again.how, again.k) == ("stored", 60)


def test_another_models_graph_is_not_used(tmp_path: Path) -> None:
    # The same ids and texts, embedded by another model: the hashes are the same, the vectors are not.
    table_of(tmp_path, unit_vectors(N, D))
    quick(tmp_path)
    made = Database(tmp_path).create_articles("articles", fingerprint(D, weights="f" * 64), [], overwrite=True)
    append_plain(made, unit_vectors(N, D, seed=5))
    found = quick(tmp_path).graph
    assert found is not None
    assert found.how == "made"
    graph_is_right(tmp_path)


def test_vectors_that_belie_it_are_noticed(tmp_path: Path) -> None:
    # All that is kept agrees, and still the vectors are others: only looking at them tells.
    table_of(tmp_path, unit_vectors(N, D))
    quick(tmp_path)
    made = Database(tmp_path).create_articles("articles", fingerprint(D), [], overwrite=True)
    append_plain(made, unit_vectors(N, D, seed=5))
    notices = Notices()
    found = quick(tmp_path, notices).graph
    assert found is not None
    assert found.how == "made"
    assert any("is not that of these vectors" in line for line in notices.lines)
    graph_is_right(tmp_path)


def append_plain(table: Any, vectors: np.ndarray) -> None:
    """Add rows whose content hashes are those that `append` makes."""
    append(table, vectors)


@pytest.mark.parametrize("part", ["data", "_versions"])
def test_a_damaged_one_is_made_again(tmp_path: Path, part: str) -> None:
    table_of(tmp_path, unit_vectors(N, D))
    quick(tmp_path)
    for path in (tmp_path / "_graph.articles.lance" / part).iterdir():
        path.write_bytes(b"")
    notices = Notices()
    found = quick(tmp_path, notices).graph
    assert found is not None
    assert found.how == "made"
    lines = [line for line in notices.lines if "_graph.articles" in line]
    assert lines[0].startswith("the table '_graph.articles' is damaged and taken for empty: Files of ")
    # A table that can still be opened is replaced by a commit as any other.
    if part == "_versions":
        (aside,) = (tmp_path / "_set_aside").iterdir()
        assert len(lines) == 2
        assert lines[1].endswith(f": it is set aside as {aside} and made again")
        assert list((aside / "data").iterdir())
    graph_is_right(tmp_path)


def test_tables_of_users_are_not_named_like_it(tmp_path: Path, sample: list[Path]) -> None:
    with pytest.raises(ConfigError, match=r"Names that begin with '_graph\.' are taken"):
        vecindex.open(tmp_path, "_graph.articles").ingest(*sample)


def test_each_table_has_its_own(tmp_path: Path) -> None:
    table_of(tmp_path, unit_vectors(N, D))
    append(make_table(tmp_path, name="other", dimension=D), unit_vectors(50, D, seed=8))
    quick(tmp_path)
    found = vecindex.open(tmp_path, "other").project(settings=QUICK).graph
    assert found is not None
    assert found.how == "made"
    again = quick(tmp_path).graph
    assert again is not None
    assert again.how == "stored"

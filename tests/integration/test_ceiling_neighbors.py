"""The neighbors behind the ceiling: from the stored graph where it holds, else by a second pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from planted import KnownModel, make_table, put_map
from vecindex.core.vectors import normalize
from vecindex.store.database import Database
from vecindex.types import Silent
from vecindex.verbs.graph import complete_and_keep, prepare
from vecindex.verbs.map_rows import read_rows
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.overlap.result import OverlapResult
from vecindex.verbs.reader import TableReader

N, Q, D = 120, 12, 8


@pytest.fixture
def world(tmp_path: Path) -> tuple[Path, KnownModel]:
    rng = np.random.default_rng(5)
    vectors = normalize(rng.normal(size=(N, D)))
    # Ids in another order than the rows, so that the graph's order is not the table's.
    ids = [f"a{i:05d}" for i in rng.permutation(N)]
    make_table(tmp_path, vectors, ids)
    put_map(tmp_path, "m", ids, vectors[:, :2])
    return tmp_path, KnownModel({f"question {i}": row for i, row in enumerate(rng.normal(size=(Q, D)))})


def ask(folder: Path, model: KnownModel, **options: Any) -> OverlapResult:
    return overlap(Database(folder), "articles", list(model.known), options, model)  # type: ignore[arg-type]


def keep_graph(folder: Path, k: int) -> None:
    database = Database(folder)
    rows = read_rows(database.articles("articles"))
    prepared = prepare(database, rows, k, Silent())
    complete_and_keep(database, prepared, prepared.rows.matrix(Silent()), k, 0, Silent())


def test_the_stored_graph_spares_the_second_pass(
    world: tuple[Path, KnownModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    blocks = TableReader.blocks
    monkeypatch.setattr(TableReader, "blocks", lambda self: (passes.append(1), blocks(self))[1])
    searched = ask(*world)
    assert len(passes) == 2
    keep_graph(world[0], 15)
    passes.clear()
    stored = ask(*world)
    assert len(passes) == 1
    assert [row.clique for row in stored.rows] == [row.clique for row in searched.rows]
    assert len({row.clique for row in stored.rows}) > 1
    assert stored.maps[0].ceiling == searched.maps[0].ceiling
    assert stored.maps[0].cliques_kept == searched.maps[0].cliques_kept
    # 10 nearest need the 30 nearest of each article.
    passes.clear()
    assert ask(*world, k=10).rows[0].clique is not None
    assert len(passes) == 2


def test_without_a_map_or_for_many_neighbors_there_is_no_ceiling(world: tuple[Path, KnownModel]) -> None:
    many = ask(*world, k=21)
    assert (many.ceiling, many.maps[0].ceiling, many.space.clique_ceiling, many.rows[0].clique) == (None,) * 4
    one = ask(*world, k=1)
    assert one.maps[0].ceiling is not None
    assert (one.maps[0].ceiling.mean, one.space.clique_ceiling) == (1.0, 1.0)


def test_one_question_has_its_own_sentence(world: tuple[Path, KnownModel]) -> None:
    folder, model = world
    found = overlap(Database(folder), "articles", ["question 3"], {}, model)  # type: ignore[arg-type]
    assert found.rows[0].clique is not None
    begin = f"Of the question's 5 nearest articles, {found.rows[0].clique} are near to each other"
    assert found.ceiling is not None
    assert found.ceiling.startswith(begin)
    # Two of eight dimensions keep little: the map's own ceiling is far below.
    assert found.maps[0].ceiling is not None
    assert "this map" in found.ceiling


def test_figures_by_kind_of_question(world: tuple[Path, KnownModel]) -> None:
    folder, model = world
    asked = [{"text": text, "kind": ("short", "long", None)[i % 3]} for i, text in enumerate(model.known)]
    found = overlap(Database(folder), "articles", asked, {}, model)  # type: ignore[arg-type]
    (on_map,) = found.maps
    assert on_map.cliques_kept is not None
    assert [(one.kind, one.questions) for one in on_map.by_kind] == [("long", 4), ("short", 4)]
    for one, first in zip(on_map.by_kind, (1, 0), strict=True):
        rows = found.rows[first::3]
        kept = [row.maps["m"]["search"].overlap for row in rows]
        assert one.overlap.mean == pytest.approx(np.mean(kept))
        assert one.enough == np.mean([value >= 0.6 for value in kept])
        sizes = np.array([row.clique for row in rows], dtype=float)
        assert one.ceiling == pytest.approx(np.mean(1 + (sizes - 1) * on_map.cliques_kept) / 5)
    assert ask(folder, model).maps[0].by_kind == ()

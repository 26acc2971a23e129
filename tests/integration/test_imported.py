"""Maps made elsewhere: taken over from files, data in memory and columns of the table, scored like any other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import vecindex
from tables import append, chunked_table, make_table, map_xy, unit_vectors
from vecindex.errors import ConfigError, SourceError
from vecindex.schema import axes_among
from vecindex.store.database import Database
from vecindex.store.maps import maps
from vecindex.verbs.project.result import ProjectResult

N = 40


@pytest.fixture
def world(tmp_path: Path) -> tuple[Path, np.ndarray, np.ndarray]:
    """A table of 40 rows, their vectors, and positions that keep what two of their values say."""
    vectors = unit_vectors(N, seed=3)
    append(make_table(tmp_path / "db"), vectors)
    return tmp_path / "db", vectors, np.round(vectors[:, :2].astype(np.float64) * 100, 2)


def taken(db: Path, *arguments: Any, **options: Any) -> ProjectResult:
    return vecindex.open(db).project(*arguments, **options)


def ids_of(db: Path) -> list[str]:
    return sorted(map_xy(Database(db).articles("articles"), next(iter(maps(Database(db).articles("articles")))))[0])


def positions(db: Path, name: str) -> dict[str, list[float]]:
    ids, xy = map_xy(Database(db).articles("articles"), name)
    return {one: at.tolist() for one, at in zip(ids, xy, strict=True)}


def rows_with(xy: np.ndarray, x: str, y: str) -> list[dict[str, Any]]:
    return [{"id": f"a{i:05d}", x: float(a), y: float(b)} for i, (a, b) in enumerate(xy)]


def test_every_form_gives_the_same_map_with_the_same_scores(world: Any, tmp_path: Path) -> None:
    db, vectors, xy = world
    csv, jsonl, parquet = tmp_path / "p.csv", tmp_path / "p.jsonl", tmp_path / "p.parquet"
    rows = rows_with(xy, "umap_x", "umap_y")[::-1]
    csv.write_text("Doc_ID,UMAP_1,UMAP_2\n" + "".join(f"{r['id']},{r['umap_x']},{r['umap_y']}\n" for r in rows))
    jsonl.write_text("".join(json.dumps(row) + "\n" for row in rows))
    pq.write_table(pa.Table.from_pylist(rows_with(xy, "projection_x", "projection_y")), parquet)
    found = {str(at): taken(db, f"m{i}", positions=at) for i, at in enumerate((csv, str(jsonl), parquet))}
    found["memory"] = taken(db, positions=pa.Table.from_pylist(rows))
    right = {f"a{i:05d}": at for i, at in enumerate(xy.astype(np.float32).astype(float).tolist())}
    for result in found.values():
        assert (result.action, result.method, result.seed) == ("made", "imported", None)
        assert (result.articles, result.outside) == (N, 0)
        assert positions(db, result.name) == right
        assert result.scores == found["memory"].scores
        assert result.imported is not None
        counts = (result.imported.unknown, result.imported.repeated, result.imported.not_finite)
        assert (result.imported.rows, *counts, result.imported.without) == (N, 0, 0, 0, 0)
    assert found["memory"].name == "imported"
    assert found[str(csv)].imported.columns == ("UMAP_1", "UMAP_2")  # type: ignore[union-attr]
    # By sorting: the share of each article's 5 nearest that are its 5 nearest there.
    kept = []
    for i in range(N):
        space = np.argsort(-(vectors.astype(np.float64) @ vectors[i]), kind="stable")
        there = np.argsort(np.hypot(*(xy - xy[i]).T), kind="stable")
        kept.append(len(set(space[space != i][:5]) & set(there[there != i][:5])) / 5)
    assert found["memory"].scores.recall[5].mean == pytest.approx(np.mean(kept))  # type: ignore[union-attr]
    assert maps(Database(db).articles("articles"))["m0"]["imported"]["file"] == str(csv)
    assert len(vecindex.open(db).map(map="m0").picture.xy) == N


def test_nothing_is_left_out_in_silence(world: Any, tmp_path: Path) -> None:
    db, _, xy = world
    rows = rows_with(xy, "x", "y")[:30]
    rows[4]["x"], rows[5]["y"], rows[6]["x"] = float("nan"), None, "left"
    rows[7]["x"] = 1e39  # float32 has no such number
    again = {**rows[0], "x": 999.0}
    other = {"id": "elsewhere", "x": 1.0, "y": 2.0}
    result = taken(db, "mine", positions=[*rows, again, other, {"id": None, "x": 1.0, "y": 1.0}])
    found = result.imported
    assert found is not None
    assert (found.rows, found.nameless, found.unknown, found.repeated, found.not_finite) == (33, 1, 1, 1, 4)
    assert found.examples == {
        "unknown": ("elsewhere",),
        "repeated": ("a00000",),
        "not_finite": ("a00004", "a00005", "a00006"),
    }
    assert (found.without, result.articles, result.outside) == (14, 26, 14)
    assert positions(db, "mine")["a00000"] == pytest.approx(xy[0], rel=1e-6)
    # The others are placed among their neighbors; what is there stays.
    before = positions(db, "mine")
    updated = taken(db, "mine", update=True)
    assert updated.placed is not None
    assert (updated.action, updated.placed.articles, updated.articles) == ("updated", 14, N)
    after = positions(db, "mine")
    assert all(after[one] == at for one, at in before.items() if np.isfinite(at[0]))
    assert vecindex.open(db).status().maps["mine"]["imported"]["unknown"] == 1


def test_columns_of_the_table_become_a_map(tmp_path: Path) -> None:
    xy = np.random.default_rng(0).normal(size=(N, 2))
    rows = [
        {"id": f"r{i}", "text": f"text {i}", "umap_x": a, "umap_y": b, "v": v.tolist()}
        for i, ((a, b), v) in enumerate(zip(xy.tolist(), unit_vectors(N), strict=True))
    ]
    vecindex.open(tmp_path).ingest(rows, vector_field="v", unverified=True, model="made-up")
    with pytest.raises(ConfigError, match="no map yet") as caught:
        vecindex.open(tmp_path).map()
    assert str(caught.value.hint).endswith("; or take over its columns: index.project(columns='umap_x,umap_y')")
    result = taken(tmp_path, columns="umap_x, umap_y")
    assert positions(tmp_path, "imported")["r7"] == xy[7].astype(np.float32).astype(float).tolist()
    assert (result.name, result.imported.source) == ("imported", f"columns of {tmp_path}/articles")  # type: ignore[union-attr]
    with pytest.raises(ConfigError, match="no map 'umap_x'") as caught:
        vecindex.open(tmp_path).map(map="umap_x")
    assert "Its columns umap_x and umap_y may become a map" in str(caught.value.hint)
    # The same again after more rows came.
    more = [{**row, "id": f"s{i}", "umap_x": None} for i, row in enumerate(rows[:3])]
    vecindex.open(tmp_path).ingest(more, vector_field="v", unverified=True, model="made-up")
    again = taken(tmp_path, columns="umap_x,umap_y")
    assert (again.action, again.articles, again.imported.not_finite) == ("rebuilt", N, 3)  # type: ignore[union-attr]


def test_an_id_of_an_article_stands_for_its_chunks(tmp_path: Path) -> None:
    chunked_table(tmp_path, [2, 2, 2, 2])
    result = taken(tmp_path, positions=[{"id": f"c{i:03d}", "x": float(i), "y": 0.0} for i in range(4)])
    assert (result.articles, result.imported.unknown) == (8, 0)  # type: ignore[union-attr]
    assert positions(tmp_path, "imported")["c002#1"] == [2, 0]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([{"x": 1.0, "y": 2.0}], {}, "no field is recognized as the id; fields found: x, y"),
        ([{"id": "a", "left": 1.0, "top": 2.0}], {}, "no x and y; fields found: id, left, top"),
        (
            [{"id": "a", "u_x": 1, "u_y": 2, "t_x": 1, "t_y": 2}],
            {},
            "several pairs may be the position: u_x and u_y, t_",
        ),
        ([{"id": "a", "x": 1.0, "y": 2.0}], {"columns": "x,z"}, "no field 'z'"),
        ([{"id": "a", "x": 1.0, "y": 2.0}], {"id_field": "key"}, "no field 'key'"),
        ([], {}, "no row can be read"),
    ],
)
def test_what_cannot_be_read_is_refused(world: Any, rows: Any, options: Any, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        taken(world[0], positions=rows, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"positions": [{"id": f"b{i}", "x": i, "y": i} for i in range(9)]},
            r"Of 9 positions from .*, 0 belong to rows",
        ),
        ({"positions": [{"id": f"a{i:05d}", "x": 1, "y": 1} for i in range(9)]}, "are one and the same"),
        ({"columns": "x"}, "columns= names two columns, found 'x'"),
        ({"columns": "x,y"}, "no column 'x' of the user's"),
        ({"id_field": "id"}, "id_field= means nothing without positions="),
        ({"columns": "x,y", "update": True}, "update=True means nothing with columns=, which takes a map as it is"),
        ({"columns": "x,y", "method": "pca"}, "method= means nothing with columns="),
    ],
)
def test_what_makes_no_sense_is_refused(world: Any, options: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        taken(world[0], "mine", **options)


def test_neither_kind_replaces_the_other(world: Any) -> None:
    db, _, xy = world
    taken(db, method="pca")
    taken(db, positions=rows_with(xy, "x", "y"))
    before = positions(db, "map"), positions(db, "imported")
    with pytest.raises(ConfigError, match=r"Map 'map' of .* was made here, and would be lost"):
        taken(db, "map", positions=rows_with(xy, "x", "y"))
    with pytest.raises(ConfigError, match=r"Map 'imported' of .* was made elsewhere, and would be lost"):
        taken(db, "imported")
    assert (positions(db, "map"), positions(db, "imported")) == before


def test_which_names_look_like_coordinates() -> None:
    assert axes_among(["X", "Y"]) == [("X", "Y")]
    assert axes_among(["max", "may", "x", "year"]) == []
    assert axes_among(["UMAP1", "UMAP2", "umap_cluster"]) == [("UMAP1", "UMAP2")]
    assert axes_among(["dim_0", "dim_1", "dim_2"]) == [("dim_0", "dim_1")]
    assert axes_among(["projection x", "projection y", "y", "x"]) == [("x", "y"), ("projection x", "projection y")]

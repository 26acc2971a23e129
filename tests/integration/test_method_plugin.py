"""A map method of an installed package works like those that vecindex brings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

import vecindex
from reference.nearest import nearest
from tables import append, make_table, map_xy, unit_vectors
from vecindex.store.database import Database

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "tests/plugins/vecindex-smooth"
SOURCE = Path(vecindex.__file__).parents[1]
N, D = 60, 8


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package, as pip installs it."""
    folder = tmp_path_factory.mktemp("plugin")
    # A copy: building leaves files behind.
    copy = shutil.copytree(PACKAGE, folder / "package")
    how = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(folder / "site")]
    subprocess.run([sys.executable, "-m", "pip", "install", *how, str(copy)], check=True, timeout=200)
    return folder / "site"


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("db")
    append(make_table(folder, dimension=D), unit_vectors(N, D))
    return folder


def run(db: Path, site: Path | None, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run vecindex, with or without the package."""
    path = os.pathsep.join(str(folder) for folder in (SOURCE, site) if folder is not None)
    command = [sys.executable, "-m", "vecindex.cli.app", *map(str, arguments), "--db", str(db)]
    env = os.environ | {"PYTHONPATH": path}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=200, check=False)


def made(db: Path, site: Path, *arguments: object) -> dict[str, Any]:
    done = run(db, site, "project", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    values: dict[str, Any] = json.loads(done.stdout)
    return values


def positions(db: Path, name: str) -> np.ndarray:
    """Return the positions on a map (n, 2), in the order of the ids."""
    ids, xy = map_xy(Database(db).articles("articles"), name)
    return xy[np.argsort(ids)]


def test_it_makes_the_map_that_it_should(db: Path, site: Path) -> None:
    result = made(db, site, "own", "--method", "smooth", "--neighbors", 3, "--set", "steps=2", "--seed", 5)
    schema = json.loads((ROOT / "schemas/project.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(result, schema, cls=jsonschema.Draft202012Validator)
    assert (result["method"], result["settings"], result["seed"]) == ("smooth", {"neighbors": 3, "steps": 2}, 5)
    assert (result["articles"], result["graph"]["k"]) == (N, 15)
    # The same by loops: ids are in the order of the vectors.
    vectors = unit_vectors(N, D)
    near = nearest(vectors, vectors, 4)[0][:, 1:]
    expected = vectors @ np.random.default_rng(5).normal(size=(D, 2))
    for _ in range(2):
        expected = np.array([(expected[i] + np.mean([expected[j] for j in near[i]], axis=0)) / 2 for i in range(N)])
        expected = np.linalg.qr(expected - expected.mean(axis=0))[0] * np.sqrt(N)
    np.testing.assert_allclose(positions(db, "own"), expected, atol=1e-4)


def test_it_is_rebuilt_from_its_own_map_and_updated(db: Path, site: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(db, tmp_path / "db"))
    method = ("--method", "smooth", "--set", "steps=3")
    made(copy, site, *method)
    before = positions(copy, "map")
    fresh = made(copy, site, "other", *method, "--seed", 1)
    assert fresh["moved"] is None
    again = made(copy, site, *method)
    assert (again["action"], again["moved"]["articles"]) == ("rebuilt", N)
    assert not np.allclose(positions(copy, "map"), before), "three steps more"
    made(copy, site, *method, "--fresh")
    np.testing.assert_array_equal(positions(copy, "map"), before)
    append(Database(copy).articles("articles"), unit_vectors(8, D, seed=3), ids=[f"b{i}" for i in range(8)])
    # Neither an update nor advice needs the package.
    advice = json.loads(run(copy, None, "status", "--json").stdout)["next"]
    assert any(line.startswith('Map "map" should be rebuilt') for line in advice)
    updated = run(copy, None, "project", "--update", "--json")
    assert updated.returncode == 0, updated.stderr
    assert json.loads(updated.stdout)["articles"] == N + 8
    advice = json.loads(run(copy, site, "status", "--json").stdout)["next"]
    assert any("project" in line and "smooth" in line and "steps=3" in line for line in advice), advice


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--method", "smoother"),
            "unknown map method 'smoother'\n  Is it smooth? Known map methods: local, umap, tsne, pca, smooth",
        ),
        (
            ("--method", "smooth", "--set", "sharpness=3"),
            "Method smooth has no setting 'sharpness'.\n  It has: neighbors",
        ),
        (("--method", "smooth", "--set", "steps=0"), "steps of method smooth must be at least 1, found '0'."),
    ],
)
def test_what_makes_no_sense_is_refused(db: Path, site: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run(db, site, "project", "bad", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_without_the_package_there_is_no_such_method(db: Path) -> None:
    done = run(db, None, "project", "bad", "--method", "smooth")
    assert (done.returncode, done.stdout) == (2, "")
    assert "unknown map method 'smooth'\n  Known map methods: local, umap, tsne, pca\n" in done.stderr


def test_the_documents_show_the_package_that_runs() -> None:
    documents = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("extending*"))
    for name in ("pyproject.toml", "vecindex_smooth.py"):
        assert (PACKAGE / name).read_text(encoding="utf-8") in documents

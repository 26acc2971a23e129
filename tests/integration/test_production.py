"""What docs/production.md shows is run: its settings, its shell, its Python."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import vecindex
from vecindex.store.database import Database

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "production.md").read_text(encoding="utf-8")
READY: dict[str, Any] = {"vector_field": "vector", "unverified": True, "model": "none"}


def blocks(language: str) -> list[str]:
    """Return the blocks of the page in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def rows(start: int, stop: int) -> str:
    """Return articles with vectors of their own, as lines."""
    made = ({"id": f"a-{n}", "text": f"text {n}", "vector": [1.0, n / 7, (n * n) % 5]} for n in range(start, stop))
    return "".join(json.dumps(row) + "\n" for row in made)


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script with the command line of this environment."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("VECINDEX_")}
    env |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}", **variables}
    env |= {
        "VECINDEX_INGEST_VECTOR_FIELD": "vector",
        "VECINDEX_INGEST_UNVERIFIED": "1",
        "VECINDEX_INGEST_MODEL": "none",
    }
    return subprocess.run(
        ["sh", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=800, check=False
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database in db/ that has a map, and new rows in corpus/."""
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus/first.jsonl").write_text(rows(0, 20))
    index = vecindex.open(tmp_path / "db")
    index.ingest(tmp_path / "corpus/first.jsonl", **READY)
    index.project(method="pca")
    return tmp_path


def test_the_settings_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (written,) = blocks("toml")
    (tmp_path / "vecindex.toml").write_text(written.replace("/var/log/", ""))
    shown = shell("vecindex status --settings --json", tmp_path)
    assert shown.returncode == 0, shown.stderr
    found = {(one["command"], one["name"]): one["value"] for one in json.loads(shown.stdout)["settings"]}
    parsed = tomllib.loads(written)
    assert found[None, "wait"] == str(parsed["wait"]) == "600"
    assert found["overlap", "k"] == "10"
    assert found["ingest", "id-field"] == "doc_id"
    assert found[None, "db"] == "/srv/vecindex/db"


def test_the_nightly_job(folder: Path) -> None:
    nightly = blocks("sh")[0]
    (folder / "corpus/second.jsonl").write_text(rows(20, 30))
    # A row that is broken is named, and the job goes on.
    (folder / "corpus/third.jsonl").write_text("{broken\n" + rows(30, 31))
    done = shell(nightly, folder)
    assert done.returncode == 0, done.stderr
    assert "corpus/third.jsonl:1\t" in done.stdout
    assert "31 rows in all" in done.stderr
    status = vecindex.open(folder / "db").status()
    assert (status.rows, status.maps["map"]["outside"]) == (31, 0)
    assert "31 articles" in (folder / "map.txt").read_text()
    shutil.rmtree(folder / "corpus")
    assert shell(nightly, folder).returncode == 1


@pytest.mark.skipif(shutil.which("flock") is None, reason="there is no flock, which comes with Linux")
def test_backup_and_restore(folder: Path) -> None:
    _, copy, check, restore = blocks("sh")
    with Database(folder / "db").writer():
        assert shell(copy.replace("600", "0.1"), folder).returncode == 1
    assert not (folder / "backup").exists()
    for script in (copy, check):
        done = shell(script, folder)
        assert done.returncode == 0, done.stdout + done.stderr
    (folder / "corpus/second.jsonl").write_text(rows(20, 25))
    vecindex.open(folder / "db").ingest(folder / "corpus/second.jsonl", **READY)
    assert shell(restore, folder).returncode == 0
    index = vecindex.open(folder / "db")
    assert index.status().rows == 20
    assert index.positions("map").num_rows == 20
    assert index.ingest(folder / "corpus/second.jsonl", **READY).added == 5


def test_a_moved_database_is_the_same(folder: Path) -> None:
    (folder / "db").rename(folder / "moved")
    index = vecindex.open(folder / "moved")
    assert index.doctor().sound
    assert index.ingest(folder / "corpus/first.jsonl", **READY).skipped == 20


def test_other_tools_read_the_table(sample_db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(sample_db, tmp_path / "db")
    vecindex.open(tmp_path / "db").project(method="pca")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(compile(block, "docs/production.md", "exec"), names)
    assert [len(row) for row in names["cells"]] == [2, 2, 2]
    assert next(row["id"] for row in names["near"]) == "cell-001"
    assert names["by_topic"][0] == ("cell biology", 96)
    assert sum(n for _, n in names["by_topic"]) == 264
    assert names["positions"].shape == (96, 3)
    assert names["frame"].shape == (264, 5)
    assert names["frame"].map_x.notna().all()

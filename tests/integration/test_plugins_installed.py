"""The example packages of docs/extending.md, installed: what they add works like what vecindex brings."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vecindex

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "tests/plugins"
SOURCE = Path(vecindex.__file__).parents[1]

NOTES = """\
id: a
title: Cell
text: The cell is the basic unit of life.
year: 1838

id: b
title: Star
text: A star is a ball of plasma held together by gravity.

no colon here

id: d
text: !!
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example packages, as pip installs them."""
    folder = tmp_path_factory.mktemp("plugins")
    # A copy: building leaves files behind.
    shutil.copytree(EXAMPLES, folder / "packages")
    packages = [str(path) for path in sorted((folder / "packages").iterdir())]
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(folder / "site")]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *packages], check=True, timeout=200)
    return folder / "site"


def run(*args: str, cwd: Path, site: Path | None) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments, with or without the packages."""
    path = os.pathsep.join(str(p) for p in (SOURCE, site) if p is not None)
    env = {**os.environ, "PYTHONPATH": path, "COLUMNS": "200"}
    command = [sys.executable, *args]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=200, check=False)


def cli(*args: str, cwd: Path, site: Path | None) -> subprocess.CompletedProcess[str]:
    return run("-m", "vecindex.cli.app", *args, cwd=cwd, site=site)


def flat(text: str) -> str:
    return " ".join(text.split())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, site: Path) -> Path:
    """A folder with a database that both packages have made."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "notes.rec").write_text(NOTES)
    done = cli("ingest", "notes.rec", "--model", "hashing:64", "--json", cwd=folder, site=site)
    assert done.returncode == 6, done.stderr
    report = json.loads(done.stdout)
    assert (report["added"], report["rejected"]) == (2, 2)
    assert report["reject_reasons"] == {"a line without a colon": 1, "cannot be embedded": 1}
    return folder


def test_rows_of_the_format_are_found_by_the_encoder(folder: Path, site: Path) -> None:
    done = cli("search", "ball of plasma", "--json", cwd=folder, site=site)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)["answers"][0]["hits"]
    assert (first["id"], first["fields"], second["id"], second["fields"]) == (
        "b",
        {"year": None},
        "a",
        {"year": "1838"},
    )
    # Three words in common; the text has nine words once and "a" twice, no two with the same value.
    assert first["dist"] == pytest.approx(1 - 3 / (3**0.5 * (9 + 2**2) ** 0.5), abs=1e-6)
    rejects = json.loads(cli("status", "--rejects", "--json", cwd=folder, site=site).stdout)["rejects"]
    assert {row["place"] for row in rejects} == {"notes.rec:10", "notes.rec:12"}


def test_the_table_keeps_which_encoder_made_it(folder: Path, site: Path) -> None:
    made = json.loads(cli("status", "--json", cwd=folder, site=site).stdout)["fingerprint"]
    assert (made["model"], made["weights"], made["dimension"]) == ("hashing:64", "vecindex-hashing 1 64", 64)
    assert (made["pooling"], made["max_tokens"]) == ("sum of signed words", 512)
    again = cli("ingest", "notes.rec", "--json", cwd=folder, site=site)
    assert json.loads(again.stdout)["skipped"] == 2
    other = cli("ingest", "notes.rec", "--model", "hashing:32", cwd=folder, site=site)
    assert other.returncode == 4
    assert "asked for hashing:32 (weights vecindex-has), the table has hashing:64" in flat(other.stderr)


def test_a_compressed_file_a_glob_and_a_folder(site: Path, tmp_path: Path) -> None:
    for name in ("en", "de"):
        (tmp_path / f"data/lang={name}").mkdir(parents=True)
        raw = f"id: {name}\ntext: some words\n".encode()
        (tmp_path / f"data/lang={name}/x.rec.gz").write_bytes(gzip.compress(raw))
    for i, source in enumerate(("data", "data/**/*.rec.gz")):
        done = cli("ingest", source, "--model", "hashing:16", "--table", f"t{i}", "--json", cwd=tmp_path, site=site)
        assert json.loads(done.stdout)["added"] == 2, done.stderr
        found = json.loads(cli("search", "words", "--table", f"t{i}", "--json", cwd=tmp_path, site=site).stdout)
        assert {hit["id"]: hit["fields"]["lang"] for hit in found["answers"][0]["hits"]} == {"en": "en", "de": "de"}


def test_chunks_are_cut_by_the_encoders_tokens(site: Path, tmp_path: Path) -> None:
    words = " ".join(f"word{i}" for i in range(50))
    (tmp_path / "long.rec").write_text(f"id: long\ntext: {words}\n")
    options = ("--model", "hashing:16", "--chunk-tokens", "20", "--chunk-overlap", "5", "--json")
    done = cli("ingest", "long.rec", *options, cwd=tmp_path, site=site)
    assert done.returncode == 0, done.stderr
    assert (json.loads(done.stdout)["vectors"], json.loads(done.stdout)["truncated"]) == (3, 0)


def test_without_the_packages_the_messages_name_what_is_missing(folder: Path) -> None:
    done = cli("search", "plasma", cwd=folder, site=None)
    assert done.returncode == 4
    assert "The model hashing:64 needs the encoder 'hashing', which no installed package has." in flat(done.stderr)
    done = cli("ingest", "notes.rec", cwd=folder, site=None)
    assert done.returncode == 3
    assert "notes.rec: no format has its extension" in flat(done.stderr)


def test_a_package_is_loaded_only_when_something_asks_for_it(site: Path, tmp_path: Path) -> None:
    code = """
import sys
from vecindex.sources.formats import format_of
for name in ("a.jsonl", "b.csv.gz", "c.rec"):
    print(format_of(name), "vecindex_rec" in sys.modules)
"""
    done = run("-c", code, cwd=tmp_path, site=site)
    assert done.stdout.split("\n")[:3] == ["jsonl False", "csv False", "rec True"], done.stderr


def test_an_extension_that_stands_for_two_formats_is_an_error(site: Path, tmp_path: Path) -> None:
    info = tmp_path / "site/greedy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: greedy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[vecindex.sources]\ngreedy = greedy:FORMAT\n")
    code = (site / "vecindex_rec.py").read_text().replace('(".rec",)', '(".greedy", ".csv")')
    (tmp_path / "site/greedy.py").write_text(code)
    (tmp_path / "a.greedy").write_text("id: a\n")
    done = cli("ingest", "a.greedy", cwd=tmp_path, site=tmp_path / "site")
    assert done.returncode == 7
    assert "The extension .csv stands for two formats: 'csv' (vecindex) and 'greedy' (greedy)." in flat(done.stderr)
    assert "pip uninstall greedy" in done.stderr


@pytest.mark.parametrize("package", sorted(path.name for path in EXAMPLES.iterdir()))
def test_the_docs_show_the_packages_as_they_are(package: str) -> None:
    page = (ROOT / "docs/extending.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```(?:python|toml)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    files = [path for path in (EXAMPLES / package).rglob("*") if path.suffix in (".py", ".toml")]
    assert len(files) >= 2
    for path in files:
        assert path.read_text(encoding="utf-8") in shown, path.name

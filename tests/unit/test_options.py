"""Options are declared once: defaults, bounds and choices hold for every front end."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest

import vecindex
from vecindex.errors import ConfigError
from vecindex.options import ModelOptions, Option, checked, fields_of

ROOT = Path(__file__).resolve().parents[2]


class Few(ModelOptions, total=False):
    k: Annotated[int, Option("Neighbors.", default=5, flag="-k", at_least=1, at_most=100)]
    by: Annotated[Literal["article", "chunk"], Option("What counts.", default="article")]
    share: Annotated[float | None, Option("Of all.", at_least=0)]
    hidden: str


def test_defaults_are_filled_in_and_what_is_given_stays() -> None:
    assert checked(Few, {"k": 7, "hidden": "h"}) == {
        "k": 7,
        "by": "article",
        "share": None,
        "hidden": "h",
        "model": None,
        "prompt": None,
        "device": "auto",
        "trust_remote_code": False,
    }
    assert list(fields_of(Few)) == ["k", "by", "share", "model", "prompt", "device", "trust_remote_code"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"k": 0}, r"k= must be from 1 to 100, found 0\."),
        ({"k": 101}, r"k= must be from 1 to 100, found 101\."),
        ({"k": "7"}, r"k= is a whole number, found '7' \(str\)\."),
        ({"k": True}, r"k= is a whole number, found True \(bool\)\."),
        ({"by": "row"}, r"by= is article or chunk, found 'row'\."),
        ({"share": -0.1}, r"share= must be at least 0, found -0\.1\."),
        ({"share": float("nan")}, r"share= must be at least 0, found nan\."),
        ({"modle": "m"}, r"There is no modle=\.\nIs it model=\?"),
        ({"zzz": 1}, r"There is no zzz=\.\nThere are: k, by, share, model,"),
    ],
)
def test_what_is_out_of_bounds_is_refused(given: Few, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        checked(Few, given)


def test_none_stands_for_the_default() -> None:
    found = checked(Few, {"k": None, "by": None, "device": None})  # type: ignore[typeddict-item]
    assert (found["k"], found["by"], found["device"], found["share"]) == (5, "article", "auto", None)


@pytest.mark.parametrize("k", [1, 100])
def test_bounds_themselves_are_allowed(k: int) -> None:
    assert checked(Few, {"k": k})["k"] == k


def test_help_shows_each_argument_with_its_default() -> None:
    parameters = inspect.signature(vecindex.Index.overlap).parameters
    assert parameters["k"].default == 5
    assert parameters["bbox_padding"].default == 0.5
    assert "options" not in parameters
    assert "bbox_padding : How far the questions' box reaches beyond them" in str(vecindex.Index.overlap.__doc__)


SCRIPT = """
import vecindex

index = vecindex.open("db")
hits = index.search("how do cells die", k=3, by="article", text="full").hits
dist: float | None = hits[0].dist
share: float = index.overlap(["how do cells die"], k=5, sample=100).maps[0].search.overlap.mean
rows: int = index.ingest("a.jsonl", chunk=0, device="cpu", dry_run=True).added
name: str = index.project(method="pca", seed=1).name
index.map("q.jsonl", color="topic", topics=3).write("map.html")
index.export("a.csv", columns=["id"]).rows
index.delete("a", dry_run=True)
"""
WRONG = {
    'index.search("x", k="3")': 'incompatible type "str"',
    'index.search("x", kk=3)': 'Unexpected keyword argument "kk"',
    'index.overlap(["x"], by="row")': "incompatible type",
    'index.ingest("a", modle="m")': 'Unexpected keyword argument "modle"',
    "index.project(method=3)": "incompatible type",
    'index.map(topics="3")': "incompatible type",
    'index.export("a.csv", k="3")': "incompatible type",
}


def test_a_users_script_is_checked_by_mypy(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT + "\n".join(WRONG) + "\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"), str(script)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=800,
    )
    first = len(SCRIPT.splitlines()) + 1
    lines = [line.partition("script.py:")[2] for line in done.stdout.splitlines()]
    errors = [line for line in lines if ": error:" in line]
    assert [int(line.split(":")[0]) for line in errors] == list(range(first, first + len(WRONG))), done.stdout
    for line, expected in zip(errors, WRONG.values(), strict=True):
        assert expected in line

"""`vecindex project` on the sample."""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tables import map_xy
from vecindex.cli.commands.project import read_settings, untouched_on_interrupt
from vecindex.core.graph import GRAPH_K
from vecindex.errors import ConfigError, Interrupted
from vecindex.store.database import Database
from vecindex.store.maps import maps
from vecindex.types import Silent, Stage

Run = Callable[..., Any]
QUICK = ("--iterations", "50", "--set", "early_iterations=50", "--set", "finish_iterations=20")


@pytest.fixture
def db(sample_db: Path, tmp_path: Path) -> Path:
    """A copy of the sample's database."""
    return Path(shutil.copytree(sample_db, tmp_path / "db"))


def test_from_the_first_map_to_its_end(run: Run, db: Path) -> None:
    made = run("project", "--db", db, *QUICK)
    assert made.code == 0
    assert made.out.startswith("map 'map' of articles made: 264 articles\n")
    assert f"neighbor graph made: {GRAPH_K} each, recall 1.0000" in made.out
    assert "articles keep " in made.out
    assert "of their 5 nearest (" in made.out
    rebuilt = run("project", "--db", db, *QUICK, "--seed", 7)
    assert "map 'map' of articles rebuilt: 264 articles" in rebuilt.out
    assert "neighbor graph stored" in rebuilt.out
    assert "aligned with the map it replaces: 264 articles moved by" in rebuilt.out
    assert maps(Database(db).articles("articles"))["map"]["settings"]["finish_iterations"] == 20
    assert "unchanged: 264 articles" in run("project", "--update", "--db", db).out
    told = run("status", "--db", db).out
    assert "local, 264 articles, recall@5 " in told
    dropped = run("project", "map", "--drop", "--db", db)
    assert (dropped.code, dropped.out) == (0, "map 'map' of articles dropped\n")
    assert run("project", "--drop", "--db", db).code == 2


def test_overlap_finds_the_map_and_tells_what_made_it(run: Run, db: Path) -> None:
    questions = "examples/questions-cell-biology.jsonl"
    told = run("overlap", "-q", questions, "--db", db, "--details").out
    assert f"Make one: vecindex project --db {db}." in " ".join(told.split())
    run("project", "bio", "--db", db, *QUICK)
    found = run("overlap", "-q", questions, "--db", db, "--json").json
    assert [m["name"] for m in found["maps"]] == ["bio"]
    recall = found["maps"][0]["about"]["scores"]["recall"]["5"]["mean"]
    # Overlap draws 1,000 articles, more than there are: the same figure by another way.
    assert found["maps"][0]["self_recall"]["mean"] == pytest.approx(recall)
    assert "made by local, seed 0" in run("overlap", "-q", questions, "--db", db, "--details").out


def test_anchored_is_said_everywhere(run: Run, db: Path, tmp_path: Path) -> None:
    questions = "examples/questions-cell-biology.jsonl"
    made = run("project", "--anchor", "-q", questions, "--db", db)
    assert made.code == 0
    assert "there is no map 'map' to anchor; it is made first" in made.err
    assert made.out.startswith("map 'anchored' of articles made: 264 articles\n")
    named = "anchored to questions-cell-biology.jsonl (40 questions)"
    assert f"  {named}, 5 articles each, strength strong" in made.out
    rows = [
        line.split("  ")[1]
        for line in made.out.splitlines()
        if line.count(" to ") == 3 and " %)" in line and " keep " not in line
    ]
    assert rows == ["unanchored", "anchored", "held out, 5 folds", "shuffled neighbors", "strength gentle"]
    assert "held out minus unanchored: " in made.out
    assert "  moved from the map 'map': median " in made.out
    assert named in run("status", "--db", db).out
    page = tmp_path / "page.html"
    told = run("overlap", "-q", questions, "--db", db, "--html", page, "--details").out
    assert f"made by local, seed 0, {named}" in told
    note = "These questions were anchored on this map: its overlap is a constraint of the layout"
    assert told.count(note) == 1
    assert '\n  map     "anchored" (laid out for these questions); ' in told
    assert 'on the neutral map "map"' in " ".join(told.split())
    html = page.read_text(encoding="utf-8")
    assert f"264 articles; {named}" in html
    assert note in html
    quick = run("project", "--anchor", "-q", questions, "--no-controls", "--db", db)
    assert "controls not run: not asked for (--no-controls)" in quick.out
    assert "held out, " not in quick.out
    refused = run("project", "anchored", "--db", db)
    assert refused.code == 2
    again = f"vecindex project anchored --anchor --from map --questions questions-cell-biology.jsonl --db {db}"
    assert again in refused.err


def test_focus_leaves_lines_out_and_says_so(run: Run, db: Path, tmp_path: Path) -> None:
    file = tmp_path / "q.jsonl"
    file.write_text('{"text": "how do cells divide"}\n{"id": 2}\n{"text": "How do cells divide"}\n')
    found = run("project", "cells", "--focus", file, "--focus-size", 20, "--method", "pca", "--db", db)
    assert found.code == 6
    assert "20 articles, 244 outside it" in found.out
    assert "focus on 1 question (q.jsonl): holds 100.0 % of their 5 nearest, 40.0 % of their 50 nearest" in found.out
    assert "left out" in found.err
    assert "counted once" in found.err
    _, xy = map_xy(Database(db).articles("articles"), "cells")
    assert np.isfinite(xy[:, 0]).sum() == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--method", "magic"), "unknown map method 'magic'"),
        (("--method", "umap", "--perplexity", 5), "Method umap has no setting 'perplexity'"),
        (("--set", "spread"), "--set takes SETTING=VALUE, found 'spread'"),
        (("--set", "spread=2"), "Method local has no setting 'spread'"),
        (("--update",), "has no map 'map' to update"),
        (("--update", "--iterations", 5), "The setting iterations means nothing with --update"),
        (
            ("--anchor",),
            "--anchor needs the questions to anchor the map to.\n  For example: --anchor --questions FILE",
        ),
        (("--no-controls",), "--no-controls means nothing without --anchor"),
        (("N/A",), "A map cannot be named 'N/A'"),
    ],
)
def test_what_makes_no_sense_is_refused(run: Run, db: Path, arguments: tuple[Any, ...], message: str) -> None:
    found = run("project", *arguments, "--db", db)
    assert found.code == 2
    assert message in found.err
    assert found.out == ""


def test_settings_are_read() -> None:
    assert read_settings(["early-iterations=5"]) == {"early_iterations": "5"}
    with pytest.raises(ConfigError, match="found '=5'"):
        read_settings(["=5"])


def test_an_interruption_that_was_swallowed_ends_the_work_at_the_next_stage() -> None:
    told: list[Stage] = []

    class Teller(Silent):
        def stage(self, stage: Stage) -> None:
            told.append(stage)

    def interrupted() -> None:
        with untouched_on_interrupt(Teller()) as observer:
            observer.stage(Stage("layout", 0, 2))
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            observer.stage(Stage("layout", 1, 2))

    with pytest.raises(Interrupted, match="as it was"):
        interrupted()
    assert told == [Stage("layout", 0, 2)]


def test_a_map_of_a_sample_says_what_was_laid_out_and_what_the_others_keep(run: Run, db: Path) -> None:
    lay_out = ("project", "said", "--db", db, "--method", "pca", "--layout-rows", 100)
    told = run(*lay_out, "--json").json["sampled"]
    assert (told["laid_out"], told["placed"], told["sample"], told["placed_sample"]) == (100, 164, 100, 164)
    shown = run(*lay_out).out
    assert "laid out: a sample of 100 articles; 164 others placed among them" in shown
    assert "those laid out keep " in shown
    assert "those placed keep " in shown
    one = run("project", "one", "--db", db, "--method", "pca", "--layout-rows", 263).out
    assert "laid out: a sample of 263 articles; 1 other placed among them" in one
    # A single article shows no spread.
    assert re.search(r"those placed keep [\d.]+ % of their 5 nearest, [^\n]+, over 1\n", one)
    assert "nan" not in one
    assert "a sample of 100 laid out, the others placed" in run("status", "--db", db).out
    wrong = run("project", "--db", db, "--memory", "plenty")
    assert (wrong.code, "--memory is a size such as 4GB or 800MB, found 'plenty'." in wrong.err) == (2, True)
    small = run("project", "--db", db, "--memory", "1MB")
    assert (small.code, "takes at least" in small.err, "Allow more: --memory" in small.err) == (2, True, True)
    both = run("project", "said", "--db", db, "--update", "--layout-rows", 50)
    assert (both.code, "--layout-rows means nothing with --update" in both.err) == (2, True)


def test_overlap_refuses_what_the_memory_does_not_allow_for(run: Run, db: Path, tmp_path: Path) -> None:
    assert run("project", "--db", db, "--method", "pca").code == 0
    questions = tmp_path / "questions.txt"
    questions.write_text("how do cells die?\n")
    asked = ("overlap", "--db", db, "-q", questions)
    small = run(*asked, "--memory", "1MB")
    assert (small.code, small.out) == (2, "")
    assert "Measuring 264 rows on 1 map takes about " in small.err
    assert "of memory; --memory 1MB allows less." in small.err
    assert "vecindex search" in small.err
    assert run(*asked, "--memory", "8GB").code == 0

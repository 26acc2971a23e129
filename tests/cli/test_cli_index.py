"""`vecindex index` and the approximate search as they are typed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from approximate import stocked
from tables import filled

Run = Callable[..., Any]


def test_made_measured_searched_and_dropped(run: Run, tmp_path: Path) -> None:
    stocked(tmp_path)
    made = run("index", "--type", "IVF_SQ", "--db", tmp_path)
    assert made.code == 0
    assert made.err.splitlines()[0] == f"making an IVF_SQ index of 400 rows of {tmp_path}/articles (as asked)"
    lines = made.out.splitlines()
    assert re.fullmatch(r"index     IVF_SQ of 400 rows, [\d.]+ .?B, made in .+ \([\d.]+ CPU s\)", lines[0])
    assert lines[1] == "measured  recall@10 against exact search, of 400 held-out rows"
    assert re.split(r" {2,}", lines[2].strip()) == ["nprobes", "refine", "recall@10", "CPU ms a query"]
    assert re.match(r" +exact +1 +[\d.]+$", next(line for line in lines if line.startswith("  exact ")))
    found = run("search", "--id", "a00003", "--approximate", "--recall", "0.5", "--no-text", "--db", tmp_path)
    assert found.code == 0
    assert re.match(
        r"approximate: recall@10 [01]\.\d\d expected, measured on 400 held-out rows$", found.err.splitlines()[0]
    )
    assert len(found.out.splitlines()) == 10
    status = run("status", "--db", tmp_path)
    line = next(line for line in status.out.splitlines() if line.startswith("index "))
    assert "IVF_SQ" in line
    assert "400 rows; recall@10" in line
    dropped = run("index", "--drop", "--db", tmp_path)
    assert dropped.err == "articles: the index of the vectors is removed; searches are exact\n"


def test_what_is_wrong_is_said_as_it_is_typed(run: Run, tmp_path: Path) -> None:
    filled(tmp_path, 300)
    few = run("index", "--db", tmp_path)
    assert (few.code, few.out) == (2, "")
    assert "300 rows, so an exact search is quick" in few.err
    assert "To make one all the same, name its type: --type IVF_SQ" in few.err
    both = run("index", "--drop", "--measure", "--db", tmp_path)
    assert both.code == 2
    assert "--measure and --drop exclude each other" in both.err
    none = run("search", "--id", "a00001", "--approximate", "--db", tmp_path)
    assert none.code == 2
    assert "Leave --approximate out to search exactly." in none.err
    alone = run("search", "--id", "a00001", "--recall", "0.9", "--db", tmp_path)
    assert alone.code == 2
    assert "Add --approximate." in alone.err
    nowhere = run("index", "--db", tmp_path / "none")
    assert nowhere.code == 5
    kind = run("index", "--type", "HNSW", "--db", tmp_path)
    assert kind.code == 2
    assert "IVF_HNSW_SQ" in kind.err

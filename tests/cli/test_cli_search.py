"""`vecindex search` as it is typed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import vecindex
from tables import WEIGHTS, append, filled, make_table

Run = Callable[..., Any]


def test_lines_for_other_programs(run: Run, tmp_path: Path) -> None:
    table = make_table(tmp_path)
    vectors = np.eye(8, dtype=np.float32)[[0, 1, 0]]
    append(
        table,
        vectors,
        ids=["me", "far", "near\tid"],
        title=["M", None, "A\x1b[31m\ntitle"],
        text=["t", "one\ntwo", "x"],
    )
    done = run("search", "--id", "me", "--db", tmp_path)
    assert done.code == 0
    assert done.out == "1\t0.0000\t$'near\\tid'\tA [31m title\tx\n2\t1.0000\tfar\t\tone two\n"
    assert done.err == "2 of the 10 asked for: there are no more\n"
    short = run("search", "--id", "me", "--db", tmp_path, "--no-text", "-k", 1)
    assert short.err == ""
    assert short.out == "1\t0.0000\t$'near\\tid'\tA [31m title\n"


def test_several_queries_are_named(run: Run, tmp_path: Path) -> None:
    filled(tmp_path, 5)
    done = run("search", "--id", "a00000", "--id", "a00003", "--db", tmp_path, "-k", 1, "--no-text")
    assert [line.split("\t")[:2] for line in done.out.splitlines()] == [["a00000", "1"], ["a00003", "1"]]


def test_a_table_on_a_terminal(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr("vecindex.cli.render.search.on_terminal", lambda: True)
    table = make_table(tmp_path)
    append(
        table,
        np.eye(8, dtype=np.float32)[:3],
        ids=list("abc"),
        title=["A", "[bold]B", None],
        text=["long text " * 40] * 3,
    )
    done = run("search", "--id", "a", "--db", tmp_path)
    text = "      long text long text long text long text long text lon…"
    assert done.out.splitlines() == [
        "rank  dist    id  title",
        "1     1.0000  b   [bold]B",
        text,
        "2     1.0000  c",
        text,
    ]


def test_hits_show_the_fields_that_they_were_chosen_by(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        {"id": f"a-{n}", "text": "t", "vector": [1.0, float(n)], "year": 1990 + n, "lang": "en", "topic": "cells"}
        for n in range(4)
    ]
    rows[2]["topic"] = None
    options = {"vector_field": "vector", "unverified": True, "model": "none"}
    vecindex.open(tmp_path).ingest(rows, **options)
    asked = ["search", "--id", "a-0", "--db", tmp_path, "--where", "YEAR > 1990 AND (topic = 'lang' OR year < 1993)"]
    assert run(*asked).out == "1\t0.2929\ta-1\t\tt\t1991\tcells\n2\t0.5528\ta-2\t\tt\t1992\t\n"
    monkeypatch.setattr("vecindex.cli.render.search.on_terminal", lambda: True)
    assert run(*asked).out.splitlines() == [
        "rank  dist    id   title  year  topic",
        "1     0.2929  a-1         1991  cells",
        "      t",
        "2     0.5528  a-2         1992",
        "      t",
    ]


def test_no_hits(run: Run, tmp_path: Path) -> None:
    filled(tmp_path, 1)
    done = run("search", "--id", "a00000", "--db", tmp_path)
    assert (done.code, done.out, done.err) == (0, "", "no hits\n")


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["search", "--id", "x", "--where", "nope = 1"], 2, "No field named nope"),
        (["search", "--id", "x", "-k", "0"], 2, "-k must be at least 1"),
        (["search", "--id", "x", "-k", "many"], 2, "Invalid value for '-k'"),
        (["search", ""], 2, "The text to search for is empty"),
        (["search"], 2, "needs one of a text, --file and --id"),
        (["search", "x", "--table", "other"], 5, "No table 'other'"),
        (["search", "--file", "missing.jsonl"], 3, "missing.jsonl: no such file"),
        (["search", "x"], 4, "makes vectors of 384 values"),
        (["search", "--id", "x", "--at", "then"], 2, "has no tag 'then'"),
    ],
)
def test_wrong_input_has_a_message_and_a_code(
    run: Run, tmp_path: Path, arguments: list[str], code: int, told: str
) -> None:
    filled(tmp_path, 3, weights=WEIGHTS)
    done = run(*arguments, "--db", tmp_path)
    assert (done.code, done.out) == (code, "")
    assert told in done.err


def test_a_file_with_bad_lines_ends_with_6(sample_db: Path, tmp_path: Path) -> None:
    # A process of its own: start, model, standard input and exit code together.
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "vecindex.cli.app",
            "search",
            "--file",
            "-",
            "--db",
            str(sample_db),
            "-k",
            "1",
            "--no-text",
        ],
        input=b'what part of the cell makes energy\n{"nothing": 1}\n',
        capture_output=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 6, done.stderr
    # Of several questions each line names its own, also where only one is left.
    line = rb"what part of the cell makes energy\t1\t0\.[3-6]\d{3}\tcell-001\tMitochondrion\n"
    assert re.fullmatch(line, done.stdout), done.stdout
    assert b"left out stdin:2: no text in any of text, question, query" in done.stderr

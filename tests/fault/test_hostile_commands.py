"""Hostile command lines: every command and option, with values that nobody thought of, run in this process."""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from hypothesis import strategies as st

from hostile import HOSTILE_TEXTS, amounts, run_command, try_all
from planted import make_table, put_map
from vecindex.cli.app import app
from vecindex.cli.lazy import MODULES

# A server goes on until it is stopped; a repair, a page that opens and code of a model are no inputs.
_LEFT_OUT = {
    "--repair",
    "--open",
    "--model",
    "--trust-remote-code",
    "--help",
    "--install-completion",
    "--show-completion",
}
_GOOD = (
    "a0",
    "a1",
    "map",
    "first",
    "id",
    "topic",
    "5",
    "0.5",
    "corpus",
    "mean",
    "pca",
    "cpu",
    "topic = 'cells'",
    "jsonl",
)
VALUES = st.one_of(
    st.sampled_from([text for text in HOSTILE_TEXTS if "\0" not in text]),
    st.sampled_from(_GOOD),
    st.text(st.characters(exclude_characters="\0"), max_size=8),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database, a file of questions and one of rows; the commands run in it."""
    folder = tmp_path_factory.mktemp("commands")
    vectors = np.random.default_rng(3).normal(size=(12, 4)).astype(np.float32)
    make_table(folder / "db", vectors, [f"a{i}" for i in range(12)], {"topic": ["cells", "stars"] * 6})
    put_map(folder / "db", "map", [f"a{i}" for i in range(12)], vectors[:, :2].astype(np.float64))
    (folder / "q.jsonl").write_text('{"question": "how do cells divide", "id": "q1"}\n')
    rows = [{"id": f"a{i}", "text": "x", "vector": [1.0, 0.0, 0.0, float(i)]} for i in range(3)]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def known() -> dict[str, tuple[list[tuple[str, bool]], int]]:
    """Return of each command its options (with whether they take a value) and how many arguments it has."""
    group: Any = typer.main.get_command(app)
    found = {}
    for name, command in group.commands.items():
        options, arguments = [], 0
        for parameter in command.params:
            if parameter.param_type_name == "argument":
                arguments += 1
            else:
                names = [*parameter.opts, *parameter.secondary_opts]
                options += [(one, not parameter.is_flag) for one in names if one not in _LEFT_OUT]
        found[name] = (sorted(options), arguments)
    return found


# What makes a run of a command short, and keeps what it writes in its own folder.
_FIRST = {
    "search": ["--id", "a0"],
    "project": ["--drop"],
    "overlap": ["--map", "none"],
    "delete": ["--dry-run"],
    "ingest": ["--dry-run", "rows.jsonl", "--vector-field", "vector", "--unverified", "--model", "t/n"],
    "serve": ["--host", "8.8.8.8"],
    "map": ["--topics", "0"],
}
_OTHERS = ["rows.jsonl", "q.jsonl", "-", "none.jsonl", "rows.json", ".", "db"]


@st.composite
def lines(draw: Callable[..., Any]) -> tuple[list[str], bytes]:
    """A command line with up to four options and two arguments, and bytes on standard input."""
    commands = known()
    verb = draw(st.sampled_from(sorted(commands)))
    options, _ = commands[verb]
    line = [verb, *(_FIRST.get(verb, []) if draw(st.integers(0, 9)) else [])]
    for name, takes in draw(st.lists(st.sampled_from(options), max_size=4)):
        line += [name, draw(st.one_of(VALUES, st.sampled_from(_OTHERS)))] if takes else [name]
    line += draw(st.lists(st.one_of(VALUES, st.sampled_from(_OTHERS)), max_size=2))
    if draw(st.integers(0, 19)) == 0:
        line.insert(draw(st.integers(0, len(line))), draw(VALUES))
    return line, draw(
        st.sampled_from([b"", b"a0\n", b"\xff\xfe", b"how do cells divide\n", b'{"id":"a0","text":"x"}\n'])
    )


def harmless(line: list[str]) -> bool:
    """Return whether a line serves nothing, and lays out no map of a minute's work."""
    return not ("serve" in line and "8.8.8.8" not in line)


@pytest.mark.parametrize("cases", amounts(some=15, share=0.1))
def test_a_hostile_command_line_ends_in_words(
    cases: int, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    for name in ("TMPDIR", "HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    there = {path.name for path in folder.iterdir()}
    rows = (folder / "rows.jsonl").read_bytes(), (folder / "q.jsonl").read_bytes()

    def check(case: tuple[list[str], bytes]) -> None:
        line, stdin = case
        if not harmless(line):
            return
        run_command(line, stdin)
        for path in folder.iterdir():
            if path.name not in there:
                os.system(f"rm -rf -- '{path}'")
        assert ((folder / "rows.jsonl").read_bytes(), (folder / "q.jsonl").read_bytes()) == rows, line

    try_all("command lines", cases, lines(), check)


def test_every_command_is_tried() -> None:
    assert {*known()} == {*MODULES}
    assert inspect.isfunction(run_command)

"""Settings: from a file, from the environment, from options, in this order."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tables import filled

Run = Callable[..., Any]
SCHEMA = Path(__file__).resolve().parents[2] / "schemas" / "settings.schema.json"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a table in db/."""
    filled(tmp_path / "db", 5)
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("VECINDEX_") and name != "VECINDEX_TIMES":
            monkeypatch.delenv(name)
    return tmp_path


def held(run: Run) -> list[tuple[str | None, str, str, str]]:
    """Return the settings that hold, other than that of these tests."""
    values = run("status", "--settings", "--json").json
    jsonschema.validate(values, json.loads(SCHEMA.read_text()))
    return [tuple(one.values()) for one in values["settings"] if one["name"] != "times"]


def test_the_file_the_environment_and_options_in_this_order(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = ["search", "--id", "a00000", "--no-text"]
    assert run(*search).out.count("\n") == 4
    (folder / "vecindex.toml").write_text("[search]\nk = 3\n")
    assert run(*search).out.count("\n") == 3
    monkeypatch.setenv("VECINDEX_SEARCH_K", "2")
    assert run(*search).out.count("\n") == 2
    assert held(run) == [("search", "k", "2", "$VECINDEX_SEARCH_K")]
    assert run(*search, "-k", "1").out.count("\n") == 1


def test_every_kind_of_value(folder: Path, run: Run) -> None:
    (folder / "vecindex.toml").write_text(
        'db = "db"\nwait = 2.5\ndurable = true\nlog_file = "run.log"\n'
        '[search]\nid = ["a00000", "a00001"]\nno-text = true\nk = 1\n[project]\nset = ["spread=2"]\n'
    )
    assert [line.split("\t")[0] for line in run("search").out.splitlines()] == ["a00000", "a00001"]
    assert run("optimize").code == 0
    assert (folder / "run.log").read_text().count("begins") == 2
    assert sorted(held(run), key=str) == sorted(
        [
            (None, "db", "db", "vecindex.toml"),
            (None, "log-file", "run.log", "vecindex.toml"),
            (None, "wait", "2.5", "vecindex.toml"),
            (None, "durable", "true", "vecindex.toml"),
            ("search", "id", "a00000, a00001", "vecindex.toml"),
            ("search", "k", "1", "vecindex.toml"),
            ("search", "no-text", "true", "vecindex.toml"),
            ("project", "set", "spread=2", "vecindex.toml"),
        ],
        key=str,
    )


def test_another_file_is_named_by_a_variable(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "vecindex.toml").write_text("[search]\nk = 3\n")
    other = folder / "other.toml"
    other.write_text('table = "none"\n')
    monkeypatch.setenv("VECINDEX_CONFIG", str(other))
    assert held(run) == [(None, "table", "none", str(other))]
    assert "No table 'none'" in run("status").err
    other.unlink()
    gone = run("status")
    assert (gone.code, gone.err.splitlines()[0]) == (
        2,
        f"error: The settings in {other} cannot be read: No such file or directory.",
    )
    # Help is there whatever the settings are.
    assert run("status", "--help").code == 0


@pytest.mark.parametrize(
    ("written", "error", "hint"),
    [
        ("durabel = true", "there is no setting 'durabel'.", "Is it durable?"),
        ("[serch]\nk = 3", "there is no command 'serch'.", "Is it search?"),
        ("[search]\nhybird = true", "[search] has no setting 'hybird'.", "Is it hybrid?"),
        ("k = 3", "'k' is for a command: search, map, overlap, export.", "section of the command: [search]"),
        ("[search]\nhybrid = 'yes'", "'hybrid' in [search] is true or false, found 'yes'.", None),
        ("[search]\nk = true", "'k' in [search] is not true or false, found True.", None),
        ("[search]\nk = [1, 2]", "'k' in [search] takes one value, found [1, 2].", None),
        ("k = ", "no TOML: Invalid value", "For example: wait = 600"),
        (
            "[ingest]\ntrust-remote-code = true",
            "not taken from a file that merely lies in the working",
            "$VECINDEX_CONFIG",
        ),
        ("trust_remote_code = true", "not taken from a file that merely lies in the working", "$VECINDEX_CONFIG"),
        (
            "[serve]\nallow-annotate = true",
            "not taken from a file that merely lies in the working",
            "$VECINDEX_CONFIG",
        ),
    ],
)
def test_what_is_wrong_in_the_file(folder: Path, run: Run, written: str, error: str, hint: str | None) -> None:
    (folder / "vecindex.toml").write_text(written)
    done = run("status")
    assert (done.code, done.out) == (2, "")
    first, *more = done.err.splitlines()
    assert first.startswith("error: vecindex.toml: ")
    assert error in first
    assert len(more) == (hint is not None)
    assert hint is None or hint in more[0]


def test_a_named_file_may_allow_what_one_in_the_folder_may_not(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "vecindex.toml").write_text("trust-remote-code = true")
    monkeypatch.setenv("VECINDEX_CONFIG", "vecindex.toml")
    assert held(run) == [(None, "trust-remote-code", "true", "vecindex.toml")]


def test_a_wrong_value_says_where_it_comes_from(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "vecindex.toml").write_text("wait = 'long'")
    done = run("optimize")
    assert done.code == 2
    assert "Invalid value for '--wait'" in done.err
    assert done.err.endswith("  It comes from vecindex.toml.\n")
    monkeypatch.setenv("VECINDEX_WAIT", "longer")
    assert run("optimize").err.endswith("  It comes from $VECINDEX_WAIT.\n")


def test_a_failure_is_json_where_a_setting_asks_for_it(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VECINDEX_JSON", "1")
    assert run("status", "--table", "none").json["exit_code"] == 5


def test_variables_that_set_nothing_are_named(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VECINDEX_INGSET_WAIT", "3")
    monkeypatch.setenv("VECINDEX_INGEST_WAIT", "4")
    lines = run("status", "--settings").out.splitlines()
    assert "ingest wait  4      $VECINDEX_INGEST_WAIT" in lines
    assert lines[-1] == "sets nothing: VECINDEX_INGSET_WAIT"


def test_secrets_are_not_shown(folder: Path, run: Run) -> None:
    (folder / "vecindex.toml").write_text('db = "https://me:secret@example.org/db"')
    shown = run("status", "--settings").out
    assert "example.org" in shown
    assert "secret" not in shown

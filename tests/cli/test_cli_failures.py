"""Failures as a person reads them and as a program does, with --json."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer

import vecindex
from tables import filled
from vecindex.cli.app import app
from vecindex.verbs.ingest.result import IngestReport

Run = Callable[..., Any]
SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas" / "error.schema.json").read_text("utf-8"))
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
WITH_JSON = sorted(name for name, command in COMMANDS.items() if any("--json" in p.opts for p in command.params))


def failure(done: Any) -> dict[str, Any]:
    """Return the failure that a command printed, after its form and exit code were checked."""
    jsonschema.Draft202012Validator(SCHEMA).validate(done.json)
    assert done.json["exit_code"] == done.code
    return dict(done.json)


def test_a_failure_is_printed_twice_with_json(run: Run, tmp_path: Path) -> None:
    database = tmp_path / "a b"
    filled(database, 1)
    shown = failure(run("status", "--db", database, "-t", "other", "--json"))
    assert shown == {
        "schema_version": 1,
        "error": f"No table 'other' in {database} (tables there: articles).",
        "hint": f"Make it: vecindex ingest SOURCE --db '{database}' --table other",
        "exit_code": 5,
    }
    plain = run("status", "--db", database, "-t", "other")
    assert (plain.code, plain.out) == (5, "")
    assert plain.err == f"error: {shown['error']}\n  {shown['hint']}\n"
    assert run("status", "--db", database, "-t", "other", "--json").err == plain.err


def test_commands_in_hints_name_what_this_command_was_given(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VECINDEX_DB", str(tmp_path))
    # What the environment says need not be said again, nor what an earlier command was given.
    run("status", "-t", "other")
    assert failure(run("status", "--json"))["hint"] == "Make it: vecindex ingest SOURCE"


@pytest.mark.parametrize("name", WITH_JSON)
def test_usage_errors(run: Run, name: str) -> None:
    done = run(name, "--no-such-option", "--json")
    assert failure(done)["exit_code"] == 2
    assert failure(done)["error"].startswith("No such option: --no-such-option")
    assert failure(done)["hint"].endswith(f"{name} --help")
    assert done.err.startswith("error: No such option: --no-such-option\n  Try: ")
    assert run(name, "--no-such-option").out == ""


def test_an_argument_that_is_missing(run: Run) -> None:
    assert failure(run("ingest", "--json"))["error"] == "Missing argument 'SOURCE...'."


def test_options_that_are_out_of_bounds(run: Run, tmp_path: Path) -> None:
    shown = failure(run("optimize", "--older-than", "5x", "--db", tmp_path, "--json"))
    assert shown["error"] == "--older-than takes a number and one of s, m, h, d; found '5x'."
    assert (shown["hint"], shown["exit_code"]) == ("For example: --older-than 10m", 2)


def test_an_unforeseen_error(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise AttributeError("none of that name\nand more")

    monkeypatch.setattr(vecindex.Index, "status", fails)
    shown = failure(run("status", "--db", tmp_path, "--json"))
    assert shown["error"] == "unexpected AttributeError: none of that name"
    assert shown["exit_code"] == 1


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("PyObject pointer is null", "Not enough memory: PanicException: PyObject pointer is null"),
        ("index out of bounds", "unexpected PanicException: index out of bounds"),
    ],
)
def test_a_panic_of_a_library_is_an_error_in_words(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, says: str, told: str
) -> None:
    class PanicException(BaseException):
        """As Rust raises it: no Exception."""

    def fails(*_: object, **__: object) -> None:
        raise PanicException(says)

    monkeypatch.setattr(vecindex.Index, "status", fails)
    assert failure(run("status", "--db", tmp_path, "--json"))["error"] == told


def test_ctrl_c_is_said(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(vecindex.Index, "annotate", stopped)
    done = run("annotate", "a", "--label", "x", "--db", tmp_path)
    assert (done.code, done.out) == (130, "")
    assert done.err.splitlines() == [
        "error: Stopped before the command was complete.",
        "  What is stored is whole. Run the same command again.",
    ]


def test_an_interrupted_ingest_says_nothing_of_its_sources(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> IngestReport:
        return IngestReport("articles", interrupted=True)

    monkeypatch.setattr(vecindex.Index, "ingest", stopped)
    done = run("ingest", tmp_path, "--db", tmp_path)
    assert done.code == 130
    assert "hold no rows" not in done.err
    assert "interrupted; run the same command again to go on" in done.err


def test_an_id_that_looks_like_the_option(run: Run, tmp_path: Path) -> None:
    done = run("delete", "--db", tmp_path, "--", "--json")
    assert (done.code, done.out) == (5, "")
    assert done.err.startswith("error: No table 'articles'")


@pytest.mark.parametrize("port", [-1, 65_536, 99_999])
def test_a_port_that_cannot_be_is_said_as_other_bounds_are(run: Run, tmp_path: Path, port: int) -> None:
    done = run("serve", "--db", tmp_path, "--port", port)
    assert (done.code, done.err) == (2, f"error: --port must be from 0 to 65535, found {port}.\n")

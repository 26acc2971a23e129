"""Commands in advice name what the command at hand was given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from vecindex.cli import advice
from vecindex.cli.app import app
from vecindex.errors import ConfigError


@pytest.fixture(autouse=True)
def nothing_named() -> Iterator[None]:
    advice.forget()
    yield
    advice.forget()


def hint_of(*arguments: str, **variables: str) -> str:
    error = CliRunner(env=variables).invoke(app, arguments).exception
    assert isinstance(error, ConfigError)
    return advice.completed(str(error.hint))


EXAMPLE = '"how do cells make energy"'


def test_the_database_and_the_table_are_named() -> None:
    assert hint_of("search", "", "--db", "a b") == f"For example: vecindex search --db 'a b' {EXAMPLE}"
    told = hint_of("search", "", "-t", "other", "--db", "d")
    assert told == f"For example: vecindex search --table other --db d {EXAMPLE}"


def test_what_the_environment_says_need_not_be_said_again() -> None:
    assert hint_of("search", "", VECINDEX_DB="d") == f"For example: vecindex search {EXAMPLE}"


def test_the_next_command_begins_anew() -> None:
    hint_of("search", "", "--db", "d")
    assert hint_of("search", "") == f"For example: vecindex search {EXAMPLE}"


def test_only_commands_are_completed() -> None:
    advice._named["--db"] = "d"
    assert advice.completed("vecindex project x, then vecindex map.") == (
        "vecindex project --db d x, then vecindex map --db d."
    )
    for text in (
        "the next vecindex ingest of its source",
        "vecindex overlap places them",
        "vecindex does not",
        "vecindex status --db other",
    ):
        assert advice.completed(text) == text

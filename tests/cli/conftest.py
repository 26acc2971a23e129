"""The command line run inside this process: quicker than a process each, and as good for all but the start."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from vecindex.cli import progress
from vecindex.cli.app import main
from vecindex.cli.render import project


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """Standard output, which must be one JSON object on one line."""
        assert self.out.count("\n") == 1, self.out
        values: dict[str, Any] = json.loads(self.out, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
        return values


class Input(io.TextIOWrapper):
    """Standard input with given bytes, which may say that it is a terminal."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """A function that runs `vecindex ARGUMENTS...`, with `stdin` as bytes, from a terminal or not."""
    # What is shown only where a command takes long, as it may on a busy machine.
    monkeypatch.setattr(progress, "_LINE_EVERY_S", math.inf)
    monkeypatch.setattr(progress, "WORTH_A_FORECAST_S", math.inf)
    monkeypatch.setattr(project, "WORTH_A_FORECAST_S", math.inf)

    def call(*arguments: object, stdin: bytes = b"", terminal: bool = False) -> Ran:
        monkeypatch.setattr(sys, "argv", ["vecindex", *map(str, arguments)])
        typed = Input(io.BytesIO(stdin))
        typed.terminal = terminal
        monkeypatch.setattr(sys, "stdin", typed)
        with pytest.raises(SystemExit) as stopped:
            main()
        shown = capsys.readouterr()
        assert "Traceback" not in shown.err
        return Ran(int(stopped.value.code or 0), shown.out, shown.err)

    return call

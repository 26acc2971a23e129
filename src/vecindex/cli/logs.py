"""What a run records: its start, sources, counts, commits, end and exit code, each with the time."""

from __future__ import annotations

import logging
import re
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from vecindex.cli.layout import lines
from vecindex.errors import ConfigError
from vecindex.masks import masked

SAID = logging.getLogger("vecindex.said")
"""Gets what standard error shows as well, so only a file takes it."""
_LOG = logging.getLogger("vecindex")
# Else Python would print what no handler takes, such as with --quiet that a run waits for another one.
_LOG.addHandler(logging.NullHandler())
_FORM = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_LINE = re.compile(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ [A-Z]+ vecindex", re.MULTILINE)
_LOOKED_AT = 65_536
"""Bytes at a file's end in which a line of a run is looked for."""
_ours: list[logging.Handler] = []
_started: float | None = None


def now() -> str:
    """Return the time as logs and messages have it: UTC, to the second."""
    return time.strftime(_TIME, time.gmtime())


def set_up(verbose: bool, quiet: bool, file: str | None) -> None:
    """Let messages of the log go to standard error, warnings alone if not `verbose`, and to a file."""
    root = logging.getLogger()
    while _ours:
        root.removeHandler(_ours.pop())
    if not quiet:
        _ours.append(_Screen(logging.DEBUG if verbose else logging.WARNING))
    if file is not None:
        _ours.append(_file(file))
    for handler in _ours:
        handler.setFormatter(_Masked(_FORM, _TIME))
        root.addHandler(handler)
    _LOG.setLevel(logging.DEBUG if verbose else logging.INFO if file is not None else logging.WARNING)
    # Of other libraries their warnings, which nobody asked for on the screen.
    root.setLevel(logging.WARNING)


def record_start(arguments: Sequence[str]) -> None:
    """Record what was typed."""
    global _started
    from vecindex import __version__

    _started = time.perf_counter()
    _LOG.info("begins, vecindex %s: vecindex %s", __version__, shlex.join(arguments))


def record_end(exit_code: int) -> None:
    """Record how a run ended whose start was recorded."""
    global _started
    if _started is not None:
        _LOG.info("ends with exit code %d after %.1f s", exit_code, time.perf_counter() - _started)
    _started = None


def record_traceback() -> None:
    """Record the error that is being handled, where somebody asked for details."""
    if _LOG.isEnabledFor(logging.INFO):
        _LOG.exception("unexpected error")


class _Masked(logging.Formatter):
    """Lines and tracebacks without the secrets of URLs, times in UTC."""

    converter = staticmethod(time.gmtime)

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class _Screen(logging.Handler):
    """Standard error, whose lines are wrapped; tracebacks as they are."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == SAID.name or not record.name.startswith(_LOG.name):
            return
        first, *more = self.format(record).splitlines() or [""]
        for line in [*lines(first, sys.stderr), *more]:
            sys.stderr.write(line + "\n")


def _file(path: str) -> logging.Handler:
    try:
        _refuse_data(path)
        return logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"--log-file {path}: cannot be written: {error.strerror}",
            "Name a file in a folder that exists and that you may write to.",
        ) from error


def _refuse_data(path: str) -> None:
    """Refuse a file that holds something else than logs: a source, questions, a file of the table."""
    file = Path(path)
    if not file.is_file() or not file.stat().st_size:
        return
    with file.open("rb") as opened:
        opened.seek(max(0, file.stat().st_size - _LOOKED_AT))
        if _LINE.search(opened.read()) is None:
            raise ConfigError(
                f"--log-file {path}: this file holds something else than a log of vecindex.", "Name another file."
            )

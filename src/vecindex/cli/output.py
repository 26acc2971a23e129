"""How results look: data to standard output, the rest to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import typer

from vecindex.cli.layout import lines
from vecindex.cli.logs import SAID, now
from vecindex.cli.spelling import spelled
from vecindex.errors import REJECTED_EXIT, ConfigError
from vecindex.files import check_writable
from vecindex.messages import Message
from vecindex.serialize import Result
from vecindex.types import Forecast, Rejected

T = TypeVar("T", bound=Result)

SCHEMA_VERSION = 1
WORTH_A_FORECAST_S = 5.0
"""A run that may take so long is forecast on the terminal."""


class WithRejects(Protocol):
    """A result that may have left out lines of a file of questions."""

    @property
    def rejected(self) -> Sequence[Rejected]:
        """Lines that were left out."""
        ...


def left_out(result: WithRejects) -> None:
    """Name the lines that were left out, and those that were counted once."""
    for line in result.rejected:
        warn(f"left out {line.location}: {line.reason}")
    for line in getattr(result, "duplicates", ()):
        say(f"counted once: {line.location} is {line.reason}")


def end(result: WithRejects) -> None:
    """Name the lines that were left out, and end with exit code 6 if there are any."""
    left_out(result)
    if result.rejected:
        raise typer.Exit(REJECTED_EXIT)


def check_files(inputs: Mapping[str, str | None], outputs: Mapping[str, str | None]) -> None:
    """Refuse to write over a file that is read, one output over another, or where no file can be.

    Before the work, whose result would else be lost.

    `inputs` are files by what they are for ("the questions are read from"), `outputs` files by their flags.
    """
    taken = {Path(str(file)).resolve(): what for what, file in inputs.items() if file not in (None, "-")}
    for flag, file in outputs.items():
        if file is None:
            continue
        path = Path(file).resolve()
        if path in taken:
            raise ConfigError(f"{flag} {file} is the file that {taken[path]}.", "Name another file.")
        taken[path] = f"{flag} names"
        check_writable(file)


def print_json(result: Result | dict[str, Any]) -> None:
    """Print a result as one JSON object; its form is described in schemas/."""
    values = result if isinstance(result, dict) else result.to_dict(spelled)
    # At once, not piece by piece: only that is done in C.
    sys.stdout.write(json.dumps({"schema_version": SCHEMA_VERSION, **values}, ensure_ascii=False, default=str))
    sys.stdout.write("\n")


def show(result: T, as_json: bool, printed: Callable[[T], None]) -> None:
    """Print a result, as JSON or for people."""
    if as_json:
        print_json(result)
    else:
        printed(result)


@dataclass(slots=True)
class Voice:
    """How much goes to standard error, and whether with the time."""

    quiet: bool = False
    times: bool = False


VOICE = Voice()


def say(text: Message = "", indent: int = 0) -> None:
    """Print a message for the user to standard error, wrapped; with --quiet only the log gets it."""
    SAID.info(spelled(text))
    if not VOICE.quiet:
        _write(text, indent)


def warn(text: Message, indent: int = 0) -> None:
    """Print what the user must see, --quiet or not."""
    SAID.warning(spelled(text))
    _write(text, indent)


def _write(text: Message, indent: int) -> None:
    time = f"{now()} " if VOICE.times else ""
    # What is indented is a part of the message before it.
    head = " " * (len(time) + indent) if indent else time
    for line in lines(text, sys.stderr, head):
        sys.stderr.write(line + "\n")


def confirmed(question: str) -> bool:
    """Ask a question on the terminal, and return whether the answer is yes."""
    *first, last = lines(question, sys.stderr)
    for line in first:
        sys.stderr.write(line + "\n")
    return typer.confirm(last, err=True)


def duration(seconds: float) -> str:
    """Return a time as a person would say it.

    >>> duration(4.2), duration(200), duration(7500)
    ('4.2 s', '3 min 20 s', '2 h 5 min')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def about(n: int, thing: str = "") -> str:
    """Return an estimated number, rounded to three digits, with the word for what is counted if one is given.

    >>> about(251_456), about(87, "row"), about(1, "row"), about(0)
    ('about 251,000', 'about 87 rows', 'about 1 row', '0')
    """
    word = f" {thing}{'' if n == 1 else 's'}" if thing else ""
    return (f"about {round(n, min(0, 3 - len(str(abs(n))))):,}" if n else "0") + word


def size(n_bytes: float) -> str:
    """Return a number of bytes as a person would say it.

    >>> size(512), size(1_610_000), size(2.5e9)
    ('512 B', '1.6 MB', '2.5 GB')
    """
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return f"{n_bytes / factor:.1f} {unit}"
    return f"{n_bytes:.0f} B"


def expected(forecast: Forecast) -> str:
    """Return what a forecast expects: the time as a range, and the memory.

    >>> expected(Forecast(90.0, 71.2, 110.0, {}, 1_310_000_000, 9_000_000_000, 0.1))
    '71 to 110 s and 1.3 GB of memory'
    """
    return f"{span(forecast.low_s, forecast.high_s)} and {size(forecast.memory_bytes)} of memory"


def span(low_s: float, high_s: float) -> str:
    """Return a range of time, in the unit of its end.

    >>> span(0.71, 1.26), span(70, 110), span(110, 400), span(9000, 18000)
    ('0.7 to 1.3 s', '70 to 110 s', '2 to 7 min', '2.5 to 5.0 h')
    """
    unit, seconds, digits = "s", 1, 1 if high_s < 10 else 0
    if high_s >= 3 * 3600:
        unit, seconds, digits = "h", 3600, 1
    elif high_s >= 180:
        unit, seconds, digits = "min", 60, 0
    return f"{low_s / seconds:.{digits}f} to {high_s / seconds:.{digits}f} {unit}"

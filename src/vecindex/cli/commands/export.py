"""`vecindex export`."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from vecindex.cli.interrupts import interruptible
from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.cli.output import confirmed
from vecindex.cli.streams import OutputError, is_closed, silence
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError
from vecindex.files import is_there
from vecindex.verbs.export.options import ExportOptions, format_of

if TYPE_CHECKING:
    from vecindex.verbs.export.result import ExportReport

IDS_MISSING_EXIT = 1
"""Exit code where the file of ids names some that the table does not have."""


@options_of(ExportOptions)
def export(
    out: Annotated[
        str,
        typer.Argument(
            metavar="OUT",
            help="File or URL: .parquet, .jsonl, .csv, .json, .npy, .jsonl.gz or .csv.gz; - for standard output.",
        ),
    ],
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a file is replaced.")] = False,
    no_maps: Annotated[bool, typer.Option("--no-maps", help="Leave the coordinates out.")] = False,
    json: Json = False,
    **options: Unpack[ExportOptions],
) -> None:
    """Write rows to a file for other tools.

    Formats: Parquet, JSON lines, CSV, JSON, or NumPy for the vectors alone. The file is written whole or not at all;
    an existing one is replaced after a question, or with --yes.
    """
    import vecindex
    from vecindex.cli.output import check_files, show
    from vecindex.cli.progress import Screen

    options["columns"], options["maps"] = options["columns"] or None, options["maps"] or None
    if no_maps:
        if options["maps"]:
            raise ConfigError("--map and --no-maps exclude each other.", "Give one of them.")
        options["maps"] = ()
    if json and out == "-":
        raise ConfigError("--json would stand among the rows on standard output.", "Name a file, or leave it out.")
    from vecindex.exports.uploads import ids_name, is_remote

    if out != "-" and not is_remote(out):
        read = {"the ids are read from": options.get("ids"), "the topics are read from": options.get("topics_file")}
        check_files({what: None if file is None else str(file) for what, file in read.items()}, {"OUT": out})
    if not yes and out != "-":
        vectors_alone = format_of(out, options.get("format"))[0] == "npy"
        for path in [out, ids_name(out)] if vectors_alone else [out]:
            _ask_to_replace(path)
    untouched = "" if out == "-" else f"; {out} is as it was before"
    stopped = f"Stopped before the export was complete{untouched}."
    with Screen() as screen, interruptible(stopped, "The same command begins it again."):
        stdout = sys.stdout.buffer if out == "-" and not is_closed("stdout") else None
        try:
            report = vecindex.open(db, table).export(out, observer=screen, stdout=stdout, **options)
            if stdout is not None:
                stdout.flush()
        except OutputError as error:
            silence("stdout")
            raise ConfigError(
                f"Standard output cannot be written: {error.strerror}.", "Name a file, on a disk with space."
            ) from error
    show(report, json, print_export)
    if report.not_found:
        raise typer.Exit(IDS_MISSING_EXIT)


def _ask_to_replace(out: str) -> None:
    """Ask whether a file that is there may be replaced; refuse where nobody can be asked."""
    from vecindex.exports.uploads import is_remote, size_there

    if is_remote(out):
        if size_there(out) is None:
            return
    elif not is_there(out) or not Path(out).is_file():
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(f"{out} exists; nobody can be asked here, so it was not replaced.", "Add --yes.")
    if not confirmed(f"Replace {out}?"):
        raise ConfigError(f"{out} exists, and was not replaced.", "Name another file.")


def print_export(report: ExportReport) -> None:
    """Print what an export wrote, and how a tool opens it."""
    from vecindex.cli.output import say, size
    from vecindex.messages import Shell, percent, text

    into = "standard output" if report.out == "-" else report.out
    ids = f", their ids to {report.ids_out}" if report.ids_out else ""
    bytes_ = "" if report.bytes is None else f", {size(report.bytes)}"
    of = "" if report.rows == report.of else f" of {report.of:,}"
    rows = "row" if report.of == 1 else "rows"
    say(f"{report.table}: {report.rows:,}{of} {rows} to {into}{ids}{bytes_}")
    if report.neighbors is not None:
        found = report.neighbors
        exact = "" if found.recall >= 1 else f", {percent(found.recall, 1)} of them right"
        say(f'map "{report.placed}"; {found.k} neighbors of each row, by embedding{exact}')
        shown = f"embedding-atlas {quote(report.out)} --text text --x x --y y --neighbors neighbors"
        say(text("open it: ", Shell(shown)))

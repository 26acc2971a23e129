"""`vecindex export`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from vecindex.cli.options import Db, Json, Table
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError, Interrupted

if TYPE_CHECKING:
    from vecindex.verbs.export.result import ExportReport


def export(
    out: Annotated[
        str,
        typer.Argument(
            metavar="OUT",
            help="File: .parquet, .jsonl, .csv, .json, .npy, .jsonl.gz or .csv.gz; - for standard output.",
        ),
    ],
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    columns: Annotated[
        list[str] | None, typer.Option(metavar="A,B", help="Columns, in this order [default: those for readers]")
    ] = None,
    where: Annotated[
        str | None, typer.Option(metavar="SQL", help='Condition on the columns, e.g. "year > 1990".')
    ] = None,
    map: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A map whose places are given [default: all]")
    ] = None,
    no_maps: Annotated[bool, typer.Option("--no-maps", help="Give no places.")] = False,
    vectors: Annotated[bool, typer.Option("--vectors", help="Give the vectors too.")] = False,
    tool: Annotated[
        str | None, typer.Option("--for", metavar="TOOL", help="What it is for: embedding-atlas or viewer.")
    ] = None,
    k: Annotated[int | None, typer.Option("-k", help="Neighbors, for embedding-atlas [default: 15]")] = None,
    format: Annotated[
        str | None, typer.Option(help="parquet, jsonl, csv, json or npy [default: by the ending]")
    ] = None,
    at: Annotated[str | None, typer.Option(metavar="TAG", help="Export the table as it was tagged.")] = None,
    json: Json = False,
) -> None:
    """Write the rows to a file for other tools: Parquet, JSON lines, CSV, JSON, or NumPy for the vectors alone.

    The file is there whole or not at all; one that was there is replaced.
    """
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.progress import Screen

    if map and no_maps:
        raise ConfigError("--map and --no-maps exclude each other.", "Give one of them.")
    if json and out == "-":
        raise ConfigError("--json would stand among the rows on standard output.", "Name a file, or leave it out.")
    with Screen() as screen, as_it_was(out):
        report = vecindex.open(db, table).export(
            out,
            format=format,  # type: ignore[arg-type]  # checked where it is used
            tool=tool,  # type: ignore[arg-type]  # checked where it is used
            columns=columns or None,
            where=where,
            maps=() if no_maps else map or None,
            vectors=vectors,
            k=k,
            at=at,
            observer=screen,
            stdout=sys.stdout.buffer if out == "-" else None,
        )
    if json:
        print_json(report.to_dict())
    else:
        print_export(report)


def print_export(report: ExportReport) -> None:
    """Tell what an export wrote, and how a tool opens it."""
    from vecindex.cli.output import say, size

    into = "standard output" if report.out == "-" else report.out
    beside = f", their ids to {report.ids_out}" if report.ids_out else ""
    told = "" if report.bytes is None else f", {size(report.bytes)}"
    of = "" if report.rows == report.of else f" of {report.of:,}"
    say(f"{report.table}: {report.rows:,}{of} rows to {into}{beside}{told}")
    if report.neighbors is not None:
        found = report.neighbors
        exact = "" if found.recall >= 1 else f", {found.recall:.1%} of them right"
        say(f"map {report.placed}; {found.k} neighbors of each row, by embedding{exact}")
        say(f"open it: embedding-atlas {report.out} --text text --x x --y y --neighbors neighbors")


@contextmanager
def as_it_was(out: str) -> Iterator[None]:
    """Let Ctrl-C (or SIGTERM) end the export at once; what was there under its name stays."""

    def handle(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt as error:
        left = "" if out == "-" else f"; {out} is as it was before"
        raise Interrupted(
            f"Stopped before the export was complete{left}.", "The same command begins it again."
        ) from error
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

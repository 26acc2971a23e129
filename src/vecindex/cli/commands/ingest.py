"""`vecindex ingest`."""

from __future__ import annotations

import os
import sys
from io import UnsupportedOperation
from typing import Annotated, BinaryIO, Unpack

import typer

from vecindex.cli.interrupts import interruptible
from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import REJECTED_EXIT, Interrupted
from vecindex.verbs.ingest.options import IngestOptions, is_drop

Sources = Annotated[
    list[str], typer.Argument(metavar="SOURCE...", help="Files, globs, folders, URLs, or - for standard input.")
]
Chunked = Annotated[bool, typer.Option("--chunk", help="Cut long texts into overlapping chunks, a row each.")]
ChunkTokens = Annotated[
    int | None, typer.Option(help="Tokens in a chunk; implies --chunk [default: all the model reads]")
]


@options_of(IngestOptions)
def ingest(
    sources: Sources,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    chunked: Chunked = False,
    chunk_tokens: ChunkTokens = None,
    json: Json = False,
    **options: Unpack[IngestOptions],
) -> None:
    """Embed new and changed rows and store them in a table.

    Rows are committed in transactions of 1,000. Run it again to resume, or to update the table.
    """
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.ingest import print_ingest
    from vecindex.core.memory import keep_one_heap

    keep_one_heap()
    stop = vecindex.Stop()

    def at_once() -> bool:
        if stop():
            return True
        stop.request()
        screen.stopping()
        return False

    options["chunk"] = chunk_tokens if chunk_tokens is not None else chunked or None
    with Screen() as screen, interruptible("Stopped at once.", "Run the same command again to go on.", at_once):
        report = vecindex.open(db, table).ingest(
            *sources,
            observer=screen,
            stop=stop,
            stdin=own_stdin() if "-" in sources else None,
            **options,
        )
    print_ingest(report, dry_run=options["dry_run"], drop=is_drop(options))
    if json:
        print_json(report)
    if report.interrupted:
        raise typer.Exit(Interrupted.exit_code)
    if not report.is_whole:
        raise typer.Exit(REJECTED_EXIT)


def own_stdin() -> BinaryIO | None:
    """Return standard input under another file number, None where it is closed.

    A thread that still waits in `sys.stdin` when the process ends makes the interpreter abort. Where another program
    has put another stream there, which has no number, that one is read.
    """
    if sys.stdin is None:
        return None
    try:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    except UnsupportedOperation:
        return sys.stdin.buffer

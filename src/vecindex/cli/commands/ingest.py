"""`vecindex ingest`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import UnsupportedOperation
from typing import TYPE_CHECKING, Annotated, BinaryIO, Unpack

import typer

from vecindex.cli.interrupts import interruptible, stoppable
from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import REJECTED_EXIT, Interrupted
from vecindex.verbs.ingest.options import IngestOptions

if TYPE_CHECKING:
    from vecindex.cli.progress import Screen
    from vecindex.verbs.ingest.result import IngestReport

Sources = Annotated[
    list[str], typer.Argument(metavar="SOURCE...", help="Files, globs, folders, URLs, or - for standard input.")
]
Chunked = Annotated[bool, typer.Option("--chunk", help="Cut long texts into overlapping chunks, a row each.")]
ChunkTokens = Annotated[
    int | None, typer.Option(help="Tokens in a chunk; implies --chunk [default: all the model reads]")
]
Watch = Annotated[bool, typer.Option("--watch", help="Go on with files that come or change, until Ctrl-C.")]


@options_of(IngestOptions)
def ingest(
    sources: Sources,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    chunked: Chunked = False,
    chunk_tokens: ChunkTokens = None,
    watch: Watch = False,
    json: Json = False,
    **options: Unpack[IngestOptions],
) -> None:
    """Embed new and changed rows and store them in a table.

    Rows are committed in transactions of 1,000. Run it again to resume, or to update the table.
    """
    options["chunk"] = chunk_tokens if chunk_tokens is not None else chunked or None
    if watch:
        _watch(sources, db, table, json, options)
        return
    stdin = own_stdin() if "-" in sources else None
    dry_run = options["dry_run"]
    run(lambda index, **how: index.ingest(*sources, stdin=stdin, **how, **options), db, table, json, dry_run)


def run(work: Callable[..., IngestReport], db: str | None, table: str, json: bool, dry_run: bool = False) -> None:
    """Do what embeds rows: with progress, stoppable, its report printed; end with the exit code that it deserves."""
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.render.ingest import print_ingest
    from vecindex.core.memory import keep_one_heap

    keep_one_heap()
    stop = vecindex.Stop()
    with stoppable(stop) as screen:
        report = work(vecindex.open(db, table), observer=screen, stop=stop)
    print_ingest(report, dry_run=dry_run)
    if json:
        print_json(report)
    if report.interrupted:
        raise typer.Exit(Interrupted.exit_code)
    if not report.is_whole:
        raise typer.Exit(REJECTED_EXIT)


def _watch(sources: list[str], db: str | None, table: str, json: bool, options: IngestOptions) -> None:
    """Ingest the sources and what comes to them, each run with lines of its own, until a signal."""
    import vecindex
    from vecindex.cli.output import print_json, say
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.ingest import print_failed, print_ingest, print_waiting
    from vecindex.core.memory import keep_one_heap

    keep_one_heap()
    stop, screens = vecindex.Stop(), list[Screen]()

    @contextmanager
    def observe() -> Iterator[Screen]:
        with Screen() as screen:
            screens.append(screen)
            try:
                yield screen
            finally:
                screens.clear()

    def at_once() -> bool:
        if stop():
            return True
        stop.request()
        for screen in screens:
            screen.stopping()
        return False

    def done(report: IngestReport) -> None:
        print_ingest(report, dry_run=False)
        if json:
            print_json(report)
            sys.stdout.flush()

    with interruptible("Stopped at once.", "Run the same command again to go on.", at_once):
        vecindex.open(db, table).watch(
            *sources,
            done=done,
            failed=print_failed,
            observe=observe,
            waiting=print_waiting,
            stop=stop,
            **options,
        )
    say("stopped watching")
    raise typer.Exit(Interrupted.exit_code)


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

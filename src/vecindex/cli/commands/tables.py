"""`vecindex reembed` and `vecindex adopt`: a table made of another one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from vecindex.cli.commands.ingest import Chunked, ChunkTokens
from vecindex.cli.interrupts import interruptible
from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import REJECTED_EXIT, Interrupted
from vecindex.verbs.tables.options import AdoptOptions, ReembedOptions

if TYPE_CHECKING:
    from vecindex.verbs.ingest.result import IngestReport


@options_of(ReembedOptions)
def reembed(
    source: Annotated[str, typer.Option("--from", metavar="TABLE", help="The table with the texts.")] = DEFAULT_TABLE,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    chunked: Chunked = False,
    chunk_tokens: ChunkTokens = None,
    json: Json = False,
    **options: Unpack[ReembedOptions],
) -> None:
    """Embed a table's texts by another model, into a new table.

    Run it again to resume. Maps and stored questions come along.
    """
    options["chunk"] = chunk_tokens if chunk_tokens is not None else chunked or None
    _run(lambda index, **how: index.reembed(source, **how, **options), db, table, json)


@options_of(AdoptOptions)
def adopt(
    source: Annotated[str, typer.Argument(metavar="TABLE", help="A table of LanceDB with vectors.")],
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    json: Json = False,
    **options: Unpack[AdoptOptions],
) -> None:
    """Make a table of one that vecindex did not make.

    Its vectors are checked against the model that made them, and kept.
    """
    _run(lambda index, **how: index.adopt(source, **how, **options), db, table, json)


def _run(work: Callable[..., IngestReport], db: str | None, table: str, json: bool) -> None:
    """Do the work as an ingest is done: with progress, stoppable, its report printed."""
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

    with Screen() as screen, interruptible("Stopped at once.", "Run the same command again to go on.", at_once):
        report = work(vecindex.open(db, table), observer=screen, stop=stop)
    print_ingest(report, dry_run=False)
    if json:
        print_json(report)
    if report.interrupted:
        raise typer.Exit(Interrupted.exit_code)
    if report.rejected:
        raise typer.Exit(REJECTED_EXIT)

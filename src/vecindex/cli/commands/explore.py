"""`vecindex explore`."""

from __future__ import annotations

from typing import Annotated, Any, Unpack

import typer

from vecindex.cli.commands.ingest import Chunked, ChunkTokens, Sources, own_stdin
from vecindex.cli.commands.project import Stoppable
from vecindex.cli.interrupts import interruptible
from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.cli.spelling import spelled
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import REJECTED_EXIT
from vecindex.verbs.explore.options import ExploreOptions

FOLDER = "explore"


@options_of(ExploreOptions)
def explore(
    sources: Sources,
    questions: Annotated[
        str | None,
        typer.Option("--questions", "-q", metavar="FILE", help="JSON lines, CSV or text, one a line."),
    ] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    folder: Annotated[
        str | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help=f"Folder for the pages map.html and overlap.html [default: {FOLDER}, or {FOLDER}-TABLE]",
        ),
    ] = None,
    chunked: Chunked = False,
    chunk_tokens: ChunkTokens = None,
    json: Json = False,
    **options: Unpack[ExploreOptions],
) -> None:
    """Embed a corpus, map it, and see what the map keeps of your questions.

    The steps are ingest, project, overlap, project --anchor where the goal is missed, and map. Each does only what is
    due, so run it again to resume or to update everything. It ends with the figure, its main cause, what was done,
    what to expect for other questions, the next command and the pages to open. Without questions it makes the map.
    """
    import vecindex
    from vecindex.cli.output import left_out, print_json
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.explore import as_json, print_explore, print_step
    from vecindex.core.memory import keep_one_heap
    from vecindex.verbs.ingest.result import IngestReport

    keep_one_heap()
    stop, ingested = vecindex.Stop(), False

    def done(result: Any) -> None:
        nonlocal ingested
        ingested |= isinstance(result, IngestReport)
        print_step(result, screen)

    def at_once() -> bool:
        if ingested or stop():
            return observer.stop()
        stop.request()
        screen.stopping()
        return False

    options["chunk"] = chunk_tokens if chunk_tokens is not None else chunked or None
    options["out"] = folder or (FOLDER if table == DEFAULT_TABLE else f"{FOLDER}-{table}")
    with Screen() as screen:
        observer = Stoppable(screen)
        with interruptible(
            "Stopped; the steps that were complete stay.", "Run the same command again to go on.", at_once
        ):
            result = vecindex.open(db, table).explore(
                *sources,
                questions=questions,
                observer=observer,
                stop=stop,
                stdin=own_stdin() if "-" in sources else None,
                done=done,
                spell=spelled,
                **options,
            )
    if json:
        print_json(as_json(result))
    else:
        print_explore(result)
    if result.overlap is not None:
        left_out(result.overlap)
    if not result.ingest.is_whole or result.page.rejected:
        raise typer.Exit(REJECTED_EXIT)

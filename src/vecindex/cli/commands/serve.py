"""`vecindex serve`."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Unpack

import typer

from vecindex.cli.logs import record_end
from vecindex.cli.options import NEVER_BY_A_FOLDER, Db, Table, options_of
from vecindex.cli.streams import OutputError, silence
from vecindex.config import DEFAULT_TABLE, database_uri
from vecindex.errors import ConfigError
from vecindex.options import ModelOptions

# A file that came with somebody's data would else let the server write.
NEVER_BY_A_FOLDER.add("allow_annotate")

_LAST_PORT = 65_535


@options_of(ModelOptions)
def serve(
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    map: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The map to show first [default: one laid out for the questions, else the newest neutral one]",
        ),
    ] = None,
    questions: Annotated[
        str | None,
        typer.Option("--questions", "-q", metavar="FILE", help="Questions that are on the map and in the report."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port, from 0 to 65535; 0 takes a free one.", metavar="N")] = 0,
    host: Annotated[str, typer.Option(help="A loopback address of this machine.")] = "127.0.0.1",
    rerank: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="A cross-encoder that searches may ask for, by its folder or name."),
    ] = None,
    allow_annotate: Annotated[
        bool, typer.Option("--allow-annotate", help="Let the page, and programs, store labels of articles.")
    ] = False,
    open: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    **options: Unpack[ModelOptions],
) -> None:
    """Serve the map and a box for questions to this machine's browser.

    Prints the page's address. Ctrl-C ends it. Follows what others change in the table, and changes nothing in it, or
    with --allow-annotate labels alone.
    """
    from vecindex.cli.output import say
    from vecindex.serve.server import serve as run
    from vecindex.serve.table.served import Served
    from vecindex.verbs.search.warm import Warm

    if not 0 <= port <= _LAST_PORT:
        raise ConfigError(f"--port must be from 0 to {_LAST_PORT}, found {port}.")
    warm = Warm()
    served = Served(database_uri(db), table, map, questions, options, rerank, allow_annotate)

    def ready(url: str) -> None:
        try:
            typer.echo(url)
            sys.stdout.flush()
        except OutputError:
            silence("stdout")
            say(url)
        memory = warm.budget_bytes() / 1e9
        say(f"serving {served.uri}/{table}, with up to {memory:.1f} GB of vectors in memory; Ctrl-C ends it")
        if open:
            import webbrowser

            webbrowser.open(url)

    unfinished = run(served, host, port, ready, lambda: say("stopping; Ctrl-C once more stops at once"))
    if unfinished:
        # A thread inside a library would be waited for, or make noise at the interpreter's end.
        record_end(0)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

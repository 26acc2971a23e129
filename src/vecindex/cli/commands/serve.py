"""`vecindex serve`."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from vecindex.cli.options import Db, Table
from vecindex.config import DEFAULT_TABLE, database_uri


def serve(
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    map: Annotated[
        str | None, typer.Option(metavar="NAME", help="The map to show first [default: the best by its own recall]")
    ] = None,
    questions: Annotated[
        str | None,
        typer.Option("--questions", "-q", metavar="FILE", help="Questions that are on the map and in the report."),
    ] = None,
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.", min=0, max=65535)] = 0,
    host: Annotated[str, typer.Option(help="A loopback address of this machine.")] = "127.0.0.1",
    open: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    model: Annotated[str | None, typer.Option(help="Where the table's model is now, if elsewhere.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Put before every question [default: the model's own]")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    trust_remote_code: Annotated[bool, typer.Option(help="Run code that the model brings along.")] = False,
) -> None:
    """Serve a page over the table to this machine's browser: the map, and a box to ask questions in.

    Prints the page's address. Ctrl-C ends it. Changes nothing in the table, and follows what others change.
    """
    from vecindex.cli.output import say
    from vecindex.options import ModelOptions
    from vecindex.serve.live import Served
    from vecindex.serve.server import serve as run

    served = Served(
        database_uri(db),
        table,
        map,
        questions,
        ModelOptions(model=model, prompt=prompt, device=device, trust_remote_code=trust_remote_code),
    )

    def ready(url: str) -> None:
        typer.echo(url)
        sys.stdout.flush()
        say(f"serving {served.uri}/{table}; Ctrl-C ends it")
        if open:
            import webbrowser

            webbrowser.open(url)

    unfinished = run(served, host, port, ready, lambda: say("stopping; Ctrl-C once more stops at once"))
    if unfinished:
        # A thread inside a library would be waited for, or be cut off by the interpreter's end with noise.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)

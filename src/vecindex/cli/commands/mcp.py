"""`vecindex mcp`."""

from __future__ import annotations

from typing import Annotated, Unpack

import typer

from vecindex.cli.options import Db, Table, options_of
from vecindex.cli.streams import is_closed
from vecindex.config import DEFAULT_TABLE, database_uri
from vecindex.options import ModelOptions


@options_of(ModelOptions)
def mcp(
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    map: Annotated[
        str | None, typer.Option(metavar="NAME", help="The map of questions [default: the newest neutral one]")
    ] = None,
    **options: Unpack[ModelOptions],
) -> None:
    """Let an assistant search the table, by the Model Context Protocol.

    It speaks on standard input and output, so a program starts it. Changes nothing in the table.
    """
    if is_closed("stdin"):
        return  # an input that has ended
    from vecindex.serve.table.served import Served
    from vecindex.serve.tools import serve_tools

    serve_tools(Served(database_uri(db), table, map, None, options))

"""`vecindex reembed` and `vecindex adopt`: a table made of another one."""

from __future__ import annotations

from typing import Annotated, Unpack

import typer

from vecindex.cli.commands.ingest import Chunked, ChunkTokens, run
from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.config import DEFAULT_TABLE
from vecindex.verbs.tables.options import AdoptOptions, ReembedOptions


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
    run(lambda index, **how: index.reembed(source, **how, **options), db, table, json)


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
    run(lambda index, **how: index.adopt(source, **how, **options), db, table, json)

"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from vecindex.cli.advice import remember

Db = Annotated[
    str | None,
    typer.Option(
        "--db", metavar="DIR", callback=remember, help="Database folder or URI [default: $VECINDEX_DB or ./db]"
    ),
]
Table = Annotated[str, typer.Option("--table", "-t", metavar="NAME", callback=remember, help="Table of articles.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]

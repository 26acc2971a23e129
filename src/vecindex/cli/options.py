"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Db = Annotated[
    str | None,
    typer.Option("--db", metavar="DIR", help="Database folder or URI [default: $VECINDEX_DB or ./db]"),
]
Table = Annotated[str, typer.Option("--table", "-t", metavar="NAME", help="Table of articles.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]

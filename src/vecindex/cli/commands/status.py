"""`vecindex status`."""

from __future__ import annotations

from typing import Annotated

import typer

from vecindex.cli.options import Db, Json, Table
from vecindex.config import DEFAULT_TABLE


def status(
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    rejects: Annotated[
        bool, typer.Option("--rejects", help="List the input rows that were left out, with place and reason.")
    ] = False,
    at: Annotated[str | None, typer.Option(metavar="TAG", help="Tell of the table as it was tagged.")] = None,
    json: Json = False,
) -> None:
    """Tell what is in the table, what made it, how the last run went and what to do next."""
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.render.upkeep import print_status

    found = vecindex.open(db, table).status(rejects=rejects, at=at)
    if json:
        print_json(found.to_dict())
    else:
        print_status(found)

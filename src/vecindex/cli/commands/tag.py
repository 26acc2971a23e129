"""`vecindex tag`."""

from __future__ import annotations

from typing import Annotated

import typer

from vecindex.cli.options import Db, Json, Table
from vecindex.config import DEFAULT_TABLE


def tag(
    name: Annotated[str | None, typer.Argument(help="Tag to make at the latest version [default: list all]")] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    delete: Annotated[bool, typer.Option("--delete", help="Delete the tag; its rows stay.")] = False,
    move: Annotated[bool, typer.Option("--move", help="Let a tag that is there name the latest version.")] = False,
    json: Json = False,
) -> None:
    """Name the table as it is now, to search it later with --at NAME; without a name, list the tags."""
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.render.upkeep import print_tags

    report = vecindex.open(db, table).tag(name, delete=delete, move=move)
    if json:
        print_json(report.to_dict())
    else:
        print_tags(report)

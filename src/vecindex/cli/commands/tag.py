"""`vecindex tag`."""

from __future__ import annotations

from typing import Annotated, Unpack

import typer

from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.config import DEFAULT_TABLE
from vecindex.verbs.upkeep.options import TagOptions


@options_of(TagOptions)
def tag(
    name: Annotated[str | None, typer.Argument(help="Tag to make at the latest version [default: list all]")] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    json: Json = False,
    **options: Unpack[TagOptions],
) -> None:
    """Name the table's latest version, or list the tags.

    Other commands read the table as it was tagged with --at NAME.
    """
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.render.upkeep import print_tags

    report = vecindex.open(db, table).tag(name, **options)
    if json:
        print_json(report)
    else:
        print_tags(report)

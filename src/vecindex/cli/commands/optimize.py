"""`vecindex optimize`."""

from __future__ import annotations

from typing import Annotated

import typer

from vecindex.cli.options import Db, Json, Table
from vecindex.config import DEFAULT_TABLE


def optimize(
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    older_than: Annotated[
        str | None,
        typer.Option(metavar="AGE", help="Remove versions older than this: 0s, 10m, 2h, 7d [default: 1h]"),
    ] = None,
    json: Json = False,
) -> None:
    """Merge small pieces, bring the index of words up to date, remove old versions. Tagged ones stay."""
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.render.upkeep import print_optimize

    report = vecindex.open(db, table).optimize(older_than=older_than)
    print_optimize(report)
    if json:
        print_json(report.to_dict())

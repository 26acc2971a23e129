"""`vecindex optimize`."""

from __future__ import annotations

from typing import Unpack

from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.config import DEFAULT_TABLE
from vecindex.verbs.upkeep.options import OptimizeOptions


@options_of(OptimizeOptions)
def optimize(
    db: Db = None, table: Table = DEFAULT_TABLE, json: Json = False, **options: Unpack[OptimizeOptions]
) -> None:
    """Compact a table and remove its old versions.

    The full-text index is brought up to date as well. Tagged versions stay.
    """
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.render.upkeep import print_optimize

    report = vecindex.open(db, table).optimize(**options)
    print_optimize(report)
    if json:
        print_json(report)

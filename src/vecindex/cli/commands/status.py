"""`vecindex status`."""

from __future__ import annotations

from typing import Unpack

from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.config import DEFAULT_TABLE
from vecindex.verbs.upkeep.options import StatusOptions


@options_of(StatusOptions)
def status(db: Db = None, table: Table = DEFAULT_TABLE, json: Json = False, **options: Unpack[StatusOptions]) -> None:
    """Show what a table holds and what to do next.

    What made it, how the last run went, the stored maps, the tags and the disk space are shown as well.
    """
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.render.upkeep import print_status

    found = vecindex.open(db, table).status(**options)
    if json:
        print_json(found)
    else:
        print_status(found)

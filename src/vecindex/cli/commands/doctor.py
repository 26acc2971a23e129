"""`vecindex doctor`."""

from __future__ import annotations

from typing import Annotated

import typer

from vecindex.cli.options import Db, Json, Table
from vecindex.config import DEFAULT_TABLE

FAULTS_EXIT = 1


def doctor(
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Set unreadable files aside and remove unusable rows; ingest makes them anew."),
    ] = False,
    json: Json = False,
) -> None:
    """Read the whole table and check it: files, ids, vectors, hashes, chunks. Exit code 1 when something is wrong."""
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.render.upkeep import print_doctor

    report = vecindex.open(db, table).doctor(repair=repair)
    if json:
        print_json(report.to_dict())
    else:
        print_doctor(report)
    if not report.sound:
        raise typer.Exit(FAULTS_EXIT)

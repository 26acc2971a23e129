"""`vecindex doctor`."""

from __future__ import annotations

from typing import Unpack

import typer

from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.config import DEFAULT_TABLE
from vecindex.verbs.upkeep.options import DoctorOptions

FAULTS_EXIT = 1


@options_of(DoctorOptions)
def doctor(db: Db = None, table: Table = DEFAULT_TABLE, json: Json = False, **options: Unpack[DoctorOptions]) -> None:
    """Check a whole table, and repair it if asked.

    Files, ids, vectors, hashes and chunks are read and checked. Exit code 1 when something is wrong.
    """
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.render.upkeep import print_doctor

    report = vecindex.open(db, table).doctor(**options)
    if json:
        print_json(report)
    else:
        print_doctor(report)
    if not report.sound:
        raise typer.Exit(FAULTS_EXIT)

"""The whole table read and checked, and what can be repaired repaired."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

from vecindex.options import checked
from vecindex.store.database import Database
from vecindex.store.lock import committing
from vecindex.verbs.upkeep.checks import examine
from vecindex.verbs.upkeep.findings import DoctorReport, RepairPlan
from vecindex.verbs.upkeep.options import DoctorOptions


def doctor(
    database: Database,
    name: str,
    options: DoctorOptions,
    confirm: Callable[[RepairPlan], bool] | None = None,
) -> DoctorReport:
    """Examine a table, and repair it if asked; see `Index.doctor`."""
    options = checked(DoctorOptions, options)
    repair = options["repair"]
    database.durable |= options["durable"]
    database.wait_s = options["wait"]
    if not database.has(name):
        database.articles(name)  # raises, naming the tables that exist
    repaired: list[str] = []
    refused: list[str] = []
    with database.writer() if repair else nullcontext():
        found = examine(database, name)
        tried: set[str] = set()
        # Each repair may bring the next fault to light: rows are read once the table opens.
        while repair:
            todo = next((one for one in found.repairs if one.what not in tried), None)
            if todo is None:
                break
            tried.add(todo.what)
            plan = RepairPlan(name, todo.what, todo.given_up, todo.rows, todo.ids)
            if todo.given_up and confirm is not None and not confirm(plan):
                refused.append(todo.what)
                continue
            # Repairs move files themselves, and a disk may refuse that too.
            with committing(f"{database.uri}/{name}"):
                repaired.append(todo.make())
            found = examine(database, name)
    return DoctorReport(
        database=database.uri,
        table=name,
        rows=found.rows,
        sound=not found.findings,
        checks=tuple(found.checks),
        findings=tuple(found.findings),
        notes=tuple(found.notes),
        repaired=tuple(repaired),
        refused=tuple(refused),
    )

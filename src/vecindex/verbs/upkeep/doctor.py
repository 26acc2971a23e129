"""The whole table read and checked, and what can be repaired repaired."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

from vecindex.messages import Message
from vecindex.options import checked
from vecindex.serialize import Result
from vecindex.store import maintenance
from vecindex.store.database import Database
from vecindex.verbs.upkeep.checks import Check, Examination, Finding, examine
from vecindex.verbs.upkeep.options import DoctorOptions


@dataclass(frozen=True, slots=True)
class DoctorReport(Result):
    """What an examination found.

    Attributes
    ----------
    rows : rows that could be read; None when the table does not open.
    sound : whether no check failed (after the repair, if there was one).
    notes : what is no fault but worth knowing: leftovers of crashes, old versions.
    repaired : what a repair did.
    """

    database: str
    table: str
    rows: int | None
    sound: bool
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    notes: tuple[Message, ...]
    repaired: tuple[str, ...] = ()


def doctor(database: Database, name: str, options: DoctorOptions) -> DoctorReport:
    """Examine a table, and repair it if asked; see `Index.doctor`."""
    repair = checked(DoctorOptions, options)["repair"]
    if not database.has(name):
        database.articles(name)  # raises, naming the tables that exist
    with database.writer() if repair else nullcontext():
        found = examine(database, name)
        repaired: list[str] = []
        # Each repair may bring the next fault to light: rows are read once the table opens.
        while repair and found.findings:
            done = _repair(database, name, found)
            if not done:
                break
            repaired += done
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
    )


def _repair(database: Database, name: str, found: Examination) -> list[str]:
    """Repair what can be repaired and return what was done; nothing when nothing could be."""
    done: list[str] = []
    if database.folder is not None:
        folder = maintenance.table_folder(database.folder, name)
        broken, newest = maintenance.broken_manifests(folder)
        if broken and newest is not None:
            target = maintenance.set_aside(folder, [path for _, path in broken])
            done.append(f"moved {len(broken):,} unreadable manifests to {target}; version {newest} is the latest now")
            return done
    if found.rows is None:
        return done
    table = database.articles(name)
    if found.lost_fragments:
        maintenance.drop_fragments(table, [fragment.number for fragment in found.lost_fragments])
        rows = sum(fragment.rows for fragment in found.lost_fragments)
        done.append(f"dropped {rows:,} rows of {len(found.lost_fragments):,} unreadable data files")
        return done
    ids = list(dict.fromkeys(found.articles_to_remove))
    if ids:
        rows = table.delete_ids(ids, found.key)
        done.append(f"removed {rows:,} rows of {len(ids):,} articles with unusable vectors or missing chunks")
    return done

"""`vecindex delete`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from vecindex.cli.options import Db, Json, Table
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError

if TYPE_CHECKING:
    from vecindex.verbs.upkeep.delete import DeleteReport

NONE_MATCHED_EXIT = 1


def delete(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Ids of articles.")] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    where: Annotated[
        str | None, typer.Option(metavar="SQL", help='Articles that meet a condition, e.g. "year < 1990".')
    ] = None,
    file: Annotated[str | None, typer.Option(metavar="FILE", help="Ids, one a line; - for standard input.")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be removed, change nothing.")] = False,
    json: Json = False,
) -> None:
    """Remove articles with all their chunks. The next ingest of a source that holds them brings them back."""
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.render.upkeep import print_delete

    report = vecindex.open(db, table).delete(
        *(ids or []),
        file=file,
        where=where,
        dry_run=dry_run,
        confirm=None if yes else ask,
    )
    print_delete(report)
    if json:
        print_json(report.to_dict())
    if not report.articles:
        raise typer.Exit(NONE_MATCHED_EXIT)


def ask(plan: DeleteReport) -> bool:
    """Ask on the terminal whether the articles may go; refuse where nobody can be asked."""
    told = f"{plan.articles:,} articles ({plan.rows:,} rows) of {plan.table}"
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(f"Would remove {told}; nobody can be asked here, so nothing was removed.", "Add --yes.")
    return typer.confirm(f"Remove {told}?", err=True)

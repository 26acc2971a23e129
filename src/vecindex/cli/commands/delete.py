"""`vecindex delete`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError
from vecindex.verbs.upkeep.options import DeleteOptions

if TYPE_CHECKING:
    from vecindex.verbs.upkeep.delete import DeleteReport

NONE_MATCHED_EXIT = 1


@options_of(DeleteOptions)
def delete(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Ids of articles.")] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
    **options: Unpack[DeleteOptions],
) -> None:
    """Remove articles with all their chunks.

    The next ingest of a source that still holds them adds them again.
    """
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.render.upkeep import print_delete

    report = vecindex.open(db, table).delete(*(ids or []), confirm=None if yes else ask, **options)
    print_delete(report)
    if json:
        print_json(report)
    if not report.articles:
        raise typer.Exit(NONE_MATCHED_EXIT)


def ask(plan: DeleteReport) -> bool:
    """Ask on the terminal whether the articles may be removed; refuse where nobody can be asked."""
    matched = f"{plan.articles:,} articles ({plan.rows:,} rows) of {plan.table}"
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(f"Would remove {matched}; nobody can be asked here, so nothing was removed.", "Add --yes.")
    return typer.confirm(f"Remove {matched}?", err=True)

"""The upkeep of a table: `vecindex index`, `status`, `delete`, `optimize`, `tag` and `doctor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

import vecindex
from vecindex.cli.layout import plain
from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.cli.output import confirmed, print_json, say, show
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError
from vecindex.messages import counted
from vecindex.verbs.index.options import BuildIndexOptions
from vecindex.verbs.upkeep.options import (
    AnnotateOptions,
    DeleteOptions,
    DoctorOptions,
    OptimizeOptions,
    StatusOptions,
    TagOptions,
)

if TYPE_CHECKING:
    from vecindex.verbs.upkeep.delete import DeleteReport
    from vecindex.verbs.upkeep.findings import RepairPlan

NONE_MATCHED_EXIT = 1
FAULTS_EXIT = 1


@options_of(StatusOptions)
def status(
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    settings: Annotated[
        bool, typer.Option("--settings", help="Show the settings that hold and where each comes from instead.")
    ] = False,
    json: Json = False,
    **options: Unpack[StatusOptions],
) -> None:
    """Show what a table holds and what to do next.

    What made it, how the last run went, the stored maps, the tags and the disk space are shown as well.
    """
    from vecindex.cli.render.upkeep import print_status

    if settings:
        from vecindex.cli.render.settings import print_settings
        from vecindex.cli.settings import held

        show(held(), json, print_settings)
        return
    show(vecindex.open(db, table).status(**options), json, print_status)


@options_of(BuildIndexOptions)
def index(
    db: Db = None, table: Table = DEFAULT_TABLE, json: Json = False, **options: Unpack[BuildIndexOptions]
) -> None:
    """Make an index for approximate searches, and measure what it finds.

    search --approximate uses it; all else stays exact.
    """
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.index import print_index

    with Screen() as screen:
        report = vecindex.open(db, table).build_index(observer=screen, **options)
    show(report, json, print_index)


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
    from vecindex.cli.render.upkeep import print_delete

    report = vecindex.open(db, table).delete(*(ids or []), confirm=None if yes else ask, **options)
    print_delete(report)
    if json:
        print_json(report)
    if report.articles == report.no_longer:
        raise typer.Exit(NONE_MATCHED_EXIT)


@options_of(AnnotateOptions)
def annotate(
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID...", help="Ids of articles.")] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    json: Json = False,
    **options: Unpack[AnnotateOptions],
) -> None:
    """Store a label with articles.

    The labels are a column of the table: `map --color`, `map --topics-by` and `--where` know it.
    """
    from vecindex.cli.render.upkeep import print_annotate

    report = vecindex.open(db, table).annotate(ids or [], **options)
    print_annotate(report)
    if json:
        print_json(report)
    if not report.rows:
        raise typer.Exit(NONE_MATCHED_EXIT)


def ask(plan: DeleteReport) -> bool:
    """Ask on the terminal whether the articles may be removed; refuse where nobody can be asked."""
    matched = f"{counted(plan.articles, 'article')} ({counted(plan.rows, 'row')}) of {plan.table}"
    if sys.stdin is None or not sys.stdin.isatty():
        raise ConfigError(f"Would remove {matched}; nobody can be asked here, so nothing was removed.", "Add --yes.")
    return confirmed(f"Remove {matched}?")


def may_give_up(plan: RepairPlan) -> bool:
    """Ask on the terminal whether a repair may give something up; where nobody can be asked, it is not made."""
    say(f"to {plan.what} gives up {plan.given_up}")
    for one in plan.ids:
        say(plain(one), 2)
    if sys.stdin is None or not sys.stdin.isatty():
        say("nobody can be asked here, so this was not repaired; add --yes", 2)
        return False
    return confirmed("Give it up?")


@options_of(OptimizeOptions)
def optimize(
    db: Db = None, table: Table = DEFAULT_TABLE, json: Json = False, **options: Unpack[OptimizeOptions]
) -> None:
    """Compact a table and remove its old versions.

    The full-text index is brought up to date as well. Tagged versions stay.
    """
    from vecindex.cli.render.upkeep import print_optimize

    report = vecindex.open(db, table).optimize(**options)
    print_optimize(report)
    if json:
        print_json(report)


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
    from vecindex.cli.render.upkeep import print_tags

    show(vecindex.open(db, table).tag(name, **options), json, print_tags)


@options_of(DoctorOptions)
def doctor(
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a repair gives something up.")] = False,
    json: Json = False,
    **options: Unpack[DoctorOptions],
) -> None:
    """Check a whole table, and repair it if asked.

    Files, ids, vectors, hashes and chunks are read and checked. Exit code 1 when something is wrong.
    """
    from vecindex.cli.render.upkeep import print_doctor

    report = vecindex.open(db, table).doctor(confirm=None if yes else may_give_up, **options)
    show(report, json, print_doctor)
    if not report.sound:
        raise typer.Exit(FAULTS_EXIT)

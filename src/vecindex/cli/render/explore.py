"""How `explore` looks: a line or two for each step on standard error, and what it comes to at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vecindex.cli.layout import prose
from vecindex.cli.output import SCHEMA_VERSION, duration
from vecindex.cli.render.ingest import print_ingest
from vecindex.cli.spelling import spelled
from vecindex.messages import counted
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.picture.result import MapResult
from vecindex.verbs.project.result import ProjectResult

if TYPE_CHECKING:
    from vecindex.types import Observer
    from vecindex.verbs.explore.result import ExploreResult

_STEPS = ("ingest", "project", "overlap", "anchor", "page")


def print_step(result: Any, observer: Observer) -> None:
    """Show what a step did, as soon as it is done."""
    if isinstance(result, IngestReport):
        print_ingest(result, dry_run=False)
    elif isinstance(result, ProjectResult):
        took = duration(sum(result.seconds.values()))
        observer.notice(f"map {result.name!r} {result.action}: {counted(result.articles, 'article')}, {took}")
    elif isinstance(result, MapResult):
        for note in result.notes:
            observer.notice(note)


def print_explore(result: ExploreResult) -> None:
    """Print what the steps come to, the next command on a line of its own, and the files to open."""
    summary = result.summary
    for head in ("kept", "cause", "done", "expect"):
        words = getattr(summary, head)
        if words is not None:
            prose(words, f"{head:<8}")
    why = spelled(summary.next).removesuffix(spelled(summary.command))
    prose(why, "next    ")
    prose(summary.command, indent=8)
    head = "open"
    for file, shows in (
        (
            result.page_file,
            f'the map "{result.page.picture.map}"' + (", with the questions" if result.questions else ""),
        ),
        (result.report_file, "all figures, causes and questions"),
    ):
        if file is not None:
            prose(f"{file.path} ({shows})", f"{head:<8}")
            head = ""


def as_json(result: ExploreResult) -> dict[str, Any]:
    """Return the result as JSON: each step as its own command prints it with --json."""
    values = result.to_dict(spelled)
    if result.page_file is not None:
        values["page"] = {"path": result.page_file.path, "bytes": result.page_file.bytes, **values["page"]}
    for step in _STEPS:
        if values[step] is not None:
            values[step] = {"schema_version": SCHEMA_VERSION, **values[step]}
    return values

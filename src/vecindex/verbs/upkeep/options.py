"""The options of the verbs that look after a table."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated, TypedDict

from vecindex.options import Durable, Option, Wait


class StatusOptions(TypedDict, total=False):
    """What to report of a table."""

    rejects: Annotated[
        bool,
        Option("List the rejected input rows, with location and reason.", default=False, flag="--rejects"),
    ]
    at: Annotated[str | None, Option("Report the table as it was tagged.", metavar="TAG")]


class DeleteOptions(TypedDict, total=False):
    """Which articles to remove, where they are not named by id."""

    where: Annotated[str | None, Option('Articles that meet an SQL condition, e.g. "year < 1990".', metavar="SQL")]
    file: Annotated[
        str | Path | None,
        Option("A file of ids, one per line; - for standard input.", flag="--ids --file", metavar="FILE"),
    ]
    dry_run: Annotated[
        bool, Option("Only report what would be removed; change nothing.", default=False, flag="--dry-run")
    ]
    durable: Durable
    wait: Wait


class AnnotateOptions(TypedDict, total=False):
    """Which articles get a label, and which."""

    label: Annotated[
        str | None,
        Option("The label: a text of at most 200 characters that is stored with each of them.", metavar="TEXT"),
    ]
    column: Annotated[str, Option("Column of the labels.", default="label", metavar="NAME")]
    where: Annotated[str | None, Option('Articles that meet an SQL condition, e.g. "year < 1990".', metavar="SQL")]
    file: Annotated[
        str | Path | None,
        Option("A file of ids, one per line; - for standard input.", flag="--ids", metavar="FILE"),
    ]
    labels: Annotated[
        str | Path | None,
        Option(
            "A CSV with the columns id and label, as the map page saves labels; - for standard input.",
            metavar="FILE.csv",
        ),
    ]
    prune: Annotated[
        bool, Option("Remove the labels of articles that the CSV does not name.", default=False, flag="--prune")
    ]
    clear: Annotated[bool, Option("Remove the labels of these articles.", default=False, flag="--clear")]
    tag: Annotated[
        str | None,
        Option("First tag the table as it is, to undo this; a tag of that name is moved.", metavar="TAG"),
    ]
    restore: Annotated[
        str | None, Option("Give all labels of the column back as they were at this tag.", metavar="TAG")
    ]
    durable: Durable
    wait: Wait


class OptimizeOptions(TypedDict, total=False):
    """What to remove while a table is compacted."""

    older_than: Annotated[
        str | timedelta | None,
        Option("Remove versions older than this: 0s, 10m, 2h, 7d [default: 1h]", metavar="AGE"),
    ]
    durable: Durable
    wait: Wait


class TagOptions(TypedDict, total=False):
    """What to do with a tag, other than to make it."""

    delete: Annotated[bool, Option("Delete the tag; its rows stay.", default=False, flag="--delete")]
    move: Annotated[bool, Option("Let an existing tag name the latest version.", default=False, flag="--move")]
    durable: Durable
    wait: Wait


class DoctorOptions(TypedDict, total=False):
    """What to do about the faults that are found."""

    repair: Annotated[
        bool,
        Option(
            "Repair what is proven to be damaged; asks before it gives anything up.",
            default=False,
            flag="--repair",
        ),
    ]
    durable: Durable
    wait: Wait

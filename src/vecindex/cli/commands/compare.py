"""`vecindex compare`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Unpack

import typer

from vecindex.cli.options import Db, Json, options_of
from vecindex.cli.output import check_files, end, show
from vecindex.cli.spelling import spelled
from vecindex.verbs.compare.options import CompareOptions


@options_of(CompareOptions)
def compare(
    tables: Annotated[
        list[str],
        typer.Argument(
            metavar="TABLE...", help="Two tables or more: TABLE, TABLE@TAG, or FOLDER/TABLE of another database."
        ),
    ],
    questions: Annotated[
        str | None,
        typer.Option("--questions", "-q", metavar="FILE", help="Questions, or a folder as BEIR has it."),
    ] = None,
    db: Db = None,
    judgments: Annotated[
        str | None,
        typer.Option(
            "--qrels", metavar="FILE", help="Judgments (TREC, BEIR, JSON) [default: the folder's, else `answers`]"
        ),
    ] = None,
    csv: Annotated[str | None, typer.Option(metavar="FILE", help="Write a row for each question and table.")] = None,
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a report as one page that opens offline in any browser.")
    ] = None,
    json: Json = False,
    **options: Unpack[CompareOptions],
) -> None:
    """Compare tables: which finds more, what it costs.

    The first table is compared with each other one, question by question. Without judgments only what they agree on
    is reported.
    """
    import vecindex
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.compare import print_compare
    from vecindex.cli.render.rows import write_rows

    read = {"the questions are read from": questions, "the judgments are read from": judgments}
    check_files(read, {"--csv": csv, "--html": html})
    options["qrels"] = judgments
    with Screen() as screen:
        result = vecindex.open(db).compare(*tables, questions=questions, observer=screen, **options)
    # First, since a file that cannot be written would end it.
    show(result, json, print_compare)
    if csv is not None:
        write_rows(result.flat_rows(), csv)
        screen.notice(f"written: {csv}")
    if html is not None:
        result.write_html(html, made=f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC", spell=spelled)
        screen.notice(f"written: {html}")
    end(result)

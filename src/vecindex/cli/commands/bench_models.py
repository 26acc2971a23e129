"""`vecindex bench-models`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Unpack

import typer

from vecindex.cli.options import Json, options_of
from vecindex.cli.output import check_files, end, show
from vecindex.cli.spelling import spelled
from vecindex.verbs.bench_models.options import BenchModelsOptions


@options_of(BenchModelsOptions)
def bench_models(
    sources: Annotated[list[str], typer.Argument(metavar="SOURCE...", help="Files, folders, globs or URLs.")],
    questions: Annotated[
        str | None,
        typer.Option("--questions", "-q", metavar="FILE", help="Judged questions, or a folder as BEIR has it."),
    ] = None,
    into: Annotated[
        str, typer.Option("--into", metavar="DIR", help="Database for the models' tables.")
    ] = "bench-models",
    judgments: Annotated[
        str | None,
        typer.Option("--qrels", metavar="FILE", help="Judgments [default: the folder's, else `answers`]"),
    ] = None,
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write the comparison as one page that opens offline.")
    ] = None,
    json: Json = False,
    **options: Unpack[BenchModelsOptions],
) -> None:
    """Embed a sample by several models and recommend one.

    Run it again to resume: what is embedded stays.
    """
    import vecindex
    from vecindex.cli.interrupts import stoppable
    from vecindex.cli.render.bench_models import print_bench_models

    check_files(
        {"the questions are read from": questions, "the judgments are read from": judgments}, {"--html": html}
    )
    options["qrels"] = judgments
    stop = vecindex.Stop()
    with stoppable(stop) as screen:
        result = vecindex.open(into).bench_models(
            *sources, questions=questions, observer=screen, stop=stop, **options
        )
    # First, since a file that cannot be written would end it.
    show(result, json, print_bench_models)
    if html is not None:
        result.compared.write_html(html, made=f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC", spell=spelled)
        screen.notice(f"written: {html}")
    end(result)

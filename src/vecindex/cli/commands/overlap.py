"""`vecindex overlap`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from vecindex.cli.layout import out
from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.cli.output import check_files, end, left_out, warn
from vecindex.cli.spelling import spelled
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError
from vecindex.verbs.overlap.options import OverlapOptions

if TYPE_CHECKING:
    from vecindex.verbs.overlap.result import OverlapResult

NOT_MET_EXIT = 1


@options_of(OverlapOptions)
def overlap(
    questions: Annotated[
        str | None,
        typer.Option("--questions", "-q", metavar="FILE", help="JSON lines, CSV or text, one a line; - for stdin."),
    ] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a row for each question, map and placement.")
    ] = None,
    neighbors: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write each question's nearest articles, a row each, as CSV.")
    ] = None,
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a report as one page that opens offline in any browser.")
    ] = None,
    fail_under: Annotated[
        float | None, typer.Option(metavar="F", help="Exit 1 when the map's overlap is below this, e.g. 0.6.")
    ] = None,
    on: Annotated[str, typer.Option(help="What --fail-under judges: mean, or lower (end of its interval).")] = "mean",
    details: Annotated[
        bool, typer.Option("--details", help="Print all figures: the causes, the maps, embedding space.")
    ] = False,
    json: Json = False,
    **options: Unpack[OverlapOptions],
) -> None:
    """Measure what maps keep of the questions' neighbors, and why.

    Each question is placed on the map of articles at its best position; a median baseline is reported alongside.
    Without a map the command reports what the embedding space alone shows.
    """
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.progress import Screen
    from vecindex.core.memory import keep_one_heap

    if on not in ("mean", "lower"):
        raise ConfigError(f"--on is mean or lower, found {on!r}.")
    if fail_under is not None and not 0 <= fail_under <= 1:
        raise ConfigError(f"--fail-under is a share from 0 to 1, found {fail_under}.", "For example 0.6.")
    check_files({"the questions are read from": questions}, {"--csv": csv, "--neighbors": neighbors, "--html": html})
    keep_one_heap()
    with Screen() as screen:
        result = vecindex.open(db, table).overlap(questions, observer=screen, **options)
    if fail_under is not None and result.best is None:
        raise ConfigError("--fail-under needs a map, and the table has none.", result.next[0])
    for path in _written(result, csv, neighbors, html):
        screen.notice(f"written: {path}")
    if json:
        print_json(result)
    else:
        _print(result, options["question"], options["explain"], details)
    if fail_under is not None and not result.meets(fail_under, on):
        left_out(result)
        chosen = result.map
        on_map = f" on the map {chosen.name!r} ({chosen.reason})" if chosen else ""
        warn(f"overlap ({on}){on_map} is below {fail_under:g}")
        raise typer.Exit(NOT_MET_EXIT)
    end(result)


def _written(result: OverlapResult, csv: str | None, neighbors: str | None, html: str | None) -> Iterator[str]:
    """Write the files that are asked for; yield the name of each that is there."""
    from vecindex.cli.render.overlap import write_csv, write_neighbors

    if csv is not None:
        write_csv(result, csv)
        yield csv
    if neighbors is not None:
        write_neighbors(result, neighbors)
        yield neighbors
    if html is not None:
        result.write_html(html, made=f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC", spell=spelled)
        yield html


def _print(result: OverlapResult, question: str | None, explain: bool, details: bool) -> None:
    """Print the answer, or one question with no more than was asked for besides."""
    from vecindex.cli.render.answer import print_answer, print_worst
    from vecindex.cli.render.overlap import print_causes, print_experiments, print_overlap, print_what_if
    from vecindex.cli.render.question import print_question

    if question is not None:
        print_question(result, question)
        if explain or details:
            print_causes(result)
    else:
        print_answer(result)
        if details:
            print_overlap(result)
        else:
            print_worst(result)
    if explain or (details and question is None):
        print_experiments(result)
    print_what_if(result)
    if question is None and not details:
        out("All figures: add --details")

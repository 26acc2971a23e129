"""`vecindex overlap`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from vecindex.cli.options import Db, Json, Table
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError

if TYPE_CHECKING:
    from vecindex.verbs.overlap.causes.verdicts import Verdict
    from vecindex.verbs.overlap.result import OverlapResult

NOT_MET_EXIT = 1
REJECTED_EXIT = 6


def overlap(
    questions: Annotated[
        str | None,
        typer.Option("--questions", "-q", metavar="FILE", help="JSON lines, CSV or text, one a line; - for stdin."),
    ] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    k: Annotated[int, typer.Option("-k", help="Neighbors.")] = 5,
    map: Annotated[str | None, typer.Option(metavar="NAME", help="One stored map [default: all]")] = None,
    question: Annotated[
        str | None,
        typer.Option(metavar="ID|TEXT", help="Show one question's neighbors in both spaces, side by side."),
    ] = None,
    by: Annotated[str, typer.Option(help="In a table of chunks: article or chunk.")] = "article",
    topic_field: Annotated[
        str | None, typer.Option(metavar="NAME", help="Column with the articles' topics [default: topic]")
    ] = None,
    csv: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a row for each question, map and placement.")
    ] = None,
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a report as one page that opens offline in any browser.")
    ] = None,
    fail_under: Annotated[
        float | None, typer.Option(metavar="F", help="Exit 1 when the best map's overlap is below this, e.g. 0.6.")
    ] = None,
    on: Annotated[str, typer.Option(help="What --fail-under judges: mean, or lower (end of its interval).")] = "mean",
    bbox_padding: Annotated[
        float, typer.Option(help="How far the questions' box reaches beyond them, as a share of its sides.")
    ] = 0.5,
    sample: Annotated[int, typer.Option(help="Articles drawn for the figures of articles.")] = 500,
    seed: Annotated[int | None, typer.Option(help="Of that draw and of the intervals.")] = None,
    at: Annotated[str | None, typer.Option(metavar="TAG", help="Measure the table as it was tagged.")] = None,
    what_if: Annotated[
        str | None,
        typer.Option(metavar="corpus", help="Measure against samples of the articles too: would more help?"),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Do the experiments too that need the model and more time.")
    ] = False,
    model: Annotated[str | None, typer.Option(help="Where the table's model is now, if elsewhere.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Put before every question [default: the model's own]")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    trust_remote_code: Annotated[bool, typer.Option(help="Run code that the model brings along.")] = False,
    json: Json = False,
) -> None:
    """Measure how many of the questions' nearest articles stay their nearest on each stored map, and say why not.

    Each question is placed on the map of articles by candidate search; a neutral placement is told beside it. Without
    a map the command tells what the embedding space alone can.
    """
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.progress import Screen
    from vecindex.core.memory import keep_one_heap

    if on not in ("mean", "lower"):
        raise ConfigError(f"--on is mean or lower, found {on!r}.")
    if fail_under is not None and not 0 <= fail_under <= 1:
        raise ConfigError(f"--fail-under is a share from 0 to 1, found {fail_under}.", "For example 0.6.")
    keep_one_heap()
    with Screen() as screen:
        result = vecindex.open(db, table).overlap(
            questions,
            question=question,
            k=k,
            by=by,  # type: ignore[arg-type]  # checked where it is used
            topic_field=topic_field,
            map=map,
            bbox_padding=bbox_padding,
            sample=sample,
            seed=seed,
            at=at,
            what_if=what_if,
            explain=explain,
            model=model,
            prompt=prompt,
            device=device,
            trust_remote_code=trust_remote_code,
            observer=screen,
        )
    result = _with_commands(result)
    if fail_under is not None and result.best is None:
        raise ConfigError("--fail-under needs a map, and the table has none.", result.next[0])
    for path in _written(result, csv, html):
        screen.notice(f"written: {path}")
    if json:
        print_json(result.to_dict())
    else:
        _print(result, question, explain)
    for line in result.rejected:
        screen.notice(f"left out {line.place}: {line.reason}")
    for line in result.duplicates:
        screen.notice(f"counted once: {line.place} is {line.reason}")
    if fail_under is not None and not result.meets(fail_under, on):
        screen.notice(f"overlap ({on}) is below {fail_under:g}")
        raise typer.Exit(NOT_MET_EXIT)
    if result.rejected:
        raise typer.Exit(REJECTED_EXIT)


def _with_commands(result: OverlapResult) -> OverlapResult:
    """Return the result with commands that name the database and the table, wherever it is then shown."""
    from vecindex.cli.advice import completed

    def told(causes: tuple[Verdict, ...]) -> tuple[Verdict, ...]:
        return tuple(replace(one, remedy=completed(one.remedy)) for one in causes)

    maps = tuple(replace(one, causes=told(one.causes)) for one in result.maps)
    return replace(result, causes=told(result.causes), maps=maps, next=tuple(map(completed, result.next)))


def _written(result: OverlapResult, csv: str | None, html: str | None) -> Iterator[str]:
    """Write the files that are asked for; yield the name of each that is there."""
    from vecindex.cli.render_overlap import write_csv

    if csv is not None:
        write_csv(result, csv)
        yield csv
    if html is not None:
        result.write_html(html, made=f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC")
        yield html


def _print(result: OverlapResult, question: str | None, explain: bool) -> None:
    """Print everything, or one question with no more than was asked for beside it."""
    from vecindex.cli.render_experiments import print_experiments, print_what_if
    from vecindex.cli.render_overlap import print_causes, print_overlap
    from vecindex.cli.render_question import print_question

    if question is None:
        print_overlap(result)
        print_experiments(result)
    else:
        print_question(result, question)
        if explain:
            print_causes(result)
            print_experiments(result)
    print_what_if(result)

"""`vecindex evaluate`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.cli.output import check_files, end, left_out, show, warn
from vecindex.cli.spelling import spelled
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError
from vecindex.verbs.evaluate.options import EvaluateOptions, checked_evaluate

if TYPE_CHECKING:
    from vecindex.verbs.evaluate.result import EvaluateResult

NOT_MET_EXIT = 1


@options_of(EvaluateOptions)
def evaluate(
    questions: Annotated[
        str | None,
        typer.Option("--questions", "-q", metavar="FILE", help="Questions with ids, or a folder as BEIR has it."),
    ] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    judgments: Annotated[
        str | None,
        typer.Option(
            "--qrels", metavar="FILE", help="Judgments (TREC, BEIR, JSON) [default: the folder's, else `answers`]"
        ),
    ] = None,
    csv: Annotated[str | None, typer.Option(metavar="FILE", help="Write a row for each question and ranker.")] = None,
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="Write a report as one page that opens offline in any browser.")
    ] = None,
    fail_under: Annotated[
        list[str] | None,
        typer.Option(metavar="M=F", help="Exit 1 below it: ndcg@10=0.6, hybrid:map=0.3; may be repeated."),
    ] = None,
    on: Annotated[str, typer.Option(help="What --fail-under judges: mean, or lower (end of its interval).")] = "mean",
    json: Json = False,
    **options: Unpack[EvaluateOptions],
) -> None:
    """Measure how well searches find the right articles."""
    import vecindex
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.evaluate import print_evaluate, write_csv

    if on not in ("mean", "lower"):
        raise ConfigError(f"--on is mean or lower, found {on!r}.")
    floors = [_floor(given) for given in fail_under or ()]
    options["qrels"] = judgments
    if floors:
        # Before the work: a misspelled one would be refused after it.
        _check_floors(floors, *_measured(questions, options))
    read = {"the questions are read from": questions, "the judgments are read from": judgments}
    check_files(read, {"--csv": csv, "--html": html})
    with Screen() as screen:
        result = vecindex.open(db, table).evaluate(questions, observer=screen, **options)
    # First, since a file that cannot be written would end it.
    show(result, json, print_evaluate)
    if csv is not None:
        write_csv(result, csv)
        screen.notice(f"written: {csv}")
    if html is not None:
        result.write_html(html, made=f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC", spell=spelled)
        screen.notice(f"written: {html}")
    missed = [*_missed(result, floors, on), *_fallen(result)]
    if missed:
        left_out(result)
        for line in missed:
            warn(line)
        raise typer.Exit(NOT_MET_EXIT)
    end(result)


Floor = tuple[str | None, str, float]
"""A ranker, or None for the first one; a measure; the least that it may be."""


def _floor(given: str) -> Floor:
    """Return what `hybrid:ndcg@10=0.6` says.

    >>> _floor("ndcg@10=0.6"), _floor("words:MAP=0.25")
    ((None, 'ndcg@10', 0.6), ('words', 'map', 0.25))
    """
    name, equals, value = given.rpartition("=")
    ranker, colon, measure = name.rpartition(":")
    try:
        least = float(value)
    except ValueError:
        least = -1.0
    if not equals or not measure or not 0 <= least <= 1:
        raise ConfigError(
            f"--fail-under is a measure and a share from 0 to 1, found {given!r}.", "For example ndcg@10=0.6."
        )
    return ranker if colon else None, measure.lower(), least


def _measured(questions: str | None, options: EvaluateOptions) -> tuple[list[str], list[str]]:
    """Return the rankers, the first one first, and the measures that these options give."""
    from vecindex.verbs.evaluate.measures import HOLES, MEASURES, OF_TEXTS

    asked, rankers = checked_evaluate(questions, options)
    measures = OF_TEXTS if asked["answers_text"] else MEASURES
    return [str(ranker) for ranker in rankers], [name for name in measures if name != HOLES]


def _check_floors(floors: Sequence[Floor], rankers: Sequence[str], measures: Sequence[str]) -> None:
    """Raise ConfigError for a floor of what is not measured."""
    for ranker, measure, _ in floors:
        if ranker is not None and ranker not in rankers:
            raise ConfigError(
                f"--fail-under {ranker}:{measure} names a ranker that is not run.",
                f"There are: {', '.join(rankers)}.",
            )
        if measure not in measures:
            raise ConfigError(
                f"--fail-under: {measure!r} is not measured here.", f"There are: {', '.join(measures)}."
            )


def _missed(result: EvaluateResult, floors: Sequence[Floor], on: str) -> list[str]:
    """Return a line for each measure that is too low."""
    lines = []
    by_name = {one.name: one for one in result.rankers}
    for ranker, measure, least in floors:
        found = by_name[ranker or result.rankers[0].name]
        interval = found.measures[measure]
        value = interval.mean if on == "mean" else interval.low
        if value != value:
            lines.append(f"{measure} of {found.name}: one question shows no interval, so no lower end of it")
        elif value < least:
            lines.append(f"{measure} of {found.name} ({on}) is {value:.3f}, below {least:g}")
    return lines


def _fallen(result: EvaluateResult) -> list[str]:
    """Return a line for each ranker that fell by more than the noise."""
    against = result.against
    if against is None:
        return []
    return [
        f"{against.measure} of {name} fell by {-against.differences[name].mean:.3f} since {against.tag}"
        for name in against.fell
    ]

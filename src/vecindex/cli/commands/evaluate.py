"""`vecindex evaluate`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.cli.output import end, keep_apart, left_out, show, warn
from vecindex.cli.spelling import spelled
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError
from vecindex.verbs.evaluate.options import EvaluateOptions

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
    read = {"the questions are read from": questions, "the judgments are read from": judgments}
    keep_apart(read, {"--csv": csv, "--html": html})
    options["qrels"] = judgments
    with Screen() as screen:
        result = vecindex.open(db, table).evaluate(questions, observer=screen, **options)
    missed = [*_missed(result, floors, on), *_fallen(result)]
    if csv is not None:
        write_csv(result, csv)
        screen.notice(f"written: {csv}")
    if html is not None:
        result.write_html(html, made=f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC", spell=spelled)
        screen.notice(f"written: {html}")
    show(result, json, print_evaluate)
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


def _missed(result: EvaluateResult, floors: Sequence[Floor], on: str) -> list[str]:
    """Return a line for each measure that is too low; raises ConfigError for what was not measured."""
    lines = []
    for ranker, measure, least in floors:
        name = ranker or result.rankers[0].name
        found = next((one for one in result.rankers if one.name == name), None)
        if found is None:
            raise ConfigError(f"--fail-under {name}:{measure} names a ranker that was not run.", _there(result))
        known = [one for one in found.measures if not one.startswith("holes")]
        if measure not in known:
            raise ConfigError(f"--fail-under: {measure!r} is not measured here.", f"There are: {', '.join(known)}.")
        interval = found.measures[measure]
        value = interval.mean if on == "mean" else interval.low
        if not value >= least:
            lines.append(f"{measure} of {name} ({on}) is {value:.3f}, below {least:g}")
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


def _there(result: EvaluateResult) -> str:
    return f"There are: {', '.join(one.name for one in result.rankers)}."

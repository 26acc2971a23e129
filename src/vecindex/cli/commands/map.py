"""`vecindex map`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated

import typer

from vecindex.cli.options import Db, Json, Table
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError

if TYPE_CHECKING:
    from vecindex.verbs.picture.result import MapResult, Written

REJECTED_EXIT = 6


def map(
    out: Annotated[
        str, typer.Argument(metavar="[OUT.html|.png|.svg]", help="The file to write.", show_default="map.html")
    ] = "map.html",
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    map: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="A stored map [default: the best by its scores that is not anchored]"),
    ] = None,
    questions: Annotated[
        str | None,
        typer.Option("--questions", "-q", metavar="FILE", help="Place these on the map; - for stdin."),
    ] = None,
    k: Annotated[int, typer.Option("-k", help="Nearest articles of each question.")] = 5,
    color: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Colored first by: topic, density, truncated, question_distance, or a column [default: topic]",
        ),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A column to color by; several times [default: all that are fit for it]"),
    ] = None,
    topics: Annotated[
        int | None, typer.Option(metavar="N", help="Topics on the coarsest level, 0 for none [default: by size]")
    ] = None,
    snippet: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Signs of each text's beginning, 0 for none [default: 120, if that fits 30 MB]"
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the topics.")] = 0,
    width_in: Annotated[
        float | None, typer.Option("--width-in", metavar="F", help="Width of a .png or .svg in inches [default: 7]")
    ] = None,
    dpi: Annotated[
        int | None, typer.Option(metavar="N", help="Points to the inch of a .png or .svg [default: 300]")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the file when it is written.")] = False,
    at: Annotated[str | None, typer.Option(metavar="TAG", help="Show the table as it was tagged.")] = None,
    model: Annotated[str | None, typer.Option(help="Where the table's model is now, if elsewhere.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Put before every question [default: the model's own]")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    trust_remote_code: Annotated[bool, typer.Option(help="Run code that the model brings along.")] = False,
    json: Json = False,
) -> None:
    """Write a stored map as one page that opens offline in any browser, or as a picture for a paper.

    All articles are points, colored by topic, a column, density or distance to the questions, with labels of topics;
    the page shows titles and beginnings of texts, searches titles, and draws each question with its nearest articles.
    """
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.progress import Screen
    from vecindex.verbs.picture.result import checked_suffix

    page = checked_suffix(out) == ".html"
    _check_size(page, width_in, dpi)
    with Screen() as screen:
        result = vecindex.open(db, table).map(
            questions,
            map=map,
            k=k,
            color=color,
            fields=field or None,
            # A picture shows no texts.
            snippet=snippet if page else 0,
            topics=topics,
            seed=seed,
            at=at,
            model=model,
            prompt=prompt,
            device=device,
            trust_remote_code=trust_remote_code,
            observer=screen,
        )
    made = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC" if page else None
    written = result.write(out, width_in=width_in, dpi=dpi, made=made)
    if json:
        print_json({"path": written.path, "bytes": written.bytes, **result.to_dict()})
    else:
        _print(result, written)
    for note in result.notes:
        screen.notice(note)
    for line in result.rejected:
        screen.notice(f"left out {line.place}: {line.reason}")
    for line in result.duplicates:
        screen.notice(f"counted once: {line.place} is {line.reason}")
    if open_:
        typer.launch(written.path)
    if result.rejected:
        raise typer.Exit(REJECTED_EXIT)


def _check_size(page: bool, width_in: float | None, dpi: int | None) -> None:
    if page and (width_in is not None or dpi is not None):
        raise ConfigError("--width-in and --dpi are for pictures.", "For example: vecindex map map.png --width-in 7")
    if width_in is not None and not 1 <= width_in <= 100:
        raise ConfigError(f"--width-in is from 1 to 100 inches, found {width_in:g}.")
    if dpi is not None and not 30 <= dpi <= 2400:
        raise ConfigError(f"--dpi is from 30 to 2400, found {dpi}.")


def _print(result: MapResult, written: Written) -> None:
    from vecindex.cli.layout import prose
    from vecindex.cli.output import size

    picture = result.picture
    parts = [f"map {picture.map} of {picture.table}"]
    parts += [picture.anchored] if picture.anchored else []
    parts.append(f"{len(picture):,} {picture.by}{'' if len(picture) == 1 else 's'}")
    outside = picture.articles - len(picture)
    parts += [f"{outside:,} more are not on it"] if outside else []
    parts += [f"{result.topics} topic{'' if result.topics == 1 else 's'}"] if result.topics else []
    asked = len(picture.questions)
    parts += [f"{asked:,} question{'' if asked == 1 else 's'}"] if asked else []
    prose(", ".join(parts), f"{written.path} ({size(written.bytes)}): ")

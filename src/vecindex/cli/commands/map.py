"""`vecindex map`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Unpack

import typer

from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.cli.spelling import spelled
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError
from vecindex.verbs.picture.options import MapOptions

if TYPE_CHECKING:
    from vecindex.verbs.picture.result import MapResult, Written


@options_of(MapOptions)
def map(
    out: Annotated[
        str, typer.Argument(metavar="[OUT.html|.png|.svg]", help="The file to write.", show_default="map.html")
    ] = "map.html",
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    questions: Annotated[
        str | None,
        typer.Option("--questions", "-q", metavar="FILE", help="Place these on the map; - for stdin."),
    ] = None,
    width_in: Annotated[
        float | None, typer.Option("--width-in", metavar="F", help="Width of a .png or .svg in inches [default: 7]")
    ] = None,
    dpi: Annotated[
        int | None, typer.Option(metavar="N", help="Points to the inch of a .png or .svg [default: 300]")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the file when it is written.")] = False,
    json: Json = False,
    **options: Unpack[MapOptions],
) -> None:
    """Write a stored map as a page or as a picture.

    The page opens offline in any browser. All articles are points, colored by topic, a column, density or distance to
    the questions, with labels of topics. The page shows titles and snippets, searches titles, and draws each question
    with its nearest articles. A picture (.png, .svg) is for a paper.
    """
    import vecindex
    from vecindex.cli.output import end, print_json
    from vecindex.cli.progress import Screen
    from vecindex.verbs.picture.result import checked_suffix

    page = checked_suffix(out) == ".html"
    _check_size(page, width_in, dpi)
    if not page:
        # A picture shows no texts.
        options["snippet"] = 0
    with Screen() as screen:
        result = vecindex.open(db, table).map(questions, observer=screen, **options)
    made = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC" if page else None
    written = result.write(out, width_in=width_in, dpi=dpi, made=made)
    if json:
        print_json({"path": written.path, "bytes": written.bytes, **result.to_dict(spelled)})
    else:
        _print(result, written)
    for note in result.notes:
        screen.notice(note)
    if open_:
        typer.launch(written.path)
    end(result, screen)


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
    parts = [f"map {picture.map!r} of {picture.table}"]
    parts += [picture.anchored] if picture.anchored else []
    parts.append(f"{len(picture):,} {picture.by}{'' if len(picture) == 1 else 's'}")
    outside = picture.articles - len(picture)
    parts += [f"{outside:,} more are not on it"] if outside else []
    parts += [f"{result.topics} topic{'' if result.topics == 1 else 's'}"] if result.topics else []
    asked = len(picture.questions)
    parts += [f"{asked:,} question{'' if asked == 1 else 's'}"] if asked else []
    prose(", ".join(parts), f"{written.path} ({size(written.bytes)}): ")

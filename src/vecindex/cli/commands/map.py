"""`vecindex map`."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Unpack, cast

import typer

from vecindex.cli.options import Db, Json, Table, is_typed, options_of
from vecindex.cli.spelling import spelled
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError
from vecindex.files import is_there
from vecindex.spelling import flag_of
from vecindex.verbs.picture.options import MapOptions

if TYPE_CHECKING:
    from vecindex.files import Written
    from vecindex.index import Index
    from vecindex.verbs.picture.result import MapResult


@options_of(MapOptions)
def map(
    context: typer.Context,
    out: Annotated[
        str | None,
        typer.Argument(
            metavar="[OUT.html|.png|.svg]",
            help="The file to write [default: map.html, or lens.png with --lens]",
        ),
    ] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    questions: Annotated[
        str | None,
        typer.Option("--questions", "-q", metavar="FILE", help="Place these on the map; - for stdin."),
    ] = None,
    lens: Annotated[
        str | None,
        typer.Option(
            "--lens",
            metavar="QUESTION",
            help="Draw only this question, its nearest articles around it: a text, or the id of a stored question or "
            "of an article.",
        ),
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
    with its nearest articles and its lens. A picture (.png, .svg) is for a paper.

    A lens is a small map of one question, laid out for it alone: the question is in the middle, and an article is the
    farther from it the farther it is by embedding.
    """
    import vecindex
    from vecindex.cli.output import check_files, end, print_json
    from vecindex.cli.progress import Screen
    from vecindex.verbs.picture.result import DEFAULT_FILE, checked_suffix
    from vecindex.verbs.picture.topic_files import check_suffix

    _check_size(width_in, dpi)
    index = vecindex.open(db, table)
    if lens is not None:
        if questions is not None:
            raise ConfigError("--lens draws one question, --questions a map with many.", "Leave one of them out.")
        written = _lens(context, out, lens, index, width_in, dpi, json, options)
        if open_:
            typer.launch(written.path)
        return
    out = DEFAULT_FILE if out is None else out
    page = checked_suffix(out) == ".html"
    if page and (width_in is not None or dpi is not None):
        raise ConfigError("--width-in and --dpi are for pictures.", "For example: vecindex map map.png --width-in 7")
    if not page:
        _check_picture(context, out, options)
        # A picture shows neither texts nor lenses nor neighbors.
        options["snippet"] = options["near"] = options["lens_size"] = 0
    topics_file = options.get("topics_file")
    new = topics_file is not None and not is_there(topics_file)
    if topics_file is not None and new:
        check_suffix(topics_file)
        options["topics_file"] = None
    check_files(
        {"the questions are read from": questions}, {"OUT": out, "--topics-file": topics_file if new else None}
    )
    with Screen() as screen:
        result = index.map(questions, observer=screen, **options)
    made = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC" if page else None
    written = result.write(out, width_in=width_in, dpi=dpi, made=made)
    if topics_file is not None and new:
        named = result.write_topics(topics_file)
        screen.notice(f"{named.path} has the topics; change the column name, and the same command shows your names")
    if json:
        print_json({"path": written.path, "bytes": written.bytes, **result.to_dict(spelled)})
    else:
        _print(result, written)
    for note in (*result.notes, *result.file_notes(out)):
        screen.notice(note)
    if open_:
        typer.launch(written.path)
    end(result)


_OF_A_PAGE = ("snippet", "near", "lens_size")
_OF_A_MAP = ("map", "title", "color", "fields", "topics", "topics_by", "topics_file", "snippet", "near", "k")


def _lens(
    context: typer.Context,
    out: str | None,
    question: str,
    index: Index,
    width_in: float | None,
    dpi: int | None,
    json: bool,
    given: MapOptions,
) -> Written:
    """Write the picture of a lens, and print what it shows."""
    from vecindex.cli.output import check_files, print_json
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.lens import print_lens
    from vecindex.options import ModelOptions, fields_of
    from vecindex.verbs.lens.options import SIZES, LensOptions
    from vecindex.verbs.lens.result import DEFAULT_FILE, checked_suffix
    from vecindex.verbs.picture.options import check_lens_size

    out = DEFAULT_FILE if out is None else out
    checked_suffix(out)
    check_files({}, {"OUT": out})
    unused = [flag_of("map", name) for name in _OF_A_MAP if is_typed(context, name)]
    if unused:
        raise ConfigError(
            f"--lens draws one question without a map; {unused[0]} is for a map.", f"Leave {unused[0]} out."
        )
    check_lens_size(given["lens_size"], SIZES[0])
    shared = {name: given.get(name) for name in ("seed", "at", *fields_of(ModelOptions))}
    with Screen() as screen:
        options = cast("LensOptions", {**shared, "k": given["lens_size"]})
        result = index.lens(question, observer=screen, **options)
    written = result.write(out, width_in=width_in, dpi=dpi)
    if json:
        print_json({"path": written.path, "bytes": written.bytes, **result.to_dict(spelled)})
    else:
        print_lens(result, written)
    return written


def _check_size(width_in: float | None, dpi: int | None) -> None:
    if width_in is not None and not 1 <= width_in <= 100:
        raise ConfigError(f"--width-in is from 1 to 100 inches, found {width_in:g}.")
    if dpi is not None and not 30 <= dpi <= 2400:
        raise ConfigError(f"--dpi is from 30 to 2400, found {dpi}.")


def _print(result: MapResult, written: Written) -> None:
    from vecindex.cli.layout import prose
    from vecindex.cli.output import size

    picture = result.picture
    parts = [f"map {picture.map!r} of {picture.table} ({result.reason})"]
    parts += [picture.anchored] if picture.anchored else []
    parts.append(f"{len(picture):,} {picture.by}{'' if len(picture) == 1 else 's'}")
    outside = picture.articles - len(picture)
    parts += [f"{outside:,} more are not on it"] if outside else []
    parts += [f"{result.topics} topic{'' if result.topics == 1 else 's'}"] if result.topics else []
    asked = len(picture.questions)
    parts += [f"{asked:,} question{'' if asked == 1 else 's'}"] if asked else []
    others = [repr(other.map) for other in picture.alongside]
    also = f". The page also shows the map{'' if len(others) == 1 else 's'} {', '.join(others)}" if others else ""
    prose(f"{', '.join(parts)}{also}", f"{written.path} ({size(written.bytes)}): ")


def _check_picture(context: typer.Context, out: str, options: MapOptions) -> None:
    """Raise ConfigError for what only a page can show."""
    from vecindex.verbs.picture.alongside.maps import names_of
    from vecindex.verbs.picture.result import DEFAULT_FILE, one_map_only

    names = names_of(options.get("map"))
    if len(names) > 1:
        raise one_map_only(names)
    unused = [flag_of("map", name) for name in _OF_A_PAGE if is_typed(context, name)]
    if unused:
        raise ConfigError(
            f"{unused[0]} is for a page, and {out} is a picture.", f"Leave it out, or name a page: {DEFAULT_FILE}"
        )

"""`vecindex search`."""

from __future__ import annotations

from typing import Annotated

import typer

from vecindex.cli.options import Db, Json, Table
from vecindex.config import DEFAULT_TABLE

REJECTED_EXIT = 6


def search(
    text: Annotated[str | None, typer.Argument(help="What to search for.")] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    k: Annotated[int, typer.Option("-k", help="Hits for each query.")] = 10,
    where: Annotated[
        str | None, typer.Option(metavar="SQL", help='Condition on the columns, e.g. "year > 1990".')
    ] = None,
    hybrid: Annotated[bool, typer.Option("--hybrid", help="Rank by words as well as by meaning.")] = False,
    by: Annotated[str, typer.Option(help="In a table of chunks: article or chunk.")] = "article",
    id: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Find more like this article; needs no model.")
    ] = None,
    file: Annotated[
        str | None, typer.Option(metavar="FILE", help="Queries, one a line: text or JSON; - for standard input.")
    ] = None,
    no_text: Annotated[bool, typer.Option("--no-text", help="Leave the texts out.")] = False,
    full_text: Annotated[bool, typer.Option("--full-text", help="Give the texts whole.")] = False,
    at: Annotated[str | None, typer.Option(metavar="TAG", help="Search the table as it was tagged.")] = None,
    model: Annotated[str | None, typer.Option(help="Where the table's model is now, if elsewhere.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Put before every query [default: the model's own]")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = "auto",
    trust_remote_code: Annotated[bool, typer.Option(help="Run code that the model brings along.")] = False,
    json: Json = False,
) -> None:
    """Find the nearest articles to a text. dist is the cosine distance: lower is closer."""
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.search import print_search

    with Screen() as screen:
        result = vecindex.open(db, table).search(
            text,
            k=k,
            where=where,
            hybrid=hybrid,
            by=by,  # type: ignore[arg-type]  # checked where it is used
            id=id,
            file=file,
            text="none" if no_text else "full" if full_text else "snippet",
            at=at,
            model=model,
            prompt=prompt,
            device=device,
            trust_remote_code=trust_remote_code,
            observer=screen,
        )
    if json:
        print_json(result.to_dict())
    else:
        print_search(result)
    for line in result.rejected:
        screen.notice(f"left out {line.place}: {line.reason}")
    if result.rejected:
        raise typer.Exit(REJECTED_EXIT)

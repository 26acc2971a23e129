"""`vecindex search`."""

from __future__ import annotations

from typing import Annotated, Unpack

import typer

from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.config import DEFAULT_TABLE
from vecindex.verbs.search.options import SearchOptions


@options_of(SearchOptions)
def search(
    query: Annotated[str | None, typer.Argument(metavar="[TEXT]", help="What to search for.")] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    no_text: Annotated[bool, typer.Option("--no-text", help="Leave the texts out.")] = False,
    full_text: Annotated[bool, typer.Option("--full-text", help="Give the texts whole.")] = False,
    json: Json = False,
    **options: Unpack[SearchOptions],
) -> None:
    """Find the articles nearest to a text.

    dist is the cosine distance: lower is closer.
    """
    import vecindex
    from vecindex.cli.output import end, show
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.search import print_search

    options["text"] = "none" if no_text else "full" if full_text else "snippet"
    with Screen() as screen:
        result = vecindex.open(db, table).search(query, observer=screen, **options)
    show(result, json, print_search)
    end(result)

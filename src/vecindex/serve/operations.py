"""The addresses of the API: what each takes and gives, and what answers it. Its documents are made from this."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from starlette.responses import Response

from vecindex.serve import models
from vecindex.serve.answers import Packed
from vecindex.serve.handlers import Handlers
from vecindex.serve.models import Asked, Reply


@dataclass(frozen=True, slots=True)
class Operation:
    """One address.

    Attributes
    ----------
    path : with the names of its parts in braces.
    run : takes these parts by their names, and what is asked as `asked`.
    answer : what is given as JSON, or its media type.
    asked : what is taken, if anything: in the query of a GET, as the JSON body of a POST.
    errors : statuses that it may end with, besides those of every address.
    costly : it computes or reads much, so that only some go on at once.
    """

    method: Literal["GET", "POST"]
    path: str
    summary: str
    run: Callable[..., Reply | Response | Packed]
    answer: type[Reply] | str
    asked: type[Asked] | None = None
    errors: tuple[int, ...] = ()
    costly: bool = True


OPERATIONS = (
    Operation(
        "GET",
        "/api/version",
        "The table's latest state; asked every few seconds by the page.",
        Handlers.version,
        models.Version,
        costly=False,
    ),
    Operation("GET", "/api/status", "What the table holds, and what to do next.", Handlers.status, models.Status),
    Operation("GET", "/api/maps", "The maps that are stored with the table.", Handlers.maps, models.Maps),
    Operation(
        "GET",
        "/api/maps/{name}/header",
        "What is known of a map: extent, colorings, topics, questions, and the sizes of its sections.",
        Handlers.header,
        "application/json",
        models.SnapshotAsked,
        errors=(404, 409),
    ),
    Operation(
        "GET",
        "/api/maps/{name}/sections/{section}",
        "A section of a map: points (uint16 pairs), color:KEY (a byte a row), ids, titles, snippets (JSON).",
        Handlers.section,
        "application/octet-stream",
        models.SnapshotAsked,
        errors=(404, 409),
    ),
    Operation(
        "POST",
        "/api/filter",
        "Which articles of a map meet an SQL condition.",
        Handlers.filter,
        models.Filtered,
        models.FilterAsked,
        errors=(400, 404, 409),
    ),
    Operation(
        "POST",
        "/api/search",
        "The nearest articles to a text or to an article, by exact search unless approximate is asked for.",
        Handlers.search,
        models.Hits,
        models.SearchAsked,
        errors=(400, 404, 409),
    ),
    Operation(
        "POST",
        "/api/questions",
        "A question: its nearest articles, its best position on a map, and how many of them stay near.",
        Handlers.question,
        models.Question,
        models.QuestionAsked,
        errors=(400, 404, 409),
    ),
    Operation(
        "POST",
        "/api/lens",
        "The lens of a question: its nearest articles laid out around it.",
        Handlers.lens,
        models.Lens,
        models.LensAsked,
        errors=(400, 404, 409),
    ),
    Operation(
        "GET",
        "/api/articles/{id}",
        "An article with all its text and fields.",
        Handlers.article,
        models.Article,
        errors=(404,),
    ),
    Operation(
        "GET",
        "/api/articles/{id}/neighbors",
        "What lies around an article by embedding and on a map.",
        Handlers.neighbors,
        models.Neighbors,
        models.NeighborsAsked,
        errors=(400, 404, 409),
    ),
    Operation(
        "GET",
        "/api/articles/{id}/lens",
        "The lens of an article: its nearest other articles laid out around it.",
        Handlers.lens_of_article,
        models.Lens,
        models.ArticleLensAsked,
        errors=(400, 404, 409),
    ),
    Operation(
        "POST",
        "/api/annotate",
        "Store a label with articles, or undo that; only on a server that was started for it.",
        Handlers.annotate,
        models.Annotated,
        models.AnnotateAsked,
        errors=(400, 404, 409),
    ),
    Operation(
        "GET",
        "/api/overlap",
        "Where the report on the overlap of the server's questions stands; the first request begins it.",
        Handlers.report,
        models.Report,
        costly=False,
    ),
)

"""The addresses of the API: what each takes and gives, and what answers it. Its documents are made from this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from starlette.responses import Response

from vecindex.serve import models
from vecindex.serve.handlers import Handlers
from vecindex.serve.models import Asked, Reply
from vecindex.serve.sections import Packed

Answer = Reply | Response | Packed


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose values were checked."""

    path: Mapping[str, str]
    query: Asked | None
    body: Asked | None


@dataclass(frozen=True, slots=True)
class Operation:
    """One address.

    Attributes
    ----------
    path : with the names of its parts in braces.
    query, body : what is taken, if anything.
    answer : what is given as JSON, or its media type.
    errors : statuses that it may end with, besides those of every address.
    weighty : it computes or reads much, so that only some go on at once.
    """

    method: Literal["GET", "POST"]
    path: str
    summary: str
    run: Callable[[Handlers, Call], Answer]
    answer: type[Reply] | str
    query: type[Asked] | None = None
    body: type[Asked] | None = None
    errors: tuple[int, ...] = ()
    weighty: bool = True


def _version(handlers: Handlers, _call: Call) -> Answer:
    return handlers.version()


def _status(handlers: Handlers, _call: Call) -> Answer:
    return handlers.status()


def _maps(handlers: Handlers, _call: Call) -> Answer:
    return handlers.maps()


def _header(handlers: Handlers, call: Call) -> Answer:
    assert isinstance(call.query, models.SnapshotAsked)
    return handlers.header(call.path["name"], call.query.edition)


def _section(handlers: Handlers, call: Call) -> Answer:
    assert isinstance(call.query, models.SnapshotAsked)
    return handlers.section(call.path["name"], call.path["section"], call.query.edition)


def _filter(handlers: Handlers, call: Call) -> Answer:
    assert isinstance(call.body, models.FilterAsked)
    return handlers.filter(call.body)


def _search(handlers: Handlers, call: Call) -> Answer:
    assert isinstance(call.body, models.SearchAsked)
    return handlers.search(call.body)


def _question(handlers: Handlers, call: Call) -> Answer:
    assert isinstance(call.body, models.QuestionAsked)
    return handlers.question(call.body)


def _article(handlers: Handlers, call: Call) -> Answer:
    return handlers.article(call.path["id"])


def _neighbors(handlers: Handlers, call: Call) -> Answer:
    assert isinstance(call.query, models.NeighborsAsked)
    return handlers.neighbors(call.path["id"], call.query)


def _report(handlers: Handlers, _call: Call) -> Answer:
    return handlers.report()


OPERATIONS = (
    Operation(
        "GET",
        "/api/version",
        "The table's latest state; asked every few seconds by the page.",
        _version,
        models.Version,
        weighty=False,
    ),
    Operation("GET", "/api/status", "What the table holds, and what to do next.", _status, models.Status),
    Operation("GET", "/api/maps", "The maps that are stored with the table.", _maps, models.Maps),
    Operation(
        "GET",
        "/api/maps/{name}/header",
        "What is known of a map: extent, colorings, topics, questions, and the sizes of its sections.",
        _header,
        "application/json",
        query=models.SnapshotAsked,
        errors=(404, 409),
    ),
    Operation(
        "GET",
        "/api/maps/{name}/sections/{section}",
        "A section of a map: points (uint16 pairs), color:KEY (a byte a row), ids, titles, snippets (JSON).",
        _section,
        "application/octet-stream",
        query=models.SnapshotAsked,
        errors=(404, 409),
    ),
    Operation(
        "POST",
        "/api/filter",
        "Which articles of a map meet an SQL condition.",
        _filter,
        models.Filtered,
        body=models.FilterAsked,
        errors=(400, 404, 409),
    ),
    Operation(
        "POST",
        "/api/search",
        "The nearest articles to a text or to an article, by exact search.",
        _search,
        models.Hits,
        body=models.SearchAsked,
        errors=(400, 404, 409),
    ),
    Operation(
        "POST",
        "/api/questions",
        "A question: its nearest articles, its best position on a map, and how many of them stay near.",
        _question,
        models.Question,
        body=models.QuestionAsked,
        errors=(400, 404, 409),
    ),
    Operation(
        "GET",
        "/api/articles/{id}",
        "An article with all its text and fields.",
        _article,
        models.Article,
        errors=(404,),
    ),
    Operation(
        "GET",
        "/api/articles/{id}/neighbors",
        "What lies around an article by embedding and on a map.",
        _neighbors,
        models.Neighbors,
        query=models.NeighborsAsked,
        errors=(400, 404, 409),
    ),
    Operation(
        "GET",
        "/api/overlap",
        "Where the report on the overlap of the server's questions stands; the first request begins it.",
        _report,
        models.Report,
        weighty=False,
    ),
)

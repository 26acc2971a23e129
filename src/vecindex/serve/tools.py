"""The table as tools for an assistant, by the Model Context Protocol over standard input and output; read-only."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError

from vecindex.config import VERSION
from vecindex.errors import MissingExtraError, VecindexError
from vecindex.serve import models
from vecindex.serve.handlers import Handlers
from vecindex.serve.report_job import ReportJob
from vecindex.serve.table.live import Live
from vecindex.serve.table.served import Notes, Served
from vecindex.verbs.overlap.options import OverlapOptions
from vecindex.verbs.search.options import SearchOptions

if TYPE_CHECKING:
    from mcp.server import Server
    from mcp_types import JSONRPCError

_INSTRUCTIONS = (
    "An index of texts by meaning. search finds texts for a query, more_like_this for a text that is there; article "
    "gives all of one. overlap says how much of a question's nearest texts stay nearest on the stored 2-D map. "
    "status describes it all. Of distances, lower is closer. Nothing can be changed."
)


class TextAsked(models.Asked):
    """A search by text."""

    text: str = Field(max_length=models.MAX_QUESTION_CHARS, description="What is looked for, in plain words.")
    k: int = models.declared(SearchOptions, "k", le=models.MAX_NEIGHBORS)
    where: str | None = models.declared(SearchOptions, "where", max_length=models.MAX_CONDITION_CHARS)
    approximate: bool = models.declared(SearchOptions, "approximate")
    recall: float | None = models.declared(SearchOptions, "recall")


class IdAsked(models.Asked):
    """An article."""

    id: str = Field(max_length=models.MAX_CONDITION_CHARS, description="The id of an article, as search gives it.")


class LikeAsked(IdAsked):
    """A search by an article."""

    k: int = models.declared(SearchOptions, "k", le=models.MAX_NEIGHBORS)
    where: str | None = models.declared(SearchOptions, "where", max_length=models.MAX_CONDITION_CHARS)
    approximate: bool = models.declared(SearchOptions, "approximate")
    recall: float | None = models.declared(SearchOptions, "recall")


class OverlapAsked(models.Asked):
    """A question whose overlap is wanted."""

    text: str = Field(max_length=models.MAX_QUESTION_CHARS, description="The question, in plain words.")
    map: str | None = Field(None, description="The map; null for the default one.")
    k: int = models.declared(OverlapOptions, "k")


class NearArticle(models.Reply):
    """An article near to a question."""

    id: str
    title: str | None
    dist: float = Field(description="Cosine distance in embedding space; the map's unit on a map.")
    kept: bool = Field(description="It is among the k nearest in embedding space and on the map.")


class Overlap(models.Reply):
    """How much of a question's nearest articles stay nearest on a map."""

    text: str
    map: str | None = Field(description="Null where the table has no map.")
    k: int
    overlap: float | None = Field(description="Share of `nearest` that is in `on_map`, 0 to 1; null without a map.")
    nearest: list[NearArticle] = Field(description="The k nearest by embedding, nearest first.")
    on_map: list[NearArticle] = Field(description="The k nearest on the map to the question's best position.")
    notes: list[str]


class NothingAsked(models.Asked):
    """A tool without arguments."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what it takes and gives, and what answers it."""

    name: str
    about: str
    asked: type[models.Asked]
    answer: type[models.Reply]
    run: Callable[[Handlers, Any], models.Reply]


def _search(handlers: Handlers, asked: TextAsked | LikeAsked) -> models.Hits:
    return handlers.search(models.SearchAsked.model_validate(asked.model_dump()))


def _overlap(handlers: Handlers, asked: OverlapAsked) -> Overlap:
    live, notes = handlers.live, Notes(handlers.live.served.spell)
    at = live.snapshot()
    name = handlers.map_asked(at, None if asked.map is None else live.map_of(at, asked.map))
    around = live.ask(at, asked.text, asked.k, name, None, notes)
    nearest, on_map = (
        [NearArticle(id=one.id, title=one.title, dist=one.dist, kept=one.kept) for one in found]
        for found in (around.nearest, around.on_map)
    )
    return Overlap(
        text=asked.text.strip(),
        map=name,
        k=asked.k,
        overlap=around.overlap,
        nearest=nearest,
        on_map=on_map,
        notes=notes.lines,
    )


TOOLS = (
    Tool(
        "search",
        "The nearest articles to a text; exact unless asked otherwise.",
        TextAsked,
        models.Hits,
        _search,
    ),
    Tool("more_like_this", "The nearest other articles to an article.", LikeAsked, models.Hits, _search),
    Tool(
        "article",
        "An article with all its text and fields.",
        IdAsked,
        models.Article,
        lambda handlers, asked: handlers.article(asked.id),
    ),
    Tool(
        "overlap",
        "A question's nearest articles by embedding and on a map, and the share that are in both.",
        OverlapAsked,
        Overlap,
        _overlap,
    ),
    Tool(
        "status",
        "What the table holds: rows, columns to filter on, model, maps.",
        NothingAsked,
        models.Status,
        lambda handlers, _asked: handlers.status(),
    ),
)
"""The tools, in the order in which they are listed."""


def serve_tools(served: Served) -> None:
    """Answer an assistant on standard input and output until the input ends.

    Raises
    ------
    MissingExtraError
        The protocol's package is not installed.
    ConfigError, StoreError
        No such map or table.
    """
    try:
        import anyio
        import mcp.server.stdio
    except ImportError as error:
        raise MissingExtraError(
            "Serving tools needs the package mcp, which is not installed.", "pip install 'vecindex[mcp]'"
        ) from error
    live = Live(served)
    live.check()
    server = tool_server(live)

    async def run() -> None:
        async with mcp.server.stdio.stdio_server() as (asked, answers), anyio.create_task_group() as tasks:
            send, readable = anyio.create_memory_object_stream[Any](0)
            tasks.start_soon(_pass_on, asked, send, answers)
            await server.run(readable, answers, server.create_initialization_options())
            tasks.cancel_scope.cancel()

    anyio.run(run)


async def _pass_on(asked: Any, readable: Any, answers: Any) -> None:
    """Pass on the messages of a stream; answer those that cannot be read, which the protocol's package leaves out."""
    from mcp.shared.message import SessionMessage

    async with readable:
        async for one in asked:
            if not isinstance(one, Exception):
                await readable.send(one)
            elif (answer := _to_unreadable(one)) is not None:
                await answers.send(SessionMessage(answer))


def _to_unreadable(error: Exception) -> JSONRPCError | None:
    """Return the answer to a line that is no message; None where it was none that gets an answer.

    JSON that has a lone surrogate is read here for its id: it is no text, and pydantic reads none of such a line.
    """
    import mcp_types as types

    line = error.errors()[0]["input"] if isinstance(error, ValidationError) else None
    try:
        asked = json.loads(line) if isinstance(line, str) else line
    except ValueError:
        asked = None
    known = asked if isinstance(asked, dict) else {}
    if "method" in known and "id" not in known:
        return None
    number = known.get("id")
    what = types.ErrorData(
        code=types.PARSE_ERROR, message="This is no message of the protocol: not JSON, or with a lone surrogate."
    )
    return types.JSONRPCError(jsonrpc="2.0", id=number if isinstance(number, int | str) else None, error=what)


def tool_server(live: Live) -> Server[Any]:
    """Return the server of the tools, to be run over any transport."""
    import anyio.to_thread
    import mcp_types as types
    from mcp.server import Server

    handlers = Handlers(live, ReportJob(live))
    by_name = {tool.name: tool for tool in TOOLS}
    listed = [
        types.Tool(
            name=tool.name,
            description=tool.about,
            input_schema=tool.asked.model_json_schema(),
            output_schema=tool.answer.model_json_schema(mode="serialization"),
            annotations=types.ToolAnnotations(
                read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
            ),
        )
        for tool in TOOLS
    ]

    def result(text: str, given: Any = None, *, failed: bool = False) -> types.CallToolResult:
        content: list[types.ContentBlock] = [types.TextContent(type="text", text=text)]
        return types.CallToolResult(content=content, structured_content=given, is_error=failed)

    async def tools(_context: object, _params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=listed)

    async def call(_context: object, params: types.CallToolRequestParams) -> types.CallToolResult:
        tool = by_name.get(params.name)
        if tool is None:
            return result(f"There is no tool {params.name!r}. There are: {', '.join(by_name)}.", failed=True)
        try:
            asked = tool.asked.model_validate(params.arguments or {})
            answer = await anyio.to_thread.run_sync(partial(tool.run, handlers, asked))
        except ValidationError as error:
            return result(_wrong_arguments(tool, error), failed=True)
        except VecindexError as error:
            return result(_message(error, live.served), failed=True)
        return result(answer.model_dump_json(), answer.model_dump(mode="json"))

    return Server("vecindex", version=VERSION, instructions=_INSTRUCTIONS, on_list_tools=tools, on_call_tool=call)


def _wrong_arguments(tool: Tool, error: ValidationError) -> str:
    found = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'arguments'}: {one['msg']}" for one in error.errors())
    return f"{tool.name}: {found}. It takes: {', '.join(tool.asked.model_fields) or 'nothing'}."


def _message(error: VecindexError, served: Served) -> str:
    parts = (error.message, error.hint)
    return " ".join(served.spell(part) for part in parts if part is not None)

"""The server as an ASGI application: pages, the API, and every error in one form."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import anyio.to_thread
from pydantic import BaseModel, ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vecindex.core.limits import Limit, Stopped, look
from vecindex.errors import VecindexError
from vecindex.messages import counted
from vecindex.serve.answers import Packed, Refused, failure, failure_of, json_response
from vecindex.serve.guard import Guard
from vecindex.serve.handlers import Handlers
from vecindex.serve.openapi import openapi
from vecindex.serve.operations import OPERATIONS, Operation
from vecindex.serve.pace import PACE
from vecindex.serve.page import docs_page, live_page, report_page
from vecindex.serve.report_job import ReportJob
from vecindex.serve.table.live import Live
from vecindex.verbs.lens.layout import make_ready

_LOG = logging.getLogger(__name__)
PAGE_HEADER = "x-vecindex-page"
"""Requests of the live page have it: messages then name its fields."""
_WEIGHTY = 4
"""Requests that compute at the same time; others wait without a thread."""
_LIGHT = 8
_PAGE_POLICY = "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"
"""What a page's own policy, which names its scripts, cannot say."""


class Server:
    """The application with what its requests share."""

    def __init__(self, live: Live, hosts: tuple[str, ...], port: int) -> None:
        """Take the table, and the names and the port under which it is served."""
        self.live = live
        self.job = ReportJob(live)
        self.handlers = Handlers(live, self.job)
        self._weighty = asyncio.Semaphore(_WEIGHTY)
        self._light = asyncio.Semaphore(_LIGHT)
        self._waiting = 0
        self._running = 0
        self._counting = threading.Lock()
        routes = [Route(op.path, self._endpoint(op), methods=[op.method]) for op in OPERATIONS]
        routes += [
            Route("/api/openapi.json", self._openapi),
            Route("/api/docs", self._page(docs_page)),
            Route("/overlap", self._page(lambda: report_page(live.served, self.job))),
            Route("/", self._page(lambda: live_page(live.served))),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: _unrouted})
        self.app = Guard(app, hosts, port)

    @property
    def busy(self) -> bool:
        """Whether anything is being computed."""
        return self._running > 0 or self.job.busy

    def warm(self) -> None:
        """Begin to draw the map that is shown first, and to make the lens ready.

        What goes wrong is reported to the first request.
        """

        def draw() -> None:
            try:
                at = self.live.snapshot()
                first = self.live.default_map(at.loaded.table)
                if first is not None:
                    self.live.shown(at, first.name)
            except Exception:  # noqa: BLE001  # reported to the first request
                _LOG.info("the map could not be drawn at the start", exc_info=True)

        for work in (draw, make_ready):
            threading.Thread(target=self._counted, args=(work,), daemon=True).start()

    async def _threaded(self, request: Request, costly: bool, work: Callable[[], Any]) -> Any:
        """Return what the work gives, in a thread, after its turn has come.

        The work is to stop when its client leaves or its time is over. Its turn ends with it, so that no more
        threads compute than were meant to. Raises Refused (503).
        """
        limit, turns = Limit(PACE.answer_s), self._weighty if costly else self._light
        left = asyncio.create_task(_left(request))
        try:
            if self._waiting >= PACE.waiting:
                wait = counted(self._waiting, "request waits", "requests wait")
                raise Refused(503, f"{wait} for a turn.", "Ask again later.")
            await self._turn(turns, left, limit)
            work_task = asyncio.create_task(anyio.to_thread.run_sync(self._counted, _limited(limit, work)))
            work_task.add_done_callback(lambda done: _ended(turns, done))
            await asyncio.wait({work_task, left}, timeout=limit.left_s, return_when=asyncio.FIRST_COMPLETED)
            if not work_task.done():
                raise _too_long()
            return work_task.result()
        except Stopped as error:
            raise _too_long() from error
        finally:
            limit.stop()
            left.cancel()

    async def _turn(self, turns: asyncio.Semaphore, left: asyncio.Task[None], limit: Limit) -> None:
        """Wait for a turn; raises Refused (503) where the client left or the time is over before."""
        turn = asyncio.create_task(turns.acquire())
        self._waiting += 1
        try:
            await asyncio.wait({turn, left}, timeout=limit.left_s, return_when=asyncio.FIRST_COMPLETED)
            if not turn.done():
                raise _too_long()
        finally:
            self._waiting -= 1
            turn.cancel()

    def _counted(self, work: Callable[[], Any]) -> Any:
        with self._counting:
            self._running += 1
        try:
            return work()
        finally:
            with self._counting:
                self._running -= 1

    def _endpoint(self, operation: Operation) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            body = await request.body() if operation.method == "POST" else None
            try:
                given = _arguments(operation, request, body)
                found = await self._threaded(request, operation.costly, lambda: operation.run(self.handlers, **given))
            except Exception as error:  # noqa: BLE001  # errors become answers here alone
                served = self.live.served
                return failure(error, served.spell_for_page if PAGE_HEADER in request.headers else served.spell)
            if isinstance(found, Packed):
                return found.response(request.headers.get("accept-encoding", ""))
            return json_response(found.model_dump_json()) if isinstance(found, BaseModel) else found

        return endpoint

    def _page(self, make: Callable[[], str]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            try:
                html = await self._threaded(request, False, make)
            except Exception as error:  # noqa: BLE001  # as above
                return failure(error, self.live.served.spell)
            return Response(html, headers={"Content-Security-Policy": _PAGE_POLICY}, media_type="text/html")

        return endpoint

    async def _openapi(self, _request: Request) -> Response:
        return json_response(json.dumps(openapi()))


async def _left(request: Request) -> None:
    """Return when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _limited(limit: Limit, work: Callable[[], Any]) -> Callable[[], Any]:
    def limited() -> Any:
        with limit.holding():
            look()
            return work()

    return limited


def _ended(turns: asyncio.Semaphore, done: asyncio.Future[Any]) -> None:
    turns.release()
    if not done.cancelled():
        done.exception()  # else asyncio logs that nobody asked for it


def _too_long() -> Refused:
    return Refused(
        503,
        f"There was no answer within {PACE.answer_s:g} seconds.",
        "Ask for less, such as a simpler condition, or again when fewer requests are made.",
    )


def _arguments(operation: Operation, request: Request, body: bytes | None) -> dict[str, Any]:
    """Return a request's values by name, checked. Raises Refused (422) naming the first that is wrong."""
    given: dict[str, Any] = {name: unquote(str(value)) for name, value in request.path_params.items()}
    values: Any = dict(request.query_params)
    if values and (body is not None or operation.asked is None):
        raise Refused(422, f"{operation.path} takes no {next(iter(values))!r}.", "See /api/docs.")
    if operation.asked is None:
        return given
    if body is not None:
        try:
            values = json.loads(body.decode("utf-8"))
        except (ValueError, RecursionError) as error:  # of integers above 4,300 digits a plain ValueError
            raise Refused(400, f"The body is not JSON: {error}.", "See /api/docs.") from error
        if not isinstance(values, dict):
            raise Refused(422, "The body is not a JSON object.", "See /api/docs.")
    try:
        return {**given, "asked": operation.asked.model_validate(values)}
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        hint = f"It takes {', '.join(operation.asked.model_fields)}: /api/docs."
        raise Refused(422, f"{name}: {first['msg']}.", hint) from error


async def _unrouted(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if status == 405:
        answer = failure_of(405, f"{request.scope['path']} is not for {request.method}.", "See /api/docs.")
        answer.headers.update((error.headers or {}) if isinstance(error, HTTPException) else {})
        return answer
    if status == 404:
        return failure_of(404, f"Nothing is at {request.scope['path']}.", "The addresses of the API: /api/docs.")
    return failure(VecindexError(str(error)))

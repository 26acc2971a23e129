"""What stands before every request: who may ask, how much may be sent, and what the browser is allowed to forbid."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, option, text
from vecindex.serve.answers import failure_of
from vecindex.serve.pace import PACE

MAX_BODY_BYTES = 64 << 10
LARGER = {"/api/annotate": 1 << 20}
"""The most bytes for addresses that take more: a selection is a bit for each article of a map."""
_READ_TIMES = 16
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_READING = ("GET", "HEAD")


def is_loopback(host: str) -> bool:
    """Return whether a host's name or address means this machine and is reached from it alone.

    >>> is_loopback("localhost"), is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_host(host: str) -> None:
    """Raise ConfigError for a host that others could reach: the server asks nobody who they are."""
    if not is_loopback(host):
        raise ConfigError(
            text(
                option("host", host),
                " is not a loopback address: the server has no password, so it is for this machine alone.",
            ),
            text(
                "Leave ",
                option("host"),
                " out. From another machine: ssh -L PORT:127.0.0.1:PORT THIS-MACHINE, with ",
                option("port", Placeholder("PORT")),
                ".",
            ),
        )


class Guard:
    """Lets through what this machine's own pages and programs ask, under one of the server's own names.

    A page from elsewhere could lead its name to this address and so read along; its requests name another host. Or it
    could send here what it may not read; its requests name another origin.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str], port: int) -> None:
        """Take what answers, and the names and the port under which the server may be asked."""
        self._app = app
        names = {f"[{host}]" if ":" in host else host.lower() for host in hosts}
        self._hosts = {f"{name}:{port}" for name in names} | (names if port == 80 else set())
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    answered.setdefault(name, value)
                answered.setdefault("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
            await _sent(message, send)

        most = LARGER.get(scope["path"], MAX_BODY_BYTES)
        too_large = 413, f"More than {most // 1024} KiB were sent.", None
        length = headers.get("content-length", "0")
        refusal = self._refused(scope["method"], headers)
        if refusal is None and length.isdecimal() and length.isascii() and int(length) > most:
            refusal = too_large
        elif refusal is None:
            refusal = _no_json(scope["method"], headers)
        if refusal is not None:
            await failure_of(*refusal)(scope, receive, guarded)
            return
        try:
            body = (
                b"" if scope["method"] in _READING else await asyncio.wait_for(_body(receive, most), PACE.request_s)
            )
        except TimeoutError:
            body, refusal = None, (408, f"The request was not sent within {PACE.request_s:g} seconds.", None)
        else:
            refusal = too_large
        if body is None:
            # What else is sent would be read for nothing.
            await failure_of(*refusal, headers={"Connection": "close"})(scope, receive, guarded)
            return
        # The parts of an address are taken apart before they are decoded: an id may hold a slash.
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        with suppress(_NotRead):
            await self._app({**scope, "path": path}, _replayed(body, receive), guarded)

    def _refused(self, method: str, headers: Headers) -> tuple[int, str, str | None] | None:
        """Return the status and the reason for a request that is not let through."""
        hosts = headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._hosts:
            there = ", ".join(sorted(self._hosts))
            return 403, f"This server is not {', '.join(hosts) or 'without a name'}.", f"Ask it as {there}."
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        foreign = (origin is not None and origin.lower() not in self._origins) or (
            site not in ("same-origin", "none") and not (method in _READING and _is_visit(headers))
        )
        if foreign:
            return 403, "The request comes from another page.", "Open the server's own page."
        return None


def _no_json(method: str, headers: Headers) -> tuple[int, str, str | None] | None:
    """Return the status and the reason for a body that is no JSON, which any page could send."""
    if method not in _READING and headers.get("content-type", "").split(";")[0].strip() != "application/json":
        return 415, "The body must be JSON.", "Send it with the header Content-Type: application/json."
    return None


def _is_visit(headers: Headers) -> bool:
    """Return whether a browser goes to the page, by a link from another one, and does not fetch it for that one."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


class _NotRead(Exception):
    """The client does not read what it asked for."""


async def _sent(message: Message, send: Send) -> None:
    """Send a message, the body of an answer in pieces: what a client does not read yet is not copied for it.

    Raises _NotRead where a piece is not taken in time.
    """
    body = message.get("body", b"")
    starts = range(0, max(1, len(body)), PACE.piece_bytes)
    for start in starts:
        last = start == starts[-1]
        piece = {**message, "body": body[start : start + PACE.piece_bytes]} if len(starts) > 1 else message
        if not last:
            piece["more_body"] = True
        try:
            await asyncio.wait_for(send(piece), PACE.read_s)
        except TimeoutError as error:
            raise _NotRead from error


async def _body(receive: Receive, most: int) -> bytes | None:
    """Return all that was sent; None if it is more than `most` bytes.

    What is a little too much is read to its end: a connection that is closed with unread data in it may lose the
    answer on its way.
    """
    parts: list[bytes] = []
    taken, more = 0, True
    while more and taken <= max(_READ_TIMES * MAX_BODY_BYTES, most):
        message = await receive()
        more = message.get("more_body", False)
        taken += len(message.get("body", b""))
        if taken <= most:
            parts.append(message.get("body", b""))
    return b"".join(parts) if taken <= most else None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read already, and then what else comes."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return pending.pop() if pending else await receive()

    return replayed

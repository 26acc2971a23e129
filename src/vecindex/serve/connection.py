"""A connection whose client may be slow, but not for ever: to send a request, or to read its answer."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from vecindex.serve.pace import PACE


class Connection(H11Protocol):
    """An HTTP/1.1 connection that is closed when its client keeps it waiting for too long.

    uvicorn waits for the headers of a request, and for who reads the end of an answer, without end. A request's body
    and the other pieces of an answer are timed where they are taken and given, in the guard.
    """

    _stage: tuple[str, object] = ("", None)
    _since: float = 0.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look at it."""
        super().connection_made(transport)
        self._look()

    def _look(self) -> None:
        """Close the connection when it has waited for the same thing for too long; else look again a little later."""
        unread = self.transport.get_write_buffer_size()
        if self.transport.is_closing() and not unread:
            return
        stage, now = self._stage_now(unread), self.loop.time()
        if stage != self._stage:
            self._stage, self._since = stage, now
        limits = {"headers": PACE.request_s, "reading": PACE.read_s}
        if now - self._since > limits.get(stage[0], float("inf")):
            self.transport.abort()
            return
        self.loop.call_later(min(limits.values()) / 4, self._look)

    def _stage_now(self, unread: int) -> tuple[str, object]:
        """Return what is waited for, and in which request of the connection.

        The request itself: while it is held, no later one can be taken for it.
        """
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete and not self.transport.is_closing():
            return "answering", cycle
        return "reading" if unread else "headers", cycle

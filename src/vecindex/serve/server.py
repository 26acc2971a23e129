"""Serving on a port of this machine until Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from vecindex.errors import ConfigError, Interrupted
from vecindex.messages import option, text
from vecindex.serve.app import Server
from vecindex.serve.connection import Connection
from vecindex.serve.guard import check_host
from vecindex.serve.pace import PACE
from vecindex.serve.table.live import Live
from vecindex.serve.table.served import Served

_BACKLOG = 256
# How long requests in flight may take to end after Ctrl-C.
_GRACE_S = 2


class _Uvicorn(uvicorn.Server):
    """A server whose signals are handled by who runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


def serve(served: Served, host: str, port: int, ready: Callable[[str], None], stopping: Callable[[], None]) -> bool:
    """Serve a table until SIGINT or SIGTERM; return whether something was still being computed then.

    Parameters
    ----------
    host, port : a loopback address; 0 for a free port.
    ready : called with the address of the page, once it answers.
    stopping : called at the first signal; a second one ends the process at once.

    Raises
    ------
    ConfigError
        The host is not loopback, or the port is taken; the map is not there.
    StoreError
        The table is not there.
    """
    check_host(host)
    live = Live(served)
    live.check()
    with _bound(host, port) as bound:
        actual = int(bound.getsockname()[1])
        server = Server(live, tuple({host, "127.0.0.1", "localhost", "::1"}), actual)
        shown = f"[{host}]" if ":" in host else host
        run = _Uvicorn(
            uvicorn.Config(
                server.app,
                log_config=None,
                log_level="critical",
                access_log=False,
                lifespan="off",
                server_header=False,
                ws="none",
                http=Connection,
                limit_concurrency=PACE.connections,
                loop="asyncio",
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        _stop_on_signal(run, stopping)
        server.warm()
        announced = threading.Thread(
            target=_announce, args=(run, lambda: ready(f"http://{shown}:{actual}/")), daemon=True
        )
        announced.start()
        run.run(sockets=[bound])
        return server.busy


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        made.close()
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"Port {port} of {host} cannot be used: {reason}.",
            text("Name another with ", option("port"), ", or leave it out: then a free one is taken."),
        ) from error
    return made


def _announce(run: _Uvicorn, ready: Callable[[], None]) -> None:
    while not run.started:
        if run.should_exit:
            return
        threading.Event().wait(0.02)
    ready()


def _stop_on_signal(run: _Uvicorn, stopping: Callable[[], None]) -> None:
    """Let the first signal end the server; a second one, even while Python shuts down, the process."""

    def handle(_number: int, _frame: object) -> None:
        if run.should_exit:
            os._exit(Interrupted.exit_code)
        run.should_exit = True
        stopping()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)

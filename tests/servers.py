"""A server in this process on a free port, and a client that checks each answer against the API's own description."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import uvicorn

from vecindex.serve.app import Server
from vecindex.serve.connection import Connection
from vecindex.serve.openapi import openapi
from vecindex.serve.pace import PACE
from vecindex.serve.table.live import Live
from vecindex.serve.table.served import Served

HOSTS = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Got:
    """An answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which must be JSON with no NaN in it."""
        return json.loads(self.body, parse_constant=lambda name: AssertionError(name))


class Client:
    """Asks a server; each call is a connection of its own, so several threads may ask."""

    def __init__(self, port: int, live: Live, server: Server) -> None:
        self.port, self.live, self.server = port, live, server
        self.url = f"http://127.0.0.1:{port}"
        self.run: uvicorn.Server | None = None

    def connections(self) -> int:
        """Return how many clients are connected."""
        assert self.run is not None
        return len(self.run.server_state.connections)

    def __call__(
        self, path: str, body: Any = None, *, method: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Got:
        method = method or ("GET" if body is None else "POST")
        sent = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        told = {} if body is None else {"Content-Type": "application/json"}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, sent, {**told, **(headers or {})})
            answer = connection.getresponse()
            got = Got(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()
        check(method, path, got)
        return got


def check(method: str, path: str, got: Got) -> None:
    """Hold an answer against what the API's description says of its address."""
    for pattern, operations in openapi()["paths"].items():
        if re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), urlsplit(path).path) and method.lower() in operations:
            answers = operations[method.lower()]["responses"]
            assert str(got.status) in answers, f"{path} is not said to answer {got.status}: {got.body[:300]!r}"
            content = answers[str(got.status)]["content"]
            if "application/json" in content:
                validator(json.dumps(content["application/json"]["schema"])).validate(got.json)


@cache
def validator(schema: str) -> Any:
    return jsonschema.Draft202012Validator({**json.loads(schema), "components": openapi()["components"]})


@contextmanager
def running(served: Served, live: Live | None = None) -> Iterator[Client]:
    """Serve in a thread until the block ends."""
    live = live or Live(served)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
        server = Server(live, HOSTS, port)
        config = uvicorn.Config(
            server.app,
            http=Connection,
            limit_concurrency=PACE.connections,
            log_config=None,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        run = uvicorn.Server(config)
        thread = threading.Thread(target=run.run, kwargs={"sockets": [bound]}, daemon=True)
        thread.start()
        try:
            client = Client(port, live, server)
            client.run = run
            yield client
        finally:
            run.should_exit = True
            thread.join(20)

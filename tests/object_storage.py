"""A real S3 server on loopback (moto), and a proxy before it that does to requests what stores and networks do."""

from __future__ import annotations

import http.client
import io
import itertools
import logging
import os
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from obstore.store import S3Store

KEY_ID, SECRET = "AKIAEXAMPLEONLYFORTESTS", "a-secret-that-nobody-may-ever-see"
CONDITIONS = ("if-none-match", "if-match")
_numbers = itertools.count()


@dataclass
class Bucket:
    """A bucket of its own for a test.

    Attributes
    ----------
    endpoint : where requests go; that of a proxy, where there is one.
    settings : the environment that a process needs, this one or a child.
    """

    endpoint: str
    name: str
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def db(self) -> str:
        """A database in it."""
        return f"s3://{self.name}/deep/db"

    def store(self) -> S3Store:
        """Return the bucket for a look at what lies in it, past all proxies."""
        return S3Store(
            self.name,
            endpoint=self.settings["TEST_MOTO"],
            region="us-east-1",
            access_key_id=KEY_ID,
            secret_access_key=SECRET,
            client_options={"allow_http": True},
        )

    def names(self, prefix: str = "") -> list[str]:
        """Return the names of all objects."""
        return [one["path"] for page in self.store().list(prefix or None) for one in page]

    def contents(self) -> dict[str, bytes]:
        """Return all objects."""
        store = self.store()
        return {name: bytes(store.get(name).bytes()) for name in self.names()}

    def environment(self) -> dict[str, str]:
        """Return the environment of a child."""
        return {**without_clouds(), **self.settings}


def without_clouds() -> dict[str, str]:
    """Return this process's environment without any setting of object storage, and no proxy before loopback."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "GOOGLE_", "AZURE_"))}
    return {**kept, "NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


@contextmanager
def moto() -> Iterator[str]:
    """Run the server; give its endpoint.

    One request at a time: moto looks whether an object is there and then writes it, and another thread may come
    between, which no store that enforces conditional writes allows.
    """
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    inner, one_at_a_time = DomainDispatcherApplication(create_backend_app), threading.Lock()

    def application(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
        with one_at_a_time:
            return list(inner(environ, start_response))

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(20)


def new_bucket(server: str, through: str | None = None) -> Bucket:
    """Make a bucket; requests go through a proxy if one is given."""
    name = f"bucket-{next(_numbers)}-{os.getpid()}"
    with urllib.request.urlopen(urllib.request.Request(f"{server}/{name}", method="PUT")) as answer:
        assert answer.status == 200
    endpoint = through or server
    settings = {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT": endpoint,
        "AWS_ALLOW_HTTP": "true",
        "NO_PROXY": "127.0.0.1,localhost",
        "TEST_MOTO": server,
    }
    return Bucket(endpoint, name, settings)


def in_environment(made: Bucket, patch: pytest.MonkeyPatch) -> Bucket:
    """Let this process, and its children, find a bucket and no other store; return it."""
    for name in [*os.environ]:
        if name.startswith(("AWS_", "GOOGLE_", "AZURE_")):
            patch.delenv(name)
    for name, value in made.settings.items():
        patch.setenv(name, value)
    return made


@dataclass
class Proxy:
    """What a proxy does, and what it has seen.

    Attributes
    ----------
    strips : headers that it takes out of requests.
    cut : asked with (method, path, headers) of each request before it goes on. "before" answers 500 and asks nothing
        of the store; "after" closes the connection once the store has done what was asked; "failed" answers 500 then;
        "" does nothing.
    seen : (method, path) of each request.
    """

    url: str = ""
    strips: tuple[str, ...] = ()
    cut: Callable[[str, str, dict[str, str]], str] = lambda method, path, headers: ""
    seen: list[tuple[str, str]] = field(default_factory=list)


def _handler(proxy: Proxy, server: str) -> type[BaseHTTPRequestHandler]:
    parts = urlsplit(server)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def say_failed(self) -> None:
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {k: v for k, v in self.headers.items() if k.lower() not in proxy.strips}
            proxy.seen.append((self.command, self.path))
            cut = proxy.cut(self.command, self.path, {k.lower(): v for k, v in self.headers.items()})
            if cut == "before":
                self.say_failed()
                return
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
            try:
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
            finally:
                connection.close()
            if cut == "after":
                self.close_connection = True
                return
            if cut == "failed":
                self.say_failed()
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection", "content-length", "server", "date"):
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

    return Handler


@contextmanager
def proxied(server: str, **settings: Any) -> Iterator[Proxy]:
    """Run a proxy in front of a server."""
    proxy = Proxy(**settings)
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(proxy, server)) as running:
        running.daemon_threads = True
        proxy.url = f"http://127.0.0.1:{running.server_address[1]}"
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            running.shutdown()
            thread.join(20)


def rows_file(path: Path, ids: range | list[int], word: str = "first") -> Path:
    """Write rows that bring their own vectors (d = 8); another word gives them another content."""
    import json
    import math

    with path.open("w", encoding="utf-8") as stream:
        for i in ids:
            vector = [math.sin(i + 1 + 7 * at + len(word)) for at in range(8)]
            stream.write(json.dumps({"id": f"a{i}", "text": f"{word} {i}", "vector": vector}) + "\n")
    return path

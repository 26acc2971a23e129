"""An embedding service on loopback that speaks the OpenAI-compatible API, over the offline model."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from vecindex.embed.light.encoder import LightEncoder
from vecindex.embed.models import find_model


class Service:
    """What the service does next, and what it was asked.

    Attributes
    ----------
    key : what it wants as a bearer token; "" for none.
    faults : (status, headers) of the next answers, before it answers well again.
    sign : what vectors are multiplied with: -1 is another model of the same dimension.
    longest : characters of a text that it takes.
    dies_after : requests for embeddings after which it closes the connection without an answer; None for never.
    holds_after : requests for embeddings after which it answers no more until `released` is set; None for never.
    asked : the sizes of the requests that it answered well; `paths` of all; `keys` the tokens that came.
    """

    def __init__(self) -> None:
        self.encoder = LightEncoder(find_model("all-MiniLM-L6-v2"))
        self.models = ["minilm"]
        self.key = ""
        self.faults: list[tuple[int, dict[str, str]]] = []
        self.sign, self.longest = 1, 100_000
        self.dies_after: int | None = None
        self.holds_after: int | None = None
        self.released = threading.Event()
        self.asked: list[int] = []
        self.paths: list[str] = []
        self.keys: set[str | None] = set()
        self.lock = threading.Lock()
        self.port = 0

    @property
    def url(self) -> str:
        """What `--model` takes."""
        return f"http://127.0.0.1:{self.port}/v1"


def _handler(service: Service) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

        def answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
            sent = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(sent)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(sent)

        def do_GET(self) -> None:
            service.paths.append(self.path)
            self.answer(200, {"object": "list", "data": [{"id": name} for name in service.models]})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if service.holds_after is not None and len(service.asked) >= service.holds_after:
                service.released.wait()
            token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            with service.lock:
                service.paths.append(self.path)
                service.keys.add(token)
                if service.dies_after is not None and len(service.asked) >= service.dies_after:
                    self.close_connection = True
                    self.connection.close()
                    return
                if service.key and token != service.key:
                    self.answer(401, {"error": {"message": f"Incorrect API key provided: {token}"}})
                    return
                if service.faults:
                    status, headers = service.faults.pop(0)
                    self.answer(status, {"error": {"message": "busy"}}, headers)
                    return
                texts = body["input"]
                if any(len(text) > service.longest for text in texts):
                    self.answer(413, {"error": {"message": "a text is too long"}})
                    return
                vectors = service.sign * 2 * service.encoder.embed_texts(texts)
                service.asked.append(len(texts))
            data = [{"index": i, "embedding": v.tolist()} for i, v in enumerate(vectors)]
            self.answer(200, {"object": "list", "data": data[::-1], "model": body["model"]})

    return Handler


@contextmanager
def serving() -> Iterator[Service]:
    """Run a service on a free port inside the block."""
    service = Service()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(service))
    service.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.released.set()
        server.shutdown()
        server.server_close()
        thread.join()

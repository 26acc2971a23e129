"""Hostile requests to the server, in this process: bodies, queries, paths and headers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from hypothesis import strategies as st
from test_hostile_names import CONDITIONS

from hostile import DAMAGE, HOSTILE_TEXTS, TEXTS, VALUES, amounts, damaged, try_all
from planted import make_table, put_map
from servers import HOSTS, Got, check
from vecindex.serve.app import Server
from vecindex.serve.operations import OPERATIONS
from vecindex.serve.table.live import Live
from vecindex.serve.table.served import Served

PORT = 8000
N = 24


class _Model:
    """Stands in for the model: every text has a vector."""

    def __init__(self, live: Live) -> None:
        self.state = live.model.state

    def query_prompt(self, *_: Any) -> str:
        return ""

    def embed(self, texts: Any, *_: Any) -> np.ndarray:
        return np.ones((len(texts), 6), np.float32) / np.sqrt(np.float32(6))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Server:
    """A server of a table of 24 articles with a map."""
    folder = tmp_path_factory.mktemp("requests") / "db"
    vectors = np.random.default_rng(3).normal(size=(N, 6)).astype(np.float32)
    ids = [f"a{i}" for i in range(N - 3)] + ["it's", "a/b", "<script>"]
    make_table(folder, vectors, ids, {"topic": ["cells", "stars"] * (N // 2)})
    put_map(folder, "map", ids, vectors[:, :2].astype(np.float64))
    live = Live(Served(str(folder), "articles", annotate=True))
    live.model = _Model(live)  # type: ignore[assignment]
    return Server(live, HOSTS, PORT)


def ask(server: Server, method: str, path: str, query: bytes, headers: list[tuple[bytes, bytes]], body: bytes) -> Got:
    """Ask the application as a web server would."""
    sent: dict[str, Any] = {"headers": {}, "body": b""}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": quote(path, safe="/%").encode(),
        "query_string": query,
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", PORT),
    }

    unsent = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if not unsent:
            await asyncio.Event().wait()  # the client stays and says no more
        return unsent.pop()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            sent["status"] = message["status"]
            sent["headers"] = {k.decode("latin-1"): v.decode("latin-1") for k, v in message["headers"]}
        else:
            sent["body"] += message.get("body", b"")

    async def once() -> None:
        await server.app(scope, receive, send)

    asyncio.run(once())
    return Got(sent["status"], sent["headers"], sent["body"])


def _texts_of(names: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=names)


_JSON = VALUES.filter(lambda v: not isinstance(v, bytes))
_FIELDS = {
    "text": st.one_of(TEXTS, _JSON),
    "id": st.sampled_from(["a0", "a/b", "<script>", "", None, 1]),
    "map": st.one_of(st.just("map"), TEXTS),
    "k": st.one_of(st.integers(-1, 120), _JSON),
    "where": st.one_of(CONDITIONS, _JSON),
    "edition": st.one_of(st.none(), TEXTS),
    "hybrid": st.booleans(),
    "by": st.sampled_from(["article", "chunk", "", 1]),
    "label": st.one_of(TEXTS, _JSON),
    "column": st.sampled_from(["label", "topic", "vector", "x y", 1]),
    "clear": st.booleans(),
    "ids": st.one_of(st.none(), st.lists(st.sampled_from(["a0", "a/b", "\ud800", ""])), _JSON),
    "mask": st.one_of(st.none(), st.just("AQAA"), TEXTS),
    "undo": st.one_of(st.none(), st.integers(-1, 9), _JSON),
    "other": _JSON,
}
_HEADERS = [
    (b"host", b"127.0.0.1:8000"),
    (b"host", b"localhost:8000"),
    (b"host", b"evil.example"),
    (b"host", b"\xff"),
    (b"origin", b"http://127.0.0.1:8000"),
    (b"origin", b"http://evil.example"),
    (b"origin", b"null"),
    (b"sec-fetch-site", b"cross-site"),
    (b"content-type", b"application/json"),
    (b"content-type", b"text/plain"),
    (b"content-type", b"\xff\xff"),
    (b"content-length", b"99999999999999999999"),
    (b"content-length", b"-1"),
    (b"content-length", b"\xb2"),
    (b"accept-encoding", b"gzip;q=0, \xff"),
]
_GOOD = [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json")]
Request = tuple[str, str, bytes, list[tuple[bytes, bytes]], bytes]


@st.composite
def requests(draw: Callable[..., Any]) -> Request:
    """A request to an address of the API or near one."""
    operation = draw(st.sampled_from(OPERATIONS))
    part = st.sampled_from(
        ["a0", "map", "points", "ids", "a/b", *(quote(t, errors="replace") for t in HOSTILE_TEXTS)]
    )
    path = operation.path
    for name in ("name", "section", "id"):
        path = path.replace("{" + name + "}", draw(part))
    fields = operation.asked.model_fields if operation.asked else {}
    names = {name: value for name, value in _FIELDS.items() if name in fields or name == "other"}
    values = (
        draw(st.fixed_dictionaries({}, optional=names))
        if draw(st.integers(0, 3)) == 0
        else {name: draw(value) for name, value in names.items() if name != "other" and draw(st.integers(0, 5))}
    )
    query, body = b"", b""
    if operation.method == "GET":
        query = "&".join(f"{k}={quote(str(v), errors='replace')}" for k, v in values.items()).encode()
    else:
        body = json.dumps(values, default=str).encode("utf-8", "surrogatepass")
    hostile = draw(st.integers(0, 9))
    if hostile == 0:
        body, query = damaged(body, draw(DAMAGE)), damaged(query, draw(DAMAGE))
    headers = draw(st.lists(st.sampled_from(_HEADERS), max_size=5)) if hostile == 1 else _GOOD
    method = draw(st.sampled_from(["GET", "POST", "PUT", "HEAD", "TRACE"])) if hostile == 2 else operation.method
    return method, path, query, headers, body


@pytest.mark.parametrize("cases", amounts(some=60, share=0.1))
def test_a_hostile_request_is_answered_with_a_reason(cases: int, server: Server) -> None:
    """Never 500; each answer has the form that the description of the API gives it."""

    def one(request: Request) -> None:
        method, path, query, headers, body = request
        got = ask(server, method, path, query, headers, body)
        assert got.status != 500, got.body[:500]
        if got.status >= 400 and method != "HEAD":
            failure = got.json
            assert failure["error"].strip()
            assert "Unexpected" not in failure["error"]
        assert got.headers["x-content-type-options"] == "nosniff"
        if method == "GET" and "%" not in path and got.status == 200:
            check(method, path, got)

    try_all("requests", cases, requests(), one)


def test_a_length_in_digits_of_another_script_is_no_length(server: Server) -> None:
    headers = [(b"host", b"127.0.0.1:8000"), (b"content-length", b"\xb2")]
    assert ask(server, "GET", "/api/version", b"", headers, b"").status == 200


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/none", 404), ("PUT", "/api/version", 405)])
def test_a_query_that_is_no_text_hides_no_reason(server: Server, method: str, path: str, status: int) -> None:
    got = ask(server, method, path, b"\x1f\x8b\x08", _GOOD, b"")
    assert got.status == status
    assert got.json["error"] == f"{'Nothing is at ' + path if status == 404 else path + ' is not for PUT'}."

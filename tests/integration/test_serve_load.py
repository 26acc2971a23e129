"""The server under load: many requests at once, clients that are slow or leave, and requests that would take all."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pytest

from planted import KnownModel, make_table, put_map
from servers import Client, running
from vecindex.core.limits import looking
from vecindex.serve import connection, pace
from vecindex.serve.pace import Pace
from vecindex.serve.table.live import Live
from vecindex.serve.table.served import Served
from vecindex.store.articles import ArticleTable

TEXT = "what is this?"
ROWS = 60
REQUESTS, SLOW = 200, 50


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    vectors = np.random.default_rng(0).normal(size=(ROWS, 8))
    make_table(tmp_path / "db", vectors)
    put_map(tmp_path / "db", "flat", [f"a{i:05d}" for i in range(ROWS)], vectors[:, :2])
    served = Served(str(tmp_path / "db"), "articles")
    live = Live(served)
    model = KnownModel({TEXT: vectors[7]})
    live.model.embed = model.embed  # type: ignore[method-assign]
    live.model.query_prompt = model.query_prompt  # type: ignore[method-assign]
    with running(served, live) as found:
        yield found


@pytest.fixture
def headers_pace(monkeypatch: pytest.MonkeyPatch) -> Pace:
    """Give clients a second to send a body and to read, and time enough for headers until what is returned says less.

    Who has connected may not come to send anything for long, on a busy machine.
    """
    monkeypatch.setattr(pace.PACE, "request_s", 1.0)
    monkeypatch.setattr(pace.PACE, "read_s", 1.0)
    patient = replace(pace.PACE, request_s=600.0)
    monkeypatch.setattr(connection, "PACE", patient)
    return patient


def comes_true(what: Callable[[], bool]) -> bool:
    """Wait for something, for as long as a test may take."""
    ends = time.monotonic() + 200
    while not what() and time.monotonic() < ends:
        time.sleep(0.02)
    return what()


def request(client: Client, path: str, body: Any = None) -> bytes:
    sent = b"" if body is None else json.dumps(body).encode()
    head = f"{'GET' if body is None else 'POST'} {path} HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n"
    return head.encode() + b"\r\n" + sent


def memory() -> int:
    return int(psutil.Process().memory_info().rss)


# -- requests that would take all the time or memory -------------------------------------------------------

GREEDY = "repeat('a', 1000000000) = id"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/filter", {"map": "flat", "where": GREEDY}),
        ("/api/search", {"id": "a00001", "where": GREEDY}),
        ("/api/questions", {"text": TEXT, "where": GREEDY}),
    ],
)
def test_a_condition_that_makes_a_gigabyte_is_refused(client: Client, path: str, body: Any) -> None:
    before = memory()
    got = client(path, body)
    assert got.status == 400
    assert "it calls repeat, which a condition may not. Found: repeat('a', 1000000000) = id" in got.json["error"]
    assert "What a condition may hold is in docs/search.md." in got.json["next"]
    assert memory() - before < 200e6


def test_too_many_neighbors_are_refused(client: Client) -> None:
    for path, body, most in (("/api/search", {"id": "a00001"}, 1_000), ("/api/questions", {"text": TEXT}, 100)):
        got = client(path, {**body, "k": most + 1})
        assert (got.status, got.json["error"]) == (422, f"k: Input should be less than or equal to {most}.")
        assert client(path, {**body, "k": 10}).status == 200


class Endless:
    """A condition that is computed without end, as over very many rows."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.ended = threading.Event(), threading.Event()
        nothing = pa.record_batch({"id": pa.array([], pa.string())})

        def scan(*_: Any) -> Iterator[pa.RecordBatch]:
            self.begun.set()
            try:
                yield from looking(itertools.repeat(nothing))
            finally:
                self.ended.set()

        monkeypatch.setattr(ArticleTable, "scan_where", scan)


def test_what_was_asked_ends_when_its_client_leaves(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Endless(monkeypatch)
    with socket.create_connection(("127.0.0.1", client.port)) as asking:
        asking.sendall(request(client, "/api/filter", {"map": "flat", "where": "n_tokens > 1"}))
        assert endless.begun.wait(200)
        assert not endless.ended.is_set()
    assert endless.ended.wait(200)
    assert comes_true(lambda: not client.server.busy)


def test_who_waits_for_the_same_is_not_stopped_with_the_one_who_left(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"map": "flat", "where": "n_tokens > 1"}
    with pytest.MonkeyPatch.context() as patch, socket.create_connection(("127.0.0.1", client.port)) as asking:
        endless = Endless(patch)
        asking.sendall(request(client, "/api/filter", body))
        assert endless.begun.wait(200)
        got: list[Any] = []
        other = threading.Thread(target=lambda: got.append(client("/api/filter", body)))
        other.start()
        assert comes_true(lambda: client.server._running == 2)
        patch.undo()
        asking.close()
        other.join(200)
    assert (got[0].status, got[0].json["matching"]) == (200, ROWS)


def test_an_answer_that_takes_too_long_is_given_up(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = Endless(monkeypatch)
    monkeypatch.setattr(pace.PACE, "answer_s", 0.5)
    got = client("/api/filter", {"map": "flat", "where": "n_tokens > 1"})
    assert (got.status, got.json["error"]) == (503, "There was no answer within 0.5 seconds.")
    # On a busy machine the time may be over before it has begun.
    assert comes_true(lambda: not client.server.busy)
    assert endless.begun.is_set() == endless.ended.is_set()


def test_only_so_many_wait(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace.PACE, "waiting", 0)
    got = client("/api/maps")
    assert (got.status, got.json["error"]) == (503, "0 requests wait for a turn.")


# -- many at once ------------------------------------------------------------------------------------------


async def answered(client: Client, sent: bytes) -> tuple[int, Any]:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(sent.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
    head, body = (await reader.read()).split(b"\r\n\r\n", 1)
    writer.close()
    return int(head.split()[1]), json.loads(body)


async def all_answered(client: Client, sent: list[bytes]) -> list[tuple[int, Any]]:
    return await asyncio.gather(*(answered(client, one) for one in sent))


def test_requests_at_once_beside_slow_clients(
    client: Client, monkeypatch: pytest.MonkeyPatch, headers_pace: Pace
) -> None:
    large = gzip.compress(bytes(32 << 20), 1)
    at = client("/api/version").json["edition"]
    shown = client.live.shown
    monkeypatch.setattr(
        Live,
        "shown",
        lambda _, at, name: SimpleNamespace(sections={"large": large}) if name == "large" else shown(at, name),
    )
    ask = request(client, "/api/questions", {"text": TEXT, "k": 3})
    starts = [
        ask[:20],  # slow to send its headers
        ask[:-10],  # slow to send its body
        request(client, "/api/maps/large/sections/large"),  # slow to read
    ]
    before = memory()
    slow = [socket.create_connection(("127.0.0.1", client.port)) for _ in range(3 * SLOW)]
    for number, one in enumerate(slow):
        one.sendall(starts[number % 3])
    found = asyncio.run(all_answered(client, [ask] * REQUESTS))
    grown = memory() - before
    assert [status for status, _ in found] == [200] * REQUESTS
    assert {tuple(n["id"] for n in body["nearest"]) for _, body in found} == {
        tuple(n["id"] for n in client("/api/questions", {"text": TEXT, "k": 3, "edition": at}).json["nearest"])
    }
    # Each of the readers would hold 32 MiB.
    assert grown < 400e6
    headers_pace.request_s = 1.0
    assert comes_true(lambda: not client.connections())
    ends = [end_of(one) for one in slow]
    assert {end[:12] for end in ends[0::3]} == {b""}
    assert {end[:12] for end in ends[1::3]} == {b"HTTP/1.1 408"}
    assert all(b"The request was not sent within 1 seconds." in end for end in ends[1::3])
    assert all(end.startswith(b"HTTP/1.1 200") and len(end) < 32 << 20 for end in ends[2::3])
    assert client("/api/version").status == 200


def end_of(one: socket.socket) -> bytes:
    """Return what a connection brings until it is closed from the other side."""
    parts = []
    with one:
        one.settimeout(200)
        try:
            while part := one.recv(1 << 20):
                parts.append(part)
        except ConnectionResetError:
            pass
    return b"".join(parts)

"""`vecindex mcp` as an assistant meets it: by the protocol's own client, over the streams of a process."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

import vecindex

QUESTION = "how do tissues get rid of damaged cells"
Conversation = Callable[[Client], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def mapped(sample_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with a map, in a database of its own."""
    database = tmp_path_factory.mktemp("mcp") / "db"
    shutil.copytree(sample_db, database)
    vecindex.open(database).project(method="pca")
    return database


def talk(database: Path, conversation: Conversation) -> None:
    """Start the server as an assistant does, and talk to it."""
    started = StdioServerParameters(
        command=sys.executable, args=["-m", "vecindex.cli.app", "mcp", "--db", str(database)], env=dict(os.environ)
    )

    async def talked() -> None:
        async with Client(started) as client:
            await conversation(client)

    asyncio.run(talked())


def test_each_tool_answers_as_the_library_does(mapped: Path) -> None:
    """Nothing is written."""
    index = vecindex.open(mapped)
    before = index.status().versions
    found = index.search(QUESTION, k=3).hits
    like = index.search(id=found[0].id, k=2).hits
    kept = index.overlap([QUESTION]).maps[0].search.overlap.mean

    async def conversation(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == ["search", "more_like_this", "article", "overlap", "status"]
        assert all(tool.annotations is not None and tool.annotations.read_only_hint for tool in tools)

        async def call(name: str, **arguments: Any) -> Any:
            result = await client.call_tool(name, arguments)
            assert not result.is_error, result.content
            return result.structured_content

        hits = (await call("search", text=QUESTION, k=3))["hits"]
        assert [hit["id"] for hit in hits] == [hit.id for hit in found]
        assert [hit["dist"] for hit in hits] == pytest.approx([hit.dist for hit in found], abs=1e-5)
        hits = (await call("more_like_this", id=found[0].id, k=2))["hits"]
        assert [hit["id"] for hit in hits] == [hit.id for hit in like]
        only = await call("search", text=QUESTION, k=3, where="topic = 'cell biology'")
        assert {hit["fields"]["topic"] for hit in only["hits"]} == {"cell biology"}
        article = await call("article", id=found[0].id)
        assert article["title"] == found[0].title
        assert len(article["text"]) > 200
        overlap = await call("overlap", text=QUESTION)
        assert overlap["map"] == "map"
        assert overlap["overlap"] == pytest.approx(kept)
        assert sum(one["kept"] for one in overlap["nearest"]) == round(5 * kept)
        status = await call("status")
        assert (status["rows"], status["maps"], status["columns"]) == (264, ["map"], {"topic": "string"})

    talk(mapped, conversation)
    assert index.status().versions == before


def test_what_is_wrong_is_told_to_the_assistant(mapped: Path) -> None:
    """It can read what is wrong and ask again; the server goes on."""

    async def conversation(client: Client) -> None:
        async def refused(name: str, **arguments: Any) -> str:
            result = await client.call_tool(name, arguments)
            assert result.is_error
            return str(getattr(result.content[0], "text", ""))

        assert await refused("search", query="cells") == (
            "search: text: Field required; query: Extra inputs are not permitted. "
            "It takes: text, k, where, approximate, recall."
        )
        assert "No field named year" in await refused("search", text="cells", where="year > 1990")
        assert await refused("more_like_this", id="nobody") == (
            f"{mapped}/articles has no article 'nobody'. A search shows the ids."
        )
        assert (await refused("overlap", text=" ")).startswith("The question is empty.")
        assert (await refused("overlap", text="cells", map="other")).startswith(
            f"{mapped}/articles has no map 'other' (maps there: map)."
        )
        assert await refused("delete", id="cell-001") == (
            "There is no tool 'delete'. There are: search, more_like_this, article, overlap, status."
        )
        assert not (await client.call_tool("search", {"text": "cells"})).is_error

    talk(mapped, conversation)


def test_what_cannot_be_read_is_answered_with_an_error(mapped: Path) -> None:
    """Under the id of what was asked, where it has one; the server goes on."""
    call = '{{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{{"name":"article","arguments":{{"id":"{}"}}}}}}'
    lines = [call.format(7, r"a\ud800b"), call.format('"s"', r"\udc00"), "{broken", '{"method":"n","x":"\\ud800"}']
    command = [sys.executable, "-m", "vecindex.cli.app", "mcp", "--db", str(mapped)]
    done = subprocess.run(command, capture_output=True, text=True, input="\n".join([*lines, ""]), check=True)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(answer["id"], answer["error"]["code"]) for answer in answers] == [
        (7, -32700),
        ("s", -32700),
        (None, -32700),
    ]
    assert answers[0]["error"]["message"].endswith("not JSON, or with a lone surrogate.")


def test_without_a_table_it_ends_at_once(tmp_path: Path) -> None:
    """With the message of every command, on standard error, and nothing where the protocol speaks."""
    command = [sys.executable, "-m", "vecindex.cli.app", "mcp", "--db", str(tmp_path / "none")]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stdout) == (5, "")
    assert "none" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_package(mapped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names what to install."""
    from vecindex.errors import MissingExtraError
    from vecindex.serve.table.served import Served
    from vecindex.serve.tools import serve_tools

    monkeypatch.setitem(sys.modules, "mcp.server.stdio", None)
    with pytest.raises(MissingExtraError, match=r"needs the package mcp.*\npip install 'vecindex\[mcp\]'"):
        serve_tools(Served(str(mapped), "articles"))

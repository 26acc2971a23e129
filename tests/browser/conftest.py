"""A real browser: Debian's Chromium, driven by Playwright, cut off from every network.

`make test` installs it where it can. Without it these tests fail; only who sets VECINDEX_NO_BROWSER skips them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from browser_maps import PATIENCE_MS, still
from vecindex.serve.pace import PACE

CHROMIUM = os.environ.get("VECINDEX_CHROMIUM") or shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# Without a graphics card Chromium itself reads every drawing back, and tells the page that this is slow.
_NOT_THE_PAGES = re.compile(r"warning: \[\.WebGL-0x[0-9a-f]+\]GL Driver Message .*GPU stall due to ReadPixels")


class Opened:
    """A page in the browser, with what it said and what it asked for."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.said: list[str] = []
        self.asked: list[str] = []
        page.on("console", self._message)
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", lambda request: self.asked.append(request.url))

    def _message(self, message: Any) -> None:
        told = f"{message.type}: {message.text}"
        if not _NOT_THE_PAGES.match(told):
            self.said.append(told)

    def _dialog(self, dialog: Any) -> None:
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The browser, in an empty profile; for a module, since the driver's event loop is in the way of other tests."""
    if CHROMIUM is None:
        if os.environ.get("VECINDEX_NO_BROWSER"):
            pytest.skip("VECINDEX_NO_BROWSER is set, and there is no chromium")
        pytest.fail("no chromium: run `make browser`, or set VECINDEX_NO_BROWSER=1 to leave these tests out")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS, timeout=PATIENCE_MS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any, tmp_path: Path) -> Iterator[Callable[..., Opened]]:
    """A function that opens HTML from a file, with nothing kept from before.

    At the end no page may have said anything, nor asked for anything but itself.
    """
    contexts, opened = [], []

    def call(text: str, **options: Any) -> Opened:
        file = tmp_path / f"page-{len(opened)}.html"
        file.write_text(text, encoding="utf-8")
        context = chromium.new_context(
            offline=True, **{"viewport": {"width": 1200, "height": 900}, "color_scheme": "light", **options}
        )
        contexts.append(context)
        found = Opened(context.new_page())
        found.page.set_default_timeout(PATIENCE_MS)
        opened.append((found, file.as_uri()))
        found.page.goto(file.as_uri())
        return found

    yield call
    for context in contexts:
        context.close()
    for found, uri in opened:
        assert found.said == []
        assert set(found.asked) == {uri}


@pytest.fixture
def browse(chromium: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """A function that opens a page of a server, on which a map is to be ready where it is the first one.

    At the end no page may have said anything but what it was allowed, nor asked for anything of another server. A
    fixture that starts the server comes before this one, so that it ends after the pages. `until` is when the page is
    returned: "commit" while it is still read.
    """
    # The server's own limits are no part of what a page does; the first lens compiles its code, which takes a while.
    for limit in ("request_s", "answer_s", "read_s"):
        monkeypatch.setattr(PACE, limit, PATIENCE_MS / 1000)
    contexts: list[Any] = []
    opened: list[tuple[Opened, str]] = []
    allowed: set[str] = set()

    def call(url: str, may_say: Iterable[str] = (), until: Any = "load", **options: Any) -> Any:
        allowed.update(may_say)
        contexts.append(chromium.new_context(**{"viewport": {"width": 1280, "height": 860}, **options}))
        found = Opened(contexts[-1].new_page())
        found.page.set_default_timeout(PATIENCE_MS)
        parts = urlsplit(url)
        opened.append((found, f"{parts.scheme}://{parts.netloc}/"))
        found.page.goto(url, wait_until=until)
        if parts.path in ("", "/"):
            found.page.wait_for_selector(".vmap-ready", state="attached")
            # What is still to be read may not be there any more once a test changes the table.
            still(found.page)
        return found.page

    yield call
    for context in contexts:
        context.close()
    for found, server in opened:
        assert [line for line in found.said if line not in allowed] == []
        assert {url for url in found.asked if not url.startswith((server, "data:"))} == set()

"""The page of a map while the browser still reads it: a block of data is used once all of it has arrived."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from browser_maps import html_of, planted, still

N = 49
# Longer than what a browser reads of a file at once.
SNIPPETS = [f"Text of {row}: " + " ".join(str(row * step % 9973) for step in range(1, 1500)) for row in range(N)]

# What a page says of itself while a block is read; "loading" where it waits for it.
_PAUSED = """async (name) => {
  const begun = performance.now(), pause = () => new Promise((done) => setTimeout(done, 20));
  while (!globalThis.theMap || theMap.stats().firstDrawMs === null) {
    if (performance.now() - begun > 60000) return "nothing was drawn";
    await pause();
  }
  let ended = null;
  const asked = name.startsWith("color:") ? theMap.setColoring(name.slice(6)) : theMap.text(name, 7);
  asked.then((value) => (ended = `it ended with ${value}`), (error) => (ended = error.message));
  for (let i = 0; i < 10; i++) await pause();
  globalThis.asked = asked;
  return ended ?? (theMap.find("notice").hidden ? document.readyState : theMap.find("notice-text").textContent);
}"""


@contextmanager
def sent_in_pieces(text: str, marker: str) -> Iterator[tuple[str, Callable[[], None]]]:
    """Serve a page up to the middle of the block with an id; return its address, and what sends the rest."""
    begin = text.index(">", text.index(f'id="{marker}"')) + 1
    middle = (begin + text.index("</script>", begin)) // 2
    go_on = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, first = text.encode(), len(text[:middle].encode())
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:first])
            self.wfile.flush()
            go_on.wait(120)
            self.wfile.write(body[first:])

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/map.html", go_on.set
        finally:
            go_on.set()
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("section", ["titles", "snippets", "color:field:year"])
def test_a_block_is_read_once_it_is_there_whole(browse: Any, section: str) -> None:
    with sent_in_pieces(html_of(planted(snippets=SNIPPETS)), f"map-section-{section}") as (url, send_the_rest):
        page = browse(url, until="commit", reduced_motion="reduce")
        assert page.evaluate(_PAUSED, section) == "loading", "it waits, and says nothing"
        assert page.evaluate("theMap.stats().drawn") == N, "the points precede the texts"
        send_the_rest()
        still(page)
        read = page.evaluate("globalThis.asked")
        assert read == {"titles": "Title 7", "snippets": SNIPPETS[7]}.get(section, True)
        texts = "(name) => Promise.all(Array.from({ length: 49 }, (_, row) => theMap.text(name, row)))"
        assert page.evaluate(texts, "titles") == [f"Title {row}" for row in range(N)]
        assert page.evaluate(texts, "snippets") == SNIPPETS
        assert page.locator(".vmap-notice").is_hidden()
        page.get_by_label("Search titles").fill("title 41")
        page.locator(".vmap-results").get_by_text("Title 41", exact=True).wait_for()

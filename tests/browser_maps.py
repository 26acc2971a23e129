"""The page of a map in the browser: opened, waited for, and asked where things are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pictures import picture
from vecindex.core.picture import Coloring, MapPicture, NearArticle, PlacedQuestion, TopicLabel
from vecindex.reports.map.page import map_page

Open = Callable[..., Any]

SIDE = 7
"""Articles on each side of the planted map; article r is at (r % SIDE, r // SIDE)."""

PATIENCE_MS = 120_000
"""No test asserts a time; on a busy machine a large page takes a minute."""

_STILL = """async (patience) => {
  const begun = performance.now();
  await theMap.ready;
  await Promise.allSettled(["titles", "ids", "snippets"].map((name) => theMap.textsOf(name, [])));
  const { maps, work, legend } = theMap;
  const drawing = ({ requested, camera }) => requested || camera.moving;
  // A range that is dragged is passed on at the next frame; a color is shown once it is read.
  const waits = (one) => Boolean(one.brush?.waiting);
  const chosen = () => waits(legend) || [...work.facets.shown.values()].some((one) => waits(one.legend)) ||
    theMap.find("color").value !== theMap.coloring.key;
  const texts = ".vmap-card bdi, .vmap-card .vmap-clamp, .vmap-lens-promised > p";
  const unread = () => [...document.querySelectorAll(texts)].some((one) => one.textContent === "…");
  const moves = () => theMap.stats().firstDrawMs === null || maps.moving || maps.scenes.some(drawing);
  const busy = () => moves() || chosen() || unread();
  while (busy() && performance.now() - begun < patience) await new Promise((done) => setTimeout(done, 20));
  return !busy();
}"""


def planted(**changes: Any) -> MapPicture:
    """Return a map whose articles lie on a square grid, so that all that is near what is known.

    Article r has the topic r % 3. The question is at article 24, the middle: 25 and 17 are kept, 0 is lost, one not
    on the map; 23 and 31 are near on the map only.
    """
    n = SIDE * SIDE
    rows = np.arange(n)
    codes = (rows % 3).astype(np.uint8)
    counts = tuple(int((codes == code).sum()) for code in range(3))
    numbers = np.where(rows == 3, 255, np.minimum(254, rows * 5)).astype(np.uint8)
    question = PlacedQuestion(
        "q1",
        "what stands in the middle",
        "places",
        3.0,
        3.0,
        0.5,
        (
            NearArticle(25, 0.125, True),
            NearArticle(17, 0.25, True),
            NearArticle(0, 0.375, False),
            NearArticle(None, 0.5, False),
        ),
        (25, 17, 23, 31),
    )
    # Given away from articles, on which a mark would lie.
    other = PlacedQuestion("q2", "who is alone", None, 5.5, 5.5, 1.0, (NearArticle(48, 0.1, True),), (48,))
    lost = PlacedQuestion("q3", "nobody near", None, None, None, 0.0, (NearArticle(None, 0.9, False),), ())
    values: dict[str, Any] = {
        "n": n,
        "xy": np.stack([rows % SIDE, rows // SIDE], axis=1).astype(np.float64),
        "titles": [f"Title {r}" for r in rows],
        "colorings": (
            Coloring("topic", "topic", "category", codes, ("cells", "trains", "songs"), counts),
            Coloring("field:year", "year", "number", numbers, low=1900.0, high=2154.0, note="only some"),
        ),
        "topics": (
            TopicLabel("cells, protein", 1.5, 5.5, counts[0], 0, 0),
            TopicLabel("trains", 4.5, 1.5, counts[1], 0, 1),
            TopicLabel("steam trains", 3.5, 2.25, 5, 1, 1),
        ),
        "questions": (question, other, lost),
        "k": 4,
    }
    return picture(**{**values, **changes})


def html_of(shown: MapPicture, painter: str | None = None) -> str:
    """Return the page, drawn by the painter that the viewer chooses or by this one: "webgl2" or "2d"."""
    html = map_page(shown, version="1.2.3", made="2026-05-04 10:00 UTC")
    return html if painter is None else html.replace('id="map-view"', f'id="map-view" data-painter="{painter}"', 1)


def still(page: Any) -> Any:
    """Wait until the map is drawn, nothing moves, and what is shown has been read."""
    assert page.evaluate(_STILL, PATIENCE_MS), "the map did not come to rest"
    return page


def until(page: Any, script: str, wanted: Any) -> None:
    """Wait until a script gives a value; `wait_for_function` needs what the policy of these pages forbids."""
    found = None
    for _ in range(PATIENCE_MS // 50):
        found = page.evaluate(script)
        if found == wanted:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{script}: {found!r}, not {wanted!r}")


def tap(page: Any, button: Any, then: str) -> None:
    """Tap on something, and wait for what that leads to: a click follows a touch later."""
    button.tap()
    page.locator(then).first.wait_for(state="attached")


def open_map(open_page: Open, shown: MapPicture | None = None, painter: str | None = None, **options: Any) -> Any:
    """Open the page of a picture, without flights unless told otherwise, and wait until all of it is there."""
    page = open_page(
        html_of(planted() if shown is None else shown, painter), **{"reduced_motion": "reduce", **options}
    ).page
    still(page).evaluate("theMap.titlesRead.then(() => true)")
    return page


def at(page: Any, row: int) -> tuple[float, float]:
    """Return where an article is, in pixels of the window."""
    box = page.locator(".vmap-over").first.bounding_box()
    x, y = page.evaluate("(row) => theMap.camera.at(...theMap.state.positionOf(row))", row)
    return box["x"] + x, box["y"] + y


def spot(page: Any, question: int) -> tuple[float, float]:
    """Return where the mark of a question is, in pixels of the window."""
    box = page.locator(".vmap-over").first.bounding_box()
    found = "(i) => { const q = theMap.state.questions[i]; return theMap.camera.at(q.x, q.y); }"
    x, y = page.evaluate(found, question)
    return box["x"] + x, box["y"] + y


def color(page: Any, row: int) -> list[int]:
    """Return the color that is drawn where an article is."""
    script = "(row) => theMap.scene.pixel(...theMap.camera.at(...theMap.state.positionOf(row)))"
    return list(page.evaluate(script, row))


def above(page: Any, places: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return what is drawn above the points, (n, 4), at places (n, 2) in pixels of the drawing."""
    script = """(places) => {
      const over = document.querySelector(".vmap-over");
      const copy = new OffscreenCanvas(over.width, over.height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(over, 0, 0);
      return places.map(([x, y]) => [...copy.getImageData(x, y, 1, 1).data]);
    }"""
    return np.array(page.evaluate(script, np.asarray(places).round().astype(int).tolist()), dtype=np.uint8)


def swatch(page: Any, code: int) -> list[int]:
    """Return the color of an entry of the legend."""
    script = "(b) => getComputedStyle(b.querySelector('.vmap-swatch')).backgroundColor.match(/\\d+/g).map(Number)"
    return list(page.locator(f".vmap-entry[data-code='{code}']").evaluate(script))


def apart(one: list[int], other: list[int]) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))

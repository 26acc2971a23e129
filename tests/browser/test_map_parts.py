"""Modules of the map's viewer that compute, compared with slow and obvious references."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest

from browser_maps import PATIENCE_MS

SOURCES = Path(str(files("vecindex.reports").joinpath("assets")))


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """An empty page that can import the viewer's modules, as they are before they are bundled."""
    context = chromium.new_context()
    context.route("**/*", serve_source)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto("http://pages.test/")
    yield page
    context.close()


def serve_source(route: Any) -> None:
    path = urlsplit(route.request.url).path
    body = "" if path == "/" else (SOURCES / path.lstrip("/")).read_text(encoding="utf-8")
    route.fulfill(body=body, content_type="text/html" if path == "/" else "text/javascript")


def test_nearest_is_what_brute_force_finds(page: Any) -> None:
    rng = np.random.default_rng(0)
    # Many ties: few places, and some articles at the same.
    places = np.vstack(
        [rng.integers(0, 65_536, (600, 2)), rng.integers(0, 40, (600, 2)) * 1600, [[65_535, 65_535]] * 3]
    )
    asked = [*places[::97].tolist(), [0, 0], [65_535, 0], [70_000, -3_000], [32_000, 32_000]]
    script = """async ([places, asked]) => {
      const { Grid } = await import("/map/grid.js");
      const grid = new Grid(Uint16Array.from(places.flat()));
      return asked.map(([x, y]) => [
        grid.nearest(x, y, 9).map((one) => one.row),
        grid.nearest(x, y, 4, (row) => row % 3 !== 0).map((one) => one.row),
        grid.nearest(x, y, 2, undefined, 900).map((one) => one.row),
      ]);
    }"""
    found = page.evaluate(script, [places.tolist(), asked])
    rows = np.arange(len(places))
    for place, (nine, thirds, close) in zip(asked, found, strict=True):
        square = ((places - place) ** 2).sum(axis=1)
        order = np.lexsort([rows, square])
        assert nine == order[:9].tolist()
        assert thirds == [row for row in order.tolist() if row % 3 == 0][:4]
        assert close == [row for row in order.tolist() if square[row] <= 900**2][:2]


def test_ranges_hold_all_of_a_rectangle_once(page: Any) -> None:
    rng = np.random.default_rng(1)
    places = rng.integers(0, 65_536, (3_000, 2))
    boxes = [[0, 0, 65_535, 65_535], [10_000, 20_000, 11_000, 50_000], [-5, -5, 600, 600], [70_000, 0, 80_000, 9]]
    script = """async ([places, boxes]) => {
      const { Grid } = await import("/map/grid.js");
      const grid = new Grid(Uint16Array.from(places.flat()));
      return boxes.map((box) => grid.ranges(...box).flatMap(([a, b]) => [...grid.order.slice(a, b)]));
    }"""
    for (x0, y0, x1, y1), rows in zip(boxes, page.evaluate(script, [places.tolist(), boxes]), strict=True):
        inside = (places >= [x0, y0]).all(axis=1) & (places <= [x1, y1]).all(axis=1)
        assert len(rows) == len(set(rows))
        assert set(np.flatnonzero(inside).tolist()) <= set(rows)
        # Cells have 512 steps: what is a cell away is not drawn.
        near = (places >= [x0 - 512, y0 - 512]).all(axis=1) & (places <= [x1 + 512, y1 + 512]).all(axis=1)
        assert set(rows) <= set(np.flatnonzero(near).tolist())


TEXTS = ["", '"', "\\", '\\"', 'a\\\\"b', "line\nend", "é€😀", ",", '","', "[]", "plain", "\u2028"]


def test_texts_are_read_one_at_a_time(page: Any) -> None:
    script = """async ([bytes, count]) => {
      const { Texts } = await import("/map/texts.js");
      const texts = await new Texts(Uint8Array.from(bytes)).index(count, async () => {});
      return [Array.from({ length: count }, (_, row) => texts.at(row)), texts.slice(2, 7)];
    }"""
    for ascii_only, separators in ((False, (",", ":")), (True, (", ", ": "))):
        packed = json.dumps(TEXTS, ensure_ascii=ascii_only, separators=separators).encode()
        assert page.evaluate(script, [list(packed), len(TEXTS)]) == [TEXTS, TEXTS[2:7]]
    many = """async (n) => {
      const { Texts } = await import("/map/texts.js");
      const packed = new TextEncoder().encode(JSON.stringify([...Array(n).keys()].map(String)));
      const texts = await new Texts(packed).index(n);
      let pauses = 0;
      const found = await texts.of([n - 1, ...Array(n - 1).keys()], async () => { pauses++; });
      return [found.length, found[0], found[1], found.at(-1), pauses];
    }"""
    assert page.evaluate(many, 25_000) == [25_000, "24999", "0", "24998", 2]
    failing = f"{script[:-1].replace('async ([', 'async ([', 1)}}}"
    wrong = page.evaluate(f"(given) => ({failing})(given).catch((error) => error.message)", [list(b'["a","b"]'), 3])
    assert wrong == "expected 3 texts, found 2"


def folded(text: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.category(c).startswith("M"))
    return plain.lower().replace("ß", "ss").replace("ø", "o").replace("æ", "ae")


def test_a_search_finds_what_a_scan_of_all_titles_finds(page: Any) -> None:
    rng = np.random.default_rng(2)
    syllables = ["ka", "Ká", "art", "Mø", "ß", "x y", "art ", " the ", "É", "-", "ae", "æ", "\n", "日本"]
    titles = ["".join(rng.choice(syllables, rng.integers(0, 6))) for _ in range(2_000)]
    queries = ["ka", "KÁ art", "art", "mo", "ss", "y the", "e", "日", "ae", "- x", "zzz", "the art", " "]
    script = """async ([bytes, count, queries]) => {
      const { Texts } = await import("/map/texts.js");
      const { TitleSearch } = await import("/map/search.js");
      const texts = await new Texts(new TextEncoder().encode(bytes)).index(count, async () => {});
      const search = await new TitleSearch().build(texts, async () => {});
      return queries.map((query) => {
        const { rows, best } = search.find(query, 7);
        return [[...rows], best];
      });
    }"""
    found = page.evaluate(script, [json.dumps(titles), len(titles), queries])
    plain = [folded(" ".join(title.split())) for title in titles]
    for query, (rows, best) in zip(queries, found, strict=True):
        words = folded(query).split()
        wanted = [row for row, title in enumerate(plain) if words and all(word in title for word in words)]
        assert rows == wanted, query
        assert (
            best == sorted(wanted, key=lambda row: (kind(" ".join(words), plain[row]), len(plain[row]), row))[:7]
        ), query


def kind(phrase: str, title: str) -> int:
    """Return 0 for the title itself, 1 where it begins so, 2 where a word begins so, 3 otherwise."""
    if title.startswith(phrase):
        return 0 if title == phrase else 1
    starts = [i for i in range(1, len(title)) if title.startswith(phrase, i)]
    return 2 if any(not title[i - 1].isalnum() for i in starts) else 3


def test_a_flight_begins_and_ends_where_it_should_and_rises_between(page: Any) -> None:
    script = """async () => {
      const { Camera } = await import("/map/camera.js");
      const camera = new Camera(() => {});
      camera.still = { matches: false };
      camera.resize(800, 600);
      camera.fly({ x: 5000, y: 5000, scale: 0.5 }, 1);
      camera.step(0);
      camera.step(2);
      camera.fly({ x: 60000, y: 60000, scale: 0.5 }, 1000);
      const told = [];
      for (let t = 0; t <= 1000; t += 100) {
        camera.step(t);
        told.push([camera.x, camera.y, camera.scale]);
      }
      return told;
    }"""
    way = np.array(page.evaluate(script))
    assert way[0] == pytest.approx([5000, 5000, 0.5])
    assert way[-1] == pytest.approx([60_000, 60_000, 0.5])
    assert way[:, 0] == pytest.approx(way[:, 1])
    assert (np.diff(way[:, 0]) > 0).all()
    assert way[5, 2] < 0.05, "high above in the middle"
    assert way[:, 2] == pytest.approx(way[::-1, 2], rel=1e-6), "down as it went up"


def test_the_whole_map_is_seen_whether_the_stage_or_the_points_come_first(page: Any) -> None:
    seen = """async (first) => {
      const { Camera } = await import("/map/camera.js");
      const camera = new Camera(() => {}), bounds = { x0: 0, y0: 20000, x1: 65535, y1: 30000 };
      const steps = [() => camera.resize(900, 500), () => camera.setBounds(bounds)];
      for (const step of first === "stage" ? steps : steps.reverse()) step();
      return [camera.x, camera.y, camera.scale];
    }"""
    assert page.evaluate(seen, "stage") == page.evaluate(seen, "points")
    # The narrower room: 900 less 22.5 on each side, over 65,535.
    assert page.evaluate(seen, "stage") == pytest.approx([32767.5, 25000, (900 - 45) / 65535])


def test_new_bounds_leave_a_chosen_view_alone(page: Any) -> None:
    found = page.evaluate("""async () => {
      const { Camera } = await import("/map/camera.js");
      const camera = new Camera(() => {});
      camera.resize(900, 500);
      camera.zoomAt(450, 250, 4);
      const before = [camera.x, camera.y, camera.scale];
      camera.setBounds({ x0: 100, y0: 0, x1: 65535, y1: 65535 });
      return [before, [camera.x, camera.y, camera.scale]];
    }""")
    assert found[0] == found[1]


def contrast(one: list[int], other: list[int]) -> float:
    """Return the contrast of two colors by WCAG 2.1, 1 to 21."""

    def luminance(rgb: list[int]) -> float:
        linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (c / 255 for c in rgb)]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("theme", "paper"), [("light", [255, 255, 255]), ("dark", [18, 22, 26])])
def test_colors_differ_from_each_other_and_from_the_paper(page: Any, theme: str, paper: list[int]) -> None:
    script = """async ([theme, kind, names, other]) =>
        (await import("/map/colors.js")).palette({ kind, names, other }, theme)"""
    names = [f"n{i}" for i in range(15)]
    colors = page.evaluate(script, [theme, "category", [*names, "other"], 15])
    assert len({tuple(color) for color in colors[:17]}) == 17, "fifteen, other and none"
    assert min(contrast(color, paper) for color in colors[:15]) > 1.85
    other = colors[15]
    assert max(other) - min(other) < 30, "other is gray"
    numbers = page.evaluate(script, [theme, "number", [], -1])
    lightness = [contrast(color, [0, 0, 0]) for color in numbers[:255]]
    steps = np.diff(lightness[::6])
    assert (steps < 0).all() if theme == "light" else (steps > 0).all()
    assert contrast(numbers[254], paper) > 7, "the high ones stand out"

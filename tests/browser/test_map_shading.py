"""The shade over points that lie on top of each other: where it is, where not, and its button."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_axe import faults
from test_map_parts import page as modules  # noqa: F401
from test_map_sides import side_by_side, two_maps

from browser_maps import Open, apart, open_map, planted, still, swatch, tap
from vecindex.core.picture import Coloring, MapPicture
from vecindex.reports.map.shade import shade

N = 24_000
CROWD, SPREAD = 20_000, 4_000


def crowd(**changes: Any) -> MapPicture:
    """Return a map on which 20,000 articles lie densely about (0, 0), and 4,000 evenly in a square of 40 around it.

    Articles of the crowd have the topic 0, the others 1.
    """
    rng = np.random.default_rng(0)
    xy = np.vstack([rng.normal(scale=1.5, size=(CROWD, 2)).clip(-5, 5), rng.uniform(-20, 20, size=(SPREAD, 2))])
    codes = (np.arange(N) >= CROWD).astype(np.uint8)
    years = (np.arange(N) % 255).astype(np.uint8)
    values: dict[str, Any] = {
        "n": N,
        "xy": xy,
        "titles": [f"Title {row}" for row in range(N)],
        "colorings": (
            Coloring("topic", "topic", "category", codes, ("crowd", "spread"), (CROWD, SPREAD)),
            Coloring("field:year", "year", "number", years, low=1900.0, high=2154.0),
        ),
        "topics": (),
        "questions": (),
    }
    return planted(**{**values, **changes})


def seen(page: Any, x: float, y: float) -> list[int]:
    """Return the mean color of 9 by 9 pixels at a position of the map, in its own units."""
    script = """([x, y]) => {
      const { scene, camera } = theMap, { extent } = theMap.maps.shown;
      const [px, py] = camera.at(...[x - extent.x, y - extent.y].map((v) => (v * 65535) / extent.width));
      const { data } = scene.raster().getContext("2d").getImageData(Math.round(px) - 4, Math.round(py) - 4, 9, 9);
      const sum = [0, 0, 0];
      data.forEach((v, i) => { if (i % 4 < 3) sum[i % 4] += v / 81; });
      return sum.map(Math.round);
    }"""
    return list(page.evaluate(script, [x, y]))


def shading(page: Any) -> Any:
    return page.get_by_role("button", name="Shading")


@pytest.mark.parametrize("painter", ["webgl2", "2d"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_crowd_is_shaded_and_what_is_sparse_is_not(open_page: Open, painter: str, theme: str) -> None:
    page = open_map(open_page, crowd(), painter, color_scheme=theme)
    ink = {"light": [0x1A, 0x1F, 0x24], "dark": [0xE7, 0xEB, 0xEE]}[theme]
    dense, edge, sparse = seen(page, 0, 0), seen(page, 3, 0), seen(page, 14, 14)
    shading(page).click()
    still(page)
    plain = swatch(page, 0)
    assert apart(seen(page, 0, 0), plain) < 8, "so many points have the legend's color"
    assert seen(page, 14, 14) == sparse
    share = [(a - b) / (c - b) for a, b, c in zip(dense, seen(page, 0, 0), ink, strict=True) if abs(c - b) > 60]
    assert share == pytest.approx([0.45] * len(share), abs=0.04), "the strongest shade"
    between = [(a - b) / (c - b) for a, b, c in zip(edge, seen(page, 3, 0), ink, strict=True) if abs(c - b) > 60]
    assert all(0.02 < one < 0.43 for one in between)


@pytest.mark.parametrize("side", [300.0, 900.0])
def test_the_page_and_a_picture_shade_by_one_rule(modules: Any, side: float) -> None:  # noqa: F811
    rng = np.random.default_rng(3)
    middles = rng.uniform(15_000, 50_000, (30, 2))
    points = np.vstack([middles[rng.integers(0, 30, 6_000)] + rng.normal(scale=900, size=(6_000, 2)), [[9, 65_000]]])
    points = points.round().clip(0, 65_535)
    low, high = points[:-1].min(axis=0), points[:-1].max(axis=0)
    script = """async ([points, [x0, y0], [x1, y1], area]) => {
      const { Grid } = await import("/map/grid.js");
      const { Density } = await import("/map/density.js");
      const { alpha, ...where } = new Density(new Grid(Uint16Array.from(points)), { x0, y0, x1, y1 }).shade(area);
      return { ...where, alpha: [...alpha] };
    }"""
    on_page = modules.evaluate(script, [points.ravel().tolist(), low.tolist(), high.tolist(), side**2])
    found = shade(points, low, high, side**2)
    assert found is not None
    assert found.alpha.shape == (on_page["high"], on_page["wide"])
    corners = [on_page[name] for name in ("x0", "y0", "x1", "y1")]
    assert [found.x0, found.y0, found.x1, found.y1] == pytest.approx(corners)
    # The page has whole bytes, rounded down.
    assert np.abs(found.alpha.ravel() * 255 - on_page["alpha"]).max() < 1.01
    assert found.alpha.max() > 0.15
    assert 0.01 < (found.alpha > 0).mean() < 0.5


def test_both_painters_shade_alike(open_page: Open) -> None:
    colors = [
        [seen(page, x, 0) for x in (-4, -2, 0, 1, 2.5, 5)]
        for page in (open_map(open_page, crowd(), painter) for painter in ("webgl2", "2d"))
    ]
    assert max(apart(one, other) for one, other in zip(*colors, strict=True)) < 12


@pytest.mark.parametrize("painter", ["webgl2", "2d"])
def test_it_gives_way_as_one_zooms_in(open_page: Open, painter: str) -> None:
    page = open_map(open_page, crowd(), painter)
    assert page.evaluate("theMap.scene.shaded") is True
    shares = []
    for zoom in (1, 4, 12, 60):
        page.evaluate(
            """(zoom) => {
              const { camera } = theMap, { extent } = theMap.maps.shown;
              const [x, y] = [-extent.x, -extent.y].map((v) => (v * 65535) / extent.width);
              camera.show({ x, y, scale: zoom * camera.home.scale });
            }""",
            zoom,
        )
        still(page)
        strongest = "(theMap.scene.pictures.shown.look.shade?.alpha ?? []).reduce((a, b) => Math.max(a, b), 0)"
        shares.append(page.evaluate(strongest))
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == 115
    assert shares[2] < shares[0]
    assert shares[-1] == 0
    assert page.evaluate("theMap.scene.shaded") is False


def test_a_filter_shades_what_it_leaves(open_page: Open) -> None:
    page = open_map(open_page, crowd())
    page.locator(".vmap-entry[data-code='1']").click()
    still(page)
    assert page.evaluate("theMap.scene.shaded") is False, "the others overlap nowhere"
    page.locator(".vmap-entry[data-code='1']").click()
    page.locator(".vmap-entry[data-code='0']").click()
    still(page)
    assert page.evaluate("theMap.scene.shaded") is True


def test_numbers_are_not_shaded(open_page: Open) -> None:
    page = open_map(open_page, crowd())
    assert shading(page).is_visible()
    assert shading(page).get_attribute("title") == "Darker where points lie on top of each other"
    page.get_by_label("Color by").select_option("field:year")
    shading(page).wait_for(state="hidden")
    still(page)
    assert page.evaluate("theMap.scene.shaded") is False
    assert shading(page).is_hidden(), "their lightness is their value"
    page.get_by_label("Color by").select_option("topic")
    page.get_by_role("button", name="Dark theme").click()
    still(page)
    assert shading(page).get_attribute("title") == "Brighter where points lie on top of each other"


def test_few_points_have_no_such_button(open_page: Open) -> None:
    page = open_map(open_page)
    assert shading(page).is_hidden()
    assert page.evaluate("theMap.scene.shaded") is False


def test_all_at_one_position(open_page: Open) -> None:
    page = open_map(open_page, crowd(xy=np.zeros((N, 2))))
    assert page.evaluate("theMap.scene.shaded") is True


def test_a_saved_picture_says_it(open_page: Open, tmp_path: Path) -> None:
    page = open_map(open_page, crowd())

    def saved() -> str:
        with page.expect_download() as loading:
            page.get_by_role("button", name="SVG").click()
        loading.value.save_as(tmp_path / "view.svg")
        return (tmp_path / "view.svg").read_text(encoding="utf-8")

    assert "by topic; darker where points overlap<" in saved()
    shading(page).click()
    still(page)
    assert "by topic<" in saved()


def test_two_maps_have_one_switch(open_page: Open) -> None:
    page = side_by_side(open_map(open_page, two_maps(), viewport={"width": 1400, "height": 900}))
    # So few points overlap nowhere.
    page.evaluate("Object.defineProperty(theMap.scene, 'overlaps', { get: () => true })")
    page.evaluate("theMap.setColoring('topic')")
    still(page)
    shading(page).click()
    assert page.evaluate("theMap.maps.scenes.map((scene) => scene.shading)") == [False, False]
    side_by_side(page)
    assert page.locator(".vmap-second").count() == 0
    side_by_side(page)
    assert page.evaluate("theMap.maps.second.scene.shading") is False, "another one begins as the first is"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_on_a_phone(open_page: Open, theme: str) -> None:
    one = planted().questions[1]
    page = open_map(
        open_page, crowd(questions=(one,), topics=planted().topics), color_scheme=theme, has_touch=True,
        is_mobile=True, viewport={"width": 390, "height": 844},
    )  # fmt: skip
    box = page.locator(".vmap-toggles").bounding_box()
    assert page.locator(".vmap-toggles button").all_inner_texts() == ["Topics", "Questions", "Shading"]
    assert box["x"] + box["width"] <= 390
    tap(page, shading(page), ".vmap-toggle-shading[aria-pressed='false']")
    still(page)
    assert shading(page).get_attribute("aria-pressed") == "false"
    assert page.evaluate("theMap.scene.shaded") is False
    assert faults(page) == []


_DENSITY = """async ([points, box, mask, areas]) => {
  const { Grid } = await import("/map/grid.js");
  const { Density } = await import("/map/density.js");
  const density = new Density(new Grid(Uint16Array.from(points.flat())), box);
  if (mask) density.count(Uint8Array.from(mask));
  const { wide, high, cell, logs, low, octaves } = density;
  const shades = areas.map((area) => density.shade(area)).map((one) => one && { ...one, alpha: [...one.alpha] });
  return { wide, high, cell, logs: [...logs].map((v) => (Number.isFinite(v) ? v : null)), low, octaves, shades };
}"""


def test_a_single_point_is_blurred_over_seven_cells(modules: Any) -> None:  # noqa: F811
    box = {"x0": 0, "y0": 0, "x1": 3750, "y1": 1000}
    found = modules.evaluate(_DENSITY, [[[1005, 505]], box, None, []])
    # 16 cells for 3,750 steps, and four around.
    assert found["cell"] == pytest.approx(3750 / 16)
    assert (found["wide"], found["high"]) == (16 + 1 + 8, 4 + 1 + 8)
    logs = np.array(found["logs"], dtype=float).reshape(found["high"], found["wide"])
    density = np.where(np.isnan(logs), 0, 2.0**logs) * found["cell"] ** 2
    assert density.sum() == pytest.approx(1, rel=1e-5)
    weights = np.array([1, 3, 6, 7, 6, 3, 1]) / 27
    column, row = int(1005 / found["cell"]) + 4, int(505 / found["cell"]) + 4
    assert density[row - 3 : row + 4, column - 3 : column + 4] == pytest.approx(np.outer(weights, weights), rel=1e-4)


def test_the_shade_is_the_logarithm_of_the_density(modules: Any) -> None:  # noqa: F811
    rng = np.random.default_rng(1)
    points = (rng.normal(size=(4000, 2)) * 3000 + 30000).clip(0, 65535).astype(int)
    box = {"x0": 20000, "y0": 20000, "x1": 40000, "y1": 40000}
    mask = (np.arange(4000) % 2).tolist()
    area = 2.0**19
    found = modules.evaluate(_DENSITY, [points.tolist(), box, mask, [area, 1.0]])
    inside = ((points >= 20000) & (points <= 40000)).all(axis=1)
    logs = np.array(found["logs"], dtype=float)
    density = np.where(np.isnan(logs), 0, 2.0**logs)
    # Every other slot, of those in the box.
    assert density.sum() * found["cell"] ** 2 == pytest.approx(inside.sum() / 2, rel=0.05)
    shade, none = found["shades"]
    assert none is None, "points of one square step overlap nowhere"
    low = max(found["low"], np.log2(2 / area))
    wanted = np.clip((np.nan_to_num(logs, nan=-99) - low) * 255 * 0.45 / found["octaves"], 0, 115)
    assert np.array(shade["alpha"]) == pytest.approx(np.floor(wanted), abs=1)
    assert max(shade["alpha"]) > 40
    assert shade["x1"] - shade["x0"] == pytest.approx(found["wide"] * found["cell"])


@pytest.mark.parametrize("painter", ["webgl2", "2d"])
def test_one_article_alone_has_no_shade(open_page: Open, painter: str) -> None:
    page = open_map(open_page, crowd(), painter)
    assert page.evaluate("theMap.scene.shaded") is True
    page.evaluate("theMap.filter(Uint8Array.from({ length: theMap.header.shown }, (_, row) => Number(row === 7)))")
    page.evaluate("theMap.scene.finish()")
    assert page.evaluate("theMap.scene.shaded") is False
    one = crowd(
        n=1, xy=np.zeros((1, 2)), titles=["Title 0"],
        colorings=(Coloring("topic", "topic", "category", np.zeros(1, np.uint8), ("crowd",), (1,)),),
    )  # fmt: skip
    alone = open_map(open_page, one, painter)
    assert alone.evaluate("theMap.scene.shaded") is False

"""A range that is dragged: what is drawn, and which articles meet the conditions, is the same as without haste."""

from __future__ import annotations

from typing import Any

import numpy as np
from test_map_parts import page as modules  # noqa: F401
from test_map_shading import crowd

from browser_maps import Open, open_map

_DRAWN = """() => {
  const { width, height } = theMap.scene.canvas;
  const { data } = theMap.scene.raster().getContext("2d").getImageData(0, 0, width, height);
  // FNV-1a
  return data.reduce((hash, byte) => Math.imul(hash ^ byte, 16777619), 2166136261);
}"""


def test_a_range_that_is_dragged_is_drawn_as_one_that_was_chosen_at_once(open_page: Open) -> None:
    page = open_map(open_page, crowd(), "2d")
    choose = (
        "([first, n]) => theMap.work.choose('field:year', new Set(Array.from({ length: n }, (_, i) => first + i)))"
    )
    page.evaluate("theMap.setColoring('field:year')")
    drawn = []
    for chosen in ([0, 60], [20, 60], [100, 150]):
        page.evaluate(choose, chosen)
        drawn.append(page.evaluate(_DRAWN))
    assert len(set(drawn)) == 3
    assert page.evaluate("theMap.scene.painter.below.size") == 2, "of the view, and of the whole map"
    page.evaluate("() => { theMap.scene.painter.below.clear(); theMap.scene.pictures.forget(); }")
    assert page.evaluate(_DRAWN) == drawn[-1]


def test_what_lies_below_is_kept_while_it_is_needed(open_page: Open) -> None:
    page = open_map(open_page, crowd(), "2d")
    kept = "() => { theMap.scene.finish(); return theMap.scene.painter.below.size; }"
    page.evaluate("theMap.work.choose('topic', new Set([1]))")
    assert page.evaluate(kept) == 2
    page.evaluate("theMap.work.choose('topic', null)")
    assert page.evaluate(kept) == 0
    page.evaluate("theMap.work.choose('topic', new Set([1]))")
    assert page.evaluate(kept) == 2
    # At once: a frame in between would draw it again.
    forgotten = "() => { theMap.scene.pictures.forget(); return theMap.scene.painter.below.size; }"
    assert page.evaluate(forgotten) == 0, "as after a change of size"


def test_conditions_and_counts_are_those_of_brute_force(modules: Any) -> None:  # noqa: F811
    rng = np.random.default_rng(0)
    n = 500
    codes = {key: rng.integers(0, 6, n) for key in "abc"}
    masks = [rng.integers(0, 2, n) for _ in range(4)]
    steps: list[tuple[str, list[int] | int | None]] = [
        ("a", [1, 2]), ("b", [0, 1, 2, 3]), ("a", [2, 3]), ("a", [3]), ("search", 0), ("b", None), ("c", [5]),
        ("a", [0]), ("search", 1), ("outer", 2), ("c", [4, 5]), ("search", None), ("a", None), ("c", [4]),
        ("outer", 3),
    ]  # fmt: skip
    script = """async ([codes, masks, steps]) => {
      const { Filters } = await import("/map/work/filters.js");
      const of = Object.fromEntries(Object.entries(codes).map(([key, one]) => [key, Uint8Array.from(one)]));
      const filters = new Filters(of.a.length);
      return steps.map(([name, value]) => {
        if (of[name]) filters.choose(name, of[name], value && new Set(value));
        else filters.set(name, value === null ? null : Uint8Array.from(masks[value]));
        const { mask, count } = filters.passing();
        const twice = () => Object.keys(of).map((key) => [...filters.tally(key, of[key])].slice(0, 6));
        twice();
        return { mask: [...mask], count, tallies: twice(), behind: [...filters.passing("search").mask] };
      });
    }"""
    found = modules.evaluate(
        script, [{key: one.tolist() for key, one in codes.items()}, [m.tolist() for m in masks], steps]
    )
    meets: dict[str, Any] = {}
    for (name, value), one in zip(steps, found, strict=True):
        meets.pop(name, None)
        if value is not None:
            meets[name] = np.isin(codes[name], value) if isinstance(value, list) else masks[value] == 1
        every = np.ones(n, dtype=bool)
        passing = np.logical_and.reduce([every, *meets.values()])
        assert (one["mask"], one["count"]) == (passing.astype(int).tolist(), passing.sum())
        for key, tally in zip("abc", one["tallies"], strict=True):
            others = np.logical_and.reduce([every, *(m for other, m in meets.items() if other != key)])
            assert tally == np.bincount(codes[key][others], minlength=6).tolist()
        behind = np.logical_and.reduce([every, *(m for other, m in meets.items() if other != "search")])
        assert one["behind"] == behind.astype(int).tolist()


def test_a_range_that_waits_ends_with_its_histogram(open_page: Open) -> None:
    page = open_map(open_page)
    page.get_by_label("Color by").select_option("field:year")
    page.locator(".vmap-coloring .vmap-brush").wait_for()
    # The other color is chosen before the next frame.
    slide = """async (next) => {
      const [low] = theMap.legend.brush.ends;
      low.value = "100";
      low.dispatchEvent(new Event("input"));
      await theMap.setColoring(next);
      for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
      return [...theMap.work.filters.only.keys()];
    }"""
    assert page.evaluate(slide, "topic") == []
    assert page.locator(".vmap-entry[aria-pressed='true']").count() == 0
    # So it is with a filter that is removed.
    page.get_by_label("Filter by").select_option("field:year")
    page.locator(".vmap-facet .vmap-brush").wait_for()
    remove = """async () => {
      const [low] = theMap.work.facets.shown.get("field:year").legend.brush.ends;
      low.value = "100";
      low.dispatchEvent(new Event("input"));
      theMap.work.facets.remove("field:year");
      for (let i = 0; i < 3; i++) await new Promise(requestAnimationFrame);
      return [...theMap.work.filters.only.keys()];
    }"""
    assert page.evaluate(remove) == []

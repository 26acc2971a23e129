"""Selecting on the page of a map: with the mouse, keys and fingers, by set operations, and what is taken away."""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import vecindex
from browser_maps import Open, apart, at, color, html_of, open_map, planted, still, swatch, tap
from tables import append, fingerprint, unit_vectors
from vecindex.core.picture import Coloring, MapPicture
from vecindex.store.database import Database
from vecindex.store.search import check_condition
from vecindex.verbs.picture.coloring import numbers
from vecindex.verbs.picture.fields import field_readers


def selected(page: Any) -> list[int]:
    return list(still(page).evaluate("theMap.work.selection.rows()"))


def drag(page: Any, *rows: int, by: tuple[float, float] = (0, 0)) -> None:
    """Drag from one article to the next, each point moved by so many pixels away from the middle of them."""
    points = np.array([at(page, row) for row in rows])
    points += np.sign(points - points.mean(axis=0)) * by
    page.mouse.move(*points[0])
    page.mouse.down()
    for x, y in points[1:]:
        page.mouse.move(x, y, steps=3)
    page.mouse.up()


def count_of(page: Any) -> str:
    return str(page.locator(".vmap-selected-count").inner_text())


def test_a_box_selects_what_is_in_it(open_page: Open) -> None:
    page = open_map(open_page)
    panel = page.locator(".vmap-selection")
    assert panel.is_hidden()
    page.get_by_label("Select with a box").click()
    assert panel.is_visible()
    drag(page, 8, 16, by=(20, 20))
    assert selected(page) == [8, 9, 15, 16]
    assert count_of(page) == "4 articles"
    assert page.locator(".vmap-card").is_hidden(), "it picked nothing"
    # The others are gray, and can still be pointed at.
    assert apart(color(page, 9), swatch(page, 0)) < 40
    assert max(color(page, 12)) - min(color(page, 12)) < 20
    page.mouse.move(*at(page, 12))
    still(page)
    assert page.locator(".vmap-tip b").inner_text() == "Title 12"
    panel.get_by_role("button", name="List").click()
    listed = panel.locator(".vmap-selected-list button")
    listed.first.wait_for()
    assert listed.all_inner_texts() == ["Title 15", "Title 16", "Title 8", "Title 9"], "by title"
    listed.nth(2).click()
    assert page.locator(".vmap-card h3").inner_text() == "Title 8"
    panel.get_by_role("button", name="Clear").click()
    assert selected(page) == []
    assert apart(color(page, 12), swatch(page, 0)) < 40


def test_choices_combine(open_page: Open) -> None:
    page = open_map(open_page)
    page.get_by_label("Select with a box").click()
    drag(page, 8, 16, by=(20, 20))
    page.get_by_label("Add", exact=True).check()
    drag(page, 32, 40, by=(20, 20))
    assert selected(page) == [8, 9, 15, 16, 32, 33, 39, 40]
    page.get_by_label("Remove", exact=True).check()
    drag(page, 9, 33, by=(20, 20))
    assert selected(page) == [8, 15, 39, 40]
    page.get_by_label("Replace", exact=True).check()
    drag(page, 48, 0, by=(10, 20))
    assert count_of(page) == "49 articles"
    page.get_by_label("Intersect", exact=True).check()
    drag(page, 13, 0, by=(10, 20))
    assert selected(page) == list(range(14))
    # The keys of a drag go before the choice of the panel.
    page.keyboard.down("Shift")
    drag(page, 35, 43, by=(10, 20))
    assert selected(page) == [*range(14), 35, 36, 42, 43]
    page.keyboard.down("Alt")
    drag(page, 44, 8, by=(20, 20))
    assert selected(page) == [8, 9, 36, 43]
    page.keyboard.up("Shift")
    drag(page, 16, 8, by=(20, 20))
    page.keyboard.up("Alt")
    assert selected(page) == [36, 43]


def test_a_lasso_is_any_shape(open_page: Open) -> None:
    page = open_map(open_page)
    page.get_by_label("Select with a lasso").click()
    # A triangle whose long side runs between articles.
    corners = np.array([at(page, 6), at(page, 42), at(page, 0)])
    # Ends at the lower left corner, where buttons are.
    corners += [(45, 20), (-10, -45), (-10, 20)]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for x, y in [*corners[1:], corners[0]]:
        page.mouse.move(x, y, steps=12)
    page.mouse.up()
    assert selected(page) == [r for r in range(49) if r % 7 + r // 7 <= 6]
    assert page.evaluate("theMap.work.selection.steps[0].area.length") < 20, "points on a line are left out"


def test_shift_draws_a_box_without_a_tool(open_page: Open) -> None:
    page = open_map(open_page)
    before = at(page, 0)
    page.keyboard.down("Shift")
    drag(page, 8, 16, by=(20, 20))
    page.keyboard.up("Shift")
    assert selected(page) == [8, 9, 15, 16]
    assert at(page, 0) == before, "the map did not move"


def test_keys_draw_too(open_page: Open) -> None:
    page = open_map(open_page)
    over = page.locator(".vmap-over")
    over.focus()
    page.evaluate("theMap.fly(...[2.5, 2.5].map((v) => (v * 65535) / 6), 1)")
    still(page)
    right, up = at(page, 17)[0] - at(page, 16)[0], at(page, 16)[1] - at(page, 23)[1]
    assert (right, up) > (20, 20)
    page.keyboard.press("b")
    assert "one corner is in the middle" in page.locator(".vmap-selected-hint").inner_text()
    for key, steps in (("ArrowRight", right), ("ArrowUp", up)):
        for _ in range(round(float(steps) / 12)):
            page.keyboard.press(f"Shift+{key}")
    page.keyboard.press("Enter")
    assert selected(page) == [24], "from between four articles to between the next four"
    page.keyboard.press("l")
    page.keyboard.press("Escape")
    assert page.evaluate("theMap.state.drawing") is None
    assert selected(page) == [24], "it was given up"
    page.keyboard.press("l")
    for key in ("ArrowRight", "ArrowUp", "ArrowLeft"):
        for _ in range(3):
            page.keyboard.press(key)
        page.keyboard.press(" ")
    page.keyboard.press("Enter")
    assert len(selected(page)) > 3


def test_fingers_draw_while_a_tool_is_in_hand(open_page: Open) -> None:
    page = open_map(open_page, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    tap(page, page.get_by_label("Select with a box"), ".vmap-box[aria-pressed='true']")
    remote = page.context.new_cdp_session(page)

    def touch(kind: str, *points: Any) -> None:
        remote.send(
            "Input.dispatchTouchEvent",
            {"type": kind, "touchPoints": [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]},
        )

    def shifted(row: int, by: int) -> tuple[float, float]:
        return at(page, row)[0] + by, at(page, row)[1] - by

    touch("touchStart", shifted(8, -9))
    touch("touchMove", shifted(8, 5))
    touch("touchMove", shifted(16, 9))
    touch("touchEnd")
    assert selected(page) == [8, 9, 15, 16]
    # A second finger zooms instead.
    touch("touchStart", shifted(8, -9))
    touch("touchMove", shifted(24, 0))
    touch("touchStart", shifted(24, 0), shifted(32, 0))
    touch("touchMove", shifted(17, 0), shifted(39, 0))
    touch("touchEnd")
    assert selected(page) == [8, 9, 15, 16]
    assert page.evaluate("theMap.camera.zoom") > 1.2
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def kinds(**changes: Any) -> Any:
    """A map with a column of three values, of which row r has r // 17, and one of numbers."""
    codes = (np.arange(49) // 17).astype(np.uint8)
    numbers = (np.arange(49) * 5).astype(np.uint8)
    colorings = (
        Coloring("field:kind", "kind", "category", codes, ("it's", "b", "c"), (17, 17, 15)),
        Coloring("field:year", "year", "number", numbers, low=1900.0, high=2154.0),
        planted().colorings[0],
    )
    return planted(**{"articles": 49, "colorings": colorings, **changes})


def test_what_is_shown_is_taken_whole_and_the_command_says_how(open_page: Open) -> None:
    page = open_map(open_page, kinds(table="my articles"))
    panel = page.locator(".vmap-selection")
    page.get_by_role("button", name="it's").click()
    page.get_by_role("button", name="Take all 17 shown").click()
    assert selected(page) == list(range(17))
    panel.get_by_role("button", name="Command").click()
    text = panel.locator("code").inner_text()
    assert shlex.split(text)[:-1] == ["vecindex", "export", "selection.csv", "--table", "my articles", "--where"]
    assert shlex.split(text)[-1] == "`kind` IN ('it''s')"
    assert panel.get_by_role("button", name="Save ids.txt").count() == 0
    # Without the condition, and with one that SQL cannot say, ids are needed.
    page.get_by_role("button", name="Show all").click()
    panel.get_by_role("button", name="Command").click()
    assert panel.locator("code").inner_text().endswith("--ids ids.txt")
    labeled = panel.get_by_label("Command for a label").inner_text()
    assert labeled == "vecindex annotate --label LABEL --table 'my articles' --ids ids.txt"
    assert "add --db DIR, the database of this map" in panel.inner_text()
    # What an action says ends with what it showed.
    panel.get_by_role("button", name="List").click()
    panel.locator("text=By title.").wait_for()
    panel.get_by_role("button", name="List").click()
    assert "By title." not in panel.inner_text()
    assert count_of(page) == "17 articles"
    page.get_by_label("Color by").select_option("topic")
    page.get_by_role("button", name="cells").click()
    assert count_of(page) == "17 articles, 11 of them not shown now"
    page.get_by_label("Intersect", exact=True).check()
    page.get_by_role("button", name="Take all 17 shown").click()
    assert selected(page) == [0, 3, 6, 9, 12, 15]
    page.get_by_role("button", name="Show only these").click()
    page.get_by_role("button", name="Show all").click()
    still(page)
    page.mouse.move(*at(page, 24))
    still(page)
    assert page.evaluate("theMap.shown.reduce((a, b) => a + b)") == 6


@pytest.mark.parametrize(
    ("codes", "where"),
    [
        (range(20, 41), "`year` >= 1919.5 AND `year` <= 1940.5"),
        (range(21, 40), "`year` > 1920.5 AND `year` < 1939.5"),
        (range(21), "`year` <= 1920.5"),
        (range(20, 255), "`year` >= 1919.5"),
        ([5, 15], None),
        ([15, 255], None),
    ],
)
def test_a_range_of_numbers_as_a_condition(open_page: Open, codes: Any, where: str | None) -> None:
    page = open_map(open_page, kinds())
    page.evaluate("theMap.setColoring('field:year')")
    page.evaluate("(codes) => theMap.legend.show(new Set(codes))", list(codes))
    page.evaluate("theMap.work.take(null)")
    page.locator(".vmap-selection").get_by_role("button", name="Command").click()
    text = page.locator(".vmap-selection code").inner_text()
    if where is None:
        assert text.endswith("--ids ids.txt")
    else:
        assert text == f"vecindex export selection.csv --where '{where}'"


@pytest.mark.parametrize(("scale", "step"), [("linear", 1), ("linear", 37), ("log", 3)])
def test_the_command_works_on_a_column_of_whole_numbers(
    open_page: Open, tmp_path: Path, scale: Any, step: int
) -> None:
    # From the 1st to the 99th percentile 508 values lie on 254 steps, so that halves between steps are met exactly.
    values = np.array([0, 0, *range(1, 510, 4), 600, 600]) * step + 1
    n = len(values)
    table = Database(tmp_path / "db").create_articles("articles", fingerprint(4), [pa.field("year", pa.int64())])
    append(table, unit_vectors(n, 4), ids=[f"a{r:03d}" for r in range(n)], year=values.tolist())
    made = numbers("field:year", "year", values.astype(np.float64), scale=scale, whole=True)
    assert made is not None
    rows = np.arange(n)
    xy = np.stack([rows % 9, rows // 9], axis=1).astype(np.float64)
    texts: Any = {name: [f"{name} {r}" for r in rows] for name in ("ids", "titles", "snippets")}
    shown_map = planted(n=n, articles=n, xy=xy, colorings=(made,), topics=(), questions=(), **texts)
    page = open_map(open_page, shown_map)
    for first, last in [(20, 40), (21, 39), (0, 60), (0, 254), (40, 254), (100, 103)]:
        page.evaluate("(codes) => theMap.legend.show(new Set(codes))", list(range(first, last + 1)))
        page.evaluate("theMap.work.take(null)")
        page.locator(".vmap-selection").get_by_role("button", name="Command").click()
        where = shlex.split(page.locator(".vmap-selection code").inner_text())[-1]
        assert "." not in page.locator(".vmap-brush-line").inner_text()
        check_condition(table, where)
        found = table.lance.to_lance().to_table(columns=["id"], filter=where)["id"].to_pylist()
        expected = np.flatnonzero((made.codes >= first) & (made.codes <= last))
        assert len(expected)
        assert sorted(found) == [f"a{r:03d}" for r in expected]


ODD = {
    "New York": 5, "New\u00a0York": 4, "New  York": 3, "New York ": 2, "": 3, " ": 2, "it's": 2, "a\x07b": 2,
    "a\x01b": 2, "An essay on the many rivers of the north … and their sand": 2, "further values": 2, "yes": 2,
    "The same beginning of a long value that goes on and on, and on, until it ends": 2, "other": 2,
}  # fmt: skip


def commands(page: Any, key: str, choices: list[list[int]]) -> list[tuple[list[str], str | None]]:
    """Return for each choice of codes the ids that are shown alone, and the command's condition; None for ids."""
    page.evaluate("(key) => (theMap.work.showAll(), theMap.setColoring(key))", key)
    panel = page.locator(".vmap-selection")
    found = []
    for codes in choices:
        page.evaluate("(codes) => theMap.legend.show(new Set(codes))", codes)
        page.evaluate("theMap.work.take(null)")
        assert page.evaluate("theMap.work.selection.count")
        panel.get_by_role("button", name="Command").click()
        words = shlex.split(panel.locator("code").inner_text())
        ids = page.evaluate("theMap.textsOf('ids', theMap.work.selection.rows())")
        found.append((sorted(ids), words[-1] if words[-2] == "--where" else None))
    return found


def stored(folder: Path, columns: dict[str, tuple[pa.DataType, Any]]) -> MapPicture:
    """Store a table of these columns, by name their type and values, and return a map of it colored by each."""
    n = len(next(iter(columns.values()))[1])
    rows = np.arange(n)
    ids = [f"a{row:03d}" for row in rows]
    fields = [pa.field(name, kind) for name, (kind, _) in columns.items()]
    table = Database(folder).create_articles("articles", fingerprint(4), fields)
    append(table, unit_vectors(n, 4), ids=ids, **{name: some for name, (_, some) in columns.items()})
    colorings = []
    for name, reader in field_readers(table, list(columns), n).items():
        reader.add(rows, pa.array(columns[name][1], columns[name][0]))
        made = reader.result()
        assert made is not None
        colorings.append(made)
    texts: Any = {part: [f"{part} {row}" for row in rows] for part in ("titles", "snippets")}
    xy = np.stack([rows % 9, rows // 9], axis=1).astype(np.float64)
    about: Any = {"colorings": tuple(colorings), "topics": (), "questions": (), "near": None}
    return planted(n=n, articles=n, xy=xy, ids=ids, **texts, **about)


def exact(page: Any, folder: Path, key: str, choices: list[list[int]]) -> list[list[int]]:
    """Return the choices of codes whose command has a condition, once `vecindex export` wrote what it shows."""
    found = []
    for codes, (ids, where) in zip(choices, commands(page, key, choices), strict=True):
        if where is None:
            continue
        out = folder / "rows.jsonl"
        vecindex.open(folder).export(out, where=where, columns=["id"])
        assert (where, sorted(json.loads(line)["id"] for line in out.read_text().splitlines())) == (where, ids)
        found.append(codes)
    return found


def test_the_command_selects_what_is_shown_of_odd_values(open_page: Open, tmp_path: Path) -> None:
    values = [value for value, times in ODD.items() for _ in range(times)] + [None] * 3
    n = len(values)
    amounts = [float(row) for row in range(n - 5)] + [np.nan, np.inf, -np.inf, np.nan, None]
    columns = {
        "interval": (pa.string(), values),
        "true": (pa.float64(), amounts),
        "current_date": (pa.int64(), list(range(n))),
        "Odd name": (pa.float32(), [row / 2 for row in range(n)]),
        "null": (pa.bool_(), [True, False, None] * (n // 3) + [None] * (n % 3)),
    }
    shown = stored(tmp_path / "db", columns)
    names = shown.colorings[0].names
    assert len(set(names)) == len(names) == len(ODD)
    page = open_map(open_page, shown)
    ranges = [[*range(first, last + 1)] for first, last in ((0, 254), (0, 99), (100, 254), (50, 150), (254, 254))]
    found = {}
    for made in shown.colorings:
        codes = sorted(set(made.codes.tolist()))
        choices = [[code] for code in codes] if made.kind == "category" else ranges
        found[made.label] = len(exact(page, tmp_path / "db", made.key, choices))
    # Of the column with infinity and NaN only the range with two ends.
    assert found == {"interval": 8, "true": 1, "current_date": 5, "Odd name": 5, "null": 1}


@pytest.mark.parametrize("kind", [pa.float64(), pa.float32()])
def test_a_value_at_the_end_of_a_range_is_on_its_side(open_page: Open, tmp_path: Path, kind: pa.DataType) -> None:
    # From the 1st to the 99th percentile tenths lie on all borders between steps, but for their rounding.
    tenths = [0.0] * 6 + [n / 10 for n in range(509)] + [50.8] * 6
    shown = stored(tmp_path / "db", {"size": (kind, tenths)})
    unclear = set(shown.colorings[0].unclear)
    firsts = [f for f in range(1, 130) if f in unclear][:6] + [f for f in range(1, 130) if f not in unclear][:6]
    choices = [[*range(first, 255)] for first in firsts] + [[*range(first)] for first in firsts]
    found = exact(open_map(open_page, shown), tmp_path / "db", "field:size", choices)
    assert found == [codes for codes in choices if not unclear & {codes[0], codes[-1] + 1}]
    assert len(found) == 12


def test_files_and_the_clipboard(open_page: Open, tmp_path: Path) -> None:
    ids = [f"a{r}" for r in range(49)]
    ids[8], ids[9], ids[15] = " outer", '{"id": 1}', "line\nend"
    titles = [f"Title {r}" for r in range(49)]
    titles[8], titles[9] = 'said "so", and\nmore', ""
    page = open_page(html_of(kinds(ids=ids, titles=titles)), permissions=["clipboard-read", "clipboard-write"]).page
    still(page)
    page.keyboard.down("Shift")
    drag(page, 8, 16, by=(20, 20))
    page.keyboard.up("Shift")
    lines = ['{"id":" outer"}', '{"id":"{\\"id\\": 1}"}', '{"id":"line\\nend"}', "a16"]
    panel = page.locator(".vmap-selection")
    panel.get_by_role("button", name="Copy ids").click()
    panel.locator("text=4 ids copied.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()").splitlines() == lines
    with page.expect_download() as loading:
        panel.get_by_role("button", name="CSV").click()
    assert loading.value.suggested_filename == "selection.csv"
    loading.value.save_as(tmp_path / "selection.csv")
    with (tmp_path / "selection.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["id", "title", "x", "y", "kind"]
    assert [row[:2] for row in rows[1:3]] == [[" outer", 'said "so", and\nmore'], ['{"id": 1}', ""]]
    assert [(float(row[2]), float(row[3]), row[4]) for row in rows[1:]] == [
        (pytest.approx(x, abs=1e-4), pytest.approx(y, abs=1e-4), "it's") for y in (1, 2) for x in (1, 2)
    ]
    panel.get_by_role("button", name="Command").click()
    with page.expect_download() as loading:
        panel.get_by_role("button", name="Save ids.txt").click()
    loading.value.save_as(tmp_path / "ids.txt")
    assert (tmp_path / "ids.txt").read_text(encoding="utf-8").splitlines() == lines

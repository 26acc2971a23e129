"""What the page of a map says of an article's fields, which it holds in steps: never more exactly than it knows."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pytest
from test_map_filters import brushed
from test_map_parts import page as modules  # noqa: F401

from browser_maps import Open, open_map, planted
from vecindex.core.picture import Coloring
from vecindex.verbs.picture.coloring import categories, numbers

N = 49
EPOCH = dt.date(1970, 1, 1)


def held(modules: Any, made: Coloring) -> list[str]:  # noqa: F811
    script = """async ([coloring, codes]) => {
      const { heldBy } = await import("/map/values.js");
      return codes.map((code) => heldBy(coloring, code));
    }"""
    return list(modules.evaluate(script, [made.to_dict(), made.codes.tolist()]))


def colored(values: Any, **options: Any) -> Coloring:
    made = numbers("field:it", "it", np.asarray(values, dtype=np.float64), **options)
    assert made is not None
    return made


def day(text: str) -> float:
    return float((dt.date.fromisoformat(text) - EPOCH).days)


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("factor", [1, 7, 40_000])
def test_a_whole_number_without_about_is_the_true_one(modules: Any, scale: Any, factor: int) -> None:  # noqa: F811
    values = np.arange(1, 300) * factor
    exact = 0
    for value, text in zip(values, held(modules, colored(values, scale=scale, whole=True)), strict=True):
        shown = int(text.removeprefix("about ").split(" or ")[0].replace(",", ""))
        if text.endswith(" or less"):
            assert value <= shown
        elif text.endswith(" or more"):
            assert value >= shown
        elif text.startswith("about "):
            # Half a step, and what rounding to a power of ten may add.
            assert abs(shown - value) <= max(2.1 * factor, 0.05 * value)
        else:
            exact += 1
            assert shown == value
    assert exact > 0 or factor > 1


def test_steps_that_are_wider_say_about(modules: Any) -> None:  # noqa: F811
    stars = colored([0.0, 187.0, 4500.0], whole=True, scale="linear")
    assert held(modules, stars) == ["12 or less", "about 190", "4406 or more"]
    shares = colored([0.0, 0.123456, 1.0])
    assert held(modules, shares)[1] == "about 0.122"


@pytest.mark.parametrize(
    ("value", "step", "text"),
    [
        (40, 40, "40"), (80, 40, "80"), (120, 80, "100"), (187, 18, "190"), (2912, 40, "2910"),
        (0.1244, 0.004, "0.124"), (0.1244, 0.008, "0.12"), (-0.001, 0.02, "0.00"), (-3, 40, "0"),
        (1012.34, 0.118, "1012.3"), (-12345.678, 0.1, "-12,345.7"), (123456.7, 5, "123,457"), (2e-9, 1e-9, "2e-9"),
    ],
)  # fmt: skip
def test_a_number_is_rounded_to_what_is_known(modules: Any, value: float, step: float, text: str) -> None:  # noqa: F811
    script = """async ([value, step]) => (await import("/shared/format.js")).rounded(value, step)"""
    assert modules.evaluate(script, [value, step]) == text


def test_an_empty_value_and_the_one_least_frequent_value(modules: Any) -> None:  # noqa: F811
    names = ["", *(f"k{i:02}" for i in range(24))]
    made = categories("field:kind", "kind", names, np.repeat(np.arange(25), [2] * 24 + [1]), most=24)
    assert made.rest == 1
    shown = held(modules, made)
    assert (shown[0], shown[-1]) == ("(empty)", "other (the least frequent value)")


def test_a_range_of_large_numbers_has_decimals(modules: Any) -> None:  # noqa: F811
    script = """async ([coloring, first, last]) => (await import("/map/values.js")).endsOf(coloring, first, last)"""
    pressure = colored(np.linspace(1000, 1030, 500)).to_dict()
    assert modules.evaluate(script, [pressure, 100, 103]) == ["1011.9", "1012.2"]


def test_days_and_months_are_as_exact_as_they_are(modules: Any) -> None:  # noqa: F811
    short = ["2025-01-01", *(f"2025-01-{d:02}" for d in range(2, 31)), "2025-02-20"]
    assert held(modules, colored([day(text) for text in short], unit="date"))[14] == "15 Jan 2025"
    long = [day(f"{year}-01-30") for year in range(2005, 2026)]
    shown = held(modules, colored(long, unit="date"))
    assert shown[10] == "Jan 2015 to Feb 2015"
    assert all(str(year) in text for year, text in zip(range(2006, 2025), shown[1:-1], strict=True))
    months = colored([day(f"2025-{month:02}-01") for month in range(1, 13)], unit="date")
    assert not months.whole
    assert held(modules, months)[5].count("Jun 2025") == 1


def test_the_card_says_how_much_it_knows(open_page: Open) -> None:
    rows = np.arange(N)
    kind = categories("field:kind", "kind", [f"k{i}" for i in range(30)], np.where(rows < 20, rows, rows % 30))
    shown = planted(
        colorings=(
            kind,
            colored(rows * 100, whole=True),
        ),
    )
    page = open_map(open_page, shown)
    page.evaluate("theMap.select(29)")
    page.locator(".vmap-card dd", has_text="about").wait_for()
    assert page.locator(".vmap-card dd").all_inner_texts() == ["other (one of 10 less frequent values)", "about 2900"]


def test_a_range_of_days_has_its_days_as_ends(open_page: Open) -> None:
    days = np.array([day("2019-01-01") + 40 * row for row in range(N)])
    page = open_map(open_page, planted(colorings=(colored(days, unit="date"),)))
    brushed(page, ".vmap-coloring", 50.5 / 255, 99.5 / 255)
    first, last = page.locator(".vmap-brush-line").inner_text().split(" to ")
    chosen = days[page.evaluate("[...theMap.shown.keys()].filter((row) => theMap.shown[row])")]
    read = [page.evaluate("(text) => Date.parse(`${text} UTC`) / 86400000", text) for text in (first, last)]
    assert read[0] <= chosen.min() < read[0] + 40
    assert read[1] - 40 < chosen.max() <= read[1]
    assert page.get_by_label("Lowest it").get_attribute("aria-valuetext") == first
    assert page.get_by_label("Highest it").get_attribute("aria-valuetext") == last


def test_whole_years_are_years(modules: Any) -> None:  # noqa: F811
    # A step is a day.
    year = {
        "kind": "number",
        "unit": "date",
        "low": day("2023-06-01"),
        "high": day("2023-06-01") + 254,
        "whole": True,
    }
    script = """async ([coloring, first, last]) => {
      const { endsOf } = await import("/map/values.js");
      return endsOf(coloring, first, last);
    }"""
    assert modules.evaluate(script, [year, 10, 20]) == ["11 Jun 2023", "21 Jun 2023"]
    year |= {"low": day("2024-01-01") - 1, "high": day("2024-01-01") + 2 * 254 - 1}
    assert modules.evaluate(script, [year, 0, 20]) == ["31 Dec 2023 or before", "10 Feb 2024"]
    # Steps of two days: from 1 January 2024 (a leap year) to 31 December are the steps 1 to 183.
    year |= {"low": day("2024-01-01") - 1.5, "high": day("2024-01-01") - 1.5 + 2 * 254}
    assert modules.evaluate(script, [year, 1, 183]) == ["2024", "2024"]

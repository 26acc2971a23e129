"""Colors of categories differ for every reader, and texts that are dates are dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import vecindex
from vecindex.reports.map.figure import COLORS
from vecindex.verbs.picture.coloring import MOST_COLORS, categories, numbers, unclear_steps
from vecindex.verbs.picture.fields import NumberField, TextField, days_of

SCRIPT = Path(vecindex.__file__).parent / "reports" / "assets" / "map" / "colors.js"
# Machado, Oliveira & Fernandes 2009: what is seen without the long, middle or short cones, in linear RGB.
BLIND = {
    "none": np.eye(3),
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def oklab(linear: np.ndarray) -> np.ndarray:
    cones = np.array([
        [0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ])  # fmt: skip
    lab = np.array([
        [0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.808675766],
    ])  # fmt: skip
    return np.cbrt(np.clip(linear, 0, 1) @ cones.T) @ lab.T


def least_distance(colors: list[str], blind: str) -> float:
    srgb = np.array([[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in colors])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    seen = oklab(linear @ np.array(BLIND[blind]).T)
    apart = np.linalg.norm(seen[:, None] - seen[None], axis=2) * 100
    return float(apart[~np.eye(len(colors), dtype=bool)].min())


def palettes() -> dict[str, list[str]]:
    script = SCRIPT.read_text()
    found = {}
    for theme in ("light", "dark"):
        block = re.search(rf"{theme}: \[(.*?)\]", script, re.DOTALL)
        assert block is not None
        found[theme] = re.findall("#[0-9a-f]{6}", block[1])
    return {**found, "picture": list(COLORS)}


@pytest.mark.parametrize("where", ["light", "dark", "picture"])
def test_all_colors_of_a_legend_differ_with_every_color_vision(where: str) -> None:
    colors = palettes()[where]
    assert len(colors) == MOST_COLORS == 24
    assert least_distance(colors, "none") > 10
    for blind in ("protan", "deutan", "tritan"):
        assert least_distance(colors, blind) > 5.5


def read(*batches: Sequence[str | None], asked: bool = False) -> TextField:
    field = TextField("day", sum(map(len, batches)), asked)
    at = 0
    for values in batches:
        field.add(np.arange(at, at + len(values)), pa.array(values, pa.string()))
        at += len(values)
    return field


def test_texts_that_are_dates_are_colored_as_dates() -> None:
    days = [f"2020-01-{day:02}" for day in range(1, 32)]
    found = read(days[:10], [*days[10:], None]).result()
    assert found is not None
    assert (found.kind, found.unit) == ("number", "date")
    # 1 January 2020 is day 18,262; ends at the 1st and 99th percentile of 31 days.
    assert found.low == pytest.approx(18_262.3)
    assert found.high == pytest.approx(18_291.7)
    assert found.codes[[0, 15, 30, 31]].tolist() == [0, 127, 254, 255]


def test_texts_of_which_some_are_no_dates_stay_texts() -> None:
    mixed = read(["2020-01-01", "2020-01-02"] * 9, ["soon", "later"] * 4).result()
    assert mixed is not None
    assert mixed.kind == "category"
    years = read(["1998", "1999"] * 5).result()
    assert years is not None
    assert years.kind == "category"


def test_dates_in_iso_8601() -> None:
    assert days_of(" 1970-01-02 ") == 1
    assert days_of("1970-01-01T01:00:00+01:00") == 0
    assert days_of("1970-01-01 06:00") == 0.25
    assert days_of("1969-12") == -31
    for text in (None, "", "1970-13-01", "1970-01-01 at noon", "01/02/1970", "19700102"):
        assert np.isnan(days_of(text))


def test_long_values_stay_different() -> None:
    long = "A study of the many ways in which rivers of the north carry their sand, part "
    found = read([long + "one", long + "two"] * 4, ["short"] * 2).result()
    assert found is not None
    assert len(set(found.names)) == 3
    assert all(len(name) <= 60 for name in found.names)
    assert {name[-3:] for name in found.names} == {"one", "two", "ort"}


def test_values_that_look_alike_have_names_that_differ() -> None:
    found = read(["a b", "a\u00a0b", "a  b", "", " ", "a\x07b"], ["a b", None], asked=True).result()
    assert found is not None
    named = dict(zip(found.names, found.counts, strict=True))
    assert named == {"a b": 2, "a b (2)": 1, "a b (3)": 1, "": 1, "(blank)": 1, "a\ufffdb": 1}
    changed = {found.names[i] for i in found.renamed}
    assert changed == {"a b (2)", "a b (3)", "(blank)", "a\ufffdb"}
    assert found.to_dict()["renamed"] == list(found.renamed)


def test_what_stands_for_the_rest_has_a_name_of_its_own() -> None:
    names = ["other", "other values", "a", "b"]
    found = categories("field:kind", "kind", names, np.array([0, 0, 0, 1, 1, 2, 3]), most=2)
    assert found.names == ("other", "other values", "other values (2)")
    assert found.codes.tolist() == [0, 0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(("odd", "nonfinite"), [(np.nan, True), (np.inf, True), (-np.inf, True), (None, False)])
def test_infinity_and_nan_are_noted(odd: float | None, nonfinite: bool) -> None:
    field = NumberField("size", 4)
    field.add(np.arange(4), pa.array([1.0, 2.0, odd, 3.0]))
    found = field.result()
    assert found is not None
    assert found.codes[2] == 255
    assert found.to_dict().get("nonfinite", False) is nonfinite


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_unclear_steps_are_those_that_a_comparison_misses(scale: Any, whole: bool) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(1, 509, 2000) * (1.0 if whole else 0.1)
    values[:2] = np.nan
    made = numbers("field:it", "it", values, scale=scale, whole=whole)
    assert made is not None
    unclear = unclear_steps(made, values)
    there = made.codes != 255
    for step in range(1, 255):
        end = made.low + (made.high - made.low) * (step - 0.5) / 254
        if scale == "log":
            end = made.low * (made.high / made.low) ** ((step - 0.5) / 254)
        above = (values > end if step % 2 else values >= end)[there]
        missed = bool((above != (made.codes >= step)[there]).any())
        assert not missed or step in unclear
        assert missed or scale == "log" or step not in unclear
    assert len(unclear) < 60

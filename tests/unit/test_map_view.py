"""The viewer's assets, without a browser."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from vecindex.reports.map_view import SCRIPTS, START, STYLES, VIEW_ID, map_view
from vecindex.reports.page import asset

ASSETS = {one.name for one in files("vecindex.reports").joinpath("assets").iterdir()}


def test_every_part_of_the_viewer_is_on_the_page() -> None:
    assert {name for name in ASSETS if name.startswith("map") and name.endswith(".js")} == {*SCRIPTS, START}
    assert {name for name in ASSETS if name.startswith("map") and name.endswith(".css")} == {*STYLES}
    assert f'"{VIEW_ID}"' in asset(START)
    assert f'id="{VIEW_ID}"' in map_view()


@pytest.mark.parametrize("name", [*SCRIPTS, START])
def test_texts_become_no_markup_and_nothing_is_asked_for(name: str) -> None:
    code = asset(name)
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", code) == []
    assert re.findall(r"\bfetch\(|XMLHttpRequest|https?:", code) == []
    assert "</script" not in code
    assert len(code.splitlines()) < 400


def test_each_element_that_the_viewer_looks_for_is_in_its_markup() -> None:
    wanted = {name for code in map(asset, SCRIPTS) for name in re.findall(r"""find\("([a-z-]+)"\)""", code)}
    wanted |= {
        n for code in map(asset, SCRIPTS) for n in re.findall(r"""querySelector\("\.vmap-([a-z-]+)"\)""", code)
    }
    there = {name for names in re.findall(r'class="([^"]+)"', map_view()) for name in names.split()}
    made = {"print", "close", "swatch"}
    assert len(wanted) > 20
    assert {f"vmap-{name}" for name in wanted - made} <= there

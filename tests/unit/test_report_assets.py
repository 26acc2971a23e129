"""The scripts and style sheets of pages, without a browser: their sources, and the bundles that pages embed."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from vecindex.reports.map.page import map_section
from vecindex.reports.page import asset

ASSETS = Path(str(files("vecindex.reports").joinpath("assets")))
SOURCES = sorted(
    path for kind in ("*.js", "*.css") for path in ASSETS.glob(f"**/{kind}") if path.parent.name != "bundles"
)
SCRIPTS = [path for path in SOURCES if path.suffix == ".js"]
BUNDLES = sorted((ASSETS / "bundles").iterdir())
API_KEYS = {"on_map", "mutual_recall", "not_found", "same_rows", "save_changes", "out_of"}
"""Names in JSON and of notebooks, which JavaScript takes as they are."""


def named(path: Path) -> str:
    return path.relative_to(ASSETS).as_posix()


def code_of(path: Path) -> str:
    """Return a script without its comments and its texts in double quotes."""
    text = re.sub(r"/\*.*?\*/|^\s*//.*?$", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return re.sub(r'"[^"\n]*"', '""', text)


def test_there_are_sources_and_bundles() -> None:
    assert {path.parent.name for path in SOURCES} == {
        "labeling",
        "map",
        "overlap",
        "serve",
        "shared",
        "sides",
        "widget",
        "work",
    }
    assert [path.name for path in BUNDLES] == [
        "map.css", "map.js", "overlap.js", "page.css", "page.js", "report.js", "serve.css", "serve.js",
        "widget.js",
    ]  # fmt: skip


@pytest.mark.parametrize("path", [*SCRIPTS, *(path for path in BUNDLES if path.suffix == ".js")], ids=named)
def test_texts_never_become_markup_or_code(path: Path) -> None:
    code = path.read_text(encoding="utf-8")
    # A page that is saved is read as text, which makes nothing.
    set_text = r"innerHTML|outerHTML\s*\W?=|insertAdjacentHTML|document\.write|\beval\b|new Function"
    assert re.findall(set_text, code) == []
    assert "</script" not in code


@pytest.mark.parametrize("path", [*SOURCES, *BUNDLES], ids=named)
def test_nothing_is_requested_but_by_the_server_s_pages(path: Path) -> None:
    # The name of a namespace, which a picture on its own must have, asks nobody for anything.
    text = path.read_text(encoding="utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert re.findall(r"https?:|XMLHttpRequest|WebSocket|url\(", text) == []
    if path.parent.name != "serve" and path.name not in ("serve.js", "report.js"):
        assert "fetch(" not in text


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_names_are_in_camel_case(path: Path) -> None:
    found = set(re.findall(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b", code_of(path)))
    assert found <= API_KEYS


@pytest.mark.parametrize("path", SCRIPTS, ids=named)
def test_script_is_of_a_size_to_be_read(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


def test_an_asset_is_the_bundle_of_its_name() -> None:
    assert asset("page.js") == (ASSETS / "bundles" / "page.js").read_text(encoding="utf-8").rstrip("\n")


def test_each_element_that_the_viewer_looks_for_is_in_its_markup() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS if path.parent.name == "map")
    wanted = set(re.findall(r"""find\("([a-z-]+)"\)""", code))
    wanted |= set(re.findall(r"""querySelector\("\.vmap-([a-z-]+)"\)""", code))
    present = {name for names in re.findall(r'class="([^"]+)"', map_section().body) for name in names.split()}
    made_by_scripts = {"print", "close", "swatch"}
    assert len(wanted) > 20
    assert {f"vmap-{name}" for name in wanted - made_by_scripts} <= present

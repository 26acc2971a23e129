"""The documents know every command and option, and their links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer

from vecindex.cli.app import app
from vecindex.errors import VecindexError

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / f"{folder}/README.md" for folder in ("db", "examples", "bench")),
    ]
)
COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]

_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)


def shown(path: Path) -> str:
    """Return a page's path in the repository, for the test's name."""
    return path.relative_to(ROOT).as_posix()


def generator() -> ModuleType:
    """Return docs/generate_cli.py as a module."""
    spec = importlib.util.spec_from_file_location("generate_cli", ROOT / "docs/generate_cli.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def section(page: str, title: str) -> str:
    """Return what stands under a heading of the second level."""
    found = re.search(rf"^## {re.escape(title)}$(.*?)(?=^## |\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title!r}"
    return found[1]


def anchors(page: str) -> set[str]:
    """Return the names that links may point to inside a page, as GitHub makes them from headings."""
    titles = _HEADING.findall(_FENCE.sub("", page))
    return {re.sub(r"[^\w\- ]", "", title.replace("`", "").strip().lower()).replace(" ", "-") for title in titles}


def all_errors(kind: type[VecindexError] = VecindexError) -> list[type[VecindexError]]:
    """Return an error class and all below it."""
    return [kind, *(found for child in kind.__subclasses__() for found in all_errors(child))]


def test_cli_page_is_current() -> None:
    written = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    assert written == generator().page(), "docs/cli.md is not what the commands say: run `make docs`"


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_command_is_documented(name: str) -> None:
    command = COMMANDS[name]
    assert command.help, f"{name} has no help"
    text = section((ROOT / "docs/cli.md").read_text(encoding="utf-8"), f"vecindex {name}")
    for param in command.params:
        assert param.help, f"{name} {param.name} has no help"
        for option in (*param.opts, *param.secondary_opts):
            if param.param_type_name == "option" and not param.hidden:
                assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text), f"{name} {option}"


def test_there_are_commands() -> None:
    assert "ingest" in COMMANDS


@pytest.mark.parametrize("code", sorted({error.exit_code for error in all_errors()} | {0, 6}))
def test_exit_code_is_documented(code: int) -> None:
    text = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
    assert f"## {code}: " in text


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_links_lead_somewhere(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    broken = []
    for target in _LINK.findall(_FENCE.sub("", page)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        there = path.parent / name if name else path
        if not there.exists() or (anchor and anchor not in anchors(there.read_text(encoding="utf-8"))):
            broken.append(target)
    assert broken == []


def test_index_lists_every_page() -> None:
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    pages = [p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md") if p.name != "index.md"]
    assert [page for page in sorted(pages) if f"({page})" not in index] == []


@pytest.mark.parametrize("path", PAGES, ids=shown)
def test_code_fences_are_closed(path: Path) -> None:
    assert path.read_text(encoding="utf-8").count("\n```") % 2 == 0

"""The command line starts without the heavy libraries, the public names are there, the modules are kept small."""

from __future__ import annotations

import ast
import importlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import vecindex
from vecindex.cli import lazy

SOURCE = Path(vecindex.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))
HEAVY = (
    "torch",
    "lancedb",
    "lance",
    "faiss",
    "numba",
    "pyarrow",
    "pandas",
    "polars",
    "transformers",
    "sentence_transformers",
    "sklearn",
    "umap",
    "openTSNE",
    "matplotlib",
    "jinja2",
)
MAX_LINES = 400
COSTLY = ("urllib.request", "http.client", "ssl", "email.parser", "asyncio", "sqlite3", "unittest", "xml.etree")
"""Of Python's own, those that take longest to load and that no help needs."""
MOST_MODULES = 204
"""As many modules `vecindex --help` loads at most: its time follows them (bench/startup.py measures it)."""


def shown(path: Path) -> str:
    """Return a module's path inside the package, for the test's name."""
    return path.relative_to(SOURCE).as_posix()


def run(*args: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments."""
    return subprocess.run([sys.executable, *args], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("module", ["vecindex", "vecindex.cli.app"])
def test_importing_loads_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & {set(HEAVY)!r}))"
    done = run("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_every_heavy_library_can_be_missed() -> None:
    # The test above would pass for a name that no longer exists; these are what the package depends on.
    found = [name for name in HEAVY if importlib.util.find_spec(name)]
    assert {"torch", "lancedb", "lance", "faiss", "pyarrow", "sentence_transformers", "umap"} <= set(found)


def loaded(*words: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run a command, and return the modules that it loads as well."""
    code = (
        f"import runpy, sys; bare = set(sys.modules); sys.argv = ['vecindex', *{list(words)!r}]\n"
        "try: runpy.run_module('vecindex.cli.app', run_name='__main__')\n"
        "finally: print(*sorted(set(sys.modules) - bare), file=sys.stderr)"
    )
    done = run("-c", code)
    return done, done.stderr.split("\n")[-2].split()


def test_help_loads_little() -> None:
    done, found = loaded("--help")
    assert done.returncode == 0, done.stderr
    assert "Usage: vecindex" in done.stdout
    assert {"typer", "vecindex.cli.commands.overlap"} <= {*found}
    assert sorted({*found} & {*COSTLY}) == []
    assert len(found) <= MOST_MODULES


def test_a_command_loads_no_other_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("VECINDEX_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(SOURCE.parent))
    done, found = loaded("status", "--db", "none")
    assert (done.returncode, "none" in done.stderr) == (5, True)
    assert [name for name in found if name.startswith("vecindex.cli.commands.")] == ["vecindex.cli.commands.upkeep"]
    # Of typer's; to import it takes longer than to read a small table.
    assert "pydantic" not in found
    # What sets options of any command has them all read.
    (tmp_path / "vecindex.toml").write_text("[search]\nk = 3\n")
    assert "vecindex.cli.commands.search" in loaded("status", "--db", "none")[1]
    (tmp_path / "vecindex.toml").unlink()
    monkeypatch.setenv("VECINDEX_SEARCH_K", "3")
    assert "vecindex.cli.commands.search" in loaded("status", "--db", "none")[1]


def test_every_command_is_listed() -> None:
    found = {}
    for path in sorted((SOURCE / "cli" / "commands").glob("*.py")):
        module = importlib.import_module(f"vecindex.cli.commands.{path.stem}")
        for name, function in vars(module).items():
            if hasattr(function, "__signature__") and function.__module__ == module.__name__:
                found[name.replace("_", "-")] = path.stem
    assert found == lazy.MODULES
    assert list(lazy.Commands()) == list(lazy.MODULES)
    assert lazy.Commands()["bench-models"].name == "bench-models"


def test_public_names() -> None:
    assert sorted(vecindex.__all__) == vecindex.__all__
    assert dir(vecindex) == ["Index", "Stop", "VecindexError", "__version__", "open"]
    for name in vecindex.__all__:
        assert getattr(vecindex, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        vecindex.absent  # noqa: B018


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{shown(path)} has no docstring"


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_module_is_of_a_size_to_be_read(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").count("\n")
    assert lines <= MAX_LINES, f"{shown(path)} has {lines} lines; split it"


def test_no_module_is_named_for_nothing() -> None:
    assert [shown(p) for p in MODULES if p.stem in ("utils", "helpers", "util", "helper", "misc")] == []


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org"])
def test_tests_cannot_reach_the_network(host: str) -> None:
    with pytest.raises(AssertionError, match=r"a test (connects to|looks up)"):
        socket.create_connection((host, 80), timeout=1)


def test_tests_can_reach_this_machine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()

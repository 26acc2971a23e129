"""The command line starts without the heavy libraries, the public names are there, the modules are kept small."""

from __future__ import annotations

import ast
import importlib
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import vecindex

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
HELP_CPU_S = 0.3
"""What `--help` may take at most, and twice what it does: the best of several tries, for other work slows a try."""
BARE_TIMES = 15
"""As many starts of Python itself it may take on a slower machine."""
HELP_TRIES = 5


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


def cpu_s(*args: str, told: str = "") -> float:
    """Return the processor's time for one run of Python, which must print something."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = run(*args)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    assert told in done.stdout
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_help_is_cheap() -> None:
    help_s = min(cpu_s("-m", "vecindex.cli.app", "--help", told="Usage: ") for _ in range(HELP_TRIES))
    bare_s = min(cpu_s("-c", "pass") for _ in range(HELP_TRIES))
    print(f"vecindex --help: {help_s:.2f} s CPU, Python alone {bare_s:.3f}")
    assert help_s <= max(HELP_CPU_S, BARE_TIMES * bare_s)


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

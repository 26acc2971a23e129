"""Imports go downward only: cli, verbs, edges, core, types, errors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter with the contracts of a folder's pyproject.toml."""
    command = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    return subprocess.run(
        [sys.executable, "-c", command, "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_layers_are_kept() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout


def test_a_broken_layer_is_seen(tmp_path: Path) -> None:
    # The same contract turned upside down must fail, or the check above checks nothing.
    contracts = """
[tool.importlinter]
root_package = "vecindex"
[[tool.importlinter.contracts]]
name = "upside down"
type = "layers"
layers = ["vecindex.errors", "vecindex.store", "vecindex.verbs"]
"""
    (tmp_path / "pyproject.toml").write_text(contracts)
    done = lint(tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "0 kept, 1 broken" in done.stdout

"""How threads of OpenMP wait for each other in a command: it says so before a library with such threads is loaded."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

NAMES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
COMMAND = f"""
import os, sys
NAMES = {NAMES!r}
from vecindex.cli import app
found = []
app._run = lambda: found.append(sorted(set(["torch", "faiss", "numba"]) & sys.modules.keys())) or 0
try:
    app.main()
except SystemExit:
    pass
print(found, dict((name, os.environ[name]) for name in NAMES if name in os.environ))
"""


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, {"GOMP_SPINCOUNT": "10000"}),
        ({"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
        ({"GOMP_SPINCOUNT": "7"}, {"GOMP_SPINCOUNT": "7"}),
        ({"KMP_BLOCKTIME": "200"}, {"KMP_BLOCKTIME": "200"}),
    ],
)
def test_threads_wait_briefly_unless_the_user_says_otherwise(given: dict[str, str], found: dict[str, str]) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in NAMES}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND], capture_output=True, text=True, check=True, env={**environment, **given}
    )
    assert done.stdout.strip() == f"{[[]]} {found}"


def test_an_import_changes_nothing() -> None:
    environment = {key: value for key, value in os.environ.items() if key not in NAMES}
    code = f"import os, vecindex; vecindex.open('db'); print([n for n in os.environ if n in {NAMES!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"

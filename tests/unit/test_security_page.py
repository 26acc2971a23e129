"""docs/security.md: each statement names a test that there is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RELIABILITY = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def test_every_statement_names_a_test_that_there_is() -> None:
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }
    tables = [part.split("\n\n")[0] for part in PAGE.split("| Statement | Test |\n|---|---|\n")[1:]]
    rows = [line for table in tables for line in table.splitlines()]
    named = [re.findall(r"`(test_\w+)`", row.rsplit("|", 2)[1]) for row in rows]
    assert len(rows) > 25
    assert all(named), rows
    assert {name for names in named for name in names} - tests == set()
    headed = PAGE.count("| Statement | Test |")
    assert headed == PAGE.count("\n## ") - 2  # what is trusted, and how to report


def test_every_promise_names_a_file_of_tests_that_there_is() -> None:
    table = RELIABILITY.split("| Promise | Tested by |\n|---|---|\n")[1].split("\n\n")[0]
    named = [re.findall(r"`(test_[\w*]+\.py)`", line.rsplit("|", 2)[1]) for line in table.splitlines()]
    assert len(named) >= 10
    missing = [name for names in named for name in names if not list((ROOT / "tests").rglob(name))]
    assert missing == []
    assert all(names or "the same" in line for names, line in zip(named, table.splitlines(), strict=True))

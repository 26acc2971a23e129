"""docs/security.md: each statement names a test that there is."""

from __future__ import annotations

import re

from conftest import ROOT

PAGE = (ROOT / "docs/security.md").read_text(encoding="utf-8")


def test_every_statement_names_a_test_that_there_is() -> None:
    tests = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "`test_" in line]
    named = [re.findall(r"`(test_\w+)`", row.rsplit("|", 2)[1]) for row in rows]
    assert len(rows) > 25
    assert all(named), rows
    assert {name for names in named for name in names} - tests == set()
    headed = PAGE.count("| Statement | Test |")
    assert headed == PAGE.count("\n## ") - 2  # what is trusted, and how to report

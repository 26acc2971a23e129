"""A pytest plugin for mutants.py: writes down which lines each test reaches, and how long it takes.

    python -m pytest -p mutants_record ...     with MUTANTS_RECORD=FOLDER and this folder on PYTHONPATH

FOLDER gets `coverage`, a data file of coverage.py with the node id of each test as context, and `tests.json`:
{node id: {"seconds": the test's own, "shared": {fixture of wider scope: seconds of its setup}}}. Tests that fail are
left out. Run again over other files, it adds to both.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from time import process_time
from typing import Any

import coverage
import pytest

FOLDER = Path(os.environ["MUTANTS_RECORD"])


class Recorder:
    """Switches coverage's context with each test, and times tests and the fixtures that several share."""

    def __init__(self) -> None:
        self.coverage = coverage.Coverage(
            data_file=FOLDER / "coverage", source=["vecindex"], config_file=False, messages=False
        )
        self.coverage.load()
        self.coverage.start()
        self.setups: dict[str, float] = {}
        self.tests: dict[str, dict[str, Any]] = {}
        self.failed: set[str] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """Time the setup of a fixture that is set up once for several tests, those that it asks for included."""
        start = process_time()
        result = yield
        if fixturedef.scope != "function":
            self.setups[fixturedef.argname] = process_time() - start
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Run a test in a context of its own."""
        before = set(self.setups)
        self.coverage.switch_context(item.nodeid)
        start = process_time()
        result = yield
        seconds = process_time() - start
        self.coverage.switch_context("")
        fresh = max((self.setups[name] for name in set(self.setups) - before), default=0.0)
        shared = {name: self.setups[name] for name in getattr(item, "fixturenames", ()) if name in self.setups}
        self.tests[item.nodeid] = {"seconds": max(seconds - fresh, 0.0), "shared": shared}
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what did not pass."""
        if report.failed or report.skipped:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        """Write both files."""
        self.coverage.stop()
        self.coverage.save()
        file = FOLDER / "tests.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        known |= {name: test for name, test in self.tests.items() if name not in self.failed}
        file.write_text(json.dumps(known))


def pytest_configure(config: pytest.Config) -> None:
    """Start."""
    config.pluginmanager.register(Recorder())

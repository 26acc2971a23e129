"""Every state in which a kill can leave a database: it is read, and the same command again brings it to its end.

`make test` looks at a few states of some operations, `make soak` at all states of all.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import crashes
import vecindex
import writing
from writing import OPERATIONS, check, contents, same

pytestmark = [
    pytest.mark.skipif(not crashes.available(), reason="needs Linux: seccomp_unotify(2)"),
    pytest.mark.usefixtures("known_questions"),
]


@pytest.fixture(scope="module")
def child() -> Iterator[crashes.Watched]:
    watched = crashes.Watched(sys.executable, writing.__file__, "watched")
    yield watched
    watched.close()


def enumerate_states(child: crashes.Watched, name: str, tmp_path: Path, most: int | None) -> int:
    """Bring each crash state of an operation, or so many of them, to its end; return how many there were."""
    operation, folder = OPERATIONS[name], tmp_path / "work" / "db"
    folder.mkdir(parents=True)
    operation.prepare(folder)
    undisturbed = shutil.copytree(folder, tmp_path / "undisturbed" / "db")
    operation.run(undisturbed)
    after = contents(undisturbed)
    before = contents(folder) if operation.readable else None
    found = child.states(name, folder)
    same(contents(folder), after)
    chosen = found if most is None else [found[i] for i in np.linspace(0, len(found) - 1, most).astype(int)]
    for number, state in enumerate(chosen):
        left = crashes.write(state, tmp_path / str(number) / "db")
        try:
            if before is not None:
                check(left, before, after, operation.in_parts)
            operation.run(left)
            same(contents(left), after)
            report = vecindex.open(left).doctor()
            assert report.sound, report.findings
        except Exception as error:
            kept = shutil.copytree(crashes.write(state, tmp_path / "state" / "db"), tmp_path / "failed")
            raise AssertionError(f"{name}: state {number} of {len(chosen)}, {kept}: {error!r}") from error
        shutil.rmtree(left.parent)
    return len(found)


@pytest.mark.parametrize("name", ["first ingest", "change", "replace a map", "tag", "optimize", "repair"])
def test_some_states(child: crashes.Watched, name: str, tmp_path: Path) -> None:
    assert enumerate_states(child, name, tmp_path, most=4) >= 4


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", OPERATIONS)
def test_all_states_of_each_operation(child: crashes.Watched, name: str, tmp_path: Path) -> None:
    states = enumerate_states(child, name, tmp_path, most=None)
    print(f"{name}: {states} states")

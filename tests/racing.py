"""Other processes that ingest into object storage: each says "ready", waits for a line, and says how it ended.

`python tests/racing.py DB FILE [without-lease]` runs once. `python tests/racing.py ray FOLDER` starts Ray, with its
files in the folder, and runs again and again, on workers: its lines are objects with db, rows and lease.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import lance

import vecindex
from object_storage import Bucket
from vecindex.errors import VecindexError

ROWS_A_COMMIT = 20
ON_RAY = {"engine": "ray", "worker_cores": 1, "wave_rows": 60}
IN_USE = "Another process is writing to"
THERE = "are there already"
Ended = tuple[int, str]
"""The exit code of an ingest, and what it said."""


class Racer:
    """Such a process, all imported and ready to begin."""

    def __init__(self, bucket: Bucket, rows: Path, *, with_lease: bool = True) -> None:
        """Start it."""
        command = [sys.executable, __file__, bucket.db, str(rows), *([] if with_lease else ["without-lease"])]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**bucket.environment(), "PYTHONPATH": ":".join(sys.path)},
        )

    def wait_until_ready(self) -> None:
        """Return once it has imported all."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", self.process.communicate()

    def begin(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ended(self) -> Ended:
        """Return its exit code and what it said."""
        said, errors = self.process.communicate(timeout=200)
        assert "Traceback" not in errors, errors
        return self.process.returncode, said


class RayRacer(Racer):
    """Such a process that has Ray for itself, with one worker, and runs as many races as it is asked for."""

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        """Start it."""
        self._errors = (folder / "errors").open("w+", encoding="utf-8")
        self.process = subprocess.Popen(
            [sys.executable, __file__, "ray", str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**bucket.environment(), "PYTHONPATH": ":".join(sys.path)},
        )

    def prepare(self, db: str, rows: Path, *, with_lease: bool) -> None:
        """Take what is ingested next."""
        self._next = json.dumps({"db": db, "rows": str(rows), "lease": with_lease})

    def begin(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{self._next}\n")
        self.process.stdin.flush()

    def ended(self) -> Ended:
        """Return the exit code of the race, and what was said."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        self._errors.seek(0)
        assert line, self._errors.read()
        code, said = json.loads(line)
        return code, said

    def close(self) -> None:
        """End it, and Ray with it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(60)
        finally:
            self.process.kill()
            self.process.wait()
            self._errors.close()


def ingest(db: str, rows: str | Path, **more: Any) -> None:
    """Ingest rows that bring their vectors."""
    how = {"vector_field": "vector", "model": "test/none", "unverified": True}
    vecindex.open(db).ingest(str(rows), transaction_rows=ROWS_A_COMMIT, **how, **more)


def texts(db: str) -> dict[str, str]:
    """Return the text of each id of a table; no id is there twice."""
    table = lance.dataset(f"{db}/articles.lance").to_table(columns=["id", "text"])
    found = dict(zip(*(table.column(name).to_pylist() for name in ("id", "text")), strict=True))
    assert len(found) == table.num_rows, "ids are unique"
    return found


OLD, FIRST, SECOND = range(60), range(30, 200), range(100, 260)
"""The ids that are there before a race, and those that each of the two ingests."""


def settle(db: str, rows: Sequence[Path], ended: Sequence[Ended], *, had_rows: bool) -> None:
    """Look at what two ingests at once have left, run those again that were refused, and look again."""
    before = texts(db)
    for code, said in ended:
        assert code in (0, 5), said
        assert not code or IN_USE in said or THERE in said or "meanwhile" in said, said
    for path, ids, (code, _) in zip(rows, (FIRST, SECOND), ended, strict=True):
        if code:
            ingest(db, path)
        elif not had_rows:
            assert before.keys() >= {f"a{i}" for i in ids}
    expected = {f"a{i}": f"second {i}" for i in range(30, 260)}
    if had_rows:
        expected |= {f"a{i}": f"first {i}" for i in range(30)}
    assert texts(db) == expected
    assert all(text in (f"first {key[1:]}", expected[key]) for key, text in before.items())


def _main(db: str, rows: str, *switches: str) -> int:
    import lancedb
    import obstore

    assert lancedb
    assert obstore
    if switches:
        from vecindex.store import database

        database.leased = _not_leased  # type: ignore[assignment]
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        ingest(db, rows)
    except VecindexError as error:
        print(error)
        return error.exit_code
    return 0


def _not_leased(*_: Any) -> Any:
    """Believe to have the lease that another one has, as where clocks are wrong, or a process was paused."""
    return nullcontext()


def _on_ray(folder: str) -> None:
    from clusters import running_ray
    from vecindex.store import database

    leased = database.leased
    with running_ray(Path(folder), cores=1):
        print("ready", flush=True)
        for line in sys.stdin:
            race = json.loads(line)
            database.leased = leased if race["lease"] else _not_leased  # type: ignore[assignment]
            code, said = 0, ""
            try:
                ingest(race["db"], race["rows"], **ON_RAY)
            except VecindexError as error:
                code, said = error.exit_code, str(error)
            print(json.dumps([code, said]), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "ray":
        _on_ray(sys.argv[2])
    else:
        sys.exit(_main(*sys.argv[1:]))

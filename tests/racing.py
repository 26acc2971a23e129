"""Another process that ingests into object storage: it says "ready", waits for a line, and says how it ended.

`python tests/racing.py DB FILE [without-lease]`
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import vecindex
from object_storage import Bucket
from vecindex.errors import VecindexError

ROWS_A_COMMIT = 20


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

    def ended(self) -> tuple[int, str]:
        """Return its exit code and what it said."""
        said, errors = self.process.communicate(timeout=200)
        assert "Traceback" not in errors, errors
        return self.process.returncode, said


def ingest(db: str, rows: str | Path) -> None:
    """Ingest rows that bring their vectors."""
    how = {"vector_field": "vector", "model": "test/none", "unverified": True}
    vecindex.open(db).ingest(str(rows), transaction_rows=ROWS_A_COMMIT, **how)


def _main(db: str, rows: str, *switches: str) -> int:
    import lance
    import lancedb
    import obstore

    assert lance
    assert lancedb
    assert obstore
    if switches:
        # As where clocks are wrong, or a process was paused: it believes that it has what another one has.
        from vecindex.store import database

        database.leased = lambda *_: nullcontext()  # type: ignore[assignment]
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        ingest(db, rows)
    except VecindexError as error:
        print(error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))

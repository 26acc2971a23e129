"""A process that parses and hashes rows for the one that reads them.

It is given what gives the rows, and the fields, as pickles; it ends where its input does, also when the process that
started it is killed.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence

from vecindex.sources.base import Block, Item
from vecindex.sources.fieldmap import FieldMap
from vecindex.verbs.ingest.known.blocks import Digests, digests_of

Alone = Callable[[], Sequence[Item | Block] | None]
"""See `sources.base.Unparsed`."""
Found = list[Digests] | None
"""The digests of rows, part by part; None where they are to be read in the order of the input."""


def parse(alone: Alone, fields: FieldMap) -> Found:
    """Return the digests of rows."""
    try:
        rows = alone()
        return None if rows is None else digests_of(rows, fields)
    except Exception:  # noqa: BLE001 (whoever reads them in their order says what is wrong)
        return None


class Worker:
    """Such a process, which starts at once. Used by one thread at a time."""

    def __init__(self) -> None:
        """Start it. Raises OSError where that is not possible."""
        self.is_dead = False
        self._process = subprocess.Popen(
            # No module of the folder that the user is in is taken for one of ours.
            [sys.executable, "-P", "-c", f"from {__name__} import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            # Ctrl-C is for the process that reads.
            process_group=0,
        )

    def parse(self, alone: Alone, fields: FieldMap) -> Found:
        """Do what `parse` does, there; return None where the process is gone, too."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            pickle.dump((alone, fields), self._process.stdin, pickle.HIGHEST_PROTOCOL)
            self._process.stdin.flush()
            found: Found = pickle.load(self._process.stdout)
        except Exception:  # noqa: BLE001 (it was killed, or could not be started: the rows are still there)
            self.is_dead = True
            return None
        return found

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def serve() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            alone, fields = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        pickle.dump(parse(alone, fields), sys.stdout.buffer, pickle.HIGHEST_PROTOCOL)
        sys.stdout.flush()

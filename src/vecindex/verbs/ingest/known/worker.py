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
from typing import IO, Any

from vecindex.sources.base import Block, Item
from vecindex.sources.fieldmap import FieldMap
from vecindex.verbs.ingest.known.blocks import Digests, digests_of

_LENGTH_BYTES, _BUFFER_BYTES = 8, 1 << 20
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
            bufsize=_BUFFER_BYTES,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            # Ctrl-C is for the process that reads.
            process_group=0,
        )

    def parse(self, pieces: Sequence[Alone], fields: FieldMap) -> list[Found]:
        """Do what `parse` does with each, there; return None for each where the process is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            _send(self._process.stdin, (pieces, fields))
            found: list[Found] = _received(self._process.stdout)
        except Exception:  # noqa: BLE001 (it was killed, or could not be started: the rows are still there)
            self.is_dead = True
            return [None] * len(pieces)
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
            pieces, fields = _received(sys.stdin.buffer)
        except EOFError:
            return
        _send(sys.stdout.buffer, [parse(alone, fields) for alone in pieces])


def _send(stream: IO[bytes], what: object) -> None:
    # At once: after each part, a thread would wait for the lock of the interpreter.
    message = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    stream.write(len(message).to_bytes(_LENGTH_BYTES, "little") + message)
    stream.flush()


def _received(stream: IO[bytes]) -> Any:
    length = stream.read(_LENGTH_BYTES)
    if len(length) < _LENGTH_BYTES:
        raise EOFError
    return pickle.loads(stream.read(int.from_bytes(length, "little")))

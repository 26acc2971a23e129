"""A process that parses and hashes rows for the one that reads them.

It is given what parses the rows, and the fields, as pickles; it ends where its input does, also when the process that
started it is killed.
"""

from __future__ import annotations

import logging
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

Parse = Callable[[], Sequence[Item | Block] | None]
"""See `sources.base.Unparsed`."""
PieceDigests = list[Digests] | None
"""The digests of a piece, part by part; None where its rows are to be read in the order of the input."""

_LOG = logging.getLogger(__name__)
_LENGTH_BYTES, _BUFFER_BYTES = 8, 1 << 20


def digests_of_piece(parse: Parse, fields: FieldMap) -> PieceDigests:
    """Return the digests of the rows that `parse` gives."""
    try:
        rows = parse()
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

    @staticmethod
    def can_start() -> bool:
        """Return whether there is an interpreter to start, and not a program that brings its own."""
        return bool(sys.executable) and not getattr(sys, "frozen", False)

    def digests(self, parses: Sequence[Parse], fields: FieldMap) -> list[PieceDigests]:
        """Do what `digests_of_piece` does with each, there; return None for each where the process is gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if not self.is_dead:
            try:
                _send(self._process.stdin, (parses, fields))
                found: list[PieceDigests] = _received(self._process.stdout)
                return found
            except Exception as error:  # noqa: BLE001 (whatever it was, the rows are still there)
                _LOG.info("a process for unchanged rows is gone: %r", error)
                self.is_dead = True
                self._process.kill()
        return [None] * len(parses)

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.communicate()


def serve() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a library prints is no answer.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while True:
        try:
            parses, fields = _received(sys.stdin.buffer)
        except EOFError:
            return
        _send(answers, [digests_of_piece(parse, fields) for parse in parses])


def _send(stream: IO[bytes], what: object) -> None:
    # At once: after each part, a thread would wait for the lock of the interpreter.
    message = pickle.dumps(what, pickle.HIGHEST_PROTOCOL)
    stream.write(len(message).to_bytes(_LENGTH_BYTES, "little"))
    stream.write(message)
    stream.flush()


def _received(stream: IO[bytes]) -> Any:
    length = stream.read(_LENGTH_BYTES)
    if len(length) < _LENGTH_BYTES:
        raise EOFError
    return pickle.loads(stream.read(int.from_bytes(length, "little")))

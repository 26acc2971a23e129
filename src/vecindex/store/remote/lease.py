"""One writer at a time for a database in object storage: an object that names the holder, and expires.

The lease gives the second writer a clear message. It does not make commits safe: a clock may be wrong, a process may
be paused for longer than its lease. For that, each commit compares and swaps; see `commits`.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from vecindex.errors import LockedError, StoreError
from vecindex.masks import masked
from vecindex.messages import option, text
from vecindex.objects.requests import Objects, Version
from vecindex.store.remote.probe import check_conditional_writes

_LOG = logging.getLogger(__name__)
LEASE, CLOCK = ".vecindex.lease", ".vecindex.clock"
LEASE_S = 60.0
"""How long a lease lasts that is not renewed."""
_RENEWALS = 4
_POLL_S = 1.0
_COMMAND_WORDS = 3


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease, or held it."""

    nonce: str
    host: str
    pid: int
    began: str
    command: str
    machine: str
    """A digest of what distinguishes this start of this machine, and a container's own numbers of processes."""
    lease_s: float
    released: bool = False

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}: {self.command}, since {self.began}"

    @property
    def is_gone(self) -> bool:
        """Whether the process is known to have ended: of another machine that is never known."""
        if self.released:
            return True
        import psutil

        if self.machine != _machine():
            return False
        try:
            process = psutil.Process(self.pid)
            began = datetime.fromtimestamp(process.create_time(), UTC)
        except psutil.Error:
            return True
        return abs((began - datetime.fromisoformat(self.began)).total_seconds()) > 2


class Lease:
    """A lease that this process holds; renewed by a thread until it is released or lost."""

    def __init__(self, objects: Objects, holder: Holder, version: Version) -> None:
        """Take the object's version as it was acquired."""
        self._objects, self._holder, self._version = objects, holder, version
        self._renewed = _clock()
        self._lost = False
        self._changing = threading.Lock()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="vecindex lease", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise LockedError where the lease is another's by now; renew it where it may have expired."""
        if not self._lost and _clock() - self._renewed > self._holder.lease_s / 2:
            with suppress(StoreError):  # it may still last
                self._renew()
        if self._lost or _clock() - self._renewed > self._holder.lease_s:
            raise LockedError(
                f"Another process writes to {self._objects.uri} by now: this one was paused or disconnected for "
                f"longer than its lease of {self._holder.lease_s:g} s.",
                "What it committed before is safe. Run the same command again: it goes on from there.",
            )

    def release(self) -> None:
        """Give the lease up; nothing is removed, since it may be another's by now."""
        self._done.set()
        self._thread.join()
        with self._changing, suppress(StoreError):
            if not self._lost:
                self._objects.replace(LEASE, _written(self._holder, released=True), self._version)

    def _keep(self) -> None:
        while not self._done.wait(self._holder.lease_s / _RENEWALS):
            with suppress(StoreError):  # the next time may do; what the writer asks itself says why not
                self._renew()

    def _renew(self) -> None:
        with self._changing:
            if self._lost:
                return
            asked = _clock()
            version = self._objects.replace(LEASE, _written(self._holder, asked), self._version)
            if version is None:
                # The answer to an earlier renewal of ours may have been lost, and not the lease.
                found = self._objects.read(LEASE)
                version = found[1] if found is not None and _read(found[0]).nonce == self._holder.nonce else None
            if version is None:
                self._lost = True
                _LOG.warning("the lease on %s is another's by now", self._objects.uri)
            else:
                self._version, self._renewed = version, asked


_held: dict[str, Lease] = {}
"""The leases that this process holds, by the databases' URLs."""


@contextmanager
def leased(uri: str, doing: str = "", wait_s: float = 0.0, lease_s: float = LEASE_S) -> Iterator[None]:
    """Hold the lease on a database inside the block, or raise LockedError after `wait_s`, naming its holder.

    The first time in a process, the store is asked whether it enforces conditional writes; see `probe`.
    """
    objects = Objects(uri)
    objects.check()
    check_conditional_writes(objects)
    lease = _acquired(objects, doing, wait_s, lease_s)
    _held[objects.uri] = lease
    try:
        yield
    finally:
        del _held[objects.uri]
        lease.release()


def check_lease(where: str) -> None:
    """Raise LockedError where this process writes to a table, at `where`, under a lease that it has lost."""
    lease = _held.get(where.rpartition("/")[0])
    if lease is not None:
        lease.check()


def made_meanwhile(error: Exception, where: str) -> LockedError | None:
    """Return the error for a table that could not be made since another process has just made it; None for others."""
    if "already exists" not in str(error):
        return None
    return LockedError(
        f"Another process has made the table {where} meanwhile.",
        "Run the same command again: it goes on from what is there.",
    )


def holder_of(uri: str) -> str | None:
    """Return who writes to a database now, None where nobody is known to."""
    with suppress(StoreError):
        objects = Objects(uri)
        found = objects.read(LEASE)
        if found is not None:
            holder = _read(found[0])
            if not holder.is_gone and _left_s(objects, found[2], holder) > 0:
                return str(holder)
    return None


def _acquired(objects: Objects, doing: str, wait_s: float, lease_s: float) -> Lease:
    until = _clock() + wait_s
    noticed = False
    mine = _myself(doing, lease_s)
    if objects.uri in _held:
        raise _locked(objects.uri, str(mine), None, 0.0)
    while True:
        found = objects.read(LEASE)
        if found is None:
            version = objects.create(LEASE, _written(mine))
            if version is not None:
                return Lease(objects, mine, version)
            continue  # another one was quicker: who that is stands there now
        there, left = _read(found[0]), 0.0
        if there.nonce == mine.nonce:
            return Lease(objects, mine, found[1])  # the answer was lost, and what was asked again was refused
        if there.is_gone or (left := _left_s(objects, found[2], there)) <= 0:
            version = objects.replace(LEASE, _written(mine), found[1])
            if version is not None:
                return Lease(objects, mine, version)
            continue
        if _clock() >= until:
            raise _locked(objects.uri, str(there), left, wait_s)
        if not noticed:
            _LOG.warning("waiting up to %g s for another writer (%s)", wait_s, there)
            noticed = True
        time.sleep(min(_POLL_S, max(0.0, until - _clock())))


def _locked(uri: str, holder: str, left: float | None, wait_s: float) -> LockedError:
    if wait_s:
        hint: Any = text(option("wait", f"{wait_s:g}"), " was not long enough: wait longer, or stop the other one.")
    else:
        hint = "Wait until it is done, or stop it; then run the same command again."
    if left is not None:
        hint = text(hint, f" If it was killed, its lease ends in {left:.0f} s.")
    return LockedError(f"Another process is writing to {uri} ({holder}).", hint)


def _left_s(objects: Objects, renewed: datetime, holder: Holder) -> float:
    """Return the seconds that a lease still lasts, by the store's own clock: no two machines need to agree."""
    now = objects.write(CLOCK, uuid.uuid4().hex.encode())
    return (renewed + timedelta(seconds=holder.lease_s) - now).total_seconds()


def _written(holder: Holder, counter: float = 0.0, released: bool = False) -> bytes:
    # Each renewal has other bytes: on some stores the version of an object is a digest of them.
    about = {name: getattr(holder, name) for name in Holder.__slots__} | {"released": released, "renewed": counter}
    return json.dumps(about).encode()


def _read(content: bytes) -> Holder:
    """Return whom a lease names; one that cannot be read is nobody's, and expires as others do."""
    try:
        about = json.loads(content)
        return Holder(
            nonce=str(about["nonce"]),
            host=str(about["host"]),
            pid=int(about["pid"]),
            began=datetime.fromisoformat(about["began"]).isoformat(),
            command=str(about["command"]),
            machine=str(about["machine"]),
            lease_s=float(about["lease_s"]),
            released=about["released"] is True,
        )
    except (ValueError, KeyError, TypeError):
        return Holder("", "an unknown machine", 0, "an unknown time", "unknown", "", LEASE_S)


def _myself(doing: str, lease_s: float) -> Holder:
    import psutil

    began = datetime.fromtimestamp(psutil.Process().create_time(), UTC).isoformat(timespec="seconds")
    command = f"{Path(sys.argv[0]).name} {masked(' '.join(sys.argv[1:_COMMAND_WORDS]))}{doing}"
    return Holder(uuid.uuid4().hex, platform.node(), os.getpid(), began, command, _machine(), lease_s)


def _machine() -> str:
    """Return what two processes have in common that see each other's numbers: the start of the system, its space."""
    import psutil

    try:
        parts = [
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"),
            str(Path("/proc/self/ns/pid").readlink()),
        ]
    except OSError:  # not Linux
        parts = [platform.node(), f"{psutil.boot_time():.0f}"]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def _clock() -> float:
    """Return seconds that go on while the machine sleeps, where the system has such a clock."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)

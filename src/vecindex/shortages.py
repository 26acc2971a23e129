"""What the system lacked, read from an exception of whichever library: each says it in words of its own."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

_SMALL_BYTES = 64 << 20
# What LanceDB opens by itself before it reads a file: sockets of its threads, and its queues of events.
_FEW_FILES = 32
_GROUPS, _OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
# Limit, usage, and the entry of memory.stat with the cached files, in version 2 and 1.
_GROUP_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


class Shortage(StrEnum):
    """What was lacking; the value is how a message begins."""

    DESCRIPTORS = "Too few file descriptors"
    MEMORY = "Not enough memory"
    SPACE = "No space left on the disk"
    READ_ONLY = "The disk is read-only"
    PERMISSION = "No permission"
    LOCKS = "The disk has no file locks"
    ATOMIC = "The disk cannot do what a database needs"
    STALE = "The connection to a network disk was lost"
    DISK = "The disk or its connection failed"

    @property
    def hint(self) -> str:
        """What helps."""
        return _HINTS[self]


_OTHER_DISK = "Use a local disk or object storage (s3://, gs://, az://) for the database."
_HINTS = {
    Shortage.DESCRIPTORS: "Raise the limit, for example with `ulimit -n 4096`, and run the same command again.",
    Shortage.MEMORY: "Close other programs or raise the limit (`ulimit -v`), and run the same command again.",
    Shortage.SPACE: "Free some space and run the same command again: it goes on where it stopped.",
    Shortage.READ_ONLY: "Mount it for writing, or use a copy of the database on another disk.",
    Shortage.PERMISSION: "Check the owner and the permissions of the files, and run the same command again.",
    Shortage.LOCKS: _OTHER_DISK,
    Shortage.ATOMIC: _OTHER_DISK,
    Shortage.STALE: "Mount the disk again, and run the same command again; the files may be whole.",
    Shortage.DISK: "Check the disk and its connection, and run the same command again; the files may be whole.",
}
_NUMBERS = {
    errno.EMFILE: Shortage.DESCRIPTORS,
    errno.ENFILE: Shortage.DESCRIPTORS,
    errno.ENOSPC: Shortage.SPACE,
    errno.EDQUOT: Shortage.SPACE,
    errno.EROFS: Shortage.READ_ONLY,
    errno.EACCES: Shortage.PERMISSION,
    errno.EPERM: Shortage.PERMISSION,
    errno.ENOLCK: Shortage.LOCKS,
    errno.ENOSYS: Shortage.ATOMIC,
    errno.EOPNOTSUPP: Shortage.ATOMIC,
    errno.ENOTSUP: Shortage.ATOMIC,
    errno.ESTALE: Shortage.STALE,
    errno.ENOTCONN: Shortage.STALE,
    errno.EHOSTDOWN: Shortage.STALE,
    errno.EIO: Shortage.DISK,
    **({errno.EREMOTEIO: Shortage.DISK} if hasattr(errno, "EREMOTEIO") else {}),  # Linux has it
    errno.ENOMEM: Shortage.MEMORY,
}


def _said(lacking: Shortage, words: str) -> str:
    """Return the pattern of what Rust says: the system's words with the number of the error, or that alone."""
    numbers = "|".join(str(number) for number, kind in _NUMBERS.items() if kind is lacking)
    return f"{words}|(?:os error|code:) (?:{numbers})\\b"


_WORDS = {
    # A disk without hard links says EPERM, and so does a file of somebody else's. LanceDB ends a commit by a link.
    Shortage.ATOMIC: r"required for safe lance commits|unable to (?:copy|rename) file.*not permitted|"
    + _said(Shortage.ATOMIC, r"operation not supported|function not implemented"),
    Shortage.DESCRIPTORS: _said(Shortage.DESCRIPTORS, "too many open files"),
    Shortage.SPACE: _said(Shortage.SPACE, "no space left|disk quota"),
    Shortage.READ_ONLY: _said(Shortage.READ_ONLY, "read-only file system"),
    Shortage.PERMISSION: _said(Shortage.PERMISSION, "permission denied|operation not permitted"),
    Shortage.LOCKS: _said(Shortage.LOCKS, "no locks available"),
    Shortage.STALE: _said(Shortage.STALE, "stale (?:nfs )?file handle|endpoint is not connected"),
    Shortage.DISK: _said(Shortage.DISK, "input/output error"),
    Shortage.MEMORY: _said(
        Shortage.MEMORY,
        "cannot allocate memory|out of memory|memory allocation|not enough memory|failed to map segment"
        # What Rust says of a Python object that there was no memory for.
        "|resources exhausted|pyobject pointer is null",
    ),
}


def shortage(error: BaseException, where: str = "") -> Shortage | None:
    """Return what an exception, or one that it was raised for, says was lacking; None where it says nothing of it.

    `where` is what it was about, whose name may be any words.

    >>> shortage(RuntimeError("IO error: Too many open files (os error 24)")).name
    'DESCRIPTORS'
    >>> shortage(RuntimeError("Generic memory error: Invalid range 0..9 for object of size 0 bytes"))
    """
    for one in _chain(error):
        if isinstance(one, MemoryError):
            return Shortage.MEMORY
        if isinstance(one, OSError) and one.errno in _NUMBERS:
            return _NUMBERS[one.errno]
        said = str(one).replace(where, "") if where else str(one)
        for lacking, words in _WORDS.items():
            if re.search(words, said, re.IGNORECASE):
                return lacking
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def disk_of(path: Path) -> str | None:
    """Return where the disk of a path is mounted and its file system, as in "/mnt (nfs)"; None if that is unknown."""
    import psutil

    with suppress(OSError, ValueError, psutil.Error):
        real = Path(os.path.realpath(path))
        disks = [one for one in psutil.disk_partitions(all=True) if real.is_relative_to(one.mountpoint)]
        # Of two that are mounted at one path, the later one hides the other.
        best = max(enumerate(disks), key=lambda found: (len(found[1].mountpoint), found[0]))[1]
        return f"{best.mountpoint} ({best.fstype})"
    return None


def is_panic(error: BaseException) -> bool:
    """Return whether the Rust side panicked: on a thread of Python's, or in a task of its own.

    Neither class can be imported, and the first is no Exception.
    """
    return type(error).__name__ in ("PanicException", "RustPanic")


def short_now() -> Shortage | None:
    """Return what this process is short of at this moment, for a failure that says nothing of its cause."""

    free = _free_descriptors()
    if free is not None and free < _FEW_FILES:
        return Shortage.DESCRIPTORS
    return Shortage.MEMORY if memory_available() < _SMALL_BYTES else None


def memory_available(groups: Path = _GROUPS, own: Path = _OWN_GROUPS) -> int:
    """Return the bytes that this process can still take: of the machine, of a container's limit and of its own."""
    import psutil

    left: list[int] = [psutil.virtual_memory().available, *_left_in_groups(groups, own)]
    addresses = addresses_left()
    if addresses is not None:
        left.append(addresses)
    return max(0, min(left))


def addresses_left() -> int | None:
    """Return the bytes of addresses that a bound such as `ulimit -v` leaves this process; None without one."""
    bound = _limit("RLIMIT_AS")
    if bound is None:
        return None
    import psutil

    return max(0, bound - int(psutil.Process().memory_info().vms))


def _left_in_groups(groups: Path, own: Path) -> Iterator[int]:
    """Yield the bytes that each control group of this process leaves (Linux, versions 2 and 1)."""
    with suppress(OSError, ValueError):
        for line in own.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers and "memory" not in controllers.split(","):
                continue
            names = _GROUP_FILES[bool(controllers)]
            base = groups / "memory" if controllers else groups
            group = base / path.lstrip("/")
            for one in (group, *group.parents):
                if one.is_relative_to(base):
                    yield from _left_in(one, *names)


def _left_in(group: Path, limit: str, usage: str, cache: str) -> Iterator[int]:
    """Yield what one control group leaves, if it has a limit; files that it caches can be given back."""
    with suppress(OSError, ValueError):  # "max", the group of another namespace
        allowed = int((group / limit).read_text(encoding="utf-8"))
        used = int((group / usage).read_text(encoding="utf-8"))
        known = dict(line.split() for line in (group / "memory.stat").read_text(encoding="utf-8").splitlines())
        yield allowed - used + int(known.get(cache, 0))


def descriptors_allowed() -> int | None:
    """Return how many files this process may have open, None where that is unknown or has no limit."""
    return _limit("RLIMIT_NOFILE")


def _free_descriptors() -> int | None:
    import psutil

    allowed = descriptors_allowed()
    return None if allowed is None else allowed - psutil.Process().num_fds()


def has_bounded_memory() -> bool:
    """Return whether the addresses that this process may have are bounded, as by `ulimit -v`."""
    return _limit("RLIMIT_AS") is not None


def _limit(name: str) -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft: int = resource.getrlimit(getattr(resource, name))[0]
    return None if soft == resource.RLIM_INFINITY else soft

"""What the system lacked, read from an exception of whichever library: each says it in words of its own."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from enum import StrEnum

_SMALL_BYTES = 64 << 20
# What LanceDB opens by itself before it reads a file: sockets of its threads, and its queues of events.
_FEW_FILES = 32


class Shortage(StrEnum):
    """What was lacking; the value is how a message begins."""

    DESCRIPTORS = "Too few file descriptors"
    MEMORY = "Not enough memory"
    SPACE = "No space left on the disk"
    PERMISSION = "No permission"
    DISK = "The disk or its connection failed"

    @property
    def hint(self) -> str:
        """What helps."""
        return _HINTS[self]


_HINTS = {
    Shortage.DESCRIPTORS: "Raise the limit, for example with `ulimit -n 4096`, and run the same command again.",
    Shortage.MEMORY: "Close other programs or raise the limit (`ulimit -v`), and run the same command again.",
    Shortage.SPACE: "Free some space and run the same command again: it goes on where it stopped.",
    Shortage.PERMISSION: "Check the owner of the files and whether the disk is read-only, and run the command again.",
    Shortage.DISK: "Check the disk and its connection, and run the same command again; the files may be whole.",
}
# Rust adds the number of the error to the system's words, or prints the number alone.
_WORDS = {
    Shortage.DESCRIPTORS: r"too many open files|(?:os error|code:) (?:23|24)\b",
    Shortage.SPACE: r"no space left|disk quota|(?:os error|code:) (?:28|122)\b",
    Shortage.PERMISSION: r"permission denied|operation not permitted|read-only file system"
    r"|(?:os error|code:) (?:1|13|30)\b",
    Shortage.DISK: r"input/output error|stale file handle|endpoint is not connected"
    r"|(?:os error|code:) (?:5|107|116|121)\b",
    Shortage.MEMORY: r"cannot allocate memory|out of memory|memory allocation|not enough memory|failed to map segment"
    r"|resources exhausted|(?:os error|code:) 12\b",
}
_NUMBERS = {
    errno.EMFILE: Shortage.DESCRIPTORS,
    errno.ENFILE: Shortage.DESCRIPTORS,
    errno.ENOSPC: Shortage.SPACE,
    errno.EDQUOT: Shortage.SPACE,
    errno.EACCES: Shortage.PERMISSION,
    errno.EPERM: Shortage.PERMISSION,
    errno.EROFS: Shortage.PERMISSION,
    errno.EIO: Shortage.DISK,
    errno.ESTALE: Shortage.DISK,
    errno.ENOTCONN: Shortage.DISK,
    errno.ENOMEM: Shortage.MEMORY,
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


def short_now() -> Shortage | None:
    """Return what this process is short of at this moment, for a failure that says nothing of its cause."""
    import psutil

    free = _free_descriptors()
    if free is not None and free < _FEW_FILES:
        return Shortage.DESCRIPTORS
    left = psutil.virtual_memory().available
    bound = _limit("RLIMIT_AS")
    if bound is not None:
        left = min(left, bound - psutil.Process().memory_info().vms)
    return Shortage.MEMORY if left < _SMALL_BYTES else None


def descriptors_allowed() -> int | None:
    """Return how many files this process may have open, None where that is unknown or has no limit."""
    return _limit("RLIMIT_NOFILE")


def _free_descriptors() -> int | None:
    import psutil

    allowed = descriptors_allowed()
    return None if allowed is None else allowed - psutil.Process().num_fds()


def _limit(name: str) -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    soft: int = resource.getrlimit(getattr(resource, name))[0]
    return None if soft == resource.RLIM_INFINITY else soft

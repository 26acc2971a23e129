"""Giving memory back to the system, the most that was held, and sizes as people write them."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

# M_ARENA_MAX of glibc's malloc.h.
_ARENA_MAX = -8
# With more digits than these a size is a typing error, and soon none that a float holds.
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*([kmgt]?)(i?)b?", re.IGNORECASE | re.ASCII)


def bytes_in_words(written: str) -> int | None:
    """Return a size as bytes, None for a text that is none; KB, MB, GB and TB count thousands, KiB and so on 1,024.

    >>> bytes_in_words("1.5GB"), bytes_in_words("2 GiB"), bytes_in_words("much")
    (1500000000, 2147483648, None)
    """
    found = _SIZE.fullmatch(written.strip())
    if found is None:
        return None
    power = " kmgt".index(found[2].lower() or " ")
    return int(float(found[1]) * (1024 if found[3] else 1000) ** power)


def give_back_memory() -> None:
    """Return free memory of the C library's heap to the system, where that library is glibc.

    It keeps what was freed otherwise: 200 MB after a compaction of 100,000 rows; and after a batch that ran out of
    memory, all that the next, smaller one would need elsewhere.
    """
    _call_glibc("malloc_trim", 0)


def keep_one_heap() -> None:
    """Let all threads take their memory from one heap, from now on, where the C library is glibc.

    Else each thread has its own, and what is freed in one is not used again in another: 90 MB after reading 384 MB of
    vectors in small parts, 100 MB after 250 commits. For the whole process, so it is for commands, not for a library
    that others use.
    """
    _call_glibc("mallopt", _ARENA_MAX, 1)


def most_held_bytes(status: Path = Path("/proc/self/status")) -> int | None:
    """Return the most memory that this process has held so far; None where the system does not say (not Linux).

    Unlike the figure of `getrusage`, this one does not begin with that of the process that started this one.
    """
    with suppress(OSError, UnicodeDecodeError):
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def _call_glibc(name: str, *arguments: int) -> None:
    import ctypes

    with suppress(OSError, AttributeError, TypeError):  # another C library, which has its own ways
        getattr(ctypes.CDLL(None), name)(*arguments)

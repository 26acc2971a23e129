"""Giving memory back to the system."""

from __future__ import annotations

import ctypes
from contextlib import suppress

# M_ARENA_MAX of glibc's malloc.h.
_ARENA_MAX = -8


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


def _call_glibc(name: str, *arguments: int) -> None:
    with suppress(OSError, AttributeError, TypeError):  # another C library, which has its own ways
        getattr(ctypes.CDLL(None), name)(*arguments)

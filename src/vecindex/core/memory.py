"""Giving memory back to the system."""

from __future__ import annotations

import ctypes


def give_back_memory() -> None:
    """Return free memory of the C library's heap to the system, where that library is glibc.

    It keeps what was freed otherwise: 200 MB after a compaction of 100,000 rows; and after a batch that ran out of
    memory, all that the next, smaller one would need elsewhere.
    """
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return  # another C library, which has its own ways
    trim(0)


def return_large_blocks() -> None:
    """Have each large block given back to the system when it is freed, from now on, where the C library is glibc.

    It moves the bound by itself as large blocks are freed, so that they come to lie in the heaps of many threads,
    between what is still used: 120 MB after reading 384 MB of vectors in small parts. The price is that the system
    clears a block anew each time, which a model at work would feel.
    """
    try:
        option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    option(_MMAP_THRESHOLD, _LARGE)


# M_MMAP_THRESHOLD of glibc's malloc.h, and the size that it begins with twice over.
_MMAP_THRESHOLD = -3
_LARGE = 1 << 20

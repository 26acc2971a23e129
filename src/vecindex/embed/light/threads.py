"""One thread for numpy's matrix products, as long as anybody needs it so."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_users = 0
_limit: Any = None


def threads_here() -> int:
    """Return how many threads may compute: the cores that the process may use, at most `OMP_NUM_THREADS`."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # OpenMP's may be a list, a number for each level of nesting.
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return min(cores, max(1, int(asked))) if asked.isdecimal() else cores


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let numpy's matrix library use one thread inside the block; the last of several users puts its number back.

    The number belongs to the whole process, so products elsewhere take one thread too meanwhile.
    """
    global _users, _limit
    with _lock:
        if not _users:
            from threadpoolctl import threadpool_limits

            _limit = threadpool_limits(limits=1, user_api="blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _limit.restore_original_limits()

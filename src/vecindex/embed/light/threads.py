"""One thread for numpy's matrix products, as long as anybody needs it so."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_lock = threading.Lock()
_users = 0
_limit: Any = None


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

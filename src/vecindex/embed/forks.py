"""Which process may use a model: torch's threads do not survive a fork, and a child would wait for them for ever."""

from __future__ import annotations

import os

from vecindex.errors import ModelError

_users: list[int] = []
"""The process that used a model first: this one, or the one that it was forked from."""


def refuse_after_fork() -> None:
    """Raise ModelError in a process that was forked after a model was used."""
    if not _users:
        _users.append(os.getpid())
    elif _users[0] != os.getpid():
        raise ModelError(
            f"This process ({os.getpid()}) was forked from one that had used a model ({_users[0]}). Its threads were "
            "not copied, so the model would never answer.",
            "Use the model in the forked processes alone, or start them otherwise: multiprocessing's 'spawn' or "
            "'forkserver', gunicorn without its preloading, celery with a pool of threads.",
        )

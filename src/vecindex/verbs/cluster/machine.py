"""What fails on a machine of a cluster and not on others, in words that name it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

from vecindex.errors import UnavailableError
from vecindex.files import local_folder
from vecindex.messages import text
from vecindex.store.faults import translated


@contextmanager
def on_this_machine(where: str) -> Iterator[None]:
    """As `translated`, for a worker: where object storage is not to be had from its machine, that is named."""
    try:
        with translated(where):
            yield
    except UnavailableError as error:
        if local_folder(where) is not None:
            raise
        raise UnavailableError(
            text(f"A worker on the machine {socket.gethostname()} could not read or write: ", error.message),
            text(
                "It has the settings with which Ray was started there. Set what the store needs, start Ray again, ",
                "and run the same command again. ",
                error.hint or "",
            ),
        ) from error

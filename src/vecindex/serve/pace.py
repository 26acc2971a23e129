"""How long a request may take, in each of its stages, and how many may wait."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Pace:
    """The limits of a server.

    Attributes
    ----------
    request_s : for a client to send the headers of a request, and again to send its body.
    answer_s : for an answer, the wait for other requests included.
    read_s : for a client to read a piece of an answer.
    piece_bytes : how much of an answer is given at once; the rest waits in what all requests share.
    waiting : requests that may wait for their turn.
    connections : clients that may be connected.
    """

    request_s: float = 15.0
    answer_s: float = 60.0
    read_s: float = 30.0
    piece_bytes: int = 64 << 10
    waiting: int = 400
    connections: int = 600


PACE = Pace()

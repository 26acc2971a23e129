"""Answers of the API: errors with a status, what is wrong and what to do next; bytes that are kept compressed."""

from __future__ import annotations

import logging
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from starlette.responses import Response, StreamingResponse

from vecindex.core.limits import Stopped
from vecindex.errors import (
    ConfigError,
    LockedError,
    ModelError,
    SourceError,
    StaleError,
    StoreError,
    VecindexError,
    described,
)
from vecindex.messages import Message
from vecindex.serialize import Spell
from vecindex.serve.models import Failure
from vecindex.serve.pace import PACE

_LOG = logging.getLogger(__name__)
# zlib's number for gzip with its header.
_GZIP = 16 + zlib.MAX_WBITS

REASONS = {
    400: "what was asked makes no sense for this table",
    403: "the request comes from another page or names another host, or the server was not started for it",
    404: "there is no such thing",
    405: "the method is not for this address",
    408: "the request was not sent in time",
    409: "the table has changed, does not allow this as it is, or is being written",
    413: "the request is too large",
    415: "the body is not JSON",
    422: "a value is missing, unknown or of the wrong kind",
    500: "an unforeseen error",
    503: "the table, or the model, is not there at the moment; or the answer took too long",
}
"""What each status means."""


class Refused(VecindexError):
    """A request that is answered with a status of its own."""

    def __init__(self, status: int, message: Message, hint: Message | None = None) -> None:
        super().__init__(message, hint)
        self.status = status

    def __reduce__(self) -> tuple[type[Refused], tuple[int, Message, Message | None]]:
        """Rebuild from all three."""
        return Refused, (self.status, self.message, self.hint)


def status_of(error: Exception) -> int:
    """Return the HTTP status of an error.

    >>> [status_of(e) for e in (ConfigError("wrong"), StoreError("gone"), Refused(409, "old"), KeyError())]
    [400, 503, 409, 500]
    """
    if isinstance(error, Refused):
        return error.status
    if isinstance(error, ConfigError):
        return 400
    if isinstance(error, (LockedError, StaleError)):
        return 409
    return 503 if isinstance(error, (ModelError, SourceError, StoreError, Stopped)) else 500


def failure(error: Exception, spell: Spell = str) -> Response:
    """Return the answer for an error; of an unforeseen one the log has the details, and the answer its kind.

    `spell` writes what its message names.
    """
    status = status_of(error)
    if isinstance(error, VecindexError):
        return failure_of(status, spell(error.message), None if error.hint is None else spell(error.hint))
    _LOG.error("unexpected error", exc_info=error)
    return failure_of(
        status,
        f"Unexpected {described(error)}",
        "The table is untouched. Start the server with a log file to get the details for a report.",
    )


def failure_of(
    status: int, what: str, next_step: str | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return an answer that says what is wrong."""
    return json_response(Failure(error=what, next=next_step).model_dump_json(), status, headers)


def json_response(text: str, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return JSON as an answer."""
    # A lone surrogate has no UTF-8; it could only come from an error that quotes what was asked.
    return Response(text.encode("utf-8", "replace"), status, headers, media_type="application/json")


@dataclass(frozen=True, slots=True)
class Packed:
    """Bytes kept compressed by gzip, with the media type of their content."""

    data: bytes
    media_type: str

    def response(self, accepted: str) -> Response:
        """Return the response for a request's Accept-Encoding."""
        if "gzip" in accepted.lower():
            headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return Response(self.data, headers=headers, media_type=self.media_type)
        # Piece by piece, for it may be read slowly, and by many.
        return StreamingResponse(_pieces(self.data), headers={"Vary": "Accept-Encoding"}, media_type=self.media_type)


async def _pieces(packed: bytes) -> AsyncIterator[bytes]:
    """Yield what was compressed by gzip."""
    unpacker, pending = zlib.decompressobj(_GZIP), packed
    while not unpacker.eof:
        yield unpacker.decompress(pending, PACE.piece_bytes)
        pending = unpacker.unconsumed_tail

"""Bytes that are kept compressed, and sent compressed to clients that accept gzip, as every browser does."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Packed:
    """Bytes compressed by gzip, with the media type of their content."""

    data: bytes
    media_type: str

    def response(self, accepted: str) -> Response:
        """Return the response for a request's Accept-Encoding."""
        if "gzip" in accepted.lower():
            headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return Response(self.data, headers=headers, media_type=self.media_type)
        return Response(gzip.decompress(self.data), headers={"Vary": "Accept-Encoding"}, media_type=self.media_type)

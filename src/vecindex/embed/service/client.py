"""One embedding service over HTTP: requests, retries, and what its answers mean."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from vecindex.config import KEY_VARIABLE
from vecindex.core.vectors import F32
from vecindex.errors import ModelError
from vecindex.masks import MASK

_HOSTED = {"api.openai.com": "OPENAI_API_KEY"}
"""Variables of services that have one of their own; a key goes to no other host."""

RETRIES = 8
BACKOFF_S = 0.5
_LONGEST_WAIT_S = 60
_CONNECT_S, _ANSWER_S = 10.0, 300.0
_BUSY = (408, 409, 425, 429, 500, 502, 503, 504)
_SHOWN_CHARS = 200
_OTHER_MODEL = "Is it an embedding model?"


class TextsRefusedError(ModelError):
    """The service answered, and refuses the texts of a request: one may be too long for it."""


class Client:
    """Asks a service at `base`, such as http://127.0.0.1:8080/v1. The key is in no attribute that is shown.

    A busy service, or one that does not answer, is asked again after longer and longer waits, or after as long as it
    says (`Retry-After`). Redirections are not followed, so the key goes to no other host.
    """

    def __init__(self, base: str, patient: bool = True) -> None:
        """Open nothing; without patience a request is made once."""
        import urllib3

        self.base = base
        parts = urllib3.util.parse_url(base)
        self.host = parts.host or ""
        variable = _HOSTED.get(self.host)
        self._key = os.environ.get(KEY_VARIABLE) or (os.environ.get(variable) if variable else None) or ""
        tries = urllib3.Retry(
            total=RETRIES if patient else 0,
            backoff_factor=BACKOFF_S,
            backoff_max=_LONGEST_WAIT_S,
            status_forcelist=_BUSY,
            allowed_methods=None,
            redirect=0,
            raise_on_status=False,
            raise_on_redirect=False,
        )
        timeout = urllib3.Timeout(connect=_CONNECT_S, read=_ANSWER_S)
        self._pool = urllib3.PoolManager(retries=tries, timeout=timeout, maxsize=16)

    def models(self) -> list[str]:
        """Return the names of the models that the service lists; empty where it has no such list."""
        status, answer = self._ask("GET", "/models", None)
        listed = answer.get("data") if status == 200 and isinstance(answer, dict) else None
        return [str(one["id"]) for one in listed or () if isinstance(one, dict) and "id" in one]

    def embed(self, model: str, texts: Sequence[str]) -> F32:
        """Return the vectors (n, d) of texts, as the service gives them.

        Raises TextsRefusedError where the texts are at fault, else ModelError.
        """
        body = {"model": model, "input": list(texts), "encoding_format": "float"}
        status, answer = self._ask("POST", "/embeddings", body)
        if status != 200:
            raise self._refused(status, answer)
        try:
            rows = sorted(answer["data"], key=lambda row: int(row["index"]))
            vectors = np.asarray([row["embedding"] for row in rows], dtype=np.float32)
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"The service at {self.base} gives no embeddings.", "Is it an embedding model?"
            ) from error
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise ModelError(
                f"The service at {self.base} gives {vectors.shape} values for {len(texts)} texts.",
                "Is it an embedding model?",
            )
        return vectors

    def _ask(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """Return the status and the JSON of an answer, None for no JSON. Raises ModelError where none comes."""
        import urllib3

        headers = {"Content-Type": "application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            sent = None if body is None else json.dumps(body).encode()
            got = self._pool.request(method, self.base + path, body=sent, headers=headers)
        except urllib3.exceptions.HTTPError as error:
            cause = getattr(error, "reason", None) or error
            raise ModelError(
                f"The embedding service at {self.base} does not answer ({self._without_key(type(cause).__name__)}).",
                "Start it, and run the same command again: it goes on from there.",
            ) from None
        try:
            return got.status, json.loads(got.data)
        except ValueError:
            return got.status, None

    def _refused(self, status: int, answer: Any) -> ModelError:
        said = self._said(answer)
        if status in (401, 403):
            return ModelError(
                f"The embedding service at {self.base} refuses access ({status}{said}).",
                f"Put its key into the variable {KEY_VARIABLE}.",
            )
        if status in (400, 413, 422):
            return TextsRefusedError(f"The embedding service at {self.base} refuses the texts ({status}{said}).")
        hint = "Run the same command again when it is well: it goes on from there."
        if status == 404:
            hint = "The address ends where /embeddings follows, usually with /v1; the model is named behind a #."
        return ModelError(f"The embedding service at {self.base} answers with an error ({status}{said}).", hint)

    def _said(self, answer: Any) -> str:
        """Return what an answer says of the error, without the key, which some services repeat."""
        said = answer.get("error", answer.get("message")) if isinstance(answer, dict) else None
        said = said.get("message") if isinstance(said, dict) else said
        return f": {self._without_key(str(said))[:_SHOWN_CHARS]}" if said else ""

    def _without_key(self, said: str) -> str:
        return said.replace(self._key, MASK) if self._key else said

"""An encoder whose vectors a service makes, asked for with several requests at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np

from vecindex.config import KEY_VARIABLE
from vecindex.core.vectors import normalize, usable
from vecindex.embed.batching import TokenBudget
from vecindex.embed.encoder import ANY_LENGTH, Encoded, Encoder, Tokens, shortened
from vecindex.embed.encoders import EncoderKind, FoundModel, LoadOptions
from vecindex.embed.service.client import Client, TextsRefusedError
from vecindex.embed.service.identity import FIXED_TEXTS, alike, identity_of
from vecindex.errors import ModelError
from vecindex.messages import option, text

_REQUESTS_AT_ONCE = 4
_TEXTS_A_REQUEST = 64
_BATCH_TOKENS = 16_384
_CHARS_A_TOKEN = 4
_WORD = re.compile(r"\w+|[^\w\s]")
_NOT_FINITE = "the service gave a vector that is not finite or has no length"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceModel(FoundModel):
    """A model that a service runs: the service's address, and its own name of the model."""

    base: str
    model: str
    dimension: int


class ServiceEncoder(Encoder):
    """Sends texts to a service; what it reads of a text, and in which precision, is the service's own.

    Tokens are not known here: `Tokens.ids` are the characters, `counts` a fourth of them.
    """

    def __init__(self, found: ServiceModel, options: LoadOptions) -> None:
        """Take a model that answered. Raises ModelError for options that a service does not take."""
        if options.max_tokens not in (None, ANY_LENGTH):
            raise ModelError(
                f"How much {found.name} reads of a text is settled where it runs, and cannot be asked for here.",
                text("Leave ", option("max_tokens"), " out, or cut the texts: ", option("chunk", 256)),
            )
        self.dimension, self.pooling = shortened(found.name, found.dimension, "service", options.dimensions)
        self.max_tokens, self._full = ANY_LENGTH, found.dimension
        self.prompt = options.prompt or ""
        self.device = "service"
        self.budget = TokenBudget(_BATCH_TOKENS)
        self._model, self._client = found.model, Client(found.base)

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> Tokens:
        """Return the characters of each text behind a prompt, and about how many tokens they are."""
        before = self.prompt if prompt is None else prompt
        ids = [[ord(ch) for ch in before + one] for one in texts]
        counts = np.array([-(-len(one) // _CHARS_A_TOKEN) for one in ids], dtype=np.int32)
        return Tokens(ids, counts, np.zeros(len(ids), dtype=np.bool_))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character offsets of a text's words and marks."""
        return [found.span() for found in _WORD.finditer(text)]

    def embed(self, tokens: Tokens, done: Callable[[int], None] | None = None) -> Encoded:
        """Return the unit vectors (n, d) of texts, in requests of up to 64 texts, four at a time.

        A request whose texts are refused is split until the text at fault is found.
        """
        texts = ["".join(map(chr, ids)) for ids in tokens.ids]
        result = Encoded(np.full((len(texts), self.dimension), np.nan, dtype=np.float32))
        batches = list(self._batches(tokens.counts))
        with ThreadPoolExecutor(_REQUESTS_AT_ONCE) as threads:
            for batch, failed in zip(batches, threads.map(partial(self._put, texts, result), batches), strict=True):
                result.failed |= failed
                if done is not None:
                    done(len(batch))
        for i in np.flatnonzero(~usable(result.vectors)):
            result.failed.setdefault(int(i), _NOT_FINITE)
        return result

    def _batches(self, counts: Sequence[int] | np.ndarray) -> Iterator[list[int]]:
        batch: list[int] = []
        size = 0
        for row, count in enumerate(counts):
            if batch and (len(batch) == _TEXTS_A_REQUEST or size + int(count) > self.budget.tokens):
                yield batch
                batch, size = [], 0
            batch.append(row)
            size += int(count)
        if batch:
            yield batch

    def _put(self, texts: Sequence[str], result: Encoded, rows: list[int]) -> dict[int, str]:
        """Put the vectors of some rows into the result; return why those are missing that are refused."""
        try:
            made = self._client.embed(self._model, [texts[i] for i in rows])
        except TextsRefusedError as error:
            if len(rows) == 1:
                return {rows[0]: str(error.message)}
            middle = len(rows) // 2
            return self._put(texts, result, rows[:middle]) | self._put(texts, result, rows[middle:])
        if made.shape[1] != self._full:
            raise ModelError(
                f"The service gives {made.shape[1]} values a vector, {self._full} before: it runs another model.",
                "Bring back the model that it ran.",
            )
        result.vectors[rows] = normalize(made[:, : self.dimension])
        return {}


def _find(scheme: str, name: str, revision: str | None, fetch: bool) -> ServiceModel:
    """Return the model of a service, known by its vectors of a few texts; `fetch` lets it take its time to answer.

    `name` is what stands behind the scheme: "//HOST:PORT/v1", with the model's own name behind a #, which may be left
    out where the service has one model.
    """
    import urllib3

    address, _, model = name.partition("#")
    base = f"{scheme}:{address}".rstrip("/")
    parts = urllib3.util.parse_url(base)
    if parts.auth or parts.query or not parts.host:
        raise ModelError(
            "The address of an embedding service has a host and a path, and no key or password in it.",
            text(f"A key is taken from the variable {KEY_VARIABLE}: ", option("model", "http://127.0.0.1:8080/v1")),
        )
    if revision is not None:
        raise ModelError(f"{base} is a service, which has no revisions.", text("Leave ", option("revision"), " out."))
    client = Client(base, patient=fetch)
    model = model or _only_model(client)
    vectors = client.embed(model, FIXED_TEXTS)
    full = f"{address.rstrip('/')}#{model}" if model else address.rstrip("/")
    return ServiceModel(
        full, identity_of(normalize(vectors)), None, "service", base=base, model=model, dimension=vectors.shape[1]
    )


def _only_model(client: Client) -> str:
    """Return the name of the one model that a service lists, "" where it lists none: it knows what it runs."""
    there = client.models()
    if len(there) > 1:
        raise ModelError(
            f"The service at {client.base} has several models: {', '.join(there[:20])}.",
            text("Name one behind a #: ", option("model", f"{client.base}#{there[0]}")),
        )
    return there[0] if there else ""


def _load(found: FoundModel, options: LoadOptions) -> Encoder:
    assert isinstance(found, ServiceModel), "_find returns no other"
    return ServiceEncoder(found, options)


def _full_name(name: str) -> str:
    address, _, model = name.partition("#")
    return f"{address.rstrip('/')}#{model}" if model else address.rstrip("/")


def _kind(scheme: str) -> EncoderKind:
    return EncoderKind(find=partial(_find, scheme), load=_load, full_name=_full_name, alike=alike)


HTTP, HTTPS = _kind("http"), _kind("https")

"""What an encoder is: texts to tokens, tokens to unit vectors. Which encoders there are: `encoders`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vecindex.core.vectors import F32
from vecindex.embed.batching import TokenBudget
from vecindex.embed.precision import Precision
from vecindex.errors import ModelError
from vecindex.messages import option, text
from vecindex.types import FIRST_VALUES

ANY_LENGTH = 2**31 - 1
"""`max_tokens` of a model that reads texts of any length."""
_UNIT_TOLERANCE = 1e-3


@dataclass(slots=True)
class Tokens:
    """Texts as the model will read them.

    `ids` holds each text's token ids, special tokens included, cut to the model's length; `counts` (n,) int32
    the tokens that the whole text has; `truncated` (n,) bool whether some were truncated; `left_out` how many tokens
    at the beginning of each the pooling leaves out, which some models want for the prompt; `unknown` (n,) float32 the
    share of each text's own tokens, as far as it is read, that the model's vocabulary lacks. None where the model
    knows every text, spelling it by bytes if need be.
    """

    ids: list[list[int]]
    counts: npt.NDArray[np.int32]
    truncated: npt.NDArray[np.bool_]
    left_out: int = 0
    unknown: F32 | None = None

    def some(self, rows: Sequence[int]) -> Tokens:
        """Return the tokens of some of the texts."""
        at = np.asarray(rows, dtype=np.int64)
        unknown = None if self.unknown is None else self.unknown[at]
        return Tokens([self.ids[i] for i in rows], self.counts[at], self.truncated[at], self.left_out, unknown)


@dataclass(slots=True)
class Encoded:
    """Unit vectors (n, d) float32, one a text; a text that failed has a row of NaN and its reason in `failed`."""

    vectors: F32
    failed: dict[int, str] = field(default_factory=dict)


def shortened(name: str, dimension: int, pooling: str, wanted: int | None) -> tuple[int, str]:
    """Return how many values of a vector are kept, and the pooling that says so; all values by default.

    Raises ModelError for more values than there are.
    """
    if wanted is None or wanted == dimension:
        return dimension, pooling
    if not 1 <= wanted < dimension:
        raise ModelError(
            f"{name} makes vectors of {dimension} values, asked for {wanted}.",
            text("Give ", option("dimensions"), f" between 1 and {dimension}."),
        )
    return wanted, f"{pooling}{FIRST_VALUES.format(wanted)}"


class Encoder(Protocol):
    """A loaded model: what an ingest and questions need of it.

    A class that derives from it has the methods and values that have defaults here.

    Attributes
    ----------
    dimension : values in a vector.
    max_tokens : tokens that it reads of a text; ANY_LENGTH where there is no end to it.
    pooling : how it makes one vector of a text's tokens. It is kept with the table, which refuses another one.
    prompt : put before every text that `tokenize` is given without another; it may be set.
    query_prompt : what the model wants before questions; empty for nothing.
    device, precision : where and in which arithmetic it computes.
    precision_cosine : lowest cosine to full precision that `check` has seen; None before it.
    budget : how many tokens go into a batch; its size is shown, and kept with the table if memory ran out.
    most_tokens : how many it should be given in all, where the model's other encoder is quicker beyond; else None.
    """

    dimension: int
    max_tokens: int
    pooling: str
    budget: TokenBudget
    prompt: str = ""
    query_prompt: str = ""
    device: str = "cpu"
    precision: Precision = Precision.FP32
    precision_cosine: float | None = None
    most_tokens: int | None = None

    @property
    def device_name(self) -> str:
        """The device and its model."""
        return self.device

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> Tokens:
        """Return the tokens of each text behind a prompt (None: `prompt`), cut to `max_tokens`."""
        ...

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character offsets of a text's tokens, for cutting it into chunks."""
        ...

    def embed(self, tokens: Tokens, done: Callable[[int], None] | None = None) -> Encoded:
        """Return the unit vectors (n, d) of texts; call `done` with the number of texts after each batch.

        A text that cannot be embedded is reported in `Encoded.failed`. Raises ModelError when it is not the texts'
        fault.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """Return the tokens of a text, prompt and special tokens included."""
        return int(self.tokenize([text]).counts[0])

    def check(self, texts: Sequence[str]) -> None:
        """Check the vectors of some of the first texts and set `precision_cosine`.

        Raises ModelError unless they are (n, d) float32 of length 1.
        """
        encoded = self.embed(self.tokenize(texts))
        found = np.delete(encoded.vectors, list(encoded.failed), axis=0)
        expected = (len(texts), self.dimension)
        if encoded.vectors.shape != expected or encoded.vectors.dtype != np.float32:
            shape = f"{encoded.vectors.shape} of {encoded.vectors.dtype}"
            raise ModelError(f"The encoder gives vectors {shape}, expected {expected} of float32.")
        if not np.allclose(np.linalg.norm(found, axis=1), 1, atol=_UNIT_TOLERANCE):
            raise ModelError("The encoder gives vectors that are not of length 1.")
        self.precision_cosine = 1.0

    def embed_texts(self, texts: Sequence[str], prompt: str | None = None) -> F32:
        """Return the unit vectors (n, d) of some texts, all at once: for questions, not for a corpus.

        Raises ModelError when one of them cannot be embedded.
        """
        encoded = self.embed(self.tokenize(texts, prompt))
        if encoded.failed:
            at, reason = next(iter(encoded.failed.items()))
            raise ModelError(f"Text {at} cannot be embedded: {reason}")
        return encoded.vectors

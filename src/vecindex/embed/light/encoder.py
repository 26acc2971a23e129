"""An encoder for few texts: the tokenizer alone, and the model computed by numpy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from vecindex.core.vectors import normalize, usable
from vecindex.embed.batching import TokenBudget, plan_batches
from vecindex.embed.encoder import Encoded, Encoder, Tokens, shortened
from vecindex.embed.light.network import Network
from vecindex.embed.light.settings import TOKENIZER, OtherModelError, read_settings
from vecindex.embed.light.threads import one_blas_thread, threads_here
from vecindex.embed.models import ModelFiles
from vecindex.embed.precision import Precision, only_fp32
from vecindex.embed.unknown import unknown_id, unknown_shares

MOST_TOKENS = 32_768
"""Beyond this the full library is quicker, although it takes seconds to start (docs/models.md)."""
MOST_TOKENS_FP32 = 131_072
"""The same where it has no faster arithmetic than fp32, which numpy computes nearly as fast."""

_BATCH_TOKENS = 256
_NOT_FINITE = "the model gave a vector that is not finite or has no length"


class LightEncoder(Encoder):
    """Embeds a few texts in fp32 on the CPU. Whether it may stand for a model: `proof`."""

    def __init__(
        self,
        files: ModelFiles,
        max_tokens: int | None = None,
        prompt: str | None = None,
        dimensions: int | None = None,
    ) -> None:
        """Read a model; a prompt of None takes the model's own for documents.

        Raises OtherModelError when numpy does not compute it here, or it cannot read so many tokens.
        """
        from tokenizers import Tokenizer

        settings = read_settings(files.folder)
        if max_tokens is not None and not 8 <= max_tokens <= settings.max_tokens:
            raise OtherModelError(f"it reads {settings.max_tokens} tokens")
        self.most_tokens = MOST_TOKENS_FP32 if only_fp32() else MOST_TOKENS
        self.dimension, self.pooling = shortened(files.name, settings.dimension, settings.pooling_name, dimensions)
        self.prompt = settings.prompt if prompt is None else prompt
        self.query_prompt = settings.query_prompt
        self.max_tokens = max_tokens or settings.max_tokens
        self.budget = TokenBudget(_BATCH_TOKENS)
        self.precision = Precision.FP32
        self.precision_cosine = 1.0
        self._network = Network(files.folder, settings)
        self._tokenizer = Tokenizer.from_file(str(files.folder / TOKENIZER))
        # The file may hold a cut and padding of its own, which would change the vectors.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._unknown_id = unknown_id(self._tokenizer)

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> Tokens:
        """Return the tokens of each text behind a prompt, as the full library would."""
        before = self.prompt if prompt is None else prompt
        found = self._tokenizer.encode_batch([before + text for text in texts])
        counts = np.fromiter((len(one.ids) for one in found), dtype=np.int32, count=len(found))
        truncated = counts > self.max_tokens
        # All these models have one special token at each end.
        cut = self.max_tokens - 1
        ids = [one.ids[:cut] + one.ids[-1:] if long else one.ids for one, long in zip(found, truncated, strict=True)]
        around = len(self._tokenizer.encode(before).ids)
        return Tokens(ids, counts, truncated, unknown=unknown_shares(ids, self._unknown_id, around))

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character positions of a text's tokens, special tokens left out."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).offsets)

    def embed(self, tokens: Tokens, done: Callable[[int], None] | None = None) -> Encoded:
        """Return the unit vector of each text; `done` gets the number of texts after each batch."""
        vectors = np.full((len(tokens.ids), self.dimension), np.nan, dtype=np.float32)
        batches = list(plan_batches([len(ids) for ids in tokens.ids], min(self.budget.tokens, _BATCH_TOKENS)))

        def compute(batch: list[int]) -> int:
            pooled = self._network.pooled([tokens.ids[i] for i in batch])
            vectors[batch] = normalize(pooled[:, : self.dimension])
            return len(batch)

        # A product of so few lines is slower on several threads; several batches go through at once instead.
        with one_blas_thread(), ThreadPoolExecutor(min(len(batches), threads_here()) or 1) as threads:
            for size in threads.map(compute, batches):
                if done is not None:
                    done(size)
        return Encoded(vectors, {int(i): _NOT_FINITE for i in np.flatnonzero(~usable(vectors))})

    def check(self, texts: Sequence[str]) -> None:
        """Do nothing: the vectors were checked before it was loaded."""

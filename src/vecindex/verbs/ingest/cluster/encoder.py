"""The encoder of a run on a cluster: this process tokenizes, workers embed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vecindex.cluster.pool import Job, Pool
from vecindex.embed.encoder import Encoded, Encoder, Tokens
from vecindex.messages import Message, text
from vecindex.verbs.ingest.cluster.worker import Packed, Settled

_CHECKED = 64
"""So many texts each worker gets to settle its precision on; it takes some of them, of all lengths."""


class ClusterEncoder(Encoder):
    """Has the tokens of an encoder in this process, and the vectors of those on the workers.

    Texts are tokenized here since what a model does not know of a text decides whether its row is rejected, and that
    decides what becomes of later rows of its id.
    """

    def __init__(self, local: Encoder, pool: Callable[[], Pool]) -> None:
        """Take the encoder that tokenizes, and what gives the workers at the first use."""
        self._local, self._pool = local, pool
        self.dimension, self.max_tokens, self.pooling = local.dimension, local.max_tokens, local.pooling
        self.prompt, self.query_prompt = local.prompt, local.query_prompt
        self.budget = local.budget
        self._name = local.device_name

    @property
    def device_name(self) -> str:
        """The device of the workers, once one has settled it."""
        return self._name

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> Tokens:
        """Return the tokens of each text, as the model in this process reads it."""
        return self._local.tokenize(texts, prompt)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character offsets of a text's tokens."""
        return self._local.token_spans(text)

    def count_tokens(self, text: str) -> int:
        """Return the tokens of a text, prompt and special tokens included."""
        return self._local.count_tokens(text)

    def check(self, texts: Sequence[str]) -> None:
        """Let each worker settle its precision on some of the first texts; the first one's is reported."""
        some = sorted(texts, key=len)[:: max(1, len(texts) // _CHECKED)][:_CHECKED]
        self._note(self._pool().prepare("check", some))

    def begin(self, tokens: Tokens, name: Message) -> Job:
        """Send texts to a worker; `name` is for messages."""
        return self._pool().submit(name, "embed", Packed.of(tokens))

    def end(self, job: Job) -> Encoded:
        """Return the vectors of texts that were sent."""
        encoded, settled = self._pool().result(job)
        self._note(settled)
        return Encoded(encoded.vectors, encoded.failed)

    def embed(self, tokens: Tokens, done: Callable[[int], None] | None = None) -> Encoded:
        """Return the vectors of a few texts, which one worker makes."""
        encoded = self.end(self.begin(tokens, text(f"{len(tokens.ids):,} texts")))
        if done is not None:
            done(len(tokens.ids))
        return encoded

    def _note(self, settled: Settled) -> None:
        self._name, self.precision, self.budget = settled.device_name, settled.precision, settled.budget
        if settled.precision_cosine is not None:
            before = 1.0 if self.precision_cosine is None else self.precision_cosine
            self.precision_cosine = min(before, settled.precision_cosine)

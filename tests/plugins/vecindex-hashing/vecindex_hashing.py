"""Texts as sums of hashed words: an encoder for vecindex that needs no weights."""

import re
from collections.abc import Callable, Sequence
from zlib import crc32

import numpy as np

from vecindex.embed.batching import TokenBudget
from vecindex.embed.encoder import Encoded, Encoder, Tokens
from vecindex.embed.encoders import EncoderKind, FoundModel, LoadOptions
from vecindex.errors import ModelError

WORD = re.compile(r"\w+")


class HashingEncoder(Encoder):
    def __init__(self, dimension: int, max_tokens: int, prompt: str) -> None:
        self.dimension, self.max_tokens, self.prompt = dimension, max_tokens, prompt
        self.pooling = "sum of signed words"
        self.budget = TokenBudget(100_000)

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> Tokens:
        before = self.prompt if prompt is None else prompt
        words = [WORD.findall((before + text).lower()) for text in texts]
        ids = [[crc32(word.encode()) for word in found[: self.max_tokens]] for found in words]
        counts = np.array([len(found) for found in words], dtype=np.int32)
        return Tokens(ids, counts, counts > self.max_tokens)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        return [word.span() for word in WORD.finditer(text)]

    def embed(self, tokens: Tokens, done: Callable[[int], None] | None = None) -> Encoded:
        vectors = np.full((len(tokens.ids), self.dimension), np.nan, dtype=np.float32)
        failed = {}
        for i, hashes in enumerate(tokens.ids):
            counts = np.zeros(self.dimension)
            for h in hashes:
                counts[h % self.dimension] += 1 if h & 1 << 31 else -1
            length = np.linalg.norm(counts)
            if length:
                vectors[i] = counts / length
            else:
                failed[i] = "no words"
        if done is not None:
            done(len(tokens.ids))
        return Encoded(vectors, failed)


def find(name: str, revision: str | None, fetch: bool) -> FoundModel:
    if not name.isdecimal() or int(name) < 1:
        raise ModelError(f"hashing:{name} is no model.", "Give the number of values, e.g. hashing:384")
    # All that determines a vector besides the settings; another version of this code would have another one.
    return FoundModel(name, weights=f"vecindex-hashing 1 {name}")


def load(model: FoundModel, options: LoadOptions) -> HashingEncoder:
    return HashingEncoder(int(model.name), options.max_tokens or 512, options.prompt or "")


KIND = EncoderKind(find=find, load=load)

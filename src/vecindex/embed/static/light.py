"""A static model without the full library, which takes seconds to load: for a few texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vecindex.core.vectors import F32, normalize, usable
from vecindex.embed.batching import TokenBudget, plan_batches
from vecindex.embed.encoder import Encoded, Encoder, Tokens, shortened
from vecindex.embed.encoders import FoundModel, LoadOptions
from vecindex.embed.models import ModelFiles, prompts_of
from vecindex.embed.precision import Precision
from vecindex.embed.static.reading import StaticReader

MOST_TOKENS = 1_000_000
"""Beyond this the full library is no slower, and it uses the device that was asked for."""

_BATCH_TOKENS = 16_384
_FEWEST = 8
_NAMES = (["StaticEmbedding"], ["StaticEmbedding", "Normalize"])
_NOT_FINITE = "the model gave a vector that is not finite or has no length"


class LightStaticEncoder(Encoder):
    """Embeds texts by the mean of their tokens' vectors, in numpy."""

    def __init__(self, files: ModelFiles, options: LoadOptions, names: list[str], folder: Path) -> None:
        """Read a model; `load_light_static` says whether it is one."""
        from tokenizers import Tokenizer

        self._table = _table(folder / "model.safetensors")
        self._reader = StaticReader(Tokenizer.from_file(str(folder / "tokenizer.json")))
        pooling = "+".join(names)
        self.dimension, self.pooling = shortened(files.name, self._table.shape[1], pooling, options.dimensions)
        self.max_tokens = min(options.max_tokens or self._reader.longest, self._reader.longest)
        own = prompts_of(files)
        document = next((own[name] for name in ("document", "passage", "corpus") if own.get(name)), "")
        self.prompt = document if options.prompt is None else options.prompt
        self.query_prompt = own.get("query", "")
        self.most_tokens = MOST_TOKENS
        self.budget = TokenBudget(_BATCH_TOKENS)
        self.precision, self.precision_cosine = Precision.FP32, 1.0

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> Tokens:
        """Return the tokens of each text behind a prompt, as the full library would."""
        return self._reader.tokenize(texts, self.prompt if prompt is None else prompt, self.max_tokens)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character positions of a text's tokens."""
        return self._reader.spans(text)

    def embed(self, tokens: Tokens, done: Callable[[int], None] | None = None) -> Encoded:
        """Return the unit vector of each text; `done` gets the number of texts after each batch."""
        vectors = np.full((len(tokens.ids), self.dimension), np.nan, dtype=np.float32)
        for batch in plan_batches([len(ids) for ids in tokens.ids], min(self.budget.tokens, _BATCH_TOKENS)):
            for row in batch:
                if tokens.ids[row]:
                    vectors[row] = self._table[tokens.ids[row], : self.dimension].mean(axis=0)
            if done is not None:
                done(len(batch))
        vectors = normalize(vectors)
        return Encoded(vectors, {int(i): _NOT_FINITE for i in np.flatnonzero(~usable(vectors))})

    def check(self, texts: Sequence[str]) -> None:
        """Do nothing: a mean of vectors leaves nothing to be checked."""


def load_light_static(found: FoundModel, options: LoadOptions) -> Encoder | None:
    """Return a static model as numpy computes it; None for another one, or where options ask for more.

    Raises nothing but ModelError for options that no encoder of the model takes.
    """
    plain = options.device in ("auto", "cpu") and options.precision in (Precision.AUTO, Precision.FP32)
    if not isinstance(found, ModelFiles) or not plain:
        return None
    try:
        modules: Any = json.loads((found.folder / "modules.json").read_text(encoding="utf-8"))
        names = [str(one["type"]).rsplit(".", 1)[-1] for one in modules]
        if names not in _NAMES:
            return None
        encoder = LightStaticEncoder(found, options, names, found.folder / str(modules[0]["path"]))
        asked = options.max_tokens
        # What is out of range is refused by the full library, with its reason.
        return encoder if asked in (None, encoder.max_tokens) and (asked is None or asked >= _FEWEST) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _table(path: Path) -> F32:
    """Return the vector of each token (v, d) float32, from the file of sentence-transformers or of model2vec."""
    from safetensors.numpy import load_file

    weights = load_file(path)
    if "embedding.weight" in weights:
        return np.asarray(weights["embedding.weight"], dtype=np.float32)
    table = np.asarray(weights["embeddings"], dtype=np.float32)
    if "mapping" in weights:
        table = table[weights["mapping"].astype(np.int64)]
    if "weights" in weights:
        table = table * np.asarray(weights["weights"], dtype=np.float32)[:, None]
    return table

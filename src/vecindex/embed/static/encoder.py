"""An encoder for static models (StaticEmbedding of sentence-transformers, model2vec): tokens are looked up, not read.

They read texts of any length, have no special tokens and no padding, and gain nothing from a reduced precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.embed.batching import Shapes, TokenBudget
from vecindex.embed.encoder import Tokens
from vecindex.embed.models import ModelFiles
from vecindex.embed.precision import Precision
from vecindex.embed.static.reading import StaticReader
from vecindex.embed.transformer import TransformerEncoder

BATCH_TOKENS = 262_144
"""Tokens looked up at once: 2 MB of numbers; more are no faster."""


class StaticEncoder(TransformerEncoder):
    """Embeds texts by looking their tokens up; modules behind the table, such as Normalize, are the model's own."""

    def __init__(
        self, files: ModelFiles, model: Any, device: str, _precision: Precision, trust_remote_code: bool = False
    ) -> None:
        """Take a loaded model whose first module is a StaticEmbedding; use `TransformerEncoder.load` instead."""
        super().__init__(files, model, device, Precision.FP32, trust_remote_code)
        self.budget = TokenBudget(BATCH_TOKENS)
        self.pooling = "+".join(filter(None, ["StaticEmbedding", self.pooling]))
        self._reader = StaticReader(self._tokenizer)
        self.max_tokens = self._reader.longest

    @staticmethod
    def fits(model: Any) -> bool:
        """Return whether the first module of a loaded model is a table of vectors."""
        return type(model[0]).__name__ == "StaticEmbedding"

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> Tokens:
        """Return the tokens of each text behind the prompt (default: the document prompt)."""
        return self._reader.tokenize(texts, self.prompt if prompt is None else prompt, self.max_tokens)

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character positions of a text's tokens."""
        return self._reader.spans(text)

    def _forward(self, ids: list[list[int]], left_out: int = 0, model: Any = None) -> npt.NDArray[np.float32]:
        import torch

        starts = np.cumsum([0, *map(len, ids[:-1])])
        flat = np.fromiter((one for text in ids for one in text), dtype=np.int64, count=sum(map(len, ids)))
        features = {
            "input_ids": torch.from_numpy(flat).to(self.device),
            "offsets": torch.from_numpy(starts).to(self.device),
        }
        with torch.inference_mode():
            vectors = (self._model if model is None else model).forward(features)["sentence_embedding"]
            return np.asarray(vectors[:, : self.dimension].float().cpu().numpy())

    def _set_length(self, model: Any) -> None:
        direction = "left" if self._reader.keeps_end else "right"
        model.tokenizer.enable_truncation(self.max_tokens, direction=direction)

    @property
    def _shapes(self) -> Shapes | None:
        return None

    def _prove_light(self) -> None:
        """Prove nothing: numpy alone computes no such model."""

"""A model that another runtime computes, ONNX or OpenVINO, through sentence-transformers."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from vecindex.embed.encoders import FoundModel, LoadOptions
from vecindex.embed.loading import TORCH, read_model
from vecindex.embed.precision import MIN_COSINE, Precision
from vecindex.embed.transformer import TransformerEncoder

log = logging.getLogger(__name__)


class BackendEncoder(TransformerEncoder):
    """Embeds texts by a runtime that is checked against torch, and gives way to it where its vectors differ."""

    backend: str = TORCH

    @classmethod
    def on(cls, files: FoundModel, model: Any, options: LoadOptions) -> BackendEncoder:
        """Return the encoder of a model that was loaded for a backend."""
        encoder = cls.of(files, model, options)
        encoder.backend = options.backend
        encoder.precision = Precision.FP32
        return encoder

    @property
    def device_name(self) -> str:
        """The device and its model, and the runtime."""
        name = super().device_name
        return name if self.backend == TORCH else f"{name} by {self.backend}"

    def check(self, texts: Sequence[str]) -> None:
        """Compare the vectors with those of torch in fp32; where one is below a cosine of 0.999, torch goes on."""
        if self.backend == TORCH:
            super().check(texts)
            return
        own, self._model = self._model, read_model(self.files, self.device, self._trust_remote_code)
        self._set_length(self._model)
        sample, reference = self._checked_sample(texts)
        full, self._model, self._ready = self._model, own, True
        lowest = self._lowest_cosine(sample, reference)
        if lowest >= MIN_COSINE:
            self.precision_cosine = lowest
            return
        log.warning("%s gives a cosine of %.5f to torch, below %.3f; torch goes on", self.backend, lowest, MIN_COSINE)
        self._model, self._ready, self.backend = full, False, TORCH
        super().check(texts)

    def _prove_light(self) -> None:
        """Prove nothing: what numpy is compared with is torch."""

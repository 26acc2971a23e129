"""A text that overflows in fp16 although the check went well: repeated in fp32, by a model that really overflows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from vecindex.embed import transformer as module
from vecindex.embed.models import ModelFiles
from vecindex.embed.precision import Precision
from vecindex.embed.transformer import TransformerEncoder


class Tokenizer:
    """A token a character, whose number is the character's."""

    def __call__(self, texts: Sequence[str], **_: Any) -> dict[str, list[list[int]]]:
        return {"input_ids": [[ord(c) for c in text] for text in texts]}

    def pad(self, given: dict[str, list[list[int]]], max_length: int, **_: Any) -> dict[str, torch.Tensor]:
        ids = given["input_ids"]
        return {"input_ids": torch.tensor([row + [0] * (max_length - len(row)) for row in ids])}


class Model(torch.nn.Module):
    """Sums columns of its weights: ten of the letter Z are more than fp16 can hold, 65,504."""

    def __init__(self) -> None:
        super().__init__()
        weights = torch.randn(128, 4, generator=torch.Generator().manual_seed(0))
        weights[0], weights[ord("Z")] = 0, torch.tensor([9_000.0, 1.0, 9_000.0, -9_000.0])
        weights[ord("!")] = torch.nan
        self.weights = torch.nn.Parameter(weights)
        self.tokenizer, self.prompts, self.max_seq_length = Tokenizer(), {}, 64

    def get_embedding_dimension(self) -> int:
        return 4

    def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {"sentence_embedding": self.weights[features["input_ids"]].sum(1)}

    def encode(self, texts: Sequence[str], **_: Any) -> np.ndarray:
        with torch.inference_mode():
            return np.stack([self.weights[[ord(c) for c in text]].sum(0).numpy() for text in texts])


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[Model]:
    """The models that were loaded."""
    made: list[Model] = []

    def load(*_: object) -> Model:
        made.append(Model())
        return made[-1]

    monkeypatch.setattr(module, "read_model", load)
    monkeypatch.setattr(module, "pooling_of", lambda _: "sum")
    return made


def test_a_text_that_overflows_is_repeated_in_full_precision(loaded: list[Model]) -> None:
    files = ModelFiles("t", "w", folder=Path("t"))
    encoder = TransformerEncoder(files, Model(), "cpu", Precision.FP16)
    encoder.check(["abc", "cell", "star"])
    assert (encoder.precision, loaded) == (Precision.FP16, [])
    texts = ["abc", "Z" * 10, "cell", "ab!", "Z" * 20 + "y"]
    found = encoder.embed(encoder.tokenize(texts))
    reference = Model().encode(texts)
    reference /= np.linalg.norm(reference, axis=1, keepdims=True)
    good = [0, 1, 2, 4]
    np.testing.assert_allclose((found.vectors[good] * reference[good]).sum(1), 1, atol=1e-5)
    # What has no vector in full precision either is the text's own fault.
    assert list(found.failed) == [3]
    assert np.isnan(found.vectors[3]).all()
    assert encoder.precision is Precision.FP16
    encoder.embed(encoder.tokenize(texts))
    assert len(loaded) == 1, "loaded once"


def test_without_room_for_a_second_model_the_text_is_rejected_as_that(
    loaded: list[Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[None] = []

    def refuse(*_: object) -> Model:
        tried.append(None)
        raise RuntimeError("out of memory")

    monkeypatch.setattr(module, "read_model", refuse)
    files = ModelFiles("t", "w", folder=Path("t"))
    encoder = TransformerEncoder(files, Model(), "cpu", Precision.FP16)
    encoder.check(["abc", "cell"])
    budget = encoder.budget.tokens
    found = encoder.embed(encoder.tokenize(["abc", "Z" * 10, "Z" * 20]))
    reason = "overflows in fp16, and the model does not fit a second time in fp32"
    assert found.failed == {1: reason, 2: reason}
    assert np.isfinite(found.vectors[0]).all()
    assert (len(tried), encoder.budget.tokens) == (1, budget)


def test_the_check_sees_an_overflow_and_takes_full_precision(loaded: list[Model]) -> None:
    files = ModelFiles("t", "w", folder=Path("t"))
    encoder = TransformerEncoder(files, Model(), "cpu", Precision.FP16)
    encoder.check(["abc", "Z" * 10])
    assert encoder.precision is Precision.FP32
    assert len(loaded) == 1


def test_nothing_is_loaded_again_in_full_precision(loaded: list[Model]) -> None:
    files = ModelFiles("t", "w", folder=Path("t"))
    encoder = TransformerEncoder(files, Model(), "cpu", Precision.FP32)
    encoder._ready = True
    found = encoder.embed(encoder.tokenize(["Z" * 10, "ab!"]))
    assert list(found.failed) == [1]
    assert np.isfinite(found.vectors[0]).all()
    assert loaded == []

"""Texts that fail by themselves, and the precision check, against the real model."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch

from vecindex.core.vectors import row_cosines
from vecindex.embed.attention import NAME
from vecindex.embed.encoders import LoadOptions
from vecindex.embed.models import find_model
from vecindex.embed.packed import pack_linears
from vecindex.embed.precision import Precision, cpu_supports
from vecindex.embed.transformer import TransformerEncoder
from vecindex.errors import ModelError

TEXTS = ["the cell", "a star " * 40, "law", "river " * 300, "music and more", "energy", "z" * 500, ""]


@pytest.fixture
def encoder() -> TransformerEncoder:
    return TransformerEncoder.load(find_model("all-MiniLM-L6-v2"), LoadOptions("cpu"))


NEEDS_BF16 = pytest.mark.skipif(not cpu_supports(Precision.BF16), reason="this processor has no bf16")


@pytest.mark.parametrize("precision", ["auto", "fp32", pytest.param("bf16", marks=NEEDS_BF16)])
def test_every_precision_gives_the_vectors_of_encode(precision: str) -> None:
    encoder = TransformerEncoder.load(find_model("all-MiniLM-L6-v2"), LoadOptions("cpu", Precision(precision)))
    reference = encoder._model.encode(TEXTS, normalize_embeddings=True)
    encoder.check(TEXTS)
    found = encoder.embed(encoder.tokenize(TEXTS)).vectors
    floor = 1 - 1e-6 if encoder.precision is Precision.FP32 else 0.999
    assert row_cosines(reference, found).min() >= floor
    assert encoder.precision_cosine is not None
    assert encoder.precision_cosine >= floor


@NEEDS_BF16
def test_batched_attention_keeps_texts_of_all_lengths_apart() -> None:
    encoder = TransformerEncoder.load(find_model("all-MiniLM-L6-v2"), LoadOptions("cpu", Precision.BF16))
    texts = [" ".join(f"word{i}" for i in range(n)) for n in (1, 2, 5, 9, 17, 30, 44, 60, 90)]
    reference = encoder._model.encode(texts, batch_size=1, normalize_embeddings=True)
    encoder.check(TEXTS)
    cpu: Any = torch.cpu
    if cpu._is_avx512_bf16_supported() and not cpu._is_amx_tile_supported():
        assert next(iter(encoder._model[0].children())).config._attn_implementation == NAME
    assert row_cosines(reference, encoder.embed(encoder.tokenize(texts)).vectors).min() >= 0.999
    # Not in place of what fp32 does.
    encoder._use(Precision.FP32)
    assert next(iter(encoder._model[0].children())).config._attn_implementation == "sdpa"


def test_batch_size_does_not_matter(encoder: TransformerEncoder) -> None:
    encoder.precision = Precision.FP32
    encoder.check(TEXTS)
    tokens = encoder.tokenize(TEXTS)
    one = encoder.embed(tokens).vectors
    encoder.budget.tokens = 1
    np.testing.assert_allclose(encoder.embed(tokens).vectors, one, atol=1e-5)


@NEEDS_BF16
def test_an_unfaithful_precision_falls_back_to_fp32(
    encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder.precision = Precision.BF16
    true = encoder._forward

    def coarse(ids: list[list[int]], left_out: int = 0) -> Any:
        # As a precision would that keeps one bit.
        vectors = true(ids)
        return np.sign(vectors) if encoder._model.dtype.itemsize == 2 else vectors

    monkeypatch.setattr(encoder, "_forward", coarse)
    encoder.check(TEXTS)
    assert encoder.precision is Precision.FP32
    assert encoder.precision_cosine is not None
    assert encoder.precision_cosine > 1 - 1e-6


def test_a_text_that_fails_by_itself_is_found_and_the_rest_embedded(
    encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder.precision = Precision.FP32
    encoder.check(TEXTS)
    tokens = encoder.tokenize(TEXTS)
    expected = encoder.embed(tokens).vectors
    poison, silent = tokens.ids[2], tokens.ids[4]
    true = encoder._forward

    def failing(ids: list[list[int]], left_out: int = 0) -> Any:
        if poison in ids:
            raise RuntimeError("index out of range in self")
        vectors = true(ids)
        for row, text in zip(vectors, ids, strict=True):
            if text == silent:
                row[:] = np.nan
        return vectors

    monkeypatch.setattr(encoder, "_forward", failing)
    encoded = encoder.embed(tokens)
    assert set(encoded.failed) == {2, 4}
    assert "index out of range" in encoded.failed[2]
    assert "not finite" in encoded.failed[4]
    good = [i for i in range(len(TEXTS)) if i not in (2, 4)]
    np.testing.assert_allclose(encoded.vectors[good], expected[good], atol=1e-5)
    assert np.isnan(encoded.vectors[[2, 4]]).all()


def test_length_out_of_range_is_refused() -> None:
    with pytest.raises(ModelError, match="reads at most 256 tokens, asked for 512"):
        TransformerEncoder.load(find_model("all-MiniLM-L6-v2"), LoadOptions(max_tokens=512))


def test_five_leading_values_of_a_known_text(encoder: TransformerEncoder) -> None:
    # Golden values, from SentenceTransformer.encode in fp32: they tell a changed tokeniser or model at once.
    vector = encoder.embed_texts(["The mitochondrion makes the energy of the cell."])[0]
    np.testing.assert_allclose(vector[:5], GOLDEN, atol=2e-6)


GOLDEN = [-0.0362518, 0.0637289, -0.0714027, 0.0747186, -0.0218156]


def test_a_prompt_that_pooling_leaves_out(encoder: TransformerEncoder) -> None:
    encoder._model.set_pooling_include_prompt(False)
    encoder.precision, encoder.prompt = Precision.FP32, "passage: "
    encoder.check(TEXTS)
    reference = encoder._model.encode(TEXTS, prompt="query: ", normalize_embeddings=True)
    found = encoder.embed_texts([text for text in TEXTS if text], prompt="query: ")
    assert row_cosines(reference[:-1], found).min() > 1 - 1e-6


def test_a_device_that_fails_is_not_laid_upon_the_texts(
    encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward, batches = encoder._forward, []

    def failing(ids: list[list[int]], left_out: int = 0) -> np.ndarray:
        batches.append(len(ids))
        if len(batches) > 1:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        return forward(ids, left_out)

    monkeypatch.setattr(encoder, "_forward", failing)
    encoder.budget.tokens = 64
    with pytest.raises(ModelError, match="The device cpu failed: CUDA error: an illegal memory access"):
        encoder.embed(encoder.tokenize(TEXTS))
    assert len(batches) == 2


def test_the_check_makes_do_with_little_memory(encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    encode, sizes = encoder._model.encode, []

    def narrow(texts: Any, *, batch_size: int, **how: Any) -> Any:
        sizes.append(batch_size)
        if batch_size > room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return encode(texts, batch_size=batch_size, **how)

    monkeypatch.setattr(encoder._model, "encode", narrow)
    encoder.precision, room = Precision.FP32, 1
    encoder.check(TEXTS)
    assert (sizes, encoder.precision) == ([4, 1], Precision.FP32)
    room = 0
    with pytest.raises(ModelError, match="too long for the memory of cpu"):
        encoder.check(TEXTS)


def test_a_device_that_fails_in_the_check_is_told_as_that(
    encoder: TransformerEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("CUDA error: no kernel image is available for execution on the device")

    monkeypatch.setattr(encoder._model, "encode", fail)
    with pytest.raises(ModelError, match="The device cpu failed: CUDA error: no kernel image"):
        encoder.check(TEXTS)


@pytest.mark.parametrize("number", [torch.float32, pytest.param(torch.bfloat16, marks=NEEDS_BF16)])
def test_packed_layers_compute_what_plain_ones_do(number: torch.dtype) -> None:
    """One with an exact GELU behind it, fused or after the product, and one without; what goes in stays as it is."""
    torch.manual_seed(0)

    class Intermediate(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.dense = torch.nn.Linear(24, 48)
            self.intermediate_act_fn = torch.nn.GELU()
            self.after = torch.nn.Linear(48, 24, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.after(self.intermediate_act_fn(self.dense(x)))
            return found

    plain, x = Intermediate(), 3 * torch.randn(7, 24)
    with torch.inference_mode():
        expected = plain(x)
        packed, given = copy.deepcopy(plain).to(number), x.to(number)
        before = given.clone()
        assert pack_linears(packed) == 2
        found = packed(given).float()
    assert torch.equal(given, before)
    torch.testing.assert_close(found, expected, atol=1e-5 if number is torch.float32 else 0.05, rtol=0)

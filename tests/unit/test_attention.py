"""Attention by batched products against the formula, and what is left to torch's own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from vecindex.embed import attention
from vecindex.embed.attention import attend, with_seen_keys

SELF = SimpleNamespace(is_causal=False)


def states(batch: int, heads: int, tokens: int, size: int, dtype: torch.dtype = torch.bfloat16) -> list[torch.Tensor]:
    """Return query, key and value as a model lays them out: views of (batch, tokens, heads * size)."""
    dice = torch.Generator().manual_seed(tokens)
    return [
        torch.randn(batch, tokens, heads * size, generator=dice)
        .to(dtype)
        .view(batch, tokens, heads, size)
        .transpose(1, 2)
        for _ in range(3)
    ]


def padded(lengths: list[int], tokens: int) -> torch.Tensor:
    """Return the mask of texts of these lengths."""
    seen = torch.arange(tokens)[None] < torch.tensor(lengths)[:, None]
    return seen[:, None, None].expand(len(lengths), 1, tokens, tokens).contiguous()


def formula(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Return softmax(q k' / sqrt(size)) v in float64, as (batch, queries, heads, values)."""
    q, k, v = (part.double() for part in (query, key, value))
    scores = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return (scores.softmax(-1) @ v).transpose(1, 2)


@pytest.mark.parametrize("step_bytes", [1, 6_000, 100_000, 1 << 22])
@pytest.mark.parametrize(
    ("heads", "tokens", "size", "lengths"),
    [
        (2, 1, 4, [1]),
        (3, 31, 8, [31, 5, 1]),
        (4, 64, 32, [64, 64]),
        (12, 77, 32, [77, 76, 40, 2]),
        (2, 200, 64, [9]),
        # Of 6,000 bytes a step: texts by two, two and one.
        (1, 20, 8, [20, 3, 19, 2, 20]),
    ],
)
def test_it_is_the_formula(
    heads: int, tokens: int, size: int, lengths: list[int], step_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attention, "_STEP_BYTES", step_bytes)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    q, k, v = states(len(lengths), heads, tokens, size)
    mask = padded(lengths, tokens)
    found, weights = attend(SELF, q, k, v, with_seen_keys(mask), scaling=size**-0.5)
    assert weights is None
    assert found.shape == (len(lengths), tokens, heads, size)
    assert found.is_contiguous()
    # Scores and weights are rounded to eight bits.
    assert (found.double() - formula(q, k, v, mask)).abs().max() < 0.04
    unmasked, _ = attend(SELF, q, k, v, None)
    assert (unmasked.double() - formula(q, k, v, None)).abs().max() < 0.04


def test_keys_that_are_not_seen_change_nothing() -> None:
    q, k, v = states(2, 4, 50, 16)
    mask = with_seen_keys(padded([50, 20], 50))
    before, _ = attend(SELF, q, k, v, mask)
    k[1, :, 20:], v[1, :, 20:] = 1e4, -1e4
    after, _ = attend(SELF, q, k, v, mask)
    assert torch.equal(before, after)


def test_large_scores_do_not_overflow() -> None:
    q, k, v = states(1, 2, 40, 16)
    found, _ = attend(SELF, q * 100, k * 100, v, None)
    assert torch.isfinite(found).all()
    # Each query sees its best key alone.
    best = (q.double() @ k.double().transpose(2, 3)).argmax(-1)
    expected = torch.take_along_dim(v, best[..., None].expand_as(v), dim=2).transpose(1, 2)
    assert (found - expected).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("module", "dtype", "more"),
    [
        (SELF, torch.float32, {}),
        (SimpleNamespace(is_causal=True), torch.bfloat16, {"is_causal": True}),
        (SELF, torch.bfloat16, {"is_causal": True}),
        (SimpleNamespace(), torch.bfloat16, {"is_causal": False}),
        (SELF, torch.bfloat16, {"s_aux": torch.zeros(4)}),
        (SELF, torch.bfloat16, {"position_bias": torch.randn(1, 4, 30, 30).to(torch.bfloat16)}),
    ],
)
def test_the_rest_is_left_to_torch(module: Any, dtype: torch.dtype, more: dict[str, Any]) -> None:
    q, k, v = states(2, 4, 30, 16, dtype)
    found, _ = attend(module, q, k, v, None, **more)
    expected = scaled_dot_product_attention(
        q, k, v, attn_mask=more.get("position_bias"), is_causal=bool(more.get("is_causal"))
    )
    assert torch.equal(found, expected.transpose(1, 2))


def test_what_torch_refuses_is_refused() -> None:
    with pytest.raises(ValueError, match="softcap"):
        attend(SELF, *states(1, 2, 30, 16), None, softcap=30.0)


def test_shared_keys_are_left_to_torch() -> None:
    q, k, v = states(2, 4, 30, 16)
    module = SimpleNamespace(is_causal=False, num_key_value_groups=2)
    found, _ = attend(module, q, k[:, :2], v[:, :2], None)
    expected = scaled_dot_product_attention(q, k[:, :2], v[:, :2], enable_gqa=True)
    assert torch.equal(found, expected.transpose(1, 2))


def test_long_texts_are_left_to_torch() -> None:
    q, k, v = states(1, 1, 513, 8)
    found, _ = attend(SELF, q, k, v, None)
    assert torch.equal(found, scaled_dot_product_attention(q, k, v).transpose(1, 2))


def test_a_mask_that_differs_between_queries_is_left_to_torch() -> None:
    q, k, v = states(1, 2, 30, 16)
    near = (torch.arange(30)[:, None] - torch.arange(30)).abs() < 5
    mask = with_seen_keys(near[None, None])
    assert not hasattr(mask, "seen_keys")
    found, _ = attend(SELF, q, k, v, mask)
    assert torch.equal(found, scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2))


def test_what_all_queries_see_is_noted() -> None:
    assert with_seen_keys(None) is None
    mask = with_seen_keys(padded([3, 1], 3))
    assert mask.seen_keys.tolist() == [[True, True, True], [True, False, False]]

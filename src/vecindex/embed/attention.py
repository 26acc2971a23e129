"""Attention in bf16 on a CPU: two batched products and a softmax, for as many heads at a time as the caches hold.

torch's own attention there asks for one small product for every few queries of every head, and on texts of some
hundred tokens spends most of its time in asking. Batched products are asked for once for many heads. Their scores are
rounded to bf16, where torch's own keeps fp32; the encoder checks the vectors afterwards as it does for any precision.

It replaces "sdpa" in models that let their attention be chosen (`transformers.AttentionInterface`), and
hands back to it whatever is not plain padded self-attention over up to 512 tokens. On processors with AMX torch makes
its small products in another way, and nothing is changed there.
"""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)

NAME = "vecindex_batched"

# Scores of one step, for each thread: heads of one or several texts, which stay in the caches from one operation to
# the next.
_STEP_BYTES = 2 << 20
# The scores of a head take half a MB then; longer texts were not measured.
_MAX_TOKENS = 512
# torch's softmax in bf16 takes as many values at a time, and those left over one by one.
_SOFTMAX_WIDTH = 32
# Queries are padded too, and texts taken by powers of two, to limit the number of distinct shapes: oneDNN makes a
# kernel for each, of some hundred kB, and keeps it.
_ROW_WIDTH = 16

# What some models ask of their attention besides the formula.
_SPECIAL = ("position_bias", "softcap", "s_aux")


def batch_attention(model: Any) -> bool:
    """Let a model on the CPU, its weights in bf16, attend by batched products, in place; return whether it will."""
    import torch

    cpu: Any = torch.cpu
    if not cpu._is_avx512_bf16_supported() or cpu._is_amx_tile_supported():
        return False
    try:
        from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedModel
        from transformers.masking_utils import sdpa_mask
    except ImportError:
        return False
    if not hasattr(PreTrainedModel, "set_attn_implementation"):
        return False

    def mask_of(*args: Any, **kwargs: Any) -> Any:
        return with_seen_keys(sdpa_mask(*args, **kwargs))

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, mask_of)
    changed = False
    for part in model.modules():
        if isinstance(part, PreTrainedModel) and part.config._attn_implementation == "sdpa":
            part.set_attn_implementation(NAME)
            changed = part.config._attn_implementation == NAME or changed
    log.debug("attention by batched products: %s", changed)
    return changed


def with_seen_keys(mask: Any) -> Any:
    """Note on a mask (batch, 1, queries, keys), True where a query may look, which keys (batch, keys) all see.

    Nothing is noted where that differs between queries. It is done once for all layers.
    """
    import torch

    if mask is None or mask.dtype != torch.bool or mask.shape[-1] > _MAX_TOKENS:
        return mask
    if torch.equal(mask, mask[:, :, :1].expand_as(mask)):
        mask.seen_keys = mask[:, 0, 0]
    return mask


def attend(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    dropout: float = 0.0,
    scaling: float | None = None,
    **others: Any,
) -> tuple[Any, None]:
    """Return softmax(scaling q k' + mask) v as (batch, queries, heads, values), and None for the weights.

    query, key, value are (batch, heads, tokens, values); `attention_mask` (batch, 1, queries, keys) is None where
    every query sees every key. As transformers asks of an attention function.
    """
    special = dropout or others.get("is_causal") or any(others.get(name) is not None for name in _SPECIAL)
    seen = _seen_keys(module, query, key, value, attention_mask) if not special else None
    if seen is None:
        from transformers.integrations.sdpa_attention import sdpa_attention_forward

        found: tuple[Any, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **others
        )
        return found
    return _batched(query, key, value, seen, query.shape[-1] ** -0.5 if scaling is None else scaling), None


def _seen_keys(module: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    """Return which keys (batch, keys) all queries see; None where it is not plain self-attention in bf16."""
    import torch

    if query.dtype != torch.bfloat16 or getattr(module, "is_causal", True):
        return None
    if not query.shape == key.shape == value.shape or query.shape[2] > _MAX_TOKENS:
        return None
    if mask is None:
        return torch.ones(query.shape[0], query.shape[2], dtype=torch.bool)
    return getattr(mask, "seen_keys", None)


def _batched(query: Any, key: Any, value: Any, seen: Any, scaling: float) -> Any:
    import torch

    batch, heads, tokens, size = query.shape
    rows, width = _filled(tokens, _ROW_WIDTH), _filled(tokens, _SOFTMAX_WIDTH)
    step = max(1, torch.get_num_threads() * _STEP_BYTES // (rows * width * query.element_size()))
    some_heads, some_texts = min(step, heads), max(1, step // heads)
    # A value more, 1 for queries: the product itself then adds what keeps a key from being seen.
    room = (_power_of_two(min(some_texts, batch)), some_heads)
    queries = query.new_ones(*room, rows, size + 1)
    keys = key.new_zeros(*room, width, size + 1)
    values = value.new_zeros(*room, width, size)
    scores = query.new_empty(*room, rows, width)
    found = query.new_empty(*room, rows, size)
    bias = query.new_full((batch, 1, width), torch.finfo(query.dtype).min)
    bias[:, 0, :tokens].masked_fill_(seen, 0)
    out = query.new_empty(batch, tokens, heads, size)
    text = 0
    while text < batch:
        n = _power_of_two(min(some_texts, batch - text))
        texts = slice(text, text + n)
        for head in range(0, heads, some_heads):
            those = slice(head, min(head + some_heads, heads))
            q, k, v, s, f = (part[:n, : those.stop - head] for part in (queries, keys, values, scores, found))
            torch.mul(query[texts, those], scaling, out=q[:, :, :tokens, :size])
            k[:, :, :tokens, :size] = key[texts, those]
            k[..., size] = bias[texts]
            v[:, :, :tokens] = value[texts, those]
            q, k, v, s, f = (part.flatten(0, 1) for part in (q, k, v, s, f))
            torch.bmm(q, k.transpose(1, 2), out=s)
            torch.softmax(s, -1, out=s)
            torch.bmm(s, v, out=f)
            out[texts, :, those] = f.unflatten(0, (n, -1))[:, :, :tokens].transpose(1, 2)
        text += n
    return out


def _filled(count: int, width: int) -> int:
    return -(-count // width) * width


def _power_of_two(count: int) -> int:
    """Return the largest power of two that is not above a count.

    >>> [_power_of_two(n) for n in (1, 2, 3, 8, 9)]
    [1, 2, 2, 8, 8]
    """
    return 1 << (count.bit_length() - 1)

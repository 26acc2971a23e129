"""Tokens that a model's vocabulary lacks: all of them have one vector, so texts of nothing else are all alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vecindex.core.vectors import F32

_USUAL = ("<unk>", "[UNK]")


def unknown_id(tokenizer: Any) -> int | None:
    """Return the number that a tokenizer of the library tokenizers has for what it does not know, None for none."""
    names = (getattr(tokenizer.model, "unk_token", None), *_USUAL)
    return next((number for name in names if name and (number := tokenizer.token_to_id(name)) is not None), None)


def unknown_shares(ids: Sequence[Sequence[int]], unknown_id: int | None, around: int) -> F32 | None:
    """Return for each text the share of its tokens that are unknown ones, 0 to 1; None where there can be none.

    `around` counts the special tokens and those of the prompt, which are not the text's own. A text without tokens of
    its own has 0.

    >>> unknown_shares([[1, 9, 9, 9, 2], [1, 9, 5, 2], [1, 2]], unknown_id=9, around=2)
    array([1. , 0.5, 0. ], dtype=float32)
    """
    if unknown_id is None:
        return None
    shares = [min(1.0, one.count(unknown_id) / max(1, len(one) - around)) for one in ids]
    return np.array(shares, dtype=np.float32)

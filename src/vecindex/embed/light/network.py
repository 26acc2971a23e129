"""The forward pass of BERT and its kin in float32 by numpy (Devlin et al. 2019; MPNet: Song et al. 2020).

The tokens of a batch stand one after the other without padding: all but the attention looks at single tokens.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vecindex.core.vectors import F32
from vecindex.embed.light.settings import WEIGHTS, OtherModelError, Settings
from vecindex.shortages import addresses_left

_F = np.float32
# What of a layer is activated at a time: it stays in the cache of a core, with the three values in between.
_BLOCK = 1 << 15
# Up to here exponentials of scores, and the sums of many, are well within float32.
_FAR_SCORE = _F(40)
_WORDS = "embeddings.word_embeddings.weight"
# Of a layer: the names of the projections of queries, keys, values and of their result, and of the norm after it.
_BERT = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")
_MPNET = ("attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o")
# MPNet's distances of tokens: as many classes, the last one from this distance on.
_CLASSES, _FAR = 32, 128

Ids = Sequence[Sequence[int]]


class Network:
    """A model's weights, and what they make of tokens."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Read the weights.

        Raises OtherModelError when they are not all there in float32, MemoryError where a bound leaves no room.
        """
        from safetensors.numpy import load_file

        # The library maps the file and makes copies of what is in it; it panics where it gets no memory.
        needed, left = 2 * (folder / WEIGHTS).stat().st_size, addresses_left()
        if left is not None and left < needed:
            raise MemoryError(f"reading the model takes {needed / 1e6:.0f} MB, and {left / 1e6:.0f} MB are left")
        weights = load_file(folder / WEIGHTS)
        prefix = next((name.removesuffix(_WORDS) for name in weights if name.endswith(_WORDS)), "")
        self._weights = {name.removeprefix(prefix): value for name, value in weights.items()}
        self._settings = settings
        wanted = _names(settings)
        missing = wanted - self._weights.keys()
        if missing or any(self._weights[name].dtype != np.float32 for name in wanted):
            raise OtherModelError("its weights are others than its settings say, or not in fp32")

    def pooled(self, ids: Ids) -> F32:
        """Return a vector (n, d) for each text of tokens, not of unit length yet; no text without a token."""
        s = self._settings
        ends = np.concatenate([[0], np.cumsum([len(text) for text in ids])])
        spans = [slice(a, b) for a, b in pairwise(ends.tolist())]
        x = self._embedded(ids)
        bias = self._distance_bias(max(map(len, ids))) if s.relative else None
        names = _MPNET if s.relative else _BERT
        after = "attention.LayerNorm" if s.relative else "attention.output.LayerNorm"
        for i in range(s.layers):
            layer = f"encoder.layer.{i}."
            mixed = self._attended(x, layer, names, spans, bias)
            x = self._normed(mixed + x, layer + after)
            inner = _gelu(self._linear(x, layer + "intermediate.dense"))
            x = self._normed(self._linear(inner, layer + "output.dense") + x, layer + "output.LayerNorm")
        if s.pooling == "cls":
            return np.ascontiguousarray(x[ends[:-1]])
        return np.stack([x[span].mean(axis=0) for span in spans])

    def _embedded(self, ids: Ids) -> F32:
        s, w = self._settings, self._weights
        flat = np.concatenate([np.asarray(text, dtype=np.int64) for text in ids])
        positions = np.concatenate([np.arange(len(text)) for text in ids]) + s.first_position
        x = w[_WORDS][flat] + w["embeddings.position_embeddings.weight"][positions]
        kinds = w.get("embeddings.token_type_embeddings.weight")
        return self._normed(x if kinds is None else x + kinds[0], "embeddings.LayerNorm")

    def _attended(
        self, x: F32, layer: str, names: tuple[str, str, str, str], spans: Sequence[slice], bias: F32 | None
    ) -> F32:
        """Return what each token takes over from the others of its text."""
        s = self._settings
        width = s.dimension // s.heads
        query, key, value = (self._linear(x, layer + name).reshape(-1, s.heads, width) for name in names[:3])
        query *= _F(width**-0.5)
        mixed = np.empty_like(query)
        room = np.empty(s.heads * max(span.stop - span.start for span in spans) ** 2, dtype=_F)
        for span in spans:
            n = span.stop - span.start
            scores = room[: s.heads * n * n].reshape(s.heads, n, n)
            np.matmul(query[span].transpose(1, 0, 2), key[span].transpose(1, 2, 0), out=scores)
            if bias is not None:
                scores += bias[:, :n, :n]
            sums = _exponentials(scores)
            taken = scores @ value[span].transpose(1, 0, 2)
            taken /= sums
            mixed[span] = taken.transpose(1, 0, 2)
        return self._linear(mixed.reshape(len(x), s.dimension), layer + names[3])

    def _distance_bias(self, n: int) -> F32:
        """Return MPNet's (heads, n, n) addition to the scores, by how far a key stands behind its query."""
        table: F32 = self._weights["encoder.relative_attention_bias.weight"]
        behind = np.arange(n)[None, :] - np.arange(n)[:, None]
        return np.ascontiguousarray(table[_distance_class(behind)].transpose(2, 0, 1))

    def _linear(self, x: F32, name: str) -> F32:
        out: F32 = x @ self._weights[name + ".weight"].T
        out += self._weights[name + ".bias"]
        return out

    def _normed(self, x: F32, name: str) -> F32:
        x = x - x.mean(axis=1, keepdims=True)
        variance = np.einsum("ij,ij->i", x, x) / _F(x.shape[1])
        x /= np.sqrt(variance + _F(self._settings.epsilon))[:, None]
        x *= self._weights[name + ".weight"]
        x += self._weights[name + ".bias"]
        return x


def _names(settings: Settings) -> set[str]:
    """Return the names of all weights that are computed with."""
    projections = _MPNET if settings.relative else _BERT
    norm = "attention.LayerNorm" if settings.relative else "attention.output.LayerNorm"
    of_layer = (*projections, norm, "intermediate.dense", "output.dense", "output.LayerNorm")
    names = {
        f"encoder.layer.{i}.{name}.{part}" for i in range(settings.layers) for name in of_layer for part in _PARTS
    }
    names |= {_WORDS, "embeddings.position_embeddings.weight"}
    names |= {f"embeddings.LayerNorm.{part}" for part in _PARTS}
    names.add("encoder.relative_attention_bias.weight" if settings.relative else _KINDS_OF_TOKEN)
    return names


_PARTS = ("weight", "bias")
_KINDS_OF_TOKEN = "embeddings.token_type_embeddings.weight"


def _distance_class(behind: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the class of a distance: its own for short ones, then by the logarithm; keys behind have the upper half.

    >>> _distance_class(np.array([-200, -1, 0, 1, 7, 8, 200])).tolist()
    [15, 1, 0, 17, 23, 24, 31]
    """
    half = _CLASSES // 2
    exact = half // 2
    distance = np.abs(behind)
    scaled = np.log(np.maximum(distance, 1).astype(_F) / _F(exact)) / _F(math.log(_FAR / exact)) * _F(half - exact)
    far = np.minimum(exact + scaled.astype(np.int64), half - 1)
    return np.where(distance < exact, distance, far) + np.where(behind > 0, half, 0)


def _exponentials(scores: F32) -> F32:
    """Replace scores (heads, n, n) by their exponentials; return the sums over the last axis, (heads, n, 1).

    Divided by the sums they are the softmax. The largest score of a row is taken from it only where exponentials
    would be too large or too small otherwise: models are trained so that they are not, and it takes two passes.
    """
    smallest, largest = scores.min(), scores.max()
    if largest > _FAR_SCORE or smallest < -_FAR_SCORE:
        scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    sums: F32 = scores.sum(axis=-1, keepdims=True)
    return sums


def _gelu(x: F32) -> F32:
    """Return x * Phi(x), computed in place; erf by Abramowitz and Stegun 7.1.26, to 2e-7."""
    flat = x.reshape(-1)
    rooms = np.empty((3, min(_BLOCK, len(flat))), dtype=_F)
    for at in range(0, len(flat), _BLOCK):
        part = flat[at : at + _BLOCK]
        size, t, tail = rooms[:, : len(part)]
        np.abs(part, out=size)
        np.multiply(size, _P, out=t)
        t += _F(1)
        np.reciprocal(t, out=t)
        np.multiply(t, _TERMS[0], out=tail)
        for term in _TERMS[1:]:
            tail += term
            tail *= t
        np.multiply(part, part, out=t)
        t *= _F(-0.5)
        np.exp(t, out=t)
        # The tail is half of 1 - erf(|z|), which lies beyond z on one side.
        tail *= t
        tail *= size
        np.maximum(part, 0, out=part)
        part -= tail
    return x


# Of 7.1.26, for z = x / sqrt(2) and half of what it gives.
_P = _F(0.3275911 * math.sqrt(0.5))
_TERMS = tuple(_F(term / 2) for term in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592))

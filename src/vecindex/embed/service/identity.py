"""Which model a service runs: known by its name, and by the vectors of a few fixed texts.

Services give slightly other vectors at each call, so these are kept and compared, and not hashed.
"""

from __future__ import annotations

import base64
import binascii

import numpy as np

from vecindex.core.vectors import F32, row_cosines

FIXED_TEXTS = (
    "The mitochondrion makes the energy of the cell.",
    "How far away are the stars, and how would one know?",
    "Das Gericht entscheidet nach dem Gesetz; 法律は社会の規則である。",
)
MIN_COSINE = 0.99
"""Rounding and batching keep 0.999, another quantization of a model 0.99; another model is near 0."""

_PREFIX = "service:"
_VALUES = 64


def identity_of(vectors: F32) -> str:
    """Return the vectors (3, d) of the fixed texts as a text: the first 64 values of each, in one byte each."""
    kept = np.asarray(vectors, dtype=np.float64)[:, :_VALUES]
    scaled = np.rint(kept / np.maximum(np.abs(kept).max(axis=1, keepdims=True), 1e-12) * 127).astype(np.int8)
    return _PREFIX + base64.b64encode(scaled.tobytes()).decode("ascii")


def alike(one: str, other: str) -> bool:
    """Return whether two such texts are those of the same model.

    >>> same = identity_of(np.array([[1.0, 2.0], [0.0, 1.0], [1.0, 1.0]]))
    >>> near = identity_of(np.array([[1.01, 2.0], [0.0, 1.0], [1.0, 1.01]]))
    >>> far = identity_of(np.array([[2.0, 1.0], [0.0, 1.0], [1.0, 1.0]]))
    >>> alike(same, near), alike(same, far), alike(same, "unknown")
    (True, False, False)
    """
    left, right = _vectors(one), _vectors(other)
    if left is None or right is None or left.shape != right.shape:
        return False
    return bool(np.nan_to_num(row_cosines(left, right), nan=-1.0).min() >= MIN_COSINE)


def _vectors(text: str) -> F32 | None:
    if not text.startswith(_PREFIX):
        return None
    try:
        raw = np.frombuffer(base64.b64decode(text[len(_PREFIX) :], validate=True), dtype=np.int8)
        return raw.astype(np.float32).reshape(len(FIXED_TEXTS), -1)
    except (binascii.Error, ValueError):
        return None

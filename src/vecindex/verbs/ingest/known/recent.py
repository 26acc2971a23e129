"""The vectors of the texts that a run embedded last, so that equal texts are embedded once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict

from vecindex.core.vectors import F32

MOST_BYTES = 32 << 20
_OVERHEAD_BYTES = 250


class RecentTexts:
    """Says of each text whether a run would have its vector by then, as `RecentVectors` keeps them.

    >>> recent = RecentTexts(dimension=2, most_bytes=2 * (8 + 250))
    >>> [recent.meet(text) for text in "abacb"]
    [False, False, True, False, False]
    """

    def __init__(self, dimension: int, most_bytes: int = MOST_BYTES) -> None:
        """Begin with none; vectors (dimension,) of so many bytes at most would be kept."""
        self._most = most_bytes // (4 * dimension + _OVERHEAD_BYTES)
        self._met: OrderedDict[bytes, None] = OrderedDict()

    def meet(self, text: str) -> bool:
        """Note a text; return whether it is one of those that were met last."""
        key = _key(text)
        is_met = key in self._met
        self._met[key] = None
        self._met.move_to_end(key)
        if len(self._met) > self._most:
            self._met.popitem(last=False)
        return is_met


class RecentVectors:
    """Vectors by the digests of their texts; those that were not asked for longest are forgotten first.

    >>> import numpy as np
    >>> recent = RecentVectors(2 * (8 + 250))
    >>> for text in "abc":
    ...     recent.put(text, np.array([1, 0], dtype=np.float32))
    >>> [recent.get(text) is not None for text in "abc"]
    [False, True, True]
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        """Begin with none; keep so many bytes at most."""
        self._most_bytes = most_bytes
        self._vectors: OrderedDict[bytes, F32] = OrderedDict()

    def get(self, text: str) -> F32 | None:
        """Return the vector (d,) of a text, None where it is not kept."""
        key = _key(text)
        found = self._vectors.get(key)
        if found is not None:
            self._vectors.move_to_end(key)
        return found

    def put(self, text: str, vector: F32) -> None:
        """Keep a copy of the vector of a text."""
        self._vectors[_key(text)] = vector.copy()
        if len(self._vectors) * (vector.nbytes + _OVERHEAD_BYTES) > self._most_bytes:
            self._vectors.popitem(last=False)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()

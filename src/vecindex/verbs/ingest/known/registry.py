"""Which rows a table holds and which ids a run has met, in about 50 bytes a row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from vecindex.core.identity import id_digest

_KEY = np.dtype("S16")
_HASH = np.dtype("S33")
# Runs of new ids are merged when they reach this many: lookups stay a handful of binary searches.
_RUN = 65_536


class State(StrEnum):
    """What an incoming row is, compared with the table."""

    NEW = "new"
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    DUPLICATE = "duplicate"


def _key(row_id: str) -> bytes:
    # numpy's S dtype drops trailing zero bytes when it compares and converts; a set bit at the end keeps them.
    digest = id_digest(row_id)
    return digest[:15] + bytes([digest[15] | 1])


class Registry:
    """The ids and content hashes of a table, and which of them this run has met.

    Built from the table's own columns when a run starts; nothing is written to disk. Ids are kept as 127-bit
    digests, sorted, so that 10 million rows take about 0.5 GB where a dict would take 2 GB.
    """

    def __init__(self, batches: Iterable[tuple[list[str], list[str]]] = ()) -> None:
        """Take the table's rows as batches of (ids, content hashes)."""
        keys, hashes = [np.empty(0, _KEY)], [np.empty(0, _HASH)]
        for ids, row_hashes in batches:
            keys.append(np.array([_key(i) for i in ids], dtype=_KEY))
            hashes.append(np.array([h.encode() for h in row_hashes], dtype=_HASH))
        all_keys = np.concatenate(keys)
        order = np.argsort(all_keys, kind="stable")
        self._keys, self._hashes = all_keys[order], np.concatenate(hashes)[order]
        self._met = np.zeros(len(self._keys), dtype=np.bool_)
        self._spared = np.zeros(len(self._keys), dtype=np.bool_)
        self._new_sorted = np.empty(0, _KEY)
        self._new_recent: set[bytes] = set()

    @property
    def n_unmet(self) -> int:
        """How many of the table's rows this run has neither met nor spared."""
        return int((~(self._met | self._spared)).sum())

    def meet(self, row_id: str, row_hash: str) -> tuple[State, str | None]:
        """Note that the run has met a row; return what it is and, if it is in the table, its hash there.

        The second row with an id that the run has already met is a DUPLICATE whatever it holds.
        """
        key = _key(row_id)
        at = self._find(self._keys, key)
        if at >= 0:
            if self._met[at]:
                return State.DUPLICATE, None
            self._met[at] = True
            stored: str = self._hashes[at].decode()
            return (State.UNCHANGED if stored == row_hash else State.CHANGED), stored
        if key in self._new_recent or self._find(self._new_sorted, key) >= 0:
            return State.DUPLICATE, None
        self._new_recent.add(key)
        if len(self._new_recent) >= _RUN:
            self._new_sorted = np.union1d(self._new_sorted, np.array(list(self._new_recent), dtype=_KEY))
            self._new_recent.clear()
        return State.NEW, None

    def has_met(self, row_id: str) -> bool:
        """Return whether the run has met an id, and its row has not turned out to be bad."""
        key = _key(row_id)
        if (at := self._find(self._keys, key)) >= 0:
            return bool(self._met[at])
        return key in self._new_recent or self._find(self._new_sorted, key) >= 0

    def keep(self, row_id: str) -> None:
        """Note that an id is still in the source although its row was rejected, so that pruning spares it."""
        at = self._find(self._keys, _key(row_id))
        if at >= 0:
            self._spared[at] = True

    def forget(self, row_ids: Sequence[str]) -> None:
        """Take back that the run has met some ids, whose rows turned out to be bad: good ones may still come."""
        merged = []
        for key in map(_key, row_ids):
            if (at := self._find(self._keys, key)) >= 0:
                self._met[at] = False
            elif (at := self._find(self._new_sorted, key)) >= 0:
                merged.append(at)
            self._new_recent.discard(key)
        if merged:
            self._new_sorted = np.delete(self._new_sorted, merged)

    def is_unmet(self, row_id: str) -> bool:
        """Return whether the table holds this id and the run has neither met nor spared it."""
        at = self._find(self._keys, _key(row_id))
        return at >= 0 and not (self._met[at] or self._spared[at])

    @staticmethod
    def _find(keys: npt.NDArray[np.bytes_], key: bytes) -> int:
        at = int(np.searchsorted(keys, np.bytes_(key)))
        return at if at < len(keys) and keys[at] == key else -1

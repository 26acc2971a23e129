"""Which rows a table holds and which ids a run has met: 34 bytes a row of the table, 17 a new id."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from vecindex.core.identity import id_digest
from vecindex.verbs.ingest.known.runs import KEY_BYTES, Run, merged

# New ids become a sorted run when they reach this many. Runs are merged with others of their size up to the second
# number: beyond it a merge would need much memory for little.
_RUN, _LARGEST_RUN = 65_536, 1 << 24
_HASH_CHARACTERS, _COLON_AT = 33, 16
_MET, _SPARED = 1, 2
_ODD = [bytes([value | 1]) for value in range(256)]


class State(StrEnum):
    """What an incoming row is, compared with the table."""

    NEW = "new"
    UNCHANGED = "unchanged"
    CHANGED = "changed"
    DUPLICATE = "duplicate"


def _key(row_id: str) -> bytes:
    # The last bit is set in each key; a run takes it from one that is forgotten.
    digest = id_digest(row_id)
    return digest[:15] + _ODD[digest[15]]


def id_keys(ids: Sequence[str]) -> npt.NDArray[np.uint8]:
    """Return the keys of ids, (n, 16)."""
    digests = _as_rows(b"".join(map(id_digest, ids))).copy()
    digests[:, -1] |= 1
    return digests


def _as_rows(together: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(together, dtype=np.uint8).reshape(-1, KEY_BYTES)


def _from_hex(digits: str) -> bytes | None:
    """Return the bytes of lower-case hex digits, None for another text."""
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        return None
    return found if found.hex() == digits else None


def _packed(row_hash: str) -> bytes | None:
    """Return a content hash as 16 bytes; None where it is not of the form that `core.identity` gives it."""
    if len(row_hash) != _HASH_CHARACTERS or row_hash[_COLON_AT] != ":":
        return None
    return _from_hex(row_hash[:_COLON_AT] + row_hash[_COLON_AT + 1 :])


def _unpacked(packed: bytes) -> str:
    digits = packed.hex()
    return f"{digits[:_COLON_AT]}:{digits[_COLON_AT:]}"


def _stands_for(row_hash: str) -> bytes:
    """Return 16 bytes for a content hash of another form."""
    return hashlib.blake2b(row_hash.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).digest()


class Registry:
    """The ids and content hashes of a table, and which of them this run has met.

    Built from the table's own columns when a run starts; nothing is written to disk. Ids are kept as 127-bit digests,
    next to the hashes as 16 bytes: those of the table as one sorted run, new ones as runs that are merged when they
    are of one size. So n ids take O(n log n), and a lookup is in few runs.
    """

    def __init__(self, batches: Iterable[tuple[list[str], list[str]]] = ()) -> None:
        """Take the table's rows as batches of (ids, content hashes)."""
        self._odd: dict[bytes, str] = {}
        rows = bytearray()
        for ids, row_hashes in batches:
            part = np.empty((len(ids), 2, KEY_BYTES), dtype=np.uint8)
            part[:, 0] = id_keys(ids)
            part[:, 1] = self._hashes(ids, row_hashes)
            rows += part.tobytes()
        self._table = Run.of_unsorted(rows, 2 * KEY_BYTES)
        self._noted = bytearray(len(self._table))
        self._new: list[Run] = []
        self._recent: set[bytes] = set()

    def _hashes(self, ids: Sequence[str], row_hashes: Sequence[str]) -> npt.NDArray[np.uint8]:
        """Return the hashes of a batch as bytes, (b, 16), and keep those of another form."""
        together = "".join(row_hashes)
        # All at once, where all are of the form.
        if len(together) == _HASH_CHARACTERS * len(row_hashes):
            characters = np.frombuffer(together.encode("utf-8", "surrogatepass"), dtype=np.uint8)
            if len(characters) == len(together):
                rows = characters.reshape(-1, _HASH_CHARACTERS)
                digits = np.delete(rows, _COLON_AT, axis=1).tobytes().decode()
                if (rows[:, _COLON_AT] == ord(":")).all() and (packed := _from_hex(digits)):
                    return _as_rows(packed)
        found = []
        for row_id, row_hash in zip(ids, row_hashes, strict=True):
            one = _packed(row_hash)
            if one is None:
                self._odd[_key(row_id)] = row_hash
            found.append(one or _stands_for(row_hash))
        return _as_rows(b"".join(found))

    @property
    def is_empty(self) -> bool:
        """Whether the table holds no rows."""
        return not self._noted

    @property
    def n_unmet(self) -> int:
        """How many of the table's rows this run has neither met nor spared."""
        return self._noted.count(0)

    def meet(self, row_id: str, row_hash: str) -> tuple[State, str | None]:
        """Note that the run has met a row; return what it is and, if it is in the table, its hash there.

        The second row with an id that the run has already met is a DUPLICATE whatever it holds.
        """
        key = _key(row_id)
        at = self._table.find(key)
        if at >= 0:
            if self._noted[at] & _MET:
                return State.DUPLICATE, None
            self._noted[at] |= _MET
            stored = self._odd[key] if key in self._odd else _unpacked(self._table.value(at))
            return (State.UNCHANGED if stored == row_hash else State.CHANGED), stored
        if self._is_new(key):
            return State.DUPLICATE, None
        self._recent.add(key)
        if len(self._recent) >= _RUN:
            self._keep_recent()
        return State.NEW, None

    def meet_unchanged(self, keys: npt.NDArray[np.uint8], hashes: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Note that the run has met those of some rows that are UNCHANGED; return which, (n,).

        `keys` (n, 16) are those of different ids, see `id_keys`; `hashes` (n, 16) their content hashes as bytes. Of
        other rows nothing is noted.
        """
        same = np.zeros(len(keys), dtype=bool)
        if not len(self._table) or not len(keys):
            return same
        at = self._table.find_all(keys)
        there = np.flatnonzero(at >= 0)
        noted = np.frombuffer(self._noted, np.uint8)
        alike = (self._table.values(at[there]) == hashes[there]).all(axis=1) & (noted[at[there]] & _MET == 0)
        same[there[alike]] = True
        if self._odd:
            same &= [key.tobytes() not in self._odd for key in keys]
        noted[at[same]] |= _MET
        return same

    def _is_new(self, key: bytes) -> bool:
        """Return whether the run has met a key that the table does not have."""
        return key in self._recent or any(run.find(key) >= 0 for run in self._new)

    def _keep_recent(self) -> None:
        """Make a run of the last ids; merge the last two while the one before is not the larger one."""
        self._new.append(Run.of_unsorted(bytearray().join(self._recent), KEY_BYTES))
        self._recent.clear()
        while len(self._new) > 1 and len(self._new[-2]) <= min(len(self._new[-1]), _LARGEST_RUN // 2):
            last = self._new.pop()
            self._new[-1] = merged(self._new[-1], last)

    def has_met(self, row_id: str) -> bool:
        """Return whether the run has met an id, and its row has not turned out to be bad."""
        key = _key(row_id)
        if (at := self._table.find(key)) >= 0:
            return bool(self._noted[at] & _MET)
        return self._is_new(key)

    def keep(self, row_id: str) -> None:
        """Note that an id is still in the source although its row was rejected, so that pruning spares it."""
        at = self._table.find(_key(row_id))
        if at >= 0:
            self._noted[at] |= _SPARED

    def forget(self, row_ids: Sequence[str]) -> None:
        """Take back that the run has met some ids, whose rows turned out to be bad: good ones may still come."""
        for key in map(_key, row_ids):
            if (at := self._table.find(key)) >= 0:
                self._noted[at] &= ~_MET
                continue
            self._recent.discard(key)
            for run in self._new:
                run.forget(key)

    def is_unmet(self, row_id: str) -> bool:
        """Return whether the table holds this id and the run has neither met nor spared it."""
        at = self._table.find(_key(row_id))
        return at >= 0 and not self._noted[at]

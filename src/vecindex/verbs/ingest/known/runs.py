"""Sorted runs of keys that are spread evenly, such as digests: a key is found in about half a microsecond."""

from __future__ import annotations

from array import array

import numpy as np
import numpy.typing as npt

KEY_BYTES = 16
# Keys of a bucket, in the mean: few enough to be scanned, many enough that the buckets' ends take little.
_BUCKET = 8
_COUNTED_ROWS = 1 << 20


class Run:
    """Records of one size, sorted: a key of 16 bytes whose last bit is set, and what follows it.

    Keys are digests, so their first bits say where they are: the records are divided into buckets by these, and the
    ends of the buckets are known. Memory is that of the records and at most a byte each.
    """

    __slots__ = ("_ends", "_shift", "_size", "records")

    def __init__(self, records: bytearray, size: int) -> None:
        """Take sorted records of `size` bytes each."""
        self.records, self._size = records, size
        bits = max(1, (len(self) // _BUCKET).bit_length())
        self._shift = 32 - min(32, bits)
        self._ends = _ends(records, size, self._shift)

    @classmethod
    def of_unsorted(cls, records: bytearray, size: int) -> Run:
        """Sort records where they are, and make a run of them."""
        # Bytes are compared as they are, trailing zeros too; only numpy's scalars lose these.
        np.frombuffer(records, f"S{size}").sort()
        return cls(records, size)

    def __len__(self) -> int:
        return len(self.records) // self._size

    def find(self, key: bytes) -> int:
        """Return the index of a key, -1 where it is not there."""
        bucket = int.from_bytes(key[:4], "big") >> self._shift
        size = self._size
        at, end = self._ends[bucket] * size, self._ends[bucket + 1] * size
        while True:
            at = self.records.find(key, at, end)
            if at < 0:
                return -1
            # The same bytes may begin in the middle of a record.
            if not at % size:
                return at // size
            at += 1

    def find_all(self, keys: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        """Return the indices of keys (n, 16), -1 for one that is not there."""
        records = np.frombuffer(self.records, np.uint64).reshape(len(self), self._size // 8)
        wanted = np.ascontiguousarray(keys).view(np.uint64).reshape(-1, KEY_BYTES // 8)
        buckets = np.ascontiguousarray(keys[:, :4]).view(">u4").ravel().astype(np.int64) >> self._shift
        ends = np.frombuffer(self._ends, np.uintc)
        at, end = ends[buckets].astype(np.int64), ends[buckets + 1].astype(np.int64)
        found = np.full(len(keys), -1, dtype=np.int64)
        left = np.flatnonzero(at < end)
        while len(left):
            here = at[left]
            same = (records[here, 0] == wanted[left, 0]) & (records[here, 1] == wanted[left, 1])
            found[left[same]] = here[same]
            at[left] += 1
            left = left[~same & (at[left] < end[left])]
        return found

    def values(self, at: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return what follows the keys of records, (n, bytes)."""
        return np.frombuffer(self.records, np.uint8).reshape(len(self), self._size)[at, KEY_BYTES:]

    def value(self, at: int) -> bytes:
        """Return what follows the key of a record."""
        return bytes(self.records[at * self._size + KEY_BYTES : (at + 1) * self._size])

    def forget(self, key: bytes) -> None:
        """Take the last bit from a key, if it is there: no key that is looked for is without it."""
        if (at := self.find(key)) >= 0:
            self.records[at * self._size + KEY_BYTES - 1] &= 0xFE


def merged(one: Run, other: Run) -> Run:
    """Return one run of two; their records are of one size."""
    records = one.records + other.records
    size = len(one.records) // len(one)
    # Stable: numpy finds the two sorted parts and merges them.
    np.frombuffer(records, f"S{size}").sort(kind="stable")
    return Run(records, size)


def _ends(records: bytearray, size: int, shift: int) -> array[int]:
    """Return where each bucket ends: the number of records before it and in it; 0 comes first."""
    counts = np.zeros((1 << (32 - shift)) + 1, dtype=np.int64)
    first = np.frombuffer(records, ">u4")[:: size // 4]
    for at in range(0, len(first), _COUNTED_ROWS):
        buckets = first[at : at + _COUNTED_ROWS].astype(np.int64) >> shift
        counts[1:] += np.bincount(buckets, minlength=len(counts) - 1)
    found = array("I")
    found.frombytes(np.cumsum(counts).astype(np.uintc).tobytes())
    return found

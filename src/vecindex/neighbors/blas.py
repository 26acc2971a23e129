"""FAISS with the kernels that its matrix library would not choose by itself, and that library's matrix product."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from vecindex.core.neighbors import Rows
from vecindex.core.vectors import F32
from vecindex.messages import counted
from vecindex.shortages import addresses_left

CORETYPE = "OPENBLAS_CORETYPE"
MIN_BLAS_QUERIES = 10
"""From this many queries on a matrix product is quicker than FAISS's own loops; for one it takes twice as long."""

# Products at a time: 1 MB, what the cache of a core holds.
_PRODUCT_VALUES = 1 << 18
# The buffer of OpenBLAS for a thread, 128 MB, and the thread's stack.
_THREAD_BYTES = (128 + 8) << 20
_AVX512 = {"avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"}
_AVX2 = {"avx2", "fma"}
T = TypeVar("T")

_threshold_lock = threading.Lock()
_threshold_users = 0
_threshold_before = 0
_workers: dict[int, ThreadPoolExecutor] = {}


def core_type(flags: set[str]) -> str | None:
    """Return the quickest OpenBLAS kernels that a processor with these flags can run; None for its own choice.

    The wheel of FAISS brings an OpenBLAS that takes its oldest kernels on processors it does not know. A kernel that
    the processor cannot run would end the process, so all flags that it needs must be there.

    >>> core_type({"avx2", "fma"}), core_type({"avx512f"})
    ('Haswell', None)
    """
    if flags >= _AVX512 | _AVX2:
        return "SkylakeX"
    return "Haswell" if flags >= _AVX2 else None


def processor_flags(path: Path = Path("/proc/cpuinfo")) -> set[str]:
    """Return the flags that all processors share; nothing where the system does not list them."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    found = [set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags") and ":" in line]
    return set.intersection(*found) if found else set()


def load_faiss() -> Any:
    """Import FAISS, its OpenBLAS set to what the processor can do; not where the user has set it, or it is loaded."""
    if "faiss" not in sys.modules and CORETYPE not in os.environ:
        kind = core_type(processor_flags())
        if kind is not None:
            os.environ[CORETYPE] = kind
            try:
                import faiss
            finally:
                # It is read once, when the library is loaded; our child processes decide for themselves.
                del os.environ[CORETYPE]
            return faiss
    import faiss

    return faiss


def _check_addresses(threads: int) -> None:
    """Raise MemoryError where a bound of addresses leaves no room for the threads of FAISS, which would crash."""
    needed, left = threads * _THREAD_BYTES, addresses_left()
    if left is not None and left < needed:
        some = counted(threads, "thread takes", "threads take")
        raise MemoryError(f"{some} {needed / 1e6:.0f} MB, and {left / 1e6:.0f} MB are left")


class Products:
    """The products of some vectors with blocks of others, by FAISS's matrix library, in float32.

    Unlike numpy's, that library uses as many threads as FAISS is set to on the calling thread, so that `in_threads`
    divides the work.
    """

    def __init__(self, vectors: F32) -> None:
        """Take the vectors (q, d)."""
        faiss = load_faiss()
        self.shape = vectors.shape
        # The only way to that library from Python: a linear map whose matrix the vectors are.
        self._map = faiss.LinearTransform(vectors.shape[1], vectors.shape[0], False)
        faiss.copy_array_to_vector(np.ascontiguousarray(vectors, dtype=np.float32).ravel(), self._map.A)
        self._map.is_trained = True
        self._pointer = faiss.swig_ptr

    def into(self, room: F32, block: F32) -> F32:
        """Put the products with a block (b, d) into the first b lines of `room` (>= b, q); return these.

        Both are C-contiguous float32.
        """
        q, d = self.shape
        if block.shape[1] != d or room.shape[1] != q or len(room) < len(block):
            raise ValueError(f"no room {room.shape} for the products of {self.shape} with {block.shape}")
        if not all(a.dtype == np.float32 and a.flags.c_contiguous for a in (room, block)):
            raise ValueError("products need contiguous float32")
        self._map.apply_noalloc(len(block), self._pointer(block), self._pointer(room))
        return room[: len(block)]

    def reaching(self, block: F32, least: F32) -> Iterator[tuple[int, F32, Rows]]:
        """Yield the products (some lines of the block, q) and where they are at least `least` (q,), line by line.

        Each time: the index of the first line in the block, the products, which may be written to, and indices into
        them as one row. So many lines at a time as keeps the products in the cache until they have been scanned.
        """
        step = max(1, _PRODUCT_VALUES // max(1, self.shape[0]))
        room = np.empty((min(step, len(block)), self.shape[0]), dtype=np.float32)
        for at in range(0, len(block), step):
            products = self.into(room, block[at : at + step])
            # Ten times as quick as `np.nonzero` where hardly any does.
            yield at, products, np.flatnonzero(products >= least)


@contextmanager
def blas_for(n_queries: int) -> Iterator[None]:
    """Let FAISS use matrix products inside the block where that is quicker; its own threshold is put back.

    The threshold belongs to the whole process, so of several searches at once the last one puts it back; a search of
    few queries next to one of many takes matrix products too, which is slower and finds the same.
    """
    global _threshold_users, _threshold_before
    if n_queries < MIN_BLAS_QUERIES:
        yield
        return
    faiss = load_faiss()
    with _threshold_lock:
        if not _threshold_users:
            _threshold_before = faiss.cvar.distance_compute_blas_threshold
            faiss.cvar.distance_compute_blas_threshold = 1
        _threshold_users += 1
    try:
        yield
    finally:
        with _threshold_lock:
            _threshold_users -= 1
            if not _threshold_users:
                faiss.cvar.distance_compute_blas_threshold = _threshold_before


def parts(count: int, of: int) -> list[slice]:
    """Return `count` slices, as equal as can be, that together are `of` things; none of them empty.

    >>> parts(2, 5)
    [slice(0, 2, None), slice(2, 5, None)]
    """
    ends = [of * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(ends) if a < b]


def in_threads(tasks: Sequence[Callable[[], T]]) -> list[T]:
    """Run independent tasks at once, each with one thread of FAISS, on as many threads as FAISS would use here.

    What FAISS does on several threads for a task it does as quickly for several tasks; but what numpy does besides,
    on one thread, is then done on all. Returns what the tasks returned, in their order; the first error of a task is
    raised when all have ended.
    """
    faiss = load_faiss()
    threads = faiss.omp_get_max_threads()
    if threads == 1 or len(tasks) == 1:
        return [task() for task in tasks]
    with _threshold_lock:
        if threads not in _workers:
            _check_addresses(threads)
            # The number of threads that OpenMP uses is kept for each thread that asks.
            _workers[threads] = ThreadPoolExecutor(
                threads, "vecindex-search", initializer=faiss.omp_set_num_threads, initargs=(1,)
            )
        started = [_workers[threads].submit(task) for task in tasks]
    wait(started)
    return [one.result() for one in started]

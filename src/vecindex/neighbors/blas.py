"""FAISS with the kernels that its matrix library would not choose by itself."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CORETYPE = "OPENBLAS_CORETYPE"
MIN_BLAS_QUERIES = 10
"""From this many queries on a matrix product is quicker than FAISS's own loops; for one it takes twice as long."""

_AVX512 = {"avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"}
_AVX2 = {"avx2", "fma"}
_threshold_lock = threading.Lock()


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
    """Return the flags that all processors share; nothing where the system does not tell."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return set()
    found = [set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags") and ":" in line]
    return set.intersection(*found) if found else set()


def load_faiss() -> Any:
    """Import FAISS, having told its OpenBLAS what the processor can do, unless the user has, or it is too late."""
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


@contextmanager
def blas_for(faiss: Any, n_queries: int) -> Iterator[None]:
    """Let FAISS use matrix products inside the block where that is quicker; its own threshold is put back.

    The threshold belongs to the whole process, so two searches at once wait for each other.
    """
    with _threshold_lock:
        before = faiss.cvar.distance_compute_blas_threshold
        try:
            if n_queries >= MIN_BLAS_QUERIES:
                faiss.cvar.distance_compute_blas_threshold = 1
            yield
        finally:
            faiss.cvar.distance_compute_blas_threshold = before

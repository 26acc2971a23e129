"""LanceDB's exceptions turned into ours: it raises RuntimeError and OSError with the cause in the text."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vecindex.errors import CorruptError, DiskFullError, StoreError, VecindexError

_FULL = ("no space left", "os error 28", "disk quota")
_BROKEN = (
    "not found",
    "invalid range",
    "failed to fill whole buffer",
    "object at location",
    "corrupt",
    "magic number",
    "unexpected end",
    "failed to decode",
    "invalid protobuf",
    "end of file",
    "file size is too small",
)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise StoreError, DiskFullError or CorruptError for what LanceDB raises inside the block."""
    try:
        yield
    except VecindexError:
        raise
    except (RuntimeError, OSError, ValueError) as error:
        text = str(error)
        low = text.lower()
        line = (text.strip().splitlines() or [type(error).__name__])[0][:300]
        if any(sign in low for sign in _FULL):
            raise DiskFullError(
                f"No space left on the disk of {where}; what was committed before is safe.",
                "Free some space and run the same command again: it goes on where it stopped.",
            ) from error
        if any(sign in low for sign in _BROKEN):
            raise CorruptError(
                f"Files of {where} are missing or damaged: {line}", "Look closer: vecindex doctor"
            ) from error
        raise StoreError(f"The store failed on {where}: {line}", "Run the command again.") from error

"""How much of a table's indexes Lance may keep in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from vecindex.shortages import memory_available

LEAST = 256 << 20
"""What any table may have: LanceDB's own default would be 6 GB, whatever there is."""
MEMORY_SHARE = 0.25
"""Of the memory that the process may still take; an index is chosen to fit into it."""
_FOLDER = "_indices"


def index_cache_bytes(table: Path | None) -> int:
    """Return what the indexes of a table in this folder may take in memory: all that their files hold.

    At least 256 MB, and no more than a quarter of the memory that is available. A cache that is smaller than the
    index reads most of it again for each search. Memory is taken as it is read. Files of an index that was replaced
    count until they are cleaned up. Of a table in object storage (None) it is 256 MB: there the files are not listed.
    """
    if table is None:
        return LEAST
    held = sum(_sizes(table / _FOLDER))
    return LEAST if held <= LEAST else max(LEAST, min(held, int(MEMORY_SHARE * memory_available())))


def _sizes(folder: Path) -> Iterator[int]:
    """Yield the sizes of the files of all indexes; what is removed meanwhile is passed over."""
    with suppress(OSError):
        for index in folder.iterdir():
            with suppress(OSError):
                for file in index.iterdir():
                    with suppress(OSError):
                        yield file.stat().st_size

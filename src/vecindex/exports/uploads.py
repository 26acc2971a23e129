"""Files that are made on this machine and then uploaded, so that object storage has them whole or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from vecindex.exports.vectors import ids_file, write_vectors
from vecindex.files import not_written
from vecindex.objects.requests import Objects, parted

if TYPE_CHECKING:
    import pyarrow as pa


def is_remote(out: str) -> bool:
    """Return whether a name is a URL. Where nothing can be uploaded to it, `uploaded` says so."""
    return "://" in out


def size_there(url: str) -> int | None:
    """Return the bytes of what is under a URL; None for nothing."""
    folder, name = parted(url)
    return Objects(folder).size(name)


def ids_name(out: str) -> str:
    """Return where the ids of vectors lie, next to them: a path or a URL."""
    if not is_remote(out):
        return str(ids_file(out))
    folder, name = parted(out)
    return f"{folder}/{ids_file(name)}"


@contextmanager
def uploaded(url: str) -> Iterator[BinaryIO]:
    """Give a stream to write a file to; it is under the URL after the block, or, when the block fails, not at all.

    Raises ConfigError where the folder for temporary files does not take it, StoreError where the store does not.
    """
    folder, name = parted(url)
    objects = Objects(folder)
    objects.check()
    try:
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            objects.upload(name, file)
    except OSError as error:
        raise not_written(tempfile.gettempdir(), error) from error


def upload_vectors(url: str, batches: Iterable[pa.RecordBatch], rows: int, dimension: int) -> tuple[str, int]:
    """Write vectors as `write_vectors` does, and upload both, the ids first; return (ids' URL, rows)."""
    folder, name = parted(url)
    objects = Objects(folder)
    objects.check()
    with tempfile.TemporaryDirectory() as here:
        ids_path, found = write_vectors(str(Path(here) / name), batches, rows, dimension)
        for path in (ids_path, Path(here) / name):
            with path.open("rb") as file:
                objects.upload(path.name, file)
    return ids_name(url), found

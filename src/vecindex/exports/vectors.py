"""Vectors as a NumPy file, with the ids of their rows in a file next to it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from vecindex.errors import LOOK_CLOSER, StoreError
from vecindex.files import NewFile, not_written
from vecindex.messages import counted

if TYPE_CHECKING:
    import pyarrow as pa


def ids_file(out: str) -> Path:
    """Return where the ids of vectors lie: v.ids.json next to v.npy."""
    return Path(out).parent / (Path(out).name.removesuffix(".npy") + ".ids.json")


def write_vectors(out: str, batches: Iterable[pa.RecordBatch], rows: int, dimension: int) -> tuple[Path, int]:
    """Write float32 (rows, dimension) and the ids, a JSON array of texts in the same order; return (ids' file, rows).

    The ids of v.npy are in v.ids.json; JSON, since an id may hold anything, a line's end too. Both are complete
    before either is moved to its name, and the ids come first: so who sees new vectors finds their ids. Vectors that
    are replaced are set aside before that; a kill right there leaves them under the name of a part, rather than next
    to ids of others.

    Raises ConfigError when they cannot be written, StoreError when the rows are not as many as were counted.
    """
    made: list[NewFile] = []
    ids_path = ids_file(out)
    path: str | Path = out
    try:
        made.append(NewFile(out))
        path = ids_path
        made.append(NewFile(ids_path))
        vectors, ids = made
        path = out
        found = _write(vectors.stream, ids.stream, batches, rows, dimension)
        for file in made:
            file.finish()
        _put_both(vectors, ids)
    except OSError as error:
        raise not_written(path, error) from error
    finally:
        for file in made:
            file.discard()
    return ids_path, found


def _put_both(vectors: NewFile, ids: NewFile) -> None:
    """Move both to their names, or leave both old files where they were."""
    old_vectors, old_ids = vectors.set_aside(), ids.set_aside()
    try:
        ids.put()
        vectors.put()
    except BaseException:
        for new, old in ((ids, old_ids), (vectors, old_vectors)):
            if old is not None:
                old.replace(new.there)
            else:
                new.there.unlink(missing_ok=True)
        raise
    for old in (old_vectors, old_ids):
        if old is not None:
            old.unlink()


def _write(vectors: BinaryIO, ids: BinaryIO, batches: Iterable[pa.RecordBatch], rows: int, dimension: int) -> int:
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype("<f4")),
        "fortran_order": False,
        "shape": (rows, dimension),
    }
    np.lib.format.write_array_header_1_0(vectors, header)
    found = 0
    ids.write(b"[")
    for batch in batches:
        column = batch.column("vector")
        vectors.write(column.flatten().to_numpy(zero_copy_only=False).astype("<f4", copy=False).tobytes())
        names = ",\n".join(json.dumps(name, ensure_ascii=False) for name in batch.column("id").to_pylist())
        if names:
            ids.write(((",\n" if found else "\n") + names).encode())
        found += len(batch)
    ids.write(b"\n]\n" if found else b"]\n")
    if found != rows:
        raise StoreError(f"{counted(found, 'row was', 'rows were')} read where {rows:,} were counted.", LOOK_CLOSER)
    return found

"""Rows as JSON objects: one a line, or all of them in one array."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from vecindex.exports.values import json_values, lists_of_numbers

if TYPE_CHECKING:
    import pyarrow as pa

VECTOR = "vector"
# Held as Python values, as lines and as bytes at once.
_ROWS = 256
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def write_jsonl(stream: BinaryIO, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write an object a line, in UTF-8; return the rows."""
    rows = 0
    for batch in _small(batches):
        lines = list(objects(batch))
        stream.write("".join(f"{line}\n" for line in lines).encode())
        rows += len(lines)
    return rows


def write_json(stream: BinaryIO, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> int:
    """Write one array of objects, in UTF-8, each on a line of its own; return the rows."""
    rows = 0
    stream.write(b"[")
    for batch in _small(batches):
        lines = list(objects(batch))
        if lines:
            stream.write(((",\n" if rows else "\n") + ",\n".join(lines)).encode())
        rows += len(lines)
    stream.write(b"\n]\n" if rows else b"]\n")
    return rows


def _small(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for at in range(0, len(batch), _ROWS):
            yield batch.slice(at, _ROWS)


def objects(batch: pa.RecordBatch) -> Iterator[str]:
    """Yield each row as the text of a JSON object; names in the order of the columns, the vector last."""
    names = [name for name in batch.schema.names if name != VECTOR]
    columns = [json_values(batch.column(name)) for name in names]
    vectors = lists_of_numbers(batch.column(VECTOR)) if VECTOR in batch.schema.names else None
    for i in range(len(batch)):
        text = _ENCODE({name: column[i] for name, column in zip(names, columns, strict=True)})
        if vectors is not None:
            text = text[:-1] + ("," if names else "") + f'"{VECTOR}":{vectors[i]}}}'
        yield text

"""Makes an `Article` of a record: checks the id, the text and the vector, and makes the rest storable."""

from __future__ import annotations

import base64
import datetime as dt
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.identity import content_id
from vecindex.sources.base import Record, excerpt
from vecindex.sources.fieldmap import FieldMap
from vecindex.types import Rejected

MAX_ID_CHARS = 1024
EMPTY_WITH_VECTOR = "empty text next to a vector"
"""Why a row is rejected that has a precomputed embedding and no text, unless such rows were asked for."""

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1


@dataclass(frozen=True, slots=True)
class Article:
    """One row that can be indexed.

    `text` is the stored text; `embed_text` the one that gets the vector: the template filled in, or `text`.
    `extra` holds the row's other fields. `vector` is (d,) float32, finite and not zero, where the input
    brought one.
    """

    location: str
    id: str
    title: str | None
    text: str
    embed_text: str
    extra: dict[str, Any]
    vector: npt.NDArray[np.float32] | None = None


class _Refused(Exception):
    """Why a row cannot become an article."""


def to_article(record: Record, field_map: FieldMap) -> Article | Rejected:
    """Return the article that a record holds, or why it holds none.

    Rejected: an id that is missing, empty, over 1,024 characters or neither text nor a whole number; a text that is
    empty as the model reads it, unless it has a precomputed embedding and the map allows for that; text or the name
    of a field that is not valid Unicode; a vector that is missing, not numeric, not one-dimensional, not finite or
    zero; an integer beyond 64 bits. A text of several paragraphs, a list, is put together. Where no field is the text
    and none is put together, it is the title. Where no field is the id, it is made of the content. In `extra`, lists
    of text stay lists, other nested values become JSON, bytes become base64.
    """
    fields = record.fields
    row_id: str | None = None
    try:
        if field_map.id is not None:
            row_id = _id(fields.get(field_map.id), field_map.id)
        title = _title(fields.get(field_map.title)) if field_map.title else None
        vector = _vector(fields.get(field_map.vector)) if field_map.vector else None
        text = _text(fields.get(field_map.text)) if field_map.text else ""
        if field_map.text is None and not field_map.parts:
            text = title or ""
        embed_text, is_empty = text, not text or text.isspace()
        if field_map.parts:
            filled = ["" if name is None else _as_text(fields.get(name)) for _, name in field_map.parts]
            embed_text = "".join(literal + value for (literal, _), value in zip(field_map.parts, filled, strict=True))
            # What the model reads counts. What the template puts around the fields says nothing.
            is_empty = not "".join(filled).strip()
            if not text or text.isspace():
                text = embed_text.strip() if field_map.text else embed_text
        if is_empty:
            if vector is None or not field_map.allow_empty:
                raise _Refused("empty text" if vector is None else EMPTY_WITH_VECTOR)
            text = title or ""
            embed_text = embed_text if field_map.parts else text
        _check_unicode(embed_text, "text")
        _check_unicode(text, "text")
        extra = {
            # Nearly all fields are such texts, and a table may have millions.
            name: value if type(value) is str and value.isascii() else _storable(value, name)
            for name, value in fields.items()
            if field_map.keeps(name)
        }
        for name in extra:
            if not name.isascii():
                _check_unicode(name, f"name of field {name!r}")
        if row_id is None:
            row_id = content_id({**extra, "title": title, "text": text})
    except _Refused as error:
        return Rejected(record.location, str(error), row_id, _excerpt(record, field_map))
    return Article(record.location, row_id, title, text, embed_text, extra, vector)


def read_id(value: Any) -> str | None:
    """Return an id as the text that stands for it in a table, None for what cannot be one.

    >>> read_id(7.0), read_id(" "), read_id("a")
    ('7', None, 'a')
    """
    try:
        return _id(value, "id")
    except _Refused:
        return None


def _id(value: Any, name: str) -> str:
    row_id = _id_as_text(value)
    if not row_id or row_id.isspace():
        raise _Refused(f"no id in field {name!r}")
    _check_unicode(row_id, "id")
    if len(row_id) > MAX_ID_CHARS:
        raise _Refused(f"id: found {len(row_id):,} characters, expected at most {MAX_ID_CHARS:,}")
    return row_id


def _id_as_text(value: Any) -> str:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, dict) and value.keys() == {"$oid"}:
        # MongoDB's own, as its tools export it.
        value = value["$oid"]
    value = _decoded(value)
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        return str(value)
    raise _Refused(f"id: found {type(value).__name__}, expected text or a whole number")


def _title(value: Any) -> str | None:
    if value is None:
        return None
    title = _as_text(_decoded(value))
    _check_unicode(title, "title")
    return title


def _decoded(value: Any) -> Any:
    """Return bytes as the text that they are in UTF-8: some writers of Parquet do not say that they hold text."""
    if isinstance(value, bytes | bytearray):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            return value
    return value


def _text(value: Any) -> str:
    if value is None:
        return ""
    value = _decoded(value)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        # Paragraphs, as in KILT and CORD-19.
        return "\n".join(part.rstrip("\n") for part in value)
    if not isinstance(value, str):
        raise _Refused(f"text: found {type(value).__name__}, expected text")
    return value


def _check_unicode(value: str, what: str) -> None:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise _Refused(f"{what} is not valid Unicode") from None


def _vector(value: Any) -> npt.NDArray[np.float32]:
    if value is None:
        raise _Refused("vector: missing")
    if not isinstance(value, list | tuple | np.ndarray):
        raise _Refused(f"vector: found {type(value).__name__}, expected a list of numbers")
    try:
        raw = np.asarray(value)
    except ValueError:  # lists of unequal lengths
        raise _Refused("vector: found nested lists, expected numbers") from None
    if raw.ndim != 1 or not raw.size:
        raise _Refused(f"vector: found shape {raw.shape}, expected one dimension")
    if raw.dtype == np.float32 and 0 < np.abs(raw).max() < np.inf:
        # Nearly all vectors: finite and not zero.
        return raw
    if raw.dtype.kind not in "fiu":
        raise _Refused(f"vector: found values of type {raw.dtype}, expected numbers")
    with np.errstate(over="ignore"):  # becomes infinite, which is refused below
        vector = raw.astype(np.float32, copy=False)
    if not np.isfinite(vector).all():
        raise _Refused("vector: not finite")
    if not vector.any():
        raise _Refused("vector: zero, which has no direction")
    return vector


def _as_text(value: Any) -> str:
    """Return a value as a template or a title shows it."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    if isinstance(value, dict | list):
        return _to_json(value)
    return str(value)


def _storable(value: Any, name: str) -> Any:
    """Return a value that a table column can hold."""
    if isinstance(value, np.generic):  # before float and str, of which some are subclasses
        return _storable(value.item(), name)
    if isinstance(value, str):
        _check_unicode(value, f"field {name!r}")
        return value
    if value is None or isinstance(value, bool | float | dt.date):
        return value
    if isinstance(value, int):
        if not _INT64_MIN <= value <= _INT64_MAX:
            raise _Refused(f"field {name!r}: found an integer beyond 64 bits")
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        for item in value:
            _check_unicode(item, f"field {name!r}")
        return value
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, dict | list | tuple | set | frozenset | np.ndarray):
        text = _to_json(value)
        _check_unicode(text, f"field {name!r}")
        return text
    return str(value)


def _to_json(value: Any) -> str:
    try:
        return json.dumps(_jsonable(value), ensure_ascii=False, default=_jsonable)
    except (ValueError, TypeError, RecursionError) as error:
        raise _Refused(f"nested value that JSON cannot hold: {error}") from None


def _jsonable(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    return value if isinstance(value, dict | list | tuple) else str(value)


def _excerpt(record: Record, field_map: FieldMap) -> str:
    shown = {name: value for name, value in record.fields.items() if name != field_map.vector}
    return excerpt(json.dumps({k: str(v)[:200] for k, v in shown.items()}, ensure_ascii=False))

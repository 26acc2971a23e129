"""The shapes that the old program's pickles come in, as rows: dicts with `id`, `vector` and what is known.

`pickles` describes the shapes (a) to (d).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from vecindex.errors import SourceError
from vecindex.messages import counted
from vecindex.sources.pickles.unpickle import as_array

VECTOR_KEYS = ("embeddings", "vectors")
_ID_KEYS = ("ids", "article_ids", "processed_ids")
_ONE_VECTOR_KEYS = ("embedding", "vector")
_ONE_ID_KEYS = ("id", "article_id", "page_id", "pageid")

Row = dict[str, Any]


def table_rows(value: Any, name: str) -> list[Row]:
    """Return the rows of shape (a), (b) or (c). Raises SourceError for any other, or when counts disagree."""
    if isinstance(value, dict):
        key = _first(value, VECTOR_KEYS)
        if key is None:
            return _rows_by_id(value, name)
        vectors = value[key]
        return _rows_by_id(vectors, name) if isinstance(vectors, dict) else _rows_of_columns(value, vectors, name)
    if isinstance(value, list | tuple):
        return [_row_of_dict(item, name, i) for i, item in enumerate(value)]
    raise _unknown(name, f"a pickled {type(value).__name__}")


def is_progress_mark(value: Any) -> bool:
    """Return whether a checkpoint's value is a dict without a vector in it: counters, dates, settings, lists of ids.

    In doubt it is none: then the rows are read, or what stands in their way is an error; nothing is dropped unseen.
    """
    if not isinstance(value, dict) or any(_is_container(value.get(key)) for key in VECTOR_KEYS):
        return False
    items = [item for key, item in value.items() if key not in _ID_KEYS]
    if any(_holds_vectors(item) for item in items):
        return False
    found = [_numbers(item) for item in items]
    lists = [numbers for numbers in found if numbers is not None]
    is_uniform = len({n for n, _ in lists}) == 1
    if len(lists) == len(items) > 1 and is_uniform:
        return False
    # Among counters and dates, a list of whole numbers is one of ids or of positions.
    fractions = {n for n, has_fractions in lists if has_fractions}
    return not fractions or (len(fractions) > 1 and len(lists) < len(items))


def _numbers(value: Any) -> tuple[int, bool] | None:
    """Return how many numbers a list or an array holds, and whether any is a float; None unless more than one."""
    array = as_array(value)
    if array is not None:
        is_vector = array.ndim == 1 and array.size > 1 and array.dtype.kind in "fiu"
        return (array.size, array.dtype.kind == "f" or array.dtype.itemsize == 1) if is_vector else None
    if not isinstance(value, list | tuple) or len(value) < 2 or not all(type(x) in (int, float) for x in value):
        return None
    return len(value), any(type(x) is float for x in value)


def _holds_vectors(value: Any) -> bool:
    """Return whether a value is a record with a vector, or a table: several records, or nothing but vectors."""
    array = as_array(value)
    if array is not None:
        return array.ndim > 1
    if isinstance(value, dict):
        named = [value.get(key) for key in (*VECTOR_KEYS, *_ONE_VECTOR_KEYS)]
        if any(_numbers(item) is not None or _holds_vectors(item) for item in named):
            return True
        value = list(value.values())
    if not isinstance(value, list | tuple):
        return False
    found = [_numbers(item) for item in value]
    return bool(value) and (
        all(numbers is not None and numbers[1] for numbers in found)
        or any(isinstance(item, dict) and _holds_vectors(item) for item in value)
    )


def _is_container(value: Any) -> bool:
    return isinstance(value, list | tuple | dict) or as_array(value) is not None


def array_rows(vectors: Any, ids: Sequence[Any], name: str) -> list[Row]:
    """Return the rows of shape (d)."""
    found = _vectors(vectors, name)
    _check_count(len(found), len(ids), "ids", name)
    return [{"id": row_id, "vector": vector} for row_id, vector in zip(ids, found, strict=True)]


def registry_rows(value: Any, name: str) -> dict[str, Row]:
    """Return what the registry knows of each id, in its order, by the id as text."""
    if isinstance(value, dict):
        by_id = _plain_keys(value, name)
        if by_id and all(isinstance(item, int) and not isinstance(item, bool) for item in by_id.values()):
            # id -> position in the array.
            return {str(key): {"id": key} for key in sorted(by_id, key=lambda key: by_id[key])}
        return {str(key): {"id": key, **_known(item, name, key)} for key, item in by_id.items()}
    items = _listed(value)
    if items is None:
        raise _unknown(name, f"a pickled {type(value).__name__}")
    return {str(row["id"]): row for row in _rows_of_ids(items, name)}


def _known(item: Any, name: str, key: Any) -> Row:
    if isinstance(item, str):
        return {"title": item}
    if isinstance(item, dict):
        return {k: v for k, v in item.items() if isinstance(k, str) and k not in ("id", *_ONE_VECTOR_KEYS)}
    if item is None or isinstance(item, int | float):
        return {}
    raise _unknown(f"{name} id {key!r}", f"a {type(item).__name__}")


def _rows_of_columns(value: Mapping[Any, Any], vectors: Any, name: str) -> list[Row]:
    found = _vectors(vectors, name)
    rows = _with_ids(value, name)
    _check_count(len(found), len(rows), "ids", name)
    for column, field in (("titles", "title"), ("texts", "text")):
        if value.get(column) is None:
            continue
        items = _listed(value[column]) or []
        _check_count(len(found), len(items), column, name)
        for row, item in zip(rows, items, strict=True):
            row[field] = item
    for row, vector in zip(rows, found, strict=True):
        row["vector"] = vector
    return rows


def _with_ids(value: Mapping[Any, Any], name: str) -> list[Row]:
    key = _first(value, _ID_KEYS)
    articles = value.get("articles")
    if isinstance(articles, dict):
        return [{"id": k, **_known(item, name, k)} for k, item in articles.items()]
    items = _listed(articles) if articles is not None else _listed(value[key]) if key is not None else None
    if items is None:
        # A set has no order, so it cannot say which vector is whose.
        found = f"vectors with {key} as a {type(value[key]).__name__}" if key is not None else "vectors without ids"
        raise _unknown(name, found)
    return _rows_of_ids(items, name)


def _rows_of_ids(items: Sequence[Any], name: str) -> list[Row]:
    """Return the rows of ids, or of dicts with an id."""
    return [_renamed(item, name, i) if isinstance(item, dict) else {"id": item} for i, item in enumerate(items)]


def _rows_by_id(value: Mapping[Any, Any], name: str) -> list[Row]:
    rows: list[Row] = []
    for key, item in _plain_keys(value, name).items():
        if isinstance(item, dict):
            rows.append(_row_of_dict({**item, "id": key}, name, len(rows)))
        elif (vector := _vector(item)) is not None:
            rows.append({"id": key, "vector": vector})
        else:
            raise _unknown(f"{name} id {key!r}", f"a {type(item).__name__} where a vector belongs")
    return rows


def _row_of_dict(item: Any, name: str, i: int) -> Row:
    if not isinstance(item, dict):
        raise _unknown(f"{name} item {i}", f"a {type(item).__name__}")
    row = _renamed(item, name, i)
    key = _first(row, _ONE_VECTOR_KEYS)
    vector = _vector(row.pop(key)) if key is not None else None
    if vector is None:
        raise _unknown(f"{name} item {i}", "a dict without embedding or vector")
    row["vector"] = vector
    return row


def _renamed(item: Mapping[Any, Any], name: str, i: int) -> Row:
    """Return the dict's named values, its id under `id`, arrays as numpy arrays."""
    key = _first(item, _ONE_ID_KEYS)
    if key is None:
        raise _unknown(f"{name} item {i}", "a dict without an id")
    row: Row = {"id": item[key]}
    for field, value in item.items():
        if isinstance(field, str) and field != key:
            array = as_array(value)
            row[field] = value if array is None else array
    return row


def _vectors(value: Any, name: str) -> Any:
    """Return a sequence of vectors: an (n, d) array or a list."""
    array = as_array(value)
    if array is not None:
        if array.ndim != 2:
            raise _unknown(name, f"vectors of shape {array.shape}")
        return array
    if not isinstance(value, list | tuple):
        raise _unknown(name, f"vectors as a {type(value).__name__}")
    vectors = [_vector(item) for item in value]
    if any(vector is None for vector in vectors):
        raise _unknown(name, "a list of vectors with something else in it")
    return vectors


def _vector(value: Any) -> Any:
    array = as_array(value)
    if array is not None:
        return array
    return value if isinstance(value, list | tuple | np.ndarray) else None


def _listed(value: Any) -> list[Any] | None:
    """Return an ordered collection as a list of Python values, else None."""
    array = as_array(value)
    if array is not None:
        return array.tolist() if array.ndim == 1 else None
    return list(value) if isinstance(value, list | tuple) else None


def _plain_keys(value: Mapping[Any, Any], name: str) -> Mapping[Any, Any]:
    for key in value:
        if not isinstance(key, str | int):
            raise _unknown(name, f"a dict with a {type(key).__name__} for an id")
    return value


def _first(value: Mapping[Any, Any], keys: Sequence[str]) -> str | None:
    return next((key for key in keys if value.get(key) is not None), None)


def _check_count(vectors: int, others: int, what: str, name: str) -> None:
    if vectors != others:
        raise SourceError(
            f"{name}: found {counted(vectors, 'vector')} and {others:,} {what}, expected as many of each",
            "The files are of different moments of the old run: use a pair that was written together.",
        )


def _unknown(where: str, found: str) -> SourceError:
    return SourceError(
        f"{where}: found {found}, expected ids with their vectors",
        "Known shapes: a dict with 'embeddings' and 'ids', a dict of id to vector, a list of dicts with 'id' "
        "and 'embedding', or an array next to article_registry.pkl. Write other ones as JSON lines.",
    )

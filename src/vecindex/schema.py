"""The Arrow schemas of the tables, how the user's own fields become columns, and what is kept with them."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vecindex.errors import LOOK_CLOSER, ConfigError, CorruptError
from vecindex.messages import Message, Placeholder, command, option, text
from vecindex.types import Fingerprint

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = "2"
"""Version of the storage format, kept with each table; a table of a later one is refused.

Tables of format 1 have no `vector_hash`. They are read and written as they are, and `optimize` adds it. The first
tables of format 2 have no `unknown_frac`, and stay without it.
"""

# Lance's own marker for the key that its merges must keep unique.
_PRIMARY_KEY = {"lance-schema:unenforced-primary-key:position": "1"}

FIRST_COLUMNS = ("id", "content_hash", "title", "text")
CHUNK_COLUMNS = ("article_id", "chunk")
LAST_COLUMNS = ("n_tokens", "truncated", "unknown_frac", "vector", "vector_hash", "txn", "ingested_at")
OWN_COLUMNS = frozenset(FIRST_COLUMNS + CHUNK_COLUMNS + LAST_COLUMNS)
RESERVED = OWN_COLUMNS | {"query_index"}
"""Names, in small letters, that no user's field has as a column: ours, and what LanceDB adds to a search's answer.

All else that LanceDB adds begins with an underscore.
"""
MAP_KEY = b"vecindex:map"
"""Metadata of both columns of a map: JSON with its method, parameters, seed and scores."""
FIELD_KEY = b"vecindex:field"
"""Metadata of a user's column: the name of the field that it holds."""
LABEL_KEY = b"vecindex:label"
"""Metadata of a column of labels, which a user gave articles: it holds no field of a source."""
LABEL_COLUMN = re.compile(r"[a-z][a-z0-9_]{0,59}")
"""Names that a new column of labels may have."""
UNNAMED = "unnamed"
"""The column of a field whose name is empty."""


def vector_hash_field() -> pa.Field:
    """Return the column that holds the hash of each row's vector; see `core.identity.vector_hashes`."""
    import pyarrow as pa

    return pa.field("vector_hash", pa.string())


def articles_schema(fingerprint: Fingerprint, extra: Sequence[pa.Field], half: bool = False) -> pa.Schema:
    """Return the schema of an articles table: our columns, with the user's fields between text and n_tokens.

    `half` stores vectors as float16.
    """
    import pyarrow as pa

    chunk_fields = (
        [pa.field("article_id", pa.string(), nullable=False), pa.field("chunk", pa.int32(), nullable=False)]
        if fingerprint.chunking
        else []
    )
    number = pa.float16() if half else pa.float32()
    vector = pa.list_(pa.field("item", number, nullable=True), fingerprint.dimension)
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False, metadata=_PRIMARY_KEY),
            pa.field("content_hash", pa.string(), nullable=False),
            pa.field("title", pa.string()),
            pa.field("text", pa.string(), nullable=False),
            *chunk_fields,
            *extra,
            # These are null next to a precomputed vector: what its model read is not known.
            pa.field("n_tokens", pa.int32()),
            pa.field("truncated", pa.bool_()),
            pa.field("unknown_frac", pa.float32()),
            pa.field("vector", vector, nullable=False),
            vector_hash_field(),
            pa.field("txn", pa.int64(), nullable=False),
            pa.field("ingested_at", pa.timestamp("us", tz="UTC"), nullable=False),
        ]
    )


def rejects_schema() -> pa.Schema:
    """Return the schema of the table of rejected rows."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("key", pa.string(), nullable=False, metadata=_PRIMARY_KEY),
            pa.field("table", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("place", pa.string(), nullable=False),
            pa.field("id", pa.string()),
            pa.field("reason", pa.string(), nullable=False),
            pa.field("excerpt", pa.string(), nullable=False),
            pa.field("run", pa.string(), nullable=False),
            pa.field("rejected_at", pa.timestamp("us", tz="UTC"), nullable=False),
        ]
    )


def questions_schema() -> pa.Schema:
    """Return the schema of the table of questions. Vectors have no fixed length, for tables of several models."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("key", pa.string(), nullable=False, metadata=_PRIMARY_KEY),
            pa.field("question_set", pa.string(), nullable=False),
            pa.field("id", pa.string(), nullable=False),
            pa.field("text", pa.string(), nullable=False),
            pa.field("topic", pa.string()),
            pa.field("answers", pa.list_(pa.string()), nullable=False),
            pa.field("vector", pa.list_(pa.float32()), nullable=False),
            pa.field("fingerprint", pa.string(), nullable=False),
            pa.field("hash", pa.string(), nullable=False),
            pa.field("embedded_at", pa.timestamp("us", tz="UTC"), nullable=False),
        ]
    )


def column_name(field: str) -> str:
    """Return the column for a user's field where no other field stands in it.

    A name that would hide a column of ours or of LanceDB's, in any letter case, gets `src_` before it.

    >>> column_name("section"), column_name("vector"), column_name("ID"), column_name("a.b"), column_name("")
    ('section', 'src_vector', 'src_ID', 'a_b', 'unnamed')
    """
    # Lance reads a dot in a column's name as a path into a struct, a backtick as a quote, and a NUL as its end.
    name = re.sub(r"[.`\0]", "_", field if field.strip() else UNNAMED)
    # An SQL condition finds `id` under the name ID too.
    if name.lower() in RESERVED or name.startswith("_"):
        return f"src_{name.lstrip('_')}"
    return name


def unrecorded_name(field: str) -> str:
    """Return the column that a field got in tables whose columns do not record their fields' names.

    >>> unrecorded_name("ID"), unrecorded_name("vector"), unrecorded_name("a.b")
    ('ID', 'src_vector', 'a_b')
    """
    if field in OWN_COLUMNS or field.startswith("_"):
        return f"src_{field.lstrip('_')}"
    return field.replace(".", "_")


def field_of(column: pa.Field) -> str | None:
    """Return the name of the user's field that a column holds, None where the table does not record it."""
    raw = (column.metadata or {}).get(FIELD_KEY)
    return None if raw is None else raw.decode("utf-8", "replace")


def is_label(column: pa.Field) -> bool:
    """Return whether a column holds labels that a user gave articles, and no field of a source."""
    return LABEL_KEY in (column.metadata or {})


def infer_fields(rows: Iterable[Mapping[str, Any]]) -> list[pa.Field]:
    """Return one nullable Arrow field for each of the users' fields, of its name, typed by the values in these rows.

    All values alike give int64, double, bool, string, list of string, date or timestamp; ints among floats
    give double; anything mixed, and a name without a value, gives string.
    """
    import pyarrow as pa

    kinds: dict[str, set[type]] = {}
    for row in rows:
        for name, value in row.items():
            seen = kinds.setdefault(name, set())
            if value is not None:
                seen.add(type(value))
    return [pa.field(name, _arrow_type(seen)) for name, seen in kinds.items()]


def _arrow_type(kinds: set[type]) -> pa.DataType:
    import datetime as dt

    import pyarrow as pa

    names = {
        frozenset({bool}): pa.bool_(),
        frozenset({int}): pa.int64(),
        frozenset({float}): pa.float64(),
        frozenset({int, float}): pa.float64(),
        frozenset({list}): pa.list_(pa.string()),
        frozenset({dt.date}): pa.date32(),
        frozenset({dt.datetime}): pa.timestamp("us", tz="UTC"),
    }
    return names.get(frozenset(kinds), pa.string())


def fits(value: Any, field: pa.Field) -> tuple[bool, Any]:
    """Return whether a user's value may stand in a column, and the value as the column holds it.

    Every scalar may become text; an int may become a float; nothing else is converted.
    """
    import datetime as dt

    import pyarrow as pa

    if value is None:
        return True, None
    kind = field.type
    if pa.types.is_string(kind):
        return True, value if isinstance(value, str) else _as_text(value)
    if pa.types.is_boolean(kind):
        return isinstance(value, bool), value
    if pa.types.is_int64(kind):
        return isinstance(value, int) and not isinstance(value, bool), value
    if pa.types.is_float64(kind):
        ok = isinstance(value, int | float) and not isinstance(value, bool)
        return ok, float(value) if ok else value
    if pa.types.is_list(kind):
        return isinstance(value, list), value
    if pa.types.is_timestamp(kind):
        if isinstance(value, dt.datetime):
            return True, value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return False, value
    if pa.types.is_date32(kind):
        return isinstance(value, dt.date) and not isinstance(value, dt.datetime), value
    return False, value


def _as_text(value: Any) -> str:
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list) else str(value)


def stored_json(raw: bytes | str, what: str, hint: Message = LOOK_CLOSER) -> Any:
    """Return the values of JSON that is stored with a table; `what` it is and what to do go into the message.

    All of it is read here, since a flipped byte is no reason to fail with all else. Raises CorruptError where it is
    not JSON.
    """
    try:
        return json.loads(raw if isinstance(raw, str) else raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise CorruptError(f"{what} is damaged: {error}.", hint) from error


def read_fingerprint(metadata: Mapping[str, str], where: str) -> Fingerprint:
    """Return the fingerprint kept with a table's vectors.

    Raises CorruptError when there is none or a damaged one, ConfigError when a later vecindex wrote it.
    """
    found = metadata.get("vecindex:format")
    if found is not None and found not in ("1", FORMAT) and found.isdigit():
        raise ConfigError(
            f"{where} has storage format {found}; this vecindex reads 1 to {FORMAT}.",
            "Upgrade: pip install -U vecindex",
        )
    raw = metadata.get("vecindex:fingerprint")
    if raw is None:
        raise CorruptError(
            f"{where} does not say what made its vectors, so it was not made by vecindex.",
            text(
                "Choose another table: ",
                option("table", Placeholder("NAME")),
                "; or make one of it, if it has vectors: ",
                command("adopt", where.rpartition("/")[2], table=Placeholder("NEW"), model=Placeholder("NAME")),
            ),
        )
    what = f"What made the vectors of {where}"
    values = stored_json(raw, what)
    try:
        made = Fingerprint.from_dict(values)
    except (TypeError, AttributeError) as error:
        raise CorruptError(f"{what} is damaged: {error}.", LOOK_CLOSER) from error
    if not isinstance(made.dimension, int) or not isinstance(made.max_tokens, int):
        raise CorruptError(f"{what} is damaged: a length is no number.", LOOK_CLOSER)
    return made


_AXES = re.compile(r"(?:(?P<stem>.*)[ _.-])?(?P<axis>x|y)|(?P<name>umap|tsne|pca|dim|pc)[ _.-]?(?P<number>[0-2])")


def axes_among(names: Iterable[str]) -> list[tuple[str, str]]:
    """Return the pairs of names that look like coordinates; plain x and y come first.

    >>> axes_among(["id", "umap_y", "umap_x", "x", "y", "max", "UMAP_1", "UMAP_2"])
    [('x', 'y'), ('umap_x', 'umap_y'), ('UMAP_1', 'UMAP_2')]
    """
    names = list(names)
    parts: dict[tuple[str, str], dict[str, str]] = {}
    for name in names:
        match = _AXES.fullmatch(name.lower())
        if match:
            kind = ("", match["stem"] or "") if match["axis"] else ("number", match["name"])
            parts.setdefault(kind, {})[match["axis"] or match["number"]] = name
    pairs = []
    for found in parts.values():
        first, second = ("x", "y") if "x" in found or "y" in found else ("0", "1") if "0" in found else ("1", "2")
        if first in found and second in found:
            pairs.append((found[first], found[second]))
    return sorted(pairs, key=lambda pair: (pair[0].lower() != "x", names.index(pair[0])))


def _is_run(value: dict[str, Any]) -> bool:
    numbers = ("last_txn", "added", "changed", "skipped", "rejected")
    try:
        dt.datetime.fromisoformat(value["ended_at"])
        return all(isinstance(value[key], int) for key in numbers) and all(
            isinstance(value["seconds"][key], int | float) for key in ("wall", "model", "reading")
        )
    except (KeyError, TypeError, ValueError):
        return False


def _is_budget(value: dict[str, Any]) -> bool:
    return all(isinstance(tokens, int) for tokens in value.values())


def _is_fulltext(value: dict[str, Any]) -> bool:
    return isinstance(value.get("language"), str)


def _is_choice(value: dict[str, Any]) -> bool:
    chosen, skipped = value.get("fields"), value.get("skip_fields")
    lists = [skipped] if chosen is None else [chosen, skipped]
    return all(isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists)


KEPT: dict[str, Callable[[dict[str, Any]], bool]] = {
    "last_run": _is_run,
    "batch_tokens": _is_budget,
    "fulltext": _is_fulltext,
    "fields": _is_choice,
}
"""What is kept with the provenance of a table, and whether a value is of the form that was stored."""

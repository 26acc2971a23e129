"""The fields of one source, by its first rows, and what about them the user should know before a long run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from vecindex.errors import SourceError
from vecindex.messages import Message, Placeholder, counted, option, percent, text
from vecindex.sources.articles import read_id
from vecindex.sources.base import Record, Source
from vecindex.sources.fieldmap import FieldMap, resolve_fields
from vecindex.sources.jsons.nested import paths_of_records
from vecindex.sources.open import PartitionedSource
from vecindex.verbs.ingest.known.kept import KeptFields
from vecindex.verbs.ingest.options import IngestOptions, is_drop

_MANY_REPEATS = 0.25
_FEW_REPEATS = 3
_OFTEN_EMPTY = 0.2
_MIN_NUMBERS = 8
"""Numbers in a list that may be an embedding: a color has 4, a box 4 or 6."""
_LOOKED_AT = 3
_NAMED = 3
_MAX_ID_CHARS = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """The fields of a source, the names of the other fields that are kept or left out, and warnings."""

    fields: FieldMap
    kept: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    warnings: tuple[Message, ...] = ()


def choose_fields(
    records: Sequence[Record],
    source: Source,
    options: IngestOptions,
    template: str | None,
    vector_field: str | None,
    kept_fields: KeptFields,
) -> Choice:
    """Return what the first records of a source show; they are not empty.

    Of lists of numbers that nobody has chosen, `kept_fields` leaves out those that look like embeddings.

    Raises SourceError when no id or text is found, or when the id that was guessed is that of few rows.
    """
    there = Counter(name for row in records for name in row.fields)
    filled = Counter(name for row in records for name, value in row.fields.items() if _is_filled(value))
    # What the folders of a file name is a field in addition to its own, not the id or the title of all its rows.
    own = set(there) - set(source.partition if isinstance(source, PartitionedSource) else ()) - kept_fields.others
    # A stray row must not rename the fields of all others.
    common = {name for name in own if 2 * filled[name] >= len(records)}
    shares = {name: _repeats(records, name) / len(records) for name in own}
    found = _resolved(
        records,
        there,
        id_field=options["id_field"],
        text_field=options["text_field"],
        title_field=options["title_field"],
        text_template=template,
        vector_field=vector_field,
        candidates=[common, own],
        make_ids=options["id"] == "auto",
        allow_empty=options["allow_empty"],
        repeated=() if is_drop(options) else {name for name, share in shares.items() if share >= _MANY_REPEATS},
    )
    warnings = [*_repeated_id(records, found, options), *_empty_text(records, found, options)]
    for name in [name for name in there if kept_fields.apply(found).keeps(name) and _holds_numbers(records, name)]:
        warnings.append(_numbers(name, records, kept_fields.leave_out(name)))
    found = kept_fields.apply(found)
    kept = tuple(name for name in there if found.keeps(name))
    return Choice(found, kept, tuple(kept_fields.left_out(there, found)), tuple(warnings))


def _resolved(records: Sequence[Record], names: Iterable[str], **how: Any) -> FieldMap:
    """Resolve the fields; where that fails, name what is inside of the records, if that would do."""
    try:
        return resolve_fields(names, **how)
    except SourceError as error:
        paths = [] if how["vector_field"] else paths_of_records(records[0].fields)
        if not paths:
            raise
        hint = text("These seem to hold the rows; to read them: ", option("records", paths[0]), ".")
        raise SourceError(error.message, hint) from error


def _is_filled(value: Any) -> bool:
    return value is not None and not (isinstance(value, str | list) and not value)


def _repeats(records: Sequence[Record], name: str) -> int:
    """Return how many rows have a value of a field that an earlier one has."""
    values = [found for row in records if (found := read_id(row.fields.get(name))) is not None]
    return len(values) - len(set(values))


def _repeated_id(records: Sequence[Record], found: FieldMap, options: IngestOptions) -> list[Message]:
    if found.id is None or options["id_field"] is not None or is_drop(options):
        return []
    if not (n := _repeats(records, found.id)):
        return []
    rows = (
        f"{n:,} of the first {counted(len(records), 'row')} {'has' if n == 1 else 'have'} an id that "
        f"an earlier one has"
    )
    taken = (found.id, found.text, found.title, found.vector)
    others = [name for name in records[0].fields if name not in taken and _may_be_id(records, name)]
    made = text(option("id", "auto"))
    ways = text(option("id_field", others[0]), " or ", made) if others else made
    if n >= _FEW_REPEATS and n >= _MANY_REPEATS * len(records):
        raise SourceError(
            f"the field {found.id!r}, taken for the id, is not a row's own: {rows}",
            text(
                "Say what distinguishes the rows: ",
                ways,
                "; if it is the id after all: ",
                option("id_field", found.id),
                ".",
            ),
        )
    rejected = "is rejected as a duplicate" if n == 1 else "are rejected as duplicates"
    return [text(f"{rows} ({found.id!r}), and {rejected}; another id: ", ways)]


def _may_be_id(records: Sequence[Record], name: str) -> bool:
    values = [row.fields.get(name) for row in records]
    return (
        all(isinstance(value, str | int) and not isinstance(value, bool) for value in values)
        and all(0 < len(str(value)) <= _MAX_ID_CHARS and not str(value).isspace() for value in values)
        and len(set(values)) == len(values)
        and not any(isinstance(value, str) and " " in value for value in values)
    )


def _empty_text(records: Sequence[Record], found: FieldMap, options: IngestOptions) -> list[Message]:
    if found.text is None or found.parts or (options["text_field"] is not None and found.vector is None):
        return []
    if found.vector is not None and options["allow_empty"]:
        return []
    empty = sum(not _has_text(row.fields.get(found.text)) for row in records)
    if empty <= _OFTEN_EMPTY * len(records):
        return []
    message: list[Any] = [
        f"{found.text!r} has no text in {percent(empty / len(records))} of the first {counted(len(records), 'row')}, "
        "which are rejected"
    ]
    if found.vector is not None:
        message += ["; to take those with a vector: ", option("allow_empty", True)]
    elif found.title is not None:
        template = Placeholder(f"'{{{found.title}}}\\n{{{found.text}}}'")
        message += ["; to take those with a title: ", option("text_template", template)]
    else:
        message += ["; another text: ", option("text_field", Placeholder("NAME"))]
    return [text(*message)]


def _has_text(value: Any) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None and value != []


def _holds_numbers(records: Sequence[Record], name: str) -> bool:
    """Return whether a field looks like embeddings: lists of numbers, all of one length, also written as text."""
    values = [value for row in records if (value := row.fields.get(name)) is not None][:_LOOKED_AT]
    lists = [_as_list(value) for value in values]
    return bool(lists) and all(found is not None and len(found) == len(lists[0] or ()) for found in lists)


def _as_list(value: Any) -> list[Any] | None:
    if isinstance(value, str) and value.startswith("[") and value.endswith("]"):
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, list | tuple) or len(value) < _MIN_NUMBERS:
        return None
    if not all(isinstance(number, int | float) and not isinstance(number, bool) for number in value):
        return None
    return list(value) if any(isinstance(number, float) and not number.is_integer() for number in value) else None


def _numbers(name: str, records: Sequence[Record], is_left_out: bool) -> Message:
    length = next(len(found) for row in records if (found := _as_list(row.fields.get(name))) is not None)
    lists = f"{name!r} holds lists of {length:,} numbers"
    use = text(option("vector_field", name), " ", option("model", Placeholder("NAME")))
    if is_left_out:
        other = text("; to keep it as text: ", option("skip_fields", ""))
        return text(f"{lists}, and is left out; if these are embeddings, nothing needs to be embedded: ", use, other)
    other = text("; to leave it out: ", option("skip_fields", name))
    return text(f"{lists}, and is kept as text; if these are embeddings, nothing needs to be embedded: ", use, other)

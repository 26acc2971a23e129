"""Nearest rows by vector and best rows by full-text search, as Lance finds them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.conditions import excess, in_backquotes
from vecindex.core.indexes.recall import Probe
from vecindex.core.limits import left_s, look
from vecindex.core.texts.languages import NAMES, OTHER, guess
from vecindex.core.vectors import F32, distances_to
from vecindex.errors import ConfigError, CorruptError
from vecindex.messages import Placeholder, option, text
from vecindex.shortages import is_panic
from vecindex.store.articles import CONDITION_ROWS, ArticleTable, as_matrix, has_half
from vecindex.store.faults import is_unicode, not_unicode, read_twice, reading, translated
from vecindex.store.local import INDEX_CACHE, index_cache_at

Row = dict[str, Any]
"""A row's columns, by name."""

TEXT_COLUMNS = ("title", "text")
STEMMED = frozenset(
    ["ar", "da", "de", "el", "en", "es", "fi", "fr", "hu", "it", "nl", "no", "pt", "ro", "ru", "sv", "ta", "tr"]
)
"""Languages whose words Lance reduces to their stems, and whose stop words it leaves out."""
WITHOUT_BLANKS = frozenset(["ja", "km", "ko", "lo", "my", "th", "zh"])
"""Languages whose words are not divided by blanks, or carry particles: each character and each two are indexed."""
_GUESSED_TEXTS = 200
_MOST_TEXTS = 0.5
_EXAMPLE = Placeholder("\"year > 1990 AND topic = 'cells'\"")
_SHOWN_CHARS = 500
_INTEGER = re.compile("literal of type 'U?Int")
_WHOLE = " A column of whole numbers is compared with whole numbers: 1937, not 1936.5."
_ALWAYS = "true"
_NO_COLUMN = "vecindex_no_such_column_0"
# Lance's number of the query in the answer to several, and its name of a full-text index.
_QUERY, _FULLTEXT = "query_index", "Inverted"
# What a dot product of unit vectors may be off by, generously: in float32 in any order of summation 2e-6 at worst as
# measured for 4,096 values; of float16, with a query rounded to it, 4e-5 for 384.
_MARGIN, _HALF_MARGIN = 1e-5, 1e-3


@dataclass(frozen=True, slots=True)
class Found:
    """A row that a search found. What the search computed is kept apart from its columns, which may have any name.

    `dist` is the cosine distance, lower is closer; `relevance` the score of BM25 or the sum of a fusion, `score` that
    of a cross-encoder, higher is better. Each is None where it was not asked for.
    """

    row: Row
    dist: float | None = None
    relevance: float | None = None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest rows of a query, ordered by (dist, id).

    Every row of the table that is not among them, and meets the condition, is at least `beyond` away; infinite where
    there is none.
    """

    rows: list[Found]
    beyond: float


def check_condition(table: ArticleTable, where: str) -> None:
    """Raise ConfigError, naming the columns, when an SQL condition cannot be applied to the table."""
    if not is_unicode(where):
        raise not_unicode(where, table.where)
    if (reason := excess(where)) is not None:
        raise _wrong(table, where, reason, " What a condition may hold is in docs/search.md.")
    # The condition is put in brackets when it is used, which distinguishes one that ends too early
    # ("true; more") from one that is whole.
    for condition in (where, f"({where})"):
        reason = _refusal(table, condition)
        if reason is not None:
            raise _wrong(table, where, reason, _WHOLE if _INTEGER.search(reason) else "")
    # Lance passes over what follows a closed bracket ("true); more"), so a column that is not there must be missed.
    if any(_refusal(table, f"{condition} AND {_NO_COLUMN}") is None for condition in (where, f"({where})")):
        raise _wrong(table, where, "it ends early: a bracket, a semicolon or a comment is too much.")


def _wrong(table: ArticleTable, where: str, reason: str, more: str = "") -> ConfigError:
    columns = ", ".join(
        f"{f.name} ({f.type})" for f in table.schema if f.name not in ("vector", "vector_hash", "content_hash")
    )
    return ConfigError(
        text(
            "The condition of ", option("where"), f" does not work on {table.where}: {reason} Found: {_shown(where)}."
        ),
        text(f"Columns there: {columns}.{more} Text stands in single quotes: ", option("where", _EXAMPLE)),
    )


def _shown(where: str) -> str:
    return where if len(where) <= _SHOWN_CHARS else where[: _SHOWN_CHARS - 3] + "..."


def _refusal(table: ArticleTable, condition: str) -> str | None:
    """Return why Lance refuses a condition, None when it does not.

    Planning needs no scan, and fails on nearly whatever the search would fail on.
    """
    try:
        _plan(table, condition)
    except BaseException as error:
        if not isinstance(error, ValueError | RuntimeError | OSError) and not is_panic(error):
            raise
        full = str(error)
        if is_panic(error) or "not supported" in full.lower() or "not implemented" in full.lower():
            return "it uses a function that a condition on single rows cannot have."
        if "invalid" in full.lower():
            return _reason(full)
        with translated(table.where):
            _plan(table, _ALWAYS)  # fails where it is the table that cannot be read
        return "LanceDB cannot work it out."
    return None


def _plan(table: ArticleTable, condition: str) -> None:
    table.lance.to_lance().scanner(columns=["id"], filter=in_backquotes(condition), limit=1).explain_plan()


def _reason(message: str) -> str:
    """Return the part of Lance's message that speaks of the condition, on one line."""
    line = " ".join(message.split())
    line = re.sub(r"^Invalid input, ", "", line)
    line = re.sub(r"Error parsing statement: SELECT 1 FROM t WHERE .*?\(sql parser error: ?", "", line)
    line = re.sub(r"Error resolving filter expression [^:]*: ?", "", line)
    line = re.sub(r"Schema error: |Invalid user input: |Error parsing function: |Error during planning: ", "", line)
    line = re.sub(r",? ?Valid fields are .*$", "", line)
    line = re.sub(r",? /[\w./-]+\.rs:\d+(:\d+)?.*$", "", line)
    line = line.removesuffix(")").strip(" .")[:200]
    return line if line.endswith("?") else f"{line}."


def nearest(
    table: ArticleTable,
    queries: F32,
    limit: int,
    columns: Sequence[str],
    where: str | None = None,
    probe: Probe | None = None,
    opened: Any = None,
) -> list[Nearest]:
    """Return for each query (row of (q, d) unit vectors) its `limit` nearest rows by exact search.

    With `probe` the index of the vectors is searched so, if there is one: some of the nearest may be missing. Rows
    that it does not hold are compared all the same, and distances are exact.

    `opened` is what `opened_once` gave, for several searches of one version; by default the table is opened.

    `dist` is the cosine distance 1 - cos, 0 to 2, lower is closer, measured again in float64 for the rows that Lance
    finds, and rounded to float32. Rows are ordered by (dist, id); which of several about equally distant rows stand
    at the very end, where `limit` cuts, is Lance's choice.
    """
    several = len(queries) > 1
    # Each look at a remote table's schema asks which version is the latest.
    schema = table.schema if opened is None else opened.schema
    if several and _QUERY in schema.names:
        # Lance refuses several at once then. Only a table made before the name was reserved has such a column.
        return [nearest(table, query[None], limit, columns, where, probe, opened)[0] for query in queries]
    asked = np.asarray(queries, dtype=np.float32)
    wanted = [*dict.fromkeys([*columns, "vector"]), "_distance"]
    with translated(table.where):
        if (ends := _ends_in()) is None:
            near = {"column": "vector", "q": asked if several else _as_arrow(asked[0]), "k": limit}
            found = _scanned(table, wanted, where, opened, nearest={**near, **_how(probe, where)})
        else:
            query = table.lance.search(list(asked), vector_column_name="vector").distance_type("cosine")
            query = query.bypass_vector_index() if probe is None else _probing(query, probe, where)
            found = _answer(query, wanted, limit, where, ends, streams=True)
    # One query alone is not numbered.
    of_query = _integers(found, _QUERY) if several else np.zeros(len(found), dtype=np.int64)
    reached = _floats(found, "_distance")
    vectors = as_matrix(found.column("vector").combine_chunks(), asked.shape[1])
    rows = found.select(list(columns)).to_pylist()
    answers, off = [], margin(schema)
    for number, vector in enumerate(asked):
        mine = np.flatnonzero(of_query == number)
        beyond = float(reached[mine].max()) - off if len(mine) >= limit else math.inf
        answers.append(in_order([rows[i] for i in mine], distances_to(vector, vectors[mine]), beyond))
    return answers


def opened_once(table: ArticleTable) -> Any:
    """Return the version that is read, for several searches: each that opens it reads the head of its index again."""
    with translated(table.where):
        return table.lance.to_lance(index_cache_size_bytes=index_cache_at(table.where, table.folder))


def in_order(rows: Sequence[Row], dist: npt.NDArray[np.float64], beyond: float) -> Nearest:
    """Return rows, each with its distance, ordered by (dist, id)."""
    ordered = sorted(zip(dist.tolist(), rows, strict=True), key=lambda one: (one[0], one[1]["id"]))
    return Nearest([Found(row, dist=one) for one, row in ordered], beyond)


def margin(schema: Any) -> float:
    """Return by how much a product of a table's vectors may be off, in whatever precision it was computed."""
    return _HALF_MARGIN if has_half(schema) else _MARGIN


def _floats(rows: Any, column: str) -> npt.NDArray[np.float32]:
    return np.concatenate([_plain(chunk, np.float32) for chunk in rows.column(column).chunks] or [np.empty(0, "f4")])


def _integers(rows: Any, column: str) -> npt.NDArray[np.int64]:
    import pyarrow as pa

    whole = rows.column(column).cast(pa.int64())
    return np.concatenate([_plain(chunk, np.int64) for chunk in whole.chunks] or [np.empty(0, "i8")])


def _plain(chunk: Any, kind: type) -> npt.NDArray[Any]:
    # Not by `to_numpy`, for which pyarrow imports pandas.
    return np.frombuffer(chunk.buffers()[1] or b"", kind)[chunk.offset : chunk.offset + len(chunk)]


def _as_arrow(vector: F32) -> Any:
    """Return a vector as an Arrow array, without a conversion: before one pyarrow imports pandas."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.float32(), len(vector), [None, pa.py_buffer(np.ascontiguousarray(vector))])


def _how(probe: Probe | None, where: str | None) -> dict[str, Any]:
    """Return how Lance is to search; with a condition more partitions may be searched, for enough rows."""
    if probe is None:
        return {"metric": "cosine", "use_index": False}
    probes = "nprobes" if where is None else "minimum_nprobes"
    return {"metric": "cosine", probes: probe.nprobes, "refine_factor": probe.refine}


def _probing(query: Any, probe: Probe, where: str | None) -> Any:
    """Return a query of the index; with a condition more partitions may be searched, for enough rows."""
    most = probe.nprobes if where is None else 0
    return query.minimum_nprobes(probe.nprobes).maximum_nprobes(most).refine_factor(probe.refine)


def by_fulltext(
    table: ArticleTable, query_text: str, limit: int, columns: Sequence[str], where: str | None = None
) -> list[Found]:
    """Return the `limit` rows whose title or text match `query_text` best (BM25), ordered by (-score, id).

    Needs the full-text index; rows that it does not hold yet are found too. Words are read as its language has it;
    a text of stop words only matches nothing.
    """
    wanted = [*columns, "_score"]
    with translated(table.where):
        if (ends := _ends_in()) is None:
            from lance.query import MultiMatchQuery

            query = MultiMatchQuery(query_text, list(TEXT_COLUMNS))
            found = _scanned(table, wanted, where, full_text_query=query, limit=limit)
        else:
            found = _by_words_until(table, query_text, limit, wanted, where, ends)
    rows: list[Row] = found.to_pylist()
    weighed = sorted(((row.pop("_score"), row) for row in rows), key=lambda one: (-one[0], one[1]["id"]))
    return [Found(row, relevance=score) for score, row in weighed]


def _scanned(table: ArticleTable, columns: Sequence[str], where: str | None, opened: Any = None, **asked: Any) -> Any:
    if where:
        # A condition is computed for a few rows at a time.
        asked |= {"filter": in_backquotes(f"({where})"), "prefilter": True, "batch_size": CONDITION_ROWS}
    data = table.lance.to_lance() if opened is None else opened
    return data.scanner(columns=list(columns), **asked).to_table()


def _ends_in() -> timedelta | None:
    """Return the time that is left for a request; None without a limit. Raises Stopped when it is over."""
    look()
    left = left_s()
    return None if left is None else timedelta(seconds=left)


def _by_words_until(
    table: ArticleTable, query_text: str, limit: int, columns: Sequence[str], where: str | None, ends: timedelta
) -> Any:
    from lancedb.query import MultiMatchQuery

    query = table.lance.search(MultiMatchQuery(query_text, list(TEXT_COLUMNS)), query_type="fts")
    return _answer(query, columns, limit, where, ends, streams=False)


def _answer(
    query: Any, columns: Sequence[str], limit: int, where: str | None, ends: timedelta, *, streams: bool
) -> Any:
    """Return the Arrow rows that LanceDB finds in a time: it ends a search, which Lance goes on with.

    Where the query `streams`, a condition is computed for a few rows at a time.
    """
    query = query.select(columns).limit(limit)
    if where:
        query = query.where(f"({where})")
    try:
        if where and streams:
            return query.to_batches(CONDITION_ROWS, timeout=ends).read_all()
        return query.to_arrow(timeout=ends)
    except RuntimeError:
        look()  # it ended at that time
        raise


def has_fulltext_index(table: ArticleTable) -> bool:
    """Return whether titles and texts have a full-text index."""
    return set(TEXT_COLUMNS) <= {column for index in _fulltext_indexes(table) for column in index.field_names}


def _fulltext_indexes(table: ArticleTable) -> list[Any]:
    with translated(table.where):
        return [index for index in table.lance.to_lance().describe_indices() if index.index_type == _FULLTEXT]


def fulltext_fault(table: ArticleTable) -> str | None:
    """Return what is wrong with the files of the full-text index, found by reading all of them; None for nothing.

    Raises UnavailableError where they cannot be read now.
    """
    indexes = _fulltext_indexes(table)
    try:
        for index in indexes:
            read_twice(partial(_read_index, table, index.name))
    except CorruptError as error:
        return str(error.message)
    return None


def _read_index(table: ArticleTable, name: str) -> None:
    with reading(f"index {name}"):
        # Opened for this, since a handle that was used before may have it in its cache.
        table.lance.to_lance(index_cache_size_bytes=INDEX_CACHE).prewarm_index(name)


def make_fulltext_index(table: ArticleTable, language: str | None = None) -> None:
    """Make the full-text index, for the language of `likely_language` if none is given.

    The caller holds the writer lock.
    """
    language = language or likely_language(table)
    with translated(table.where):
        for column in TEXT_COLUMNS:
            table.lance.create_index(column, config=_reading(language), replace=True)
    if fulltext_language(table) != language:
        table.set_setting(fulltext={"language": language})


def likely_language(table: ArticleTable) -> str:
    """Return the code of the language of the index, or without an index of the one that most texts look like.

    OTHER where no language has half of them, English where no text says.
    """
    return fulltext_language(table) or _language_of(table)


def fulltext_language(table: ArticleTable) -> str | None:
    """Return the code of the language that the full-text index is for; None where there is none.

    An index made before languages were kept is for English.
    """
    kept = table.setting("fulltext")
    if kept:
        return str(kept["language"])
    return "en" if has_fulltext_index(table) else None


def _language_of(table: ArticleTable) -> str:
    n = table.count()
    rows = np.unique(np.linspace(0, max(0, n - 1), min(n, _GUESSED_TEXTS)).astype(np.int64))
    with translated(table.where):
        texts = table.lance.to_lance().take(rows.tolist(), columns=["text"]).column("text").to_pylist()
    found = guess(text for text in texts if text)
    if found is None:
        return "en"
    return found.code if found.share >= _MOST_TEXTS else OTHER


def _reading(language: str) -> Any:
    """Return how Lance cuts texts of a language into words."""
    from lancedb.index import FTS

    if language in WITHOUT_BLANKS:
        plain = {"stem": False, "remove_stop_words": False}
        return FTS(base_tokenizer="ngram", ngram_min_length=1, ngram_max_length=2, **plain)
    if language in STEMMED:
        return FTS(language=NAMES[language])
    return FTS(stem=False, remove_stop_words=False)

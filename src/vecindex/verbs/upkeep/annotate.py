"""Labels that a user gives articles, as a column of texts of the table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from vecindex.core.conditions import isin
from vecindex.core.identity import id_as_written
from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, option, text
from vecindex.options import checked
from vecindex.schema import is_label
from vecindex.serialize import Result
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import put_texts
from vecindex.store.search import check_condition
from vecindex.verbs.ids import some_ids
from vecindex.verbs.upkeep.options import AnnotateOptions

if TYPE_CHECKING:
    import pyarrow as pa

_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
_IDS_PER_SCAN = 1_000


@dataclass(frozen=True, slots=True)
class AnnotateReport(Result):
    """What has a label now.

    Attributes
    ----------
    column, label : where it is stored; the label is None where it was removed, or all were given back.
    articles, rows : that have it; rows are more than articles where articles are in chunks.
    not_found : ids asked for that the table does not have.
    restored : the tag whose labels the column has again.
    version : of the table, with the labels.
    """

    table: str
    column: str
    label: str | None
    articles: int
    rows: int
    not_found: tuple[str, ...]
    restored: str | None
    version: int


def annotate(
    database: Database, name: str, ids: Sequence[str], options: AnnotateOptions, stdin: BinaryIO | None = None
) -> AnnotateReport:
    """Store a label with articles; see `Index.annotate`."""
    options = checked(AnnotateOptions, options)
    column, restore = options["column"], options["restore"]
    _check(ids, options)
    table = database.articles(name)
    _check_column(table, column, must_be=restore is not None or options["clear"])
    label = None if options["clear"] or restore is not None else " ".join((options["label"] or "").split())
    wanted = list(dict.fromkeys([*ids, *(some_ids(str(options["file"]), stdin) if options["file"] else [])]))
    if options["where"] is not None:
        check_condition(table, options["where"])
    former = None if restore is None else _texts_at(database.articles(name, restore), column)
    database.durable |= options["durable"]
    database.wait_s = options["wait"]
    with database.writer():
        import pyarrow as pa

        # An ingest may have made a column of that name since.
        _check_column(table, column, must_be=former is not None or options["clear"])
        key = "article_id" if table.fingerprint.chunking else "id"
        rows, articles, missing = _matched(table, key, wanted, options["where"], everything=former is not None)
        if rows:
            values = [label] * len(rows) if former is None else [former.get(row) for row in rows]
            put_texts(table, column, pa.array(rows, pa.string()), pa.array(values, pa.string()))
    return AnnotateReport(name, column, label, articles, len(rows), missing, restore, table.version)


def _check(ids: Sequence[str], options: AnnotateOptions) -> None:
    """Raise ConfigError where it is not said what is labeled, and how."""
    named = [bool(ids) or options["file"] is not None, options["where"] is not None]
    label, clear, restore = options["label"], options["clear"], options["restore"]
    if restore is not None:
        if any(named) or clear or label is not None:
            raise ConfigError(text(option("restore"), " gives all labels of the column back."), "Give it alone.")
        return
    if all(named):
        raise ConfigError(text("Give ids or ", option("where"), ", not both."))
    if not any(named):
        raise ConfigError("No articles are named.", text("Give ids, ", option("file"), " or ", option("where"), "."))
    if clear == (label is not None):
        raise ConfigError(
            text("Give one of ", option("label", Placeholder("TEXT")), " and ", option("clear", True), ".")
        )
    if label is not None and not label.strip():
        raise ConfigError("A label is a text, found an empty one.", text("To remove labels: ", option("clear", True)))


def _check_column(table: ArticleTable, column: str, must_be: bool) -> None:
    """Raise ConfigError for a column that holds something else, or is not there although it must be."""
    columns = {field.name.lower(): field for field in table.schema}
    labels = [field.name for field in table.schema if is_label(field)]
    there = columns.get(column.lower())
    if there is not None and is_label(there):
        if there.name == column:
            return
        raise ConfigError(
            f"{table.where} has no column {column!r} of labels, but {there.name!r}.",
            text("Spell it so: ", option("column", there.name)),
        )
    if there is not None:
        is_field = any(field.name == there.name for field in table.extra_columns)
        held = "a field of your source" if is_field else "what the table itself needs"
        raise ConfigError(
            f"{table.where}: the column {there.name!r} holds {held}, no labels.",
            text("Name another: ", option("column", Placeholder("NAME"))),
        )
    if must_be:
        raise ConfigError(
            f"{table.where} has no column {column!r} of labels.", f"There is: {', '.join(labels) or 'none'}."
        )
    if not _NAME.fullmatch(column):
        raise ConfigError(
            f"A column of labels cannot be named {column!r}.",
            "Use small letters, digits and '_', a letter first, 60 characters at most.",
        )


def _matched(
    table: ArticleTable, key: str, wanted: Sequence[str], where: str | None, *, everything: bool
) -> tuple[list[str], int, tuple[str, ...]]:
    """Return the ids of the rows, how many articles they are, and the ids that the table does not have."""
    if everything or where is not None:
        columns = list(dict.fromkeys(["id", key]))
        found = table.scan(columns) if where is None else table.scan_where(columns, where)
        pairs = list(_pairs(found, key))
        if where is not None and key != "id":
            # All chunks of an article of which one meets the condition.
            pairs = _of_articles(table, key, list(dict.fromkeys(article for _, article in pairs)))
        return [row for row, _ in pairs], len({article for _, article in pairs}), ()
    pairs = _of_articles(table, key, wanted)
    articles = {article for _, article in pairs}
    # An id that cannot be seen may come as it was printed.
    meant = {i: read for i in wanted if i not in articles and (read := id_as_written(i)) is not None}
    pairs += _of_articles(table, key, [i for i in dict.fromkeys(meant.values()) if i not in articles])
    articles = {article for _, article in pairs}
    missing = tuple(i for i in wanted if i not in articles and meant.get(i) not in articles)
    return [row for row, _ in pairs], len(articles), missing


def _of_articles(table: ArticleTable, key: str, articles: Sequence[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for at in range(0, len(articles), _IDS_PER_SCAN):
        pairs += _pairs(
            table.scan(list(dict.fromkeys(["id", key])), isin(key, articles[at : at + _IDS_PER_SCAN])), key
        )
    return pairs


def _pairs(batches: Iterator[pa.RecordBatch], key: str) -> Iterator[tuple[str, str]]:
    for batch in batches:
        yield from zip(batch.column("id").to_pylist(), batch.column(key).to_pylist(), strict=True)


def _texts_at(table: ArticleTable, column: str) -> dict[str, str | None]:
    """Return the labels of a version by row; none where it had no such column."""
    if column not in table.schema.names:
        return {}
    return {
        row: value for batch in table.scan(["id", column]) for row, value in zip(*_two(batch, column), strict=True)
    }


def _two(batch: pa.RecordBatch, column: str) -> tuple[list[str], list[str | None]]:
    return batch.column("id").to_pylist(), batch.column(column).to_pylist()

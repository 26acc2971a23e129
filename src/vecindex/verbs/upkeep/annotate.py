"""Labels that a user gives articles, as a column of texts of the table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from vecindex.core.conditions import isin
from vecindex.core.identity import id_as_written
from vecindex.errors import ConfigError, StaleError, VecindexError
from vecindex.messages import Placeholder, command, option, text
from vecindex.options import checked
from vecindex.schema import LABEL_COLUMN, is_label
from vecindex.serialize import Result
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.faults import is_unicode
from vecindex.store.maps import put_texts
from vecindex.store.search import check_condition
from vecindex.verbs.ids import label_of, read_labels, some_ids
from vecindex.verbs.upkeep.options import AnnotateOptions
from vecindex.verbs.upkeep.tag import check_name

if TYPE_CHECKING:
    import pyarrow as pa

_IDS_PER_SCAN = 1_000


@dataclass(frozen=True, slots=True)
class AnnotateReport(Result):
    """What has a label now.

    Attributes
    ----------
    column, label : where it is stored; the label is None where it was removed, all were given back, or a file has
        several.
    labels : how many articles have got each label.
    articles, rows : that have it; rows are more than articles where articles are in chunks.
    not_found : ids asked for that the table does not have.
    kept : articles that keep a label of the column, although the file or the mapping does not name them; None where
        there is neither.
    pruned : articles whose label was removed, since the file or the mapping does not name them.
    restored : the tag whose labels the column has again.
    tag : the tag of the table as it was before; None where none was asked for, or no article was found.
    version : of the table, with the labels.
    """

    table: str
    column: str
    label: str | None
    labels: dict[str, int]
    articles: int
    rows: int
    not_found: tuple[str, ...]
    kept: int | None
    pruned: int
    restored: str | None
    tag: str | None
    version: int


@dataclass(frozen=True, slots=True)
class _Matched:
    """Rows (ids) with the article of each, the id by which an article was asked for, and ids that are not there."""

    rows: list[str]
    articles: list[str]
    asked: Mapping[str, str]
    not_found: tuple[str, ...]


def annotate(
    database: Database,
    name: str,
    ids: Sequence[str] | Mapping[str, str | None],
    options: AnnotateOptions,
    stdin: BinaryIO | None = None,
    version: int | None = None,
) -> AnnotateReport:
    """Store a label with articles; see `Index.annotate`.

    With `version` nothing is done to a table that is at another one: StaleError. Nothing is pruned where the table
    has none of the articles that were named.
    """
    options = checked(AnnotateOptions, options)
    column, restore, tag = options["column"], options["restore"], options["tag"]
    _check(ids, options)
    if tag is not None:
        check_name(tag)
    table = database.articles(name)
    _check_column(table, column, must_be=restore is not None or options["clear"])
    label = None if options["clear"] or options["label"] is None else label_of(options["label"])
    given: Mapping[str, str | None] = {} if options["labels"] is None else read_labels(str(options["labels"]), stdin)
    given = _given(ids) if isinstance(ids, Mapping) else given
    wanted = [*ids, *given, *(some_ids(str(options["file"]), stdin) if options["file"] else [])]
    if options["where"] is not None:
        check_condition(table, options["where"])
    former = None if restore is None else _texts_at(database.articles(name, restore), column)
    database.durable |= options["durable"]
    database.wait_s = options["wait"]
    with database.writer():
        import pyarrow as pa

        table.follow()
        # An ingest may have made a column of that name since.
        _check_column(table, column, must_be=former is not None or options["clear"])
        if version not in (None, table.version):
            raise StaleError(
                f"{table.where} has changed since: it is at version {table.version}, not {version}.",
                text("To give all labels back all the same: ", command("annotate", restore=restore, column=column)),
            )
        chunked = table.fingerprint.chunking is not None
        where, everything = options["where"], former is not None
        found = _all_of(table, where, chunked) if where or everything else _named(table, wanted, chunked)
        values: list[str | None]
        if former is not None:
            values = [former.get(row) for row in found.rows]
        else:
            by_article = _by_article(given, found.asked)
            values = [by_article.get(article, label) for article in found.articles]
        if version is not None and former is not None:
            _check_undoes(table, database.articles(name, restore), column)
        others = _others(table, column, found, chunked) if given else []
        # Where none of a file's articles is there, it is of another table.
        pruned = others if options["prune"] and found.rows else []
        if not found.rows:
            # Nothing is done, so the tag stays at what undoes the labels before these.
            tag = None
        with _tagged(table, tag):
            if found.rows:
                rows = found.rows + [row for row, _ in pruned]
                texts = values + [None] * len(pruned)
                put_texts(table, column, pa.array(rows, pa.string()), pa.array(texts, pa.string()))
    of_each = dict(zip(found.articles, values, strict=True))
    counts = Counter(value for value in of_each.values() if value is not None and former is None)
    return AnnotateReport(
        name,
        column,
        label,
        dict(sorted(counts.items())),
        len(of_each),
        len(found.rows),
        found.not_found,
        None if not given else _articles(others) - _articles(pruned),
        _articles(pruned),
        restore,
        tag,
        table.version,
    )


@contextmanager
def _tagged(table: ArticleTable, tag: str | None) -> Iterator[None]:
    """Let a tag name the table as it is before the block; where the block fails, what it named before."""
    if tag is None:
        yield
        return
    before = table.tags().get(tag)
    table.put_tag(tag)
    try:
        yield
    except BaseException:
        # What ended the block is what is said, whatever becomes of the tag.
        with suppress(VecindexError):
            if before is None:
                table.remove_tag(tag)
            else:
                table.put_tag(tag, before)
        raise


def _check_undoes(table: ArticleTable, then: ArticleTable, column: str) -> None:
    """Raise ConfigError where a column of labels is as it was, and another one is not: that one was meant."""
    labels = [field.name for field in table.schema if is_label(field)]
    if (changed := [name for name in labels if _texts_at(then, name) != _texts_at(table, name)]) and (
        column not in changed
    ):
        raise ConfigError(
            f"The last labels are not of column {column!r}, but of {changed[0]!r}.",
            text("Undo them with ", option("column", changed[0])),
        )


def _check(ids: Sequence[str] | Mapping[str, str | None], options: AnnotateOptions) -> None:
    """Raise ConfigError where it is not said what is labeled, and how."""
    if isinstance(ids, Mapping) and any(
        options[name] for name in ("label", "labels", "where", "file", "restore", "clear")
    ):
        raise ConfigError("A mapping of ids to labels names the articles and their labels.", "Give it alone.")
    named = [bool(ids) or options["file"] is not None, options["where"] is not None]
    label, clear, restore, labels = options["label"], options["clear"], options["restore"], options["labels"]
    if options["prune"] and labels is None and not isinstance(ids, Mapping):
        raise ConfigError(
            text(option("prune", True), " removes what a file of labels does not name."),
            text("Give ", option("labels", Placeholder("FILE.csv")), "."),
        )
    if restore is not None:
        if any(named) or clear or label is not None or labels is not None:
            raise ConfigError(text(option("restore"), " gives all labels of the column back."), "Give it alone.")
        return
    if labels is not None:
        if any(named) or clear or label is not None:
            raise ConfigError(text(option("labels"), " names the articles and their labels."), "Give it alone.")
        return
    if all(named):
        raise ConfigError(text("Give ids or ", option("where"), ", not both."))
    if not any(named):
        raise ConfigError("No articles are named.", text("Give ids, ", option("file"), " or ", option("where"), "."))
    if not isinstance(ids, Mapping) and clear == (label is not None):
        raise ConfigError(
            text("Give one of ", option("label", Placeholder("TEXT")), " and ", option("clear", True), ".")
        )
    if label is not None and not is_unicode(label):
        raise ConfigError(f"A label is a text in UTF-8, found {label[:200]!r}.")
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
    if not LABEL_COLUMN.fullmatch(column):
        raise ConfigError(
            f"A column of labels cannot be named {column!r}.",
            "Use small letters, digits and '_', a letter first, 60 characters at most.",
        )


def _all_of(table: ArticleTable, where: str | None, chunked: bool) -> _Matched:
    """Return the rows that meet a condition, with all chunks of their articles; without one all rows."""
    key = "article_id" if chunked else "id"
    columns = list(dict.fromkeys(["id", key]))
    pairs = list(_pairs(table.scan(columns) if where is None else table.scan_where(columns, where), key))
    if where is not None and chunked:
        pairs = _of_articles(table, key, list(dict.fromkeys(article for _, article in pairs)))
    return _Matched([row for row, _ in pairs], [article for _, article in pairs], {}, ())


def _named(table: ArticleTable, wanted: Sequence[str], chunked: bool) -> _Matched:
    """Return the rows of the articles with these ids; the id of a chunk stands for its article."""
    key = "article_id" if chunked else "id"
    pairs = _of_articles(table, key, list(dict.fromkeys(wanted)))
    asked = {article: article for _, article in pairs}
    # An id that cannot be seen may come as it was printed.
    meant = {i: read for i in wanted if i not in asked and (read := id_as_written(i)) is not None}
    pairs += _of_articles(table, key, [i for i in dict.fromkeys(meant.values()) if i not in asked])
    asked |= {read: i for i, read in meant.items() if read in {article for _, article in pairs}}
    left = [i for i in dict.fromkeys(wanted) if i not in asked and meant.get(i) not in asked]
    if chunked and left:
        found = dict(_of_rows(table, left))
        pairs += _of_articles(table, key, [one for one in dict.fromkeys(found.values()) if one not in asked])
        asked |= {article: row for row, article in found.items() if article not in asked}
        left = [i for i in left if i not in found]
    return _Matched([row for row, _ in pairs], [article for _, article in pairs], asked, tuple(left))


def _others(table: ArticleTable, column: str, found: _Matched, chunked: bool) -> list[tuple[str, str]]:
    """Return the rows, each with its article, that have a label of a column and are not among those found."""
    if column not in table.schema.names:
        return []
    key, named = "article_id" if chunked else "id", set(found.rows)
    # In quotes: it may be a word of SQL.
    pairs = _pairs(table.scan(list(dict.fromkeys(["id", key])), f'"{column}" IS NOT NULL'), key)
    return [pair for pair in pairs if pair[0] not in named]


def _articles(pairs: Sequence[tuple[str, str]]) -> int:
    return len({article for _, article in pairs})


def _given(labels: Mapping[str, str | None]) -> Mapping[str, str | None]:
    """Return the label of each id, with single spaces; raises ConfigError for one that is no text."""
    given = {id: None if label is None else label_of(label) for id, label in labels.items()}
    wrong = next((id for id, label in given.items() if label is not None and not (label and is_unicode(label))), None)
    if wrong is not None:
        raise ConfigError(
            f"A label is a text in UTF-8, found {labels[wrong]!r} for {wrong!r}.", "To remove one: None as its label."
        )
    return given


def _by_article(given: Mapping[str, str | None], asked: Mapping[str, str]) -> dict[str, str | None]:
    """Return the label of each article, from those by the ids that were asked for."""
    return {article: given[i] for article, i in asked.items() if i in given}


def _of_articles(table: ArticleTable, key: str, articles: Sequence[str]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for at in range(0, len(articles), _IDS_PER_SCAN):
        pairs += _pairs(
            table.scan(list(dict.fromkeys(["id", key])), isin(key, articles[at : at + _IDS_PER_SCAN])), key
        )
    return pairs


def _of_rows(table: ArticleTable, rows: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the ids of chunks that are there, each with its article."""
    for at in range(0, len(rows), _IDS_PER_SCAN):
        yield from _pairs(table.scan(["id", "article_id"], isin("id", rows[at : at + _IDS_PER_SCAN])), "article_id")


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

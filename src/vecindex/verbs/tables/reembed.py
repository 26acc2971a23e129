"""A table's texts embedded by another model into a table of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from vecindex.errors import ConfigError, VecindexError
from vecindex.messages import Placeholder, counted, option, percent, text
from vecindex.options import ModelOptions, checked
from vecindex.schema import is_label
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import columns_and_positions, maps, put_texts
from vecindex.store.questions import QuestionTable
from vecindex.types import Observer, Silent
from vecindex.verbs.ingest.ingest import ingest
from vecindex.verbs.ingest.known.kept import SETTING as KEPT_FIELDS
from vecindex.verbs.ingest.options import IngestOptions
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.ingest.run import Stop
from vecindex.verbs.project.options import MIN_ARTICLES, ProjectOptions
from vecindex.verbs.project.project import project
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.vectors import question_vectors
from vecindex.verbs.tables.options import ReembedOptions
from vecindex.verbs.tables.rows import OWN, fields_in, names_of, renamed
from vecindex.verbs.tables.whole import WholeArticles, same_cut


def reembed(
    database: Database,
    name: str,
    source: str,
    options: ReembedOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stop: Stop | None = None,
) -> IngestReport:
    """Bring the table `name` up to date with the texts of the table `source`; see `Index.reembed`."""
    options = checked(ReembedOptions, options)
    observer = observer or Silent()
    old = _source(database, name, source)
    given = {key: value for key, value in options.items() if key != "carry" and value is not None}
    given |= _as_before(database, name, old, options)
    fields = {"id_field": "id", "text_field": "text", "title_field": "title"}
    report = ingest(
        database,
        name,
        [_rows(old)],
        cast("IngestOptions", {**given, **fields}),
        observer,
        stop,
        name=f"table {source}",
    )
    if options["carry"] and not report.interrupted and database.has(name):
        _carry_labels(database, name, old, observer)
        _carry_maps(database, name, old, model, observer)
        _carry_questions(database, name, old, options, model, observer)
    return report


def _source(database: Database, name: str, source: str) -> ArticleTable:
    """Return the table whose texts are embedded. Raises ConfigError where it cannot be made into another one."""
    if name == source:
        raise ConfigError(
            f"The texts of {source!r} cannot be embedded into itself.",
            text("Name the table to make: ", option("table", Placeholder("NEW"))),
        )
    old = database.articles(source)
    return old


def _rows(old: ArticleTable) -> Any:
    """Return the articles of a table, in whatever pieces it holds them."""
    if old.fingerprint.chunking is not None:
        return WholeArticles(old)
    extras = fields_in(old)
    columns = [*(old.schema.field(own) for own in OWN), *extras]
    names = [*OWN, *names_of(old).values()]
    return renamed(old.stream([field.name for field in columns]), columns, names, old.count())


def _as_before(database: Database, name: str, old: ArticleTable, options: ReembedOptions) -> dict[str, Any]:
    """Return how the old table was made, as far as the options leave that open and the new table does not say so."""
    made, found = old.fingerprint, dict[str, Any]()
    if options["text_template"] is None and made.text_template is not None:
        found["text_template"] = made.text_template
    is_begun = database.has(name) and bool(database.articles(name).count())
    if made.chunking is not None and options["chunk"] is not False and not is_begun:
        found["chunk"] = made.chunking.tokens if options["chunk"] is None else options["chunk"]
        if options["chunk_overlap"] is None:
            # True stands for all tokens that the model reads.
            longest = made.chunking.tokens if found["chunk"] is True else found["chunk"]
            found["chunk_overlap"] = min(made.chunking.overlap, longest // 2)
    # All that the old table keeps is kept, and what it does not keep is not begun to be kept later.
    kept = old.setting(KEPT_FIELDS) or {"fields": None, "skip_fields": []}
    if not is_begun:
        there = list(names_of(old).values())
        # Among the columns may be one that was not chosen: what orders the versions of a row is always kept.
        chosen = None if kept["fields"] is None else sorted({*kept["fields"], *there})
        found |= {"fields": chosen, "skip_fields": [name for name in kept["skip_fields"] if name not in there]}
    return found


def _carry_labels(database: Database, name: str, old: ArticleTable, observer: Observer) -> None:
    """Give the articles the labels that they have; columns of labels that the new table has are left alone."""
    import pyarrow as pa

    new = database.articles(name)
    there = {column.name.lower(): column for column in new.schema}
    for column in (one.name for one in old.extra_columns if is_label(one)):
        if column.lower() in there:
            if not is_label(there[column.lower()]):
                observer.notice(f"labels of {column!r} are not taken along: the new table has a column of that name")
            continue
        labels = {article: label for article, label in _pairs(old, _article_of(old), column) if label is not None}
        rows = [(row, labels[of]) for row, of in _pairs(new, "id", _article_of(new)) if of in labels]
        if rows:
            with database.writer():
                put_texts(new, column, *(pa.array(part, pa.string()) for part in zip(*rows, strict=True)))
            observer.notice(f"labels of {column!r} are taken along")


def _article_of(table: ArticleTable) -> str:
    return "id" if table.fingerprint.chunking is None else "article_id"


def _pairs(table: ArticleTable, *columns: str) -> Iterator[tuple[Any, ...]]:
    for batch in table.scan(list(dict.fromkeys(columns))):
        yield from zip(*(batch.column(column).to_pylist() for column in columns), strict=True)


def _carry_maps(database: Database, name: str, old: ArticleTable, model: QuestionModel, observer: Observer) -> None:
    """Take the maps over as they are, scored by the new vectors; those that the new table has are left alone."""
    import pyarrow as pa

    new = database.articles(name)
    if old.fingerprint.chunking is not None and maps(old) and not same_cut(old, new):
        observer.notice("maps are not taken along: the articles are cut into other chunks")
        return
    there = set(maps(new))
    for one in maps(old):
        if one in there:
            continue
        (ids,), positions = columns_and_positions(old, ["id"], [one])
        xy = positions[one]
        if len(xy) < MIN_ARTICLES:
            continue
        data = pa.table({"id": ids, "x": xy[:, 0], "y": xy[:, 1]})
        try:
            made = project(database, name, one, (), cast("ProjectOptions", {}), model, observer, positions=data)
        except VecindexError as error:
            observer.notice(text(f'map "{one}" is not taken along: ', error.message))
            continue
        kept = None if made.scores is None else made.scores.recall.get(5)
        share = (
            "" if kept is None else f"; its articles keep {percent(kept.mean)} of their 5 nearest by the new model"
        )
        observer.notice(f'map "{one}" is taken along as it is{share}')


def _carry_questions(
    database: Database,
    name: str,
    old: ArticleTable,
    options: ReembedOptions,
    model: QuestionModel,
    observer: Observer,
) -> None:
    """Embed the stored questions that the old table's model embedded by the new one."""
    table = database.articles(name)
    how: dict[str, Any] = {key: options[key] for key in ("device", "trust_remote_code")}
    asked = checked(ModelOptions, cast("ModelOptions", how))
    for one in QuestionTable(database, notice=observer.notice).sets_of(old.fingerprint):
        _, made = question_vectors(database, one, table.fingerprint, table.where, asked, model, observer)
        if made:
            observer.notice(f"{counted(len(one.questions), 'question')} of {one.name} are taken along")

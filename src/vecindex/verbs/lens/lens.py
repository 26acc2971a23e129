"""The lens of one question: its nearest articles by exact search, laid out around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vecindex.core.neighbors import F64
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.messages import command, option, text
from vecindex.options import checked
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.database import Database
from vecindex.store.faults import is_unicode, not_unicode
from vecindex.store.questions import QuestionTable
from vecindex.store.search import Found, check_condition
from vecindex.types import Observer, Silent
from vecindex.verbs.clock import Clock
from vecindex.verbs.lens.layout import Layout, laid_out
from vecindex.verbs.lens.options import Kind, LensOptions
from vecindex.verbs.lens.result import LensArticle, LensResult
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import read
from vecindex.verbs.questions.vectors import question_vectors
from vecindex.verbs.search.finder import Finder, Query, more_like

_EXAMPLE = "For example: how do cells make energy"


def lens(
    database: Database,
    name: str,
    question: str,
    options: LensOptions,
    model: QuestionModel,
    observer: Observer | None = None,
) -> LensResult:
    """Return the lens of a question; see `Index.lens`."""
    options = checked(LensOptions, options)
    clock, k, where = Clock(), options["k"], options["where"]
    table = database.articles(name, options["at"])
    table.lance.checkout(table.version)
    if not is_unicode(question):
        raise not_unicode(question, table.where)
    if where is not None:
        check_condition(table, where)
    if not table.count(where):
        kind = "meets the condition" if table.count() else "is in it yet"
        raise ConfigError(f"{table.where}: no article {kind}.", "A lens needs articles to show.")
    kind, query = _query(database, table, question.strip(), options, model, observer or Silent())
    clock.lap("question")
    (found,) = Finder(table, k, by="article", text="none").by_vector([query], k)
    if not found:
        raise ConfigError(f"{table.where} has no other article than {question!r}.", "A lens needs articles to show.")
    clock.lap("search")
    dist = np.array([row.dist for row in found], dtype=np.float64)
    layout = laid_out(_vectors(table, [row.row["id"] for row in found]), dist, options["seed"])
    clock.lap("layout")
    return LensResult(
        table=name,
        question=query.text,
        id=query.id,
        kind=kind,
        k=k,
        where=where,
        at=options["at"],
        overlap=layout.overlap,
        tied=layout.tied,
        mutual_recall=layout.mutual_recall,
        articles=_articles(found, dist, layout),
        seconds=clock.laps,
    )


def _query(
    database: Database,
    table: ArticleTable,
    question: str,
    options: LensOptions,
    model: QuestionModel,
    observer: Observer,
) -> tuple[Kind, Query]:
    """Return what the question is, and its vector: the id of a stored question, of an article, or a text."""
    if not question:
        raise ConfigError("The question is empty.", _EXAMPLE)
    kind, where = options["kind"], options["where"]
    if kind in (None, "question"):
        stored = _stored(database, question, observer, needed=kind == "question")
        if stored is not None:
            return "question", Query(
                stored, question, _vector(database, table, stored, options, model, observer), where
            )
    if kind == "article" or (kind is None and _is_article(table, question)):
        return "article", more_like(table, question, where)
    return "text", Query(question, None, _vector(database, table, question, options, model, observer), where)


def _stored(database: Database, question: str, observer: Observer, *, needed: bool) -> str | None:
    """Return the text of the stored question of an id; None where there is none and none is `needed`."""
    by_set = QuestionTable(database, notice=observer.notice).texts_of(question)
    if len(set(by_set.values())) > 1:
        raise ConfigError(
            f"Several sets of questions have a question {question!r}: {', '.join(sorted(by_set))}.",
            "Give its text instead.",
        )
    if by_set:
        return next(iter(by_set.values()))
    if needed:
        raise ConfigError(
            f"No stored question has the id {question!r}.",
            text("Questions are stored by ", command("overlap"), "; a text needs no ", option("kind"), "."),
        )
    return None


def _is_article(table: ArticleTable, name: str) -> bool:
    keys = ["id"] if table.fingerprint.chunking is None else ["article_id", "id"]
    return any(table.rows_by_id([name], ["id"], key).num_rows for key in keys)


def _vector(
    database: Database,
    table: ArticleTable,
    question: str,
    options: LensOptions,
    model: QuestionModel,
    observer: Observer,
) -> F32:
    asked = read([question])
    vectors, _ = question_vectors(
        database, asked, table.fingerprint, table.where, options, model, observer, keep=False
    )
    return np.asarray(vectors[0])


def _vectors(table: ArticleTable, ids: Sequence[str]) -> F32:
    """Return the vectors (m, d) of these rows, in their order."""
    import pyarrow as pa
    import pyarrow.compute as pc

    rows = table.rows_by_id(ids, ["id", "vector"])
    order = pc.index_in(pa.array(ids, rows.column("id").type), value_set=rows.column("id").combine_chunks())
    vectors = as_matrix(rows.column("vector").combine_chunks(), table.fingerprint.dimension)
    return np.asarray(vectors[order.to_numpy(zero_copy_only=False)])


def _articles(found: Sequence[Found], dist: F64, layout: Layout) -> tuple[LensArticle, ...]:
    return tuple(
        LensArticle(
            rank=i + 1,
            id=one.row["id"],
            article_id=one.row["article_id"] if "article_id" in one.row else one.row["id"],
            title=one.row["title"],
            dist=float(dist[i]),
            x=float(layout.positions[i, 0]),
            y=float(layout.positions[i, 1]),
            near=tuple(int(other) + 1 for other in layout.near[i]),
        )
        for i, one in enumerate(found)
    )

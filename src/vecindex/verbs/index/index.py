"""The index of the vectors: chosen, made, measured, kept with what it finds."""

from __future__ import annotations

import time

import numpy as np

from vecindex.core.indexes.recall import DEFAULT_RECALL, AboutIndex
from vecindex.errors import ConfigError
from vecindex.messages import command, counted, text
from vecindex.shortages import memory_available
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.indexes.vector import (
    about_index,
    drop_vector_index,
    keep_about,
    made_by,
    make_vector_index,
    now,
    vector_index,
)
from vecindex.store.maintenance import sweep
from vecindex.store.questions import QuestionTable
from vecindex.types import Observer, Silent
from vecindex.verbs.index.choose import choose, partitions_of
from vecindex.verbs.index.measure import exact_ms, measure
from vecindex.verbs.index.options import BuildIndexOptions, checked_build
from vecindex.verbs.index.result import IndexReport, pays_after

DOING = ", making the index of the vectors"
Spent = tuple[float, float]
"""Seconds, and CPU seconds."""


def build_index(
    database: Database, name: str, options: BuildIndexOptions, observer: Observer | None = None
) -> IndexReport:
    """Make the index of a table's vectors, measure it again, or remove it; see `Index.build_index`."""
    options, observer = checked_build(options), observer or Silent()
    database.durable |= options["durable"]
    database.wait_s = options["wait"]
    database.articles(name)  # raises, before a lock is taken, where there is none
    with database.writer(DOING):
        table = database.articles(name)
        if options["drop"]:
            return _dropped(table)
        if options["measure"]:
            return _measured_again(database, table, observer)
        return made(database, table, options["type"], observer)


def made(database: Database, table: ArticleTable, asked: str | None, observer: Observer) -> IndexReport:
    """Make and measure the index. The caller holds the writer lock."""
    rows, dimension = table.count(), table.fingerprint.dimension
    choice = choose(rows, dimension, memory_available(), asked, table.where)
    observer.notice(f"making an {choice.type} index of {counted(rows, 'row')} of {table.where} ({choice.reason})")
    # Before anything is written: a killed one may have left the files of an index.
    sweep(table, database.folder, notice=observer.notice)
    wall, cpu = time.perf_counter(), time.process_time()
    make_vector_index(table, choice.type, choice.partitions, choice.sub_vectors)
    seconds, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    about, measured = _measure(database, table, choice.type, choice.partitions, cpu_s, observer)
    return _report(table, "made", about, choice.reason, (seconds, cpu_s), measured)


def _measured_again(database: Database, table: ArticleTable, observer: Observer) -> IndexReport:
    there, before = vector_index(table), about_index(table)
    if there is None:
        raise ConfigError(
            f"{table.where} has no index whose recall could be measured.",
            text("Make it: ", command("build_index")),
        )
    partitions = partitions_of(there.type, there.rows) if before is None else before.partitions
    about, measured = _measure(
        database, table, there.type, partitions, 0.0 if before is None else before.cpu_s, observer
    )
    return _report(table, "measured", about, None, (0.0, 0.0), measured)


def _measure(
    database: Database, table: ArticleTable, kind: str, partitions: int, cpu_s: float, observer: Observer
) -> tuple[AboutIndex, Spent]:
    """Measure the index that is there, and keep the curve with the table; return it and what that took."""
    observer.notice(f"measuring its recall against exact search on {table.where}")
    wall, cpu = time.perf_counter(), time.process_time()
    stored = table.fingerprint
    questions = QuestionTable(database, notice=observer.notice).vectors_by(stored)
    questions = np.empty((0, stored.dimension), dtype=np.float32) if questions is None else questions
    curve = measure(table, partitions, questions)
    exact = exact_ms(table)
    measured = time.perf_counter() - wall, time.process_time() - cpu
    cpu_s += measured[1]
    about = AboutIndex(
        kind, partitions, curve.rows, made_by(table), now(), cpu_s, exact, curve, last_txn=table.last_txn()
    )
    keep_about(table, about)
    return about, measured


def _report(
    table: ArticleTable, action: str, about: AboutIndex, reason: str | None, making: Spent, measuring: Spent
) -> IndexReport:
    there = vector_index(table)
    return IndexReport(
        table=table.name,
        action=action,
        rows=about.rows,
        type=about.type,
        reason=reason,
        partitions=about.partitions,
        rows_indexed=0 if there is None else there.rows,
        index_bytes=0 if there is None else there.bytes,
        seconds=making[0],
        cpu_s=making[1],
        measured_s=measuring[0],
        measured_cpu_s=measuring[1],
        exact_ms=about.exact_ms,
        curve=about.curve,
        pays_after=pays_after(about, about.curve.cheapest(DEFAULT_RECALL) or about.curve.best),
    )


def _dropped(table: ArticleTable) -> IndexReport:
    # A curve may be left over where somebody else removed the index.
    if vector_index(table) is None and about_index(table) is None:
        raise ConfigError(f"{table.where} has no index of its vectors, so none can be removed.")
    drop_vector_index(table)
    return IndexReport(table=table.name, action="dropped", rows=table.count())

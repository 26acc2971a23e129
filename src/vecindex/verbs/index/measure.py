"""What an index finds of the exact neighbors, measured on rows of the table and on stored questions."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import median
from typing import Any

import numpy as np

from vecindex.config import SEED
from vecindex.core.indexes.recall import Curve, K, Measured, Probe, recall, right_answers
from vecindex.core.neighbors import NO_ROW, Rows
from vecindex.core.vectors import F32
from vecindex.neighbors.exact import ExactSearch
from vecindex.store.articles import ArticleTable, as_matrix
from vecindex.store.search import nearest, opened_once
from vecindex.verbs.search.finder import PAD

QUERIES = 500
"""Rows, and stored questions, that are searched for."""
ENOUGH = 0.995
"""A recall after which no further setting is measured."""
REFINES = (1, 3, 10)
TIMED = 40
"""Queries that are searched for one at a time, for their CPU time; the others come several at once."""
_BATCH = 64
_FEWEST_PROBES = 8
# Below these twice as many partitions are searched next; above, half as many more, then twice as many again.
_FINE_FROM = 32
# A larger refine factor that adds less than this is not followed by still larger ones.
_GAIN = 0.002
_TIED = 22
"""Rows beyond the K-th that may be as near as it."""
_EXACT_TIMED = 3


@dataclass(frozen=True, slots=True)
class Asked:
    """Queries with their right answers.

    Attributes
    ----------
    vectors : (q, d) unit vectors.
    own : the id of each query's own row, which is no answer; None for a question.
    right : ids that count as the K nearest.
    """

    vectors: F32
    own: tuple[str | None, ...]
    right: tuple[set[str], ...]


def measure(table: ArticleTable, partitions: int, questions: F32) -> Curve:
    """Return the curve of the table's index; `questions` (m, d) are the vectors of stored questions, perhaps none.

    Settings rise until a recall of 0.995 is reached or all partitions are searched. A refine factor that added
    nothing is not tried again with more partitions.
    """
    rows, asked = _right(table, questions)
    opened = opened_once(table)
    points: list[Measured] = []
    refines = list(REFINES)
    for nprobes in _ladder(partitions):
        before = -1.0
        for refine in refines:
            point = _measured(table, opened, rows, asked, Probe(nprobes, refine))
            points.append(point)
            if point.expected - before < _GAIN:
                refines = [one for one in refines if one < refine]
                break
            before = point.expected
        if max(point.expected for point in points) >= ENOUGH:
            break
    return Curve(K, table.count(), len(rows.vectors), len(asked.vectors), tuple(points))


def exact_ms(table: ArticleTable) -> float:
    """Return the CPU milliseconds of an exact search of one query, the median of three."""
    took, opened = [], opened_once(table)
    for query in _drawn(table, _EXACT_TIMED)[1]:
        mark = time.process_time()
        nearest(table, query[None], K + PAD, ["id"], opened=opened)
        took.append(time.process_time() - mark)
    return 1_000 * median(took)


def _ladder(partitions: int) -> Iterator[int]:
    """Yield how many partitions to search: 8, 16, 32, 48, 64, 96, ..., all."""
    nprobes = min(_FEWEST_PROBES, partitions)
    while nprobes < partitions:
        yield nprobes
        if nprobes >= _FINE_FROM and nprobes + nprobes // 2 < partitions:
            yield nprobes + nprobes // 2
        nprobes *= 2
    yield partitions


def _measured(table: ArticleTable, opened: Any, rows: Asked, asked: Asked, probe: Probe) -> Measured:
    own = _recall(table, opened, rows, probe)
    of_questions = _recall(table, opened, asked, probe) if len(asked.vectors) else None
    return Measured(probe.nprobes, probe.refine, own, of_questions, _cpu_ms(table, opened, rows, asked, probe))


def _recall(table: ArticleTable, opened: Any, asked: Asked, probe: Probe) -> float:
    found = []
    for at in range(0, len(asked.vectors), _BATCH):
        answers = nearest(table, asked.vectors[at : at + _BATCH], K + PAD, ["id"], probe=probe, opened=opened)
        for answer, own in zip(answers, asked.own[at : at + _BATCH], strict=True):
            found.append([hit.row["id"] for hit in answer.rows if hit.row["id"] != own])
    return recall(found, asked.right, K)


def _cpu_ms(table: ArticleTable, opened: Any, rows: Asked, asked: Asked, probe: Probe) -> float:
    """Return the mean CPU milliseconds of a query that is searched for alone, as a user's is: of both kinds alike."""
    some = TIMED // 2 if len(asked.vectors) else TIMED
    queries = [*rows.vectors[:some], *asked.vectors[:some]]
    mark = time.process_time()
    for query in queries:
        nearest(table, query[None], K + PAD, ["id"], probe=probe, opened=opened)
    return 1_000 * (time.process_time() - mark) / len(queries)


def _drawn(table: ArticleTable, most: int) -> tuple[Rows, F32, list[str]]:
    """Return some rows, drawn without replacement: their numbers in the order of a scan, vectors and ids."""
    n = table.count()
    rows = np.sort(np.random.default_rng(SEED).choice(n, min(n, most), replace=False))
    found = table.rows_at(rows.tolist(), ["id", "vector"])
    vectors = as_matrix(found.column("vector").combine_chunks(), table.fingerprint.dimension)
    return rows, vectors, found.column("id").to_pylist()


def _right(table: ArticleTable, questions: F32) -> tuple[Asked, Asked]:
    """Return rows of the table and the stored questions with their right answers, by one pass over the vectors."""
    d = table.fingerprint.dimension
    numbers, vectors, ids = _drawn(table, QUERIES)
    questions = questions[:QUERIES]
    of_rows = ExactSearch(vectors, K + _TIED, without=numbers)
    of_questions = ExactSearch(questions, K + _TIED) if len(questions) else None
    start = 0
    for batch in table.stream(["vector"]):
        block = as_matrix(batch.column("vector"), d)
        at = np.arange(start, start + len(block))
        of_rows.add(at, block)
        if of_questions is not None:
            of_questions.add(at, block)
        start += len(block)
    searches = [of_rows, of_questions] if of_questions is not None else [of_rows]
    numbered = [right_answers(search.result(), K) for search in searches]
    names = _names(table, [row for answers in numbered for some in answers for row in some])
    right = [tuple({names[row] for row in some} for some in answers) for answers in numbered]
    rows = Asked(vectors, tuple(ids), right[0])
    nothing = Asked(questions, (), ())
    return rows, replace(nothing, own=(None,) * len(questions), right=right[1]) if len(right) > 1 else nothing


def _names(table: ArticleTable, rows: list[int]) -> dict[int, str]:
    wanted = sorted(set(rows) - {NO_ROW})
    return dict(zip(wanted, table.rows_at(wanted, ["id"]).column("id").to_pylist(), strict=True))

"""The articles nearest to a set of questions: what a focus map shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

import numpy as np

from vecindex.core.neighbors import Rows
from vecindex.core.vectors import F32
from vecindex.options import ModelOptions
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Observer, Rejected
from vecindex.verbs.project.result import FocusCover
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import read
from vecindex.verbs.questions.vectors import question_vectors

COVER_AT = (5, 50)


@dataclass(slots=True)
class Focus:
    """Questions, and how many of the articles nearest to them a map is to show."""

    name: str
    questions: F32
    size: int
    rejected: tuple[Rejected, ...]
    duplicates: tuple[Rejected, ...]
    cover: FocusCover | None = field(default=None)

    def choose(self, vectors: F32) -> Rows:
        """Return the rows of the articles nearest to the questions, ascending; all where there are not more.

        Each article counts by its best rank among all questions' neighbors, so that no question is left with
        nothing because others lie nearer to their articles; ties by its nearest question, then by row. Memory is
        O(n).
        """
        best = np.full(len(vectors), len(vectors), dtype=np.int64)
        nearest = np.full(len(vectors), -np.inf, dtype=np.float32)
        deep = min(max(self.size, *COVER_AT), len(vectors))
        top: list[Rows] = []
        for question in self.questions:
            sims = vectors @ question
            order = np.argpartition(-sims, deep - 1)[:deep]
            order = order[np.lexsort((order, -sims[order]))]
            best[order] = np.minimum(best[order], np.arange(deep))
            np.maximum(nearest, sims, out=nearest)
            top.append(order[: max(COVER_AT)])
        chosen = np.sort(np.lexsort((np.arange(len(vectors)), -nearest, best))[: self.size])
        found = [np.isin(order, chosen) for order in top]
        cover = {k: float(np.mean([hit[:k].mean() for hit in found])) for k in COVER_AT}
        self.cover = FocusCover(self.name, len(self.questions), len(chosen), cover)
        return np.asarray(chosen)


def read_focus(
    database: Database,
    table: ArticleTable,
    file: str,
    size: int,
    options: ModelOptions,
    model: QuestionModel,
    observer: Observer,
    stdin: BinaryIO | None,
) -> Focus:
    """Return the questions of a file with their vectors; see `question_vectors`."""
    asked = read(file, stdin)
    vectors, _ = question_vectors(database, asked, table.fingerprint, table.where, options, model, observer)
    return Focus(asked.name, vectors, size, asked.rejected, asked.duplicates)

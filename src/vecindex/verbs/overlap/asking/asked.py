"""The questions of `overlap` with their vectors, and one that was typed next to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.messages import option, text
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Observer
from vecindex.verbs.overlap.options import OverlapOptions
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import Questions, read
from vecindex.verbs.questions.vectors import question_vectors

TYPED = "typed"


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions that are measured, and one that was typed next to them, which is shown but counts in no figure.

    `vectors` (q, d) holds theirs, that of the typed one last; `embedded` is how many of these had to be made.
    """

    set: QuestionSet
    typed: QuestionSet | None
    vectors: F32
    embedded: int


def read_asked(
    database: Database,
    table: ArticleTable,
    questions: Questions | None,
    options: OverlapOptions,
    model: QuestionModel,
    observer: Observer,
    stdin: BinaryIO | None,
) -> Asked:
    """Return the questions to measure; without any, the one that is typed."""
    question = options["question"]
    asked = read([question or ""], name=TYPED) if questions is None else read(questions, stdin)
    typed = _typed(asked, question)
    found = [
        question_vectors(database, one, table.fingerprint, table.where, options, model, observer)
        for one in (asked, typed)
        if one is not None
    ]
    return Asked(asked, typed, np.concatenate([vectors for vectors, _ in found]), sum(made for _, made in found))


def _typed(asked: QuestionSet, question: str | None) -> QuestionSet | None:
    """Return the question as a set of its own, or None when it is one of those asked, by its id or its text."""
    if question is None or any(question == q.id or question.strip() == q.text for q in asked.questions):
        return None
    if len(question.split()) < 2:
        # More likely an id with a slip of the pen than a question of one word.
        some = ", ".join(q.id for q in asked.questions[:5])
        raise ConfigError(
            f"No question has the id {question!r}, and a text has several words.",
            text(f"Ids there: {some}, ... A single word is asked without ", option("questions"), "."),
        )
    return read([question], name=TYPED)

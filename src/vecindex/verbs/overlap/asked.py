"""The questions that `overlap` measures, and the one that is typed next to them, with their vectors."""

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
class AskedQuestions:
    """A set of questions with its vectors (q, d).

    Attributes
    ----------
    typed : a set of one question that is shown but not counted; its vector is the last of `all_vectors` (q + 1, d).
    embedded : vectors that had to be made.
    """

    set: QuestionSet
    vectors: F32
    typed: QuestionSet | None
    all_vectors: F32
    embedded: int


def asked_questions(
    database: Database,
    table: ArticleTable,
    questions: Questions | None,
    options: OverlapOptions,
    model: QuestionModel,
    observer: Observer,
    stdin: BinaryIO | None,
) -> AskedQuestions:
    """Return the questions to measure; without any, the one that is typed.

    Raises ConfigError when `question` is neither the id of a question nor a text.
    """
    typed_text = options["question"]
    asked = read([typed_text or ""], name=TYPED) if questions is None else read(questions, stdin)
    typed = _typed(asked, typed_text)

    def vectors_of(asked: QuestionSet) -> tuple[F32, int]:
        stored, where = table.fingerprint, table.where
        return question_vectors(database, asked, stored, where, options, model, observer)

    vectors, embedded = vectors_of(asked)
    if typed is None:
        return AskedQuestions(asked, vectors, None, vectors, embedded)
    more, made = vectors_of(typed)
    return AskedQuestions(asked, vectors, typed, np.concatenate([vectors, more]), embedded + made)


def _typed(asked: QuestionSet, question: str | None) -> QuestionSet | None:
    """Return the question as a set of its own, or None when it is one of those asked, by its id or its text."""
    if question is None or shown_question(asked, question) is not None:
        return None
    if len(question.split()) < 2:
        # More likely an id with a slip of the pen than a question of one word.
        some = ", ".join(q.id for q in asked.questions[:5])
        raise ConfigError(
            f"No question has the id {question!r}, and a text has several words.",
            text(f"Ids there: {some}, ... A single word is asked without ", option("questions"), "."),
        )
    return read([question], name=TYPED)


def shown_question(asked: QuestionSet, question: str) -> str | None:
    """Return the id of the question that is meant by its id or, if none has it, by its text."""
    if any(q.id == question for q in asked.questions):
        return question
    return next((q.id for q in asked.questions if q.text == question.strip()), None)

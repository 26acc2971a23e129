"""The vectors of a set of questions: from the store where they were made before, else by the model."""

from __future__ import annotations

import numpy as np

from vecindex.core.identity import question_hash
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import F32
from vecindex.errors import LockedError, StoreError
from vecindex.messages import text
from vecindex.options import ModelOptions
from vecindex.store.database import Database
from vecindex.store.questions import QuestionTable
from vecindex.types import Fingerprint, Observer
from vecindex.verbs.questions.model import QuestionModel


def question_vectors(
    database: Database,
    asked: QuestionSet,
    stored: Fingerprint,
    where: str,
    options: ModelOptions,
    model: QuestionModel,
    observer: Observer,
    *,
    keep: bool = True,
) -> tuple[F32, int]:
    """Return the unit vectors (q, d) of a set, and how many of them had to be made.

    Vectors are taken from the table `questions` when they were made there before by the same model behind the same
    prompt; so a second run on the same file loads no model. The model's own prompt counts by its text; without the
    model, by the text that it had last. With `keep` what is made is kept there, unless another process is writing.

    Raises ModelError when a vector is missing and the model is not available, or is not the table's.
    """
    table = QuestionTable(database, notice=observer.notice)
    prompt = model.query_prompt(stored, options)
    prompt = table.own_prompt(stored) if prompt is None else prompt
    hashes = _hashes(asked, stored, prompt)
    known = table.vectors(hashes)
    missing = [i for i, key in enumerate(hashes) if key not in known]
    if missing:
        texts = [asked.questions[i].text for i in missing]
        made = model.embed(texts, stored, where, options, observer)
        if prompt is None:
            # The model came to this machine just now, and brought its prompt.
            prompt = model.query_prompt(stored, options)
            hashes = _hashes(asked, stored, prompt)
        known |= {hashes[i]: vector for i, vector in zip(missing, made, strict=True)}
    vectors = np.stack([known[key] for key in hashes]).astype(np.float32)
    if not keep:
        return vectors, len(missing)
    rows = table.rows(asked, hashes, vectors, stored, prompt, own=options["prompt"] is None)
    if not table.holds(rows):
        try:
            with database.writer():
                table.put(rows)
        except (LockedError, StoreError) as error:
            observer.notice(text("the questions' vectors are not kept for the next run: ", error.message))
    return vectors, len(missing)


def _hashes(asked: QuestionSet, stored: Fingerprint, prompt: str | None) -> list[str]:
    return [question_hash(question.text, stored, prompt) for question in asked.questions]

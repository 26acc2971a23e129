"""The last evaluation of a table, kept in the database so that `status` can show it.

It lies with the questions, not with the table: an evaluation makes no new version of the articles.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from vecindex.errors import LockedError, StoreError
from vecindex.messages import text
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.indexes.vector import made_by
from vecindex.store.questions import QuestionTable
from vecindex.types import Observer
from vecindex.verbs.evaluate.asked import Asked
from vecindex.verbs.evaluate.result import EvaluateResult


def keep(database: Database, result: EvaluateResult, asked: Asked, table: ArticleTable, observer: Observer) -> None:
    """Keep what an evaluation of the latest version found, unless another process is writing.

    Not kept where the database has no table of questions: then only words were searched.
    """
    if result.at is not None:
        return
    measure = next(iter(result.rankers[0].measures))
    found = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": table.version,
        "rows": table.count(),
        "txn": table.last_txn(),
        "weights": table.fingerprint.weights,
        "questions_name": result.questions_name,
        "questions": result.questions,
        "judgments": result.judged_by.source,
        "judgments_hash": digest(asked),
        "measure": measure,
        "rankers": {one.name: round(one.measures[measure].mean, 6) for one in result.rankers},
        "state": _state(table),
    }
    questions, key = QuestionTable(database, notice=observer.notice), _key(result.table)
    try:
        with database.writer():
            questions.note(key, found)
    except (LockedError, StoreError) as error:
        observer.notice(text("the evaluation is not kept for the status: ", error.message))


def last_evaluation(database: Database, table: ArticleTable) -> dict[str, Any] | None:
    """Return what the last evaluation of a table found, and whether its rows have changed since; None without one."""
    found = QuestionTable(database).noted(_key(table.name))
    if found is None:
        return None
    changed = found.pop("state", None) != _state(table)
    return {**found, "changed_since": changed}


def _state(table: ArticleTable) -> list[int | str | None]:
    """Return what differs between states of a table, and between tables that had the same name one after the other.

    These may have as many rows and transactions, but not the same moment of the last one.
    """
    rows, transactions, last = table.commits_after(-1, None)
    return [rows, transactions, table.last_txn(), None if last is None else last.isoformat(), made_by(table)]


def digest(asked: Asked) -> str:
    """Return a digest of the questions with their judgments, the same for the same ones in any order."""
    pairs = sorted(
        [one.id, one.text, sorted(grades.items()), sorted(one.answer_texts if asked.by_texts else ())]
        for one, grades in zip(asked.questions, asked.grades, strict=True)
    )
    return hashlib.blake2b(json.dumps(pairs).encode(), digest_size=16).hexdigest()


def _key(table: str) -> str:
    return f"evaluation of {table}"

"""What the pseudo-questions of `explain` showed of a set of questions, kept for the measurements that follow.

Else the next one would know less, and advise again what was done. It holds for the same questions behind the same
prompt, as long as the table has as many articles.
"""

from __future__ import annotations

from dataclasses import replace

from vecindex.core.anchors import set_digest
from vecindex.errors import LockedError, StoreError
from vecindex.messages import text
from vecindex.options import ModelOptions
from vecindex.store.database import Database
from vecindex.store.questions import QuestionTable
from vecindex.types import Observer
from vecindex.verbs.overlap.result import SpaceFacts
from vecindex.verbs.the_map import Digests


def remembered(
    database: Database, table: str, asked: Digests, options: ModelOptions, facts: SpaceFacts, articles: int
) -> tuple[SpaceFacts, bool]:
    """Return the facts with the percentile of the pseudo-questions, and whether that was measured before."""
    found = QuestionTable(database).noted(_key(table, asked, options))
    if found is None or found.get("articles") != articles:
        return facts, False
    return replace(facts, pseudo_percentile=found.get("pseudo_percentile")), True


def remember(
    database: Database,
    table: str,
    asked: Digests,
    options: ModelOptions,
    facts: SpaceFacts,
    articles: int,
    observer: Observer,
) -> None:
    """Keep what was found, unless another process is writing."""
    found = {"articles": articles, "pseudo_percentile": facts.pseudo_percentile}
    questions, key = QuestionTable(database, notice=observer.notice), _key(table, asked, options)
    if questions.noted(key) == found:
        return
    try:
        with database.writer():
            questions.note(key, found)
    except (LockedError, StoreError) as error:
        observer.notice(text("what the experiments showed is not kept for the next run: ", error.message))


def _key(table: str, asked: Digests, options: ModelOptions) -> str:
    return set_digest([*asked, f"table {table}", f"prompt {options['prompt']}"])

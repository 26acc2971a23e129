"""What an ingest makes of sources before any model: the articles, and the counts that must add up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from vecindex.messages import Message
from vecindex.sources.articles import Article
from vecindex.sources.open import open_sources
from vecindex.types import Silent
from vecindex.verbs.ingest.fields.settle import LOOK_AHEAD, chooser, report, settle
from vecindex.verbs.ingest.known.registry import Registry
from vecindex.verbs.ingest.options import IngestOptions, checked_ingest, reading
from vecindex.verbs.ingest.plan import Planner, whole
from vecindex.verbs.ingest.result import IngestReport


class Heard(Silent):
    """An observer that keeps what it hears."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, message: Message) -> None:
        self.lines.append(str(message))

    def warning(self, message: Message) -> None:
        self.lines.append(str(message))


def account(
    sources: Sequence[Path | str], heard: Heard | None = None, **options: Any
) -> tuple[list[Article], IngestReport]:
    """Return the articles of sources that a new table would get, and the report.

    Asserts that all rows that were read are accounted for.
    """
    heard = heard or Heard()
    checked = checked_ingest(cast("IngestOptions", options))
    opened = open_sources(
        [str(source) for source in sources],
        format=checked["format"],
        vector_field=checked["vector_field"],
        text_fields=[name for name in (checked["id_field"], checked["text_field"]) if name],
        notice=heard.notice,
        reading=reading(checked),
    )
    choose = chooser(checked, checked["text_template"], checked["vector_field"])
    settled = settle(opened, choose, LOOK_AHEAD)
    done = IngestReport("articles")
    done.taken, done.sources_left_out = report(settled, heard)
    planner = Planner(settled.sources, choose, checked, Registry(), done, whole)
    articles = [row.article for transaction in planner.transactions() for row in transaction.rows]
    done.added = len(articles)
    assert done.unaccounted == 0, done
    return articles, done

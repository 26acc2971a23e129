"""Which of the other fields a table keeps: as the options say, else as they did when they were last given."""

from __future__ import annotations

from collections.abc import Collection, Set
from contextlib import suppress
from dataclasses import replace
from typing import Any

from vecindex.errors import VecindexError
from vecindex.schema import field_of
from vecindex.sources.fieldmap import FieldMap
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.verbs.ingest.options import IngestOptions

SETTING = "fields"
"""Under this name a table keeps the choice."""


class KeptFields:
    """The other fields that a run keeps.

    Attributes
    ----------
    chosen : those that are kept; None for all.
    skipped : those that are not. Lists of numbers are added while sources are settled, see `leave_out`.
    is_given : whether this run's options say so; else it is as the table has it.
    """

    def __init__(
        self,
        chosen: Collection[str] | None = None,
        skipped: Collection[str] = (),
        is_given: bool = False,
        *,
        newer: str | None = None,
        deleted: str | None = None,
        there: Collection[str] = (),
    ) -> None:
        """Take the choice, the fields of a drop, and the fields that the table has columns for.

        What orders the versions of a row is always kept, what deletes one never.
        """
        self.chosen = None if chosen is None else frozenset(chosen)
        self.skipped = set(skipped)
        self.is_given = is_given
        self._newer, self._deleted, self._there = newer, deleted, frozenset(there)
        self._stored: dict[str, Any] | None = None

    @classmethod
    def of(cls, options: IngestOptions, table: ArticleTable | None = None) -> KeptFields:
        """Return what the options of `checked_ingest` say, and the table where they say nothing."""
        chosen, skipped = options["fields"], options["skip_fields"]
        is_given = chosen is not None or skipped is not None
        stored = None if table is None else table.setting(SETTING)
        if not is_given and stored is not None:
            chosen, skipped = stored["fields"], stored["skip_fields"]
        there = () if table is None else [field_of(column) or column.name for column in table.extra_columns]
        kept = cls(
            chosen, skipped or (), is_given, newer=options["newer"], deleted=options["deleted_field"], there=there
        )
        kept._stored = stored
        return kept

    @property
    def unread(self) -> Set[str]:
        """The fields that need not be read; the set grows with `leave_out`."""
        return self.skipped

    def apply(self, found: FieldMap) -> FieldMap:
        """Return a field map that keeps these fields."""
        always = frozenset() if self._newer is None else frozenset((self._newer,))
        never = frozenset() if self._deleted is None else frozenset((self._deleted,))
        chosen = None if self.chosen is None else self.chosen | always
        return replace(found, chosen=chosen, skipped=frozenset(self.skipped) - always | never)

    def left_out(self, names: Collection[str], found: FieldMap) -> list[str]:
        """Return which of a source's fields are not kept although they could be."""
        return [name for name in names if name not in found.special | {self._deleted} and not found.keeps(name)]

    def leave_out(self, name: str) -> bool:
        """Leave a field out that nobody has chosen; return whether it is left out.

        One that the options name or do not leave out, or that the table has a column for, is kept.
        """
        if self.is_given or name in self._there or (self.chosen is not None and name in self.chosen):
            return False
        self.skipped.add(name)
        return True

    def store(self, table: ArticleTable) -> None:
        """Keep the choice with the table, if it has another or a damaged one; the caller holds the writer lock."""
        chosen = None if self.chosen is None else sorted(self.chosen)
        now = {"fields": chosen, "skip_fields": sorted(self.skipped)}
        if now != (self._stored or {"fields": None, "skip_fields": []}) or SETTING in table.damaged_settings():
            table.set_setting(**{SETTING: now})
            self._stored = now


def kept_fields(database: Database, name: str, options: IngestOptions) -> KeptFields:
    """Return which fields a run on a table keeps; a table without rows says nothing.

    Raises nothing: what is wrong with the table is for the run to say.
    """
    with suppress(VecindexError):
        if database.has(name) and (table := database.articles(name)).count():
            return KeptFields.of(options, table)
    return KeptFields.of(options)

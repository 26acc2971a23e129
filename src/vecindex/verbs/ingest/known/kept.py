"""Which of the other fields a table keeps: as the options say, else as they did when they were last given."""

from __future__ import annotations

from collections.abc import Collection, Set
from contextlib import suppress
from dataclasses import replace
from typing import Any

from vecindex.errors import VecindexError
from vecindex.schema import field_of, is_label
from vecindex.sources.fieldmap import FieldMap, is_later_name, is_text_name, parse_template
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.verbs.ingest.options import IngestOptions

SETTING = "fields"
"""Under this name a table keeps the choice."""
_ROLES = ("id", "text", "title")


class KeptFields:
    """The other fields that a run keeps.

    Attributes
    ----------
    chosen : those that are kept; None for all.
    skipped : those that are not. Lists of numbers are added while sources are settled, see `leave_out`.
    is_given : whether this run's options say so; else it is as the table has it.
    unread : fields that need not be read; the set grows with `leave_out`.
    others : fields that the table has columns for although their names are known: they are no id, text or title.
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
        self.unread: set[str] = set()
        self.others: Set[str] = frozenset()
        self._newer, self._deleted, self._there = newer, deleted, frozenset(there)
        self._needed: Collection[str] = ()
        self._stored: dict[str, Any] | None = None

    @classmethod
    def of(cls, options: IngestOptions, table: ArticleTable | None = None) -> KeptFields:
        """Return what the options of `checked_ingest` say, and the table where they say nothing."""
        chosen, skipped = options["fields"], options["skip_fields"]
        is_given = chosen is not None or skipped is not None
        stored = None if table is None else table.setting(SETTING)
        if not is_given and stored is not None:
            chosen, skipped = stored["fields"], stored["skip_fields"]
        fields = [] if table is None else [column for column in table.extra_columns if not is_label(column)]
        there = [field_of(column) or column.name for column in fields]
        kept = cls(
            chosen, skipped or (), is_given, newer=options["newer"], deleted=options["deleted_field"], there=there
        )
        kept._stored = stored
        kept._needed = _named(options, table)
        kept.others = _others(table, there)
        kept.unread = {name for name in kept.skipped if not kept._is_needed(name)}
        return kept

    @property
    def is_new(self) -> bool:
        """Whether the choice is this run's own, not what the table keeps."""
        return self.is_given or self._stored is None

    def bring_up_to_date(self, database: Database, name: str, options: IngestOptions) -> None:
        """Take the choice as it is now: another run may have changed it while this one waited for the lock.

        Readers of sources hold the set of fields that need not be read, which stays the same one.
        """
        now, unread = kept_fields(database, name, options), self.unread
        vars(self).update(vars(now))
        unread.clear()
        unread.update(now.unread)
        self.unread = unread

    def _is_needed(self, name: str) -> bool:
        """Return whether a field may be read to make the id, the text or the title of it."""
        return is_text_name(name) or name in self._needed

    @property
    def _always(self) -> Set[str]:
        return frozenset() if self._newer is None else frozenset((self._newer,))

    def apply(self, found: FieldMap) -> FieldMap:
        """Return a field map that keeps these fields."""
        always = self._always
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
        if not self._is_needed(name):
            self.unread.add(name)
        return True

    def to_store(self) -> dict[str, Any] | None:
        """Return the choice, taken for stored from now on; None where it is stored already.

        What orders the versions of a row is part of it: later runs that do not name it would null it otherwise.
        """
        chosen = None if self.chosen is None else sorted(self.chosen | self._always)
        now = {"fields": chosen, "skip_fields": sorted(self.skipped - self._always)}
        if now == (self._stored or {"fields": None, "skip_fields": []}):
            return None
        self._stored = now
        return now

    def store(self, table: ArticleTable) -> None:
        """Keep the choice with the table, if it has another or a damaged one; the caller holds the writer lock."""
        now = self.to_store()
        if now is None and SETTING in table.damaged_settings():
            now = self._stored or {"fields": None, "skip_fields": []}
        if now is not None:
            table.set_setting(**{SETTING: now})


def _named(options: IngestOptions, table: ArticleTable | None) -> frozenset[str]:
    """Return the fields that the options, or the template of the table, name for something else than to be kept."""
    named = {options["id_field"], options["text_field"], options["title_field"], options["newer"]}
    template = options["text_template"]
    if template is None and table is not None:
        template = table.fingerprint.text_template
    if template is not None:
        # What is wrong with a template is for the run to say.
        with suppress(VecindexError):
            named |= {name for _, name in parse_template(template)}
    return frozenset(name for name in named if name is not None)


def _others(table: ArticleTable | None, there: Collection[str]) -> frozenset[str]:
    """Return which fields stay others, so that a table does not change because more names are known than once."""
    later = frozenset(name for name in there if is_later_name(name))
    if table is None or not later:
        return frozenset()
    taken = (table.setting("last_run") or {}).get("taken")
    sources = [one for one in taken if isinstance(one, dict)] if isinstance(taken, list) else []
    return frozenset(name for name in later if not any(name in map(one.get, _ROLES) for one in sources))


def kept_fields(database: Database, name: str, options: IngestOptions) -> KeptFields:
    """Return which fields a run on a table keeps; a table without rows says nothing.

    Raises nothing: what is wrong with the table is for the run to say.
    """
    with suppress(VecindexError):
        if database.has(name) and (table := database.articles(name)).count():
            return KeptFields.of(options, table)
    return KeptFields.of(options)

"""Decides which rows of a drop stand: against each other, against the table, and against what was deleted before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from vecindex.errors import SourceError
from vecindex.messages import option, text
from vecindex.sources.base import Record
from vecindex.verbs.ingest.drops.order import Order, is_deletion, order_of

Ages = Callable[[Sequence[str]], dict[str, Order]]
REPLACED = ""
"""The hash of a row that this run has written or deleted itself: no text is the same as its."""


class Version(NamedTuple):
    """A version of a row, or its deletion: the newer one stands, of equally new ones the deletion, else the later."""

    order: Order | None
    deleted: bool


@dataclass(frozen=True, slots=True)
class Deletion:
    """A row of a drop that says that its id is deleted."""

    source: str
    location: str
    id: str
    order: Order | None

    @property
    def row_id(self) -> str:
        """The id."""
        return self.id


class Drop:
    """What a run of drops knows of the ids that it has met.

    `newer` is the field that orders the versions of a row: without it the later of two stands. `deleted` is the field
    that says that a row is deleted.

    Reading runs ahead of committing, so what this run has planned is kept here until it is committed; `stored` and
    `gone` look up the rest: the ages of rows in the table, and of deletions.
    """

    def __init__(self, newer: str | None, deleted: str | None, stored: Ages, gone: Ages) -> None:
        """Take the fields, and what looks ages up by ids."""
        self.newer, self.deleted = newer, deleted
        self._stored, self._gone = stored, gone
        # The newest last: it may turn out to be bad.
        self._planned: dict[str, list[Version]] = {}
        self._lock = threading.Lock()
        self._deleted_now: set[str] = set()
        self._kind: Order | None = None

    def check_fields(self, names: Collection[str], source: str) -> None:
        """Raise SourceError where no row of a source has the field that says which version is newer."""
        if self.newer is not None and self.newer not in names:
            raise SourceError(
                f"{source}: no field {self.newer!r}, by which rows are newer or older; fields found: "
                f"{', '.join(list(names)[:50])}",
                text("Name another one with ", option("newer"), ", or leave this source out."),
            )

    def refusal(self, record: Record) -> str | None:
        """Return why a row cannot be placed in time, None where it can."""
        if self.deleted is not None and is_deletion(record.fields.get(self.deleted)) is None:
            return f"deleted: found {record.fields[self.deleted]!r:.80} in field {self.deleted!r}, expected yes or no"
        if self.newer is None:
            return None
        order = order_of(found := record.fields.get(self.newer))
        if order is None:
            what = "no value" if found is None or isinstance(found, str | float) else f"found {found!r:.80}"
            return f"newer: {what} in field {self.newer!r}, expected a number, a time or text"
        self._kind = self._kind or order
        if order.kind is not self._kind.kind:
            return (
                f"newer: found {record.fields[self.newer]!r:.80} in field {self.newer!r}, a "
                f"{order.kind.name.lower()}; the rows before have a {self._kind.kind.name.lower()}"
            )
        return None

    def is_deletion(self, record: Record) -> bool:
        """Return whether a row that is not refused says that its id is deleted."""
        return self.deleted is not None and bool(is_deletion(record.fields.get(self.deleted)))

    def without_mark(self, record: Record) -> Record:
        """Return a row without the field that says whether it is deleted, which is not stored."""
        if self.deleted not in record.fields:
            return record
        return Record(record.location, {name: v for name, v in record.fields.items() if name != self.deleted})

    def order(self, fields: Mapping[str, object]) -> Order | None:
        """Return the age of a row."""
        return None if self.newer is None else order_of(fields.get(self.newer))

    def meet(self, row_id: str, deleted: bool) -> bool:
        """Note that a run meets a row or its deletion; return whether it may follow an earlier one of its id."""
        follows = deleted or self.newer is not None or row_id in self._deleted_now
        (self._deleted_now.add if deleted else self._deleted_now.discard)(row_id)
        return follows

    def settle(self, met: Sequence[tuple[str, Version, bool]]) -> list[bool | None]:
        """Return which rows and deletions of a transaction stand, and remember them as planned.

        None for one whose age is of another kind than that of the version which the table has.

        Parameters
        ----------
        met : the id, the version, and whether the table or this run may have another version of it.
        """
        last: dict[str, int] = {}
        for i, (row_id, version, _) in enumerate(met):
            if row_id not in last or not _is_older(version, met[last[row_id]][1]):
                last[row_id] = i
        # What is planned before what is stored: a commit in between moves a row from there to here.
        with self._lock:
            known = {row_id: self._planned[row_id][-1] for row_id in last if row_id in self._planned}
        known |= self._known([row_id for row_id in last if row_id not in known], met)
        stands: list[bool | None] = [False] * len(met)
        for row_id, i in last.items():
            version = met[i][1]
            if row_id in known and not _are_comparable(version, known[row_id]):
                stands[i] = None
            elif row_id not in known or not _is_older(version, known[row_id]):
                stands[i] = True
                with self._lock:
                    self._planned.setdefault(row_id, []).append(version)
        return stands

    def _known(self, ids: Sequence[str], met: Sequence[tuple[str, Version, bool]]) -> dict[str, Version]:
        """Return the versions of ids as the table has them, or their deletions where these are newer."""
        if self.newer is None:
            return {}
        contested = {row_id for row_id, _, there in met if there}
        known = {
            row_id: Version(order, False)
            for row_id, order in self._stored([row_id for row_id in ids if row_id in contested]).items()
        }
        for row_id, order in self._gone(ids).items():
            if row_id not in known or not _is_older(Version(order, True), known[row_id]):
                known[row_id] = Version(order, True)
        return known

    def committed(self, versions: Mapping[str, Version]) -> None:
        """Forget what was planned and is in the table now."""
        with self._lock:
            for row_id, version in versions.items():
                # A newer version may have been planned since.
                self._forget(row_id, self._planned.get(row_id, []).index(version))

    def give_up(self, versions: Mapping[str, Version]) -> None:
        """Forget what was planned and will not be in the table; a newer version may have been planned since."""
        self.committed(versions)

    def take_back(self, row_ids: Iterable[str]) -> None:
        """Forget rows that were planned last and turned out to be bad."""
        with self._lock:
            for row_id in row_ids:
                self._forget(row_id, -1)

    def _forget(self, row_id: str, at: int) -> None:
        self._planned[row_id].pop(at)
        if not self._planned[row_id]:
            del self._planned[row_id]

    def reopen(self, row_id: str) -> None:
        """Note that a row which followed a deletion turned out to be bad: another one may follow."""
        self._deleted_now.add(row_id)


def _are_comparable(version: Version, other: Version) -> bool:
    return version.order is None or other.order is None or version.order.kind is other.order.kind


def _is_older(version: Version, other: Version) -> bool:
    """Return whether a version, met after another one, is older than it."""
    if version.order is None or other.order is None:
        return version.order is None and other.order is not None
    if version.order != other.order:
        return version.order < other.order
    return other.deleted and not version.deleted

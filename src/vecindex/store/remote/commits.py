"""Commits that compare and swap, so that no two writers add the same id to a table in object storage.

Lance's append is accepted whatever was committed since it was read. `Merge`, which names every fragment of the new
version, is refused unless the version that it was made of is the latest but for indexes, settings and tags. So each
commit opens the latest version, looks whether its ids are there, and is made of that version or not at all. What was
seen of Lance is pinned by tests; see docs/adr/0020.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from vecindex.core.conditions import isin
from vecindex.errors import LockedError
from vecindex.files import local_folder
from vecindex.messages import counted
from vecindex.store.remote.lease import check_lease
from vecindex.store.remote.transaction import TOKEN, UNREADABLE, Refused, committed

if TYPE_CHECKING:
    import pyarrow as pa

_LOG = logging.getLogger(__name__)
T = TypeVar("T")
_TRIES = 10
# Kinds that add no id, though they may make new fragments.
_NO_IDS = frozenset({"Rewrite", "Delete", "CreateIndex", "UpdateConfig"})
_CACHE_BYTES = 32 << 20


@dataclass(slots=True)
class Known:
    """The version of which a writer knows all ids, None for none; and the tokens of its own commits."""

    version: int | None = None
    tokens: set[str] = field(default_factory=set)


def append(handle: Any, where: str, rows: pa.Table, known: Known) -> None:
    """Add rows whose ids the table does not hold, as one commit.

    The caller has made sure that none of these ids is in the version that it knows. That moves on as long as nobody
    else adds ids; from then on the ids of each commit are looked up.

    Raises LockedError where the table holds one of the ids by now: another process has written them.
    """

    def add() -> None:
        data = _latest(handle)
        is_known = known.version is not None and not _has_foreign_ids(data, known.version, known.tokens)
        if not is_known and (there := data.count_rows(_having(rows))):
            raise LockedError(
                f"Another process has written to {where} meanwhile: {there:,} of the "
                f"{counted(len(rows), 'row')} of this "
                "transaction are there already, and were not added again.",
                "Run the same command again, without the other one: it goes on from what is there.",
            )
        made = _merged(data, [], rows, known.tokens)
        if is_known:
            known.version = made

    _tried(add, where, handle)


@dataclass(frozen=True, slots=True)
class Written:
    """Rows that others have written as fragments, to be committed together.

    Attributes
    ----------
    new, instead : the fragments, as JSON; those of rows that replace some of the table are in `instead`.
    ids : of the new rows, by the column `key`, which has one value for all rows of an article.
    replaced : the same of the others.
    """

    new: Sequence[str]
    instead: Sequence[str]
    ids: Sequence[str]
    replaced: Sequence[str]
    key: str = "id"


def add_written(handle: Any, where: str, written: Written, known: Known) -> None:
    """Commit fragments that are written already: one commit, or two where a fragment is left without rows.

    It is tried once. What was written for a refused commit may have been swept since, and whoever has come between
    works on the same table.

    Raises LockedError where another process has committed to the table meanwhile.
    """
    try:
        made, is_known = _put_in(handle, where, written, known)
    except Refused as error:
        _LOG.info("a commit to %s was refused: %s", where, error)
        raise _came_between(where, len(written.ids) + len(written.replaced)) from error
    handle.checkout_latest()
    if is_known:
        known.version = made


def _came_between(where: str, rows: int) -> LockedError:
    return LockedError(
        f"Another process has written to {where} meanwhile: {counted(rows, 'ready row was', 'ready rows were')} not "
        "added.",
        "Run the same command again, without the other one: it goes on from what is there.",
    )


def _put_in(handle: Any, where: str, written: Written, known: Known) -> tuple[int, bool]:
    from lance import LanceOperation

    data, is_known = _latest_without(handle, where, written, known, known.version)
    changed, gone = _without(data, _addresses(data, written.key, written.replaced))
    new, instead = _fragments(written.new), _fragments(written.instead)
    if not gone:
        return _with(data, changed, instead + new, known.tokens), is_known
    made = committed(data, LanceOperation.Update(gone, changed, instead), known.tokens)
    if new:
        data, still = _latest_without(handle, where, written, known, data.version)
        made, is_known = _with(data, [], new, known.tokens), is_known and still
    return made, is_known


def _latest_without(handle: Any, where: str, written: Written, known: Known, since: int | None) -> tuple[Any, bool]:
    """Open the latest version, which has none of the new ids; and say whether only this writer added any `since`."""
    data = _latest(handle)
    # Not before: whoever takes the lease from here on commits before it sweeps, so that this version is refused.
    check_lease(where)
    is_known = since is not None and not _has_foreign_ids(data, since, known.tokens)
    if not is_known and written.ids and len(_addresses(data, written.key, written.ids)):
        raise _came_between(where, len(written.ids))
    return data, is_known


def _fragments(pieces: Sequence[str]) -> list[Any]:
    from lance.fragment import FragmentMetadata

    return [FragmentMetadata.from_json(piece) for piece in pieces]


def _addresses(data: Any, key: str, values: Sequence[str]) -> list[int]:
    """Return the addresses of the rows that have one of many values, by one pass over the column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not values:
        return []
    wanted, found = pa.array(values, pa.string()), list[int]()
    for batch in data.scanner(columns=[key], with_row_address=True).to_batches():
        found += batch.column("_rowaddr").filter(pc.is_in(batch.column(key), value_set=wanted)).to_pylist()
    return found


def upsert(
    handle: Any, where: str, rows: pa.Table, drop: str | None = None, key: str = "id", known: Known | None = None
) -> None:
    """Insert rows or replace those of the same key, and delete the others that meet `drop`, as one commit."""
    if local_folder(where) is None:
        _swap_in(handle, where, rows, drop, key, (known or Known()).tokens)
        return
    # Another handle may have committed since ours looked, and an index on the key would drop the check of keys.
    handle.checkout_latest()
    merge = handle.merge_insert(key).when_matched_update_all().when_not_matched_insert_all().use_index(False)
    if drop is not None:
        merge = merge.when_not_matched_by_source_delete(drop)
    merge.execute(rows)


def _swap_in(handle: Any, where: str, rows: pa.Table, drop: str | None, key: str, tokens: set[str]) -> None:
    """Do so in object storage, in one commit unless a fragment would be left without rows.

    Then what replaces something is one commit and the rest another: only a commit of another kind may drop a
    fragment, and that kind does not see keys that were appended. Rows of an article stay together.
    """
    import pyarrow.compute as pc

    together = "article_id" if "article_id" in rows.schema.names else key

    def change() -> int:
        data = _latest(handle)
        condition = _having(rows, key) if drop is None else f"({_having(rows, key)}) OR ({drop})"
        found = data.scanner(columns=[together], filter=condition, with_row_address=True).to_table()
        changed, gone = _without(data, found.column("_rowaddr").to_pylist())
        if not gone:
            return _merged(data, changed, rows, tokens)
        replacing = pc.is_in(rows.column(together), value_set=found.column(together).combine_chunks())
        made = _replaced(data, gone, changed, rows.filter(replacing), tokens)
        rest = rows.filter(pc.invert(replacing))
        if len(rest):
            _swap_in(handle, where, rest, None, key, tokens)
        return made

    _tried(change, where, handle)


def replace_schema(handle: Any, where: str, schema: pa.Schema) -> int:
    """Give a table without rows another schema, as one commit; return its version.

    Raises LockedError where it has rows by now.
    """
    from lance import LanceOperation
    from lance.schema import LanceSchema

    def change() -> int:
        data = _latest(handle)
        if data.count_rows():
            raise LockedError(f"Another process has written to {where} meanwhile.", "Run the same command again.")
        return committed(data, LanceOperation.Merge([], LanceSchema.from_pyarrow(schema)), set())

    return _tried(change, where, handle)


def fence(handle: Any, where: str) -> int:
    """Commit the table as it is, so that what others have prepared of an older version is refused."""
    return _tried(lambda: _merged(_latest(handle), [], None, set()), where, handle)


def _tried(change: Callable[[], T], where: str, handle: Any) -> T:
    """Return what a change gives, made again of a newer version where another commit came between.

    The handle then reads the new version. Files that were written for a refused commit are not used again: they may
    have been swept.
    """
    for _ in range(_TRIES):
        check_lease(where)
        try:
            made = change()
        except Refused as error:
            _LOG.info("a commit to %s was refused: %s", where, error)
        else:
            # The commit was by address, and not by this handle.
            handle.checkout_latest()
            return made
    raise LockedError(
        f"Other processes write to {where} all the time: {_TRIES} commits in a row were refused.",
        "Stop them, or wait until they are done; then run the same command again.",
    )


def _latest(handle: Any) -> Any:
    handle.checkout_latest()
    return handle.to_lance(metadata_cache_size_bytes=_CACHE_BYTES, index_cache_size_bytes=_CACHE_BYTES)


def _having(rows: pa.Table, key: str = "id") -> str:
    return isin(key, rows.column(key).to_pylist())


def _has_foreign_ids(data: Any, known: int, tokens: set[str]) -> bool:
    """Return whether others may have added ids after a version."""
    return any(_adds_foreign_ids(data, version, tokens) for version in range(known + 1, data.version + 1))


def _adds_foreign_ids(data: Any, version: int, tokens: set[str]) -> bool:
    try:
        transaction = data.read_transaction(version)
        if transaction is not None:
            if (transaction.transaction_properties or {}).get(TOKEN) in tokens:
                return False
            if type(transaction.operation).__name__ in _NO_IDS:
                return False
        # Whole, not by number: a restored version may have the same fragments with fewer rows deleted.
        before, after = (
            {
                fragment.fragment_id: fragment.metadata.to_json()
                for fragment in data.checkout_version(one).get_fragments()
            }
            for one in (version - 1, version)
        )
    except UNREADABLE:
        return True  # it was cleaned up
    return any(before.get(number) != fragment for number, fragment in after.items())


def _without(data: Any, addresses: Sequence[int]) -> tuple[list[Any], list[int]]:
    """Return the metadata of fragments without some of their rows, and the numbers of those left without any."""
    offsets: dict[int, list[int]] = defaultdict(list)
    for address in addresses:
        offsets[address >> 32].append(address & 0xFFFFFFFF)
    changed, gone = [], []
    for number, rows in offsets.items():
        rest = data.get_fragment(number).delete_rows(rows)
        if rest is None:
            gone.append(number)
        else:
            changed.append(rest)
    return changed, gone


def _written(data: Any, rows: pa.Table | None) -> list[Any]:
    from lance.fragment import write_fragments

    # They keep the number 0: Lance gives them fresh ones, which no index has ever covered.
    return [] if rows is None or not len(rows) else list(write_fragments(rows, data, mode="append"))


def _merged(data: Any, changed: Sequence[Any], rows: pa.Table | None, tokens: set[str]) -> int:
    return _with(data, changed, _written(data, rows), tokens)


def _with(data: Any, changed: Sequence[Any], pieces: list[Any], tokens: set[str]) -> int:
    from lance import LanceOperation

    instead = {fragment.id: fragment for fragment in changed}
    # The old ones first and with their deletion files, else deleted rows would come back.
    old = [instead.get(one.fragment_id, one.metadata) for one in data.get_fragments()]
    return committed(data, LanceOperation.Merge(old + pieces, data.lance_schema), tokens)


def _replaced(data: Any, gone: list[int], changed: list[Any], rows: pa.Table, tokens: set[str]) -> int:
    from lance import LanceOperation

    return committed(data, LanceOperation.Update(gone, changed, _written(data, rows)), tokens)

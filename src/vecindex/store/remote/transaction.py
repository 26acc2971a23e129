"""One commit to a table in object storage, made of a version or not at all; and whether it was made."""

from __future__ import annotations

import uuid
from typing import Any

from vecindex.errors import LOOK_CLOSER, CorruptError
from vecindex.masks import masked
from vecindex.store.faults import is_conflict

TOKEN = "vecindex:commit"
"""The property of a transaction by which its writer knows it, also when the answer to the commit was lost."""
UNREADABLE = (OSError, ValueError, RuntimeError)
"""What Lance raises for a version that was cleaned up."""


class Refused(Exception):
    """Another commit came between."""


def committed(data: Any, operation: Any, tokens: set[str]) -> int:
    """Commit what was made of a version; return the new one, and keep its token.

    Raises Refused where another commit came between.
    """
    from lance import LanceDataset
    from lance.commit import CommitConflictError
    from lance.dataset import Transaction

    token, read = uuid.uuid4().hex, data.version
    tokens.add(token)
    transaction = Transaction(read_version=read, operation=operation, transaction_properties={TOKEN: token})
    try:
        # By its address: a commit through an open dataset may take what that one knows for the latest.
        made = int(LanceDataset.commit(data.uri, transaction, max_retries=0).version)
    except (CommitConflictError, OSError, RuntimeError, ValueError) as error:
        found = _found(data, read, token)
        if found is None:
            if isinstance(error, CommitConflictError) or is_conflict(error) or _is_cleaned_up(error):
                raise Refused(str(error)[:200]) from error
            raise
        made = found
    _check_between(data, read, made)
    return made


def _is_cleaned_up(error: Exception) -> bool:
    """Return whether a commit failed since the version it was made of, or one after it, is there no longer."""
    said = str(error).lower()
    return "not found" in said and ("/_versions/" in said or "/_transactions/" in said)


def _found(data: Any, read: int, token: str) -> int | None:
    """Return the version that a commit made although its answer was lost; None where it made none.

    None too where that was cleaned up since: then the commit is tried again, and finds its rows there.
    """
    data.checkout_latest()
    for version in range(read + 1, data.version + 1):
        try:
            transaction = data.read_transaction(version)
        except UNREADABLE:
            continue
        if transaction is not None and (transaction.transaction_properties or {}).get(TOKEN) == token:
            return version
    return None


def _check_between(data: Any, read: int, made: int) -> None:
    """Make sure that nothing but harmless commits lie between the version that was read and the one made of it.

    Lance takes versions that were cleaned up for none. So a process that was paused in the middle of a commit may
    bring deleted rows back: its commit is undone, unless others have gone on from it.
    """
    import lance
    from lance import LanceDataset, LanceOperation

    if read + 1 == made:
        return
    latest = lance.dataset(data.uri)
    if _same(latest, read, made - 1):
        return
    if latest.version != made:
        raise CorruptError(
            f"Another process wrote to {masked(data.uri)} while this one was paused in a commit: deleted rows may be "
            "back.",
            LOOK_CLOSER,
        )
    LanceDataset.commit(data.uri, LanceOperation.Restore(made - 1), read_version=made, max_retries=0)
    raise Refused("versions were cleaned up in between")


def _same(data: Any, *versions: int) -> bool:
    """Return whether two versions have the same rows in the same files, and the same columns."""
    try:
        one, other = (data.checkout_version(version) for version in versions)
        pieces = [[fragment.metadata.to_json() for fragment in each.get_fragments()] for each in (one, other)]
    except UNREADABLE:
        return False  # one of them was cleaned up
    return pieces[0] == pieces[1] and bool(one.schema.equals(other.schema))

"""Whether a store enforces conditional writes, without which two writers would lose each other's rows."""

from __future__ import annotations

import uuid
from contextlib import suppress

from vecindex.errors import StoreError
from vecindex.objects.requests import ConditionsUnknown, Objects, Version

_enforced: set[str] = set()
"""The databases whose stores this process has found to enforce them."""


def check_conditional_writes(objects: Objects) -> None:
    """Raise StoreError unless the store refuses to create what is there, and to replace another version of it.

    Each database is asked once in a process, by an object of its own that is removed again.
    """
    if objects.uri in _enforced:
        return
    name = f".vecindex.probe-{uuid.uuid4().hex}"
    try:
        enforced = _is_enforced(objects, name)
    except ConditionsUnknown:
        enforced = False
    finally:
        with suppress(StoreError):
            objects.remove([name])
    if not enforced:
        raise StoreError(
            f"{objects.uri}: this store does not enforce conditional writes (If-None-Match, If-Match), so that rows "
            "of two writers would be lost or doubled. Nothing was written.",
            "Use a store that does (Amazon S3, Google Cloud Storage, Azure Blob Storage and most that speak their "
            "protocols) or a local disk; a proxy in between must pass these headers on.",
        )
    _enforced.add(objects.uri)


def _is_enforced(objects: Objects, name: str) -> bool:
    made = _written(objects, name, b"1", objects.create(name, b"1"))
    if made is None or objects.create(name, b"2") is not None:
        return False
    # The first replaces the version that is there, the second one that is there no longer.
    replaced = _written(objects, name, b"3", objects.replace(name, b"3", made))
    return replaced is not None and objects.replace(name, b"4", made) is None


def _written(objects: Objects, name: str, content: bytes, version: Version | None) -> Version | None:
    """Return the version of what was written; where that was refused, look: it may be there, and the answer lost.

    The client asks again after an answer that was lost, and what it asks for is then there already.
    """
    if version is not None:
        return version
    found = objects.read(name)
    return found[1] if found is not None and found[0] == content else None

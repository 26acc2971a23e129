"""Data files in object storage that no version of a table names: what killed writers left."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from vecindex.objects.requests import Listed, Objects
from vecindex.store.remote.commits import fence
from vecindex.store.remote.lease import CLOCK

_FOLDERS = ("data", "_deletions")


def objects_of(where: str) -> tuple[Objects, str]:
    """Return the objects of a table's database, and the table's folder among them."""
    database, _, name = where.rpartition("/")
    return Objects(database), f"{name}.lance"


def orphans(handle: Any, where: str, older_than: timedelta = timedelta(0)) -> list[Listed]:
    """Return the files that no version names, and that were written so long ago by the store's clock.

    One that is younger may be of a commit in the making, of whichever writer.
    """
    objects, folder = objects_of(where)
    until = None
    if older_than:
        until = objects.write(CLOCK, uuid.uuid4().hex.encode()) - older_than
    found = [one for kind in _FOLDERS for one in objects.listed(f"{folder}/{kind}/")]
    found = [one for one in found if until is None or one.modified <= until]
    # Named by the newest version are most of them; the older ones are read where others are left.
    left = _unnamed(found, folder, [handle.to_lance()])
    return _unnamed(left, folder, _versions(handle)) if left else []


def sweep_orphans(handle: Any, where: str, older_than: timedelta) -> tuple[int, int]:
    """Remove such files; return how many, and their bytes. The caller holds the lease.

    A writer that was paused in the middle of a commit may still name them. So a commit that refuses any such one
    comes first, and what is named after it stays.
    """
    found = orphans(handle, where, older_than)
    if not found:
        return 0, 0
    fence(handle, where)
    objects, folder = objects_of(where)
    found = _unnamed(found, folder, _versions(handle))
    objects.remove([one.name for one in found])
    return len(found), sum(one.size for one in found)


def missing_of(handle: Any, where: str, versions: Sequence[int]) -> dict[int, int]:
    """Return how many files each of some versions names that are not there; those that lack none are left out."""
    objects, folder = objects_of(where)
    there = {one.name for kind in _FOLDERS for one in objects.listed(f"{folder}/{kind}/")}
    data = handle.to_lance()
    lacking = {version: len(_names(data.checkout_version(version), folder) - there) for version in versions}
    return {version: count for version, count in lacking.items() if count}


def _versions(handle: Any) -> list[Any]:
    handle.checkout_latest()
    data = handle.to_lance()
    return [data.checkout_version(int(one["version"])) for one in data.versions()]


def _unnamed(files: Sequence[Listed], folder: str, versions: Sequence[Any]) -> list[Listed]:
    named: set[str] = set()
    for data in versions:
        named |= _names(data, folder)
    return [one for one in files if one.name not in named]


def _names(data: Any, folder: str) -> set[str]:
    pieces = [fragment.metadata for fragment in data.get_fragments()]
    names = {f"{folder}/data/{file.path}" for piece in pieces for file in piece.files}
    return names | {f"{folder}/{piece.deletion_file.path(piece.id)}" for piece in pieces if piece.deletion_file}

"""The files that say which versions a table has, and which of them a tag names.

Lance lists all of them or, where one cannot be read, none. Here each is read by itself.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from vecindex.errors import CorruptError
from vecindex.files import local_folder
from vecindex.store.faults import check_readable, read_twice, reading
from vecindex.store.local import import_lance

# Lance names a manifest by 2^64 - 1 - version, in 20 digits, so that the newest comes first in a listing.
_NEWEST_FIRST = 2**64 - 1
_REVERSED_DIGITS = 20
_SET_ASIDE = "_set_aside"
_HINT = "latest_version_hint.json"


def table_folder(database: Path, name: str) -> Path:
    """Return the folder that holds a table."""
    return database / f"{name}.lance"


def folder_of(where: str) -> Path | None:
    """Return the folder of a table that messages name so, None for a remote one."""
    folder = local_folder(where)
    return None if folder is None else table_folder(folder.parent, folder.name)


def set_aside(folder: Path, files: Sequence[Path]) -> Path:
    """Move files of a table where Lance does not look, and return the folder that they are in now."""
    for path in files:
        path.rename(path_aside(folder, path.name))
    return folder / _SET_ASIDE


def path_aside(folder: Path, name: str) -> Path:
    """Return a path for a file that is set aside, which no other one has."""
    target = folder / _SET_ASIDE
    target.mkdir(exist_ok=True)
    path, number = target / name, 1
    while path.exists():
        path, number = target / f"{name}.{number}", number + 1
    return path


# -- manifests --------------------------------------------------------------------------------------------


def manifests(folder: Path) -> dict[int, Path]:
    """Return the manifest of each version, in order."""
    found = {}
    for path in (folder / "_versions").glob("*.manifest"):
        if path.stem.isdigit():
            number = int(path.stem)
            found[_NEWEST_FIRST - number if len(path.stem) == _REVERSED_DIGITS else number] = path
    return dict(sorted(found.items()))


def open_version(folder: Path, version: int) -> Any:
    """Return a version as a Lance dataset. Raises CorruptError or UnavailableError."""
    with reading(f"version {version}"):
        dataset = import_lance().dataset(str(folder), version=version)
        dataset.count_rows()
        # Zeros, as a power loss leaves them, read as a table without columns.
        if not dataset.schema.names:
            raise CorruptError(f"version {version}: no columns")
        return dataset


def broken_manifests(folder: Path) -> tuple[list[tuple[int, Path]], int | None]:
    """Return the (version, file) of each manifest that is damaged, and the newest version that is not.

    Raises UnavailableError where one cannot be read now.
    """
    broken: list[tuple[int, Path]] = []
    newest = None
    for version, path in manifests(folder).items():
        try:
            read_twice(partial(open_version, folder, version))
        except CorruptError:
            if check_readable(path):  # else a clean-up removed it meanwhile
                broken.append((version, path))
        else:
            newest = version
    return broken, newest


def versions_one_by_one(folder: Path) -> dict[int, tuple[int, dt.datetime]]:
    """Return the (rows, time of the commit in UTC) of each version that can be read."""
    found = {}
    for version, path in manifests(folder).items():
        try:
            rows = int(open_version(folder, version).count_rows())
        except CorruptError:
            continue
        found[version] = rows, dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
    return found


def lost_newest(folder: Path, readable: int | None = None) -> tuple[int, Path] | None:
    """Return the number of the last version committed, and the file that says it, where its manifest is gone.

    `readable` is the newest version, where it is not that of the newest manifest.
    """
    path = folder / "_versions" / _HINT
    try:
        said = json.loads(path.read_bytes())["version"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # it only helps to open quickly, and may be missing
    newest = max(manifests(folder), default=None) if readable is None else readable
    return (said, path) if newest is not None and isinstance(said, int) and said > newest else None


# -- tags -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TagFile:
    """A tag's file, the version that it names and the bytes of that version's manifest; None where it is torn."""

    path: Path
    version: int | None
    manifest_bytes: int | None


def tag_files(folder: Path) -> dict[str, TagFile]:
    """Return what the file of each tag says, by the tag's name."""
    return {path.stem: _tag_file(path) for path in sorted((folder / "_refs" / "tags").glob("*.json"))}


def _tag_file(path: Path) -> TagFile:
    torn = TagFile(path, None, None)
    try:
        with reading(path.name):
            made = json.loads(path.read_bytes())
    except CorruptError:
        return torn
    if not isinstance(made, dict):
        return torn
    version, size = made.get("version"), made.get("manifestSize")
    return TagFile(path, version, size) if isinstance(version, int) and isinstance(size, int) else torn


def torn_tags(folder: Path | None) -> dict[str, Path]:
    """Return the files of the tags that cannot be read, by the tags' names."""
    if folder is None:
        return {}
    return {name: file.path for name, file in tag_files(folder).items() if file.version is None}

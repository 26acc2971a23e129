"""Finds the files that an argument stands for: a path, a glob, a folder, or a URL of any of these.

Files come sorted by path; hidden ones (a name that begins with a dot) are passed over unless named.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path

from vecindex.errors import SourceError
from vecindex.files import is_there
from vecindex.masks import masked
from vecindex.sources.archives import Archive, is_archive
from vecindex.sources.files import InputFile, filesystem_of, is_url, like_it, not_listed
from vecindex.sources.unpack import MAX_RATIO

_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder, or a zip archive, listed again at each call of `files`."""

    location: str
    max_ratio: int = MAX_RATIO
    """Of its files; see `InputFile`."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return masked(self.location)

    def files(self) -> Iterator[tuple[str, InputFile]]:
        """Yield (path inside the folder with forward slashes, file), at any depth.

        Raises SourceError when the folder cannot be listed.
        """
        path = Path(self.location)
        if is_url(self.location):
            found = _remote_files(self.location)
        else:
            found = Archive(path).files() if is_archive(path) else _local_files(path, "")
        for inside, file in found:
            yield inside, replace(file, max_ratio=self.max_ratio)


def expand(argument: str, max_ratio: int = MAX_RATIO) -> list[InputFile | Folder]:
    """Return what an argument names. Raises SourceError when that is nothing."""
    return [replace(found, max_ratio=max_ratio) for found in _expanded(argument)]


def _expanded(argument: str) -> list[InputFile | Folder]:
    if is_url(argument):
        return _expand_url(argument)
    path = Path(argument)
    if is_there(path):
        return [Folder(argument) if path.is_dir() or is_archive(path) else InputFile(argument, argument)]
    found = _expand_glob(path) if _is_glob(argument) else []
    if not found:
        raise _nothing(argument)
    return found


def _nothing(argument: str) -> SourceError:
    if _is_glob(argument):
        return SourceError(f"{argument}: no file matches", "Check the pattern; ** stands for folders at any depth.")
    return SourceError(f"{argument}: no such file or folder", f"{like_it(argument)}Check the path.")


def _is_glob(argument: str) -> bool:
    return not _MAGIC.isdisjoint(argument)


def glob_base(argument: str) -> str:
    """Return the folder in front of a pattern's first wildcard."""
    return "/".join(takewhile(lambda part: not _is_glob(part), argument.split("/")))


def would_read(argument: str, folder: Path, files: Sequence[str]) -> bool:
    """Return whether a source takes in a folder with these files, by their paths inside it, once it is there."""
    path = Path(argument)
    if is_there(path):
        return path.is_dir() and folder.resolve().is_relative_to(path.resolve())
    if is_url(argument) or not _is_glob(argument):
        return False
    base, rest = _parted(path)
    if not folder.resolve().is_relative_to(base.resolve()):
        return False
    inside = folder.resolve().relative_to(base.resolve()).parts
    if _is_hidden(inside) and not _is_hidden(rest):
        return False
    if any(_matches([*inside, *file.split("/")], rest) for file in files):
        return True
    # Folders are read where a pattern matches no file.
    in_a_folder = any(_matches(inside[:depth], rest) for depth in range(1, len(inside) + 1))
    return in_a_folder and not any(isinstance(one, InputFile) for one in _expand_glob(path))


def _matches(parts: Sequence[str], pattern: Sequence[str]) -> bool:
    """Return whether a pattern stands for a path, both in parts.

    >>> _matches(["db", "a.lance"], ["**", "*"]), _matches(["db", "a.lance"], ["*.lance"])
    (True, False)
    """
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[at:], pattern[1:]) for at in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])


def _parted(pattern: Path) -> tuple[Path, list[str]]:
    """Return the folder in front of a pattern's first wildcard, and the parts from there on."""
    plain = list(pattern.parts)
    fixed = next(i for i, part in enumerate(plain) if _is_glob(part))
    # "**" by itself means folders only.
    return Path(*plain[:fixed]), plain[fixed:] + ["*"] * (plain[-1] == "**")


def _is_hidden(parts: Sequence[str]) -> bool:
    return any(part.startswith(".") for part in parts)


def _expand_glob(pattern: Path) -> list[InputFile | Folder]:
    base, rest = _parted(pattern)
    matches = sorted(
        path for path in base.glob("/".join(rest)) if _is_hidden(rest) or not _is_hidden(path.relative_to(base).parts)
    )
    files: list[InputFile | Folder] = [
        Folder(str(path)) if is_archive(path) else InputFile(str(path), str(path))
        for path in matches
        if path.is_file()
    ]
    # A pattern such as data/** matches folders and their files alike; taking both would read files twice.
    return files or [Folder(str(path)) for path in matches]


def _local_files(folder: Path, prefix: str) -> Iterator[tuple[str, InputFile]]:
    try:
        # With its slash, a folder sorts among the files as its paths do: "a.txt" before "a/b".
        entries = sorted((entry.name + "/" * entry.is_dir(), entry) for entry in folder.iterdir())
    except OSError as error:
        raise SourceError(
            f"{folder}: the folder cannot be listed: {error.strerror}", "Check its permissions."
        ) from error
    for name, entry in entries:
        if name.startswith("."):
            continue
        if is_archive(entry):
            yield from ((f"{prefix}{name}/{inside}", file) for inside, file in Archive(entry).files())
        elif not name.endswith("/"):
            yield prefix + name, InputFile(str(entry), str(entry))
        elif not entry.is_symlink():  # one could lead back up, without end
            yield from _local_files(entry, prefix + name)


def _expand_url(url: str) -> list[InputFile | Folder]:
    filesystem, path = filesystem_of(url)
    # In a web address ? and [ are ordinary, and a folder is just another page.
    if url.startswith(("http://", "https://")):
        return [InputFile(url, url)]
    try:
        if _is_glob(path):
            found: list[InputFile | Folder] = [
                InputFile(name, name)
                for name in map(filesystem.unstrip_protocol, sorted(filesystem.glob(path)))
                if not filesystem.isdir(name)
            ]
        elif filesystem.isdir(path):
            found = [Folder(url)]
        else:
            found = [InputFile(url, url)] if filesystem.exists(path) else []
    except Exception as error:  # each filesystem has its own errors
        raise not_listed(url, error) from error
    if not found:
        raise _nothing(url)
    return found


def _remote_files(url: str) -> Iterator[tuple[str, InputFile]]:
    filesystem, path = filesystem_of(url)
    try:
        names = sorted(filesystem.find(path))
    except Exception as error:  # each filesystem has its own errors
        raise not_listed(url, error) from error
    for name in names:
        inside = name.removeprefix(path.rstrip("/")).lstrip("/")
        if not any(part.startswith(".") for part in inside.split("/")):
            full = filesystem.unstrip_protocol(name)
            yield inside, InputFile(full, full)

"""Which files arguments stand for, and which of them are new or changed and written to their end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from vecindex.errors import ConfigError, SourceError
from vecindex.files import is_there
from vecindex.messages import text
from vecindex.sources.base import Source
from vecindex.sources.expand import Folder, expand, glob_base
from vecindex.sources.files import InputFile, is_url
from vecindex.sources.formats import format_of
from vecindex.sources.recognize import format_found

SETTLED_S = 1.0
"""A file that has not changed for so long is taken to be written to its end."""

Signature = tuple[int, int, int]
"""Size, time of the last change in nanoseconds, and number of a file: another one means another content."""


def folders_of(sources: Sequence[str]) -> list[Path]:
    """Return the folders in which something may happen to the sources.

    A file's own is one: a file that another one is renamed to is not the file that was there. Raises ConfigError for
    what cannot be watched, SourceError for a path that is not there.
    """
    folders = []
    for source in sources:
        if source == "-" or is_url(source):
            what = "Standard input" if source == "-" else source
            raise ConfigError(
                text(what, " cannot be watched: only files and folders of this machine can."),
                "Ingest it by a run of its own.",
            )
        path = Path(source)
        if path.is_dir():
            folder = path
        elif is_there(path):
            folder = path.parent
        else:
            base = glob_base(path.as_posix())
            folder = Path(base or ".") if base != path.as_posix() else path
        if not folder.is_dir():
            raise SourceError(f"{source}: no such file or folder", "Check the path, or make the folder first.")
        folders.append(folder)
    return folders


def signatures(sources: Sequence[str], format: str | None) -> dict[str, Signature]:
    """Return the files that the sources stand for now, by their names.

    Left out are files of a folder that have no known format, and empty ones: they are begun, or hold no rows.
    """
    found = dict[str, Signature]()
    for source in sources:
        try:
            for named in expand(source):
                files: Iterable[InputFile] = [named] if isinstance(named, InputFile) else ()
                if isinstance(named, Folder):
                    files = (file for _, file in named.files() if _is_meant(file, format))
                for file in files:
                    _sign(file, found)
        except SourceError:
            continue  # a pattern that matches nothing yet, a folder that has just gone
    return found


def _is_meant(file: InputFile, format: str | None) -> bool:
    # With a format, only extensions count; without one, a run also takes files that their first bytes make known.
    kind = format_found(file) if format is None else format_of(file.base_name)
    return kind is not None and format in (None, kind)


def _sign(file: InputFile, found: dict[str, Signature]) -> None:
    try:
        stat = (file.archive or Path(file.location)).stat()
    except OSError:
        return  # it has just gone
    if stat.st_size:
        found[file.name] = (stat.st_size, stat.st_mtime_ns, stat.st_ino)


def part_of(sources: Sequence[Source], names: set[str]) -> list[Source]:
    """Return the sources of these files: a file's own, or one that is read of many files together."""
    alone = [source for source in sources if source.name in names]
    if len({source.name for source in alone}) == len(names):
        return alone
    return [source for source in sources if source.name in names or not Path(source.name).is_file()]


@dataclass(slots=True)
class Changes:
    """What was ingested of each file, and since when the others are as they are."""

    done: dict[str, Signature] = field(default_factory=dict)
    _since: dict[str, tuple[Signature, float]] = field(default_factory=dict)

    def waiting(self, found: Mapping[str, Signature]) -> set[str]:
        """Return the names of files that are new or changed."""
        return {name for name, signature in found.items() if self.done.get(name) != signature}

    def settled(self, found: Mapping[str, Signature], now: float) -> dict[str, Signature]:
        """Return those of them that have not changed for a moment; `now` is in seconds since 1970."""
        waiting = self.waiting(found)
        self._since = {name: self._since.get(name, (found[name], now)) for name in waiting}
        for name in waiting:
            if self._since[name][0] != found[name]:
                self._since[name] = (found[name], now)
        return {
            name: found[name]
            for name in found
            if name in waiting and now - min(self._since[name][1], found[name][1] / 1e9) >= SETTLED_S
        }

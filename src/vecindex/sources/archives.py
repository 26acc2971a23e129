"""Zip archives, read as the folder that they hold."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from vecindex.errors import SourceError
from vecindex.sources.files import InputFile

EXTENSION = ".zip"


def is_archive(path: Path) -> bool:
    """Return whether a path is that of a zip archive."""
    return path.suffix.lower() == EXTENSION and path.is_file()


@dataclass(frozen=True, slots=True)
class Archive:
    """The files in a local zip archive, sorted by their paths."""

    path: Path

    def files(self) -> Iterator[tuple[str, InputFile]]:
        """Yield (path inside the archive, file). Hidden files, and those that macOS adds, are passed over.

        Raises SourceError when it is no zip archive.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                entries = sorted((entry for entry in archive.infolist() if not entry.is_dir()), key=_name)
        except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
            raise SourceError(
                f"{self.path}: cannot be read as a zip archive: {error}", "Copy or download the archive again."
            ) from error
        for entry in entries:
            parts = entry.filename.split("/")
            if not any(part.startswith(".") or part == "__MACOSX" for part in parts):
                yield entry.filename, InputFile(f"{self.path}/{entry.filename}", entry.filename, archive=self.path)


def _name(entry: zipfile.ZipInfo) -> str:
    return entry.filename

"""Writing a whole file or none."""

from __future__ import annotations

from pathlib import Path

from vecindex.files import whole_file


def write_whole(path: str | Path, text: str, option: str) -> None:
    """Write a text as UTF-8 beside its place and put it there by a rename, so that no half file is ever seen.

    A file that was there is replaced and keeps its permissions; where a link leads stays.

    Raises ConfigError when it cannot be written; `option` is the one that names the file.
    """
    with whole_file(path, option) as stream:
        stream.write(text.encode())

"""Writing a whole file or none."""

from __future__ import annotations

from pathlib import Path

from vecindex.files import whole_file


def write_whole(path: str | Path, content: str | bytes) -> None:
    """Write bytes, or a text as UTF-8, next to the path and rename them into it: no half file is ever seen.

    A file that was there is replaced and keeps its permissions; where a link leads stays.

    Raises ConfigError when it cannot be written.
    """
    with whole_file(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)

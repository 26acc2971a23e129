"""Rows of plain values as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vecindex.files import is_there, not_written, write_whole


def write_rows(rows: Sequence[dict[str, Any]], path: str) -> None:
    """Write rows with a header of all their names, whole or not at all; a pipe or a device gets them at once.

    Raises ConfigError when the file cannot be written.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    written = io.StringIO(newline="")
    writer = csv.DictWriter(written, columns)
    writer.writeheader()
    writer.writerows(rows)
    if is_there(path) and not Path(path).is_file() and not Path(path).is_dir():
        try:
            Path(path).write_text(written.getvalue(), encoding="utf-8", newline="")
        except OSError as error:
            raise not_written(path, error) from error
    else:
        write_whole(path, written.getvalue())

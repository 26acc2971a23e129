"""Rows of plain values as CSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vecindex.files import not_written


def write_rows(rows: Sequence[dict[str, Any]], path: str) -> None:
    """Write rows with a header of all their names; raises ConfigError when the file cannot be written."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    try:
        with Path(path).open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, columns)
            writer.writeheader()
            writer.writerows(rows)
    except OSError as error:
        raise not_written(path, error) from error

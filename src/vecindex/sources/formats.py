"""Which format a file's name stands for."""

from __future__ import annotations

from pathlib import PurePosixPath

from vecindex.sources.files import COMPRESSIONS

EXTENSIONS = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".xml": "wiki",
    ".txt": "text",
    ".md": "text",
    ".pkl": "pickle",
    ".pickle": "pickle",
}

FORMATS = tuple(dict.fromkeys(EXTENSIONS.values()))


def format_of(base_name: str) -> str | None:
    """Return the format that a file's extension stands for, a compression's (.gz, ...) left aside."""
    path = PurePosixPath(base_name)
    if path.suffix.lower() in COMPRESSIONS:
        path = path.with_suffix("")
    return EXTENSIONS.get(path.suffix.lower())

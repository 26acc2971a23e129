"""A folder of a data set for retrieval, as BEIR lays it out: its questions and its judgments."""

from __future__ import annotations

import re
from pathlib import Path

from vecindex.errors import SourceError
from vecindex.sources.files import is_url
from vecindex.sources.layouts import first_words

QUESTION_FILES = ("queries", "questions", "topics", "query")
JUDGMENT_FILES = ("qrels", "qrel")
SPLITS = ("test", "dev", "validation", "valid", "val", "train")
"""Of several parts of a data set the first of these is judged."""
_EXTENSIONS = re.compile(r"\.(jsonl|ndjson|json|tsv|csv|txt|qrels?)(\.(gz|bz2|xz|zst))?$", re.IGNORECASE)


def files_in(folder: str | Path) -> tuple[str, str | None]:
    """Return a folder's file of questions and its file of judgments, None without one.

    Raises SourceError, naming what is there, where no file of questions is found.
    """
    root = Path(folder)
    try:
        names = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read: {error.strerror}.", "Name the files one by one.") from error
    names = [name for name in names if _EXTENSIONS.search(name) and not name.startswith(".")]
    judgments = [name for name in names if first_words(name) & set(JUDGMENT_FILES)]
    questions = [name for name in names if name not in judgments and first_words(name) & set(QUESTION_FILES)]
    if not questions:
        shown = ", ".join(names[:8]) or "no file of a known extension"
        raise SourceError(
            f"{folder}: found {shown}; expected queries.jsonl, and qrels/test.tsv next to it, as BEIR has them.",
            "Name the file of questions itself.",
        )
    chosen = min(judgments, key=_order, default=None)
    return str(root / min(questions, key=_order)), None if chosen is None else str(root / chosen)


def is_folder(questions: object) -> bool:
    """Return whether questions are given as a local folder."""
    return isinstance(questions, str | Path) and not is_url(str(questions)) and Path(questions).is_dir()


def _order(name: str) -> tuple[int, int, str]:
    """Return the key by which the file that is meant comes first: its part of the data set, then its depth."""
    words = re.split(r"[^a-z]+", name.lower())
    split = next((i for i, known in enumerate(SPLITS) if known in words), len(SPLITS))
    return split, name.count("/"), name

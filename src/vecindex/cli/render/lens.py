"""How a lens is reported when its picture is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vecindex.cli.layout import plain, prose
from vecindex.cli.output import size

if TYPE_CHECKING:
    from vecindex.files import Written
    from vecindex.verbs.lens.result import LensResult


def print_lens(result: LensResult, written: Written) -> None:
    """Print what the question was taken as, and what its lens keeps."""
    taken_as = {"text": "the text", "question": f"question {plain(result.id or '')}:", "article": "the article"}
    articles = f"{len(result.articles):,} article{'' if len(result.articles) == 1 else 's'}"
    what = f"{taken_as[result.kind]} {plain(result.name)!r}"
    prose(
        f"lens of {what}, {articles} of table {result.table}; {result.summary}",
        f"{written.path} ({size(written.bytes)}): ",
    )

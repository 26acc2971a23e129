"""The whole articles of a table of chunks, put together of their chunks and proven by the hash that each keeps."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice, pairwise, product
from typing import Any

from vecindex.core.identity import content_hash, id_digest, same_text
from vecindex.errors import SourceError
from vecindex.messages import counted
from vecindex.sources.articles import Article, to_article
from vecindex.sources.base import Record, excerpt
from vecindex.sources.fieldmap import resolve_fields
from vecindex.store.articles import ArticleTable
from vecindex.types import Rejected
from vecindex.verbs.tables.rows import names_of

LOST = "whole text is not in the table: its chunks do not give it back; ingest it from its source"
"""Why an article is rejected whose chunks cannot be put together."""

_MOST_OVERLAPS = 6
"""Ways to join two chunks that are tried: texts that repeat themselves overlap in several."""
_MOST_TEXTS = 1_000
# Between chunks that share nothing, and at the ends, blanks belong to no chunk in tables of earlier versions.
_BETWEEN = ("", " ", "\n", "\n\n")
_BEFORE = ("", "\n", " ")
_AFTER = ("", "\n", " ", "\n\n")


@dataclass(frozen=True, slots=True)
class WholeArticles:
    """The articles of a table of chunks as rows, each once; what cannot be put together is a `Rejected`.

    Read twice: the first pass counts the chunks of each article, so that the second one keeps in memory only those
    whose chunks do not stand together.
    """

    table: ArticleTable

    def __iter__(self) -> Iterator[dict[str, Any] | Rejected]:
        """Yield the rows in the order in which their last chunks stand in the table."""
        left = Counter[bytes]()
        for batch in self.table.scan(["article_id"]):
            left.update(map(id_digest, batch.column(0).to_pylist()))
        waiting: dict[str, list[dict[str, Any]]] = {}
        names = names_of(self.table)
        made = self.table.fingerprint
        assert made.chunking is not None, "other tables hold whole articles"
        overlap = min(made.chunking.overlap, made.chunking.tokens // 2)
        for batch in self.table.stream(["article_id", "chunk", "content_hash", "title", "text", *names]):
            for row in batch.to_pylist():
                article_id = row["article_id"]
                waiting.setdefault(article_id, []).append(row)
                left[key := id_digest(article_id)] -= 1
                if not left[key]:
                    del left[key]
                    chunks = sorted(waiting.pop(article_id), key=lambda one: int(one["chunk"]))
                    yield _whole(article_id, chunks, names, made.text_template, overlap)

    @property
    def num_rows(self) -> int:
        """The number of articles."""
        return self.table.count("chunk = 0")


def same_cut(one: ArticleTable, other: ArticleTable) -> bool:
    """Return whether two tables of chunks have the same chunks, by their ids and texts."""
    return _digest(one) == _digest(other)


def _digest(table: ArticleTable) -> int:
    total = 0
    for batch in table.scan(["id", "text"]):
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            # The sum does not depend on the order of the rows.
            total += int.from_bytes(hashlib.blake2b("\0".join(row).encode(), digest_size=8).digest())
    return total


def _whole(
    article_id: str,
    chunks: Sequence[Mapping[str, Any]],
    names: Mapping[str, str],
    template: str | None,
    overlap: int,
) -> dict[str, Any] | Rejected:
    first = chunks[0]
    fields = {names[column]: first[column] for column in names} | {"id": article_id, "title": first["title"]}
    for candidate in islice(_texts([str(chunk["text"]) for chunk in chunks], overlap), _MOST_TEXTS):
        row = {**fields, "text": candidate}
        read = _as_read(row, template)
        if read is not None and same_text(content_hash(read, None, "", {}), first["content_hash"]):
            return row
    return Rejected(f"{article_id} in {counted(len(chunks), 'chunk')}", LOST, article_id, excerpt(first["text"]))


def _as_read(row: Mapping[str, Any], template: str | None) -> str | None:
    """Return what the model reads of an article, None where the row is none."""
    try:
        found = resolve_fields(row, id_field="id", text_field="text", title_field="title", text_template=template)
    except SourceError:
        return None
    made = to_article(Record("", row), found)
    return made.embed_text if isinstance(made, Article) else None


def _texts(chunks: Sequence[str], overlap: int) -> Iterator[str]:
    """Yield the texts that may have been cut into these chunks, the likeliest first.

    >>> next(_texts(["one two three", "two three four"], overlap=2))
    'one two three four'
    """
    joints = [_joints(before, after, overlap) for before, after in pairwise(chunks)]
    alike = max(map(len, joints), default=1)
    plain = [[ways[min(i, len(ways) - 1)] for ways in joints] for i in range(alike)]
    for ways in plain:
        for before, after in product(_BEFORE, _AFTER):
            yield before + _joined(chunks, ways) + after
    for ways in plain:
        # Few chunks repeat themselves, so one joint or two are others than the rest.
        for n in (1, 2):
            for changed in combinations(range(len(joints)), n):
                for others in product(*(joints[i] for i in changed)):
                    yield _joined(chunks, [*_replaced(ways, dict(zip(changed, others, strict=True)))])


def _joints(before: str, after: str, overlap: int) -> list[tuple[int, str]]:
    """Return how a chunk may follow another: how many of its characters both share, and what stands between them."""
    if not overlap:
        return [(0, between) for between in _BETWEEN]
    # A token has a character at least. A text that repeats itself seems to overlap in more.
    longest = min(len(before), len(after))
    shared = (n for n in range(overlap, longest + 1) if before.endswith(after[:n]))
    return [(n, "") for n in islice(shared, _MOST_OVERLAPS)] or [(0, "")]


def _replaced(ways: Sequence[tuple[int, str]], others: Mapping[int, tuple[int, str]]) -> Iterator[tuple[int, str]]:
    return (others.get(i, way) for i, way in enumerate(ways))


def _joined(chunks: Sequence[str], ways: Sequence[tuple[int, str]]) -> str:
    parts = [chunks[0]]
    for chunk, (shared, between) in zip(chunks[1:], ways, strict=True):
        parts += [between, chunk[shared:]]
    return "".join(parts)

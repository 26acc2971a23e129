"""Keys and hashes of rows, which show what the table has as it is: by columns, so that no article is made of them.

Rows of sources that read them one by one are gathered into blocks. They are parsed as ever; all that follows is
spared.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from vecindex.core.identity import content_digests, content_hash
from vecindex.errors import SourceError
from vecindex.sources.articles import MAX_ID_CHARS, Article, to_article
from vecindex.sources.base import Block, Gathered, Item, Record, Unparsed, simple_kinds
from vecindex.sources.fieldmap import FieldMap
from vecindex.verbs.ingest.known.registry import Registry, id_keys

Flags = npt.NDArray[np.bool_]
_GATHERED_ROWS, _GATHERED_CHARS, _GATHERED_S, _FEWEST_GATHERED = 1_000, 4 << 20, 1.0, 8


@dataclass(frozen=True, slots=True)
class Digests:
    """The keys and content hashes of rows.

    Attributes
    ----------
    fit : which rows have them, (rows,); the others may be at fault, or have an id that is among these rows twice.
    keys, hashes : of those, (n, 16) as bytes.
    """

    fit: Flags
    keys: npt.NDArray[np.uint8]
    hashes: npt.NDArray[np.uint8]

    @classmethod
    def none(cls, rows: int) -> Digests:
        """Return those of rows that may all be at fault."""
        nothing = np.empty((0, 16), dtype=np.uint8)
        return cls(np.zeros(rows, dtype=bool), nothing, nothing)

    def met(self, registry: Registry) -> Flags:
        """Note that the run has met those of the rows that are unchanged; return which these are, (rows,)."""
        found = np.zeros(len(self.fit), dtype=bool)
        found[np.flatnonzero(self.fit)[registry.meet_unchanged(self.keys, self.hashes)]] = True
        return found


def gathered(items: Iterable[Item | Block | Unparsed]) -> Iterator[Item | Block | Unparsed]:
    """Yield rows in their order, those that follow each other with the same fields as blocks.

    Rows with other values than texts, numbers and truth values stay single, and so do few rows. Where rows come
    slowly, they are handed on after a second, with the next one. What a source raises is raised after the rows before
    it.
    """
    rows: list[Record] = []
    names: tuple[str, ...] = ()
    size, since = 0, 0.0
    try:
        for item in items:
            if not isinstance(item, Record):
                yield from _as_block(rows, names)
                rows, size = [], 0
                yield item
                continue
            fields = item.fields
            if rows and (
                len(rows) >= _GATHERED_ROWS
                or size >= _GATHERED_CHARS
                or tuple(fields) != names
                or time.monotonic() - since > _GATHERED_S
            ):
                yield from _as_block(rows, names)
                rows, size = [], 0
            if not rows:
                names, since = tuple(fields), time.monotonic()
            rows.append(item)
            size += sum([len(value) for value in fields.values() if type(value) is str])
    except SourceError:
        yield from _as_block(rows, names)
        raise
    yield from _as_block(rows, names)


def _as_block(rows: list[Record], names: Sequence[str]) -> Sequence[Record | Block]:
    """Return rows with these fields as one block; as they are where their values are no simple ones."""
    if len(rows) < _FEWEST_GATHERED:
        return rows
    columns = {name: [row.fields[name] for row in rows] for name in names}
    kinds = simple_kinds(columns)
    return [Gathered("", 0, len(rows), columns, kinds, rows)] if len(kinds) == len(columns) else rows


def digests_of(rows: Iterable[Item | Block], fields: FieldMap) -> list[Digests] | None:
    """Return the digests of rows, part by part; None where something among them is no record."""
    found: list[Digests] = []
    single: list[Record] = []
    for item in gathered(rows):
        if isinstance(item, Record):
            single.append(item)
            continue
        if not isinstance(item, Block):
            return None
        if single:
            found.append(_digests_of_records(single, fields))
            single = []
        found.append(block_digests(item, fields))
    return [*found, _digests_of_records(single, fields)] if single else found


def _digests_of_records(rows: Sequence[Record], fields: FieldMap) -> Digests:
    made = [to_article(row, fields) for row in rows]
    times = Counter(article.id for article in made)
    good = [article for article in made if isinstance(article, Article) and times[article.id] == 1]
    fit = np.array([isinstance(article, Article) and times[article.id] == 1 for article in made])
    digests = b"".join(bytes.fromhex(article_hash(article).replace(":", "")) for article in good)
    hashes = np.frombuffer(digests, dtype=np.uint8).reshape(-1, 16)
    return Digests(fit, id_keys([article.id for article in good]), hashes)


def article_hash(article: Article) -> str:
    """Return the content hash of an article."""
    vector = b"" if article.vector is None else article.vector.tobytes()
    return content_hash(article.embed_text, article.title, article.text, article.extra, vector)


def block_digests(block: Block, fields: FieldMap) -> Digests:
    """Return the digests of the rows of a block.

    Rows that are more than an id, a text and simple values next to them are left to `to_article`, which says what is
    wrong with them, and so are those whose id is in the block twice.
    """
    if not _is_simple(block, fields):
        return Digests.none(block.rows)
    ids, texts = _texts(block, fields.id), _texts(block, fields.text)
    fit = _fit(ids, texts)
    matrix = None
    if fields.vector is not None:
        matrix = _float32(block.columns[fields.vector])
        fit &= np.isfinite(matrix).all(axis=1) & matrix.any(axis=1)
    if not fit.any():
        return Digests.none(block.rows)

    def some(values: Iterable[Any]) -> list[Any]:
        return list(values if fit.all() else compress(values, fit))

    kept_ids, kept_texts = some(ids), some(texts)
    titles = some(
        repeat(None, block.rows)
        if fields.title is None
        else block.columns.get(fields.title, repeat(None, block.rows))
    )
    read: Iterable[str] = kept_texts
    if fields.parts:
        columns = [repeat("") if name is None else some(_texts(block, name)) for _, name in fields.parts]
        form = "".join(literal.replace("{", "{{").replace("}", "}}") + "{}" for literal, _ in fields.parts)
        read = map(form.format, *columns)
    extra = {name: some(column) for name, column in block.columns.items() if fields.keeps(name)}
    try:
        digests = content_digests(read, titles, kept_texts, extra, None if matrix is None else matrix[fit])
    except UnicodeEncodeError:
        # JSON can write what is no character: such a row is to be rejected.
        return Digests.none(block.rows)
    hashes = np.frombuffer(digests, dtype=np.uint8).reshape(len(kept_ids), -1)
    return Digests(fit, id_keys(kept_ids), hashes)


def _is_simple(block: Block, fields: FieldMap) -> bool:
    """Return whether `to_article` takes the columns as they are, but for a value here and there."""
    kinds = block.kinds
    if fields.id is None or fields.text is None:
        return False
    named = [name for _, name in fields.parts if name is not None]
    if kinds.get(fields.id) not in (str, int) or kinds.get(fields.text) is not str:
        return False
    if any(kinds.get(name) not in (str, int) for name in named if name in block.columns):
        return False
    # What the template makes of a text is not empty where the text is not.
    if named and fields.text not in named:
        return False
    if fields.title in block.columns and kinds.get(fields.title or "") is not str:
        return False
    if fields.vector is not None:
        column = block.columns.get(fields.vector)
        if not isinstance(column, np.ndarray) or column.ndim != 2 or column.dtype.kind not in "fiu":
            return False
    return all(name in kinds for name in block.columns if fields.keeps(name))


def _texts(block: Block, name: str | None) -> Sequence[str]:
    """Return a column of texts or whole numbers as texts; missing values are empty."""
    column = block.columns.get(name or "")
    if column is None:
        return [""] * block.rows
    if block.kinds[name or ""] is int:
        return ["" if value is None else str(value) for value in column]
    return [value or "" for value in column] if None in column else column


def _fit(ids: Sequence[str], texts: Sequence[str]) -> Flags:
    """Return which rows have an id of their own and a text, (rows,)."""
    blank = str.isspace
    found: Flags = np.fromiter(map(bool, texts), bool, len(texts)) & ~np.fromiter(map(blank, texts), bool, len(texts))
    found &= np.fromiter(map(bool, ids), bool, len(ids)) & ~np.fromiter(map(blank, ids), bool, len(ids))
    if max(map(len, ids)) > MAX_ID_CHARS:
        found &= [len(one) <= MAX_ID_CHARS for one in ids]
    if len(set(ids)) < len(ids):
        times = Counter(ids)
        found &= [times[one] == 1 for one in ids]
    return found


def _float32(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    with np.errstate(over="ignore"):  # becomes infinite, which is refused
        return np.ascontiguousarray(vectors, dtype=np.float32)

"""Titles, ids and beginnings of texts of the articles on a map, and how long these may be for a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from vecindex.core.neighbors import NO_ROW, Rows
from vecindex.core.picture import I32, MapPicture
from vecindex.reports.map.payload import packed_bytes, payload

if TYPE_CHECKING:
    import pyarrow as pa

# White space and a title may stand before what is wanted.
_READ_MORE = 400
_SAMPLE = 10_000
_STEP = 10
_SHORTEST = 20
# Code, style and what stands about them.
_FRAME_BYTES = 400_000
# A sample packs a little worse or better than the whole.
_MARGIN = 0.97
# Sections whose size is not that of a sample.
_WHOLE = ("color:", "positions:", "lenses", "neighbors")
# Characters of a snippet that neighbors leave room for.
_KEPT = 60


class TextReader:
    """Reads them in parts; of each text no more than its beginning is kept.

    Attributes
    ----------
    ids, titles, snippets : "" where there is none.
    beginnings : longer ones of the first `named` articles, whose words the names of topics come from.
    """

    def __init__(self, shown: int, length: int, named: int) -> None:
        """Take how many articles are shown, and how many characters of each text are kept."""
        self._length = length
        self.ids = [""] * shown
        self.titles = [""] * shown
        self.snippets = [""] * shown
        self.beginnings = [""] * min(shown, named)

    def add(self, at: Rows, batch: pa.RecordBatch) -> None:
        """Take a batch with the columns id, title and text, and the articles' indices, NO_ROW for none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        some = np.flatnonzero(at != NO_ROW)
        rows = pa.array(some)
        begun = pc.utf8_slice_codeunits(batch.column("text").take(rows), 0, self._length + _READ_MORE)
        columns = (batch.column("id").take(rows), batch.column("title").take(rows), begun)
        for i, key, title, text in zip(at[some].tolist(), *(c.to_pylist() for c in columns), strict=True):
            self.ids[i] = key
            self.titles[i] = title or ""
            self.snippets[i] = beginning(title or "", text, self._length)
            if i < len(self.beginnings):
                self.beginnings[i] = text


def beginning(title: str, text: str, length: int) -> str:
    r"""Return the beginning of a text on one line, without the title if it begins with that; "" for length 0.

    >>> beginning("Cells", "Cells\n\nThe cell is the smallest unit of life.", 20)
    'The cell is the…'
    """
    if not length:
        return ""
    line = " ".join(text.split())
    name = " ".join(title.split())
    if name and line.startswith(name) and not line[len(name) : len(name) + 1].isalnum():
        rest = line[len(name) :].lstrip(" .:;,–—-")
        # A sentence that begins with the title needs it.
        line = rest if rest[:1].isupper() else line
    return cut(line, length)


def cut(line: str, length: int) -> str:
    """Return a line cut behind a word, with an ellipsis; no longer than `length`.

    >>> cut("the smallest unit", 14), cut("unbreakable", 6), cut("short", 9), cut("gone", 0)
    ('the smallest…', 'unbre…', 'short', '')
    """
    if len(line) <= length or not length:
        return line[:length]
    kept = line[: length - 1]
    space = kept.rfind(" ")
    if line[length - 1] != " " and space > length // 2:
        kept = kept[:space]
    return kept.rstrip(" .,;:–—-…") + "…"


def shortened(lines: Sequence[str], length: int) -> list[str]:
    """Return lines cut to a length."""
    return [cut(line.removesuffix("…"), length) if len(line) > length else line for line in lines]


def fitting_snippets(picture: MapPicture, length: int, most_bytes: int) -> tuple[Sequence[str], int]:
    """Return the snippets, shortened where a page would be larger than `most_bytes`, and their length in characters.

    Sizes are those of the first 10,000 articles, which are a fair sample, for so many times more. Below 20
    characters they are left out; nothing else is ever shortened.
    """
    m = len(picture)
    some = min(m, _SAMPLE)
    scale = m / some
    room = most_bytes * _MARGIN - _fixed_bytes(picture, scale, some)
    while length:
        if scale * packed_bytes(_json(shortened(picture.snippets[:some], length))) <= room:
            return shortened(picture.snippets, length), length
        length -= _STEP if length > _SHORTEST else length
    return [""] * m, 0


def _fixed_bytes(picture: MapPicture, scale: float, some: int) -> int:
    """Return how large a page is without snippets: titles and ids as of the first `some`, `scale` times."""
    none = [""] * len(picture)
    header, sections = payload(replace(picture, ids=none, titles=none, snippets=none))
    fixed = _FRAME_BYTES + len(json.dumps(header)) + packed_bytes(sections["points"])
    fixed += sum(packed_bytes(data) for name, data in sections.items() if name.startswith(_WHOLE))
    return fixed + sum(round(scale * packed_bytes(_json(texts[:some]))) for texts in (picture.titles, picture.ids))


def with_near(picture: MapPicture, near: I32 | None, most_bytes: int) -> MapPicture:
    """Return a picture with the neighbors of each article; fewer or none where a page would be too large.

    Room for half of the usual snippets is kept.
    """
    some = min(len(picture), _SAMPLE)
    while near is not None and near.size:
        made = replace(picture, near=near)
        scale = len(picture) / some
        snippets = scale * packed_bytes(_json(shortened(picture.snippets[:some], _KEPT)))
        if _fixed_bytes(made, scale, some) + snippets <= most_bytes * _MARGIN:
            return made
        near = near[:, : near.shape[1] // 2]
    return picture


def _json(texts: Sequence[str]) -> bytes:
    return json.dumps(list(texts), ensure_ascii=False).encode("utf-8", "replace")

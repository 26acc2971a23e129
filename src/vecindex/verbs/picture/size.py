"""How long the beginnings of texts may be for a page of bounded size."""

from __future__ import annotations

import json
from collections.abc import Sequence

from vecindex.core.picture import MapPicture
from vecindex.reports.map.payload import packed_bytes, payload
from vecindex.verbs.picture.texts import shortened

_SAMPLE = 10_000
_STEP = 10
_SHORTEST = 20
# Code, style and what stands about them.
_FRAME_BYTES = 400_000
# A sample packs a little worse or better than the whole.
_MARGIN = 0.97


def fitting_snippets(picture: MapPicture, length: int, most_bytes: int) -> tuple[Sequence[str], int]:
    """Return the snippets, shortened where a page would be larger than `most_bytes`, and their length in characters.

    Sizes are those of the first 10,000 articles, which are a fair sample, for so many times more. Below 20
    characters they are left out; nothing else is ever shortened.
    """
    m = len(picture)
    some = min(m, _SAMPLE)
    scale = m / some
    header, sections = payload(picture)
    fixed = _FRAME_BYTES + len(json.dumps(header)) + packed_bytes(sections["points"])
    fixed += sum(packed_bytes(data) for name, data in sections.items() if name.startswith("color:"))
    for texts in (picture.titles, picture.ids):
        fixed += round(scale * packed_bytes(_json(texts[:some])))
    room = most_bytes * _MARGIN - fixed
    while length:
        if scale * packed_bytes(_json(shortened(picture.snippets[:some], length))) <= room:
            return shortened(picture.snippets, length), length
        length -= _STEP if length > _SHORTEST else length
    return [""] * m, 0


def _json(texts: Sequence[str]) -> bytes:
    return json.dumps(list(texts), ensure_ascii=False).encode("utf-8", "replace")

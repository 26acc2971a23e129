"""A picture of a map as the viewer reads it: a header of plain values, and sections of bytes.

The same bytes are embedded in a page and served over HTTP. docs/map-page.md describes their format.
"""

from __future__ import annotations

import base64
import gzip
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vecindex.core.picture import Extent, MapPicture, PlacedQuestion, QuestionLens
from vecindex.reports.markup import Markup, clean, escaped, json_block
from vecindex.serialize import plain

FORMAT = 1
TEXTS = ("titles", "ids", "snippets")
_GZIP_LEVEL = 9

Header = dict[str, Any]
Sections = dict[str, bytes]


def payload(picture: MapPicture) -> tuple[Header, Sections]:
    """Return the header and the sections of a picture, in the order in which a viewer needs them.

    Points are little-endian uint16 pairs, colorings uint8 a row, the texts JSON arrays in UTF-8, the lenses those of
    the first questions, each of as many bytes. Every text is cleaned of characters that HTML cannot hold.
    """
    extent = picture.extent
    sections: Sections = {"points": extent.quantized(picture.xy).astype("<u2").tobytes()}
    sections |= {f"color:{c.key}": c.codes.astype(np.uint8).tobytes() for c in picture.colorings}
    sections |= {name: _texts(getattr(picture, name)) for name in TEXTS}
    lenses = [asked.lens for asked in picture.questions if asked.lens is not None]
    if lenses:
        sections["lenses"] = b"".join(_lens_bytes(lens) for lens in lenses)
    return _header(picture, extent, sections), sections


def _header(picture: MapPicture, extent: Extent, sections: Mapping[str, bytes]) -> Header:
    found: Header = {
        "format": FORMAT,
        "title": picture.title,
        "table": picture.table,
        "version": picture.version,
        "map": picture.map,
        "method": picture.method,
        "made": picture.made,
        "model": picture.model,
        "by": picture.by,
        "articles": picture.articles,
        "shown": len(picture),
        "outside": picture.articles - len(picture),
        "anchored": picture.anchored,
        "scores": plain(picture.scores),
        "extent": {"x": extent.x, "y": extent.y, "width": extent.width},
        "core": _core(picture, extent),
        "colorings": [c.to_dict() for c in picture.colorings],
        "topics": [{**plain(topic), **position(extent, topic.x, topic.y)} for topic in picture.topics],
        "questions_name": picture.questions_name,
        "questions": [_question(asked, extent) for asked in picture.questions],
        "k": picture.k,
        "sections": {name: {"bytes": len(data)} for name, data in sections.items()},
    }
    cleaned: Header = _cleaned(found)
    return cleaned


def _core(picture: MapPicture, extent: Extent) -> dict[str, float] | None:
    """Return the box that is shown first, in the steps of the section "points"; null where it is the whole map."""
    core = picture.core
    if core is None:
        return None
    (x0, y0), (x1, y1) = extent.steps(np.array([[core.x0, core.y0], [core.x1, core.y1]])).round(2).tolist()
    return {"x0": x0, "y0": y0, "x1": x1, "y1": y1, "beyond": core.beyond}


def _question(asked: PlacedQuestion, extent: Extent) -> dict[str, Any]:
    lens = asked.lens
    about = None if lens is None else _lens_about(lens)
    return {**plain(replace(asked, lens=None)), **position(extent, asked.x, asked.y), "lens": about}


def _lens_about(lens: QuestionLens) -> dict[str, Any]:
    """Return what the header holds of a lens; the section "lenses" holds the rest."""
    return {
        "articles": len(lens.rows),
        "near": lens.near.shape[1],
        "dist": [float(lens.dist[0]), float(lens.dist[-1])],
        "tied": lens.tied,
        "mutual_recall": lens.mutual_recall,
    }


def _lens_bytes(lens: QuestionLens) -> bytes:
    """Return rows as uint32 (4,294,967,295 off the map), positions as uint16 pairs, neighbors as uint8."""
    rows = lens.rows.astype("<i4").view("<u4")
    at = Extent(-1.0, -1.0, 2.0).quantized(lens.positions).astype("<u2")
    return rows.tobytes() + at.tobytes() + lens.near.astype(np.uint8).tobytes()


def position(extent: Extent, x: float | None, y: float | None) -> dict[str, float | None]:
    """Return a position in the steps of the section "points", to two decimals; null for none."""
    if x is None or y is None:
        return {"x": None, "y": None}
    at = extent.steps(np.array([[x, y]]))[0]
    return {"x": round(float(at[0]), 2), "y": round(float(at[1]), 2)}


def _cleaned(value: Any) -> Any:
    """Return plain values with every text fit for HTML, and null for a number that JSON cannot hold."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(key): _cleaned(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _texts(texts: Sequence[str]) -> bytes:
    return json.dumps([clean(text) for text in texts], ensure_ascii=False, separators=(",", ":")).encode()


def embedded(header: Header, sections: Mapping[str, bytes]) -> dict[str, Markup]:
    """Return a payload as script blocks for a page, under "header" and the sections' names, in their order.

    A section is gzip in base64, whose characters cannot end a script. The same sections give the same text.
    """
    return {"header": json_block(header, "map-header")} | {
        name: _block(name, data) for name, data in sections.items()
    }


def packed_bytes(data: bytes) -> int:
    """Return how many bytes a section takes in a page."""
    return -(-len(gzip.compress(data, _GZIP_LEVEL)) // 3) * 4


def _block(name: str, data: bytes) -> Markup:
    packed = base64.b64encode(gzip.compress(data, _GZIP_LEVEL, mtime=0)).decode("ascii")
    id = escaped("map-section-" + name)
    return Markup(f'<script type="text/plain" id="{id}">{packed}</script>')

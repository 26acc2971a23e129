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

from vecindex.core.neighbors import NO_ROW, Rows
from vecindex.core.picture import I32, OFF_MAP, U16, Extent, MapPicture, OtherMap, PlacedQuestion, QuestionLens
from vecindex.reports.markup import Markup, clean, escaped, json_block
from vecindex.serialize import plain

FORMAT = 1
TEXTS = ("titles", "ids", "snippets")
_GZIP_LEVEL = 9
_OFF_MAP_CODE = 0xFFFFFF

Header = dict[str, Any]
Sections = dict[str, bytes]


def payload(picture: MapPicture) -> tuple[Header, Sections]:
    """Return the header and the sections of a picture, in the order in which a viewer needs them.

    Points are little-endian uint16 pairs, those on other maps as `_positions` has them. Neighbors are as
    `packed_neighbors` has them, colorings uint8 a row, the texts JSON arrays in UTF-8. The lenses are those of the
    first questions, each of as many bytes. Every text is cleaned of characters that HTML cannot hold.
    """
    extent = picture.extent
    sections: Sections = {"points": extent.quantized(picture.xy).astype("<u2").tobytes()}
    sections |= {f"color:{c.key}": c.codes.astype(np.uint8).tobytes() for c in picture.colorings}
    sections |= {f"positions:{other.map}": _positions(other) for other in picture.alongside}
    sections |= {name: _texts(getattr(picture, name)) for name in TEXTS}
    if picture.near is not None and picture.near.size:
        sections["neighbors"] = packed_neighbors(extent.quantized(picture.xy), picture.near)
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
        "near": 0 if picture.near is None else picture.near.shape[1],
        "alongside": [_other(other) for other in picture.alongside],
        "sections": {name: {"bytes": len(data)} for name, data in sections.items()},
    }
    cleaned: Header = _cleaned(found)
    return cleaned


def _other(other: OtherMap) -> Header:
    extent = other.extent
    return {
        "map": other.map,
        "method": other.method,
        "made": other.made,
        "anchored": other.anchored,
        "scores": plain(other.scores),
        "articles": other.articles,
        "shown": int(other.there.sum()),
        "extent": {"x": extent.x, "y": extent.y, "width": extent.width},
        "core": _core(other, extent),
        "topics": [{**plain(topic), **position(extent, topic.x, topic.y)} for topic in other.topics],
        "questions": [
            {
                "overlap": asked.overlap,
                "nearest": plain(asked.nearest),
                "on_map": list(asked.on_map),
                **position(extent, asked.x, asked.y),
            }
            for asked in other.questions
        ],
        "neighbors": other.k,
        "kept": other.kept,
    }


def _positions(other: OtherMap) -> bytes:
    """Return points as uint16 pairs, (0, 0) for one that is not on the map.

    Where there is such a one, a bit for each point follows, 1 for one on the map; the low bit of a byte comes first.
    """
    there = other.there
    points = other.extent.quantized(np.where(there[:, None], other.xy, 0.0))
    points[~there] = 0
    known = b"" if there.all() else np.packbits(there, bitorder="little").tobytes()
    return points.astype("<u2").tobytes() + known


def z_order(points: U16) -> Rows:
    """Return points (m, 2) in the order of a Z-shaped curve, which keeps near ones together; equal ones by index.

    >>> z_order(np.array([[2, 2], [0, 1], [1, 0], [0, 0]], dtype=np.uint16))
    array([3, 2, 1, 0])
    """
    keys = np.zeros(len(points), dtype=np.uint32)
    x, y = points.astype(np.uint32).T
    for bit in range(16):
        keys |= ((x >> bit) & 1) << np.uint32(2 * bit)
        keys |= ((y >> bit) & 1) << np.uint32(2 * bit + 1)
    return np.argsort(keys, kind="stable")


def packed_neighbors(points: U16, near: I32) -> bytes:
    """Return lists of neighbors (m, k) as three planes of bytes, which gzip packs well: most neighbors lie close by.

    Points and lists are in the order of `z_order`. A neighbor is the steps d from the article to it in this order, as
    2 d if it comes later and -2 d - 1 if earlier; 0 for none, 16,777,215 for one that is not on the map. The first
    plane holds the low bytes of all, the last one the high bytes.
    """
    order = z_order(points)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    lists = near[order]
    steps = rank[np.maximum(lists, 0)] - np.arange(len(order))[:, None]
    codes = np.where(steps > 0, 2 * steps, -2 * steps - 1)
    codes = np.where(lists == NO_ROW, 0, np.where(lists == OFF_MAP, _OFF_MAP_CODE, codes)).astype(np.uint32).ravel()
    return b"".join(((codes >> shift) & 255).astype(np.uint8).tobytes() for shift in (0, 8, 16))


def _core(picture: MapPicture | OtherMap, extent: Extent) -> dict[str, float] | None:
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

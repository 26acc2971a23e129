"""A map as one page that opens offline in any browser."""

from __future__ import annotations

from collections.abc import Sequence

from vecindex.core.picture import MapPicture, MapScore
from vecindex.reports.figures import count, share
from vecindex.reports.map_payload import embedded, payload
from vecindex.reports.map_view import SCRIPTS, START, STYLES, map_view
from vecindex.reports.markup import Markup, given, joined, tag
from vecindex.reports.page import Section, page


def map_page(picture: MapPicture, version: str, made: str | None = None) -> str:
    """Return the page of a picture; the same values give the same page.

    Parameters
    ----------
    version : of vecindex, for the foot of the page.
    made : when the page was made, as it should stand there; None leaves it out.

    Points and the first coloring stand before the code and the texts behind it, so that the map can be drawn while
    the rest of the file is still read.
    """
    blocks = embedded(*payload(picture))
    first = ["header", "points", f"color:{picture.colorings[0].key}"]
    return page(
        f"Map {picture.map} of {picture.table}",
        _header(picture),
        [Section("map", "Map", map_view())],
        _footer(picture, version, made),
        scripts=(*SCRIPTS, START),
        styles=STYLES,
        data=[blocks[name] for name in first],
        late_data=[block for name, block in blocks.items() if name not in first],
        kind="map-page",
    )


def score_text(score: MapScore) -> str:
    """Return a score as a reader reads it.

    >>> score_text(MapScore("recall@5", 0.5534, 0.5464, 0.5605)), score_text(MapScore("evenness", 0.98))
    ('recall@5 55% (55% to 56%)', 'evenness 98%')
    """
    told = f"{score.name} {share(score.mean)}"
    return told if score.low is None or score.high is None else f"{told} ({share(score.low)} to {share(score.high)})"


def provenance(picture: MapPicture) -> list[str]:
    """Return the map's name, method, date, scores and what it is anchored to, each as a text where it is known."""
    told = [f"map {picture.map}"]
    told += [picture.method] if picture.method else []
    told += [picture.made[:10]] if picture.made else []
    told += [score_text(score) for score in picture.scores]
    return told + ([picture.anchored] if picture.anchored else [])


def _header(picture: MapPicture) -> Markup:
    things = f"{picture.by}{'' if len(picture) == 1 else 's'}"
    outside = picture.articles - len(picture)
    told: list[object] = [f"{count(len(picture))} {things} of table ", given(picture.table)]
    told += [f"; {count(outside)} more are not on the map"] if outside else []
    return joined(
        [
            tag("h1", given(picture.table), ", map ", given(picture.map)),
            tag("p", *told, ". ", given(_sentence(provenance(picture)[1:])), class_="quiet"),
        ]
    )


def _sentence(parts: Sequence[str]) -> str:
    return "; ".join(parts) + "." if parts else ""


def _footer(picture: MapPicture, version: str, made: str | None) -> Markup:
    told: list[tuple[str, object]] = [
        ("Table", joined([given(picture.table), f", version {picture.version}"])),
        ("Model", given(picture.model)),
        ("Map", given(picture.map)),
    ]
    told += [("Method", given(picture.method))] if picture.method else []
    told += [("Map made", given(picture.made))] if picture.made else []
    told += [("Scores", given("; ".join(score_text(s) for s in picture.scores)))] if picture.scores else []
    told += [("Anchored", given(picture.anchored))] if picture.anchored else []
    told += [("Questions", given(picture.questions_name))] if picture.questions_name else []
    told += [("Page made", made)] if made else []
    told.append(("Made by", f"vecindex {version}"))
    entries = [joined([tag("dt", name), tag("dd", value)]) for name, value in told]
    return joined([tag("h2", "Provenance", class_="hidden"), tag("dl", *entries)])

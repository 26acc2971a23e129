"""A map as one page that opens offline in any browser."""

from __future__ import annotations

from vecindex.core.picture import MapPicture, MapScore
from vecindex.reports.figures import share
from vecindex.reports.map.payload import embedded, payload
from vecindex.reports.page import Section, page, rendered


def map_page(picture: MapPicture, version: str, made: str | None = None) -> str:
    """Return the page of a picture; the same values give the same page.

    Parameters
    ----------
    version : of vecindex, for the page's footer.
    made : when the page was made, as the footer shows it; None leaves it out.

    Points and the first coloring precede the script and the texts follow it, so that the map is drawn while the rest
    of the file is still read.
    """
    blocks = embedded(*payload(picture))
    first = ["header", "points", f"color:{picture.colorings[0].key}"]
    known = {
        "Method": picture.method,
        "Map made": picture.made,
        "Scores": "; ".join(score_text(score) for score in picture.scores),
        "Anchored": picture.anchored,
        "Questions": picture.questions_name,
        "Page made": made,
    }
    return page(
        "map.html",
        script="map",
        style="map",
        sections=[map_section()],
        data=[blocks[name] for name in first],
        late_data=[block for name, block in blocks.items() if name not in first],
        kind="map-page",
        picture=picture,
        outside=picture.articles - len(picture),
        about="; ".join(provenance(picture)[1:]),
        known=[(name, value) for name, value in known.items() if value],
        version=version,
    )


def map_section() -> Section:
    """Return the elements that the viewer fills, the same for every map. `assets/map/viewer.js` reads its data."""
    return Section("map", "Map", rendered("map_view.html"))


def score_text(score: MapScore) -> str:
    """Return a score as text.

    >>> score_text(MapScore("recall@5", 0.5534, 0.5464, 0.5605)), score_text(MapScore("evenness", 0.98))
    ('recall@5 55 % (55 % to 56 %)', 'evenness 98 %')
    """
    text = f"{score.name} {share(score.mean)}"
    return text if score.low is None or score.high is None else f"{text} ({share(score.low)} to {share(score.high)})"


def provenance(picture: MapPicture) -> list[str]:
    """Return the map's name, method, date, scores and what it is anchored to; what is unknown is left out."""
    made = picture.made and picture.made[:10]
    scores = [score_text(score) for score in picture.scores]
    return [text for text in (f"map {picture.map}", picture.method, made, *scores, picture.anchored) if text]

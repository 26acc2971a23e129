"""The map's viewer as markup: where the map is drawn, and what steers it."""

from __future__ import annotations

from vecindex.reports.markup import Markup, tag

SCRIPTS = ("map.js",)
STYLES = ("map.css",)


def map_view() -> Markup:
    """Return the elements that `map.js` fills."""
    return tag("div", tag("p", "The map needs JavaScript."), id="map-view", class_="map-view")

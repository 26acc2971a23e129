"""The map's viewer as markup: where the map is drawn, and what steers it.

`assets/map.js` fills it: `vecindexMap.create(root, source)`, whose source may be the page itself or a server.
"""

from __future__ import annotations

from vecindex.reports.markup import Markup, joined, tag

SCRIPTS = (
    "map_colors.js",
    "map_data.js",
    "map_search.js",
    "map_gl.js",
    "map_flat.js",
    "map_pictures.js",
    "map_camera.js",
    "map_labels.js",
    "map_overlay.js",
    "map_hands.js",
    "map_panel.js",
    "map_cards.js",
    "map_pointing.js",
    "map_scene.js",
    "map.js",
)
"""The viewer, in the order in which its parts need each other."""
START = "map_start.js"
"""Makes the map of the blocks that the page itself holds; a page with another source starts its own."""
STYLES = ("map.css",)

VIEW_ID = "map-view"


def map_view() -> Markup:
    """Return the elements that the viewer fills; empty of data, and the same for every map."""
    return tag(
        "div",
        tag("div", tag("p", "Reading the map…", class_="vmap-facts"), class_="vmap-strip"),
        tag("div", _find(), _coloring(), _questions(), class_="vmap-panel", role="group", aria_label="Map controls"),
        _stage(),
        tag("noscript", tag("p", "The map is drawn by a script; this browser runs none.", class_="vmap-noscript")),
        id=VIEW_ID,
        class_="vmap",
    )


def _find() -> Markup:
    return tag(
        "div",
        tag(
            "input",
            type="search",
            class_="vmap-search",
            placeholder="Search titles",
            aria_label="Search titles",
            autocomplete="off",
            spellcheck="false",
        ),
        tag("p", class_="vmap-found", role="status"),
        tag("ol", class_="vmap-results"),
        class_="vmap-find",
    )


def _coloring() -> Markup:
    return tag(
        "div",
        tag("label", tag("span", "Color by"), tag("select", class_="vmap-color"), class_="vmap-by"),
        tag("div", class_="vmap-legend", role="group", aria_label="Legend"),
        class_="vmap-coloring",
    )


def _questions() -> Markup:
    orders = [("", "in their order"), ("low", "lowest overlap first"), ("high", "highest overlap first")]
    return tag(
        "div",
        tag("h2", "Questions ", tag("span", class_="vmap-asked-count")),
        tag(
            "div",
            tag(
                "input",
                type="search",
                class_="vmap-asked-filter",
                placeholder="Filter",
                aria_label="Filter questions",
                autocomplete="off",
            ),
            tag(
                "select",
                *(tag("option", name, value=value) for value, name in orders),
                class_="vmap-asked-sort",
                aria_label="Order of questions",
            ),
            class_="vmap-asked-tools",
        ),
        tag("ol", class_="vmap-questions"),
        class_="vmap-asked",
        hidden=True,
    )


def _stage() -> Markup:
    def button(name: str, sign: str, told: str) -> Markup:
        return tag("button", sign, type="button", class_=f"vmap-{name}", aria_label=told, title=told)

    def toggle(name: str, text: str) -> Markup:
        return tag("button", text, type="button", class_=f"vmap-toggle-{name}", aria_pressed="true", hidden=True)

    return tag(
        "div",
        tag("canvas", class_="vmap-points", aria_hidden="true"),
        tag("canvas", class_="vmap-over", tabindex="0", role="application", aria_label="Map"),
        tag(
            "div",
            button("in", "+", "Zoom in"),
            button("out", "\u2212", "Zoom out"),
            button("home", "\u2922", "Show the whole map"),
            class_="vmap-buttons",
        ),
        tag("div", toggle("labels", "Topics"), toggle("questions", "Questions"), class_="vmap-toggles"),
        tag("ul", class_="vmap-key", hidden=True),
        tag("div", class_="vmap-tip", hidden=True, aria_hidden="true"),
        tag("aside", class_="vmap-card", hidden=True, aria_live="polite"),
        tag(
            "div",
            joined(
                [
                    tag("p", class_="vmap-notice-text"),
                    tag("button", "\u00d7", type="button", class_="vmap-notice-close", aria_label="Close"),
                ]
            ),
            class_="vmap-notice",
            role="status",
            hidden=True,
        ),
        class_="vmap-stage",
    )

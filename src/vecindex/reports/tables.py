"""Tables, and drawings with the table of their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vecindex.reports.markup import Markup, escaped, tag


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, whether it holds figures (aligned to the right), whether narrow screens leave it out."""

    name: object
    figures: bool = False
    wide: bool = False

    @property
    def css(self) -> str | None:
        """Its classes; None without any."""
        return " ".join([*["n"] * self.figures, *["wide"] * self.wide]) or None


def table(
    columns: Sequence[Column], rows: Sequence[Sequence[object]], *, caption: str, css: str | None = None
) -> Markup:
    """Return a table that scrolls sideways where it is too wide; the first cell of each row is its name."""
    head = [tag("th", c.name, scope="col", class_=c.css) for c in columns]
    body = [
        tag(
            "tr",
            tag("th", first, scope="row"),
            *(tag("td", c, class_=of.css) for c, of in zip(cells, columns[1:], strict=True)),
        )
        for first, *cells in rows
    ]
    made = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *head)),
        tag("tbody", *body),
        class_=css,
    )
    return tag("div", made, class_="scroll", role="region", aria_label=caption, tabindex=0)


def drawn(
    title: object, note: object, drawing: Markup, values: Markup | None = None, legend: Markup | None = None
) -> Markup:
    """Return a drawing with its title, a note on how to read it, and its values behind a click."""
    behind = tag("details", tag("summary", "Values"), values) if values is not None else None
    caption = tag("figcaption", tag("strong", title), tag("span", escaped(note)))
    return tag("figure", caption, drawing, legend or tag("span"), behind)
